//! The requests.

use http::{HeaderMap, HeaderName, HeaderValue};

type Lines = &'static [(&'static str, &'static str)];

/// The other headers of a browser's request through a proxy. An outgoing request has these too.
const OTHERS: Lines = &[
    ("host", "shop.example.com"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"),
    ("accept", "application/json, text/plain, */*"),
    ("accept-language", "et-EE,et;q=0.9,en;q=0.7"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("content-type", "application/json"),
    ("content-length", "348"),
    ("origin", "https://www.example.com"),
    ("referer", "https://www.example.com/basket?step=2"),
    ("cookie", "sid=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=1%7C0%7C1; cart=c-20931"),
    ("cache-control", "no-cache"),
    ("x-forwarded-for", "203.0.113.61, 10.4.0.17"),
    ("x-forwarded-proto", "https"),
    ("x-request-id", "2f1b0a5e-7a53-4d0e-9d3c-0b1f6f1f9a77"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-site", "same-site"),
];

const TRACEPARENT: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
const TRACESTATE: (&str, &str) = ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,es=s:0.25");

pub(crate) const W3C: Lines = &[TRACEPARENT, TRACESTATE];
pub(crate) const W3C_BAGGAGE: Lines =
    &[TRACEPARENT, TRACESTATE, ("baggage", "userId=alice,serverNode=DF%2028,isProduction=false")];
pub(crate) const B3: Lines = &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")];

/// The trace and the caller's span of all of these.
pub(crate) const TRACE_ID: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
pub(crate) const PARENT_ID: u64 = 0x00f0_67aa_0ba9_02b7;

/// The span of the service.
pub(crate) const SPAN_ID: u64 = 0x53ce_929d_0e0e_4736;

/// Free places in a map that is written into: its growth is not part of the work.
const ROOM: usize = 8;

/// Returns the headers of a request: the ordinary ones, then these.
pub(crate) fn request(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(OTHERS.len() + ROOM);
    for (name, value) in OTHERS.iter().chain(lines) {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}
