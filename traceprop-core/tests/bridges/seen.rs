//! What a receiver sees that speaks one format: read by plain code from lines in canonical form.

use crate::edge::{CORRELATION, HOP, Lines};
use crate::format::{Attribute, Format};
use crate::further;
use crate::said::{Said, pairs};
use crate::text::{decoded, hyphenated};

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) trace_id: Option<u128>,
    pub(crate) narrow: bool,
    pub(crate) span_id: Option<u64>,
    pub(crate) b3_parent: Option<String>,
    pub(crate) decision: Option<&'static str>,
    pub(crate) priority: Option<i32>,
    pub(crate) origin: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) last_span: Option<String>,
    pub(crate) members: Vec<(String, String)>,
    pub(crate) random: bool,
    pub(crate) jaeger_flags: Option<u8>,
    pub(crate) sw8: Option<String>,
    pub(crate) correlation: Option<String>,
    pub(crate) lineage: Option<String>,
    pub(crate) sampling_context: Option<String>,
    pub(crate) baggage: Option<String>,
}

impl Seen {
    pub(crate) fn value(&self, attribute: Attribute) -> Option<String> {
        let is = |word| self.decision == Some(word);
        match attribute {
            Attribute::TraceId => self.trace_id.map(|id| format!("{id:032x}")),
            Attribute::Width => self.narrow.then(|| "64".into()),
            Attribute::SpanId => self.span_id.map(|id| format!("{id:016x}")),
            Attribute::B3Parent => self.b3_parent.clone(),
            Attribute::Decision | Attribute::Debug | Attribute::Deferred => self.decision.map(str::to_owned),
            Attribute::Priority => self.priority.map(|number| number.to_string()),
            Attribute::Origin => self.origin.clone(),
            Attribute::Tags => (!self.tags.is_empty()).then(|| pairs(&self.tags)),
            Attribute::LastSpan => self.last_span.clone(),
            Attribute::Members => (!self.members.is_empty()).then(|| pairs(&self.members)),
            Attribute::Random => self.random.then(|| "random".into()),
            Attribute::JaegerFlags => {
                let plain = [is("not sampled").then_some(0), is("sampled").then_some(1), is("debug").then_some(3)];
                self.jaeger_flags.filter(|flags| !plain.contains(&Some(*flags))).map(|flags| format!("{flags:x}"))
            }
            Attribute::Sw8Text => self.sw8.clone(),
            Attribute::CorrelationText => self.correlation.clone(),
            Attribute::SamplingContext => self.sampling_context.clone(),
            Attribute::Lineage => self.lineage.clone(),
            Attribute::Baggage => self.baggage.clone(),
        }
    }
}

pub(crate) fn get<'l>(lines: &'l Lines, name: &str) -> Option<&'l str> {
    let mut values =
        lines.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
    let value = values.next();
    assert!(values.next().is_none(), "{name} occurs twice in {lines:?}");
    value
}

pub(crate) fn hex128(text: &str) -> Option<u128> {
    u128::from_str_radix(text, 16).ok()
}

pub(crate) fn hex64(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

/// Returns what the lines say in `format`.
///
/// With `said`, items that cross in members of a tracestate count too: a receiver that knows them expands the item.
pub(crate) fn see(format: Format, lines: &Lines, said: Option<&Said>) -> Seen {
    let mut seen = Seen::default();
    match format {
        Format::W3c => w3c(lines, said, &mut seen),
        Format::B3 => b3(lines, &mut seen),
        Format::Datadog => datadog(lines, &mut seen),
        Format::Jaeger => {
            if let Some(value) = get(lines, "uber-trace-id") {
                let parts: Vec<&str> = value.split(':').collect();
                let flags = u8::from_str_radix(parts[3], 16).expect("flags");
                (seen.trace_id, seen.narrow) = (hex128(parts[0]), parts[0].len() == 16);
                (seen.span_id, seen.jaeger_flags) = (hex64(parts[1]), Some(flags));
                seen.decision = Some(["not sampled", "sampled", "not sampled", "debug"][usize::from(flags & 3)]);
            }
            seen.baggage = get(lines, "uberctx-tenant").map(str::to_owned);
        }
        Format::Sw8 => {
            if let Some(value) = get(lines, "sw8") {
                let fields: Vec<&str> = value.split('-').collect();
                assert_eq!(fields.len(), 8, "{value}");
                let (text, segment) = (decoded(fields[1]), decoded(fields[2]));
                seen.decision = Some(if fields[0] == "1" { "sampled" } else { "not sampled" });
                // A segment of ours names a span, and nothing but that span.
                seen.span_id = segment.strip_suffix("0000000000000000").and_then(hex64);
                seen.trace_id = traceprop_core::formats::sw8::trace_id_from_text(&text).map(|id| id.get());
                let plain = seen.trace_id.is_some_and(|id| text == format!("{id:032x}"));
                seen.sw8 = (!plain).then_some(text);
            }
            seen.baggage = get(lines, "sw8-correlation").map(|value| decoded(value.split_once(':').expect("a pair").1));
        }
        Format::XRay => {
            let fields = get(lines, "x-amzn-trace-id").into_iter().flat_map(|value| value.split(';'));
            seen.decision = Some("deferred");
            for (key, value) in fields.map(|field| field.split_once('=').expect("a field")) {
                match key {
                    "Root" => seen.trace_id = hex128(&value.strip_prefix("1-").expect("a version").replace('-', "")),
                    "Parent" => seen.span_id = hex64(value),
                    "Sampled" => seen.decision = Some(["not sampled", "sampled"][usize::from(value == "1")]),
                    "Lineage" => seen.lineage = Some(value.to_owned()),
                    _ => seen.baggage = Some(value.to_owned()),
                }
            }
        }
        Format::Correlation => {
            if let Some(text) = get(lines, CORRELATION) {
                let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
                let start = text.find(|c: char| c.is_ascii_hexdigit()).expect("digits");
                // `urn:uuid:` has a `d` of its own.
                let digits = if text.starts_with("urn") { &digits[1..] } else { &digits[..] };
                seen.trace_id = hex128(&digits[..32]);
                let plain = start == 0 && seen.trace_id.is_some_and(|id| text == hyphenated(id));
                seen.correlation = (!plain).then(|| text.to_owned());
            }
        }
        _ => further::see(format, lines, &mut seen),
    }
    if format != Format::W3c {
        assert!(get(lines, "traceparent").is_none() && get(lines, "tracestate").is_none(), "{lines:?}");
    }
    seen
}

fn b3(lines: &Lines, seen: &mut Seen) {
    let single: Option<Vec<&str>> = get(lines, "b3").map(|value| value.split('-').collect());
    let (trace, span, sampled, debug, parent) = match &single {
        Some(parts) => {
            let letter = parts.get(2).copied();
            (Some(parts[0]), Some(parts[1]), letter, letter == Some("d"), parts.get(3).copied())
        }
        None => {
            let flags = get(lines, "x-b3-flags") == Some("1");
            let ids = (get(lines, "x-b3-traceid"), get(lines, "x-b3-spanid"));
            (ids.0, ids.1, get(lines, "x-b3-sampled"), flags, get(lines, "x-b3-parentspanid"))
        }
    };
    seen.trace_id = trace.and_then(hex128);
    seen.narrow = trace.is_some_and(|trace| trace.len() == 16);
    seen.span_id = span.and_then(hex64);
    seen.b3_parent = parent.map(str::to_owned);
    seen.decision = Some(match sampled {
        _ if debug => "debug",
        None => "deferred",
        Some("0") => "not sampled",
        Some("1") => "sampled",
        Some(other) => panic!("{other} is not a decision"),
    });
}

fn datadog(lines: &Lines, seen: &mut Seen) {
    let number = |name: &str| get(lines, name).map(|value| value.parse::<u64>().expect("a number"));
    let tags = get(lines, "x-datadog-tags").unwrap_or_default();
    let mut high = 0;
    for tag in tags.split(',').filter(|tag| !tag.is_empty()) {
        let (key, value) = tag.strip_prefix("_dd.p.").and_then(|tag| tag.split_once('=')).expect("a tag");
        match key {
            "tid" => high = hex64(value).expect("an upper half"),
            _ => seen.tags.push((key.to_owned(), value.to_owned())),
        }
    }
    if let Some(low) = number("x-datadog-trace-id") {
        seen.trace_id = Some(u128::from(high) << 64 | u128::from(low));
        seen.narrow = high == 0;
    }
    seen.span_id = number("x-datadog-parent-id");
    seen.priority = get(lines, "x-datadog-sampling-priority").map(|value| value.parse().expect("a priority"));
    seen.origin = get(lines, "x-datadog-origin").map(str::to_owned);
    seen.decision = Some(match seen.priority {
        None => "deferred",
        Some(1..) => "sampled",
        Some(_) => "not sampled",
    });
}

fn w3c(lines: &Lines, said: Option<&Said>, seen: &mut Seen) {
    let Some(parent) = get(lines, "traceparent") else {
        assert_eq!(get(lines, "tracestate"), None);
        return;
    };
    let parts: Vec<&str> = parent.split('-').collect();
    (seen.trace_id, seen.span_id) = (hex128(parts[1]), hex64(parts[2]));
    let flags = u8::from_str_radix(parts[3], 16).expect("flags");
    seen.random = flags & 2 != 0;
    seen.decision = Some(if flags & 1 == 1 { "sampled" } else { "not sampled" });
    for (key, value) in get(lines, "baggage")
        .into_iter()
        .flat_map(|line| line.split(','))
        .map(|member| member.split_once('=').expect("a member"))
    {
        match key {
            "sentry-transaction" => seen.sampling_context = Some(value.to_owned()),
            "sentry-trace_id" => {}
            _ => seen.baggage = Some(value.to_owned()),
        }
    }
    for member in get(lines, "tracestate").into_iter().flat_map(|state| state.split(',')) {
        match member.split_once('=').expect("a member") {
            ("dd", value) => dd(value, seen),
            ("tp", value) => {
                let mut items = value.split(';');
                let low = format!("{:08x}", seen.trace_id.expect("an id") as u32);
                assert_eq!((items.next(), items.next()), (Some("1"), Some(low.as_str())), "{value}");
                if let Some(said) = said {
                    items.for_each(|item| tp(item, said, seen));
                }
            }
            (HOP, _) => {}
            (key, value) => seen.members.push((key.to_owned(), value.to_owned())),
        }
    }
}

fn dd(value: &str, seen: &mut Seen) {
    for item in value.split(';') {
        let (key, value) = item.split_once(':').expect("an item");
        let value = value.replace('~', "=");
        match key {
            "s" => seen.priority = value.parse().ok(),
            "o" => seen.origin = Some(value),
            "p" => seen.last_span = Some(value),
            _ => seen.tags.push((key.strip_prefix("t.").expect("a tag").to_owned(), value)),
        }
    }
}

fn tp(item: &str, said: &Said, seen: &mut Seen) {
    let expanded = |known: &Option<(String, String)>, item: &str| {
        let (text, expected) = known.as_ref().expect("an item of this kind was written");
        (item == expected).then(|| text.clone())
    };
    match item.split_at(1) {
        ("d", "") => seen.decision = Some("debug"),
        ("f", "") => seen.decision = Some("deferred"),
        ("j", digits) => seen.jaeger_flags = u8::from_str_radix(digits, 16).ok(),
        ("s", item) => seen.sw8 = expanded(&said.sw8, item),
        ("c", item) => seen.correlation = expanded(&said.correlation, item),
        _ => panic!("item {item} of our member"),
    }
}
