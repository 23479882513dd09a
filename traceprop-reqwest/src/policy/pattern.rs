//! Which destinations a rule is about.

use reqwest::Url;

use super::cidr::{self, Cidr};

/// What is wrong with a host pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// A scheme other than `http` and `https`.
    #[error("a scheme other than http and https")]
    BadScheme,
    /// No host, or one that no URL can have.
    #[error("no host that a URL can have")]
    BadHost,
    /// No port between 1 and 65535.
    #[error("no port between 1 and 65535")]
    BadPort,
    /// No address before the slash.
    #[error("no address before the slash")]
    BadAddress,
    /// No length of a prefix behind the slash, or one that is longer than the address.
    #[error("no prefix length that fits the address")]
    BadPrefix,
    /// Bits of the address that the prefix does not reach.
    #[error("the address has bits that the prefix does not reach")]
    HostBits,
}

/// `[scheme "://"] host [":" port]`. What it does not name, it does not restrict.
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
        // Behind the prefix of a block, or behind the bracket, there is no colon but that of a port.
        let searched_from = rest.rfind(['/', ']']).unwrap_or(0);
        let (host, port) = match rest[searched_from..].split_once(':') {
            Some((head, port)) => (&rest[..searched_from + head.len()], Some(parse_port(port)?)),
            None => (rest, None),
        };
        Ok(Self { scheme, host: Host::parse(host)?, port })
    }

    pub(super) fn matches(&self, url: &Url) -> bool {
        self.scheme.is_none_or(|scheme| scheme == url.scheme())
            && self.port.is_none_or(|port| url.port_or_known_default() == Some(port))
            && url.host_str().is_some_and(|host| self.host.matches(host))
    }

    /// Whether every destination of `other` is one of this as well.
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
        let name = as_in_urls(name).ok_or(PatternError::BadHost)?;
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
            Self::Exact(name) => **name == *without_root(host),
            Self::Suffix(suffix) => is_below(without_root(host), suffix),
            // Only what the URL itself spells: nobody asks a name server here.
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

/// The name as URLs spell it: lower case, punycode, addresses in their usual form.
fn as_in_urls(name: &str) -> Option<Box<str>> {
    let is_bracketed = name.starts_with('[') && name.ends_with(']');
    let is_odd = |c: char| c.is_whitespace() || "/?#@\\%*".contains(c) || (c == ':' && !is_bracketed);
    if name.is_empty() || name.contains(is_odd) {
        return None;
    }
    let url = Url::parse(&format!("http://{name}/")).ok()?;
    let host = without_root(url.host_str()?);
    (!host.is_empty()).then(|| host.into())
}

/// A dot at the end says that a name is complete, which it is here anyway.
fn without_root(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

fn is_below(host: &str, suffix: &str) -> bool {
    host.strip_suffix(suffix).is_some_and(|head| head.len() > 1 && head.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn matches(pattern: &str, url: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(&url.parse().unwrap())
    }

    #[test]
    fn ok_matches_what_the_pattern_names() {
        for (pattern, urls) in [
            ("*", &["http://a.example/", "https://[::1]:8080/", "http://10.0.0.1/"][..]),
            ("stock.internal", &["http://stock.internal/", "https://STOCK.internal.:8443/a?b#c"]),
            ("*.internal", &["http://stock.internal/", "http://a.b.internal/", "http://a.internal.:80/"]),
            ("10.0.0.0/8", &["http://10.255.0.1:8080/", "http://0x0a000001/", "http://[::ffff:10.0.0.1]/"]),
            ("10.0.0.1", &["http://10.0.0.1/", "http://167772161/", "http://[::ffff:a00:1]/"]),
            ("[fd00::]/8:8080", &["http://[fd12::1]:8080/"]),
            ("fd00::/8", &["http://[fd12::1]/"]),
            ("[::1]:8080", &["http://[::1]:8080/", "https://[0:0:0:0:0:0:0:1]:8080/"]),
            ("https://api.example", &["https://api.example/", "https://api.example:8443/"]),
            ("HTTPS://*:443", &["https://api.example/", "https://u:p@api.example:443/"]),
            ("stock.internal:80", &["http://stock.internal/", "https://stock.internal:80/"]),
            ("bücher.example", &["http://xn--bcher-kva.example/", "http://BÜCHER.example/"]),
            ("Stock.Internal.", &["http://stock.internal/"]),
        ] {
            for url in urls {
                assert!(matches(pattern, url), "{pattern} {url}");
            }
        }
    }

    #[test]
    fn ok_does_not_match_what_only_looks_alike() {
        for (pattern, urls) in [
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
            ("*", &["data:text/plain,a", "file:///etc/hosts"]),
        ] {
            for url in urls {
                assert!(!matches(pattern, url), "{pattern} {url}");
            }
        }
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
            ("user@stock.internal", PatternError::BadHost),
            ("stock internal", PatternError::BadHost),
            ("[::1]x", PatternError::BadHost),
            ("[stock", PatternError::BadHost),
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
