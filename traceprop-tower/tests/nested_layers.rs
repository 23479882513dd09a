//! Layers inside of layers, and services that are called in process.

use std::convert::Infallible;

use http::{Request, Response};
use tower::{Layer, Service, ServiceExt, service_fn};
use traceprop_core::{IdBits, Sampling, SpanContext, SpanId, TraceId};
use traceprop_tower::{Allow, ExtractLayer, OwnedContext, Propagator, Trust, presets};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn request(path: &str, lines: &[(&'static str, &'static str)]) -> Request<()> {
    let request = Request::get(path);
    let request = lines.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(()).expect("a request")
}

fn traced(path: &str) -> Request<()> {
    request(path, &[("traceparent", PARENT), ("baggage", "a=1,b=2,c=3")])
}

/// Makes traces and spans of this number.
fn layer(trust: Trust, number: u64) -> ExtractLayer<impl traceprop_core::IdGenerator + Clone> {
    ExtractLayer::new(presets::W3C).trust(trust).id_generator(move || IdBits::non_random(number))
}

/// Returns the request that the innermost service received.
async fn seen<S>(service: S, request: Request<()>) -> Request<()>
where
    S: Service<Request<()>, Response = Response<Request<()>>, Error = Infallible>,
{
    let Ok(response) = service.oneshot(request).await;
    response.into_body()
}

async fn echo(request: Request<()>) -> Result<Response<Request<()>>, Infallible> {
    let current = OwnedContext::current().expect("the layer makes it current");
    let own = request.extensions().get::<OwnedContext>().expect("the layer stores it");
    assert_eq!((current.trace_id(), current.span_id()), (own.trace_id(), own.span_id()));
    Ok(Response::new(request))
}

/// The context as text: trace, span, parent, decision, baggage; and the baggage of the headers.
fn shown(request: &Request<()>) -> String {
    let context = request.extensions().get::<OwnedContext>().expect("a context");
    let trace = match context.trace_id() {
        None => "none".to_owned(),
        Some(id) if id.to_string() == TRACE => "same".to_owned(),
        Some(id) => format!("{:x}", id.low()),
    };
    let id = |id: Option<SpanId>| id.map_or("none".to_owned(), |id| format!("{:x}", id.get()));
    let keys: Vec<_> = context.baggage().iter().map(|member| member.key().to_owned()).collect();
    let headers: Vec<_> = request.headers().keys().map(http::HeaderName::as_str).collect();
    format!(
        "{trace} {} {} {} {} | {}",
        id(context.span_id()),
        id(context.parent_id()),
        context.sampling(),
        keys.join("+"),
        headers.join(" ")
    )
}

#[tokio::test]
async fn ok_an_inner_layer_works_on_the_outer_context() {
    for (outer, inner, expected) in [
        (Trust::Continue, Trust::Continue, "same 1 f067aa0ba902b7 not-sampled a+b+c | traceparent baggage"),
        (Trust::Resample, Trust::Continue, "same 1 f067aa0ba902b7 sampled a+b+c | traceparent baggage"),
        // The span is that of the outer layer. The decision is not.
        (Trust::Continue, Trust::Resample, "same 1 f067aa0ba902b7 sampled a+b+c | traceparent baggage"),
        (Trust::Continue, Trust::Restart, "a0 a0 none sampled a+b+c | baggage"),
        (Trust::Continue, Trust::Ignore, "a0 a0 none sampled  | "),
        (Trust::Restart, Trust::Continue, "1 1 none sampled a+b+c | baggage"),
        (Trust::Restart, Trust::Ignore, "a0 a0 none sampled  | "),
    ] {
        let service = layer(outer, 1).layer(layer(inner, 0xa0).layer(service_fn(echo)));
        assert_eq!(shown(&seen(service, traced("/")).await), expected, "{inner:?} inside of {outer:?}");
    }
}

#[tokio::test]
async fn ok_an_inner_sampler_is_asked_about_the_outer_trace() {
    let inner = layer(Trust::Resample, 0xa0).sampler_fn(|parameters, head| {
        assert_eq!((parameters.trace_id().to_string().as_str(), head.uri.path()), (TRACE, "/"));
        assert_eq!(parameters.sampling(), Sampling::Deferred);
        Sampling::NotSampled.into()
    });
    let sampled = request("/", &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]);
    let seen = shown(&seen(layer(Trust::Continue, 1).layer(inner.layer(service_fn(echo))), sampled).await);
    assert!(seen.starts_with("same 1 f067aa0ba902b7 not-sampled"), "{seen}");
}

#[tokio::test]
async fn ok_text_is_filtered_by_each_layer() {
    let outer = layer(Trust::Continue, 1).allow_baggage(Allow::Only(&["a", "b"]));
    let inner = layer(Trust::Continue, 0xa0).allow_baggage(Allow::Only(&["b", "c"]));
    let seen = seen(outer.layer(inner.layer(service_fn(echo))), traced("/")).await;
    assert_eq!(shown(&seen), "same 1 f067aa0ba902b7 not-sampled b | traceparent baggage");
    assert_eq!(seen.headers()["baggage"], "b=2");
}

#[tokio::test]
async fn ok_what_a_layer_skipped_is_read_by_an_inner_layer_that_trusts_no_more() {
    for (outer, inner, expected) in [
        (Trust::Continue, Trust::Continue, "same a0 f067aa0ba902b7 not-sampled a+b+c"),
        (Trust::Continue, Trust::Resample, "same a0 f067aa0ba902b7 sampled a+b+c"),
        (Trust::Resample, Trust::Resample, "same a0 f067aa0ba902b7 sampled a+b+c"),
        (Trust::Continue, Trust::Ignore, "a0 a0 none sampled "),
        (Trust::Restart, Trust::Restart, "a0 a0 none sampled a+b+c"),
        // It would trust what the outer layer refused.
        (Trust::Restart, Trust::Continue, "none none none deferred a+b+c"),
        (Trust::Ignore, Trust::Restart, "none none none deferred "),
    ] {
        let outer = layer(outer, 1).skip(|head| head.uri.path() == "/health").keep_refused();
        let service = outer.layer(layer(inner, 0xa0).layer(service_fn(echo)));
        let seen = shown(&seen(service, traced("/health")).await);
        assert_eq!(seen.split(" | ").next(), Some(expected), "{inner:?} inside of {outer:?}");
    }
}

#[tokio::test]
async fn ok_a_third_layer_works_on_the_context_of_the_second() {
    let first = layer(Trust::Continue, 1).skip(|_| true);
    let second = layer(Trust::Continue, 0xa0);
    let third = layer(Trust::Continue, 0xb0);
    let service = first.layer(second.layer(third.layer(service_fn(echo))));
    assert!(shown(&seen(service, traced("/")).await).starts_with("same a0 f067aa0ba902b7"));
}

#[tokio::test]
async fn ok_an_inner_layer_refuses_what_the_outer_one_has_kept() {
    let outer = layer(Trust::Restart, 1).keep_refused();
    let inner = layer(Trust::Continue, 0xa0);
    let seen = seen(outer.layer(inner.layer(service_fn(echo))), traced("/")).await;
    assert!(shown(&seen).ends_with("| baggage"), "{}", shown(&seen));
    let refused = seen.extensions().get::<traceprop_tower::extract::RefusedContext>().expect("it was refused");
    assert_eq!((refused.headers(), refused.trace_id().map(|id| id.to_string())), (1, Some(TRACE.to_owned())));
}

fn current() -> OwnedContext {
    let span = SpanContext::new(TraceId::MIN, SpanId::new(0xc0).expect("not zero"));
    OwnedContext::new(span.with_sampling(Sampling::NotSampled))
}

/// Calls a service within this process, in a context.
async fn called_in_process(layer: ExtractLayer<impl traceprop_core::IdGenerator + Clone>, call: Request<()>) -> String {
    use traceprop_tower::InContext;

    shown(&seen(layer.layer(service_fn(echo)), call).in_context(current()).await)
}

#[tokio::test]
async fn ok_a_call_within_the_process_continues_the_current_context_if_configured() {
    for (trust, expected) in [
        (Trust::Continue, "1 a0 c0 not-sampled  | "),
        (Trust::Resample, "1 a0 c0 sampled  | "),
        (Trust::Restart, "a0 a0 none sampled  | "),
        (Trust::Ignore, "a0 a0 none sampled  | "),
    ] {
        let layer = layer(trust, 0xa0).parent_from_current();
        assert_eq!(called_in_process(layer, request("/", &[])).await, expected, "{trust:?}");
    }
    let by_default = called_in_process(layer(Trust::Continue, 0xa0), request("/", &[])).await;
    assert_eq!(by_default, "a0 a0 none sampled  | ");
    let forwarded = called_in_process(layer(Trust::Continue, 1).parent_from_current().passthrough(), request("/", &[]));
    assert_eq!(forwarded.await, "1 c0 none not-sampled  | ");
}

#[tokio::test]
async fn ok_a_request_with_a_field_of_its_own_never_continues_the_current_context() {
    for line in [
        ("traceparent", PARENT),
        ("traceparent", "invalid"),
        ("tracestate", "a=1"),
        ("baggage", "a=1"),
        ("x-request-id", "order 7"),
    ] {
        let names = "tracecontext,baggage,correlation:x-request-id";
        let propagator = Propagator::from_names(names, names).expect("names of formats");
        let layer = ExtractLayer::new(propagator).id_generator(|| IdBits::non_random(7)).parent_from_current();
        let shown = called_in_process(layer, request("/", &[line])).await;
        assert!(!shown.starts_with("1 "), "{line:?}: {shown}");
    }
    // A format that is neither read nor written says nothing about this service.
    let layer = layer(Trust::Continue, 7).parent_from_current();
    assert!(called_in_process(layer, request("/", &[("sw8", "1")])).await.starts_with("1 "));
}

#[tokio::test]
async fn ok_without_a_current_context_a_trace_starts() {
    let layer = layer(Trust::Continue, 0xa0).parent_from_current();
    let seen = shown(&seen(layer.layer(service_fn(echo)), request("/", &[])).await);
    assert_eq!(seen, "a0 a0 none sampled  | ");
}
