//! Every format as a propagator of OpenTelemetry.

mod lengths;
mod omitted;
mod setter;

use std::fmt;
use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter};
use traceprop_core::report::InjectReport;
use traceprop_core::{Allow, ConfigError, EnvWarning, InjectOptions, Propagator, Trust};

use crate::context::OtelContextExt;
use lengths::Lengths;
use omitted::OnOmitted;
use setter::Setter;

/// The destination of a call: a value of the [`Context`] that is injected.
///
/// OpenTelemetry's propagators do not know where a request goes. Put the destination into the context, and
/// [`OtelPropagator::inject_options_fn`] and the peer of `sw8` are right:
///
/// ```
/// use std::collections::HashMap;
/// use opentelemetry::Context;
/// use opentelemetry::propagation::TextMapPropagator;
/// use traceprop_core::{InjectOptions, presets};
/// use traceprop_opentelemetry::{Destination, OtelPropagator};
///
/// let propagator = OtelPropagator::new(presets::ALL_TO_W3C).inject_options_fn(|destination| {
///     destination.is_some_and(|host| host.ends_with(".internal")).then(InjectOptions::everything)
/// });
/// let request = HashMap::from([("baggage".to_owned(), "tenant=acme".to_owned())]);
/// let cx = propagator.extract_with_context(&Context::new(), &request);
///
/// let sent = |cx: &Context| {
///     let mut headers = HashMap::new();
///     propagator.inject_context(cx, &mut headers);
///     headers.len()
/// };
/// assert_eq!(sent(&cx.with_value(Destination::new("stock.internal"))), 1);
/// assert_eq!(sent(&cx.with_value(Destination::new("example.com"))), 0);
/// assert_eq!(sent(&cx), 0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination(Arc<str>);

impl Destination {
    /// Creates a destination from an authority: a host, with a port if there is one.
    pub fn new(authority: impl Into<Arc<str>>) -> Self {
        Self(authority.into())
    }

    /// Returns the authority.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

type OptionsFn = dyn Fn(Option<&str>) -> Option<InjectOptions<'static>> + Send + Sync;

/// A propagator of OpenTelemetry that reads and writes the formats of a [`Propagator`].
///
/// ```
/// use std::collections::HashMap;
/// use opentelemetry::global;
/// use opentelemetry::trace::TraceContextExt;
/// use traceprop_core::{Allow, presets};
/// use traceprop_opentelemetry::OtelPropagator;
///
/// global::set_text_map_propagator(
///     OtelPropagator::new(presets::ALL_TO_W3C).allow_baggage(Allow::Only(&["tenant"])),
/// );
///
/// let request = HashMap::from([("b3".to_owned(), "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1".to_owned())]);
/// let cx = global::get_text_map_propagator(|propagator| propagator.extract(&request));
/// assert_eq!(cx.span().span_context().span_id().to_string(), "00f067aa0ba902b7");
/// ```
///
/// # Baggage and correlation ids
///
/// By default no baggage and no correlation id is sent, because foreign instrumentation calls the propagator for every
/// host, and both can contain personal data. This differs from OpenTelemetry, whose default `tracecontext,baggage` sends
/// all baggage to everybody. [`allow_baggage`](Self::allow_baggage) allows keys everywhere, and
/// [`inject_options_fn`](Self::inject_options_fn) decides by destination. The first omission is logged at level WARN
/// (feature `tracing`).
///
/// # What an injector cannot do
///
/// An [`Injector`] only sets headers. A request that is a copy of a received one keeps its other trace headers. Gateways
/// should therefore use the clients of this crate family, or remove the headers first:
/// `ExtractLayer::take_headers` of traceprop-tower, or [`Propagator::strip`].
///
/// Lines of one name, such as several `jaeger-baggage`, are joined by commas.
#[derive(Clone)]
pub struct OtelPropagator {
    propagator: Arc<Propagator>,
    fields: Vec<String>,
    lengths: Lengths,
    options: InjectOptions<'static>,
    options_fn: Option<Arc<OptionsFn>>,
    accept_baggage: Allow<'static>,
    on_omitted: OnOmitted,
}

impl OtelPropagator {
    /// Creates a propagator with the formats of `propagator`: a [preset](traceprop_core::presets), a [`Propagator`], or an
    /// `Arc<Propagator>` that is shared.
    ///
    /// The trust of `propagator` is that in every caller.
    pub fn new(propagator: impl Into<Arc<Propagator>>) -> Self {
        let propagator = propagator.into();
        let mut fields: Vec<String> = propagator.inject_fields().map(str::to_owned).collect();
        for field in propagator.extract_fields() {
            if !fields.iter().any(|known| known == field) {
                fields.push(field.to_owned());
            }
        }
        Self {
            lengths: Lengths::of(&propagator, &fields),
            propagator,
            fields,
            options: InjectOptions::new(),
            options_fn: None,
            accept_baggage: Allow::All,
            on_omitted: OnOmitted::default(),
        }
    }

    /// Creates a propagator from environment variables, and returns the values that were ignored.
    ///
    /// It reads `OTEL_PROPAGATORS` and Datadog's variables as [`Propagator::from_env`] does. `baggage` in a list is read
    /// and kept, but does not allow to send it.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Propagator::from_env`].
    pub fn from_env() -> Result<(Self, Vec<EnvWarning>), ConfigError> {
        let (propagator, warnings) = Propagator::from_env()?;
        Ok((Self::new(propagator), warnings))
    }

    /// Sets which baggage keys are sent, to every destination. Defaults to none.
    pub fn allow_baggage(mut self, keys: Allow<'static>) -> Self {
        self.options = self.options.allow_baggage(keys);
        self
    }

    /// Sets which correlation headers are sent, to every destination. Defaults to none.
    pub fn allow_correlation(mut self, names: Allow<'static>) -> Self {
        self.options = self.options.allow_correlation(names);
        self
    }

    /// Sets which baggage keys are accepted from callers. Defaults to all.
    pub fn accept_baggage(mut self, keys: Allow<'static>) -> Self {
        self.accept_baggage = keys;
        self
    }

    /// Decides for each call what may be sent, by its [`Destination`]. If it returns `None`, nothing is written.
    ///
    /// It replaces [`allow_baggage`](Self::allow_baggage) and [`allow_correlation`](Self::allow_correlation). Foreign
    /// instrumentation names no destination, so it gets what is returned for `None`.
    pub fn inject_options_fn(
        mut self,
        options: impl Fn(Option<&str>) -> Option<InjectOptions<'static>> + Send + Sync + 'static,
    ) -> Self {
        self.options_fn = Some(Arc::new(options));
        self
    }

    /// Calls `on_omitted` with the destination, for every call that omits something.
    ///
    /// By default the first omission of the propagator is logged (feature `tracing`).
    pub fn on_omitted(mut self, on_omitted: impl Fn(Option<&str>, &InjectReport<'_>) + Send + Sync + 'static) -> Self {
        self.on_omitted = OnOmitted::Call(Arc::new(on_omitted));
        self
    }

    fn reads(&self, name: &str) -> bool {
        self.lengths.contains(name) && self.propagator.reads_field(name)
    }

    /// Extracts the header `first`, which is read, and those of `rest` that are.
    // Most requests of some services have none, which is faster without the room for what this needs.
    #[inline(never)]
    fn extract_lines(&self, cx: &Context, extractor: &dyn Extractor, first: Option<&&str>, rest: &[&str]) -> Context {
        // A carrier has to be `Sync`, which `&dyn Extractor` is not. Pairs of borrowed text are.
        let mut lines: Vec<(&str, &str)> = Vec::with_capacity(8);
        for name in first.into_iter().chain(rest.iter().filter(|name| self.reads(name))) {
            lines.extend(extractor.get_all(name).unwrap_or_default().iter().map(|value| (*name, *value)));
        }
        cx.with_extraction_accepting(&self.propagator.extract(&lines), self.accept_baggage)
    }

    /// Returns the formats, and the trust in callers.
    pub const fn propagator(&self) -> &Arc<Propagator> {
        &self.propagator
    }
}

impl fmt::Debug for OtelPropagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtelPropagator").field("propagator", &self.propagator).finish_non_exhaustive()
    }
}

impl TextMapPropagator for OtelPropagator {
    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let names = extractor.keys();
        let mut rest = names.iter();
        let first = rest.find(|name| self.reads(name));
        // Under the stricter two it is known that nothing of the request may leave, even of formats that are not read.
        if first.is_none() && self.propagator.trust() < Trust::Restart {
            return cx.clone();
        }
        self.extract_lines(cx, extractor, first, rest.as_slice())
    }

    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        if let Some(probe) = cx.get::<crate::self_check::Probe>() {
            probe.answer();
        }
        let Some(context) = cx.to_owned_context() else { return };
        let destination = cx.get::<Destination>().map(Destination::as_str);
        let options = match &self.options_fn {
            None => Some(self.options),
            Some(options_fn) => options_fn(destination),
        };
        let Some(mut options) = options else { return };
        if let Some(destination) = destination {
            options = options.peer(options.peer_or(destination));
        }
        let mut setter = Setter::new(injector);
        let report = self.propagator.inject(&context, &options, &mut setter);
        setter.finish();
        if !report.is_complete() {
            self.on_omitted.call(destination, &report);
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}
