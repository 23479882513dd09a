//! Fields that a proxy may not forward, as RFC 9110, section 7.6.1 has them.
//!
//! A field of the connection belongs to one hop. HTTP has a fixed list of them, and `Connection` names further ones. A
//! client can name any field there, trace headers included: its own line is then removed. What the gateway writes is added
//! afterwards, so it is not affected.

use axum::http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Version};

/// Fields of the connection, whether `Connection` names them or not. The last two are credentials of a single hop.
const OF_CONNECTION: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("keep-alive"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("proxy-authorization"),
];

/// Removes the fields of the client's connection from a request, and adds those of the connection to the upstream.
///
/// `Host` is removed: the client sends the authority of the URL. The announcement that the caller accepts trailers is
/// made again, because trailers are forwarded.
pub(super) fn prepare_request(headers: &mut HeaderMap, version: Version) {
    let accepts_trailers = accepts_trailers(headers);
    remove_connection_fields(headers);
    headers.remove(HOST);
    if accepts_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        // HTTP/2 has no such field.
        if version < Version::HTTP_2 {
            headers.insert(CONNECTION, HeaderValue::from_static("te"));
        }
    }
    if version < Version::HTTP_2 {
        join_cookies(headers);
    }
}

/// Returns whether the message has a transfer coding that the gateway cannot take off (RFC 9112, section 6.1).
pub(super) fn has_unknown_coding(headers: &HeaderMap) -> bool {
    elements(headers, &TRANSFER_ENCODING).any(|coding| !coding.eq_ignore_ascii_case(b"chunked"))
}

/// Removes the fields of the upstream's connection from a response.
pub(super) fn prepare_response(headers: &mut HeaderMap) {
    remove_connection_fields(headers);
}

fn remove_connection_fields(headers: &mut HeaderMap) {
    // The length of a message in chunks is not what this field says (RFC 9112, section 6.3).
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    let named: Vec<HeaderName> =
        elements(headers, &CONNECTION).filter_map(|name| HeaderName::from_bytes(name).ok()).collect();
    for name in named.iter().chain(&OF_CONNECTION) {
        headers.remove(name);
    }
}

fn accepts_trailers(headers: &HeaderMap) -> bool {
    elements(headers, &TE).any(|coding| coding.eq_ignore_ascii_case(b"trailers"))
}

/// HTTP/2 sends the pairs of a cookie on several lines, HTTP/1.1 on one (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1 {
        if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
            headers.insert(COOKIE, joined);
        }
    }
}

/// Returns the elements of a list, from all its lines.
fn elements<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    let lines = headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
    lines
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        }
        headers
    }

    #[track_caller]
    fn check(version: Version, received: &[(&'static str, &'static str)], sent: &[(&'static str, &'static str)]) {
        let mut request = headers(received);
        prepare_request(&mut request, version);
        assert_eq!(request, headers(sent));
    }

    #[test]
    fn ok_fields_of_the_connection_are_removed() {
        let received = [
            ("host", "a.example"),
            ("connection", "keep-alive, Traceparent ,,x-b"),
            ("connection", "X-C, no token, \u{e9}"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("upgrade", "websocket"),
            ("traceparent", "1"),
            ("x-a", "1"),
            ("x-b", "1"),
            ("x-c", "1"),
            ("x-c", "2"),
            ("expect", "100-continue"),
            ("max-forwards", "3"),
            ("trailer", "x-sum"),
        ];
        let sent = [("x-a", "1"), ("expect", "100-continue"), ("max-forwards", "3"), ("trailer", "x-sum")];
        check(Version::HTTP_11, &received, &sent);
    }

    #[test]
    fn ok_trailers_are_announced_again() {
        let received = [("te", "gzip;q=0.5, Trailers"), ("connection", "te")];
        check(Version::HTTP_11, &received, &[("te", "trailers"), ("connection", "te")]);
        check(Version::HTTP_2, &received, &[("te", "trailers")]);
        check(Version::HTTP_11, &[("te", "gzip")], &[]);
    }

    #[test]
    fn ok_a_message_in_chunks_has_no_length() {
        check(Version::HTTP_11, &[("transfer-encoding", "chunked"), ("content-length", "5")], &[]);
        check(Version::HTTP_11, &[("content-length", "5")], &[("content-length", "5")]);
    }

    #[test]
    fn ok_chunks_are_the_only_transfer_coding() {
        let has_unknown = |value| has_unknown_coding(&headers(&[("transfer-encoding", value)]));
        assert_eq!(["Chunked", "gzip, chunked", "chunked;q=1"].map(has_unknown), [false, true, true]);
        assert!(!has_unknown_coding(&HeaderMap::new()));
    }

    #[test]
    fn ok_cookies_are_one_line_in_http_1() {
        let received = [("cookie", "a=1"), ("cookie", "b=2; c=3")];
        check(Version::HTTP_11, &received, &[("cookie", "a=1; b=2; c=3")]);
        check(Version::HTTP_2, &received, &received);
    }

    #[test]
    fn ok_a_response_keeps_what_is_not_of_the_connection() {
        let mut response = headers(&[
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("trailer", "x-sum"),
            ("content-type", "text/plain"),
        ]);
        prepare_response(&mut response);
        assert_eq!(response, headers(&[("trailer", "x-sum"), ("content-type", "text/plain")]));
    }
}
