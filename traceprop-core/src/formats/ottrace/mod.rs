//! `ot-tracer-*` and `ot-baggage-*`: trace context and baggage of OpenTracing's basic tracers and of Lightstep.
//!
//! ```text
//! ot-tracer-traceid = 1*32 hex, not all "0"        ot-tracer-sampled = "true" / "false" / "1" / "0", in any case
//! ot-tracer-spanid  = 1*16 hex, not all "0"        ot-baggage-KEY    = raw text, one line per item
//!
//! ot-tracer-traceid: 4e472eabeb7a76fe
//! ot-tracer-spanid: a8fb4e7bd67292ee
//! ot-tracer-sampled: true
//! ```
//!
//! Both ids are needed. Short ones are padded with zeros on the left: the basic tracers write no leading zeros. Of several
//! values, on lines or joined by commas, the first one counts. A missing or unknown `ot-tracer-sampled` leaves sampling
//! undecided.
//!
//! Only the right 64 bits of the trace id are written, since Lightstep accepts no more. The left half is lost.
//! The format cannot express an undecided trace: it is written as `false`, and a received `false` does not fill in a
//! decision that another format left open.
//!
//! Datadog's tracers send `ot-baggage-*` too. The items count next to valid ids of this format, and in any request if the
//! propagator also reads Datadog.
//!
//! The format is written only where a list names it. OpenTelemetry has deprecated it.
//!
//! Source: <https://github.com/opentracing/basictracer-python>

pub use crate::baggage::prefixed::PrefixedBaggage as OtBaggage;

use crate::carrier::Headers;
use crate::context::{OmitReason, RemoteContext};
use crate::field::{Field, FormatKind, InvalidHeader};
use crate::format::{Format, FormatFields, InjectContext, Parsed, Writer, read_ids, write_prefixed_baggage};
use crate::id::{Sampling, SpanId, TraceId};
use crate::wire::InvalidReason;
#[cfg(feature = "alloc")]
use crate::{
    context::{FilteredLine, TextFilter, TextLine},
    wire::is_token_byte,
};

/// The OpenTracing format, named `ottrace`.
///
/// [`OtBaggage`] reads its baggage. [`InjectOptions::allow_baggage`](crate::InjectOptions::allow_baggage) limits the
/// baggage that is written.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{InjectOptions, Pairs, Propagator, formats::ottrace::OtTrace};
///
/// let propagator = Propagator::builder().extract_none().inject(OtTrace::new()).build()?;
/// let trace_id = "8ea449528708fc47eb368a5ae2aae5ac".parse()?;
/// let span = traceprop_core::SpanContext::new(trace_id, "a8fb4e7bd67292ee".parse()?);
/// let mut headers = Pairs::new();
/// propagator.inject(&span, &InjectOptions::new(), &mut headers);
/// assert_eq!(headers.get("ot-tracer-traceid"), Some("eb368a5ae2aae5ac"));
/// assert_eq!(headers.get("ot-tracer-sampled"), Some("false"));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OtTrace;

impl OtTrace {
    /// Creates the format.
    pub const fn new() -> Self {
        Self
    }
}

/// Reads the decision: deferred if there is none.
fn sampling(headers: &Headers<'_>) -> Result<Sampling, InvalidHeader> {
    let Some((at, word)) = headers.first_value(Field::OtTracerSampled) else {
        return Ok(Sampling::Deferred);
    };
    let reason = if word.is_empty() { InvalidReason::Empty } else { InvalidReason::BadSampling };
    Sampling::from_word(word).ok_or(reason.at(at).of(Field::OtTracerSampled))
}

/// Reads the ids. `None` if there are no headers of a trace.
fn ids(headers: &Headers<'_>) -> Option<Result<(TraceId, SpanId), InvalidHeader>> {
    const NO_TRACE_ID: InvalidHeader = InvalidHeader::new(Field::OtTracerTraceId, InvalidReason::MissingTraceId, 0);
    let ids = read_ids(headers, Field::OtTracerTraceId, Field::OtTracerSpanId);
    ids.or_else(|| headers.get(Field::OtTracerSampled).map(|_| Err(NO_TRACE_ID)))
}

impl Format for OtTrace {
    fn name(&self) -> &str {
        "ottrace"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::of(FormatKind::OtTrace)
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        Parsed::of(ids(headers), |(trace_id, span_id)| {
            let read = sampling(headers);
            let sampling = read.unwrap_or(Sampling::Deferred);
            let parsed = Parsed::context(RemoteContext { sampling, ..RemoteContext::new(trace_id, Some(span_id)) });
            // A sender without a decision writes `false` too.
            parsed.implicit_if(sampling == Sampling::NotSampled).with_ignored(read.err())
        })
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let Some((trace_id, span_id)) = context.ids_or_omit(Field::OtTracerSpanId, writer) else {
            return;
        };
        let Some(low) = SpanId::new(trace_id.low()) else {
            writer.omit(Field::OtTracerTraceId, OmitReason::BadValue, 1);
            return;
        };
        writer.write_ascii(Field::OtTracerTraceId, &low.to_hex());
        writer.write_ascii(Field::OtTracerSpanId, &span_id.to_hex());
        let sampled = if context.sampling_or_received_bit().is_sampled() { "true" } else { "false" };
        writer.write_ascii(Field::OtTracerSampled, sampled.as_bytes());
    }

    // Readers ignore baggage without ids.
    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if writer.has_written() {
            write_prefixed_baggage(context, Field::OtBaggage, writer);
        }
    }
}

/// Returns what remains of a line of baggage, or `None` if it is a line of another field.
#[cfg(feature = "alloc")]
pub(crate) fn filter_text<'l>(line: TextLine<'_, 'l>, filter: TextFilter<'_>) -> Option<FilteredLine<'l>> {
    let key = line.name.get(PREFIX.len()..).unwrap_or_default();
    (line.field == Field::OtBaggage).then(|| FilteredLine::whole(line.value, filter.allow.allows_header(key)))
}

/// The prefix of the header names of baggage items.
#[cfg(feature = "alloc")]
const PREFIX: &str = "ot-baggage-";

/// Returns the name of the line for an item. `None` if the key cannot be part of a header name.
#[cfg(feature = "alloc")]
pub(crate) fn baggage_name(key: &str) -> Option<alloc::string::String> {
    let is_token = !key.is_empty() && key.bytes().all(is_token_byte);
    is_token.then(|| [PREFIX, &key.to_ascii_lowercase()].concat())
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::Pairs;
    use crate::context::inject_options::{Allow, InjectOptions};
    use crate::id::generator::IdBits;
    use crate::owned::OwnedContext;
    use crate::propagator::Propagator;
    use std::string::{String, ToString};
    use std::vec::Vec;

    const IDS: [(&str, &str); 2] =
        [("ot-tracer-traceid", "4e472eabeb7a76fe"), ("ot-tracer-spanid", "a8fb4e7bd67292ee")];
    const ITEM: (&str, &str) = ("ot-baggage-tenant", "acme");

    fn named(names: &str) -> Propagator {
        Propagator::from_names(names, names).unwrap()
    }

    fn sent(
        propagator: &Propagator,
        request: &[(&'static str, &'static str)],
        options: &InjectOptions<'_>,
    ) -> [Pairs; 2] {
        let request = request.to_vec();
        let extraction = propagator.extract(&request);
        let span = extraction.new_span(&|| IdBits::non_random(7));
        let (mut borrowed, mut owned) = (Pairs::new(), Pairs::new());
        propagator.inject(&span, options, &mut borrowed);
        propagator.inject(&OwnedContext::from_span(&extraction, &span), options, &mut owned);
        [borrowed, owned]
    }

    #[test]
    fn ok_baggage_counts_next_to_valid_ids_or_with_datadog() {
        let bad = [IDS[0], ("ot-tracer-spanid", "?")];
        for (names, lines, counts) in [
            ("ottrace", &IDS[..], true),
            ("ottrace", &[][..], false),
            ("ottrace", &bad, false),
            ("tracecontext,ottrace", &[][..], false),
            ("ottrace,datadog", &[][..], true),
            ("ottrace,datadog", &bad, true),
            (
                "tracecontext,ottrace",
                &[IDS[0], IDS[1], ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")],
                true,
            ),
        ] {
            let propagator = named(names);
            let request = [lines, &[ITEM]].concat();
            assert_eq!(propagator.extract(&request).ot_baggage().len(), usize::from(counts), "{names}: {request:?}");
            assert_eq!(
                propagator.explain(&request).invalid_headers().count(),
                usize::from(lines.len() == 2 && lines[1].1 == "?")
            );
            for headers in sent(&propagator, &request, &InjectOptions::everything()) {
                assert_eq!(headers.get(ITEM.0), counts.then_some(ITEM.1), "{names}: {request:?}");
            }
        }
    }

    #[test]
    fn ok_datadog_writes_baggage_where_it_is_asked_to() {
        use crate::formats::datadog::Datadog;

        let request = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "8"), ITEM, ("OT-Baggage-User", "alice")];
        let plain = Propagator::builder().with_format(Datadog::new()).build().unwrap();
        let asked = Propagator::builder().with_format(Datadog::new().with_ot_baggage()).build().unwrap();
        assert_eq!(plain.extract(&request).ot_baggage().len(), 2);
        for headers in sent(&plain, &request, &InjectOptions::everything()) {
            assert!(headers.iter().all(|(name, _)| !name.starts_with("ot-baggage-")));
        }
        for headers in sent(&asked, &request, &InjectOptions::new().allow_baggage(Allow::Only(&["USER"]))) {
            assert_eq!((headers.get("ot-baggage-user"), headers.get(ITEM.0)), (Some("alice"), None));
        }
    }

    #[test]
    fn err_items_that_no_header_can_hold_are_omitted() {
        let propagator = named("ottrace");
        let request = [
            IDS[0],
            IDS[1],
            ("ot-baggage-a", "é"),
            ("ot-baggage-b", " "),
            ("ot-baggage-t", "1\t2"),
            ("ot-baggage-c d", "1"),
            ITEM,
        ];
        let extraction = propagator.extract(&request);
        let mut headers = Pairs::new();
        let report =
            propagator.inject(extraction.passthrough(), &InjectOptions::everything(), &mut headers).to_string();
        assert_eq!(headers.iter().filter(|(name, _)| name.starts_with("ot-baggage-")).count(), 1);
        assert_eq!(report, "ot-baggage-: 3 members omitted (bad-value); ot-baggage-: 1 member omitted (bad-key)");
        let long: String = "k".repeat(Writer::MAX_NAME_LEN - PREFIX.len() + 1);
        let context = || OwnedContext::from_span(&extraction, &extraction.new_span(&|| IdBits::non_random(7)));
        let reason = |key: &str, value: &str| {
            context().with_ot_baggage([(key, value)]).map_err(|invalid| invalid.reason()).err()
        };
        assert_eq!(reason("a b", "1"), Some(InvalidReason::BadKey));
        assert_eq!(["", "1\t2"].map(|value| reason("a", value)), [Some(InvalidReason::BadValue); 2]);
        assert_eq!((reason(&long, "1"), reason(&long[1..], "1")), (Some(InvalidReason::TooLong), None));
    }

    #[test]
    fn err_baggage_beyond_the_limits() {
        let propagator = named("ottrace");
        let read = |count: usize, value: &str| {
            let names: Vec<String> = (0..count).map(|i| std::format!("ot-baggage-k{i:03}")).collect();
            let lines = names.iter().map(|name| (name.as_str(), value));
            let request: Vec<_> = IDS.into_iter().chain(lines).collect();
            let baggage = propagator.extract(&request).ot_baggage();
            (baggage.len(), baggage.ignored().map(|invalid| (invalid.reason(), invalid.offset())))
        };
        assert_eq!(read(64, "v"), (64, None));
        assert_eq!(read(65, "v"), (64, Some((InvalidReason::TooManyLines, 0))));
        // Keys have four bytes.
        assert_eq!(read(2, &"v".repeat(4092)), (2, None));
        assert_eq!(read(2, &"v".repeat(4093)), (1, Some((InvalidReason::TooLong, 4097))));
    }

    #[test]
    fn err_a_trace_id_with_a_zero_right_half_is_not_written() {
        let propagator = named("ottrace");
        let request = [("ot-tracer-traceid", "10000000000000000"), IDS[1], ITEM];
        let extraction = propagator.extract(&request);
        assert_eq!(extraction.context().unwrap().trace_id.get(), 1 << 64);
        let mut headers = Pairs::new();
        let span = extraction.new_span(&|| IdBits::non_random(7));
        let report = propagator.inject(&span, &InjectOptions::everything(), &mut headers);
        assert!(headers.is_empty());
        assert_eq!(report.to_string(), "ot-tracer-traceid: omitted (bad-value)");
    }

    #[test]
    fn ok_false_fills_in_no_decision() {
        let propagator = named("b3,ottrace");
        let sampling = |sampled: &'static str| {
            let b3 = ("b3", "00000000000000004e472eabeb7a76fe-a8fb4e7bd67292ee");
            propagator.extract(&[b3, IDS[0], IDS[1], ("ot-tracer-sampled", sampled)]).sampling()
        };
        assert_eq!(sampling("false"), Sampling::Deferred);
        assert_eq!(sampling("true"), Sampling::Sampled);
    }

    #[test]
    fn ok_an_open_decision_crosses_a_hop_that_speaks_w3c() {
        let first = Propagator::from_names("ottrace", "tracecontext").unwrap();
        let mut crossing = Pairs::new();
        first.inject(first.extract(&IDS).passthrough(), &InjectOptions::new(), &mut crossing);
        assert_eq!(crossing.get("tracestate"), Some("tp=1;eb7a76fe;f"));
        assert_eq!(named("tracecontext,ottrace").extract(&crossing).sampling(), Sampling::Deferred);
    }
}
