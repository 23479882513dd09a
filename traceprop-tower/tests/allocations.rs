//! Allocations of the layers beyond those of a bare service: one buffer for the received lines, and `Extensions`.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Waker};

use allocation_counter::measure;
use http::{Request, Response};
use tower::{Layer, Service, service_fn};
use traceprop_core::sampler::{AlwaysOn, ParentBased};
use traceprop_core::{IdBits, IdGenerator, SpanContext};
use traceprop_tower::{ExtractLayer, InjectLayer, InjectOptions, OwnedContext, presets};

/// Empty extensions: their box, the map in it, and the boxed value.
const EMPTY: u64 = 3;
/// Extensions that are in use, as in a real server: the boxed value.
const USED: u64 = 1;

fn ids() -> impl IdGenerator + Clone {
    || IdBits::random(7)
}

fn request(lines: &[(&str, &str)], used: bool) -> Request<()> {
    let mut request = Request::new(());
    for &(name, value) in [("accept", "*/*"), ("user-agent", "test")].iter().chain(lines) {
        request
            .headers_mut()
            .append(http::HeaderName::from_bytes(name.as_bytes()).expect("a name"), value.parse().expect("a value"));
    }
    if used {
        request.extensions_mut().insert(7_u8);
    }
    request
}

const TRACED: &[(&str, &str)] = &[
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
    ("baggage", "tenant=acme,user=alice"),
];

fn bare(request: Request<()>) -> Ready<Result<Response<Request<()>>, Infallible>> {
    ready(Ok(Response::new(request)))
}

/// Counts the allocations of one request, from call to response. The response holds the request, so nothing is freed.
fn count<S, R>(service: &mut S, request: Request<()>) -> u64
where
    S: Service<Request<()>, Response = Response<R>>,
{
    let mut request = Some(request);
    let mut answer = None;
    // A thread allocates room for its entered contexts once.
    let root = traceprop_core::SpanContext::root(&ids());
    OwnedContext::new(root).scope(|| ());
    let info = measure(|| {
        let mut future = pin!(service.call(request.take().expect("once")));
        answer = Some(future.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    });
    assert!(answer.is_some_and(|answer| answer.is_ready()));
    info.count_total
}

#[test]
fn ok_extract_allocates_once_in_addition_to_extensions() {
    assert_eq!(count(&mut service_fn(bare), request(TRACED, false)), 0);
    let mut layered = ExtractLayer::new(presets::W3C).id_generator(ids()).layer(service_fn(bare));
    assert_eq!(count(&mut layered, request(TRACED, true)), 1 + USED);
    assert_eq!(count(&mut layered, request(TRACED, false)), 1 + EMPTY);
}

#[test]
fn ok_extract_without_trace_headers_allocates_only_extensions() {
    let mut layered = ExtractLayer::new(presets::W3C).id_generator(ids()).layer(service_fn(bare));
    assert_eq!(count(&mut layered, request(&[], true)), USED);
    assert_eq!(count(&mut layered, request(&[], false)), EMPTY);
}

#[test]
fn ok_second_layers_allocate_nothing() {
    let layer = ExtractLayer::new(presets::W3C).id_generator(ids());
    assert_eq!(count(&mut layer.layer(layer.layer(service_fn(bare))), request(TRACED, true)), 1 + USED);
}

/// What was received is forwarded. The boxed mark says that there is no span.
#[test]
fn ok_skipped_requests_allocate_once_and_their_mark() {
    let layer = ExtractLayer::new(presets::W3C).id_generator(ids()).skip(|_| true);
    let skipped = |lines| count(&mut layer.layer(service_fn(bare)), request(lines, true));
    // A value without a size takes no allocation.
    assert_eq!((skipped(TRACED), skipped(&[])), (1 + USED, USED));
}

/// Refused headers are removed without a copy. The second value is the `RefusedContext`.
#[test]
fn ok_refusing_allocates_only_values_of_extensions() {
    let layer = ExtractLayer::new(presets::W3C).id_generator(ids()).trust(traceprop_tower::Trust::Ignore);
    let refused = |lines| count(&mut layer.layer(service_fn(bare)), request(lines, true));
    assert_eq!((refused(TRACED), refused(&[])), (2 * USED, USED));
}

#[test]
fn ok_settings_of_the_layer_allocate_nothing_more() {
    let layer = ExtractLayer::new(presets::W3C).id_generator(ids());
    let sampling = layer.clone().sampler(ParentBased::new(AlwaysOn));
    let trusting = layer.clone().trust_fn(|_| traceprop_tower::Trust::Resample);
    for layer in [sampling, trusting, layer.passthrough().keep_refused()] {
        assert_eq!(count(&mut layer.layer(service_fn(bare)), request(TRACED, true)), 1 + USED);
    }
}

/// The report is one more value of the extensions.
#[test]
fn ok_reports_allocate_once() {
    let layer = ExtractLayer::new(presets::W3C).id_generator(ids());
    let reporting = layer.clone().on_report(|report| assert_eq!(report.invalid_headers().count(), 0));
    for layer in [reporting, layer.keep_report()] {
        assert_eq!(count(&mut layer.layer(service_fn(bare)), request(TRACED, true)), 1 + 2 * USED);
    }
}

/// Each written header allocates its value. The map has room for it.
#[test]
fn ok_response_headers_allocate_once_each() {
    use traceprop_tower::ResponseHeaders;

    let bare = service_fn(|request: Request<()>| {
        let mut response = Response::new(request);
        response.headers_mut().reserve(8);
        ready(Ok::<_, Infallible>(response))
    });
    let layer = ExtractLayer::new(presets::W3C).id_generator(ids());
    let without = count(&mut layer.layer(bare), request(TRACED, true));
    let origin = http::HeaderValue::from_static("*");
    for (response_headers, headers) in [
        (ResponseHeaders::new(), 0),
        (ResponseHeaders::new().server_timing(), 1),
        (ResponseHeaders::new().traceresponse(), 1),
        (ResponseHeaders::new().server_timing().traceresponse().timing_allow_origin(origin), 2),
    ] {
        let layer = layer.clone().response_headers(response_headers);
        assert_eq!(count(&mut layer.layer(bare), request(TRACED, true)), without + headers);
    }
    let layer = layer.response_headers(ResponseHeaders::new().server_timing().expose_headers());
    // Values that are equal in all responses are shared by the first response.
    assert!(count(&mut layer.layer(bare), request(TRACED, true)) <= without + 2);
    assert_eq!(count(&mut layer.layer(bare), request(TRACED, true)), without + 1);
}

#[cfg(feature = "http-body")]
#[test]
fn ok_context_of_a_body_allocates_nothing() {
    use http_body::Body;
    use http_body_util::Full;

    let layer = ExtractLayer::new(presets::W3C).id_generator(ids());
    let without = count(&mut layer.layer(service_fn(bare)), request(TRACED, true));
    assert_eq!(
        count(&mut layer.clone().include_response_body().layer(service_fn(bare)), request(TRACED, true)),
        without
    );

    let full = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(Full::new(&b"hello"[..])))));
    let mut layered = layer.include_response_body().layer(full);
    let mut task = Context::from_waker(Waker::noop());
    let mut future = pin!(layered.call(request(TRACED, true)));
    let std::task::Poll::Ready(Ok(response)) = future.as_mut().poll(&mut task) else { panic!("it is ready") };
    let mut body = pin!(response.into_body());
    let polls = measure(|| while !matches!(body.as_mut().poll_frame(&mut task), std::task::Poll::Ready(None)) {});
    assert_eq!(polls.count_total, 0);
}

#[test]
fn ok_random_ids_allocate_nothing() {
    let mut layered = ExtractLayer::new(presets::W3C).layer(service_fn(bare));
    // The first use creates the generator of the thread.
    count(&mut layered, request(TRACED, true));
    assert_eq!(count(&mut layered, request(TRACED, true)), 1 + USED);
}

#[test]
fn ok_inject_allocates_once_a_line() {
    let span = SpanContext::root(&ids());
    let context = OwnedContext::new(span).with_tracestate([("rojo", "1")]).expect("it is valid");
    let with_room = || {
        let mut request = request(&[], false);
        request.headers_mut().reserve(8);
        request
    };
    let mut layered = InjectLayer::new(presets::W3C)
        .id_generator(ids())
        .inject_options(InjectOptions::everything())
        .layer(service_fn(bare));
    let mut call = with_room();
    call.extensions_mut().insert(context.clone());
    assert_eq!(count(&mut layered, call), 2);
    assert_eq!(context.scope(|| count(&mut layered, with_room())), 2);
    assert_eq!(count(&mut layered, request(&[], false)), 0);
}

#[cfg(feature = "tracing")]
#[test]
fn ok_disabled_logs_allocate_nothing() {
    use traceprop_tower::logging::SpanLayer;

    let bad = &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0")];
    for lines in [TRACED, bad] {
        let plain = ExtractLayer::new(presets::ALL_TO_W3C).id_generator(ids()).keep_report();
        let logged = plain.clone().log_problems().on_finding(|finding| assert!(!finding.format.is_empty()));
        let without = count(&mut plain.layer(service_fn(bare)), request(lines, true));
        let with = count(&mut logged.layer(SpanLayer::new().layer(service_fn(bare))), request(lines, true));
        assert_eq!(with, without);
    }
}
