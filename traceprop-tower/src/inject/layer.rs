use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Uri};
use tower_layer::Layer;
use traceprop_core::{
    IdGenerator, InjectOptions, OwnedContext, Propagator, RandomIds, SpanContext, format::InjectSource,
    report::InjectReport,
};
use traceprop_http::{Destination, HeaderCarrierMut, Rules, WithoutContext};

use super::Inject;
use crate::extract::RefusedContext;

type OptionsFn = dyn Fn(&Uri) -> Option<InjectOptions<'static>> + Send + Sync;
type OnOmitted = dyn Fn(&Uri, &InjectReport<'_>) + Send + Sync;

/// Middleware that writes trace context into outgoing requests.
///
/// The context is the [`OwnedContext`] in the request's extensions or, without one, the current context, which
/// [`ExtractLayer`](crate::ExtractLayer) sets. Each call gets a span id of its own. If a tracer exports the context's span
/// ([`OwnedContext::is_reported`]), the call names that span as its parent.
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
    destinations: Destinations,
    kept_headers: Names,
    kept_formats: Names,
    without_context: WithoutContext,
    reuse_span: bool,
    start_new_traces: bool,
    on_omitted: Option<Arc<OnOmitted>>,
}

type Names = &'static [&'static str];

/// What each destination gets.
#[derive(Clone)]
enum Destinations {
    /// All get the same.
    All(InjectOptions<'static>),
    ByUri(Arc<OptionsFn>),
    ByRules(Rules),
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
            destinations: Destinations::All(InjectOptions::new()),
            kept_headers: &[],
            kept_formats: &[],
            without_context: WithoutContext::Leave,
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
            destinations: self.destinations,
            kept_headers: self.kept_headers,
            kept_formats: self.kept_formats,
            without_context: self.without_context,
            reuse_span: self.reuse_span,
            start_new_traces: self.start_new_traces,
            on_omitted: self.on_omitted,
        }
    }

    /// Sets what all calls of this client may carry in addition to trace context.
    ///
    /// The peer is the authority of each URI, unless the options name one. Replaces
    /// [`inject_options_fn`](Self::inject_options_fn) and [`rules`](Self::rules).
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
        self.destinations = Destinations::All(options);
        self
    }

    /// Chooses the options for each destination. For `None` nothing is written, and all trace headers are removed.
    ///
    /// The trace headers are those of every format, of this layer's propagator, and names that servers read as one of them.
    /// They are removed with or without a context, as [`Rule::nothing`](crate::Rule::nothing) does.
    ///
    /// Replaces [`inject_options`](Self::inject_options) and [`rules`](Self::rules). See the
    /// [module docs](super#destinations) for an example.
    pub fn inject_options_fn(
        mut self,
        options: impl Fn(&Uri) -> Option<InjectOptions<'static>> + Send + Sync + 'static,
    ) -> Self {
        self.destinations = Destinations::ByUri(Arc::new(options));
        self
    }

    /// Sends each destination what the first matching rule says: formats, baggage and correlation ids.
    ///
    /// Use it if the hosts are known by name or address; the rules are those of `traceprop-reqwest`, with the same verdicts.
    /// The formats are those of `rules`, not of this layer's propagator. A rule also removes headers that the request
    /// already has, with or without a context; see [`Rules`]. Replaces [`inject_options`](Self::inject_options) and
    /// [`inject_options_fn`](Self::inject_options_fn).
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_tower::{InjectLayer, Rule, Rules, presets};
    ///
    /// let rules = Rules::builder(presets::W3C)
    ///     .rule("*.internal", Rule::trace_context().allow_baggage(["tenant"]))
    ///     .rule("*", Rule::nothing())
    ///     .build()?;
    /// let layer = InjectLayer::new(presets::W3C).rules(rules);
    /// # let _ = layer;
    /// # Ok::<(), traceprop_tower::RulesError>(())
    /// ```
    pub fn rules(mut self, rules: Rules) -> Self {
        self.destinations = Destinations::ByRules(rules);
        self
    }

    /// Keeps headers that the request already has. Nothing is written over them, and they are reported as kept.
    ///
    /// Use it if another library inside of the service writes them, for example an SDK that writes `baggage` or
    /// `sentry-trace`. Do not use it for headers that a gateway copied: they would pass as its own. See
    /// [`InjectOptions::keep_headers`]; options with names of their own replace these.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_tower::{InjectLayer, presets};
    ///
    /// let layer = InjectLayer::new(presets::W3C).keep_headers(&["sentry-trace", "baggage"]);
    /// # let _ = layer;
    /// ```
    pub fn keep_headers(mut self, names: &'static [&'static str]) -> Self {
        self.kept_headers = names;
        self
    }

    /// Keeps the trace headers of formats that this layer does not write. Baggage and correlation ids are not kept.
    ///
    /// Use it in a gateway that is transparent in these formats, for example if AWS X-Ray is behind it. It has no effect on
    /// a context that was made under another trust than [`Trust::Continue`](crate::Trust::Continue). See
    /// [`InjectOptions::keep_formats`]; options with names of their own replace these.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_tower::{InjectLayer, presets};
    ///
    /// let layer = InjectLayer::new(presets::W3C).keep_formats(&["b3", "datadog"]);
    /// # let _ = layer;
    /// ```
    pub fn keep_formats(mut self, names: &'static [&'static str]) -> Self {
        self.kept_formats = names;
        self
    }

    /// Sets what becomes of the trace headers of a request that has no context. Defaults to [`WithoutContext::Leave`].
    ///
    /// Use [`WithoutContext::Strip`] in a gateway that copies received headers. Rules, and a function that returns `None`,
    /// decide first.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_tower::{InjectLayer, WithoutContext, presets};
    ///
    /// let layer = InjectLayer::new(presets::W3C).without_context(WithoutContext::Strip);
    /// # let _ = layer;
    /// ```
    pub fn without_context(mut self, without_context: WithoutContext) -> Self {
        self.without_context = without_context;
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
        let endpoint = context.and_then(OwnedContext::endpoint).unwrap_or_default();
        let strips = self.without_context == WithoutContext::Strip;
        let source = match (context, context.and_then(OwnedContext::span)) {
            (Some(context), Some(span)) if !self.reuse_span && !context.is_reported() => {
                (&span.child(self.id_generator.new_span_id())).into()
            }
            // The passthrough of a request without a trace is no context.
            (Some(context), _) if strips && context.is_empty() => return self.write_no_context(request),
            (Some(context), _) => InjectSource::from(context),
            (None, _) if self.start_new_traces => (&SpanContext::root(&self.id_generator)).into(),
            (None, _) => return self.write_no_context(request),
        };
        let (uri, headers) = (&request.uri, &mut request.headers);
        let refused = request.extensions.get::<RefusedContext>();
        let inject = |options: &InjectOptions<'_>, headers: &mut HeaderMap| {
            if let Some(refused) = refused {
                Self::strip_refused(refused, options.kept_headers(), headers);
            }
            self.propagator.inject(source, options, &mut HeaderCarrierMut::new(headers))
        };
        let report = match &self.destinations {
            Destinations::All(options) => inject(&self.for_call(*options, uri, endpoint), headers),
            Destinations::ByUri(options) => match options(uri) {
                Some(options) => inject(&self.for_call(options, uri, endpoint), headers),
                None => {
                    self.strip(headers);
                    if !headers.is_empty() {
                        // The context names the custom headers of the listener. What is written goes too.
                        inject(&InjectOptions::new(), headers);
                        self.strip(headers);
                    }
                    return;
                }
            },
            Destinations::ByRules(rules) => {
                let options = self.for_call(InjectOptions::new(), uri, endpoint);
                if let Some(refused) = refused {
                    Self::strip_refused(refused, options.kept_headers(), headers);
                }
                rules.inject_headers(source, &options, Destination::from_uri(uri), headers)
            }
        };
        if let Some(on_omitted) = self.on_omitted.as_ref().filter(|_| !report.is_complete()) {
            on_omitted(uri, &report);
        }
    }

    /// Adds the settings of this layer, and what is known of the call.
    fn for_call<'c>(&self, options: InjectOptions<'static>, uri: &'c Uri, endpoint: &'c str) -> InjectOptions<'c> {
        let kept = |own: Names, of_layer: Names| if own.is_empty() { of_layer } else { own };
        let options = options.keep_headers(kept(options.kept_headers(), self.kept_headers));
        let options = options.keep_formats(kept(options.kept_formats(), self.kept_formats));
        options.peer(options.peer_or(peer(uri))).endpoint(options.endpoint_or(endpoint))
    }

    /// Judges the headers that a request has, where there is nothing to write.
    #[cold]
    fn write_no_context(&self, request: &mut Parts) {
        let (uri, headers) = (&request.uri, &mut request.headers);
        let strips = self.without_context == WithoutContext::Strip;
        if let Some(refused) = request.extensions.get::<RefusedContext>() {
            let options = match &self.destinations {
                Destinations::All(options) => *options,
                Destinations::ByUri(_) | Destinations::ByRules(_) => InjectOptions::new(),
            };
            Self::strip_refused(refused, self.for_call(options, uri, "").kept_headers(), headers);
        }
        match &self.destinations {
            Destinations::ByRules(rules) if strips => rules.strip(headers),
            Destinations::ByRules(rules) => rules.withhold(Destination::from_uri(uri), headers),
            Destinations::ByUri(options) if strips || options(uri).is_none() => self.strip(headers),
            Destinations::All(_) if strips => self.strip(headers),
            Destinations::ByUri(_) | Destinations::All(_) => {}
        }
    }

    /// Removes the trace headers that a listener refused, of a copy of its request. Those kept by name stay.
    #[cold]
    fn strip_refused(refused: &RefusedContext, kept: &[&str], headers: &mut HeaderMap) {
        let is_kept = |name: &str| kept.iter().any(|kept| kept.eq_ignore_ascii_case(name));
        let names = headers.keys().filter(|name| refused.is_refused(name.as_str()) && !is_kept(name.as_str()));
        for name in names.cloned().collect::<Vec<_>>() {
            headers.remove(name);
        }
    }

    /// Removes all trace headers.
    fn strip(&self, headers: &mut HeaderMap) {
        self.propagator.strip(&mut HeaderCarrierMut::new(headers));
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
            .field("kept_headers", &self.kept_headers)
            .field("kept_formats", &self.kept_formats)
            .field("without_context", &self.without_context)
            .field("reuse_span", &self.reuse_span)
            .field("start_new_traces", &self.start_new_traces)
            .field("on_omitted", &self.on_omitted.is_some())
            .finish_non_exhaustive()
    }
}
