use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use tower_layer::Layer;
use traceprop_core::sampler::{Sampler, SamplingParameters, SamplingResult};
use traceprop_core::{
    Allow, Extraction, IdGenerator, OwnedContext, Propagator, RandomIds, Trust, report::ExtractReport,
};
use traceprop_http::HeaderCarrier;

use super::Extract;
use crate::response::ResponseHeaders;

type SamplerFn = dyn Fn(&SamplingParameters<'_>, &Parts) -> SamplingResult + Send + Sync;
type OnReport = dyn Fn(&ExtractReport<'_>) + Send + Sync;
type SkipFn = dyn Fn(&Parts) -> bool + Send + Sync;
type EndpointFn = dyn Fn(&Parts) -> Option<Arc<str>> + Send + Sync;

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
    propagator: Arc<Propagator>,
    id_generator: G,
    passthrough: bool,
    sampler: Option<Arc<SamplerFn>>,
    on_report: Option<Arc<OnReport>>,
    allow_baggage: Allow<'static>,
    skip: Option<Arc<SkipFn>>,
    endpoint: Option<Arc<EndpointFn>>,
    response_headers: Option<Arc<ResponseHeaders>>,
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
            passthrough: false,
            sampler: None,
            on_report: None,
            allow_baggage: Allow::All,
            skip: None,
            endpoint: None,
            response_headers: None,
        }
    }
}

impl<G> ExtractLayer<G> {
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
        ExtractLayer {
            id_generator: ids,
            propagator: self.propagator,
            passthrough: self.passthrough,
            sampler: self.sampler,
            on_report: self.on_report,
            allow_baggage: self.allow_baggage,
            skip: self.skip,
            endpoint: self.endpoint,
            response_headers: self.response_headers,
        }
    }

    /// Forwards the received context instead of making a span, for services that report no spans.
    ///
    /// Ids, flags and the sampling decision are unchanged on outgoing calls. A decision without a trace id and a
    /// correlation id are forwarded too. The id generator and the sampler are not used.
    pub fn passthrough(mut self) -> Self {
        self.passthrough = true;
        self
    }

    /// Sets how far the callers of this listener are trusted. Defaults to the propagator's setting.
    ///
    /// Listeners with different trust can share one propagator. See the [module docs](super#trust).
    pub fn trust(mut self, trust: Trust) -> Self {
        self.propagator = Arc::new(Propagator::clone(&self.propagator).with_trust(trust));
        self
    }

    /// Accepts only the baggage members that `keys` allows, in every format. Defaults to all.
    ///
    /// Other members are not in the context, so outgoing calls do not carry them. The request's headers are unchanged,
    /// and samplers see all members.
    pub fn allow_baggage(mut self, keys: Allow<'static>) -> Self {
        self.allow_baggage = keys;
        self
    }

    /// Skips requests for which `skip` returns `true`, such as health checks.
    ///
    /// A skipped request gets no context, no span, no report and no response headers.
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
        self.skip = Some(Arc::new(skip));
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
        self.endpoint = Some(Arc::new(endpoint));
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
        self.response_headers = Some(Arc::new(headers));
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
        self.sampler = Some(Arc::new(sampler));
        self
    }

    /// Calls `on_report` with what each format found, and with the reason for every header that is invalid or ignored.
    ///
    /// A report contains ids, names of formats and headers, and reasons, never the text of a header. It allocates
    /// nothing. Callbacks add up: each is called for every request that is not [skipped](Self::skip).
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
        self.on_report = Some(match self.on_report.take() {
            None => Arc::new(on_report),
            Some(earlier) => Arc::new(move |report| {
                earlier(report);
                on_report(report);
            }),
        });
        self
    }
}

impl<G: IdGenerator> ExtractLayer<G> {
    pub(super) fn headers_to_write(&self) -> Option<Arc<ResponseHeaders>> {
        self.response_headers.clone()
    }

    pub(super) fn skips(&self, request: &Parts) -> bool {
        self.skip.as_ref().is_some_and(|skip| skip(request))
    }

    /// Returns the context of a request, and stores it in the request's extensions.
    #[inline]
    pub(super) fn context(&self, request: &mut Parts) -> OwnedContext {
        if let Some(context) = request.extensions.get::<OwnedContext>() {
            return context.clone();
        }
        let carrier = HeaderCarrier::new(&request.headers);
        let mut context = match &self.on_report {
            None => self.start(&self.propagator.extract(&carrier), request),
            Some(on_report) => {
                let report = self.propagator.explain(&carrier);
                on_report(&report);
                self.start(report.extraction(), request)
            }
        };
        // A context is large: do not move it if nothing changes.
        if self.allow_baggage != Allow::All {
            context = context.filter_baggage(self.allow_baggage);
        }
        if let Some(endpoint) = self.endpoint.as_ref().and_then(|endpoint| endpoint(request)) {
            context = context.with_endpoint(endpoint);
        }
        request.extensions.insert(context.clone());
        context
    }

    fn start(&self, extraction: &Extraction<'_>, request: &Parts) -> OwnedContext {
        if self.passthrough {
            return OwnedContext::from_passthrough(extraction);
        }
        let span = match &self.sampler {
            None => extraction.new_span(&self.id_generator),
            Some(sampler) => {
                extraction.new_span_with(&self.id_generator, &RequestSampler { sampler: &**sampler, head: request })
            }
        };
        OwnedContext::from_span(extraction, &span)
    }
}

/// The sampler of one request.
struct RequestSampler<'r> {
    sampler: &'r SamplerFn,
    head: &'r Parts,
}

impl Sampler for RequestSampler<'_> {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> SamplingResult {
        (self.sampler)(parameters, self.head)
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
            .field("passthrough", &self.passthrough)
            .field("allow_baggage", &self.allow_baggage)
            .field("sampler", &self.sampler.is_some())
            .field("on_report", &self.on_report.is_some())
            .field("response_headers", &self.response_headers)
            .finish_non_exhaustive()
    }
}
