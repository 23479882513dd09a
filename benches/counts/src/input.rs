//! The requests that are read, and the maps that are written into.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The other headers of a browser's request through a proxy. An outgoing request carries these too.
const OTHERS: [(&str, &str); 16] = [
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

/// Free places in a map that is written into: its growth is not ours.
const ROOM: usize = 8;

/// The trace that all requests name, each in its format.
pub(crate) const TRACE_ID: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
pub(crate) const PARENT_ID: u64 = 0x00f0_67aa_0ba9_02b7;

pub(crate) const TRACEPARENT: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
pub(crate) const TRACESTATE: (&str, &str) = ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,es=s:0.25");
/// A tracestate with a `dd` member that a span of ours does not change.
pub(crate) const TRACESTATE_WITH_DD: (&str, &str) = ("tracestate", "dd=s:2;o:rum;t.dm:-4;t.usr.id:MTIz,rojo=1");
pub(crate) const BAGGAGE: (&str, &str) = ("baggage", "tenant=acme,user=Ad%C3%A8le%20B,region=eu-north-1");
pub(crate) const B3: (&str, &str) = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
/// The last digit of its parent is not a digit.
pub(crate) const B3_MALFORMED: (&str, &str) = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bg-1");
/// A digit of the trace id is in upper case.
pub(crate) const TRACEPARENT_MALFORMED: (&str, &str) =
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e473F-00f067aa0ba902b7-01");
pub(crate) const B3_MULTI: [(&str, &str); 3] =
    [("x-b3-traceid", "4bf92f3577b34da6a3ce929d0e0e4736"), ("x-b3-spanid", "00f067aa0ba902b7"), ("x-b3-sampled", "1")];
pub(crate) const UBER_TRACE_ID: (&str, &str) =
    ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1");
/// What Datadog's tracers send for a trace of 128 bits.
pub(crate) const DATADOG_TAGS: [(&str, &str); 5] = [
    ("x-datadog-trace-id", "11803532876627986230"),
    ("x-datadog-parent-id", "67667974448284343"),
    ("x-datadog-sampling-priority", "1"),
    ("x-datadog-origin", "synthetics"),
    ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-4,_dd.p.usr.id=MTIzNDU2Nzg"),
];
/// As SkyWalking's agents make it; its trace id is the 32 digits of ours, as text.
pub(crate) const SW8: (&str, &str) = (
    "sw8",
    "1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-MDBmMDY3YWEwYmE5MDJiNzAwMDAwMDAwMDAwMDAwMDA=-0-\
     c2hvcA==-c2hvcC0x-L2Jhc2tldA==-c2hvcDo4MDgw",
);
/// What Datadog's agent in a browser sends by default. Its trace ids have 64 bits.
pub(crate) const DATADOG_RUM: [(&str, &str); 6] = [
    ("x-datadog-trace-id", "11803532876627986230"),
    ("x-datadog-parent-id", "67667974448284343"),
    ("x-datadog-sampling-priority", "1"),
    ("x-datadog-origin", "rum"),
    ("traceparent", "00-0000000000000000a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("tracestate", "dd=s:1;o:rum"),
];

/// Returns a request as a server gets it: the ordinary headers, then these, where proxies append them.
pub(crate) fn request(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(OTHERS.len() + ROOM);
    for (name, value) in OTHERS.iter().chain(lines) {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a legal value"));
    }
    headers
}

/// Returns outgoing requests, with room for what is written.
pub(crate) fn outgoing(count: usize) -> Vec<HeaderMap> {
    (0..count).map(|_| request(&[])).collect()
}
