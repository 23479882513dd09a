//! Settings of a listener: trust, accepted baggage, skipped requests. Real servers on loopback.

mod support;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::routing::get as on_get;
use support::{Answer, PARENT, TRACE, get, serve};
use traceprop_core::sampler::{AlwaysOff, ParentBased};
use traceprop_tower::{Allow, ExtractLayer, OwnedContext, Propagator, Trust, presets};

/// Returns the current context as text: trace, parent, decision, baggage keys.
async fn seen() -> String {
    let Some(context) = OwnedContext::current() else { return "none".to_owned() };
    let trace = if context.trace_id().is_some_and(|id| id.to_string() == TRACE) { "same" } else { "new" };
    let parent = if context.parent_id().is_some() { "child" } else { "root" };
    let baggage = context.baggage();
    let keys: Vec<_> = baggage.iter().map(|member| member.key()).collect();
    format!("{trace} {parent} {} {}", context.sampling(), keys.join("+"))
}

async fn listener(layer: ExtractLayer) -> SocketAddr {
    serve(Router::new().route("/", on_get(seen)).route("/health", on_get(seen)).layer(layer)).await
}

fn lines(flags: &str) -> Vec<u8> {
    let parent = PARENT.strip_suffix("01").expect("it is sampled");
    format!("traceparent: {parent}{flags}\r\nbaggage: session.id=7,user.id=alice\r\n").into_bytes()
}

#[tokio::test]
async fn ok_listeners_of_one_propagator_differ_in_trust() {
    let propagator: Arc<Propagator> = presets::W3C.into();
    for (trust, unsampled) in [
        (Trust::Continue, "same child not-sampled session.id+user.id"),
        (Trust::Resample, "same child sampled session.id+user.id"),
        (Trust::Restart, "new root sampled session.id+user.id"),
        (Trust::Ignore, "new root sampled "),
    ] {
        let address = listener(ExtractLayer::new(Arc::clone(&propagator)).trust(trust)).await;
        assert_eq!(get(address, "/", &lines("00")).await, Answer::ok(unsampled), "{trust:?}");
    }
}

#[tokio::test]
async fn ok_restarted_trace_is_linked_in_the_report() {
    let links = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&links);
    let layer = ExtractLayer::new(presets::W3C).trust(Trust::Restart).on_report(move |report| {
        let links = report.extraction().links();
        let links = links.map(|link| format!("{} {} {}", link.trace_id, link.span_id, link.reason.as_str()));
        log.lock().expect("no panic").extend(links);
    });
    let address = listener(layer).await;
    for lines in [&lines("01")[..], b""] {
        assert!(get(address, "/", lines).await.body.starts_with("new root sampled"));
    }
    assert_eq!(*links.lock().unwrap(), [format!("{TRACE} 00f067aa0ba902b7 propagation_behavior_extract")]);
}

#[tokio::test]
async fn ok_sampler_decides_undecided_traces() {
    let layer = ExtractLayer::new(presets::W3C).trust(Trust::Resample).sampler(ParentBased::new(AlwaysOff));
    let address = listener(layer).await;
    for flags in ["00", "01"] {
        assert!(get(address, "/", &lines(flags)).await.body.starts_with("same child not-sampled"), "{flags}");
    }
}

#[tokio::test]
async fn ok_baggage_is_accepted_by_allow_list() {
    for (allow, kept) in [
        (Allow::All, "session.id+user.id"),
        (Allow::Only(&["session.id"]), "session.id"),
        (Allow::Only(&["tenant"]), ""),
        (Allow::None, ""),
    ] {
        for layer in [ExtractLayer::new(presets::W3C), ExtractLayer::new(presets::W3C).passthrough()] {
            let address = listener(layer.allow_baggage(allow)).await;
            let answer = get(address, "/", &lines("01")).await;
            assert_eq!(answer.body.rsplit(' ').next(), Some(kept), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn ok_skipped_paths_have_no_span_and_no_report() {
    let layer = ExtractLayer::new(presets::W3C)
        .skip(|head| head.uri.path() == "/health")
        .on_report(|report| assert_eq!(report.invalid_headers().count(), 0));
    for (trust, skipped, served) in [
        (Trust::Continue, "same root sampled session.id+user.id", "same child sampled session.id+user.id"),
        (Trust::Restart, "new root deferred session.id+user.id", "new root sampled session.id+user.id"),
        (Trust::Ignore, "new root deferred ", "new root sampled "),
    ] {
        let address = listener(layer.clone().trust(trust)).await;
        assert_eq!(get(address, "/health", &lines("01")).await, Answer::ok(skipped), "{trust:?}");
        assert!(get(address, "/health", &lines("zz")).await.body.starts_with("new root deferred"), "{trust:?}");
        assert_eq!(get(address, "/", &lines("01")).await, Answer::ok(served), "{trust:?}");
    }
}

#[tokio::test]
async fn ok_routes_have_their_own_settings() {
    let layer = ExtractLayer::new(presets::W3C);
    let public = Router::new().route("/page", on_get(seen)).layer(layer.clone().trust(Trust::Restart));
    let intake = Router::new().route("/intake", on_get(seen)).layer(layer.clone().trust(Trust::Ignore));
    let inside = layer.clone().skip(|head| !head.uri.path().starts_with("/inside"));
    let app = Router::new().route("/inside", on_get(seen)).merge(public).merge(intake).layer(inside);
    let address = serve(app).await;
    for (path, answer) in [
        ("/inside", "same child sampled session.id+user.id"),
        ("/page", "new root sampled session.id+user.id"),
        ("/intake", "new root sampled "),
    ] {
        assert_eq!(get(address, path, &lines("01")).await, Answer::ok(answer), "{path}");
    }
}

#[tokio::test]
async fn ok_the_stricter_of_two_layers_is_used() {
    let layer = |trust| ExtractLayer::new(presets::W3C).trust(trust).keep_refused();
    for (one, other, answer) in [
        (Trust::Continue, Trust::Continue, "same child not-sampled session.id+user.id"),
        (Trust::Continue, Trust::Resample, "same child sampled session.id+user.id"),
        (Trust::Continue, Trust::Restart, "new root sampled session.id+user.id"),
        (Trust::Resample, Trust::Restart, "new root sampled session.id+user.id"),
        (Trust::Resample, Trust::Ignore, "new root sampled "),
        (Trust::Restart, Trust::Ignore, "new root sampled "),
        (Trust::Ignore, Trust::Ignore, "new root sampled "),
    ] {
        for (outer, inner) in [(one, other), (other, one)] {
            let inside = Router::new().route("/", on_get(seen)).layer(layer(inner));
            let address = serve(inside.layer(layer(outer))).await;
            assert_eq!(get(address, "/", &lines("00")).await, Answer::ok(answer), "{outer:?} outside of {inner:?}");
        }
    }
}

async fn endpoint(request: Request) -> String {
    let context = request.extensions().get::<OwnedContext>();
    context.and_then(|context| context.endpoint()).unwrap_or("none").to_owned()
}

#[tokio::test]
async fn ok_endpoint_is_named_by_a_function() {
    let layer = ExtractLayer::new(presets::W3C).endpoint(|head| (head.method == "GET").then(|| "reads".into()));
    let app = Router::new().route("/", axum::routing::any(endpoint)).layer(layer);
    let address = serve(app).await;
    assert_eq!(get(address, "/", b"").await, Answer::ok("reads"));
    assert_eq!(support::send(address, "POST", "/", b"").await, Some(Answer::ok("none")));
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn ok_endpoint_is_the_matched_path_and_sent_in_sw8() {
    use std::future::ready;
    use tower::{ServiceBuilder, ServiceExt, service_fn};
    use traceprop_core::formats::sw8::{Sw8, Sw8Header};
    use traceprop_tower::InjectLayer;

    // A call that a handler makes from another task. The response is the endpoint that it received.
    async fn call() -> String {
        use traceprop_tower::InContext;

        let sw8 =
            Propagator::builder().extract_none().inject(Sw8::new("shop", "shop-1")).build().expect("valid settings");
        let callee = service_fn(|request: http::Request<()>| {
            let sw8 = Sw8Header::parse(request.headers()["sw8"].as_bytes()).map(|header| header.endpoint().to_string());
            ready(sw8)
        });
        let client = ServiceBuilder::new().layer(InjectLayer::new(sw8)).service(callee);
        let sent = tokio::spawn(client.oneshot(http::Request::new(())).in_current_context()).await;
        sent.ok().and_then(Result::ok).unwrap_or_default()
    }
    let inner = Router::new().route("/{id}/items", on_get(call)).fallback(call);
    let app = Router::new()
        .route("/", on_get(call))
        .route("/user/{name}", on_get(call))
        .nest("/orders", inner)
        .fallback(call)
        .layer(ExtractLayer::new(presets::W3C).matched_path());
    let address = serve(app).await;
    for (path, endpoint) in [
        ("/", "/"),
        ("/user/alice", "/user/{name}"),
        ("/orders/17/items?secret=1", "/orders/{id}/items"),
        ("/orders/none", "/"),
        ("/none", "/"),
    ] {
        assert_eq!(get(address, path, b"").await, Answer::ok(endpoint), "{path}");
    }
}
