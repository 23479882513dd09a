//! The destination that rules judge.

use reqwest::Url;

use super::cidr;

/// The scheme, host and port of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin<'u> {
    pub(super) scheme: &'u str,
    /// A name in lower case, or an address. IPv6 addresses have brackets.
    pub(super) host: &'u str,
    /// The port of the URL, or the default one of its scheme.
    pub(super) port: Option<u16>,
}

impl<'u> Origin<'u> {
    /// Returns the origin of a URL, or `None` without a host.
    pub(super) fn of(url: &'u Url) -> Option<Self> {
        Some(Self { scheme: url.scheme(), host: url.host_str()?, port: url.port_or_known_default() })
    }

    /// Returns whether the host is a number that resolvers read as an address, each in its own way.
    ///
    /// Such hosts are `127.1`, `2130706433`, `0x7f.1` and `010.0.0.1`. URL parsers write them as a dotted quad (WHATWG URL,
    /// "ends in a number checker"); other clients pass them on to the resolver. Only a dotted quad is certain.
    pub(super) fn has_uncertain_address(&self) -> bool {
        // Most hosts end in a letter that no number ends in.
        let may_be_number = |byte: u8| byte.is_ascii_hexdigit() || b"xX.".contains(&byte);
        if !self.host.bytes().next_back().is_some_and(may_be_number) {
            return false;
        }
        let name = self.host.strip_suffix('.').unwrap_or(self.host);
        let last = name.rsplit('.').next().unwrap_or_default();
        is_number(last) && cidr::literal(self.host).is_none()
    }
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
        Origin { scheme: "http", host, port: None }.has_uncertain_address()
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
    fn ok_urls_have_no_uncertain_address() {
        for host in ["127.1", "2130706433", "0x7f.1", "0X7F000001", "0177.0.0.1", "127.0.0.1."] {
            let url: Url = format!("http://{host}/").parse().unwrap();
            let origin = Origin::of(&url).unwrap();
            assert_eq!((origin.host, origin.has_uncertain_address()), ("127.0.0.1", false), "{host}");
            assert!(is_uncertain(host), "{host}");
        }
        assert!("http://stock.internal.1/".parse::<Url>().is_err());
        assert_eq!(Origin::of(&"data:,x".parse().unwrap()), None);
    }
}
