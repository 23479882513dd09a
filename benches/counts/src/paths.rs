//! The paths: the work of one call each, done as often as asked. Each result is checked.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::mem::forget;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::{HeaderMap, Method, Request, Response};
use reqwest::Url;
use tower_layer::Layer;
use tower_service::Service;
use traceprop_core::{Extraction, IdBits, InjectOptions, OwnedContext, Propagator, SpanId, Trust};
use traceprop_gate::{CALLS, Path};
use traceprop_http::{HeaderCarrier, HeaderCarrierMut};
use traceprop_reqwest::{Rule, Rules, RulesExt};
use traceprop_tower::{ExtractLayer, presets};

use crate::input::{
    B3, B3_MALFORMED, B3_MULTI, BAGGAGE, DATADOG_RUM, DATADOG_TAGS, PARENT_ID, SW8, TRACE_ID, TRACEPARENT,
    TRACEPARENT_MALFORMED, TRACESTATE, TRACESTATE_WITH_DD, UBER_TRACE_ID, outgoing, request,
};

pub(crate) const PATHS: &[Path] = &[
    ("extract/traceparent", |calls| extract("tracecontext", &[TRACEPARENT], Some((0, 0)), calls)),
    ("extract/traceparent+tracestate", |calls| {
        extract("tracecontext", &[TRACEPARENT, TRACESTATE], Some((3, 0)), calls)
    }),
    ("extract/traceparent+tracestate+baggage", |calls| {
        extract("tracecontext,baggage", &[TRACEPARENT, TRACESTATE, BAGGAGE], Some((3, 3)), calls);
    }),
    ("extract/b3", |calls| extract("b3", &[B3], Some((0, 0)), calls)),
    ("extract/x-b3", |calls| extract("b3multi", &B3_MULTI, Some((0, 0)), calls)),
    ("extract/x-datadog+tags", datadog),
    ("extract/uber-trace-id", |calls| extract("jaeger", &[UBER_TRACE_ID], Some((0, 0)), calls)),
    ("extract/sw8", |calls| extract("sw8", &[SW8], Some((0, 0)), calls)),
    ("extract/malformed/b3", |calls| extract("b3", &[B3_MALFORMED], None, calls)),
    ("extract/malformed/traceparent", |calls| extract("tracecontext", &[TRACEPARENT_MALFORMED], None, calls)),
    ("extract/absent/tracecontext", |calls| extract("tracecontext", &[], None, calls)),
    ("extract/absent/all", |calls| extract("all", &[], None, calls)),
    ("explain/datadog-rum/all", explain),
    ("inject/traceparent+tracestate", |calls| inject("tracecontext", 2, calls)),
    ("inject/tracecontext,b3,datadog", |calls| inject("tracecontext,b3,datadog", 7, calls)),
    ("passthrough/nothing", |calls| passthrough(&[], calls)),
    ("passthrough/traceparent", |calls| passthrough(&[TRACEPARENT], calls)),
    ("forward/traceparent+tracestate", |calls| forward(TRACESTATE, calls)),
    ("forward/tracestate-with-dd", |calls| forward(TRACESTATE_WITH_DD, calls)),
    ("gateway/continue/w3c", |calls| gateway(Trust::Continue, "tracecontext,baggage", calls)),
    ("gateway/restart/w3c", |calls| gateway(Trust::Restart, "tracecontext,baggage", calls)),
    ("gateway/continue/all", |calls| gateway(Trust::Continue, "all", calls)),
    ("gateway/passthrough/w3c", gateway_passthrough),
    ("serve/traceparent+tracestate", serve),
    ("call/baggage/reqwest-rules", call),
];

/// Maps and requests that a path uses up. As many are made for few calls as for many.
const PREPARED: usize = 2 * CALLS as usize;

/// Extracts. `found` is the number of members of tracestate and of baggage, in addition to the ids.
fn extract(names: &str, lines: &[(&'static str, &str)], found: Option<(usize, usize)>, calls: usize) {
    let propagator = Propagator::from_names(names, "none").expect("known names");
    let request = request(lines);
    for _ in 0..calls {
        let carrier = HeaderCarrier::new(black_box(&request));
        let extraction = propagator.extract(&carrier);
        let members = (extraction.tracestate().iter().count(), extraction.baggage().iter().count());
        assert_eq!(ids(&extraction), found.map(|_| (TRACE_ID, Some(PARENT_ID), true)));
        assert_eq!(members, found.unwrap_or_default());
    }
}

/// Extracts all five headers, and reads each tag.
fn datadog(calls: usize) {
    let propagator = Propagator::from_names("datadog", "none").expect("known names");
    let request = request(&DATADOG_TAGS);
    for _ in 0..calls {
        let carrier = HeaderCarrier::new(black_box(&request));
        let extraction = propagator.extract(&carrier);
        let fields = extraction.datadog();
        assert_eq!(ids(&extraction), Some((TRACE_ID, Some(PARENT_ID), true)));
        assert_eq!((fields.priority(), fields.tags().iter().count()), (Some(1), 2));
        assert!(fields.origin().is_some());
    }
}

fn ids(extraction: &Extraction<'_>) -> Option<(u128, Option<u64>, bool)> {
    let context = extraction.context()?;
    Some((context.trace_id.get(), context.parent_id.map(SpanId::get), context.sampling.is_sampled()))
}

/// Extracts all formats, with the outcome of each.
fn explain(calls: usize) {
    let propagator = Propagator::from_names("all", "none").expect("known names");
    let request = request(&DATADOG_RUM);
    for _ in 0..calls {
        let carrier = HeaderCarrier::new(black_box(&request));
        let report = propagator.explain(&carrier);
        assert_eq!(ids(report.extraction()), Some((TRACE_ID as u64 as u128, Some(PARENT_ID), true)));
        assert_eq!((report.invalid_headers().count(), report.conflicting().count()), (0, 0));
    }
}

/// Returns what a service keeps of its request: the ids, and the other lines.
fn context(lines: &[(&'static str, &str)]) -> OwnedContext {
    let (propagator, request) = (presets::W3C.propagator(), request(lines));
    let carrier = HeaderCarrier::new(&request);
    let extraction = propagator.extract(&carrier);
    OwnedContext::from_span(&extraction, &extraction.new_span(&span_ids))
}

fn span_ids() -> IdBits {
    IdBits::random(0xb7ad_6b71_6920_3331)
}

fn inject(names: &str, lines: usize, calls: usize) {
    let propagator = Propagator::from_names("none", names).expect("known names");
    let context = context(&[TRACEPARENT, TRACESTATE]);
    let mut maps = outgoing(PREPARED);
    let before = maps[0].len();
    for map in &mut maps[..calls] {
        let span = context.span().expect("it holds a span");
        propagator.inject(&span, &InjectOptions::everything(), &mut HeaderCarrierMut::new(black_box(map)));
        assert_eq!(map.len() - before, lines);
    }
    // Freeing them would count as work of those that were written into.
    forget(maps);
}

/// Extracts and forwards verbatim, as a service without spans does.
fn passthrough(lines: &[(&'static str, &str)], calls: usize) {
    let propagator = Propagator::from_names("tracecontext", "tracecontext").expect("known names");
    let request = request(lines);
    let mut maps = outgoing(PREPARED);
    let before = maps[0].len();
    for map in &mut maps[..calls] {
        let carrier = HeaderCarrier::new(black_box(&request));
        let passthrough = propagator.extract(&carrier).passthrough();
        propagator.inject(passthrough, &InjectOptions::everything(), &mut HeaderCarrierMut::new(map));
        assert_eq!(map.len() - before, lines.len());
    }
    forget(maps);
}

/// Extracts, creates a span, and injects.
fn forward(tracestate: (&'static str, &str), calls: usize) {
    let propagator = Propagator::from_names("tracecontext", "tracecontext").expect("known names");
    let request = request(&[TRACEPARENT, tracestate]);
    let mut maps = outgoing(PREPARED);
    for map in &mut maps[..calls] {
        let carrier = HeaderCarrier::new(black_box(&request));
        let span = propagator.extract(&carrier).new_span(&span_ids);
        propagator.inject(&span, &InjectOptions::new(), &mut HeaderCarrierMut::new(map));
        assert_eq!(map["tracestate"], tracestate.1);
    }
    forget(maps);
}

/// Extracts, creates a span, and injects over a copy of the request, as a gateway does that copies headers.
fn gateway(trust: Trust, read: &str, calls: usize) {
    let propagator = Propagator::from_names(read, "tracecontext,baggage").expect("known names").with_trust(trust);
    let request = request(&[TRACEPARENT, TRACESTATE, BAGGAGE]);
    let mut maps = copies(&request);
    for map in &mut maps[..calls] {
        let carrier = HeaderCarrier::new(black_box(&request));
        let span = propagator.extract(&carrier).new_span(&span_ids);
        propagator.inject(&span, &InjectOptions::new(), &mut HeaderCarrierMut::new(map));
        assert!(map.contains_key("traceparent") && !map.contains_key("baggage"));
    }
    forget(maps);
}

/// Extracts and forwards over a copy of the request.
fn gateway_passthrough(calls: usize) {
    let propagator = Propagator::from_names("tracecontext,baggage", "tracecontext,baggage").expect("known names");
    let request = request(&[TRACEPARENT, TRACESTATE, BAGGAGE]);
    let mut maps = copies(&request);
    for map in &mut maps[..calls] {
        let carrier = HeaderCarrier::new(black_box(&request));
        let passthrough = propagator.extract(&carrier).passthrough();
        propagator.inject(passthrough, &InjectOptions::new(), &mut HeaderCarrierMut::new(map));
        assert!(map.contains_key("tracestate") && !map.contains_key("baggage"));
    }
    forget(maps);
}

fn copies(request: &HeaderMap) -> Vec<HeaderMap> {
    (0..PREPARED).map(|_| request.clone()).collect()
}

/// Runs the whole server layer around a service that answers at once.
fn serve(calls: usize) {
    let propagator = Propagator::from_names("tracecontext", "tracecontext").expect("known names");
    let mut layered = ExtractLayer::new(propagator).id_generator(span_ids).layer(Answers);
    let headers = request(&[TRACEPARENT, TRACESTATE]);
    let mut requests: Vec<_> = (0..PREPARED).map(|_| with_headers(&headers)).collect();
    let mut answers = Vec::with_capacity(PREPARED);
    let mut task = Context::from_waker(Waker::noop());
    for request in requests.drain(..calls) {
        let future = pin!(layered.call(black_box(request)));
        let Poll::Ready(Ok(answer)) = future.poll(&mut task) else { panic!("it answers at once") };
        answers.push(answer);
    }
    assert!(answers.iter().all(|answer| *answer.body() == TRACE_ID));
    forget((requests, answers));
}

fn with_headers(headers: &HeaderMap) -> Request<()> {
    let mut request = Request::new(());
    *request.headers_mut() = headers.clone();
    request
}

/// Answers with the trace id that it sees.
#[derive(Clone)]
struct Answers;

impl Service<Request<()>> for Answers {
    type Response = Response<u128>;
    type Error = Infallible;
    type Future = Ready<Result<Response<u128>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let context = request.extensions().get::<OwnedContext>();
        let trace_id = context.and_then(OwnedContext::trace_id);
        // The headers stay, as they do where a handler works with them.
        forget(request);
        ready(Ok(Response::new(trace_id.map_or(0, |id| id.get()))))
    }
}

/// Runs the work of a client before a hop: the rule of its destination, a child span, and its headers in the request.
fn call(calls: usize) {
    let destinations = Rules::builder(presets::W3C)
        .rule("legacy.internal:8080", Rule::trace_context())
        .rule("*.internal", Rule::trace_context().allow_baggage(["tenant", "region"]))
        .rule("*", Rule::nothing())
        .build()
        .expect("good rules");
    let context = context(&[TRACEPARENT, TRACESTATE, BAGGAGE]);
    let url: Url = "http://stock.internal:8080/items".parse().expect("a URL");
    let mut requests: Vec<_> = (0..=PREPARED)
        .map(|_| {
            let mut built = reqwest::Request::new(Method::GET, url.clone());
            *built.headers_mut() = request(&[]);
            built
        })
        .collect();
    // The first id makes the generator of this thread.
    for built in &mut requests[..=calls] {
        destinations.inject(&context, black_box(built));
        assert_eq!(built.headers()["baggage"], "tenant=acme,region=eu-north-1");
    }
    forget(requests);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_each_path_comes_to_its_result() {
        for (_, path) in PATHS {
            path(PREPARED);
        }
    }
}
