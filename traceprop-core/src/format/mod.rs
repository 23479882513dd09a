//! The trait that trace formats implement, and the types that it uses.
//!
//! Implement [`Format`] to read and write headers that this crate does not know. A format has a name and headers of its
//! own. It [parses](Parsed) received headers, and [writes](Writer) a [context](InjectContext) into outgoing ones.

mod format_ref;
pub(crate) mod forward;
mod ids;
mod inject_context;
mod inject_source;
mod parsed;
mod prefixed;
mod preserve;
mod writer;

use crate::baggage::BaggageLimits;
use crate::field::{FieldNames, FormatKind};
use crate::wire::debug_as;

pub use crate::carrier::headers::{HeaderLines, HeaderLinesIter, Headers, MAX_HEADER_LINES};
pub use crate::context::Passthrough;
pub use crate::field::{CustomHeader, FieldSet, InvalidHeaderName, MAX_CUSTOM_HEADERS};
pub(crate) use format_ref::Places;
pub use format_ref::{FormatRef, MAX_FORMATS};
pub(crate) use ids::read_ids;
pub use inject_context::InjectContext;
pub use inject_source::InjectSource;
pub(crate) use parsed::DecisionWeight;
pub use parsed::{Outcome, Parsed};
pub(crate) use prefixed::write_prefixed_baggage;
pub(crate) use preserve::{Preserve, keep_decision, keep_deferred, keep_text};
pub use writer::Writer;
pub(crate) use writer::{Progress, kept_header};

/// A trace format: reads headers of its own, and writes them.
///
/// A [`Propagator`](crate::Propagator) treats built-in and custom formats alike. It collects the [fields](Self::fields)
/// of all formats in one pass over the carrier, and each format reads its own from the collected [`Headers`].
///
/// # Examples
///
/// ```
/// use traceprop_core::{
///     RemoteContext, TraceId,
///     format::{CustomHeader, Format, FormatFields, Headers, InjectContext, Parsed, Writer},
/// };
///
/// /// `x-acme-trace`: a trace id of 32 hex digits.
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
    /// Returns the name in configuration and reports.
    fn name(&self) -> &str;

    /// Returns the headers of this format. It reads them, and replaces or removes them when it writes.
    fn fields(&self) -> FormatFields<'_>;

    /// Parses the received headers.
    fn extract(&self, headers: &Headers<'_>) -> Parsed;

    /// Writes the canonical form of `context`, or nothing if the format cannot express it.
    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>);

    /// Forwards a received context, for a service that reports no spans.
    ///
    /// By default it forwards the received lines, or writes the canonical form if
    /// [`forward_lines`](Self::forward_lines) writes nothing.
    fn forward(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if !self.forward_lines(context, writer) {
            self.inject(context, writer);
        }
    }

    /// Forwards the received lines unchanged. Returns `false` if nothing is written.
    ///
    /// By default the lines are written if they have the trace and decision of `context`; see
    /// [`InjectContext::forward_verbatim`]. A format that the propagator reads and does not write is forwarded in no other
    /// way, so the outgoing request has no header of it if this returns `false`.
    fn forward_lines(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) -> bool {
        context.forward_verbatim(&self.extract(context.received()), self.fields(), writer)
    }

    /// Writes this format's baggage or correlation ids, filtered by [`InjectOptions`](crate::InjectOptions).
    ///
    /// It is called after [`inject`](Self::inject) or [`forward`](Self::forward), and also if there is no trace to write. In
    /// a passthrough it is called of formats that are only read, too. By default it writes nothing.
    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let _ = (context, writer);
    }

    /// Checks that the format can be written with its settings. Called once, when a propagator that writes it is built.
    ///
    /// # Errors
    ///
    /// Returns the missing or invalid setting, as text for the operator.
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

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        (**self).extract(headers)
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        (**self).inject(context, writer);
    }

    fn forward(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        (**self).forward(context, writer);
    }

    fn forward_lines(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) -> bool {
        (**self).forward_lines(context, writer)
    }

    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        (**self).inject_text(context, writer);
    }

    fn check_inject(&self) -> Result<(), &'static str> {
        (**self).check_inject()
    }
}

/// The headers of a format.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Field, format::{CustomHeader, FieldSet, FormatFields}};
///
/// const TENANT: CustomHeader = CustomHeader::from_static("x-acme-tenant");
///
/// let fields = FormatFields::built_in(FieldSet::of(&[Field::TraceParent])).with_custom(&[TENANT]);
/// assert!(fields.built_in_fields().contains(Field::TraceParent));
/// assert_eq!(fields.custom_headers(), [TENANT]);
/// ```
#[derive(Clone, Copy)]
pub struct FormatFields<'a> {
    pub(crate) built_in: FieldSet,
    pub(crate) custom: &'a [CustomHeader],
    /// How many of the custom headers are part of the trace context. The others hold text, and so do prefixes.
    pub(crate) trace_len: usize,
    /// The built-in format with these headers, or `Custom`.
    pub(crate) kind: FormatKind,
    /// The limits of W3C baggage, for its format.
    pub(crate) baggage_limits: Option<&'a BaggageLimits>,
    /// The format itself, if it is built-in and preserves data in the tracestate.
    pub(crate) preserve: Option<&'a dyn Preserve>,
    /// The format also reads from another place than headers, so it is asked without them too.
    pub(crate) reads_elsewhere: bool,
}

debug_as!(FormatFields<'_>, |it| built_in: it.built_in, custom: it.custom);

impl<'a> FormatFields<'a> {
    /// Creates a list of headers with built-in names.
    pub const fn built_in(fields: FieldSet) -> Self {
        Self {
            built_in: fields,
            custom: &[],
            trace_len: 0,
            kind: FormatKind::Custom,
            baggage_limits: None,
            preserve: None,
            reads_elsewhere: false,
        }
    }

    /// Creates a list of headers with custom names.
    pub const fn custom(names: &'a [CustomHeader]) -> Self {
        Self::built_in(FieldSet::EMPTY).with_custom(names)
    }

    /// Adds the headers with custom names. Earlier ones are replaced.
    pub const fn with_custom(self, names: &'a [CustomHeader]) -> Self {
        Self { custom: names, trace_len: names.len(), ..self }
    }

    /// Creates the list of a built-in format from its row.
    pub(crate) const fn of(kind: FormatKind) -> Self {
        Self { kind, ..Self::built_in(kind.fields()) }
    }

    /// Creates the list of a built-in format whose headers have custom names.
    pub(crate) const fn of_custom(kind: FormatKind, names: &'a [CustomHeader]) -> Self {
        Self { kind, ..Self::custom(names) }
    }

    /// Returns the headers with built-in names.
    pub const fn built_in_fields(&self) -> FieldSet {
        self.built_in
    }

    /// Returns the headers with custom names.
    pub const fn custom_headers(&self) -> &'a [CustomHeader] {
        self.custom
    }

    /// Returns all headers as a set. `names` numbers the custom ones.
    pub(crate) fn set(&self, names: &FieldNames) -> FieldSet {
        let custom = self.custom.iter().filter_map(|name| names.configured(name));
        custom.fold(self.built_in, FieldSet::with)
    }

    /// Returns the headers with trace context, which mean something only together.
    pub(crate) fn trace_fields(&self, names: &FieldNames) -> FieldSet {
        let custom = self.custom.iter().take(self.trace_len).filter(|name| !name.is_prefix());
        let custom = custom.filter_map(|name| names.configured(name));
        custom.fold(self.built_in.without(FieldSet::TEXT), FieldSet::with)
    }

    /// Returns the custom headers that hold text. `names` numbers them.
    #[cfg(feature = "alloc")]
    pub(crate) fn custom_text(&self, names: &FieldNames) -> FieldSet {
        let custom = self.custom.iter().skip(self.trace_len).filter_map(|name| names.configured(name));
        custom.fold(FieldSet::EMPTY, FieldSet::with)
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests;
