use std::fmt;
use std::sync::Arc;

use http::Extensions;
use http::request::Parts;
use tower_layer::Layer;
#[cfg(doc)]
use traceprop_core::report::OwnedReport;
use traceprop_core::sampler::{Sampler, SamplingParameters, SamplingResult};
use traceprop_core::{
    Allow, Extraction, IdGenerator, OwnedContext, Propagator, RandomIds, Trust, report::ExtractReport,
};

use super::Extract;
use crate::response::ResponseHeaders;

pub(super) type SamplerFn = dyn Fn(&SamplingParameters<'_>, &Parts) -> SamplingResult + Send + Sync;
/// Makes the context of a request, and further extensions of the request.
type ContextFn = dyn Fn(&Extraction<'_>, &Parts, Allow<'static>) -> (OwnedContext, Extensions) + Send + Sync;
type OnReport = dyn Fn(&ExtractReport<'_>) + Send + Sync;
type SkipFn = dyn Fn(&Parts) -> bool + Send + Sync;
type EndpointFn = dyn Fn(&Parts) -> Option<Arc<str>> + Send + Sync;
type TrustFn = dyn Fn(&Parts) -> Trust + Send + Sync;

/// Middleware that reads the trace context of incoming requests.
///
/// For each request the layer extracts the context, makes a span of this service, stores both as an [`OwnedContext`] in
/// the request's extensions, and makes that context current while the inner service runs. [`InjectLayer`] and the
/// clients of this crate family then propagate it without further code.
///
/// An invalid header never fails a request: the layer starts a new trace and [reports](Self::on_report) the reason.
///
/// See the [module docs](super) for sampling, trust and requests that the layer does not change, and the
/// [crate docs](crate#layer-order) for the order of layers.
///
/// [`InjectLayer`]: crate::InjectLayer
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use traceprop_tower::{ExtractLayer, presets};
///
/// let app: Router = Router::new()
///     .route("/orders/{id}", get(async || "ok"))
///     .layer(ExtractLayer::new(presets::ALL_TO_W3C));
/// ```
///
/// # Cost
///
/// Reading allocates nothing. The owned context takes one allocation if the request has fields to forward.
#[derive(Clone)]
pub struct ExtractLayer<G = RandomIds> {
    pub(super) propagator: Arc<Propagator>,
    pub(super) id_generator: G,
    pub(super) settings: Settings,
}

/// The settings without a type of their own.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) passthrough: bool,
    pub(super) trust_fn: Option<Arc<TrustFn>>,
    pub(super) sampler: Option<Arc<SamplerFn>>,
    pub(super) context_fn: Option<Arc<ContextFn>>,
    pub(super) on_report: Option<Arc<OnReport>>,
    pub(super) allow_baggage: Allow<'static>,
    pub(super) skip: Option<Arc<SkipFn>>,
    pub(super) endpoint: Option<Arc<EndpointFn>>,
    pub(super) response_headers: Option<Arc<ResponseHeaders>>,
    /// Set with `on_report` too.
    pub(super) keep_report: bool,
    pub(super) keep_refused: bool,
    pub(super) take_headers: bool,
    pub(super) parent_from_current: bool,
    /// Takes over the span of a tracer that is active already. Set with `parent_from_current` only.
    pub(super) adopts_active_span: bool,
}

impl ExtractLayer {
    /// Creates a layer that reads the formats of `propagator`.
    ///
    /// `propagator` is a [preset](traceprop_core::presets), a [`Propagator`], or an `Arc<Propagator>` shared with other
    /// layers. By default ids are random, the caller's sampling decision is kept, undecided traces are sampled, and all
    /// baggage is accepted.
    pub fn new(propagator: impl Into<Arc<Propagator>>) -> Self {
        Self {
            propagator: propagator.into(),
            id_generator: RandomIds,
            settings: Settings {
                passthrough: false,
                trust_fn: None,
                sampler: None,
                context_fn: None,
                on_report: None,
                allow_baggage: Allow::All,
                skip: None,
                endpoint: None,
                response_headers: None,
                keep_report: false,
                keep_refused: false,
                take_headers: false,
                parent_from_current: false,
                adopts_active_span: false,
            },
        }
    }
}

impl<G> ExtractLayer<G> {
    #[cfg(feature = "tracing")]
    pub(super) fn propagator(&self) -> &Propagator {
        &self.propagator
    }

    /// Makes ids with `ids`, an [`IdGenerator`] or a closure. Defaults to [`RandomIds`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use traceprop_core::IdBits;
    /// use traceprop_tower::{ExtractLayer, presets};
    ///
    /// // Predictable ids for a test.
    /// static NEXT: AtomicU64 = AtomicU64::new(1);
    /// let layer = ExtractLayer::new(presets::W3C)
    ///     .id_generator(|| IdBits::non_random(NEXT.fetch_add(1, Ordering::Relaxed)));
    /// # let _ = layer;
    /// ```
    pub fn id_generator<H: IdGenerator>(self, ids: H) -> ExtractLayer<H> {
        ExtractLayer { id_generator: ids, propagator: self.propagator, settings: self.settings }
    }

    /// Forwards the received context instead of making a span, for services that report no spans.
    ///
    /// Ids, flags and the sampling decision are unchanged on outgoing calls. A decision without a trace id and a
    /// correlation id are forwarded too. The id generator and the sampler are not used.
    pub fn passthrough(mut self) -> Self {
        self.settings.passthrough = true;
        self
    }

    /// Sets how far the callers of this listener are trusted. Defaults to the propagator's setting.
    ///
    /// Listeners with different trust can share one propagator. What is refused is also removed from the request, see the
    /// [module docs](super#trust).
    pub fn trust(mut self, trust: Trust) -> Self {
        self.propagator = Arc::new(Propagator::clone(&self.propagator).with_trust(trust));
        self
    }

    /// Sets the trust in the caller of each request, for a listener of several kinds of callers.
    ///
    /// The stricter of this and [`trust`](Self::trust) is used. Use it if the request tells who calls: a peer address that
    /// your server knows, a client certificate, a path. Do not use a header that any caller can send. The function set
    /// last is used, and it sees the headers before any is removed.
    ///
    /// # Examples
    ///
    /// Axum provides the peer's address if the app is served with
    /// `app.into_make_service_with_connect_info::<SocketAddr>()`:
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use axum::extract::ConnectInfo;
    /// use traceprop_tower::{ExtractLayer, Trust, presets};
    ///
    /// let layer = ExtractLayer::new(presets::W3C).trust_fn(|request| {
    ///     let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
    ///     match peer {
    ///         Some(ConnectInfo(address)) if address.ip().is_loopback() => Trust::Continue,
    ///         _ if request.uri.path().starts_with("/partner/") => Trust::Restart,
    ///         _ => Trust::Ignore,
    ///     }
    /// });
    /// # let _ = layer;
    /// ```
    pub fn trust_fn(mut self, trust: impl Fn(&Parts) -> Trust + Send + Sync + 'static) -> Self {
        self.settings.trust_fn = Some(Arc::new(trust));
        self
    }

    /// Leaves the refused headers in the request. They are counted in a [`RefusedContext`](super::RefusedContext).
    ///
    /// Use it for handlers that verify a signature over the headers, or that audit them. Calls that carry the context of
    /// the request remove them nevertheless. A handler that copies headers into a request of its own has to add
    /// `without_context(Strip)` to its client, for calls that it makes outside of the request's context.
    pub fn keep_refused(mut self) -> Self {
        self.settings.keep_refused = true;
        self
    }

    /// Removes all headers of the propagator's formats from the request once they are read, whatever the trust.
    ///
    /// These include `tracestate`, baggage, correlation ids and the headers of custom formats. Use it for a gateway whose
    /// calls do not go through the layers and clients of this crate family: another library only sets its own headers, and
    /// copies the others.
    pub fn take_headers(mut self) -> Self {
        self.settings.take_headers = true;
        self
    }

    /// Continues the current context if a request has no trace header, for services that are called in process.
    ///
    /// Use it if handlers of this process call the service directly, without a client layer. Do not use it for a listener:
    /// a server may accept connections in a task that has a context of its own. The span of the request is then a child
    /// of the current one and has its decision; the sampler is not asked.
    ///
    /// It has no effect under [`Trust::Restart`] and [`Trust::Ignore`], and for a request that has a header of one of the
    /// propagator's formats.
    pub fn parent_from_current(mut self) -> Self {
        self.settings.parent_from_current = true;
        self
    }

    /// Accepts only the baggage members that `keys` allows, in every format. Defaults to all.
    ///
    /// Use it wherever callers are not your own services. Other members are not in the context, so outgoing calls do not
    /// carry them, and they are removed from the headers of every request, skipped ones included. Members that stay keep
    /// their bytes. Samplers see all members.
    pub fn allow_baggage(mut self, keys: Allow<'static>) -> Self {
        self.settings.allow_baggage = keys;
        self
    }

    /// Skips requests for which `skip` returns `true`, such as health checks.
    ///
    /// A skipped request gets no span, no report and no response headers. Its context is a
    /// [passthrough](Self::passthrough): calls forward what was received. Headers that the trust or
    /// [`allow_baggage`](Self::allow_baggage) refuses are removed and not forwarded, as for every request.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_tower::{ExtractLayer, presets};
    ///
    /// let layer = ExtractLayer::new(presets::W3C).skip(|request| request.uri.path() == "/healthz");
    /// # let _ = layer;
    /// ```
    pub fn skip(mut self, skip: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.settings.skip = Some(Arc::new(skip));
        self
    }

    /// Names the endpoint of this service that a request is for, for formats that send it to the next service (sw8).
    ///
    /// Prefer a route to a path: there are few routes, and they contain no user data.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_tower::{ExtractLayer, presets};
    ///
    /// let layer = ExtractLayer::new(presets::ALL_TO_W3C)
    ///     .endpoint(|request| Some(request.uri.path().split('/').nth(1)?.into()));
    /// # let _ = layer;
    /// ```
    pub fn endpoint(mut self, endpoint: impl Fn(&Parts) -> Option<Arc<str>> + Send + Sync + 'static) -> Self {
        self.settings.endpoint = Some(Arc::new(endpoint));
        self
    }

    /// Uses the route that axum matched (`/orders/{id}`) as the [endpoint](Self::endpoint).
    ///
    /// There is no endpoint if no route matched, as in a fallback. Axum knows the route only if the layer is added to
    /// the `Router` that has the route, or to a `Router` that nests it. A layer around the whole `Router` sees no
    /// route.
    #[cfg(feature = "axum")]
    #[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
    pub fn matched_path(self) -> Self {
        self.endpoint(|head| Some(head.extensions.get::<axum::extract::MatchedPath>()?.as_str().into()))
    }

    /// Writes `headers` into responses. Defaults to none. See [`response`](crate::response).
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_tower::{ExtractLayer, ResponseHeaders, presets};
    ///
    /// let layer = ExtractLayer::new(presets::W3C)
    ///     .response_headers(ResponseHeaders::new().server_timing().expose_headers());
    /// # let _ = layer;
    /// ```
    pub fn response_headers(mut self, headers: ResponseHeaders) -> Self {
        self.settings.response_headers = Some(Arc::new(headers));
        self
    }

    /// Makes sampling decisions with `sampler`.
    ///
    /// Without a sampler the caller's decision is kept and undecided traces are sampled. To choose by request, use
    /// [`sampler_fn`](Self::sampler_fn); the one set last is used.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::sampler::TraceIdRatioBased;
    /// use traceprop_tower::{ExtractLayer, presets};
    ///
    /// const QUARTER: TraceIdRatioBased = TraceIdRatioBased::new(0.25).unwrap();
    ///
    /// let layer = ExtractLayer::new(presets::W3C).sampler(QUARTER);
    /// # let _ = layer;
    /// ```
    pub fn sampler(self, sampler: impl Sampler + 'static) -> Self {
        self.sampler_fn(move |parameters, _| sampler.should_sample(parameters))
    }

    /// Makes sampling decisions with a closure that also receives the head of the request.
    ///
    /// Replaces [`sampler`](Self::sampler). See the [module docs](super#sampling) for an example.
    pub fn sampler_fn(
        mut self,
        sampler: impl Fn(&SamplingParameters<'_>, &Parts) -> SamplingResult + Send + Sync + 'static,
    ) -> Self {
        self.settings.sampler = Some(Arc::new(sampler));
        self
    }

    /// Makes the context of each request with a closure, for tracers that make the span of the request.
    ///
    /// The closure receives what was extracted, the head of the request, and the baggage that
    /// [`allow_baggage`](Self::allow_baggage) accepts, for tracers that keep baggage of their own. It returns the context,
    /// and extensions that are added to the request, such as the tracer's span. If the tracer exports that span, call
    /// [`OwnedContext::reported`] on the context.
    ///
    /// The id generator and the sampler are not used. The closure is not called for a request that is
    /// [skipped](Self::skip), for a [passthrough](Self::passthrough), and inside of another layer that made a context.
    /// It replaces [`parent_from_current`](Self::parent_from_current).
    ///
    /// # Examples
    ///
    /// ```
    /// use http::Extensions;
    /// use traceprop_core::{IdGenerator, RandomIds};
    /// use traceprop_tower::{ExtractLayer, OwnedContext, presets};
    ///
    /// // Stands for the span of a tracer.
    /// #[derive(Clone)]
    /// struct RequestSpan(traceprop_core::SpanId);
    ///
    /// let layer = ExtractLayer::new(presets::W3C).context_fn(|extraction, _request, _allow| {
    ///     let ids = (extraction.context().map(|caller| caller.trace_id), RandomIds.new_span_id());
    ///     let trace_id = ids.0.unwrap_or_else(|| RandomIds.new_trace_id().0);
    ///     let span = extraction.span_with_ids(trace_id, ids.1);
    ///     let mut extensions = Extensions::new();
    ///     extensions.insert(RequestSpan(ids.1));
    ///     (OwnedContext::from_span(extraction, &span).reported(), extensions)
    /// });
    /// # let _ = layer;
    /// ```
    pub fn context_fn(
        mut self,
        context: impl Fn(&Extraction<'_>, &Parts, Allow<'static>) -> (OwnedContext, Extensions) + Send + Sync + 'static,
    ) -> Self {
        self.settings.context_fn = Some(Arc::new(context));
        self
    }

    /// Keeps a report of each request in its extensions, as an [`OwnedReport`].
    ///
    /// Use it with an [`ExplainService`](crate::explain::ExplainService), and for handlers that explain a request: refused
    /// headers are no longer in the request that they see. It takes one allocation.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{Extension, Router, routing::get};
    /// use traceprop_core::report::OwnedReport;
    /// use traceprop_tower::{ExtractLayer, Trust, presets};
    ///
    /// async fn explain(Extension(report): Extension<OwnedReport>) -> String {
    ///     report.to_string()
    /// }
    ///
    /// let layer = ExtractLayer::new(presets::ALL_TO_W3C).trust(Trust::Restart).keep_report();
    /// let app: Router = Router::new().route("/explain", get(explain)).layer(layer);
    /// ```
    pub fn keep_report(mut self) -> Self {
        self.settings.keep_report = true;
        self
    }

    /// Calls `on_report` with what each format found, and with the reason for every header that is invalid or ignored.
    ///
    /// A report contains ids, names of formats and headers, and reasons, never the text of a header. It is made before
    /// any header is removed, and implies [`keep_report`](Self::keep_report). Callbacks add up: each is called for every
    /// request that is not [skipped](Self::skip).
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_tower::{ExtractLayer, presets};
    ///
    /// let layer = ExtractLayer::new(presets::ALL_TO_W3C).on_report(|report| eprintln!("{report}"));
    /// # let _ = layer;
    /// ```
    pub fn on_report(mut self, on_report: impl Fn(&ExtractReport<'_>) + Send + Sync + 'static) -> Self {
        self.settings.keep_report = true;
        self.settings.on_report = Some(match self.settings.on_report.take() {
            None => Arc::new(on_report),
            Some(earlier) => Arc::new(move |report| {
                earlier(report);
                on_report(report);
            }),
        });
        self
    }
}

impl<S, G: Clone> Layer<S> for ExtractLayer<G> {
    type Service = Extract<S, G>;

    fn layer(&self, inner: S) -> Self::Service {
        Extract::new(inner, self.clone())
    }
}

impl<G> fmt::Debug for ExtractLayer<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractLayer")
            .field("propagator", &self.propagator)
            .field("passthrough", &self.settings.passthrough)
            .field("allow_baggage", &self.settings.allow_baggage)
            .field("sampler", &self.settings.sampler.is_some())
            .field("on_report", &self.settings.on_report.is_some())
            .field("response_headers", &self.settings.response_headers)
            .field("keep_refused", &self.settings.keep_refused)
            .field("take_headers", &self.settings.take_headers)
            .finish_non_exhaustive()
    }
}
