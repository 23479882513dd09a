//! An invented custom format that uses only the public API of the crate.

use traceprop_core::{
    InvalidHeader, InvalidReason, RemoteContext, Sampling, SpanId, TraceId,
    format::{CustomHeader, Format, FormatFields, Headers, InjectContext, Outcome, Parsed, Writer},
    report::OmitReason,
};

/// `x-acme-trace: TRACE.SPAN` and `x-acme-keep: yes` or `no`; without the latter, sampling is undecided.
pub(crate) struct Acme;

const TRACE: CustomHeader = CustomHeader::from_static("x-acme-trace");
const KEEP: CustomHeader = CustomHeader::from_static("x-acme-keep");
const NAMES: &[CustomHeader] = &[TRACE, KEEP];

const ID_LEN: usize = TraceId::HEX_LEN;
const LEN: usize = ID_LEN + 1 + SpanId::HEX_LEN;

/// Removes blanks around a value, which belong to the carrier; a line end is not a blank.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn parse(value: &[u8]) -> Result<RemoteContext, (InvalidReason, usize)> {
    let value = trim(value);
    if value.len() != LEN {
        return Err((InvalidReason::BadLength, value.len()));
    }
    if value[ID_LEN] != b'.' {
        return Err((InvalidReason::BadDelimiter, ID_LEN));
    }
    let trace_id = TraceId::from_hex(&value[..ID_LEN]).map_err(|error| (error.reason(), error.offset() as usize))?;
    let span_id = SpanId::from_hex(&value[ID_LEN + 1..])
        .map_err(|error| (error.reason(), ID_LEN + 1 + error.offset() as usize))?;
    Ok(RemoteContext::new(trace_id, Some(span_id)))
}

impl Format for Acme {
    fn name(&self) -> &str {
        "acme"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::custom(NAMES)
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        let Some(value) = headers.get_all_custom(&TRACE).iter().find(|line| !trim(line).is_empty()) else {
            return Parsed::new(Outcome::Absent);
        };
        let mut context = match parse(value) {
            Ok(context) => context,
            Err((reason, at)) => return Parsed::invalid(InvalidHeader::new(headers.field(&TRACE), reason, at)),
        };
        let mut ignored = None;
        context.sampling = match headers.get_custom(&KEEP) {
            Some(b"yes") => Sampling::Sampled,
            Some(b"no") => Sampling::NotSampled,
            None => Sampling::Deferred,
            Some(_) => {
                ignored = Some(InvalidHeader::new(headers.field(&KEEP), InvalidReason::BadSampling, 0));
                Sampling::Deferred
            }
        };
        let mut reading = Parsed::new(Outcome::Context(context));
        if let Some(reject) = ignored {
            reading.ignore_field(reject);
        }
        reading
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let Some((trace_id, span_id)) = context.ids() else {
            if context.trace_id().is_some() {
                writer.omit(context.received().field(&TRACE), OmitReason::NoSpanId, 1);
            }
            return;
        };
        writer.write_custom(&TRACE, format_args!("{trace_id}.{span_id}"));
        match context.sampling() {
            Sampling::Deferred => {}
            Sampling::NotSampled => writer.write_custom(&KEEP, "no"),
            Sampling::Sampled | Sampling::Debug => writer.write_custom(&KEEP, "yes"),
        }
    }
}
