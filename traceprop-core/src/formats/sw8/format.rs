//! Reading and writing sw8, and preserving it across hops that forward only W3C headers.

use core::fmt;

use super::header::MAX_VALUE;
use super::identity::{Identity, Sw8IdentityError};
use super::write::{Piece, Value};
use super::{
    CORRELATION, EXTENSION, FIELDS, HEADER, Sw8, Sw8Correlation, Sw8Extension, Sw8Header, header, lines, preserve,
};
use crate::carrier::{HeaderLines, Headers};
use crate::context::{OmitReason, RemoteContext};
use crate::field::{Field, FieldSet, FormatKind, InvalidHeader};
use crate::format::{Format, FormatFields, InjectContext, Outcome, Parsed, Preserve, Writer};
use crate::id::Sampling;
use crate::tracestate::preserve::PreserveWriter;
use crate::wire::{Counter, InvalidReason, StackText};

/// Bytes of the longest value that is assembled on the stack. A longer one is streamed.
const STACK_VALUE: usize = 512;

impl Sw8 {
    fn field(&self, headers: &Headers<'_>, place: usize) -> Field {
        self.names.as_ref().map_or(FIELDS[place], |names| headers.field(&names[place]))
    }

    pub(super) fn lines<'c>(&self, headers: &Headers<'c>, place: usize) -> (Field, HeaderLines<'c>) {
        let field = self.field(headers, place);
        (field, headers.get_all(field))
    }

    /// Whether no other header of the format was received, which is the usual case.
    pub(super) fn is_alone(&self, headers: &Headers<'_>) -> bool {
        self.names.is_none() && !headers.contains_any(const { FieldSet::of(&[FIELDS[EXTENSION], FIELDS[CORRELATION]]) })
    }

    /// Writes a value that is ASCII by construction.
    fn put_ascii(&self, place: usize, value: &[u8], writer: &mut Writer<'_>) {
        match &self.names {
            None => writer.write_ascii(FIELDS[place], value),
            Some(names) => writer.write_custom_ascii(&names[place], value),
        }
    }

    /// Writes `sw8`, or omits it and returns `false` if the value is too long.
    fn put_header(&self, value: &Value<'_>, field: Field, writer: &mut Writer<'_>) -> bool {
        let mut short = StackText::<STACK_VALUE>::new();
        if value.put(&mut short).is_ok() {
            self.put_ascii(HEADER, short.as_bytes(), writer);
            return true;
        }
        let is_written = self.put(HEADER, value, MAX_VALUE, writer);
        if !is_written {
            writer.omit(field, OmitReason::TooLong, 1);
        }
        is_written
    }

    /// Writes a value of at most `limit` bytes. Returns `false` if it is longer.
    fn put(&self, place: usize, value: &dyn fmt::Display, limit: usize, writer: &mut Writer<'_>) -> bool {
        let mut short = StackText::<STACK_VALUE>::new();
        if fmt::write(&mut short, format_args!("{value}")).is_ok() {
            self.put_ascii(place, short.as_bytes(), writer);
            return true;
        }
        let mut len = Counter::default();
        if fmt::write(&mut len, format_args!("{value}")).is_err() || len.0 > limit {
            return false;
        }
        match &self.names {
            None => writer.write(FIELDS[place], value),
            Some(names) => writer.write_custom(&names[place], value),
        }
        true
    }

    /// Returns the received `sw8` if it belongs to the trace that is being written.
    fn own<'a>(&self, context: &InjectContext<'a>) -> Option<Sw8Header<'a>> {
        if !context.agrees(FormatKind::Sw8) {
            return None;
        }
        let header = self.header(context.received())?;
        (Some(header.context().trace_id) == context.trace_id()).then_some(header)
    }

    /// Checks the other headers. An invalid one is ignored alone.
    fn check_others(&self, headers: &Headers<'_>, parsed: &mut Parsed) {
        let is_valid = matches!(parsed.outcome(), Outcome::Context(_));
        let (field, lines) = self.lines(headers, CORRELATION);
        if !lines.is_empty() {
            match Sw8Correlation::from_lines(lines, field) {
                Ok(correlation) if is_valid => {
                    correlation.ignored().into_iter().for_each(|error| parsed.ignore_member(error));
                }
                Ok(correlation) if correlation.is_empty() => {}
                // Agents ignore it without an sw8.
                Ok(_) => parsed.ignore_field(InvalidHeader::new(field, InvalidReason::MissingTraceId, 0)),
                Err(error) => parsed.ignore_field(error),
            }
        }
        let (field, lines) = self.lines(headers, EXTENSION);
        if let Some(error) = Sw8Extension::read(lines, field).err().filter(|_| is_valid) {
            parsed.ignore_field(error);
        }
    }

    pub(super) fn header<'c>(&self, headers: &Headers<'c>) -> Option<Sw8Header<'c>> {
        let (field, lines) = self.lines(headers, HEADER);
        lines::read(lines, field)?.ok()
    }

    pub(super) fn extension(&self, headers: &Headers<'_>) -> Option<Sw8Extension> {
        let (field, lines) = self.lines(headers, EXTENSION);
        Sw8Extension::read(lines, field).ok()?
    }

    fn put_extension(&self, extension: Sw8Extension, writer: &mut Writer<'_>) {
        self.put(EXTENSION, &extension, STACK_VALUE, writer);
    }
}

/// Returns the item of the `tp` tracestate member, and the trace id text that it restores.
fn carried<'a>(context: &InjectContext<'a>) -> Option<(&'a str, preserve::Restored)> {
    let item = context.preserved()?.item(preserve::LETTER)?;
    Some((item, preserve::restore(item, context.trace_id()?)?))
}

/// Returns whether the received value is what is being written: no span was made since.
fn is_forwarded(own: &Sw8Header<'_>, context: &InjectContext<'_>) -> bool {
    let received = own.context();
    let is_open = context.is_passthrough() && context.is_resampled() && context.sampling() == Sampling::Deferred;
    let sampling = if is_open && received.sampling == context.sampling_or_received_bit() {
        context.sampling()
    } else {
        received.sampling
    };
    context.matches(&Parsed::context(RemoteContext { sampling, ..received }))
}

impl Format for Sw8 {
    fn name(&self) -> &str {
        "sw8"
    }

    fn fields(&self) -> FormatFields<'_> {
        match &self.names {
            None => FormatFields { preserve: Some(self), ..FormatFields::of(FormatKind::Sw8) },
            Some(names) => {
                let fields = FormatFields::of_custom(FormatKind::Sw8, names);
                FormatFields { trace_len: CORRELATION, preserve: Some(self), ..fields }
            }
        }
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        let (field, lines) = self.lines(headers, HEADER);
        let mut parsed = match lines::read_with(lines, field, header::context) {
            None => Parsed::absent(),
            Some(Err(error)) => Parsed::invalid(error),
            Some(Ok(context)) if context.sampling.is_sampled() => Parsed::context(context).implicit_sampling(),
            Some(Ok(context)) => Parsed::context(context),
        };
        if !self.is_alone(headers) {
            self.check_others(headers, &mut parsed);
        }
        parsed
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let field = self.field(context.received(), HEADER);
        let Some((trace_id, span_id)) = context.ids_or_omit(field, writer) else { return };
        let own = self.own(context);
        // The mode tells the backend not to analyse the trace, so it goes with the caller's decision.
        let is_built = context.source.received.built.contains(FormatKind::Sw8);
        let keeps_extension = own.is_some() && (!context.is_resampled() || is_built);
        let received = if keeps_extension { self.extension(context.received()) } else { None };
        let sent_at_ms = context.options().sent_at();
        // Without a new span the received value is written again.
        if let Some(own) = own.filter(|own| is_forwarded(own, context)) {
            let is_written = self.put_header(&Value::of_header(&own), field, writer);
            if let Some(received) = received.filter(|_| is_written) {
                let sent_at_ms = sent_at_ms.or(received.sent_at_ms);
                self.put_extension(Sw8Extension { sent_at_ms, ..received }, writer);
            }
            return;
        }
        let Some(identity) = &self.identity else {
            writer.omit(field, OmitReason::Disabled, 1);
            return;
        };
        let carried = if own.is_some() { None } else { carried(context) };
        let trace_id = match (&own, &carried) {
            (Some(own), _) => Piece::Received(own.trace_id()),
            (None, Some((_, text))) => Piece::Plain(text.as_str()),
            (None, None) => Piece::Hex(trace_id),
        };
        let sampled = context.sampling_or_received_bit() != Sampling::NotSampled;
        let value = Value::of_span(sampled, trace_id, span_id, identity, context.options());
        let is_written = self.put_header(&value, field, writer);
        // The mode is valid for the trace, the time only for one hop.
        if is_written && (received.is_some() || sent_at_ms.is_some()) {
            let skip_analysis = received.is_some_and(|received| received.skip_analysis);
            self.put_extension(Sw8Extension { skip_analysis, sent_at_ms }, writer);
        }
    }

    fn forward_lines(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) -> bool {
        let fields = match &self.names {
            None => self.fields(),
            // A custom name does not tell that sw8-correlation is baggage, so it is omitted here.
            Some(names) => FormatFields::custom(&names[..CORRELATION]),
        };
        context.forward_verbatim(&self.extract(context.received()), fields, writer)
    }

    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let (field, lines) = self.lines(context.received(), CORRELATION);
        // Agents ignore it without an sw8.
        if lines.is_empty() || !writer.has_written() || context.source.received.ignored.contains(field) {
            return;
        }
        let Ok(correlation) = Sw8Correlation::from_lines(lines, field) else { return };
        let allow = context.options().allowed_baggage();
        if let Some(lines) = correlation.as_received(allow).filter(|_| context.is_passthrough()) {
            for line in lines {
                self.put_ascii(CORRELATION, line.as_bytes(), writer);
            }
            return;
        }
        let (allowed_len, kept_len) = (correlation.allowed(allow).count(), correlation.kept(allow).count());
        if correlation.len() > allowed_len {
            writer.omit(field, OmitReason::NotAllowed, (correlation.len() - allowed_len) as u32);
        }
        if allowed_len > kept_len {
            writer.omit(field, OmitReason::TooLong, (allowed_len - kept_len) as u32);
        }
        if kept_len > 0 {
            self.put(CORRELATION, &correlation.list(allow), usize::MAX, writer);
        }
    }

    fn check_inject(&self) -> Result<(), &'static str> {
        let identity = self.identity.as_ref().ok_or(Sw8IdentityError::Missing);
        identity.and_then(Identity::check).map_err(Sw8IdentityError::as_str)
    }
}

impl Preserve for Sw8 {
    fn preserve(&self, context: &InjectContext<'_>, writer: &mut PreserveWriter) {
        // Text that does not fit is lost. The receiver then uses 32 hex digits.
        let _ = match self.own(context) {
            // Fields set by code were not received in a header, so there is no spelling to restore.
            Some(_) if context.source.received.built.contains(FormatKind::Sw8) => true,
            Some(own) => {
                let item = preserve::item(own.trace_id());
                item.is_none_or(|item| writer.item(preserve::LETTER, item.as_str()))
            }
            None => carried(context).is_none_or(|(item, _)| writer.item(preserve::LETTER, item)),
        };
    }
}
