//! Correlation ids: a header of your own with one id for all that a request causes, from before trace contexts.
//!
//! ```text
//! value = uuid / request-id / opaque     blanks around do not count
//!
//! X-Plumbr-TransactionId: d19931bb-f235-4dcb-2e2f-b9d31225d62e
//! ```
//!
//! A UUID in any spelling is the trace id, its 16 bytes as written; so is the root of an ASP.NET [`Request-Id`]. The
//! text goes on byte for byte, because people search for it, and only to destinations that may have it. Where none
//! came, the trace id is sent hyphenated: who is called first makes the id. Other text is refused, or kept beside the
//! trace with [`Correlation::opaque`]; it is never hashed into a trace id.
//!
//! Of several lines the first that is not blank counts; one that a proxy joined by commas names nothing. There is no
//! specification; the spellings are those of RFC 9562, 4, and of what its parsers take.
//!
//! [`Request-Id`]: https://github.com/dotnet/runtime/blob/main/src/libraries/System.Diagnostics.DiagnosticSource/src/HierarchicalRequestId.md

mod id;
mod opaque;
mod preserve;
mod request_id;
mod uuid;

use core::fmt;

pub use id::{CorrelationId, EnvoyReason};

use id::unmarked;

use crate::carrier::headers::{HeaderLines, Headers};
use crate::context::RemoteContext;
use crate::context::inject_options::OmitReason;
use crate::field::invalid::InvalidHeader;
use crate::field::{CustomHeader, Field, FormatKind, InvalidHeaderName};
use crate::format::{Format, FormatFields, InjectContext, Parsed, Preserve, Writer};
use crate::id::TraceId;
use crate::tracestate::preserve::{PreserveWriter, Preserved};
use crate::wire;
use crate::wire::reason::{InvalidReason, ReasonAt};

/// What stands before the header in the name of such a format.
const PREFIX: &str = "correlation:";

/// A correlation id under a header name of your choice. Name `correlation:` and the header in lower case.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{formats::correlation::Correlation, IdBits, InjectOptions, Propagator};
///
/// static TRANSACTION: Correlation = Correlation::from_static("X-Plumbr-TransactionId");
///
/// let propagator = Propagator::builder().extract(&TRANSACTION).inject(&TRANSACTION).build()?;
/// let request = [("x-plumbr-transactionid", "D19931BB-F235-4DCB-2E2F-B9D31225D62E")];
/// let span = propagator.extract(&request).new_span(&|| IdBits::random(7));
/// assert_eq!(span.trace_id().to_string(), "d19931bbf2354dcb2e2fb9d31225d62e");
///
/// // Inside the fleet the same bytes go on; elsewhere nothing does.
/// let mut headers: Vec<(String, String)> = Vec::new();
/// propagator.inject(&span, &InjectOptions::everything(), &mut headers);
/// assert_eq!(headers[0].1, "D19931BB-F235-4DCB-2E2F-B9D31225D62E");
/// let omitted = propagator.inject(&span, &InjectOptions::new(), &mut Vec::<(String, String)>::new());
/// assert_eq!(omitted.to_string(), "x-plumbr-transactionid: omitted (not-allowed)");
/// # }
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Correlation {
    header: CustomHeader,
    /// [`PREFIX`] and the header, held here so that a name needs no allocator.
    name: [u8; PREFIX.len() + CustomHeader::MAX_LEN],
    opaque: bool,
    envoy_mask: bool,
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// It names a trace.
    Trace(TraceId),
    /// It is an id to people only.
    Opaque,
}

impl Correlation {
    /// The id in this header, in any letter case.
    ///
    /// # Errors
    /// When it is no header name of at most 62 bytes, or that of another dialect's field.
    pub const fn new(name: &str) -> Result<Self, InvalidHeaderName> {
        let header = match (CustomHeader::new(name), Field::reserved_by(name)) {
            (Ok(_), Some(format)) => return Err(InvalidHeaderName::Reserved { format }),
            (Ok(header), None) => header,
            (Err(error), _) => return Err(error),
        };
        let mut text = [0; PREFIX.len() + CustomHeader::MAX_LEN];
        let mut i = 0;
        while i < PREFIX.len() + name.len() {
            text[i] = match i.checked_sub(PREFIX.len()) {
                Some(at) => name.as_bytes()[at].to_ascii_lowercase(),
                None => PREFIX.as_bytes()[i],
            };
            i += 1;
        }
        Ok(Self { header, name: text, opaque: false, envoy_mask: false })
    }

    /// The same from a literal, for constants.
    ///
    /// # Panics
    /// Where [`Correlation::new`] gives an error; in a constant that is a compile error.
    pub const fn from_static(name: &'static str) -> Self {
        match Self::new(name) {
            Ok(format) => format,
            Err(_) => panic!("not a header name of at most 62 bytes that is free"),
        }
    }

    /// Keeps text that is no UUID too: at most 128 letters, digits and `-_.:+/=|#{}`. It goes on beside a new trace,
    /// or beside the one that another format names.
    pub const fn opaque(mut self) -> Self {
        self.opaque = true;
        self
    }

    /// Reads a 13th digit of `9`, `a` or `b` as `4`: with these Envoy overwrites the version of a random UUID, to say
    /// why it traces the request ([`CorrelationId::envoy_reason`]), and whoever saw the id before knows the other one.
    /// Not for UUIDs that have such a digit of their own. The text goes on as it came all the same.
    pub const fn envoy_mask(mut self) -> Self {
        self.envoy_mask = true;
        self
    }

    /// The header's name, in lower case.
    pub fn header_name(&self) -> &str {
        self.header.as_str()
    }

    pub(crate) const fn field_name(&self) -> &CustomHeader {
        &self.header
    }

    fn meaning(&self, value: &[u8]) -> Result<Meaning, ReasonAt> {
        let id = match value {
            [b'|', ..] => request_id::root(value),
            _ => uuid::parse(value),
        };
        match id {
            Ok(id) => {
                let id = if self.envoy_mask { unmarked(id) } else { id };
                // The nil UUID says "no id" in any mode.
                TraceId::new(id).map(Meaning::Trace).ok_or(InvalidReason::ZeroTraceId.at(0))
            }
            Err(_) if self.opaque => opaque::check(value).map(|()| Meaning::Opaque),
            Err(error) => Err(error),
        }
    }

    /// The text of these lines and what it means; `None` if there is none that counts.
    fn came<'c>(&self, mut lines: impl Iterator<Item = &'c [u8]>) -> Option<(&'c str, Meaning)> {
        let value = wire::trim(lines.find(|line| !wire::trim(line).is_empty())?);
        let meaning = self.meaning(value).ok()?;
        // What has a meaning is ASCII.
        Some((wire::ascii(value), meaning))
    }

    /// The text as it came, or as it was before a hop that speaks only W3C.
    pub(crate) fn received<'c>(
        &self,
        lines: impl Iterator<Item = &'c [u8]>,
        bridged: impl FnOnce() -> Option<(Preserved<'c>, TraceId)>,
    ) -> Option<CorrelationId<'c>> {
        match self.came(lines) {
            Some((text, _)) => Some(CorrelationId::received(text)),
            None => bridged().and_then(|(tp, trace_id)| preserve::restore(tp, self.header_name(), trace_id)),
        }
    }

    /// Whether `value` may stand in this header.
    #[cfg(feature = "alloc")]
    pub(crate) fn check(&self, value: &[u8]) -> Result<(), InvalidHeader> {
        self.meaning(value).map(drop).map_err(|error| error.of(Field::Custom(0)))
    }

    /// The lines of this header that came. There are none in a context that was told to forget them.
    fn lines<'c>(&self, context: &InjectContext<'c>) -> HeaderLines<'c> {
        context.received().get_all_custom(&self.header)
    }

    fn is_allowed(&self, context: &InjectContext<'_>) -> bool {
        context.options().allowed_correlation().allows_header(self.header_name())
    }

    fn write(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let bridged = || context.preserved().zip(context.trace_id());
        let id = self.received(self.lines(context).iter(), bridged);
        let Some(id) = id.or_else(|| context.trace_id().map(CorrelationId::from_trace_id)) else {
            return;
        };
        if self.is_allowed(context) {
            writer.write_custom_ascii(&self.header, id.as_str().as_bytes());
        } else {
            writer.omit(self.field(context.received()), OmitReason::NotAllowed, 1);
        }
    }

    fn field(&self, slots: &Headers<'_>) -> Field {
        slots.field(&self.header)
    }
}

impl Format for Correlation {
    fn name(&self) -> &str {
        let len = PREFIX.len() + self.header_name().len();
        wire::ascii(&self.name[..len])
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::of_custom(FormatKind::Correlation, core::slice::from_ref(&self.header)).preserved_by(self)
    }

    fn extract(&self, slots: &Headers<'_>) -> Parsed {
        let lines = slots.get_all_custom(&self.header);
        let Some(line) = lines.iter().find(|line| !wire::trim(line).is_empty()) else {
            return match lines.is_over_limit() {
                true => Parsed::invalid(InvalidHeader::new(self.field(slots), InvalidReason::TooManyLines, 0)),
                false => Parsed::absent(),
            };
        };
        match self.meaning(wire::trim(line)) {
            Ok(Meaning::Trace(trace_id)) => Parsed::context(RemoteContext::new(trace_id, None)),
            // It says nothing of a trace; it is carried beside whichever there will be.
            Ok(Meaning::Opaque) => Parsed::absent(),
            Err(error) => {
                // A length is that of the value; a place is counted from the start of the line.
                let lead = match error.reason {
                    InvalidReason::BadLength | InvalidReason::TooLong => 0,
                    _ => line.iter().take_while(|&&b| matches!(b, b' ' | b'\t')).count(),
                };
                Parsed::invalid(error.behind(lead).of(self.field(slots)))
            }
        }
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if context.trace_id().is_some() {
            self.write(context, writer);
        }
    }

    /// As for a span: of several lines one counts, and whether it may go on is to be asked.
    fn forward(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        self.inject(context, writer);
    }

    /// Text that came goes on although there is no trace to pass on.
    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if context.trace_id().is_none() {
            self.write(context, writer);
        }
    }
}

impl Preserve for Correlation {
    fn preserve(&self, context: &InjectContext<'_>, bridge: &mut PreserveWriter) {
        let Some(trace_id) = context.trace_id().filter(|_| self.is_allowed(context)) else {
            return;
        };
        match self.came(self.lines(context).iter()) {
            Some((text, Meaning::Trace(id))) if id == trace_id => {
                // A context that was built from fields came in no header, and owes nobody its spelling.
                if context.agrees(FormatKind::Correlation) {
                    preserve::hand_over(bridge, self.header_name(), text, trace_id);
                }
            }
            // Text of another trace is no spelling of this one.
            Some(_) => {}
            None => {
                if let Some(bridged) = context.preserved() {
                    preserve::keep(bridge, bridged, self.header_name());
                }
            }
        }
    }
}

impl fmt::Debug for Correlation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Correlation")
            .field("header", &self.header_name())
            .field("opaque", &self.opaque)
            .field("envoy_mask", &self.envoy_mask)
            .finish_non_exhaustive()
    }
}
