//! The formats that the table of pairs does not write out: what each can say, how it says it, and the rules by which the
//! cells of its row and of its column follow.

use crate::edge::Lines;
use crate::format::{Attribute, Format};
use crate::said::{Decision, Said};
use crate::seen::{Seen, get, hex64, hex128};
use crate::table::{ANEW, Cell, DEBUG_TO_DATADOG, Fate, K, L, NO, NUMBER, Word, YES, both, then};
use crate::text::{decoded_bytes, encoded};
use Attribute as A;
use Fate::{As, Kept};
use Word::NotSampled;

/// Returns what a further format can say.
pub(crate) const fn attributes(from: Format) -> &'static [Attribute] {
    match from {
        Format::Elastic => &[A::TraceId, A::SpanId, A::Decision, A::Random],
        Format::Instana => &[A::TraceId, A::Width, A::SpanId, A::Decision],
        Format::GrpcTraceBin => &[A::TraceId, A::SpanId, A::Decision],
        Format::OtTrace => &[A::TraceId, A::Width, A::SpanId, A::Decision, A::Baggage],
        Format::Sentry => &[A::TraceId, A::SpanId, A::Decision, A::Deferred, A::SamplingContext],
        Format::CloudTrace | Format::NewRelic => &[A::TraceId, A::SpanId, A::Decision, A::Deferred],
        Format::XRay => &[A::TraceId, A::SpanId, A::Decision, A::Deferred, A::Lineage, A::Baggage],
        _ => &[],
    }
}

/// Returns what becomes of an attribute where one of both is a further format.
pub(crate) fn cell(from: Format, attribute: Attribute, to: Format) -> Cell {
    if from == to {
        return K;
    }
    let has_no_span = to == Format::Correlation;
    match attribute {
        // A sender's id has 64 bits.
        A::TraceId if to == Format::OtTrace && from != to => both(Fate::As(Word::LowHalf)),
        A::TraceId => K,
        A::SpanId | A::Decision if !has_no_span => K,
        A::Decision if from == Format::NewRelic => L,
        A::Decision => ANEW,
        A::Debug => debug(to),
        // In baggage.
        A::SamplingContext if to == Format::W3c => K,
        A::Deferred if matches!(from, Format::XRay | Format::Sentry | Format::CloudTrace) && to == Format::W3c => {
            then(As(NotSampled), Kept)
        }
        // Nothing goes back into New Relic's header.
        A::Deferred if from == Format::NewRelic => both(deferred(to).there),
        A::Deferred => deferred(to),
        A::Random if matches!(to, Format::W3c | Format::Elastic) => K,
        A::Width => {
            let is_shown = matches!(to, Format::Datadog | Format::Instana | Format::OtTrace);
            let comes_back = matches!(from, Format::Datadog | Format::Instana | Format::OtTrace);
            then(if is_shown { Fate::Kept } else { Fate::Lost }, if comes_back { Fate::Kept } else { Fate::Lost })
        }
        A::Priority if from == Format::Datadog => NUMBER,
        // Fields of the format itself.
        _ => L,
    }
}

/// Returns what becomes of a debug decision.
fn debug(to: Format) -> Cell {
    match to {
        Format::B3 | Format::Jaeger => K,
        Format::Datadog => DEBUG_TO_DATADOG,
        Format::Correlation => ANEW,
        _ => YES,
    }
}

/// Returns what becomes of an open decision.
fn deferred(to: Format) -> Cell {
    match to {
        Format::B3 | Format::Datadog | Format::XRay | Format::Sentry | Format::CloudTrace => K,
        Format::Sw8 | Format::Instana => YES,
        Format::Correlation => ANEW,
        _ => NO,
    }
}

/// Returns what a format writes if sampling is undecided.
pub(crate) fn undecided(format: Format) -> &'static str {
    match format {
        Format::Elastic | Format::OtTrace | Format::GrpcTraceBin => "not sampled",
        Format::Instana => "sampled",
        _ => "deferred",
    }
}

/// Returns the decisions that a sender can make.
pub(crate) const fn decisions(format: Format) -> &'static [Decision] {
    match format {
        Format::Elastic | Format::OtTrace | Format::Instana | Format::GrpcTraceBin => &[Decision::No, Decision::Yes],
        _ => &[Decision::Deferred, Decision::No, Decision::Yes],
    }
}

/// Returns the request of a sender.
pub(crate) fn request(said: &Said) -> Lines {
    let (trace, span) = (format!("{:032x}", said.trace_id), format!("{:016x}", said.span_id));
    let is_sampled = said.decision == Decision::Yes;
    match said.format {
        Format::Elastic => {
            let flags = u8::from(is_sampled) | u8::from(said.random) << 1;
            vec![("elastic-apm-traceparent".into(), format!("00-{trace}-{span}-{flags:02x}"))]
        }
        Format::Instana => vec![
            ("X-INSTANA-T".into(), trace[if said.narrow { 16 } else { 0 }..].into()),
            ("X-INSTANA-S".into(), span),
            ("X-INSTANA-L".into(), u8::from(is_sampled).to_string()),
        ],
        Format::GrpcTraceBin => {
            let ids = [&[0, 0][..], &said.trace_id.to_be_bytes(), &[1], &said.span_id.to_be_bytes()].concat();
            let bytes = [&ids[..], &[2, u8::from(is_sampled)]].concat();
            vec![("grpc-trace-bin".into(), encoded(&bytes).trim_end_matches('=').into())]
        }
        Format::OtTrace => {
            let mut lines: Lines = vec![
                ("Ot-Tracer-Traceid".into(), format!("{:x}", said.trace_id)),
                ("Ot-Tracer-Spanid".into(), format!("{:x}", said.span_id)),
                ("Ot-Tracer-Sampled".into(), if is_sampled { "True".into() } else { "False".into() }),
            ];
            if said.baggage {
                lines.push(("Ot-Baggage-Tenant".into(), "acme".into()));
            }
            lines
        }
        Format::NewRelic => {
            let decision = match said.decision {
                Decision::Deferred => "null",
                Decision::No => "false",
                _ => "true",
            };
            let data = format!(r#""ty":"App","ac":"33","ap":"2","id":"{span}","tr":"{trace}","sa":{decision},"ti":1"#);
            vec![("newrelic".into(), encoded(format!(r#"{{"v":[0,1],"d":{{{data}}}}}"#).as_bytes()))]
        }
        Format::CloudTrace => {
            let decision = match said.decision {
                Decision::Deferred => "",
                Decision::No => ";o=0",
                _ => ";o=1",
            };
            vec![("x-cloud-trace-context".into(), format!("{trace}/{}{decision}", said.span_id))]
        }
        Format::Sentry => {
            let decision = match said.decision {
                Decision::Deferred => "",
                Decision::No => "-0",
                _ => "-1",
            };
            let mut lines = vec![("sentry-trace".into(), format!("{trace}-{span}{decision}"))];
            lines.extend(
                said.sampling_context
                    .iter()
                    .map(|text| ("baggage".to_owned(), format!("sentry-trace_id={trace},sentry-transaction={text}"))),
            );
            lines
        }
        other => panic!("{other:?} is not a further format"),
    }
}

/// Adds what a receiver of this format sees.
pub(crate) fn see(format: Format, lines: &Lines, seen: &mut Seen) {
    match format {
        Format::Elastic => {
            let Some(value) = get(lines, "elastic-apm-traceparent") else { return };
            let parts: Vec<&str> = value.split('-').collect();
            let flags = u8::from_str_radix(parts[3], 16).expect("flags");
            (seen.trace_id, seen.span_id) = (hex128(parts[1]), hex64(parts[2]));
            seen.random = flags & 2 != 0;
            seen.decision = Some(if flags & 1 == 1 { "sampled" } else { "not sampled" });
        }
        Format::Instana => {
            seen.trace_id = get(lines, "x-instana-t").and_then(hex128);
            seen.narrow = get(lines, "x-instana-t").is_some_and(|digits| digits.len() == 16);
            seen.span_id = get(lines, "x-instana-s").and_then(hex64);
            seen.decision = Some(if get(lines, "x-instana-l") == Some("0") { "not sampled" } else { "sampled" });
            assert_eq!(get(lines, "x-instana-synthetic"), None);
        }
        Format::GrpcTraceBin => {
            let Some(value) = get(lines, "grpc-trace-bin") else { return };
            let bytes = decoded_bytes(value);
            assert!(bytes.len() == 29 && value.len() == 39, "{value}");
            seen.trace_id = bytes[2..18].try_into().ok().map(u128::from_be_bytes);
            seen.span_id = bytes[19..27].try_into().ok().map(u64::from_be_bytes);
            seen.decision = Some(if bytes[28] == 1 { "sampled" } else { "not sampled" });
        }
        Format::OtTrace => {
            seen.trace_id = get(lines, "ot-tracer-traceid").and_then(hex128);
            seen.narrow = get(lines, "ot-tracer-traceid").is_some_and(|digits| digits.len() == 16);
            seen.span_id = get(lines, "ot-tracer-spanid").and_then(hex64);
            seen.decision = match get(lines, "ot-tracer-sampled") {
                Some("true") => Some("sampled"),
                Some("false") => Some("not sampled"),
                None if seen.trace_id.is_none() => None,
                other => panic!("{other:?} is not a decision"),
            };
            seen.baggage = get(lines, "ot-baggage-tenant").map(str::to_owned);
        }
        // Nothing writes it.
        Format::NewRelic => {}
        Format::CloudTrace => {
            let Some(value) = get(lines, "x-cloud-trace-context") else { return };
            let (ids, option) = value.split_once(';').unwrap_or((value, ""));
            let (trace, span) = ids.split_once('/').expect("a span");
            (seen.trace_id, seen.span_id) = (hex128(trace), span.parse().ok());
            seen.decision = Some(match option {
                "" => "deferred",
                "o=1" => "sampled",
                _ => "not sampled",
            });
        }
        Format::Sentry => {
            if let Some(value) = get(lines, "sentry-trace") {
                let parts: Vec<&str> = value.split('-').collect();
                (seen.trace_id, seen.span_id) = (hex128(parts[0]), hex64(parts[1]));
                let decision = parts.get(2).map(|sampled| ["not sampled", "sampled"][usize::from(*sampled == "1")]);
                seen.decision = Some(decision.unwrap_or("deferred"));
            }
            let members = get(lines, "baggage").into_iter().flat_map(|line| line.split(','));
            let member = members.filter_map(|member| member.strip_prefix("sentry-transaction=")).next();
            seen.sampling_context = member.map(str::to_owned);
        }
        other => panic!("{other:?} is not a further format"),
    }
}
