use std::fmt;
use std::sync::Arc;

use http::Uri;
use http::request::Parts;
use tower_layer::Layer;
use traceprop_core::{
    IdGenerator, InjectOptions, OwnedContext, Propagator, RandomIds, SpanContext, format::InjectSource,
    report::InjectReport,
};
use traceprop_http::HeaderCarrierMut;

use super::Inject;

type OptionsFn = dyn Fn(&Uri) -> Option<InjectOptions<'static>> + Send + Sync;
type OnOmitted = dyn Fn(&Uri, &InjectReport<'_>) + Send + Sync;

/// Middleware that writes trace context into outgoing requests.
///
/// The context is the [`OwnedContext`] in the request's extensions or, without one, the current context, which
/// [`ExtractLayer`](crate::ExtractLayer) sets. Each call gets a span id of its own.
///
/// See the [module docs](super) for destinations, retries and calls without a context.
///
/// # Examples
///
/// ```
/// use tower::ServiceBuilder;
/// use traceprop_tower::{InjectLayer, presets};
///
/// # #[derive(Clone)] struct HttpClient;
/// let client = ServiceBuilder::new().layer(InjectLayer::new(presets::W3C)).service(HttpClient);
/// # let _ = client;
/// ```
#[derive(Clone)]
pub struct InjectLayer<G = RandomIds> {
    propagator: Arc<Propagator>,
    id_generator: G,
    options: Options,
    reuse_span: bool,
    start_new_traces: bool,
    on_omitted: Option<Arc<OnOmitted>>,
}

/// The options of a call.
#[derive(Clone)]
enum Options {
    Fixed(InjectOptions<'static>),
    ByUri(Arc<OptionsFn>),
}

impl InjectLayer {
    /// Creates a layer that writes the formats of `propagator`.
    ///
    /// `propagator` is a [preset](traceprop_core::presets), a [`Propagator`], or an `Arc<Propagator>` shared with other
    /// layers. By default span ids are random, and trace context goes to every destination without baggage or
    /// correlation ids.
    pub fn new(propagator: impl Into<Arc<Propagator>>) -> Self {
        Self {
            propagator: propagator.into(),
            id_generator: RandomIds,
            options: Options::Fixed(InjectOptions::new()),
            reuse_span: false,
            start_new_traces: false,
            on_omitted: None,
        }
    }
}

impl<G> InjectLayer<G> {
    /// Makes ids with `ids`, an [`IdGenerator`] or a closure. Defaults to [`RandomIds`].
    pub fn id_generator<H: IdGenerator>(self, ids: H) -> InjectLayer<H> {
        InjectLayer {
            id_generator: ids,
            propagator: self.propagator,
            options: self.options,
            reuse_span: self.reuse_span,
            start_new_traces: self.start_new_traces,
            on_omitted: self.on_omitted,
        }
    }

    /// Sets what all calls of this client may carry in addition to trace context.
    ///
    /// The peer is the authority of each URI, unless the options name one. Replaces
    /// [`inject_options_fn`](Self::inject_options_fn).
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_tower::{Allow, InjectLayer, InjectOptions, presets};
    ///
    /// let options = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
    /// let layer = InjectLayer::new(presets::W3C).inject_options(options);
    /// # let _ = layer;
    /// ```
    pub fn inject_options(mut self, options: InjectOptions<'static>) -> Self {
        self.options = Options::Fixed(options);
        self
    }

    /// Chooses the options for each destination. For `None` nothing is written.
    ///
    /// Replaces [`inject_options`](Self::inject_options). See the [module docs](super#destinations) for an example.
    pub fn inject_options_fn(
        mut self,
        options: impl Fn(&Uri) -> Option<InjectOptions<'static>> + Send + Sync + 'static,
    ) -> Self {
        self.options = Options::ByUri(Arc::new(options));
        self
    }

    /// Sends the span id of the context instead of a new one for each call.
    ///
    /// Use it for services that report no spans for their calls, and for tracers that have stored the span of the call
    /// in the request's extensions.
    pub fn reuse_span(mut self) -> Self {
        self.reuse_span = true;
        self
    }

    /// Starts a new, sampled trace for each call that has no context.
    pub fn start_new_traces(mut self) -> Self {
        self.start_new_traces = true;
        self
    }

    /// Calls `on_omitted` for each call from which something was omitted, with the destination and the reasons.
    ///
    /// The callback set last is used.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_tower::{InjectLayer, presets};
    ///
    /// let layer = InjectLayer::new(presets::W3C)
    ///     .on_omitted(|uri, report| eprintln!("{}: {report}", uri.host().unwrap_or_default()));
    /// # let _ = layer;
    /// ```
    pub fn on_omitted(mut self, on_omitted: impl Fn(&Uri, &InjectReport<'_>) + Send + Sync + 'static) -> Self {
        self.on_omitted = Some(Arc::new(on_omitted));
        self
    }
}

impl<G: IdGenerator> InjectLayer<G> {
    /// Writes the context into the head of a request.
    #[inline]
    pub(super) fn write(&self, request: &mut Parts) {
        let current_context;
        let context = match request.extensions.get::<OwnedContext>() {
            Some(context) => Some(context),
            None => {
                current_context = OwnedContext::current();
                current_context.as_ref()
            }
        };
        if context.is_none() && !self.start_new_traces {
            return;
        }
        let Some(options) = self.options.for_uri(&request.uri) else {
            return;
        };
        let endpoint = context.and_then(OwnedContext::endpoint).unwrap_or_default();
        let options = options.peer(options.peer_or(peer(&request.uri))).endpoint(options.endpoint_or(endpoint));
        let mut headers = HeaderCarrierMut::new(&mut request.headers);
        let source = match (context, context.and_then(OwnedContext::span)) {
            (Some(_), Some(span)) if !self.reuse_span => (&span.child(self.id_generator.new_span_id())).into(),
            (Some(context), _) => InjectSource::from(context),
            (None, _) => (&SpanContext::root(&self.id_generator)).into(),
        };
        let report = self.propagator.inject(source, &options, &mut headers);
        if let Some(on_omitted) = self.on_omitted.as_ref().filter(|_| !report.is_complete()) {
            on_omitted(&request.uri, &report);
        }
    }
}

impl Options {
    fn for_uri(&self, uri: &Uri) -> Option<InjectOptions<'static>> {
        match self {
            Self::Fixed(options) => Some(*options),
            Self::ByUri(options) => options(uri),
        }
    }
}

/// Returns host and port, without the user name and password that a URI can have.
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
            .field("reuse_span", &self.reuse_span)
            .field("start_new_traces", &self.start_new_traces)
            .field("on_omitted", &self.on_omitted.is_some())
            .finish_non_exhaustive()
    }
}
