use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use tower_layer::Layer;
use traceprop_core::sampler::{Sampler, SamplingParameters, SamplingResult};
use traceprop_core::{Allow, ExtractReport, Extraction, IdGenerator, OwnedContext, Propagator, RandomIds, Trust};
use traceprop_http::HeaderCarrier;

use super::Extract;
use crate::response::ResponseHeaders;

type Decide = dyn Fn(&SamplingParameters<'_>, &Parts) -> SamplingResult + Send + Sync;
type Reports = dyn Fn(&ExtractReport<'_>) + Send + Sync;
type LeavesOut = dyn Fn(&Parts) -> bool + Send + Sync;
type Endpoint = dyn Fn(&Parts) -> Option<Arc<str>> + Send + Sync;

/// Reads the trace context of incoming requests. See the [module docs](super).
#[derive(Clone)]
pub struct ExtractLayer<G = RandomIds> {
    propagator: Arc<Propagator>,
    ids: G,
    relays: bool,
    sampler: Option<Arc<Decide>>,
    reports: Option<Arc<Reports>>,
    baggage: Allow<'static>,
    leaves_out: Option<Arc<LeavesOut>>,
    endpoint: Option<Arc<Endpoint>>,
    respond: Option<Arc<ResponseHeaders>>,
}

impl ExtractLayer {
    /// Reads with this propagator: a preset, one that was built, or one that is shared with other layers (`Arc`).
    ///
    /// New ids are random; [`ExtractLayer::id_generator`] changes that.
    pub fn new(propagator: impl Into<Arc<Propagator>>) -> Self {
        Self {
            propagator: propagator.into(),
            ids: RandomIds,
            relays: false,
            sampler: None,
            reports: None,
            baggage: Allow::All,
            leaves_out: None,
            endpoint: None,
            respond: None,
        }
    }
}

impl<G> ExtractLayer<G> {
    /// Takes new ids from this generator, which can be a closure.
    pub fn id_generator<H: IdGenerator>(self, ids: H) -> ExtractLayer<H> {
        let Self { propagator, relays, sampler, reports, baggage, leaves_out, endpoint, respond, .. } = self;
        ExtractLayer { propagator, ids, relays, sampler, reports, baggage, leaves_out, endpoint, respond }
    }

    /// Makes no span, for a service that reports none: what came is passed on as it came, also a bare decision and a
    /// correlation id. No id is made and no decision taken, so neither generator nor sampler is asked.
    pub fn passthrough(mut self) -> Self {
        self.relays = true;
        self
    }

    /// How far callers of this listener are trusted, in place of what the propagator says: it can be shared by listeners
    /// that differ in this.
    pub fn trust(mut self, behavior: Trust) -> Self {
        self.propagator = Arc::new(Propagator::clone(&self.propagator).with_trust(behavior));
        self
    }

    /// The baggage that is taken over from callers, in every dialect; by default all of it. What else came is in the
    /// request's headers still, but not in the context, so no call hands it on. A sampler sees all that came.
    pub fn allow_baggage(mut self, keys: Allow<'static>) -> Self {
        self.baggage = keys;
        self
    }

    /// Passes requests untouched for which this is true: health checks, or the intake of a browser's own reports. No
    /// context is made for them, nothing is read, and the response stays as it is.
    pub fn skip(mut self, leaves_out: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.leaves_out = Some(Arc::new(leaves_out));
        self
    }

    /// Names the endpoint of this service that a request is for, for dialects that tell it to the next service (sw8). A
    /// route is better than a path: there are few of them, and nothing of the user's is in them.
    pub fn endpoint(mut self, endpoint: impl Fn(&Parts) -> Option<Arc<str>> + Send + Sync + 'static) -> Self {
        self.endpoint = Some(Arc::new(endpoint));
        self
    }

    /// Takes the route that axum matched (`/orders/{id}`) as the endpoint. Where none did, as in a fallback, there is no
    /// endpoint. Axum knows the route where the layer was given to the `Router` that has it or to one that it is nested
    /// in, not where it goes around a whole `Router` from outside.
    #[cfg(feature = "axum")]
    #[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
    pub fn matched_path(self) -> Self {
        self.endpoint(|head| Some(head.extensions.get::<axum::extract::MatchedPath>()?.as_str().into()))
    }

    /// Tells callers their trace in the response; see [`response`](crate::response). By default it stays as it is.
    pub fn response_headers(mut self, respond: ResponseHeaders) -> Self {
        self.respond = Some(Arc::new(respond));
        self
    }

    /// Decides with this sampler. Without one the caller's decision stands, and a trace of which nobody has decided is
    /// sampled.
    pub fn sampler(self, sampler: impl Sampler + 'static) -> Self {
        self.sampler_fn(move |input, _| sampler.should_sample(input))
    }

    /// The same with the head of the request in view. It takes the place of [`ExtractLayer::sampler`].
    pub fn sampler_fn(
        mut self,
        sampler: impl Fn(&SamplingParameters<'_>, &Parts) -> SamplingResult + Send + Sync + 'static,
    ) -> Self {
        self.sampler = Some(Arc::new(sampler));
        self
    }

    /// Shows the report of each request to `reports`: what each format found, and what was turned down and why.
    ///
    /// A report holds ids and reasons, never text of a header. It allocates nothing. Each call adds one more that it
    /// is shown to.
    pub fn on_report(mut self, reports: impl Fn(&ExtractReport<'_>) + Send + Sync + 'static) -> Self {
        self.reports = Some(match self.reports.take() {
            None => Arc::new(reports),
            Some(before) => Arc::new(move |report| {
                before(report);
                reports(report);
            }),
        });
        self
    }
}

impl<G: IdGenerator> ExtractLayer<G> {
    pub(super) fn answer(&self) -> Option<Arc<ResponseHeaders>> {
        self.respond.clone()
    }

    pub(super) fn leaves_out(&self, request: &Parts) -> bool {
        self.leaves_out.as_ref().is_some_and(|leaves_out| leaves_out(request))
    }

    /// The context of a request, which its extensions then hold too.
    #[inline]
    pub(super) fn context(&self, request: &mut Parts) -> OwnedContext {
        if let Some(context) = request.extensions.get::<OwnedContext>() {
            return context.clone();
        }
        let carrier = HeaderCarrier::new(&request.headers);
        let mut context = match &self.reports {
            None => self.begin(&self.propagator.extract(&carrier), request),
            Some(reports) => {
                let report = self.propagator.explain(&carrier);
                reports(&report);
                self.begin(report.extraction(), request)
            }
        };
        // A context is large: what changes nothing does not move it either.
        if self.baggage != Allow::All {
            context = context.filter_baggage(self.baggage);
        }
        if let Some(endpoint) = self.endpoint.as_ref().and_then(|endpoint| endpoint(request)) {
            context = context.with_endpoint(endpoint);
        }
        request.extensions.insert(context.clone());
        context
    }

    fn begin(&self, extraction: &Extraction<'_>, request: &Parts) -> OwnedContext {
        if self.relays {
            return OwnedContext::passthrough(extraction);
        }
        let span = match &self.sampler {
            None => extraction.new_span(&self.ids),
            Some(decide) => extraction.start_span_by(&self.ids, &WithHead { decide: &**decide, head: request }),
        };
        OwnedContext::from_span(extraction, &span)
    }
}

/// A sampler for one request.
struct WithHead<'r> {
    decide: &'r Decide,
    head: &'r Parts,
}

impl Sampler for WithHead<'_> {
    fn should_sample(&self, input: &SamplingParameters<'_>) -> SamplingResult {
        (self.decide)(input, self.head)
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
            .field("relays", &self.relays)
            .field("baggage", &self.baggage)
            .field("sampler", &self.sampler.is_some())
            .field("reports", &self.reports.is_some())
            .field("respond", &self.respond)
            .finish_non_exhaustive()
    }
}
