//! Correlation ids: a custom header with one id for all work of a request, older than trace contexts.
//!
//! ```text
//! value = uuid / request-id / opaque     surrounding blanks are ignored
//!
//! X-Plumbr-TransactionId: d19931bb-f235-4dcb-2e2f-b9d31225d62e
//! ```
//!
//! A UUID in any spelling is the trace id, and so is the root of an ASP.NET [`Request-Id`]. The text is forwarded byte
//! for byte, because people search for it, and only to allowed destinations. Without a received text, the hyphenated
//! trace id is sent. Other text is invalid, or forwarded in addition to the trace with [`Correlation::opaque`]. It is
//! never hashed into a trace id.
//!
//! Of several lines the first that is not blank is used. A line with a comma is invalid. There is no specification; the
//! spellings are those of RFC 9562, section 4, and those that its parsers accept.
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

/// The prefix of the header name in the name of the format.
const PREFIX: &str = "correlation:";

/// The format of a correlation id in a custom header.
///
/// Lists name it `correlation:` and the header name in lower case.
///
/// # Examples
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
/// // The received bytes are sent to allowed destinations only.
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
    /// [`PREFIX`] and the header name, stored so that a name needs no allocator.
    name: [u8; PREFIX.len() + CustomHeader::MAX_LEN],
    opaque: bool,
    envoy_mask: bool,
}

/// The meaning of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// It names a trace.
    Trace(TraceId),
    /// It names no trace.
    Opaque,
}

impl Correlation {
    /// Creates a format for the id in this header. The case of `name` is ignored.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidHeaderName`] if `name` is not a valid name of a [`CustomHeader`], or belongs to another format.
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

    /// Creates a format from a literal, for constants.
    ///
    /// # Panics
    ///
    /// Panics if [`Correlation::new`] returns an error. In a constant that is a compile error.
    pub const fn from_static(name: &'static str) -> Self {
        match Self::new(name) {
            Ok(format) => format,
            Err(_) => panic!("not a header name of at most 62 bytes that is free"),
        }
    }

    /// Accepts text that is not a UUID too: at most 128 letters, digits and `-_.:+/=|#{}`.
    ///
    /// It is forwarded in addition to a new trace, or to the trace of another format.
    pub const fn opaque(self) -> Self {
        Self { opaque: true, ..self }
    }

    /// Reads a 13th digit of `9`, `a` or `b` as `4`.
    ///
    /// Envoy overwrites the version of a random UUID with these digits to store [why it traces the
    /// request](CorrelationId::envoy_reason). Services before Envoy know the id with version 4. Do not use this for
    /// UUIDs that have such a version themselves. The text is forwarded as received.
    pub const fn envoy_mask(self) -> Self {
        Self { envoy_mask: true, ..self }
    }

    /// Returns the header name in lower case.
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
                // The nil UUID is not an id, even if opaque text is accepted.
                TraceId::new(id).map(Meaning::Trace).ok_or(InvalidReason::ZeroTraceId.at(0))
            }
            Err(_) if self.opaque => opaque::check(value).map(|()| Meaning::Opaque),
            Err(error) => Err(error),
        }
    }

    /// Returns the text of these lines and its meaning, or `None` if there is no valid text.
    fn first_valid<'c>(&self, mut lines: impl Iterator<Item = &'c [u8]>) -> Option<(&'c str, Meaning)> {
        let value = wire::trim(lines.find(|line| !wire::trim(line).is_empty())?);
        let meaning = self.meaning(value).ok()?;
        // What has a meaning is ASCII.
        Some((wire::ascii(value), meaning))
    }

    /// Returns the received text, or the text before a hop that forwarded only W3C headers.
    pub(crate) fn received<'c>(
        &self,
        lines: impl Iterator<Item = &'c [u8]>,
        preserved: impl FnOnce() -> Option<(Preserved<'c>, TraceId)>,
    ) -> Option<CorrelationId<'c>> {
        let received = self.first_valid(lines).map(|(text, _)| CorrelationId::received(text));
        received.or_else(|| preserved().and_then(|(tp, id)| preserve::restore(tp, self.header_name(), id)))
    }

    /// Checks a value for this header.
    #[cfg(feature = "alloc")]
    pub(crate) fn check(&self, value: &[u8]) -> Result<(), InvalidHeader> {
        self.meaning(value).map(drop).map_err(|error| error.of(Field::Custom(0)))
    }

    /// Returns the received lines of this header. Empty for a context without received headers.
    fn lines<'c>(&self, context: &InjectContext<'c>) -> HeaderLines<'c> {
        context.received().get_all_custom(&self.header)
    }

    fn is_allowed(&self, context: &InjectContext<'_>) -> bool {
        context.options().allowed_correlation().allows_header(self.header_name())
    }

    fn write(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let preserved = || context.preserved().zip(context.trace_id());
        let id = self.received(self.lines(context).iter(), preserved);
        let Some(id) = id.or_else(|| context.trace_id().map(CorrelationId::from_trace_id)) else {
            return;
        };
        if self.is_allowed(context) {
            writer.write_custom_ascii(&self.header, id.as_str().as_bytes());
        } else {
            writer.omit(self.field(context.received()), OmitReason::NotAllowed, 1);
        }
    }

    fn field(&self, headers: &Headers<'_>) -> Field {
        headers.field(&self.header)
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

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        let lines = headers.get_all_custom(&self.header);
        let Some(line) = lines.iter().find(|line| !wire::trim(line).is_empty()) else {
            return match lines.is_over_limit() {
                true => Parsed::invalid(InvalidHeader::new(self.field(headers), InvalidReason::TooManyLines, 0)),
                false => Parsed::absent(),
            };
        };
        match self.meaning(wire::trim(line)) {
            Ok(Meaning::Trace(trace_id)) => Parsed::context(RemoteContext::new(trace_id, None)),
            // Opaque text names no trace. It is forwarded in addition to any.
            Ok(Meaning::Opaque) => Parsed::absent(),
            Err(error) => {
                // A length is that of the value, but an offset is counted from the start of the line.
                let lead = match error.reason {
                    InvalidReason::BadLength | InvalidReason::TooLong => 0,
                    _ => wire::lead(line),
                };
                Parsed::invalid(error.shifted_by(lead).of(self.field(headers)))
            }
        }
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if context.trace_id().is_some() {
            self.write(context, writer);
        }
    }

    /// Writes one value if it is allowed, as for a span.
    fn forward(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        self.inject(context, writer);
    }

    /// Writes the received text if there is no trace.
    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if context.trace_id().is_none() {
            self.write(context, writer);
        }
    }
}

impl Preserve for Correlation {
    fn preserve(&self, context: &InjectContext<'_>, writer: &mut PreserveWriter) {
        let Some(trace_id) = context.trace_id().filter(|_| self.is_allowed(context)) else {
            return;
        };
        match self.first_valid(self.lines(context).iter()) {
            Some((text, Meaning::Trace(id))) if id == trace_id => {
                // A text set by code was not received in a header, so there is no spelling to restore.
                if context.agrees(FormatKind::Correlation) {
                    preserve::put(writer, self.header_name(), text, trace_id);
                }
            }
            // Text of another trace is not a spelling of this one.
            Some(_) => {}
            None => {
                if let Some(preserved) = context.preserved() {
                    preserve::put_received(writer, preserved, self.header_name());
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
