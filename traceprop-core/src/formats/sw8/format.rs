//! How sw8 is read, written and carried over hops that do not speak it.

use core::fmt;

use super::correlation::Allowed;
use super::header::MAX_VALUE;
use super::identity::{Identity, Sw8IdentityError};
use super::write::{Piece, Value};
use super::{
    CORRELATION, EXTENSION, FIELDS, HEADER, Sw8, Sw8Correlation, Sw8Extension, Sw8Header, header, lines, preserve,
};
use crate::carrier::headers::{HeaderLines, Headers};
use crate::context::inject_options::OmitReason;
use crate::field::invalid::InvalidHeader;
use crate::field::{Field, FieldSet, FormatKind};
use crate::format::{Format, FormatFields, InjectContext, Outcome, Parsed, Preserve, Writer};
use crate::id::sampling::Sampling;
use crate::tracestate::preserve::PreserveWriter;
use crate::wire::buffer::{Counter, StackText};
use crate::wire::reason::InvalidReason;

/// Bytes of a value that is put together on the stack; a longer one is streamed.
const STACK_VALUE: usize = 512;

impl Sw8 {
    fn field(&self, slots: &Headers<'_>, place: usize) -> Field {
        self.names.as_ref().map_or(FIELDS[place], |names| slots.field(&names[place]))
    }

    pub(super) fn lines<'c>(&self, slots: &Headers<'c>, place: usize) -> (Field, HeaderLines<'c>) {
        let field = self.field(slots, place);
        (field, slots.get_all(field))
    }

    /// Whether neither of the headers beside sw8 came, which is the rule.
    pub(super) fn is_alone(&self, slots: &Headers<'_>) -> bool {
        self.names.is_none() && !slots.contains_any(const { FieldSet::of(&[FIELDS[EXTENSION], FIELDS[CORRELATION]]) })
    }

    /// Writes a value that is ASCII: digits of base64 and of numbers, and separators.
    fn put_ascii(&self, place: usize, value: &[u8], writer: &mut Writer<'_>) {
        match &self.names {
            None => writer.write_ascii(FIELDS[place], value),
            Some(names) => writer.write_custom_ascii(&names[place], value),
        }
    }

    /// Writes the header itself. False if it is too long.
    fn put_header(&self, value: &Value<'_>, writer: &mut Writer<'_>) -> bool {
        let mut short = StackText::<STACK_VALUE>::new();
        if value.put(&mut short).is_ok() {
            self.put_ascii(HEADER, short.as_bytes(), writer);
            return true;
        }
        self.put(HEADER, value, MAX_VALUE, writer)
    }

    /// Writes a value of at most `limit` bytes. False if it is longer.
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

    /// What came in our own header, if it is of the trace that is being written.
    fn own<'a>(&self, outbound: &InjectContext<'a>) -> Option<Sw8Header<'a>> {
        if !outbound.agrees(FormatKind::Sw8) {
            return None;
        }
        let (field, lines) = self.lines(outbound.received(), HEADER);
        let header = lines::read(lines, field)?.ok()?;
        (Some(header.context().trace_id) == outbound.trace_id()).then_some(header)
    }

    /// The headers beside sw8: what cannot be used of them costs itself.
    fn judge_others(&self, slots: &Headers<'_>, reading: &mut Parsed) {
        let is_valid = matches!(reading.outcome(), Outcome::Context(_));
        let (field, lines) = self.lines(slots, CORRELATION);
        if !lines.is_empty() {
            match Sw8Correlation::from_lines(lines, field) {
                Ok(correlation) if is_valid => {
                    correlation.ignored().into_iter().for_each(|reject| reading.ignore_member(reject));
                }
                Ok(correlation) if correlation.is_empty() => {}
                // It means nothing to any agent alone.
                Ok(_) => reading.ignore_field(InvalidHeader::new(field, InvalidReason::MissingTraceId, 0)),
                Err(reject) => reading.ignore_field(reject),
            }
        }
        let (field, lines) = self.lines(slots, EXTENSION);
        if let Some(reject) = Sw8Extension::read(lines, field).err().filter(|_| is_valid) {
            reading.ignore_field(reject);
        }
    }

    fn own_extension(&self, outbound: &InjectContext<'_>) -> Option<Sw8Extension> {
        let (field, lines) = self.lines(outbound.received(), EXTENSION);
        Sw8Extension::read(lines, field).ok().flatten()
    }

    fn put_extension(&self, extension: Sw8Extension, writer: &mut Writer<'_>) {
        self.put(EXTENSION, &extension, STACK_VALUE, writer);
    }
}

/// The item of our tracestate member, and the trace id text that it gives back.
fn carried<'a>(outbound: &InjectContext<'a>) -> Option<(&'a str, preserve::Restored)> {
    let item = outbound.preserved()?.item(preserve::LETTER)?;
    Some((item, preserve::restore(item, outbound.trace_id()?)?))
}

impl Format for Sw8 {
    fn name(&self) -> &str {
        "sw8"
    }

    fn fields(&self) -> FormatFields<'_> {
        match &self.names {
            None => FormatFields::of(FormatKind::Sw8).preserved_by(self),
            Some(names) => FormatFields::of_custom(FormatKind::Sw8, names).preserved_by(self),
        }
    }

    fn extract(&self, slots: &Headers<'_>) -> Parsed {
        let (field, lines) = self.lines(slots, HEADER);
        let mut reading = match lines::read_with(lines, field, header::context) {
            None => Parsed::absent(),
            Some(Err(reject)) => Parsed::invalid(reject),
            Some(Ok(context)) if context.sampling.is_sampled() => Parsed::context(context).implicit_sampling(),
            Some(Ok(context)) => Parsed::context(context),
        };
        if !self.is_alone(slots) {
            self.judge_others(slots, &mut reading);
        }
        reading
    }

    fn inject(&self, outbound: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let field = self.field(outbound.received(), HEADER);
        let Some((trace_id, span_id)) = outbound.ids() else {
            if outbound.trace_id().is_some() {
                writer.omit(field, OmitReason::NoSpanId, 1);
            }
            return;
        };
        let own = self.own(outbound);
        let received = own.and_then(|_| self.own_extension(outbound));
        let sent_at_ms = outbound.options().sent_at();
        let header = |value: &Value<'_>, writer: &mut Writer<'_>| {
            let is_written = self.put_header(value, writer);
            if !is_written {
                writer.omit(field, OmitReason::TooLong, 1);
            }
            is_written
        };
        // What came is written back where it is just what is to be said: nobody has made a span since.
        if let Some(own) = own.filter(|own| outbound.matches(&Parsed::context(own.context()))) {
            let is_written = header(&Value::of_header(&own), writer);
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
        let carried = if own.is_some() { None } else { carried(outbound) };
        let trace_id = match (&own, &carried) {
            (Some(own), _) => Piece::Received(own.trace_id()),
            (None, Some((_, text))) => Piece::Plain(text.as_str()),
            (None, None) => Piece::Hex(trace_id),
        };
        let sampled = outbound.sampling() != Sampling::NotSampled;
        let is_written = header(&Value::of_span(sampled, trace_id, span_id, identity, outbound.options()), writer);
        // The mode holds for the trace, the time only for the hop that it was written for.
        if is_written && (received.is_some() || sent_at_ms.is_some()) {
            let skip_analysis = received.is_some_and(|received| received.skip_analysis);
            self.put_extension(Sw8Extension { skip_analysis, sent_at_ms }, writer);
        }
    }

    fn forward(&self, outbound: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let fields = match &self.names {
            None => self.fields(),
            // Under a name that was configured, nothing but this tells that it is the user's text.
            Some(names) => FormatFields::custom(&names[..CORRELATION]),
        };
        if !outbound.forward_verbatim(&self.extract(outbound.received()), fields, writer) {
            self.inject(outbound, writer);
        }
    }

    fn inject_text(&self, outbound: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let (field, lines) = self.lines(outbound.received(), CORRELATION);
        // It means nothing to any agent without an sw8 beside it.
        if lines.is_empty() || !writer.has_written() || outbound.source.received.refused.contains(field) {
            return;
        }
        let Ok(correlation) = Sw8Correlation::from_lines(lines, field) else {
            return;
        };
        let allow = outbound.options().allowed_baggage();
        if let Some(lines) = correlation.as_received(allow).filter(|_| outbound.is_passthrough()) {
            for line in lines {
                self.put_ascii(CORRELATION, line.as_bytes(), writer);
            }
            return;
        }
        let allowed = Allowed { correlation: &correlation, allow };
        let (may_leave, kept) = allowed.count();
        if correlation.len() > may_leave {
            writer.omit(field, OmitReason::NotAllowed, (correlation.len() - may_leave) as u32);
        }
        if may_leave > kept {
            writer.omit(field, OmitReason::TooLong, (may_leave - kept) as u32);
        }
        if kept > 0 {
            self.put(CORRELATION, &allowed, usize::MAX, writer);
        }
    }

    fn check_inject(&self) -> Result<(), &'static str> {
        let identity = self.identity.as_ref().ok_or(Sw8IdentityError::Missing);
        identity.and_then(Identity::check).map_err(Sw8IdentityError::as_str)
    }
}

impl Preserve for Sw8 {
    fn preserve(&self, outbound: &InjectContext<'_>, bridge: &mut PreserveWriter) {
        // Text that does not fit is lost; the receiver then has 32 hex for it.
        let _ = match self.own(outbound) {
            // A context that was built from fields came in no header, and owes nobody its spelling.
            Some(_) if outbound.source.received.built.contains(FormatKind::Sw8) => true,
            Some(own) => {
                let item = preserve::item(own.trace_id());
                item.is_none_or(|item| bridge.item(preserve::LETTER, item.as_str()))
            }
            None => carried(outbound).is_none_or(|(item, _)| bridge.item(preserve::LETTER, item)),
        };
    }
}
