//! Patterns of rules, and the destinations that they match.

use std::borrow::Cow;

use super::cidr::{self, Cidr};
use super::destination::{Destination, ends_in_number};

/// Reason why the pattern of a rule is invalid.
///
/// ```
/// use traceprop_core::presets;
/// use traceprop_http::{PatternError, Rule, Rules, RulesError};
///
/// let error = Rules::builder(presets::W3C).rule("10.0.0.1/8", Rule::everything()).build().unwrap_err();
/// assert!(matches!(error, RulesError::BadPattern { source: PatternError::HostBits, .. }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The scheme is not `http` or `https`.
    #[error("the scheme is not http or https")]
    BadScheme,
    /// The host is missing or invalid, or a number that is not an address as in `10.0.0.1`.
    #[error("missing or invalid host")]
    BadHost,
    /// The host is not ASCII, and the feature `idna` is off.
    #[error("the host is not ASCII; write it in its `xn--` form")]
    NotAscii,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    BadPort,
    /// There is no address before the slash.
    #[error("no address before the slash")]
    BadAddress,
    /// The prefix length after the slash is missing, invalid, or longer than the address.
    #[error("missing or invalid prefix length")]
    BadPrefix,
    /// The address has bits after its prefix.
    #[error("the address has bits after its prefix")]
    HostBits,
}

/// `[scheme "://"] host [":" port]`. A part that is missing matches everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    scheme: Option<&'static str>,
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Any,
    Exact(Box<str>),
    /// Every name below this one.
    Suffix(Box<str>),
    Block(Cidr),
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let known = ["http", "https"].into_iter().find(|known| known.eq_ignore_ascii_case(scheme));
                (Some(known.ok_or(PatternError::BadScheme)?), rest)
            }
            None => (None, text),
        };
        // After the prefix of a block, or after the bracket, a colon can only start the port.
        let searched_from = rest.rfind(['/', ']']).unwrap_or(0);
        let (host, port) = match rest[searched_from..].split_once(':') {
            Some((head, port)) => (&rest[..searched_from + head.len()], Some(parse_port(port)?)),
            None => (rest, None),
        };
        Ok(Self { scheme, host: Host::parse(host)?, port })
    }

    /// Returns whether the pattern is `*`, without a scheme and a port.
    pub(super) fn is_any(&self) -> bool {
        *self == Self { scheme: None, host: Host::Any, port: None }
    }

    pub(super) fn matches(&self, destination: &Destination<'_>) -> bool {
        self.scheme.is_none_or(|scheme| scheme == destination.scheme)
            && self.port.is_none_or(|port| destination.port() == Some(port))
            && self.host.matches(destination.host)
    }

    /// Whether this pattern matches every destination that `other` matches.
    pub(super) fn covers(&self, other: &Self) -> bool {
        (self.scheme.is_none() || self.scheme == other.scheme)
            && (self.port.is_none() || self.port == other.port)
            && self.host.covers(&other.host)
    }
}

fn parse_port(port: &str) -> Result<u16, PatternError> {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|port| is_number && *port != 0).ok_or(PatternError::BadPort)
}

impl Host {
    fn parse(text: &str) -> Result<Self, PatternError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some((address, prefix)) = text.split_once('/') {
            return Cidr::parse(address, prefix).map(Self::Block);
        }
        let (name, is_suffix) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let name = normalized(name)?;
        match (cidr::literal(&name), is_suffix) {
            (Some(_), true) => Err(PatternError::BadHost),
            (Some(address), false) => Ok(Self::Block(Cidr::single(address))),
            (None, true) => Ok(Self::Suffix(name)),
            (None, false) => Ok(Self::Exact(name)),
        }
    }

    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => name.eq_ignore_ascii_case(without_root(host)),
            Self::Suffix(suffix) => is_below(without_root(host), suffix),
            // Only literal addresses: names are not resolved here.
            Self::Block(block) => cidr::literal(host).is_some_and(|address| block.contains(address)),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Exact(name), Self::Exact(other)) => name == other,
            (Self::Suffix(suffix), Self::Exact(name)) => is_below(name, suffix),
            (Self::Suffix(suffix), Self::Suffix(other)) => suffix == other || is_below(other, suffix),
            (Self::Block(block), Self::Block(other)) => block.covers(other),
            _ => false,
        }
    }
}

/// Returns the name in the form of parsed URLs: lower case, `xn--` labels, no final dot.
fn normalized(name: &str) -> Result<Box<str>, PatternError> {
    let name = to_ascii(name)?;
    let is_address = name.starts_with('[') && name.ends_with(']') && cidr::literal(&name).is_some();
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "/?#@\\%*:[]<>^|".contains(c);
    let name = without_root(&name);
    let is_number = ends_in_number(name) && cidr::literal(name).is_none();
    if name.is_empty() || is_number || (name.contains(is_odd) && !is_address) {
        return Err(PatternError::BadHost);
    }
    Ok(name.to_ascii_lowercase().into())
}

#[cfg(feature = "idna")]
fn to_ascii(name: &str) -> Result<Cow<'_, str>, PatternError> {
    match name.is_ascii() {
        true => Ok(name.into()),
        false => idna::domain_to_ascii(name).map(Cow::Owned).map_err(|_| PatternError::BadHost),
    }
}

#[cfg(not(feature = "idna"))]
fn to_ascii(name: &str) -> Result<Cow<'_, str>, PatternError> {
    if name.is_ascii() { Ok(name.into()) } else { Err(PatternError::NotAscii) }
}

/// Removes the final dot, which says that a name is complete. All names are complete here.
fn without_root(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

fn is_below(host: &str, suffix: &str) -> bool {
    let Some((head, tail)) = host.len().checked_sub(suffix.len()).and_then(|at| host.split_at_checked(at)) else {
        return false;
    };
    tail.eq_ignore_ascii_case(suffix) && head.len() > 1 && head.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn matches(pattern: &str, uri: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(&Destination::from_uri(&uri.parse().unwrap()))
    }

    #[test]
    fn ok_matches_what_the_pattern_names() {
        for (pattern, uris) in [
            ("*", &["http://a.example/", "https://[::1]:8080/", "http://10.0.0.1/"][..]),
            ("stock.internal", &["http://stock.internal/", "https://STOCK.internal.:8443/a?b"]),
            ("*.internal", &["http://stock.internal/", "http://a.b.internal/", "http://a.internal.:80/"]),
            ("10.0.0.0/8", &["http://10.255.0.1:8080/", "http://[::ffff:10.0.0.1]/"]),
            ("10.0.0.1", &["http://10.0.0.1/", "http://[::ffff:a00:1]/"]),
            ("[fd00::]/8:8080", &["http://[fd12::1]:8080/"]),
            ("fd00::/8", &["http://[fd12::1]/"]),
            ("[::1]:8080", &["http://[::1]:8080/", "https://[0:0:0:0:0:0:0:1]:8080/"]),
            ("https://api.example", &["https://api.example/", "https://api.example:8443/"]),
            ("HTTPS://*:443", &["https://api.example/", "https://u:p@api.example:443/"]),
            ("stock.internal:80", &["http://stock.internal/", "https://stock.internal:80/"]),
            ("xn--BCHER-kva.example", &["http://xn--bcher-kva.example/"]),
            ("Stock.Internal.", &["http://stock.internal/"]),
        ] {
            for uri in uris {
                assert!(matches(pattern, uri), "{pattern} {uri}");
            }
        }
    }

    #[test]
    fn ok_does_not_match_what_only_looks_alike() {
        for (pattern, uris) in [
            ("stock.internal", &["http://stock.internal.evil.example/", "http://a.stock.internal/"][..]),
            ("stock.internal", &["http://stock.internal@evil.example/", "http://evil.example/stock.internal"]),
            (
                "*.internal",
                &["http://internal/", "http://.internal/", "http://evilinternal/", "http://a.internal.evil.example/"],
            ),
            ("10.0.0.0/8", &["http://11.0.0.1/", "http://10.0.0.1.example/", "http://[fd00::1]/"]),
            ("10.0.0.1", &["http://10.0.0.2/", "http://10.0.0.1.example/"]),
            ("https://api.example", &["http://api.example/", "http://api.example:443/"]),
            ("stock.internal:80", &["https://stock.internal/", "http://stock.internal:8080/"]),
        ] {
            for uri in uris {
                assert!(!matches(pattern, uri), "{pattern} {uri}");
            }
        }
    }

    #[cfg(feature = "idna")]
    #[test]
    fn ok_a_name_that_is_not_ascii_is_one_in_its_ascii_form() {
        for pattern in ["bücher.example", "*.BÜCHER.example", "*.bücher.example"] {
            assert!(matches(&pattern.replace("*.", ""), "http://xn--bcher-kva.example/"), "{pattern}");
            assert_eq!(matches(pattern, "http://a.xn--bcher-kva.example/"), pattern.starts_with('*'), "{pattern}");
        }
        assert_eq!(Pattern::parse("a\u{ad}"), Pattern::parse("a"));
        assert_eq!(Pattern::parse("１０.0.0.1"), Pattern::parse("10.0.0.1"));
        assert_eq!(Pattern::parse("\u{ad}"), Err(PatternError::BadHost));
        assert_eq!(Pattern::parse("é/x").unwrap_err(), PatternError::BadAddress);
    }

    #[cfg(not(feature = "idna"))]
    #[test]
    fn err_parse_a_name_that_is_not_ascii() {
        assert_eq!(Pattern::parse("bücher.example"), Err(PatternError::NotAscii));
    }

    #[test]
    fn ok_covers_only_what_all_of_it_is_in() {
        let covers = |wide: &str, narrow: &str| Pattern::parse(wide).unwrap().covers(&Pattern::parse(narrow).unwrap());
        for (wide, narrow) in [
            ("*", "10.0.0.0/8:80"),
            ("*.internal", "https://stock.internal"),
            ("*.internal", "*.eu.internal"),
            ("10.0.0.0/8", "10.0.0.1"),
            ("stock.internal", "stock.internal:80"),
        ] {
            assert!(covers(wide, narrow) && covers(wide, wide) && !covers(narrow, wide), "{wide} {narrow}");
        }
        assert!(!covers("https://*", "http://*") && !covers("*:80", "*") && !covers("*.internal", "internal"));
    }

    #[test]
    fn err_parse_says_what_is_wrong() {
        for (text, error) in [
            ("ftp://stock.internal", PatternError::BadScheme),
            ("://stock.internal", PatternError::BadScheme),
            ("", PatternError::BadHost),
            ("https://", PatternError::BadHost),
            (".", PatternError::BadHost),
            ("*.", PatternError::BadHost),
            ("*.*.internal", PatternError::BadHost),
            ("stock.*", PatternError::BadHost),
            ("*.10.0.0.1", PatternError::BadHost),
            ("*.1", PatternError::BadHost),
            ("stock.internal.1", PatternError::BadHost),
            ("user@stock.internal", PatternError::BadHost),
            ("stock internal", PatternError::BadHost),
            ("[::1]x", PatternError::BadHost),
            ("[stock", PatternError::BadHost),
            ("[stock]", PatternError::BadHost),
            ("127.1", PatternError::BadHost),
            ("167772161", PatternError::BadHost),
            ("0x7f.1", PatternError::BadHost),
            ("a<b", PatternError::BadHost),
            ("stock.internal:", PatternError::BadPort),
            ("stock.internal:0", PatternError::BadPort),
            ("stock.internal:65536", PatternError::BadPort),
            ("stock.internal:+80", PatternError::BadPort),
            ("::1", PatternError::BadPort),
            ("[::1", PatternError::BadPort),
            ("https://stock.internal/", PatternError::BadAddress),
            ("10.0.0.0/8:x", PatternError::BadPort),
            ("10.0.0.1/8", PatternError::HostBits),
        ] {
            assert_eq!(Pattern::parse(text), Err(error), "{text}");
        }
        assert_eq!(Pattern::parse("a:65535").unwrap().port, Some(65535));
    }
}
