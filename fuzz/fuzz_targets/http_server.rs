//! Bytes on a connection to a real server with our layer around its handler: whatever they are, every request that
//! reaches the handler is answered with 200, and what a call from there sends is legal, ours, and the same trace.
#![cfg_attr(fuzzing, no_main)]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tower_layer::Layer;
use tower_service::Service;
use traceprop_core::formats::correlation::Correlation;
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{Field, IdBits, InjectOptions, OwnedContext, Propagator, Sampling, SpanId, Trust, presets};
use traceprop_fuzz::oracle::correlation;
use traceprop_fuzz::wire::{Answer, Wire, finish};
use traceprop_fuzz::{Headers, extract, ids, target, written_by_passthrough, written_by_span};
use traceprop_http::HeaderCarrier;
use traceprop_tower::{ExtractLayer, InjectLayer, ResponseHeaders};

target!(run);

/// The span of the call that a handler makes.
const CALL: u64 = 0x00f0_67aa_0ba9_02b7;
/// Lines of a request: more than any format reads of one field.
const MAX_HEADERS: usize = 200;
/// Bytes that our layer may allocate for each byte of a request, and for any request.
const MEMORY: (u64, u64) = (4, 4096);
const NAME: &str = "x-request-id";
const RULES: correlation::Rules = correlation::Rules { opaque: true, envoy_mask: true };

type Ids = fn() -> IdBits;

static ALL: LazyLock<Arc<Propagator>> = LazyLock::new(|| {
    let formats = Propagator::builder().define(Sw8::new("cart", "cart-1")).names("all", "all,b3multi");
    let formats = formats.expect("known names").with_format(Correlation::from_static(NAME).opaque());
    formats.build().expect("all formats").into()
});

/// One for each of the lower five bits of the settings.
static LAYERS: LazyLock<Vec<ExtractLayer<Ids>>> = LazyLock::new(|| (0..32).map(layer).collect());

const TRUST: [Trust; 4] = [Trust::Continue, Trust::Restart, Trust::Ignore, Trust::Resample];

fn layer(settings: u8) -> ExtractLayer<Ids> {
    let layer = ExtractLayer::new(Arc::clone(&ALL)).id_generator(ids as Ids).trust(TRUST[usize::from(settings & 3)]);
    let layer = if settings & 4 != 0 { layer.passthrough() } else { layer };
    let layer = if settings & 8 != 0 {
        layer.response_headers(
            ResponseHeaders::new()
                .server_timing()
                .traceresponse()
                .echo_correlation(Correlation::from_static(NAME).opaque())
                .expose_headers(),
        )
    } else {
        layer
    };
    if settings & 16 == 0 {
        return layer;
    }
    layer.on_report(|report| assert!(report.to_string().chars().all(|c| !c.is_control())))
}

fn run(data: &[u8]) {
    let (&settings, sent) = data.split_first().unwrap_or((&0, &[]));
    let seen = Handler { trust: TRUST[usize::from(settings & 3)], calls: Arc::default() };
    let service = LAYERS[usize::from(settings % 32)].layer(seen.clone());
    let served = service_fn(move |request: Request<Incoming>| {
        let (head, _) = request.into_parts();
        let mut request = Request::from_parts(head, ());
        reading_is_cheap(&request, settings);
        let arrived = Arrived(request.headers().clone());
        request.extensions_mut().insert(arrived);
        service.clone().call(request)
    });
    // How many bytes arrive at a time: all of them, or so few that lines are torn apart.
    let pieces = [usize::MAX, 1, 7, 100];
    let mut answer = Vec::new();
    let wire = Wire::new(sent, pieces[usize::from(settings / 32 % 4)], &mut answer);
    let mut server = http1::Builder::new();
    // The client has sent all that it will, and waits for the answers. Without a date they are the same each time.
    server.max_headers(MAX_HEADERS).half_close(true).auto_date_header(false);
    // How hyper answers bytes that are not a request is not checked, only that it ends.
    let _ = finish(server.serve_connection(wire, served), 16 + sent.len());
    let calls = std::mem::take(&mut *seen.calls.lock().unwrap_or_else(PoisonError::into_inner));
    answered(&answer, &calls, settings & 8 != 0);
}

/// Checks that every call of the handler has its answer, in order. After them, hyper may reject what is not a request.
fn answered(mut bytes: &[u8], calls: &[Call], responds: bool) {
    for call in calls {
        let (answer, rest) = Answer::read(bytes, call.has_body);
        bytes = rest;
        assert_eq!(answer.status, 200, "{answer:?}");
        if call.has_body {
            assert_eq!(answer.body, call.trace.as_bytes(), "{answer:?}");
        }
        let timing = call.span.as_ref().filter(|_| responds);
        let traced = answer.value("traceresponse").map(|value| &value[..52]);
        assert_eq!(traced, timing.map(|span| &span[..52]), "{answer:?}");
        let timed = answer.value("server-timing");
        assert_eq!(timed.map(str::to_owned), timing.map(|span| format!("traceparent;desc=\"{span}\"")), "{answer:?}");
        assert_eq!(answer.value("access-control-expose-headers").is_some(), responds && call.is_read, "{answer:?}");
    }
    if !bytes.is_empty() {
        let (answer, rest) = Answer::read(bytes, true);
        assert!(matches!(answer.status, 400..600) && answer.headers.iter().all(|(name, _)| !name.contains("trace")));
        assert!(rest.is_empty(), "{}", rest.escape_ascii());
    }
}

/// Checks that the work before the handler is called is bounded by the length of the request. A report is excluded.
fn reading_is_cheap(request: &Request<()>, settings: u8) {
    let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let sent: usize = lines.sum();
    let mut service = LAYERS[usize::from(settings % 16)].layer(Idle);
    let mut copy = Some(request.clone());
    let mut reading = None;
    let count = allocation_counter::measure(|| reading = copy.take().map(|copy| service.call(copy)));
    assert!(reading.is_some());
    let (each, base) = MEMORY;
    assert!(count.bytes_total <= each * sent as u64 + base, "{} bytes for {sent}", count.bytes_total);
}

/// The headers as the layer found them. What it refuses is gone when the handler is called, and names may have moved.
#[derive(Clone)]
struct Arrived(HeaderMap);

/// What a handler knew of its request.
struct Call {
    has_body: bool,
    /// Our layer has read it.
    is_read: bool,
    trace: String,
    /// What callers may be told.
    span: Option<String>,
}

/// Makes a call to another service, and answers with the trace.
#[derive(Clone)]
struct Handler {
    trust: Trust,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Service<Request<()>> for Handler {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let context = request.extensions().get::<OwnedContext>();
        assert!(context.is_some(), "a skipped request is a passthrough");
        assert_eq!(
            OwnedContext::current().map(|context| context.trace_id()),
            context.map(|context| context.trace_id())
        );
        if let (Some(context), Some(Arrived(arrived))) = (context, request.extensions().get()) {
            calls(context, arrived, request.headers(), self.trust);
        }
        let trace = context.and_then(OwnedContext::trace_id).map(|id| id.to_string()).unwrap_or_default();
        let span = context.and_then(OwnedContext::span).map(|span| {
            let sampled = u8::from(span.sampling().is_sampled());
            format!("00-{}-{}-{sampled:02x}", span.trace_id(), span.span_id())
        });
        let has_body = ![Method::HEAD, Method::CONNECT].contains(request.method());
        let call = Call { has_body, is_read: context.is_some(), trace: trace.clone(), span };
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        ready(Ok(Response::new(Full::from(trace))))
    }
}

/// Checks what is sent from here, with the call's own headers alone and after a proxy that forwards all headers.
///
/// It equals what is written from the lines of the request as it arrived.
fn calls(context: &OwnedContext, arrived: &HeaderMap, received: &HeaderMap, trust: Trust) {
    let outgoing = InjectOptions::everything().peer("stock:80").endpoint("/cart");
    let call = SpanId::new(CALL).expect("not zero");
    let lines = arrived.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    let (lines, trusting): (Headers, _) = (lines.collect(), Propagator::clone(&ALL).with_trust(trust));
    few_are_looked_up(arrived, &lines);
    let extraction = extract(&trusting, &lines);
    let (expected, parent) = if context.span().is_some() {
        (written_by_span(&ALL, &extraction.new_span(&ids).child(call), &outgoing).0, Some(call))
    } else {
        (written_by_passthrough(&ALL, &extraction.passthrough(), &outgoing).0, context.span_id())
    };
    let headers = sent(HeaderMap::new());
    assert_eq!(sorted(&headers), by_name(expected.0));

    let carrier = HeaderCarrier::new(&headers);
    let read = extract(&ALL, &carrier);
    match (read.context(), read.sampling()) {
        (Some(read), _) if parent.is_some() => {
            assert_eq!((Some(read.trace_id), read.parent_id), (context.trace_id(), parent));
            // A traceparent has no value for an open decision. A passthrough that takes none from the caller keeps its bit.
            let resampled = trust == Trust::Resample && context.span().is_none();
            let decision = if resampled { ALL.extract(&lines).sampling() } else { context.sampling() };
            let decided = if decision.is_sampled() { Sampling::Sampled } else { Sampling::NotSampled };
            assert!([context.sampling(), decided].contains(&read.sampling), "{}", read.sampling);
        }
        // Without a span, ids without a parent are those of a header that has no more. The text of a correlation header
        // goes on as it was received, whether it is the id of this trace or not, unless the caller is ignored.
        (Some(read), _) => {
            let text = correlation::line(&sorted(&headers), NAME).map(|text| correlation::meaning(text, RULES));
            let is_text = text == Some(correlation::Meaning::Trace(read.trace_id)) && trust != Trust::Ignore;
            assert!(is_text || context.trace_id() == Some(read.trace_id), "{read:?}");
            assert_eq!(read.parent_id, None);
        }
        (None, sampling) if sampling != Sampling::Deferred => {
            assert_eq!((sampling, context.trace_id()), (context.sampling(), None));
        }
        (None, _) => assert!(parent.is_none(), "{:?} is lost", context.trace_id()),
    }

    let proxied = sent(received.clone());
    for name in headers.keys() {
        assert!(proxied.get_all(name).iter().eq(headers.get_all(name)), "{name}: something stale");
    }
    for name in received.keys().filter(|name| is_foreign(name.as_str())) {
        assert!(proxied.get_all(name).iter().eq(received.get_all(name)), "{name} is not a header of ours");
    }
    if context.span().is_some() {
        let read = extract(&ALL, &HeaderCarrier::new(&proxied)).context();
        assert_eq!(read.map(|read| (read.trace_id, read.parent_id)), context.trace_id().map(|id| (id, parent)));
    }
}

/// Checks that walking a map, as for many formats, and asking it for a few names have equal results.
fn few_are_looked_up(received: &HeaderMap, lines: &Headers) {
    let few = &presets::W3C.propagator();
    let (carrier, said) = (HeaderCarrier::new(received), InjectOptions::everything());
    let (asked, walked) = (extract(few, &carrier), extract(few, lines));
    assert_eq!((asked.context(), asked.sampling()), (walked.context(), walked.sampling()));
    assert_eq!(
        written_by_passthrough(few, &asked.passthrough(), &said).0,
        written_by_passthrough(few, &walked.passthrough(), &said).0
    );
    let (asked, walked) = (asked.new_span(&ids), walked.new_span(&ids));
    assert_eq!(written_by_span(few, &asked, &said).0, written_by_span(few, &walked, &said).0);
}

fn is_foreign(name: &str) -> bool {
    Field::from_name(name).is_none() && name != NAME
}

/// Returns what the client layer makes of these headers, in the current context.
fn sent(headers: HeaderMap) -> HeaderMap {
    let outgoing = InjectOptions::everything().endpoint("/cart");
    let layer = InjectLayer::new(Arc::clone(&ALL)).id_generator(|| IdBits::non_random(CALL)).inject_options(outgoing);
    let (mut request, ()) = Request::get("http://stock:80/").body(()).expect("a request").into_parts();
    request.headers = headers;
    let Ok(answer) = layer.layer(Idle).call(Request::from_parts(request, ())).into_inner();
    answer.into_body()
}

/// The service inside a layer: it answers with the headers of the request.
struct Idle;

impl Service<Request<()>> for Idle {
    type Response = Response<HeaderMap>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        ready(Ok(Response::new(request.into_parts().0.headers)))
    }
}

/// Sorts by name, and keeps the order of the lines of a name.
fn sorted(headers: &HeaderMap) -> Headers {
    let lines = headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    by_name(lines.collect())
}

fn by_name(mut headers: Headers) -> Headers {
    headers.sort_by(|(one, _), (other, _)| one.cmp(other));
    headers
}
