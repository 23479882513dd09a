//! Correlation ids: a custom header with one id for all work of a request, older than trace contexts.
//!
//! ```text
//! value = uuid / request-id / opaque     surrounding blanks are ignored
//!
//! X-Plumbr-TransactionId: d19931bb-f235-4dcb-2e2f-b9d31225d62e
//! ```
//!
//! A UUID in any spelling is the trace id, and so is the root of an ASP.NET [`Request-Id`]. The text is forwarded byte
//! for byte, because people search for it, and only to allowed destinations. Other text is forwarded too if it consists
//! of the characters of common ids. It names no trace and is never hashed into a trace id; without
//! [`Correlation::opaque`] the report says that it is not an id. Without a received text, a span sends what
//! [`Correlation::when_absent`] says. A passthrough never makes an id.
//!
//! Of several lines the first that is not blank is used; the report says so if the lines differ. Equal values that are
//! joined by a comma are one value, and different ones are invalid. There is no specification; the spellings are those
//! of RFC 9562, section 4, and those that its parsers accept.
//!
//! Envoy stores its trace decision in the 13th digit of `x-request-id`. For this header the digits `9`, `a` and `b` are
//! read as `4`; [`Correlation::exact`] turns that off.
//!
//! [`Request-Id`]: https://github.com/dotnet/runtime/blob/main/src/libraries/System.Diagnostics.DiagnosticSource/src/HierarchicalRequestId.md

mod id;
mod opaque;
mod preserve;
mod request_id;
mod uuid;
mod when_absent;

use core::any::Any;

pub use id::{CorrelationId, EnvoyReason};
pub use when_absent::WhenAbsent;

use self::uuid::Spelling;
use crate::carrier::{HeaderLines, Headers};
use crate::context::{OmitReason, RemoteContext};
use crate::field::{CustomHeader, Field, FormatKind, InvalidHeader, InvalidHeaderName};
use crate::format::{Format, FormatFields, InjectContext, Parsed, Preserve, Writer};
use crate::id::TraceId;
use crate::tracestate::preserve::{PreserveWriter, Preserved};
use crate::wire::{self, InvalidReason, ReasonAt, debug_as};

/// The prefix of the header name in the name of the format.
const PREFIX: &str = "correlation:";

/// The header in which Envoy stores its trace decision.
const ENVOY_HEADER: &str = "x-request-id";

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
    pub(crate) header: CustomHeader,
    /// [`PREFIX`] and the header name, stored so that a name needs no allocator.
    name: [u8; PREFIX.len() + CustomHeader::MAX_LEN],
    opaque: bool,
    envoy_mask: bool,
    /// `None` is the default, which depends on `opaque`.
    when_absent: Option<WhenAbsent>,
}

/// The meaning of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// It names a trace.
    Trace(TraceId),
    /// It names no trace.
    Opaque,
}

/// What the lines of the header say.
enum Found<'c> {
    /// They are absent or blank.
    Nothing,
    Text(&'c str, Meaning),
    /// The text is not sent to anybody.
    Illegal(InvalidReason),
}

/// Returns the value of a line without blanks around it. Equal values that are joined by a comma are one.
fn single_value(line: &[u8]) -> &[u8] {
    let value = wire::trim(line);
    let mut parts = value.split(|&b| b == b',').map(wire::trim);
    match parts.next() {
        Some(first) if parts.all(|part| part == first) => first,
        _ => value,
    }
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
        let mut envoy_mask = name.len() == ENVOY_HEADER.len();
        let mut i = 0;
        while envoy_mask && i < name.len() {
            envoy_mask = text[PREFIX.len() + i] == ENVOY_HEADER.as_bytes()[i];
            i += 1;
        }
        Ok(Self { header, name: text, opaque: false, envoy_mask, when_absent: None })
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

    /// Accepts text that is not a UUID as an id: at most 128 letters, digits and `-_.:+/=|#{}`.
    ///
    /// Such text is forwarded without this setting too, but is then reported as invalid. With it, an absent id is
    /// [generated](WhenAbsent::Generate) by default.
    pub const fn opaque(self) -> Self {
        Self { opaque: true, ..self }
    }

    /// Sets what a span sends if no id was received.
    ///
    /// Defaults to [`WhenAbsent::Generate`] with [`opaque`](Self::opaque), and to [`WhenAbsent::TraceId`] without it.
    pub const fn when_absent(self, when_absent: WhenAbsent) -> Self {
        Self { when_absent: Some(when_absent), ..self }
    }

    /// Reads a 13th digit of `9`, `a` or `b` in a hyphenated UUID as `4`. The default for `x-request-id`.
    ///
    /// Envoy overwrites the version of a random UUID with these digits to store [why it traces the
    /// request](CorrelationId::envoy_reason). Services before Envoy know the id with version 4. No UUID has these
    /// versions. The text is forwarded as received, and an id that is made here has version 4: with `9`, `a` or `b` it
    /// would force Envoy to trace.
    pub const fn envoy_mask(self) -> Self {
        Self { envoy_mask: true, ..self }
    }

    /// Reads and makes all digits of a UUID as they are, for `x-request-id` without Envoy.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::{Propagator, formats::correlation::Correlation};
    ///
    /// let trace_id = |format: Correlation| {
    ///     let propagator = Propagator::builder().with_format(format).build().unwrap();
    ///     let request = [("x-request-id", "2996f8a3-26f8-90a5-a080-c74e911caddb")];
    ///     propagator.extract(&request).context().unwrap().trace_id.to_string()
    /// };
    /// let format = Correlation::from_static("x-request-id");
    /// assert_eq!(trace_id(format), "2996f8a326f840a5a080c74e911caddb");
    /// assert_eq!(trace_id(format.exact()), "2996f8a326f890a5a080c74e911caddb");
    /// ```
    pub const fn exact(self) -> Self {
        Self { envoy_mask: false, ..self }
    }

    /// Applies a setting by its name in a list of formats. Returns `None` if there is no such setting.
    #[cfg(feature = "alloc")]
    pub(crate) fn with_setting(self, setting: &str) -> Option<Self> {
        let known = [
            ("opaque", self.opaque()),
            ("exact", self.exact()),
            ("envoy-mask", self.envoy_mask()),
            ("when-absent=trace-id", self.when_absent(WhenAbsent::TraceId)),
            ("when-absent=generate", self.when_absent(WhenAbsent::Generate)),
            ("when-absent=omit", self.when_absent(WhenAbsent::Omit)),
        ];
        known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(setting)).map(|(_, format)| format)
    }

    /// Returns the header name in lower case.
    pub fn header_name(&self) -> &str {
        self.header.as_str()
    }

    fn meaning(&self, value: &[u8]) -> Result<Meaning, ReasonAt> {
        let id = match value {
            [b'|', ..] => request_id::root(value),
            _ => uuid::parse(value),
        };
        match id {
            Ok(id) => {
                let id = if self.envoy_mask { id::unmarked(value, id) } else { id };
                // The nil UUID is not an id, even if opaque text is accepted.
                TraceId::new(id).map(Meaning::Trace).ok_or(InvalidReason::ZeroTraceId.at(0))
            }
            Err(_) if self.opaque => opaque::check(value).map(|()| Meaning::Opaque),
            Err(error) => Err(error),
        }
    }

    /// Returns what these lines say.
    fn found<'c>(&self, lines: impl Iterator<Item = &'c [u8]>) -> Found<'c> {
        let Some(value) = lines.map(single_value).find(|value| !value.is_empty()) else {
            return Found::Nothing;
        };
        match self.meaning(value) {
            // What has a meaning is ASCII.
            Ok(meaning) => Found::Text(wire::ascii(value), meaning),
            // Text that is not an id is forwarded if it cannot do harm in a header or a log.
            Err(_) => match opaque::check(value) {
                Ok(()) => Found::Text(wire::ascii(value), Meaning::Opaque),
                Err(error) => Found::Illegal(error.reason),
            },
        }
    }

    /// Returns the text to send: the received one, the one before a hop, or one that is made for a span of `trace_id`.
    ///
    /// # Errors
    ///
    /// Returns why a received text is not sent. Nothing is sent in its place.
    pub(crate) fn text_to_send<'c>(
        &self,
        lines: impl Iterator<Item = &'c [u8]>,
        preserved: impl FnOnce() -> Option<(Preserved<'c>, TraceId)>,
        trace_id: Option<TraceId>,
    ) -> Result<Option<CorrelationId<'c>>, OmitReason> {
        match self.found(lines) {
            Found::Text(text, _) => Ok(Some(CorrelationId::received(text))),
            Found::Illegal(InvalidReason::TooLong) => Err(OmitReason::TooLong),
            Found::Illegal(_) => Err(OmitReason::BadValue),
            Found::Nothing => {
                let restored = preserved().and_then(|(tp, id)| preserve::restore(tp, self.header_name(), id));
                Ok(restored.or_else(|| self.made(trace_id?)))
            }
        }
    }

    /// Returns the id that a span sends if none was received.
    pub(crate) fn made(&self, trace_id: TraceId) -> Option<CorrelationId<'static>> {
        let default = if self.opaque { WhenAbsent::Generate } else { WhenAbsent::TraceId };
        let id = self.when_absent.unwrap_or(default).id(trace_id)?;
        Some(CorrelationId::spelt(Spelling::CANONICAL, if self.envoy_mask { id::version_4(id) } else { id }))
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
        // A header that is only read is forwarded, never restored.
        let preserved = || context.preserved().zip(context.trace_id()).filter(|_| !context.is_read_only);
        let of_span = context.trace_id().filter(|_| !context.is_passthrough());
        let omitted = match self.text_to_send(self.lines(context).iter(), preserved, of_span) {
            Ok(None) => return,
            Ok(Some(_)) | Err(_) if !self.is_allowed(context) => OmitReason::NotAllowed,
            Ok(Some(id)) => return writer.write_custom_ascii(&self.header, id.as_str().as_bytes()),
            Err(reason) => reason,
        };
        writer.omit(self.field(context.received()), omitted, 1);
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
        let fields = FormatFields::of_custom(FormatKind::Correlation, core::slice::from_ref(&self.header));
        FormatFields { trace_len: 0, preserve: Some(self), ..fields }
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        let lines = headers.get_all_custom(&self.header);
        let mut values = lines.iter().map(single_value).zip(lines.iter()).filter(|(value, _)| !value.is_empty());
        let Some((value, line)) = values.next() else {
            return match lines.is_over_limit() {
                true => Parsed::invalid(InvalidHeader::new(self.field(headers), InvalidReason::TooManyLines, 0)),
                false => Parsed::absent(),
            };
        };
        let mut parsed = match self.meaning(value) {
            Ok(Meaning::Trace(trace_id)) => Parsed::context(RemoteContext::new(trace_id, None)),
            // Opaque text names no trace. It is forwarded in addition to any.
            Ok(Meaning::Opaque) => Parsed { has_text: true, ..Parsed::absent() },
            Err(error) => {
                // A length is that of the value, but an offset is counted from the start of the line.
                let lead = match error.reason {
                    InvalidReason::BadLength | InvalidReason::TooLong => 0,
                    _ => wire::lead(line),
                };
                Parsed::invalid(error.shifted_by(lead).of(self.field(headers)))
            }
        };
        if values.any(|(other, _)| other != value) {
            parsed.ignore_member(InvalidHeader::new(self.field(headers), InvalidReason::RepeatedField, 0));
        }
        parsed
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if context.trace_id().is_some() {
            self.write(context, writer);
        }
    }

    /// Writes one value if it is allowed, as for a span.
    fn forward_lines(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) -> bool {
        self.inject(context, writer);
        true
    }

    /// Writes the received text if there is no trace.
    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if context.trace_id().is_none() {
            self.write(context, writer);
        }
    }
}

impl Preserve for Correlation {
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn preserve(&self, context: &InjectContext<'_>, writer: &mut PreserveWriter) {
        let Some(trace_id) = context.trace_id().filter(|_| self.is_allowed(context)) else {
            return;
        };
        match self.found(self.lines(context).iter()) {
            Found::Text(text, Meaning::Trace(id)) if id == trace_id => {
                // A text set by code was not received in a header, so there is no spelling to restore.
                if context.agrees(FormatKind::Correlation) {
                    preserve::put(writer, self.header_name(), text, trace_id, self.made(trace_id));
                }
            }
            // Text of another trace is not a spelling of this one.
            Found::Text(..) | Found::Illegal(_) => {}
            Found::Nothing => {
                if let Some(preserved) = context.preserved() {
                    preserve::put_received(writer, preserved, self.header_name());
                }
            }
        }
    }
}

debug_as!(
    Correlation, |it|
    header: it.header_name(), opaque: it.opaque, envoy_mask: it.envoy_mask, when_absent: it.when_absent
);
