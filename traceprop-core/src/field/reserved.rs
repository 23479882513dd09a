//! Header names that HTTP or gRPC already use. A trace header with such a name would overwrite them.

use super::starts_with;

/// Names in lower case and what they are for. A name that ends in `-` stands for all names that begin with it.
const RESERVED: [(&str, &str); 41] = [
    // RFC 9110, sections 7.6.1 and 7.8; RFC 9113, section 8.2.2.
    ("connection", CONNECTION),
    ("keep-alive", CONNECTION),
    ("te", CONNECTION),
    ("upgrade", CONNECTION),
    ("http2-settings", CONNECTION),
    // `proxy-connection`, and the credentials of RFC 9110, section 11.7.
    ("proxy-", CONNECTION),
    // RFC 9112, section 6; RFC 9110, sections 6.6.2 and 10.1.1.
    ("transfer-encoding", FRAMING),
    ("trailer", FRAMING),
    ("expect", FRAMING),
    // The gRPC protocol over HTTP/2.
    ("grpc-encoding", FRAMING),
    ("grpc-accept-encoding", FRAMING),
    ("grpc-timeout", FRAMING),
    ("grpc-status", FRAMING),
    ("grpc-message", FRAMING),
    // RFC 9110, sections 7.2, 7.6 and 10.2.2; RFC 7239 and what it replaces; RFC 7838.
    ("host", ROUTING),
    ("via", ROUTING),
    ("max-forwards", ROUTING),
    ("location", ROUTING),
    ("forwarded", ROUTING),
    ("x-forwarded-", ROUTING),
    ("x-real-ip", ROUTING),
    ("x-original-url", ROUTING),
    ("x-rewrite-url", ROUTING),
    ("x-http-method-override", ROUTING),
    ("alt-used", ROUTING),
    // RFC 9110, sections 11.6; RFC 6265; RFC 6454; the Fetch standard.
    ("authorization", CREDENTIALS),
    ("authentication-info", CREDENTIALS),
    ("www-authenticate", CREDENTIALS),
    ("cookie", CREDENTIALS),
    ("set-cookie", CREDENTIALS),
    ("origin", CREDENTIALS),
    ("sec-", CREDENTIALS),
    ("access-control-", CREDENTIALS),
    // RFC 9110, sections 8, 12, 13 and 14; RFC 9111, section 5.
    ("content-", CONTENT),
    ("accept", CONTENT),
    ("accept-", CONTENT),
    ("range", CONTENT),
    ("if-", CONTENT),
    ("etag", CONTENT),
    ("vary", CONTENT),
    ("cache-control", CONTENT),
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
    let name = name.as_bytes();
    let mut i = 0;
    while i < RESERVED.len() {
        let (known, purpose) = RESERVED[i];
        let known = known.as_bytes();
        let stands_for_more = known[known.len() - 1] == b'-';
        let is_taken = match (name.len() > known.len(), name.len() < known.len()) {
            (true, _) => stands_for_more && starts_with(name, known),
            (_, true) => is_prefix && starts_with(known, name),
            // The name that a prefix is, with nothing after it, is free, but not as a prefix.
            _ => starts_with(name, known) && (is_prefix || !stands_for_more),
        };
        if is_taken {
            return Some(purpose);
        }
        i += 1;
    }
    None
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
        for (name, purpose) in RESERVED {
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
