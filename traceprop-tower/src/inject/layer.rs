use std::fmt;
use std::sync::Arc;

use http::Uri;
use http::request::Parts;
use tower_layer::Layer;
use traceprop_core::{
    IdGenerator, InjectOptions, InjectReport, InjectSource, OwnedContext, Propagator, RandomIds, SpanContext, current,
};
use traceprop_http::HeaderCarrierMut;

use super::Inject;

type Judge = dyn Fn(&Uri) -> Option<InjectOptions<'static>> + Send + Sync;
type Left = dyn Fn(&Uri, &InjectReport<'_>) + Send + Sync;

/// Writes the trace context of outgoing requests. See the [module docs](super).
#[derive(Clone)]
pub struct InjectLayer<G = RandomIds> {
    propagator: Arc<Propagator>,
    ids: G,
    destinations: Destinations,
    same_span: bool,
    starts_roots: bool,
    omissions: Option<Arc<Left>>,
}

/// What may go where.
#[derive(Clone)]
enum Destinations {
    All(InjectOptions<'static>),
    Judged(Arc<Judge>),
}

impl InjectLayer {
    /// Writes with this propagator: a preset, one that was built, or one that is shared with other layers (`Arc`).
    ///
    /// New ids are random; [`InjectLayer::id_generator`] changes that.
    pub fn new(propagator: impl Into<Arc<Propagator>>) -> Self {
        Self {
            propagator: propagator.into(),
            ids: RandomIds,
            destinations: Destinations::All(InjectOptions::new()),
            same_span: false,
            starts_roots: false,
            omissions: None,
        }
    }
}

impl<G> InjectLayer<G> {
    /// Takes new ids from this generator, which can be a closure.
    pub fn id_generator<H: IdGenerator>(self, ids: H) -> InjectLayer<H> {
        let Self { propagator, destinations, same_span, starts_roots, omissions, .. } = self;
        InjectLayer { propagator, ids, destinations, same_span, starts_roots, omissions }
    }

    /// What may go along with trace context, for every call of this client. The peer is taken from each URI where none
    /// is given.
    pub fn inject_options(mut self, outgoing: InjectOptions<'static>) -> Self {
        self.destinations = Destinations::All(outgoing);
        self
    }

    /// The same for each destination; `None` writes nothing there. It takes the place of [`InjectLayer::inject_options`].
    pub fn inject_options_fn(
        mut self,
        judge: impl Fn(&Uri) -> Option<InjectOptions<'static>> + Send + Sync + 'static,
    ) -> Self {
        self.destinations = Destinations::Judged(Arc::new(judge));
        self
    }

    /// Sends the span of the context itself instead of a child for each call.
    ///
    /// For services whose calls are no spans that anybody reports, and for tracers that have put the span of the call into
    /// the request's extensions already.
    pub fn reuse_span(mut self) -> Self {
        self.same_span = true;
        self
    }

    /// Begins a trace, sampled, for each call that is made without a context.
    pub fn start_new_traces(mut self) -> Self {
        self.starts_roots = true;
        self
    }

    /// Tells `omissions` of each call what was left out and why. It is not asked where all was written.
    pub fn on_omitted(mut self, omissions: impl Fn(&Uri, &InjectReport<'_>) + Send + Sync + 'static) -> Self {
        self.omissions = Some(Arc::new(omissions));
        self
    }
}

impl<G: IdGenerator> InjectLayer<G> {
    /// Writes into the head of a request.
    #[inline]
    pub(super) fn write(&self, request: &mut Parts) {
        let of_task;
        let context = match request.extensions.get::<OwnedContext>() {
            Some(context) => Some(context),
            None => {
                of_task = current();
                of_task.as_ref()
            }
        };
        if context.is_none() && !self.starts_roots {
            return;
        }
        let Some(outgoing) = self.destinations.judge(&request.uri) else {
            return;
        };
        let endpoint = context.and_then(OwnedContext::endpoint).unwrap_or_default();
        let outgoing = outgoing.peer(outgoing.peer_or(peer(&request.uri))).endpoint(outgoing.endpoint_or(endpoint));
        let mut headers = HeaderCarrierMut::new(&mut request.headers);
        let source = match (context, context.and_then(OwnedContext::span)) {
            (Some(_), Some(span)) if !self.same_span => (&span.child(self.ids.new_span_id())).into(),
            (Some(context), _) => InjectSource::from(context),
            (None, _) => (&SpanContext::root(&self.ids)).into(),
        };
        let omissions = self.propagator.inject(source, &outgoing, &mut headers);
        if let Some(tell) = self.omissions.as_ref().filter(|_| !omissions.is_empty()) {
            tell(&request.uri, &omissions);
        }
    }
}

impl Destinations {
    fn judge(&self, uri: &Uri) -> Option<InjectOptions<'static>> {
        match self {
            Self::All(outgoing) => Some(*outgoing),
            Self::Judged(judge) => judge(uri),
        }
    }
}

/// Host and port. A name and password in front of them are nobody else's business.
fn peer(uri: &Uri) -> &str {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    authority.rsplit_once('@').map_or(authority, |(_, peer)| peer)
}

impl<S, G: Clone> Layer<S> for InjectLayer<G> {
    type Service = Inject<S, G>;

    fn layer(&self, inner: S) -> Self::Service {
        Inject::new(inner, self.clone())
    }
}

impl<G> fmt::Debug for InjectLayer<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InjectLayer")
            .field("propagator", &self.propagator)
            .field("same_span", &self.same_span)
            .field("starts_roots", &self.starts_roots)
            .field("omissions", &self.omissions.is_some())
            .finish_non_exhaustive()
    }
}
