use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use tower_service::Service;
use traceprop_core::{IdGenerator, RandomIds};

use super::InjectLayer;

/// Service that [`InjectLayer`] creates. See the [module docs](super).
#[derive(Debug)]
pub struct Inject<S, G = RandomIds> {
    inner: S,
    /// Shared, because clients are cloned for each call.
    settings: Arc<InjectLayer<G>>,
}

impl<S, G> Inject<S, G> {
    pub(super) fn new(inner: S, settings: InjectLayer<G>) -> Self {
        Self { inner, settings: Arc::new(settings) }
    }
}

impl<S: Clone, G> Clone for Inject<S, G> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), settings: Arc::clone(&self.settings) }
    }
}

impl<S, B, G> Service<Request<B>> for Inject<S, G>
where
    S: Service<Request<B>>,
    G: IdGenerator,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut head, body) = request.into_parts();
        self.settings.write(&mut head);
        self.inner.call(Request::from_parts(head, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use http::{HeaderMap, Response};
    use tower::{ServiceExt, service_fn};
    use tower_layer::Layer;
    use traceprop_core::{
        Allow,
        baggage::BaggageEntry,
        format::{CustomHeader, Format, FormatFields, Headers, InjectContext, Outcome, Parsed, Writer},
    };
    use traceprop_core::{IdBits, InjectOptions, OwnedBaggage, OwnedContext, Pairs, Propagator, SpanContext, presets};

    use crate::{ExtractLayer, Rule, Rules, Trust, WithoutContext};

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn context(span: u64) -> OwnedContext {
        OwnedContext::new(SpanContext::new(TRACE.parse().expect("an id"), span_id(span)))
    }

    fn span_id(span: u64) -> traceprop_core::SpanId {
        traceprop_core::SpanId::new(span).expect("not zero")
    }

    fn with_baggage() -> OwnedContext {
        let mut baggage = OwnedBaggage::new();
        for key in ["tenant", "user"] {
            baggage.push(BaggageEntry { key: key.into(), value: "x".into(), properties: String::new() });
        }
        context(1).with_baggage(&baggage)
    }

    fn traceparent(span: u64) -> String {
        format!("00-{TRACE}-{span:016x}-00")
    }

    fn to(uri: &str) -> Request<()> {
        Request::get(uri).body(()).expect("a request")
    }

    fn of(context: OwnedContext) -> Request<()> {
        let mut request = to("http://stock.internal:8080/");
        request.extensions_mut().insert(context);
        request
    }

    /// Counts span ids from 0x10, to identify each attempt.
    fn layer() -> InjectLayer<impl IdGenerator + Clone> {
        let next = Arc::new(AtomicU64::new(0x10));
        InjectLayer::new(presets::W3C).id_generator(move || IdBits::non_random(next.fetch_add(1, Relaxed)))
    }

    fn echo(request: Request<()>) -> Ready<Result<Response<HeaderMap>, Infallible>> {
        ready(Ok(Response::new(request.into_parts().0.headers)))
    }

    /// Returns the sent headers.
    async fn sent<G: IdGenerator + Clone>(layer: InjectLayer<G>, request: Request<()>) -> HeaderMap {
        let Ok(response) = layer.layer(service_fn(echo)).oneshot(request).await;
        response.into_body()
    }

    #[tokio::test]
    async fn ok_context_of_the_request_precedes_the_current_one() {
        let current = InjectLayer::new(presets::W3C).reuse_span();
        let _current = context(2).enter();
        assert_eq!(sent(current.clone(), of(context(1))).await["traceparent"], traceparent(1));
        assert_eq!(sent(current, to("/")).await["traceparent"], traceparent(2));
    }

    #[tokio::test]
    async fn ok_without_a_context_nothing_is_written() {
        let mut stale = to("/");
        stale.headers_mut().insert("traceparent", traceparent(5).parse().unwrap());
        let headers = sent(layer(), stale).await;
        assert_eq!((headers.len(), &headers["traceparent"]), (1, &traceparent(5).parse().unwrap()));
        assert!(sent(layer(), to("/")).await.is_empty());
    }

    #[tokio::test]
    async fn ok_start_new_traces_starts_a_sampled_trace() {
        let headers = sent(layer().start_new_traces(), to("/")).await;
        assert_eq!(headers["traceparent"], "00-00000000000000100000000000000011-0000000000000012-01");
        let headers = sent(layer().start_new_traces(), of(context(1))).await;
        assert_eq!(headers["traceparent"], traceparent(0x10));
    }

    #[tokio::test]
    async fn ok_each_attempt_of_a_retry_has_its_own_span() {
        let attempts = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&attempts);
        let fails_twice = service_fn(move |request: Request<()>| {
            let mut log = log.lock().expect("no panic");
            log.push(request.headers()["traceparent"].to_str().expect("text").to_owned());
            ready(if log.len() < 3 { Err("again") } else { Ok(Response::new(())) })
        });
        let mut client = layer().layer(fails_twice);
        // As a retry layer does, clone the caller's request for each attempt.
        let request = of(context(1));
        while client.ready().await.unwrap().call(request.clone()).await.is_err() {}
        assert_eq!(*attempts.lock().unwrap(), [traceparent(0x10), traceparent(0x11), traceparent(0x12)]);
    }

    #[tokio::test]
    async fn ok_passthrough_is_sent_as_received() {
        let received = format!("cc-{TRACE}-00f067aa0ba902b7-01-more");
        let propagator = presets::W3C.propagator();
        let headers = [("traceparent", received.as_str())];
        let passthrough = OwnedContext::from_passthrough(&propagator.extract(&headers));
        assert_eq!(sent(layer().start_new_traces(), of(passthrough)).await["traceparent"], received);

        let nothing = OwnedContext::from_passthrough(&propagator.extract(&Pairs::new()));
        assert!(sent(layer().start_new_traces(), of(nothing)).await.is_empty());
    }

    #[tokio::test]
    async fn ok_baggage_is_sent_only_where_allowed() {
        let headers = sent(layer(), of(with_baggage())).await;
        assert!(headers.contains_key("traceparent") && !headers.contains_key("baggage"));
        let headers = sent(layer().inject_options(InjectOptions::everything()), of(with_baggage())).await;
        assert_eq!(headers["baggage"], "tenant=x,user=x");

        let judged = layer().inject_options_fn(|uri| match uri.host()? {
            "stock.internal" => Some(InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]))),
            "partner.example" => Some(InjectOptions::new()),
            _ => None,
        });
        let mut request = of(with_baggage());
        assert_eq!(sent(judged.clone(), request.clone()).await["baggage"], "tenant=x");
        *request.uri_mut() = "https://partner.example/".parse().unwrap();
        assert!(sent(judged.clone(), request.clone()).await.keys().eq(["traceparent"]));
        *request.uri_mut() = "https://stranger.example/".parse().unwrap();
        assert!(sent(judged, request).await.is_empty());
    }

    #[tokio::test]
    async fn ok_omissions_are_reported_with_their_destination() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&told);
        let layer = layer().on_omitted(move |uri, report| {
            log.lock().expect("no panic").push(format!("{}: {report}", uri.host().unwrap_or_default()));
        });
        sent(layer.clone(), of(context(1))).await;
        sent(layer, of(with_baggage())).await;
        assert_eq!(*told.lock().unwrap(), ["stock.internal: baggage: 2 members omitted (not-allowed)"]);
    }

    #[tokio::test]
    async fn ok_stale_headers_are_replaced_and_others_kept() {
        let mut request = of(context(1));
        for (name, value) in [("traceparent", "old"), ("tracestate", "old=1"), ("b3", "0"), ("accept", "*/*")] {
            request.headers_mut().append(name, value.parse().unwrap());
        }
        let headers = sent(layer(), request).await;
        assert_eq!(headers["traceparent"], traceparent(0x10));
        assert_eq!(
            (headers.len(), &headers["b3"], &headers["accept"]),
            (3, &"0".parse().unwrap(), &"*/*".parse().unwrap())
        );
    }

    /// Format that writes the peer of a call.
    struct Peer;

    const PEER: CustomHeader = CustomHeader::from_static("x-peer");

    impl Format for Peer {
        fn name(&self) -> &str {
            "peer"
        }

        fn fields(&self) -> FormatFields<'_> {
            FormatFields::custom(&[PEER])
        }

        fn extract(&self, _: &Headers<'_>) -> Parsed {
            Parsed::new(Outcome::Absent)
        }

        fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
            writer.write_custom(&PEER, context.options().peer_or("unknown"));
        }
    }

    #[tokio::test]
    async fn ok_peer_is_the_authority_without_its_password() {
        let layer = InjectLayer::new(Propagator::builder().extract_none().inject(Peer).build().unwrap());
        for (uri, peer) in [
            ("http://stock.internal:8080/a?b", "stock.internal:8080"),
            ("https://alice:s3cret@stock.internal/", "stock.internal"),
            ("http://[::1]:80/", "[::1]:80"),
            ("/origin-form", "unknown"),
        ] {
            let mut request = to(uri);
            request.extensions_mut().insert(context(1));
            assert_eq!(sent(layer.clone(), request).await["x-peer"], peer, "{uri}");
        }
        let named = layer.inject_options(InjectOptions::new().peer("stock"));
        assert_eq!(sent(named, of(context(1))).await["x-peer"], "stock");
    }

    #[tokio::test]
    async fn ok_around_a_server_it_does_no_harm() {
        let mut request = to("/");
        request.headers_mut().insert("traceparent", traceparent(5).parse().unwrap());
        let inside = ExtractLayer::new(presets::W3C).layer(layer().layer(service_fn(echo)));
        let Ok(response) = inside.oneshot(request.clone()).await;
        assert_eq!(response.body()["traceparent"], traceparent(0x10));
        let outside = layer().layer(ExtractLayer::new(presets::W3C).layer(service_fn(echo)));
        let Ok(response) = outside.oneshot(request).await;
        assert_eq!(response.body()["traceparent"], traceparent(5));
    }

    /// Headers of several formats and of none, as a gateway copies them.
    const COPIED: [(&str, &str); 9] = [
        ("accept", "*/*"),
        ("b3", "0"),
        ("baggage", "theirs=1"),
        ("sentry-trace", "theirs"),
        ("sw8-correlation", "theirs"),
        ("traceparent", "theirs"),
        ("x-b3-sampled", "0"),
        ("x-datadog-origin", "theirs"),
        ("x_datadog_trace_id", "1"),
    ];

    fn copied(context: Option<OwnedContext>) -> Request<()> {
        let mut request = to("http://stock.internal:8080/");
        for (name, value) in COPIED {
            request.headers_mut().append(name, value.parse().expect("a value"));
        }
        if let Some(context) = context {
            request.extensions_mut().insert(context);
        }
        request
    }

    /// Returns the names of what is sent, and a `!` before those of which a value is not the copied one.
    async fn names<G: IdGenerator + Clone>(layer: InjectLayer<G>, request: Request<()>) -> String {
        let headers = sent(layer, request).await;
        let is_copied = |name: &str, value: &http::HeaderValue| COPIED.contains(&(name, value.to_str().expect("text")));
        let mark = |(name, value): (&http::HeaderName, _)| {
            format!("{}{name}", if is_copied(name.as_str(), value) { "" } else { "!" })
        };
        let mut names: Vec<_> = headers.iter().map(mark).collect();
        names.sort();
        names.join(" ")
    }

    const ALL_COPIED: &str =
        "accept b3 baggage sentry-trace sw8-correlation traceparent x-b3-sampled x-datadog-origin x_datadog_trace_id";

    #[tokio::test]
    async fn ok_no_options_remove_all_trace_headers_with_a_context_and_without() {
        let by_host = layer().inject_options_fn(|uri| (uri.host() != Some("stock.internal")).then(InjectOptions::new));
        for context in [Some(context(1)), None] {
            assert_eq!(names(by_host.clone(), copied(context.clone())).await, "accept");
            // Nor is anything kept where nothing may go.
            let kept = by_host.clone().keep_headers(&["baggage"]).keep_formats(&["all"]);
            assert_eq!(names(kept, copied(context)).await, "accept");
        }
        let mut other = copied(None);
        *other.uri_mut() = http::Uri::from_static("http://other.internal/");
        assert_eq!(names(by_host, other).await, ALL_COPIED);
    }

    #[tokio::test]
    async fn ok_without_a_context_headers_are_left_or_stripped() {
        assert_eq!(names(layer(), copied(None)).await, ALL_COPIED);
        let strip = layer().without_context(WithoutContext::Strip);
        assert_eq!(names(strip.clone(), copied(None)).await, "accept");
        assert_eq!(names(strip.clone().start_new_traces(), to("/")).await, "!traceparent");
        let by_uri = strip.clone().inject_options_fn(|_| Some(InjectOptions::everything()));
        assert_eq!(names(by_uri, copied(None)).await, "accept");
        // The passthrough of a request without a trace is no context either, unless it was refused.
        let empty = OwnedContext::from_passthrough(&presets::W3C.propagator().extract(&Pairs::new()));
        assert_eq!(names(layer(), copied(Some(empty.clone()))).await, ALL_COPIED);
        assert_eq!(names(strip.clone(), copied(Some(empty))).await, "accept");
        // With a context it says nothing: b3 is no format of this propagator.
        let rest =
            "!traceparent accept b3 sentry-trace sw8-correlation x-b3-sampled x-datadog-origin x_datadog_trace_id";
        assert_eq!(names(strip.clone(), copied(Some(context(1)))).await, rest);
        let rules = Rules::builder(presets::W3C).rule("stock.internal", Rule::everything()).build().unwrap();
        assert_eq!(names(layer().rules(rules.clone()), copied(None)).await, ALL_COPIED);
        assert_eq!(names(strip.rules(rules), copied(None)).await, "accept");
    }

    #[tokio::test]
    async fn ok_headers_of_another_library_are_kept_by_name() {
        let all = || InjectLayer::new(presets::ALL_TO_W3C);
        let request = || copied(Some(with_baggage()));
        assert_eq!(names(all(), request()).await, "!traceparent accept x_datadog_trace_id");
        let kept = all().inject_options(InjectOptions::everything()).keep_headers(&["Baggage", "sentry-trace"]);
        assert_eq!(names(kept.clone(), request()).await, "!traceparent accept baggage sentry-trace x_datadog_trace_id");
        // The names of the call replace those of the layer, and a header keeps its format whole.
        let of_call = InjectOptions::everything().keep_headers(&["traceparent"]);
        assert_eq!(
            names(kept.clone().inject_options(of_call), request()).await,
            "!baggage accept traceparent x_datadog_trace_id"
        );
        // A rule decides first.
        let rules = Rules::builder(presets::ALL_TO_W3C).rule("*", Rule::trace_context().allow_baggage(["tenant"]));
        assert_eq!(
            names(kept.rules(rules.build().unwrap()), request()).await,
            "!baggage !traceparent accept sentry-trace x_datadog_trace_id"
        );
    }

    #[tokio::test]
    async fn ok_formats_are_kept_only_for_a_trusted_caller() {
        for (trust, expected) in [
            (Trust::Continue, "!traceparent accept b3 x-b3-sampled x_datadog_trace_id"),
            (Trust::Resample, "!traceparent accept"),
            (Trust::Restart, "!traceparent accept"),
            (Trust::Ignore, "!traceparent accept"),
        ] {
            let propagator = presets::ALL_TO_W3C.propagator();
            let received = [("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")];
            let extraction = propagator.extract_with_trust(&received, trust);
            let context = OwnedContext::from_span(&extraction, &extraction.new_span(&traceprop_core::RandomIds));
            let layer = InjectLayer::new(presets::ALL_TO_W3C).keep_formats(&["b3"]);
            assert_eq!(names(layer, copied(Some(context))).await, expected, "{trust:?}");
        }
    }

    /// Returns the request that a handler has behind a listener.
    async fn behind(listener: ExtractLayer, mut request: Request<()>) -> Request<()> {
        request.extensions_mut().clear();
        let handler = service_fn(|request: Request<()>| ready(Ok::<_, Infallible>(Response::new(request))));
        let Ok(response) = listener.layer(handler).oneshot(request).await;
        response.into_body()
    }

    #[tokio::test]
    async fn ok_what_a_listener_refused_is_removed_from_a_copy_that_has_its_extensions() {
        for trust in [Trust::Restart, Trust::Ignore] {
            let listener = ExtractLayer::new(presets::W3C).trust(trust).keep_refused();
            let mut request = behind(listener, copied(None)).await;
            assert_eq!(request.headers().len(), COPIED.len());
            assert_eq!(names(layer(), request.clone()).await, "!traceparent accept", "{trust:?}");
            let kept = layer().keep_headers(&["sentry-trace"]);
            assert_eq!(names(kept, request.clone()).await, "!traceparent accept sentry-trace", "{trust:?}");
            // A context of the handler's own, and none at all.
            request.extensions_mut().insert(context(1));
            assert_eq!(names(layer(), request.clone()).await, "!traceparent accept", "{trust:?}");
            request.extensions_mut().remove::<OwnedContext>();
            assert_eq!(names(layer(), request.clone()).await, "accept", "{trust:?}");
            let rules = Rules::builder(presets::W3C).rule("*", Rule::everything()).build().unwrap();
            assert_eq!(names(layer().rules(rules), request).await, "accept", "{trust:?}");
        }
    }

    #[tokio::test]
    async fn ok_of_a_trusted_caller_only_what_was_refused_is_removed() {
        let listener = ExtractLayer::new(presets::W3C).allow_baggage(Allow::None).keep_refused();
        let mut request = behind(listener, copied(None)).await;
        request.extensions_mut().remove::<OwnedContext>();
        let rest = "accept b3 sentry-trace traceparent x-b3-sampled x-datadog-origin x_datadog_trace_id";
        assert_eq!(names(layer(), request).await, rest);
    }

    #[tokio::test]
    async fn ok_the_inner_of_two_layers_replaces_what_the_outer_one_wrote() {
        let all = || Propagator::from_names("all", "tracecontext,baggage,b3").unwrap();
        let inner = InjectLayer::new(presets::W3C).id_generator(|| IdBits::non_random(7));
        let outer = InjectLayer::new(all()).inject_options(InjectOptions::everything());
        let Ok(response) = outer.layer(inner.clone().layer(service_fn(echo))).oneshot(of(with_baggage())).await;
        // b3 is not a format of the inner layer, and the context was not read from it.
        assert_eq!(response.body()["traceparent"], traceparent(7));
        assert!(!response.body().contains_key("baggage") && response.body().contains_key("b3"));
        let inner = InjectLayer::new(all()).id_generator(|| IdBits::non_random(7));
        let Ok(response) = outer.layer(inner.layer(service_fn(echo))).oneshot(of(with_baggage())).await;
        assert_eq!(response.body()["b3"], format!("{TRACE}-{:016x}", 7));
        assert_eq!(response.body().len(), 2);
    }

    #[test]
    fn ok_crosses_threads() {
        fn is<T: Send + Sync + 'static>() {}
        is::<InjectLayer>();
        is::<Inject<()>>();
    }
}
