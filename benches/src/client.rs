//! Outgoing calls: the work between a request that is built and a transport. Nothing is sent.
//!
//! `call/client` is a whole client that cannot connect: the work of ours is its time without that of *reqwest*.
//! `call/middleware` is a chain of middlewares whose last one answers instead of a server: the work of a contender is
//! its time without that of *no middleware*. `call/rules` is the work of our client for each hop: the rules are asked,
//! a child span is made and written.

use std::error::Error;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use ::opentelemetry_0_32::propagation::{TextMapCompositePropagator, TextMapPropagator};
use ::opentelemetry_0_32::trace::TracerProvider;
use ::opentelemetry_0_32::{Context as OtelContext, global};
use async_trait::async_trait;
use http::Extensions;
use opentelemetry_http_0_32::HeaderExtractor;
use opentelemetry_sdk_0_32::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk_0_32::trace::SdkTracerProvider;
use reqwest::{Method, Request, Response, StatusCode};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, Result};
use reqwest_tracing::TracingMiddleware;
use tower::Service;
use tower::layer::layer_fn;
use traceprop_core::{InjectOptions, presets};
use traceprop_reqwest::{PropagationMiddleware, Rule, Rules, RulesExt};
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt;

use crate::contender::Exchange;
use crate::w3c::{IDS, LUGGAGE, PACKED, SAMPLED, STATE};
use crate::{Case, Contender, Found, Input, Tracestate, outgoing, traceprop};

static CONTEXT: Input =
    Input::new("traceparent+tracestate", &[SAMPLED, STATE], Found { tracestate: Tracestate::Members(3), ..IDS });
static WITH_BAGGAGE: Input = Input::new(
    "traceparent+tracestate+baggage",
    &[SAMPLED, STATE, LUGGAGE],
    Found { tracestate: Tracestate::Members(3), baggage: PACKED, ..IDS },
);

pub fn cases() -> Vec<Case> {
    vec![
        client(&CONTEXT),
        middleware(&CONTEXT),
        middleware(&WITH_BAGGAGE),
        rules("rules", "http://10.1.2.3/items", &CONTEXT, None),
        rules("rules-all-baggage", "http://own.internal:8080/items", &WITH_BAGGAGE, Some(LUGGAGE.1)),
        rules("rules-baggage-by-keys", "http://stock.internal:8080/items", &WITH_BAGGAGE, Some("userId=alice")),
        rules("rules-nothing", "http://stranger.example/items", &WITH_BAGGAGE, None),
    ]
}

/// Runs a client up to the connection, which fails. The headers are not visible there; the cases below check them.
fn client(input: &'static Input) -> Case {
    let builder = || {
        // A system call for the proxies of the environment is not part of the work.
        let transport = reqwest::Client::builder().no_proxy().connector_layer(layer_fn(Refuse));
        traceprop_reqwest::Client::builder(presets::W3C).transport(transport)
    };
    let follows = builder().build().expect("a client");
    let stays = builder().no_redirects().build().expect("a client");
    let plain = reqwest::Client::builder().no_proxy().connector_layer(layer_fn(Refuse));
    let plain = plain.redirect(reqwest::redirect::Policy::none()).build().expect("a client");

    let context = traceprop::context_default(&input.request(0));
    let current = move |work: &mut dyn FnMut()| {
        let _current = context.clone().enter();
        work();
    };
    let again = current.clone();
    let refused = |call: &Exchange| assert!(call.refused && call.response.is_none());
    let ours = |client: &traceprop_reqwest::Client, call: &mut Exchange| {
        let request = call.request.take().expect("a request");
        call.refused = now(client.execute(request)).is_err_and(|error| error.is_connect());
    };
    Case {
        name: format!("call/client/{}/16-other", input.name),
        contenders: vec![
            Contender::call("traceprop", request(URL), current, move |call| ours(&follows, call), refused),
            Contender::call("traceprop (no redirects)", request(URL), again, move |call| ours(&stays, call), refused),
            Contender::call(
                "reqwest",
                request(URL),
                |work| work(),
                move |call| {
                    let request = call.request.take().expect("a request");
                    call.refused = now(plain.execute(request)).is_err_and(|error| error.is_connect());
                },
                refused,
            ),
        ],
    }
}

/// Refuses every connection.
#[derive(Clone)]
struct Refuse<S>(S);

impl<S, R> Service<R> for Refuse<S>
where
    S: Service<R, Error = Box<dyn Error + Send + Sync>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Ready<std::result::Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<std::result::Result<(), S::Error>> {
        self.0.poll_ready(task)
    }

    fn call(&mut self, _: R) -> Self::Future {
        ready(Err("refused".into()))
    }
}

/// Runs a chain of middlewares that sends everything.
fn middleware(input: &'static Input) -> Case {
    let ours = chain(Some(PropagationMiddleware::new(presets::W3C)), input);
    let theirs = chain(Some(TracingMiddleware::default()), input);
    let bare = chain(None::<PropagationMiddleware>, input);

    let context = traceprop::context_default(&input.request(0));
    let in_ours = move |work: &mut dyn FnMut()| {
        let _current = context.clone().enter();
        work();
    };
    let in_theirs = otel(input);
    Case {
        name: format!("call/middleware/{}/16-other", input.name),
        contenders: vec![
            Contender::call("traceprop", request(URL), in_ours, move |call| send(&ours, call), answered),
            Contender::call("reqwest-tracing", request(URL), in_theirs, move |call| send(&theirs, call), answered),
            Contender::call("no middleware", request(URL), |work| work(), move |call| send(&bare, call), answered),
        ],
    }
}

/// Runs the rules, which allow `baggage`; a destination that gets nothing has no trace header at all.
fn rules(name: &str, url: &'static str, input: &'static Input, baggage: Option<&'static str>) -> Case {
    let destinations = Rules::builder(presets::W3C)
        .rule("10.0.0.0/8", Rule::trace_context())
        .rule("legacy.internal:8080", Rule::trace_context())
        .rule("own.internal", Rule::everything())
        .rule("*.internal", Rule::trace_context().allow_baggage(["userId", "tenant", "region"]))
        .rule("*", Rule::nothing())
        .build()
        .expect("good rules");
    let context = traceprop::context_default(&input.request(0));
    let nothing = url.contains("stranger");
    let edit = move |call: &mut Exchange| {
        let request = call.request.as_mut().expect("a request");
        destinations.inject(&context, request);
    };
    let check = move |call: &Exchange| {
        let headers = call.request.as_ref().expect("a request").headers();
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(text("traceparent").is_some_and(is_own_span), !nothing, "traceparent for {url}");
        assert_eq!(text("tracestate"), input.line("tracestate").filter(|_| !nothing), "tracestate for {url}");
        assert_eq!(text("baggage"), baggage, "baggage for {url}");
    };
    Case {
        name: format!("call/{name}/{}/16-other", input.name),
        contenders: vec![Contender::call("traceprop", request(url), |work| work(), edit, check)],
    }
}

const URL: &str = "http://stock.internal:8080/items";

/// Returns a built request, with the ordinary headers and room for more, and all else that a call may have.
fn request(url: &'static str) -> impl Fn() -> Exchange {
    move || {
        let mut request = Request::new(Method::GET, url.parse().unwrap());
        *request.headers_mut() = outgoing();
        let mut extensions = Extensions::new();
        extensions.insert(InjectOptions::everything());
        Exchange { request: Some(request), extensions, response: None, refused: false }
    }
}

/// Returns whether this is a span of the caller's trace, but not the caller's.
fn is_own_span(traceparent: &str) -> bool {
    let caller = SAMPLED.1;
    traceparent.len() == caller.len() && traceparent[..36] == caller[..36] && traceparent[36..] != caller[36..]
}

/// Replaces a transport, and answers whether it received the expected headers. Without a middleware none are expected.
struct Server {
    input: &'static Input,
    expects: bool,
}

#[async_trait]
impl Middleware for Server {
    async fn handle(&self, request: Request, _: &mut Extensions, _: Next<'_>) -> Result<Response> {
        let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let expected = |name: &str| self.input.line(name).filter(|_| self.expects);
        let is_right = text("traceparent").is_some_and(is_own_span) == self.expects
            && text("tracestate") == expected("tracestate")
            // A hash map may have changed the order.
            && text("baggage").map(str::len) == expected("baggage").map(str::len);
        let mut response = http::Response::new("");
        *response.status_mut() = if is_right { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        Ok(Response::from(response))
    }
}

fn chain(middleware: Option<impl Middleware>, input: &'static Input) -> ClientWithMiddleware {
    let server = Server { input, expects: middleware.is_some() };
    let client = ClientBuilder::new(reqwest::Client::new());
    let client = match middleware {
        Some(middleware) => client.with(middleware),
        None => client,
    };
    client.with(server).build()
}

fn send(client: &ClientWithMiddleware, call: &mut Exchange) {
    let request = call.request.take().expect("a request");
    call.response = now(client.execute_with_extensions(request, &mut call.extensions)).ok();
}

/// Runs a future. Nothing waits, so no waker is needed.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits"),
    }
}

fn answered(call: &Exchange) {
    assert_eq!(call.response.as_ref().map(Response::status), Some(StatusCode::OK));
}

/// Sets up what reqwest-tracing needs: a subscriber that makes OpenTelemetry spans without an exporter, the global
/// propagator, and the caller's context as the current one.
fn otel(input: &'static Input) -> impl Fn(&mut dyn FnMut()) {
    static DISPATCH: LazyLock<Dispatch> = LazyLock::new(|| {
        global::set_text_map_propagator(both());
        let tracer = SdkTracerProvider::builder().build().tracer("benches");
        Dispatch::new(tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer)))
    });
    let headers = input.request(0);
    let context = both().extract_with_context(&OtelContext::new(), &HeaderExtractor(&headers));
    move |work| {
        let _current = context.clone().attach();
        tracing::dispatcher::with_default(&DISPATCH, work);
    }
}

fn both() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![Box::new(TraceContextPropagator::new()), Box::new(BaggagePropagator::new())])
}

#[cfg(test)]
mod tests {
    /// Results are judged while a contender runs; a wrong one panics.
    #[test]
    fn ok_every_contender_of_every_case() {
        for mut case in super::cases() {
            for contender in &mut case.contenders {
                contender.run(100);
            }
        }
    }
}
