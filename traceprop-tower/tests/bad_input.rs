//! For any input the handler responds, and the report has the reason of each invalid header.

mod support;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use support::{Answer, PARENT, TRACE, get};
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use traceprop_tower::{ExtractLayer, OwnedContext, presets};

/// Responds with whether the trace was continued, and with the number of tracestate and baggage members.
async fn handle(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let context = OwnedContext::current().expect("always one");
    let continued = context.trace_id().is_some_and(|id| id.to_string() == TRACE);
    let found = format!("{continued} {} {}", context.tracestate().len(), context.baggage().len());
    Ok(Response::new(Full::new(Bytes::from(found))))
}

struct Server {
    address: SocketAddr,
    /// Invalid headers of the reports since the last check.
    invalid_headers: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts a hyper server with higher limits than its defaults.
    async fn start() -> Self {
        let invalid_headers = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&invalid_headers);
        let layer = ExtractLayer::new(presets::W3C).on_report(move |report| {
            log.lock().expect("no panic").extend(report.invalid_headers().map(|(_, invalid)| invalid.to_string()));
        });
        let service = ServiceBuilder::new().layer(layer).service_fn(handle);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut http1 = http1::Builder::new();
                http1.max_headers(20_000).max_buf_size(4 << 20);
                let service = TowerToHyperService::new(service.clone());
                tokio::spawn(http1.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, invalid_headers }
    }

    /// Sends header lines. `found` is the expected response, `invalid_headers` the expected invalid headers.
    async fn check(&self, case: &str, lines: &[u8], found: &str, invalid_headers: &[&str]) {
        let answer = get(self.address, "/", lines).await;
        let reported = std::mem::take(&mut *self.invalid_headers.lock().expect("no panic"));
        assert_eq!(answer, Answer::ok(found), "{case}");
        assert_eq!(reported, invalid_headers, "{case}");
    }
}

fn line(name: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    [name.as_bytes(), b": ", value.as_ref(), b"\r\n"].concat()
}

const KIB_64: usize = 64 * 1024;

#[tokio::test]
async fn ok_invalid_traceparent_starts_a_new_trace() {
    let server = Server::start().await;
    let odd = [&PARENT.as_bytes()[..20], b"\xff\x80\xe2", &PARENT.as_bytes()[23..]].concat();
    let parent = |value: &dyn AsRef<[u8]>| line("traceparent", value);
    let other = PARENT.replacen("-01", "-00", 1);
    for (case, lines, reason) in [
        ("empty", parent(&""), "bad-length, ends at byte 0"),
        ("one byte short", parent(&&PARENT[..54]), "bad-length, ends at byte 54"),
        ("one byte long", parent(&format!("{PARENT}-")), "trailing-data at byte 55"),
        ("odd bytes", parent(&odd), "bad-hex at byte 20"),
        ("nothing but odd bytes", parent(&[0xff; 55]), "bad-delimiter at byte 2"),
        ("uppercase", parent(&PARENT.to_uppercase()), "uppercase-hex at byte 4"),
        ("64 KiB", parent(&"0".repeat(KIB_64)), "bad-delimiter at byte 2"),
        (
            "64 KiB of a later version",
            parent(&PARENT.replacen("00", "ff", 1).repeat(KIB_64 / 55)),
            "bad-version at byte 0",
        ),
        ("two lines", [parent(&PARENT), parent(&other)].concat(), "multiple-traceparent at byte 0"),
        ("100 lines", parent(&PARENT).repeat(100), "multiple-traceparent at byte 0"),
        ("10,000 lines", parent(&PARENT).repeat(10_000), "multiple-traceparent at byte 0"),
        ("joined by a comma", parent(&format!("{PARENT},{other}")), "multiple-traceparent at byte 55"),
    ] {
        server.check(case, &lines, "false 0 0", &[&format!("invalid traceparent: {reason}")]).await;
    }
}

#[tokio::test]
async fn ok_invalid_tracestate_is_ignored_and_the_trace_kept() {
    let server = Server::start().await;
    let members = |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    let state = |value: &dyn AsRef<[u8]>| line("tracestate", value);
    for (case, lines, reason) in [
        ("odd bytes", state(b"a=1,b=\xff\xfe"), "bad-value at byte 6"),
        ("33 members", state(&members(33)), "too-many-members at byte 182"),
        ("10,000 members", state(&members(10_000)), "too-many-members at byte 182"),
        ("100 lines", state(&"a=1").repeat(100), "too-many-lines at byte 0"),
        ("64 KiB without a key", state(&"a".repeat(KIB_64)), "bad-member at byte 0"),
        ("64 KiB in a value", state(&format!("a={}", "b".repeat(KIB_64))), "bad-value at byte 2"),
    ] {
        let lines = [line("traceparent", PARENT), lines].concat();
        server.check(case, &lines, "true 0 0", &[&format!("invalid tracestate: {reason}")]).await;
    }
    let lines = [line("traceparent", PARENT), state(&members(32))].concat();
    server.check("32 members", &lines, "true 32 0", &[]).await;
}

#[tokio::test]
async fn ok_invalid_baggage_is_ignored_and_the_trace_kept() {
    let server = Server::start().await;
    let baggage = |value: &dyn AsRef<[u8]>| line("baggage", value);
    for (case, lines, members, reason) in [
        ("odd bytes", baggage(b"a=1,b=\xff,c=3"), 2, "bad-value at byte 6"),
        ("nothing but odd bytes", baggage(&[0xff; 100]), 0, "no-valid-member at byte 0"),
        ("10,000 members", baggage(&vec!["a=1"; 10_000].join(",")), 64, "too-many-members at byte 256"),
        ("64 KiB in a value", baggage(&format!("k={}", "v".repeat(KIB_64))), 0, "too-long at byte 0"),
        ("100 lines", baggage(&"a=1").repeat(100), 0, "too-many-lines at byte 0"),
    ] {
        let lines = [line("traceparent", PARENT), lines].concat();
        server.check(case, &lines, &format!("true 0 {members}"), &[&format!("invalid baggage: {reason}")]).await;
    }
    let lines = [line("traceparent", PARENT), baggage(b"a=%0A%0D%00,b=\t, c = 3 ;p")].concat();
    server.check("controls, percent-encoded", &lines, "true 0 3", &[]).await;
}

#[tokio::test]
async fn ok_names_in_any_case_among_a_thousand_other_headers() {
    let server = Server::start().await;
    let strangers: Vec<u8> = (0..1_000).flat_map(|n| line(&format!("x-stranger-{n}"), "1")).collect();
    let lines = [strangers, line("TraceParent", PARENT), line("TRACESTATE", "a=1")].concat();
    server.check("strangers", &lines, "true 1 0", &[]).await;
}
