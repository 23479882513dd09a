//! The destination of a URL, which rules judge.

use reqwest::Url;
use traceprop_http::Destination;

/// Returns the destination of a URL. It is unknown if the URL has no host.
pub(crate) fn of(url: &Url) -> Destination<'_> {
    match url.host_str() {
        Some(host) => Destination::new(url.scheme(), host, url.port()),
        None => Destination::UNKNOWN,
    }
}

/// Host and port of the URL. Text before an `@` is a credential, so it is not a part of the peer's name.
pub(crate) fn authority(url: &Url) -> &str {
    let authority = url.authority();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use traceprop_core::{InjectOptions, OwnedContext, SpanContext, SpanId, TraceId, presets};

    use crate::{Rule, Rules};

    #[test]
    fn ok_authority_is_host_and_port_without_credentials() {
        for (url, expected) in [
            ("http://stock.internal/items", "stock.internal"),
            ("http://stock.internal:8080/items?at=a@b", "stock.internal:8080"),
            ("http://stock.internal:80/", "stock.internal"),
            ("https://user:p%40ss@stock.internal:8443/", "stock.internal:8443"),
            ("http://[::1]:8080/", "[::1]:8080"),
            ("data:text/plain,a@b", ""),
        ] {
            assert_eq!(authority(&url.parse().unwrap()), expected, "{url}");
        }
    }

    /// Returns whether the URL has a destination that `pattern` matches.
    fn matches(pattern: &str, url: &str) -> bool {
        let rules = Rules::builder(presets::W3C).rule(pattern, Rule::trace_context());
        let rules = if pattern == "*" { rules } else { rules.rule("*", Rule::nothing()) };
        let url: Url = url.parse().unwrap();
        let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
        let mut headers = HeaderMap::new();
        rules.build().unwrap().inject_headers(&context, &InjectOptions::new(), of(&url), &mut headers);
        !headers.is_empty()
    }

    #[test]
    fn ok_patterns_match_urls_in_any_notation() {
        for (pattern, urls) in [
            ("stock.internal", &["http://stock.internal/", "https://STOCK.internal.:8443/a?b#c"][..]),
            ("10.0.0.0/8", &["http://10.255.0.1:8080/", "http://0x0a000001/", "http://[::ffff:10.0.0.1]/"]),
            ("10.0.0.1", &["http://10.0.0.1/", "http://167772161/", "http://[::ffff:a00:1]/"]),
            ("127.0.0.0/8", &["http://127.1/", "http://2130706433/", "http://0x7f.1/"]),
            ("[::1]:8080", &["http://[::1]:8080/", "https://[0:0:0:0:0:0:0:1]:8080/"]),
            ("HTTPS://*:443", &["https://api.example/", "https://u:p@api.example:443/"]),
            ("stock.internal:80", &["http://stock.internal/", "https://stock.internal:80/"]),
            ("bücher.example", &["http://xn--bcher-kva.example/", "http://BÜCHER.example/"]),
        ] {
            for url in urls {
                assert!(matches(pattern, url), "{pattern} {url}");
            }
        }
        for (pattern, url) in [
            ("stock.internal", "http://stock.internal@evil.example/"),
            ("stock.internal:80", "https://stock.internal/"),
            ("*.internal", "http://.internal/"),
        ] {
            assert!(!matches(pattern, url), "{pattern} {url}");
        }
    }

    #[test]
    fn ok_urls_have_no_uncertain_address() {
        for host in ["127.1", "2130706433", "0x7f.1", "0X7F000001", "0177.0.0.1", "127.0.0.1."] {
            let url: Url = format!("http://{host}/").parse().unwrap();
            assert_eq!(of(&url), Destination::new("http", "127.0.0.1", None), "{host}");
        }
        assert!("http://stock.internal.1/".parse::<Url>().is_err());
        assert_eq!(of(&"data:,x".parse().unwrap()), Destination::UNKNOWN);
    }
}
