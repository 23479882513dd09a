//! What a trace dialect is to this library: a name, the fields it owns, a way to read them and a way to write them.

pub(crate) mod forward;
mod inject_context;
mod inject_source;
mod parsed;
mod preserve;
mod writer;

use crate::baggage::BaggageLimits;
use crate::carrier::headers::Headers;
use crate::field::{CustomHeader, FieldNames, FieldSet, FormatKind};

pub use inject_context::InjectContext;
pub use inject_source::InjectSource;
pub(crate) use parsed::DecisionWeight;
pub use parsed::{Outcome, Parsed};
pub(crate) use preserve::{Preserve, keep_text};
pub(crate) use writer::Progress;
pub use writer::Writer;

/// A trace dialect.
///
/// Built-in formats and those of users are the same to a [`Propagator`](crate::Propagator): it asks for the fields,
/// collects them in one pass over the carrier, and lets each format read from the table. The methods are four because
/// that is what a dialect is; none has a default that could lose data silently.
///
/// ```
/// use traceprop_core::{
///     Field, CustomHeader, Format, FormatFields, InjectContext, Outcome, Parsed, RemoteContext, Headers,
///     TraceId, Writer,
/// };
///
/// /// `x-acme-trace`: 32 hex digits and nothing else.
/// struct Acme;
///
/// const TRACE: CustomHeader = CustomHeader::from_static("x-acme-trace");
///
/// impl Format for Acme {
///     fn name(&self) -> &str {
///         "acme"
///     }
///
///     fn fields(&self) -> FormatFields<'_> {
///         FormatFields::custom(&[TRACE])
///     }
///
///     fn extract(&self, headers: &Headers<'_>) -> Parsed {
///         let Some(value) = headers.get_custom(&TRACE) else { return Parsed::absent() };
///         match TraceId::from_hex(value) {
///             Ok(trace_id) => Parsed::context(RemoteContext::new(trace_id, None)),
///             Err(error) => Parsed::invalid(error.in_field(headers.field(&TRACE))),
///         }
///     }
///
///     fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
///         if let Some(trace_id) = context.trace_id() {
///             writer.write_custom(&TRACE, trace_id);
///         }
///     }
/// }
/// ```
pub trait Format: Send + Sync {
    /// The name in configuration and reports.
    fn name(&self) -> &str;

    /// The fields that this format owns: it reads them, and overwrites or removes them when it writes.
    fn fields(&self) -> FormatFields<'_>;

    /// What the fields say.
    fn extract(&self, slots: &Headers<'_>) -> Parsed;

    /// Writes the canonical form of `context`, or nothing where there is nothing to say.
    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>);

    /// Passes on what came, for a service that reports no spans: the lines as they are, where they say what is being
    /// written, else the canonical form. A format with several encodings judges each of them by itself.
    fn forward(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if !context.forward_verbatim(&self.extract(context.received()), self.fields(), writer) {
            self.inject(context, writer);
        }
    }

    /// Writes the user's own text that this dialect carries, as far as [`InjectOptions`](crate::InjectOptions) lets it go.
    /// Called behind [`Format::inject`], and also where no trace is passed on. Most dialects carry none.
    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let _ = (context, writer);
    }

    /// Whether the format can be written as it is configured. Asked once, when a propagator that writes it is built.
    ///
    /// # Errors
    /// What is missing, in words.
    fn check_inject(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

impl<F: Format + ?Sized> Format for &F {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn fields(&self) -> FormatFields<'_> {
        (**self).fields()
    }

    fn extract(&self, slots: &Headers<'_>) -> Parsed {
        (**self).extract(slots)
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        (**self).inject(context, writer);
    }

    fn forward(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        (**self).forward(context, writer);
    }

    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        (**self).inject_text(context, writer);
    }

    fn check_inject(&self) -> Result<(), &'static str> {
        (**self).check_inject()
    }
}

/// The fields of a format.
#[derive(Clone, Copy)]
pub struct FormatFields<'a> {
    built_in: FieldSet,
    named: &'a [CustomHeader],
    /// Whose fields they are. Only built-in formats can say that they are one.
    kind: FormatKind,
    /// The limits of W3C baggage, if this is its format.
    baggage_limits: Option<&'a BaggageLimits>,
    /// The format itself, if it is a built-in one that keeps data in the tracestate.
    preserve: Option<&'a dyn Preserve>,
}

impl core::fmt::Debug for FormatFields<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FormatFields")
            .field("built_in", &self.built_in)
            .field("custom", &self.named)
            .finish_non_exhaustive()
    }
}

impl<'a> FormatFields<'a> {
    const fn new(built_in: FieldSet, named: &'a [CustomHeader], kind: FormatKind) -> Self {
        Self { built_in, named, kind, baggage_limits: None, preserve: None }
    }

    /// Creates a list of headers with built-in names.
    pub const fn built_in(fields: FieldSet) -> Self {
        Self::new(fields, &[], FormatKind::Custom)
    }

    /// Creates a list of headers with custom names.
    pub const fn custom(names: &'a [CustomHeader]) -> Self {
        Self::new(FieldSet::EMPTY, names, FormatKind::Custom)
    }

    /// Sets the headers with custom names.
    pub const fn with_custom(self, names: &'a [CustomHeader]) -> Self {
        Self { named: names, ..self }
    }

    /// The headers of a built-in format, as its row has them.
    pub(crate) const fn of(kind: FormatKind) -> Self {
        Self::new(kind.fields(), &[], kind)
    }

    /// The custom headers of a built-in format.
    pub(crate) const fn of_named(kind: FormatKind, names: &'a [CustomHeader]) -> Self {
        Self::new(FieldSet::EMPTY, names, kind)
    }

    /// Sets the limits of a baggage list.
    pub(crate) const fn with_baggage_limits(self, limits: &'a BaggageLimits) -> Self {
        Self { baggage_limits: Some(limits), ..self }
    }

    pub(crate) const fn baggage_limits(&self) -> Option<&'a BaggageLimits> {
        self.baggage_limits
    }

    /// Says that `format`, whose fields these are, keeps data in the tracestate.
    pub(crate) const fn preserved_by(self, format: &'a dyn Preserve) -> Self {
        Self { preserve: Some(format), ..self }
    }

    pub(crate) const fn preserve(&self) -> Option<&'a dyn Preserve> {
        self.preserve
    }

    pub(crate) const fn kind(&self) -> FormatKind {
        self.kind
    }

    /// The fields with a fixed name.
    pub const fn built_in_fields(&self) -> FieldSet {
        self.built_in
    }

    /// The configured names.
    pub const fn custom_headers(&self) -> &'a [CustomHeader] {
        self.named
    }

    /// The fields as a set, named ones at the places that `names` gives them.
    pub(crate) fn set(&self, names: &FieldNames) -> FieldSet {
        let named = self.named.iter().filter_map(|name| names.configured(name));
        named.fold(self.built_in, FieldSet::with)
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests;
