//! fastrace connected to the current context: calls name its spans.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use fastrace::collector::{Config, TestReporter};
use fastrace::future::FutureExt as _;
use fastrace::prelude::TraceId as FastraceTraceId;
use fastrace::prelude::{Span, SpanContext as FastraceContext, SpanId as FastraceSpanId};
use traceprop_core::active::{ActiveSpan, set_active_span};
use traceprop_core::{Sampling, SpanContext, SpanId, TraceId};
use traceprop_reqwest::{Client, OwnedContext, presets};
use traceprop_tower::ExtractLayer;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

struct Fastrace;

impl ActiveSpan for Fastrace {
    fn active(&self, entered: Option<&OwnedContext>) -> Option<OwnedContext> {
        let span = FastraceContext::current_local_parent()?;
        let (trace_id, span_id) = (TraceId::new(span.trace_id.0)?, SpanId::new(span.span_id.0)?);
        let context = match entered {
            Some(entered) => entered.with_ids(trace_id, span_id),
            None => OwnedContext::new(SpanContext::new(trace_id, span_id)),
        };
        let context = match context.sampling().is_sampled() == span.sampled {
            true => context,
            false => context.with_sampling(if span.sampled { Sampling::Sampled } else { Sampling::NotSampled }),
        };
        Some(context.reported())
    }
}

/// The span of a request, below the caller's.
fn request_span() -> Span {
    let caller = OwnedContext::entered().and_then(|context| Some((context.trace_id()?, context.span_id()?)));
    let parent = match caller {
        Some((trace_id, span_id)) => {
            FastraceContext::new(FastraceTraceId(trace_id.get()), FastraceSpanId(span_id.get()))
        }
        None => FastraceContext::random(),
    };
    Span::root("request", parent)
}

async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/")
}

#[tokio::test]
async fn ok_calls_name_the_spans_of_fastrace_and_keep_the_data_of_the_request() {
    let (reporter, records) = TestReporter::new();
    fastrace::set_reporter(reporter, Config::default());
    assert!(set_active_span(Fastrace));

    let seen = Arc::new(Mutex::new(HeaderMap::new()));
    let kept = Arc::clone(&seen);
    let keep = async move |headers: HeaderMap| *kept.lock().expect("no panic") = headers;
    let stock = serve(Router::new().route("/", get(keep))).await;
    let client = Client::builder(presets::W3C).build().expect("a client");
    let call = async move || {
        let work = async move { client.get(&stock).send().await.expect("an answer").status().to_string() };
        work.in_span(request_span()).await
    };
    let shop = serve(Router::new().route("/", get(call)).layer(ExtractLayer::new(presets::W3C).passthrough())).await;

    let request = reqwest::Client::new().get(shop).header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    request.header("tracestate", "rojo=1").send().await.expect("an answer");
    fastrace::flush();

    let records = records.lock();
    let [span] = &records[..] else { panic!("one span: {records:?}") };
    assert_eq!(
        (span.trace_id.0, span.parent_id.0),
        (TRACE.parse::<TraceId>().expect("an id").get(), 0xf0_67aa_0ba9_02b7)
    );
    let seen = seen.lock().expect("no panic");
    assert_eq!(seen["traceparent"], format!("00-{TRACE}-{:016x}-01", span.span_id.0));
    assert_eq!(seen["tracestate"], "rojo=1");
}
