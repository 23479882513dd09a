//! A context reaches all code that handles its request, and no other code: an axum server on a real socket.

mod support;

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::routing::get as on_get;
use axum::{Router, middleware};
use support::{Answer, PARENT, TRACE, get, send, serve};
use tower::{Layer, Service};
use traceprop_tower::{ExtractLayer, InContext, OwnedContext, presets};

/// Returns the current context as text: its trace and its parent span.
fn seen() -> String {
    OwnedContext::current().map_or("none".to_owned(), |context| describe(&context))
}

fn describe(context: &OwnedContext) -> String {
    let trace_id = context.trace_id().map_or("none".to_owned(), |id| id.to_string());
    format!("{trace_id}/{}", context.parent_id().map_or("root".to_owned(), |id| id.to_string()))
}

fn traceparent(line: &str) -> Vec<u8> {
    format!("traceparent: {line}\r\n").into_bytes()
}

fn continued() -> Answer {
    Answer::ok(format!("{TRACE}/00f067aa0ba902b7"))
}

#[tokio::test]
async fn ok_handlers_nested_routers_and_fallbacks_see_the_context() {
    let inner = Router::new().route("/deep", on_get(async || seen())).fallback(async || format!("inner {}", seen()));
    let app = Router::new()
        .route("/", on_get(async || seen()))
        .nest("/nested", inner)
        .fallback(async || format!("outer {}", seen()))
        .layer(ExtractLayer::new(presets::W3C));
    let address = serve(app).await;
    let lines = traceparent(PARENT);
    assert_eq!(get(address, "/", &lines).await, continued());
    assert_eq!(get(address, "/nested/deep", &lines).await, continued());
    assert_eq!(get(address, "/nested/none", &lines).await.body, format!("inner {}", continued().body));
    assert_eq!(get(address, "/none", &lines).await.body, format!("outer {}", continued().body));
    let new = get(address, "/", b"").await;
    assert!(new.body.ends_with("/root") && !new.body.starts_with(TRACE), "{new:?}");
}

#[tokio::test]
async fn ok_context_is_current_after_each_await_and_in_the_request() {
    async fn handler(request: Request) -> String {
        let before = seen();
        tokio::time::sleep(Duration::from_millis(2)).await;
        let body = axum::body::to_bytes(request.into_body(), 64).await.unwrap_or_default();
        tokio::task::yield_now().await;
        let after = seen();
        let task = tokio::spawn(async { seen() }.in_current_context()).await.unwrap_or_default();
        let bare_task = tokio::spawn(async { seen() }).await.unwrap_or_default();
        let Some(context) = OwnedContext::current() else { return "none".to_owned() };
        let thread = tokio::task::spawn_blocking(context.wrap(seen)).await.unwrap_or_default();
        format!("{} {} {} {bare_task} {}", before == after, before == task, before == thread, body.len())
    }
    async fn extension(request: Request) -> String {
        request.extensions().get::<OwnedContext>().map_or("none".to_owned(), describe)
    }
    let app = Router::new()
        .route("/", on_get(handler))
        .route("/extension", on_get(extension))
        .layer(ExtractLayer::new(presets::W3C));
    let address = serve(app).await;
    assert_eq!(get(address, "/", &traceparent(PARENT)).await, Answer::ok("true true true none 0"));
    assert_eq!(get(address, "/extension", &traceparent(PARENT)).await, continued());
}

type Log = Arc<Mutex<Vec<String>>>;

/// Records the current context in `call`, before any future is polled.
#[derive(Clone)]
struct Note<S>(S, Log);

impl<S: Service<Request>> Service<Request> for Note<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(task)
    }

    fn call(&mut self, request: Request) -> S::Future {
        self.1.lock().expect("no panic").push(seen());
        self.0.call(request)
    }
}

#[derive(Clone)]
struct NoteLayer(Log);

impl<S> Layer<S> for NoteLayer {
    type Service = Note<S>;

    fn layer(&self, inner: S) -> Note<S> {
        Note(inner, Arc::clone(&self.0))
    }
}

#[tokio::test]
async fn ok_inner_layers_see_the_context_and_outer_ones_do_not() {
    let (inner, answered, outer) = (Log::default(), Log::default(), Log::default());
    let log = Arc::clone(&answered);
    let after_the_answer = middleware::from_fn(move |request: Request, next: middleware::Next| {
        let log = Arc::clone(&log);
        async move {
            let response = next.run(request).await;
            log.lock().expect("no panic").push(seen());
            response
        }
    });
    let app = Router::new()
        .route("/", on_get(async || seen()))
        .layer(NoteLayer(Arc::clone(&inner)))
        .layer(after_the_answer)
        .layer(ExtractLayer::new(presets::W3C))
        .layer(NoteLayer(Arc::clone(&outer)));
    let address = serve(app).await;
    assert_eq!(get(address, "/", &traceparent(PARENT)).await, continued());
    assert_eq!(*inner.lock().unwrap(), [continued().body]);
    assert_eq!(*answered.lock().unwrap(), [continued().body]);
    assert_eq!(*outer.lock().unwrap(), ["none"]);
}

#[tokio::test]
async fn ok_only_preflights_are_options_without_a_span() {
    let app = Router::new()
        .route(
            "/",
            axum::routing::any(async |request: Request| {
                let context = request.extensions().get::<OwnedContext>();
                format!("{} {}", seen(), context.is_some_and(OwnedContext::is_passthrough))
            }),
        )
        .layer(ExtractLayer::new(presets::W3C));
    let address = serve(app).await;
    let preflight = [&traceparent(PARENT)[..], b"access-control-request-method: GET\r\n"].concat();
    let forwarded = send(address, "OPTIONS", "/", &preflight).await.map(|answer| answer.body);
    // There is no span, so the caller's is the one of the context.
    assert_eq!(forwarded.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736/root true"));
    for (method, lines) in [("OPTIONS", traceparent(PARENT)), ("POST", preflight.clone()), ("PURGE", preflight)] {
        let answer = send(address, method, "/", &lines).await;
        assert_eq!(answer, Some(Answer::ok(format!("{} false", continued().body))), "{method}");
    }
}

#[tokio::test]
async fn ok_panicking_handler_leaks_no_context() {
    let app = Router::new()
        .route(
            "/panic",
            on_get(async || -> String {
                tokio::task::yield_now().await;
                assert!(OwnedContext::current().is_none(), "on purpose: {}", seen());
                seen()
            }),
        )
        .layer(ExtractLayer::new(presets::W3C))
        .route("/bare", on_get(async || seen()));
    // One thread serves all requests, so a leaked context would be found on it.
    let address = serve(app).await;
    for _ in 0..3 {
        assert_eq!(send(address, "GET", "/panic", &traceparent(PARENT)).await, None);
        assert_eq!(get(address, "/bare", &traceparent(PARENT)).await, Answer::ok("none"));
        assert!(OwnedContext::current().is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ok_parallel_requests_never_see_each_others_context() {
    async fn handler(request: Request) -> String {
        let own = request.extensions().get::<OwnedContext>().map_or("none".to_owned(), describe);
        for round in 0..20 {
            let there = seen();
            assert_eq!(there, own, "round {round}");
            match round % 3 {
                0 => tokio::task::yield_now().await,
                1 => tokio::time::sleep(Duration::from_micros(300)).await,
                _ => {
                    let elsewhere = tokio::spawn(async { seen() }.in_current_context()).await;
                    assert_eq!(elsewhere.unwrap_or_default(), own, "round {round}");
                }
            }
        }
        own
    }
    let address = serve(Router::new().route("/", on_get(handler)).layer(ExtractLayer::new(presets::W3C))).await;
    let requests: Vec<_> = (1..=200_u32)
        .map(|n| {
            tokio::spawn(async move {
                let lines = traceparent(&format!("00-{n:032x}-{n:016x}-01"));
                assert_eq!(get(address, "/", &lines).await, Answer::ok(format!("{n:032x}/{n:016x}")));
            })
        })
        .collect();
    for request in requests {
        request.await.unwrap();
    }
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn ok_extractor_returns_the_context_and_never_rejects() {
    use traceprop_tower::RequestContext;

    async fn handler(RequestContext(context): RequestContext) -> String {
        context.as_ref().map_or("none".to_owned(), describe)
    }
    let app = Router::new()
        .route("/", axum::routing::any(handler))
        .layer(ExtractLayer::new(presets::W3C))
        .route("/bare", on_get(handler));
    let address = serve(app).await;
    assert_eq!(get(address, "/", &traceparent(PARENT)).await, continued());
    assert_eq!(send(address, "OPTIONS", "/", &traceparent(PARENT)).await, Some(continued()));
    assert_eq!(get(address, "/bare", &traceparent(PARENT)).await, Answer::ok("none"));
}
