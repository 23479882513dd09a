//! Sentry's tracing connected to the current context: calls name its spans.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use sentry_core::protocol::EnvelopeItem;
use sentry_core::{ClientOptions, TransactionContext};
use traceprop_core::active::{ActiveSpan, set_active_span};
use traceprop_core::{Sampling, SpanContext, SpanId, TraceId};
use traceprop_reqwest::{Client, OwnedContext, presets};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

struct Sentry;

impl ActiveSpan for Sentry {
    fn active(&self, entered: Option<&OwnedContext>) -> Option<OwnedContext> {
        let span = sentry_core::configure_scope(|scope| scope.get_span())?;
        let ids = span.get_trace_context();
        let trace_id: TraceId = ids.trace_id.to_string().parse().ok()?;
        let span_id: SpanId = ids.span_id.to_string().parse().ok()?;
        let context = match entered {
            Some(entered) => entered.with_ids(trace_id, span_id),
            None => OwnedContext::new(SpanContext::new(trace_id, span_id)),
        };
        let context = match context.sampling().is_sampled() == span.is_sampled() {
            true => context,
            false => context.with_sampling(if span.is_sampled() { Sampling::Sampled } else { Sampling::NotSampled }),
        };
        Some(context.reported())
    }
}

/// Calls a server within a transaction of Sentry, and returns the headers that it received.
async fn call() -> HeaderMap {
    let seen = Arc::new(Mutex::new(HeaderMap::new()));
    let kept = Arc::clone(&seen);
    let keep = async move |headers: HeaderMap| *kept.lock().expect("no panic") = headers;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", get(keep))).await });

    let request = [("traceparent", format!("00-{TRACE}-{CALLER}-01")), ("tracestate", "rojo=1".to_owned())];
    let received = OwnedContext::from_passthrough(&presets::W3C.propagator().extract(&request));
    let sentry_trace = format!("{TRACE}-{CALLER}-1");
    let begun = TransactionContext::continue_from_headers("shop", "http.server", [("sentry-trace", &*sentry_trace)]);
    let transaction = sentry_core::start_transaction(begun);
    sentry_core::configure_scope(|scope| scope.set_span(Some(transaction.clone().into())));
    let client = Client::builder(presets::W3C).build().expect("a client");
    let call = received.scope(|| client.get(url).send());
    call.await.expect("an answer");
    transaction.finish();
    seen.lock().expect("no panic").clone()
}

#[test]
fn ok_calls_name_the_spans_of_sentry_and_keep_the_data_of_the_request() {
    assert!(set_active_span(Sentry));
    let mut seen = HeaderMap::new();
    let options = ClientOptions { traces_sample_rate: 1.0, ..Default::default() };
    let envelopes = sentry_core::test::with_captured_envelopes_options(
        || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            seen = runtime.block_on(call());
        },
        options,
    );
    let transaction = envelopes.iter().flat_map(|envelope| envelope.items()).find_map(|item| match item {
        EnvelopeItem::Transaction(transaction) => transaction.contexts.get("trace"),
        _ => None,
    });
    let Some(sentry_core::protocol::Context::Trace(span)) = transaction else { panic!("a transaction: {envelopes:?}") };
    assert_eq!(span.parent_span_id.map(|id| id.to_string()).as_deref(), Some(CALLER));
    assert_eq!(seen["traceparent"], format!("00-{TRACE}-{}-01", span.span_id));
    assert_eq!(seen["tracestate"], "rojo=1");
}
