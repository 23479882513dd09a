//! The destination that rules judge.

use http::Uri;

use super::cidr;

/// The scheme, host and port of a request, which [`Rules`](crate::Rules) judge.
///
/// The host is a name or an address. Letter case and a final dot do not matter. IPv6 addresses have brackets.
///
/// ```
/// use traceprop_http::Destination;
///
/// let uri = "https://user:secret@api.example:8443/items?key=secret".parse()?;
/// assert_eq!(Destination::from_uri(&uri), Destination::new("https", "api.example", Some(8443)));
/// # Ok::<(), http::uri::InvalidUri>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination<'a> {
    pub(super) scheme: &'a str,
    /// Empty if it is not known.
    pub(super) host: &'a str,
    port: Option<u16>,
    pub(super) withholds_text: bool,
}

impl<'a> Destination<'a> {
    /// A destination whose host is not known, for example the path alone in a request to a tonic channel.
    ///
    /// Only rules that hold for every host apply to it: it receives nothing, unless the first pattern is `*` or there are
    /// no rules.
    ///
    /// ```
    /// use traceprop_http::Destination;
    ///
    /// assert_eq!(Destination::from_uri(&http::Uri::from_static("/items")), Destination::UNKNOWN);
    /// ```
    pub const UNKNOWN: Self = Self::new("", "", None);

    /// Creates a destination. The scheme is in lower case. Without a port, it is the default port of the scheme.
    pub const fn new(scheme: &'a str, host: &'a str, port: Option<u16>) -> Self {
        Self { scheme, host, port, withholds_text: false }
    }

    /// Returns the destination of a request with this URI.
    ///
    /// A URI without a scheme or a host has the destination [`UNKNOWN`](Self::UNKNOWN).
    pub fn from_uri(uri: &'a Uri) -> Self {
        match (uri.scheme_str(), uri.host()) {
            (Some(scheme), Some(host)) => Self::new(scheme, host, uri.port_u16()),
            _ => Self::UNKNOWN,
        }
    }

    /// Sends no baggage and no correlation ids to it, whatever the rules say.
    ///
    /// Use it for a hop without TLS after a redirect from a hop with TLS.
    ///
    /// ```
    /// use traceprop_http::Destination;
    ///
    /// let uri = "http://api.example/".parse()?;
    /// assert_ne!(Destination::from_uri(&uri).without_text(), Destination::from_uri(&uri));
    /// # Ok::<(), http::uri::InvalidUri>(())
    /// ```
    #[must_use]
    pub const fn without_text(mut self) -> Self {
        self.withholds_text = true;
        self
    }

    /// Returns the port, or the default one of the scheme.
    pub(super) fn port(&self) -> Option<u16> {
        self.port.or_else(|| default_port(self.scheme))
    }

    pub(super) fn is_known(&self) -> bool {
        !self.host.is_empty()
    }

    /// Returns whether the host is a number that resolvers read as an address, each in its own way.
    ///
    /// Such hosts are `127.1`, `2130706433`, `0x7f.1` and `010.0.0.1`. URL parsers write them as a dotted quad (WHATWG URL,
    /// "ends in a number checker"); other clients pass them on to the resolver. Only a dotted quad is certain, and of hosts
    /// in brackets an IPv6 address without a zone.
    pub(super) fn has_uncertain_address(&self) -> bool {
        // Most hosts end in a letter that no number ends in.
        let may_be_number = |byte: u8| byte.is_ascii_hexdigit() || b"xX.]".contains(&byte);
        if !self.host.bytes().next_back().is_some_and(may_be_number) {
            return false;
        }
        let is_number_or_bracketed = ends_in_number(self.host) || self.host.ends_with(']');
        is_number_or_bracketed && cidr::literal(self.host).is_none()
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// Returns whether the last label is a number, in the notations that resolvers know.
pub(super) fn ends_in_number(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    is_number(name.rsplit('.').next().unwrap_or_default())
}

/// Returns whether a label is a number: digits, or `0x` and any count of hexadecimal digits.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    let is_decimal = !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_uncertain(host: &str) -> bool {
        Destination::new("http", host, None).has_uncertain_address()
    }

    #[test]
    fn ok_a_number_that_is_not_a_dotted_quad_is_uncertain() {
        for host in [
            "127.1",
            "10.1.2",
            "2130706433",
            "0",
            "0x7f.1",
            "0X7F000001",
            "0x7f.0.0.0x1",
            "0x",
            "a.0x",
            "010.0.0.1",
            "127.0.0.01",
            "127.0.0.256",
            "1.2.3.4.5",
            "127.0.0.1.",
            "127.1.",
            "stock.internal.1",
            "a.09",
            ".1",
            "[fe80::1%25eth0]",
            "[v1.x]",
        ] {
            assert!(is_uncertain(host), "{host}");
        }
        for host in [
            "127.0.0.1",
            "0.0.0.0",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "stock.internal",
            "1.internal",
            "127.1.internal.",
            "0x7f.1a",
            "0xg",
            "x0",
            "a.1-2",
            "localhost",
            "",
            ".",
        ] {
            assert!(!is_uncertain(host), "{host}");
        }
    }

    #[test]
    fn ok_from_uri_has_no_user_and_the_port_as_written() {
        let of = |uri: &'static str| {
            let uri = Uri::from_static(uri);
            let destination = Destination::from_uri(&uri);
            (destination.scheme.to_owned(), destination.host.to_owned(), destination.port())
        };
        let expected = |scheme: &str, host: &str, port: Option<u16>| (scheme.to_owned(), host.to_owned(), port);
        assert_eq!(of("http://stock.internal@evil.example/"), expected("http", "evil.example", Some(80)));
        assert_eq!(of("https://u:p@API.example:8443/a?b"), expected("https", "API.example", Some(8443)));
        assert_eq!(of("wss://[::1]/"), expected("wss", "[::1]", Some(443)));
        assert_eq!(of("h2c://a/"), expected("h2c", "a", None));
        for unknown in ["/items", "api.example:443", "*"] {
            assert_eq!(Destination::from_uri(&Uri::from_static(unknown)), Destination::UNKNOWN, "{unknown}");
        }
    }
}
