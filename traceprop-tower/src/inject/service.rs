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

    use crate::ExtractLayer;

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

    #[test]
    fn ok_crosses_threads() {
        fn is<T: Send + Sync + 'static>() {}
        is::<InjectLayer>();
        is::<Inject<()>>();
    }
}
