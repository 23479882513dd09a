//! A format, then a hop that speaks only W3C, then the same format: what has to come back does, byte for byte; what
//! belongs to another trace or to another decision does not.
#![cfg_attr(fuzzing, no_main)]

use traceprop_core::formats::b3::B3;
use traceprop_core::formats::correlation::Correlation;
use traceprop_core::formats::datadog::Datadog;
use traceprop_core::formats::jaeger::Jaeger;
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{
    InjectOptions, Propagator, PropagatorBuilder, Sampling, SpanId, TraceId, presets, report::InjectReport,
};
use traceprop_fuzz::oracle::{b3, correlation, datadog, jaeger, sw8, w3c};
use traceprop_fuzz::{
    Headers, Input, Sink, extract, ids, target, values, w3c_only, written_by_passthrough, written_by_span,
};

target!(run);

const NAME: &str = "x-request-id";
const RULES: correlation::Rules = correlation::Rules { opaque: false, envoy_mask: false };

/// Spans of the services on the way.
const FIRST: u64 = 0xb7ad_6b71_6920_3331;
const HOP: u64 = 0x1234_5678_9abc_def0;
const LAST: u64 = 0x0fed_cba9_8765_4321;

fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let format = Format::of(input.byte());
    let way = Way(input.byte());
    let mut headers = input.headers();
    if format == Format::Correlation {
        // Vectors name other headers.
        headers.iter_mut().for_each(|(name, _)| *name = NAME.to_owned());
    }
    let Some(crossed) = cross(format, way, &headers) else { return };
    let last = |headers: &Headers| {
        let propagator = format.add(Propagator::builder().extract(W3cTraceContext::new()), false).build().expect("two");
        let extraction = extract(&propagator, headers);
        let context = extraction.context().expect("a traceparent was received");
        match way.is(0x10) {
            false => {
                written_by_span(
                    &propagator,
                    &extraction.span_with_ids(context.trace_id, id(LAST)),
                    &InjectOptions::everything(),
                )
                .0
            }
            true => written_by_passthrough(&propagator, &extraction.passthrough(), &InjectOptions::everything()).0,
        }
    };
    let span = id(if way.is(0x10) { HOP } else { LAST });
    let back = last(&crossed.headers);
    match format {
        Format::B3 | Format::B3Multi => {
            let received = b3::read(&headers).flatten().expect("it crossed");
            let ids = received.ids.map(|(trace_id, _)| (trace_id, span));
            // How wide the id was is lost.
            assert_eq!(b3::read(&back.0), Some(Some(b3::B3 { ids, parent: None, is_64_bit: false, ..received })));
        }
        Format::Datadog => {
            let received = datadog::read(&headers).flatten().expect("it crossed");
            let back = datadog::read(&back.0).expect("the trace continues").expect("what is written is legal");
            datadog_fields(&received, &back, span, &crossed.omitted);
        }
        Format::Jaeger => {
            let [received, back] =
                [&headers, &back.0].map(|headers| jaeger::header(values(headers, "uber-trace-id")[0]));
            let received = received.expect("it crossed");
            assert_eq!(back, Some((received.0, span, received.2)));
        }
        Format::Sw8 => {
            let received = sw8::read(&headers).flatten().expect("it crossed");
            let back = sw8::read(&back.0).flatten().expect("the trace continues");
            assert_eq!((back.trace_id, back.span_id, back.sampled), (received.trace_id, span, received.sampled));
            let fits = received.trace.len() <= 180;
            assert!(back.trace == received.trace || (!fits && back.trace == received.trace_id.to_string()));
        }
        Format::Correlation => {
            let received = correlation::line(&headers, NAME).map(String::from_utf8_lossy).expect("it crossed");
            // A member has 256 bytes, with `1;`, eight digits of the trace, `;c`, a tag of four and a colon before the text.
            let fits = received.len() <= 256 - 17 && !received.contains([';', ',', '=']);
            let made = canonical(crossed.trace_id);
            // The text of the trace id itself takes no room in the tracestate. A passthrough makes no id, so it restores
            // only what stands there.
            let expected = match (received == made, fits) {
                (false, true) => Some(&*received),
                _ => Some(made.as_str()).filter(|_| !way.is(0x10)),
            };
            assert_eq!(back.value(NAME), expected, "{received}");
        }
    }
    stale(format, &crossed, &last);
}

fn id(id: u64) -> SpanId {
    SpanId::new(id).expect("not zero")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Datadog,
    Sw8,
    B3,
    B3Multi,
    Jaeger,
    Correlation,
}

impl Format {
    fn of(number: u8) -> Self {
        [Self::Datadog, Self::Sw8, Self::B3, Self::B3Multi, Self::Jaeger, Self::Correlation][usize::from(number % 6)]
    }

    fn add(self, builder: PropagatorBuilder, extract: bool) -> PropagatorBuilder {
        macro_rules! add {
            ($format:expr) => {
                if extract { builder.extract($format) } else { builder.inject($format) }
            };
        }
        match self {
            Self::Datadog => add!(Datadog::new()),
            Self::Sw8 => add!(Sw8::new("cart", "cart-1")),
            Self::B3 => add!(B3::single()),
            Self::B3Multi => add!(B3::multi()),
            Self::Jaeger => add!(Jaeger::new()),
            Self::Correlation => add!(Correlation::from_static(NAME)),
        }
    }
}

/// How a request travels: whether services make spans, and whom it meets.
#[derive(Clone, Copy)]
struct Way(u8);

impl Way {
    const fn is(self, setting: u8) -> bool {
        self.0 & setting != 0
    }
}

/// What remains of a request after hops that speak only W3C.
struct Crossed {
    headers: Headers,
    trace_id: TraceId,
    omitted: InjectReport<'static>,
}

fn cross(format: Format, way: Way, headers: &Headers) -> Option<Crossed> {
    let first = Propagator::builder().inject(W3cTraceContext::new()).preserve_in_tracestate();
    let first = format.add(first, true).build().expect("two formats");
    let extraction = extract(&first, headers);
    let received = extraction.context()?;
    let (sent, omitted) = match way.is(1) && received.parent_id.is_some() {
        // The decision is unchanged, also an open one.
        false => {
            let span = extraction.new_span_with(&ids, &received.sampling);
            assert_eq!(span.span_id(), id(FIRST));
            written_by_span(&first, &span, &InjectOptions::everything())
        }
        true => written_by_passthrough(&first, &extraction.passthrough(), &InjectOptions::everything()),
    };
    let members = w3c::tracestate(&values(&sent.0, "tracestate")).expect("what is written is legal");
    assert!(members.iter().all(|(key, _)| key == "tp" || (key == "dd" && format == Format::Datadog)));
    assert!(members.len() <= 1 && (format != Format::Datadog || members.iter().all(|(key, _)| key == "dd")));
    let mut headers = w3c_only(&sent, id(HOP), way.is(2));
    if way.is(4) {
        // A service of ours that speaks only W3C must forward what it cannot use.
        let propagator = presets::W3C.propagator();
        let extraction = propagator.extract(&headers);
        let span = extraction.span_with_ids(received.trace_id, id(HOP));
        headers = written_by_span(&propagator, &span, &InjectOptions::everything()).0.0;
    }
    Some(Crossed { headers, trace_id: received.trace_id, omitted: omitted.without_names() })
}

/// Returns the text that is made of a trace id. Envoy keeps a decision in the 13th digit of this header, so it is always 4.
fn canonical(trace_id: TraceId) -> String {
    let id = trace_id.to_string();
    [&id[..8], &id[8..12], &format!("4{}", &id[13..16]), &id[16..20], &id[20..]].join("-")
}

fn is_canonical(text: &str) -> bool {
    text.len() == 36 && correlation::meaning(text.as_bytes(), RULES) != correlation::Meaning::Nothing
}

/// Checks Datadog's fields as far as its own member can spell them.
fn datadog_fields(received: &datadog::Fields, back: &datadog::Fields, span: SpanId, omitted: &InjectReport) {
    assert!(back.is_clean, "{back:?} of {received:?}");
    assert_eq!((back.trace_id, back.parent_id), (received.trace_id, Some(span)));
    // Without a priority the flag is 0, which is a decision.
    assert_eq!(back.priority, Some(received.priority.unwrap_or(0)));
    let value = |text: &str| text.replace(['~', ';'], "_").replace(',', "_");
    let spelt = received.tags.iter().map(|(name, text)| (name.replace([':', ';'], "_"), value(text)));
    let spelt: Vec<(String, String)> = spelt.collect();
    // Names with an equal spelling: the last counts, if it had room.
    let last = |place: usize, name: &str| spelt[place + 1..].iter().all(|(other, _)| other != name);
    // One that is spelled like the tag that is never forwarded is not forwarded either.
    let goes_on = |place: usize, name: &str| last(place, name) && name != "upstream_services";
    let tags = spelt.iter().enumerate().filter(|(place, (name, _))| goes_on(*place, name)).map(|(_, tag)| tag.clone());
    let tags: Vec<_> = tags.collect();
    let origin = received.origin.as_deref().map(value);
    match omitted.is_complete() {
        true => assert_eq!((&back.origin, &back.tags), (&origin, &tags)),
        // Whole items are omitted, and none is cut.
        false => {
            assert!(back.origin.is_none() || back.origin == origin);
            assert!(back.tags.iter().all(|tag| spelt.contains(tag)), "{:?} of {spelt:?}", back.tags);
        }
    }
}

/// Checks that our member is ignored in another trace and with another decision.
fn stale(format: Format, crossed: &Crossed, last: &dyn Fn(&Headers) -> Sink) {
    let other = TraceId::new(crossed.trace_id.get() ^ 1).unwrap_or(TraceId::new(2).expect("not zero"));
    let mut headers = crossed.headers.clone();
    headers[0].1.splice(3..35, other.to_hex());
    let flag = headers[0].1[54] & 1;
    let decision = if flag == 1 { Sampling::Sampled } else { Sampling::NotSampled };
    let back = last(&headers);
    match format {
        Format::B3 | Format::B3Multi => assert_eq!(b3::read(&back.0).flatten().map(|b3| b3.sampling), Some(decision)),
        Format::Jaeger => {
            assert!(jaeger::header(values(&back.0, "uber-trace-id")[0]).is_some_and(|(.., byte)| byte == flag))
        }
        Format::Sw8 => assert_eq!(sw8::read(&back.0).flatten().map(|sw8| sw8.trace), Some(other.to_string())),
        // A passthrough makes no id, and a span a canonical one.
        Format::Correlation => assert!(back.value(NAME).is_none_or(is_canonical)),
        Format::Datadog => {}
    }
    let mut headers = crossed.headers.clone();
    headers[0].1[54] ^= 1;
    let decision = if flag == 0 { Sampling::Sampled } else { Sampling::NotSampled };
    let back = last(&headers);
    match format {
        Format::B3 | Format::B3Multi => assert_eq!(b3::read(&back.0).flatten().map(|b3| b3.sampling), Some(decision)),
        Format::Jaeger => {
            assert!(jaeger::header(values(&back.0, "uber-trace-id")[0]).is_some_and(|(.., byte)| byte == flag ^ 1))
        }
        Format::Datadog => {
            let fields = datadog::read(&back.0).flatten().expect("the trace continues");
            assert_eq!((fields.sampling(), fields.priority.is_some_and(|n| (0..=1).contains(&n))), (decision, true));
        }
        Format::Sw8 | Format::Correlation => {}
    }
}
