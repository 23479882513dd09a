//! Header names that HTTP or gRPC already use. A trace header with such a name would overwrite them.

use super::starts_with;

/// Reserved names in lower case, with their purpose. A name that ends in `-` reserves every name that begins with it.
const RESERVED: [(&str, &[&str]); 10] = [
    // RFC 9110, sections 7.6.1 and 7.8; RFC 9113, section 8.2.2.
    (CONNECTION, &["connection", "keep-alive", "te", "upgrade", "http2-settings"]),
    // `proxy-connection`, and the credentials of RFC 9110, section 11.7.
    (CONNECTION, &["proxy-"]),
    // RFC 9112, section 6; RFC 9110, sections 6.6.2 and 10.1.1.
    (FRAMING, &["transfer-encoding", "trailer", "expect"]),
    // The gRPC protocol over HTTP/2.
    (FRAMING, &["grpc-encoding", "grpc-accept-encoding", "grpc-timeout", "grpc-status", "grpc-message"]),
    // RFC 9110, sections 7.2, 7.6 and 10.2.2; RFC 7838.
    (ROUTING, &["host", "via", "max-forwards", "location", "alt-used"]),
    // RFC 7239 and what it replaces.
    (ROUTING, &["forwarded", "x-forwarded-", "x-real-ip"]),
    // Headers that change the request of a proxy.
    (ROUTING, &["x-original-url", "x-rewrite-url", "x-http-method-override"]),
    // RFC 9110, section 11.6.
    (CREDENTIALS, &["authorization", "authentication-info", "www-authenticate"]),
    // RFC 6265; RFC 6454; the Fetch standard.
    (CREDENTIALS, &["cookie", "set-cookie", "origin", "sec-", "access-control-"]),
    // RFC 9110, sections 8, 12, 13 and 14; RFC 9111, section 5.
    (CONTENT, &["content-", "accept", "accept-", "range", "if-", "etag", "vary", "cache-control"]),
];

const CONNECTION: &str = "connections";
const FRAMING: &str = "message framing";
const ROUTING: &str = "routing";
const CREDENTIALS: &str = "credentials";
const CONTENT: &str = "content and its caching";

/// Returns what a header with this name is for, if HTTP or gRPC uses it. Works in constants.
///
/// With `is_prefix`, all longer names count. `_` counts as `-`, because many servers read both as one name.
pub(crate) const fn purpose_of(name: &str, is_prefix: bool) -> Option<&'static str> {
    let mut i = 0;
    while i < RESERVED.len() {
        let (purpose, names) = RESERVED[i];
        let mut place = 0;
        while place < names.len() {
            if is_taken(name.as_bytes(), names[place].as_bytes(), is_prefix) {
                return Some(purpose);
            }
            place += 1;
        }
        i += 1;
    }
    None
}

const fn is_taken(name: &[u8], known: &[u8], is_prefix: bool) -> bool {
    let stands_for_more = known[known.len() - 1] == b'-';
    match (name.len() > known.len(), name.len() < known.len()) {
        (true, _) => stands_for_more && starts_with(name, known),
        (_, true) => is_prefix && starts_with(known, name),
        // The name that a prefix is, with nothing after it, is free, but not as a prefix.
        _ => starts_with(name, known) && (is_prefix || !stands_for_more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_names_of_http_are_reserved() {
        for (name, purpose) in [
            ("Connection", CONNECTION),
            ("proxy-connection", CONNECTION),
            ("proxy-authorization", CONNECTION),
            ("TE", CONNECTION),
            ("transfer-encoding", FRAMING),
            ("transfer_encoding", FRAMING),
            ("host", ROUTING),
            ("X-Forwarded-For", ROUTING),
            ("x_forwarded_host", ROUTING),
            ("authorization", CREDENTIALS),
            ("cookie", CREDENTIALS),
            ("sec-websocket-key", CREDENTIALS),
            ("content-length", CONTENT),
            ("Content-Type", CONTENT),
            ("CONTENT_TYPE", CONTENT),
            ("accept", CONTENT),
            ("accept-encoding", CONTENT),
            ("if-none-match", CONTENT),
        ] {
            assert_eq!(purpose_of(name, false), Some(purpose), "{name}");
        }
        for (name, purpose) in RESERVED.iter().flat_map(|(purpose, names)| names.iter().map(|name| (*name, *purpose))) {
            assert!(!name.contains(|c: char| c == '_' || c.is_ascii_uppercase()), "{name}");
            assert_eq!(purpose_of(name, true), Some(purpose), "{name}");
        }
    }

    #[test]
    fn ok_other_names_are_free() {
        for name in [
            "x-request-id",
            "request-id",
            "x-correlation-id",
            "correlation-context",
            "x-host",
            "hosts",
            "hos",
            "tea",
            "t",
            "contents",
            "x-content-type",
            "grpc-trace-bin",
            "x-forwarded",
            "acmectx-",
            "content-",
            "",
        ] {
            assert_eq!(purpose_of(name, false), None, "{name}");
        }
        assert_eq!((purpose_of("acmectx-", true), purpose_of("x-trace-", true)), (None, None));
    }

    #[test]
    fn err_a_prefix_of_a_reserved_name() {
        for prefix in ["cont", "content-", "content-ty", "x-", "X_Forw", "ho", "transfer-", "grpc-"] {
            assert!(purpose_of(prefix, true).is_some(), "{prefix}");
        }
    }
}
