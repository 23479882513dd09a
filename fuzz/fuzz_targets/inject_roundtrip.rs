//! A context of any fields, written in any set of formats: each of them says the same again, as far as it can.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::formats::b3::B3;
use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::formats::cloudtrace::CloudTrace;
use traceprop_core::formats::correlation::Correlation;
use traceprop_core::formats::datadog::{Datadog, DatadogParts};
use traceprop_core::formats::elastic::Elastic;
use traceprop_core::formats::grpc_trace_bin::GrpcTraceBin;
use traceprop_core::formats::instana::Instana;
use traceprop_core::formats::jaeger::Jaeger;
use traceprop_core::formats::ottrace::OtTrace;
use traceprop_core::formats::sentry::Sentry;
use traceprop_core::formats::sw8::{Sw8, Sw8Extension, Sw8Parts};
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::formats::xray::XRay;
use traceprop_core::{
    Baggage, Field, InjectOptions, OwnedBaggage, OwnedContext, Propagator, PropagatorBuilder, RemoteContext, Sampling,
    SpanContext, formats::jaeger::JaegerFlags, presets, report::InjectReport,
};
use traceprop_fuzz::oracle::{
    Expected, b3, baggage, cloudtrace, correlation, datadog, elastic, grpc_trace_bin, instana, is_token, jaeger,
    ottrace, percent, sentry, sw8, text, trim, w3c, xray,
};
use traceprop_fuzz::{Input, Sink, target, values, written_by_owned};

target!(run);

const ID: Correlation = Correlation::from_static("x-request-id").opaque();
const RULES: correlation::Rules = correlation::Rules { opaque: true, envoy_mask: true };

fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (without, order) = (input.byte(), input.byte());
    let given = Given::of(input);
    let context = given.context();
    let propagator = propagator(without, order);
    let [.., endpoint, peer] = &given.sw8;
    let call = InjectOptions::everything().endpoint(endpoint).peer(peer).sent_at_ms(1_768_384_712_345);
    let (sink, omitted) = written_by_owned(&propagator, &context, &call);
    w3c(&given, &context, &sink);
    b3(&context, &sink);
    datadog(&given, &context, &sink, &omitted);
    jaeger(&given, &context, &sink);
    sw8(&given, &context, &sink);
    further(&context, &sink);
    xray(&context, &sink);
    correlation_id(&context, &sink);

    // A reader of all formats finds one trace, and nothing invalid. Half of Datadog's id, if the other half is
    // omitted, is that of another trace.
    let all = presets::ALL_TO_W3C.propagator();
    let report = all.explain(&sink);
    let is_whole = omitted.iter().all(|omission| omission.field != Field::DatadogTags);
    if let Some(read) = report.extraction().context().filter(|_| is_whole) {
        // Half of an id is that of another trace.
        let links = report.extraction().links().filter(|link| link.format != "ottrace");
        assert_eq!(links.count(), 0, "{report}");
        assert_eq!((Some(read.trace_id), read.parent_id), (context.trace_id(), context.span_id()));
    }
    let rejects: Vec<_> = report.invalid_headers().map(|(_, reject)| reject.to_string()).collect();
    assert!(rejects.is_empty(), "written, but invalid: {rejects:?}");
}

/// The formats that `all` includes, each encoding of B3, and a correlation header. W3C baggage is always written.
static FORMATS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let all = Propagator::from_names("all", "none").expect("a known name");
    let formats = all.extract_names().filter(|name| !["baggage", "newrelic"].contains(name));
    let encodings = |name| if name == "b3" { vec![name, "b3multi"] } else { vec![name] };
    formats.flat_map(encodings).chain(["correlation"]).map(str::to_owned).collect()
});

fn propagator(without: u8, order: u8) -> Propagator {
    let builder = Propagator::builder().extract_none().inject(W3cBaggage::new());
    let add = |builder: PropagatorBuilder, place: usize| match FORMATS[place].as_str() {
        "tracecontext" => builder.inject(W3cTraceContext::new()),
        "b3" => builder.inject(B3::single()),
        "b3multi" => builder.inject(B3::multi()),
        "datadog" => builder.inject(Datadog::new()),
        "jaeger" => builder.inject(Jaeger::new()),
        "sw8" => builder.inject(Sw8::new("cart", "cart-1")),
        "elastic" => builder.inject(Elastic::new()),
        "instana" => builder.inject(Instana::new()),
        "grpc-trace-bin" => builder.inject(GrpcTraceBin::new()),
        "ottrace" => builder.inject(OtTrace::new()),
        "sentry" => builder.inject(Sentry::new()),
        "cloudtrace" => builder.inject(CloudTrace::new()),
        "xray" => builder.inject(XRay::new()),
        "correlation" => builder.inject(ID),
        name => panic!("{name} has no instance here"),
    };
    let count = FORMATS.len();
    let places = (0..count).map(|place| (place + usize::from(order) % count) % count);
    let places = places.filter(|place| without >> (place % 8) & 1 == 0);
    places.fold(builder, add).build().expect("formats that can be written")
}

/// What a context is given: numbers, then a line for each text. Lists are separated by tabs: key, value, key, value.
struct Given {
    settings: u8,
    ids: RemoteContext,
    priority: i32,
    /// The flag byte of Jaeger, and the span number of sw8.
    number: u8,
    origin: String,
    last_span: String,
    tags: Vec<String>,
    tracestate: String,
    baggage: Vec<u8>,
    items: Vec<String>,
    correlation: String,
    /// Trace, segment, service, instance, endpoint, peer.
    sw8: [String; 6],
    pairs: Vec<String>,
}

fn pairs(list: &[String]) -> Vec<(&str, &str)> {
    list.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect()
}

impl Given {
    fn of(mut input: Input<'_>) -> Self {
        let settings = input.byte();
        let all = [Sampling::Sampled, Sampling::NotSampled, Sampling::Debug, Sampling::Deferred];
        let list = |text: String| text.split('\t').map(str::to_owned).collect();
        let mut given = Self {
            settings,
            ids: RemoteContext {
                sampling: all[usize::from(settings & 3)],
                random: settings & 4 != 0,
                ..RemoteContext::new(input.trace_id(), Some(input.span_id()))
            },
            priority: i32::from_be_bytes(input.bytes()),
            number: input.byte(),
            origin: input.text(),
            last_span: input.text(),
            tags: list(input.text()),
            tracestate: input.text(),
            baggage: input.line().to_vec(),
            items: list(input.text()),
            correlation: input.text(),
            sw8: std::array::from_fn(|_| input.text()),
            pairs: list(input.text()),
        };
        if let Some((trace_id, span_id)) = given.sw8_fields().ids().filter(|_| given.is(0x40)) {
            given.ids = RemoteContext { trace_id, parent_id: Some(span_id), ..given.ids };
        }
        given
    }

    const fn is(&self, setting: u8) -> bool {
        self.settings & setting != 0
    }

    fn sw8_fields(&self) -> Sw8Parts<'_> {
        let [trace_id, segment_id, service, instance, endpoint, peer] = self.sw8.each_ref().map(String::as_str);
        Sw8Parts { trace_id, segment_id, span_number: self.number.into(), service, instance, endpoint, peer }
    }

    /// Creates the context, and checks that it has all that it accepts.
    fn context(&self) -> OwnedContext {
        let span_id = self.ids.parent_id.expect("it has one");
        let span = SpanContext::new(self.ids.trace_id, span_id).with_sampling(self.ids.sampling);
        let mut context = match self.is(8) {
            true => OwnedContext::from_remote(self.ids),
            false => OwnedContext::new(span.with_random(self.ids.random)),
        };
        if self.is(0x10) {
            let tags = pairs(&self.tags);
            let fields = DatadogParts::new().origin(&self.origin).last_span(&self.last_span).tags(&tags);
            context = context.with_datadog(&if self.is(0x20) { fields.priority(self.priority) } else { fields });
        }
        let members: Vec<_> = self.tracestate.split(',').filter_map(|member| member.split_once('=')).collect();
        let line = members.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
        let legal = w3c::tracestate(&[line.as_bytes()]);
        match context.clone().with_tracestate(members) {
            Ok(with) => {
                let read = with.tracestate();
                let read = read.iter().map(|member| (member.key.to_owned(), member.value.to_owned()));
                assert_eq!(Some(read.collect()), legal);
                context = with;
            }
            Err(reject) => assert_eq!(legal, None, "{reject}"),
        }
        let entries = OwnedBaggage::from(Baggage::parse(&self.baggage).unwrap_or(Baggage::EMPTY));
        context = context.with_baggage(&entries);
        if let Ok(with) = context.clone().with_jaeger_baggage(pairs(&self.items)) {
            for (key, _) in pairs(&self.items) {
                let last = pairs(&self.items).into_iter().rfind(|(known, _)| known.eq_ignore_ascii_case(key));
                let found = with.jaeger().baggage();
                // A context does not keep an empty value.
                let found = found.get(key).map(|item| item.value().into_owned());
                assert!(found.as_deref() == last.map(|(_, value)| value) || found.is_none(), "{key}");
            }
            context = with;
        }
        context = context.with_jaeger_flags(JaegerFlags::from_byte(self.number));
        if let Ok(with) = context.clone().with_correlation(&ID, &self.correlation) {
            assert_eq!(with.correlation(&ID).map(|id| id.to_string()).as_ref(), Some(&self.correlation));
            context = with;
        }
        if let Some(with) = context.clone().with_sw8(&self.sw8_fields()).ok().filter(|_| self.is(0x40)) {
            assert_eq!(with.sw8().map(|sw8| sw8.header.trace_id().to_string()).as_ref(), Some(&self.sw8[0]));
            context = with.with_sw8_correlation(pairs(&self.pairs)).with_sw8_extension(Sw8Extension::default());
        }
        context
    }
}

/// Returns what a context is, with a decision as a format can say it.
fn said(context: &OwnedContext, sampling: Sampling) -> Expected {
    let trace_id = context.trace_id().expect("it has a trace");
    Expected::Context(RemoteContext { sampling, ..RemoteContext::new(trace_id, context.span_id()) })
}

fn yes_or_no(sampling: Sampling) -> Sampling {
    if sampling.is_sampled() { Sampling::Sampled } else { Sampling::NotSampled }
}

/// Returns the members that the context sends as baggage.
///
/// Where Sentry's headers are written, its members are its own: they follow the others, the first of each key without
/// properties. No `sentry-trace` was received, so only their trace id can say that they belong to this trace.
fn members(context: &OwnedContext, sink: &Sink) -> Vec<String> {
    let baggage = context.baggage();
    if !sink.has("sentry-trace") {
        return baggage.iter().map(|member| member.to_string()).collect();
    }
    let others = baggage.iter().filter(|member| !percent(member.key().as_bytes()).0.starts_with(b"sentry-"));
    let mut members: Vec<_> = others.map(|member| member.to_string()).collect();
    let mut own: Vec<(&str, &str)> = Vec::new();
    for member in baggage.iter().filter(|member| member.key().len() > 7 && member.key().starts_with("sentry-")) {
        if own.iter().all(|(key, _)| *key != member.key()) {
            own.push((member.key(), member.raw_value()));
        }
    }
    let trace_id = own.iter().find(|(key, _)| *key == "sentry-trace_id").map(|(_, value)| percent(value.as_bytes()).0);
    if trace_id == context.trace_id().map(|id| id.to_string().into_bytes()) {
        members.extend(own.into_iter().map(|(key, value)| format!("{key}={value}")));
    }
    members
}

fn w3c(given: &Given, context: &OwnedContext, sink: &Sink) {
    let expected = members(context, sink);
    let read = baggage::expected(&values(&sink.0, "baggage"), traceprop_core::baggage::BaggageLimits::W3C);
    let found: Vec<_> = read.members.iter().map(|member| &member.written).collect();
    assert!(found.iter().copied().eq(&expected) && !read.malformed && !read.beyond, "{found:?} is not {expected:?}");
    if !sink.has("traceparent") {
        return assert!(!sink.has("tracestate"));
    }
    let members = w3c::tracestate(&values(&sink.0, "tracestate")).expect("what is written is legal");
    let received: Vec<_> = context.tracestate().iter().map(|m| (m.key.to_owned(), m.value.to_owned())).collect();
    // A decision that W3C cannot say is one of B3's or Jaeger's headers, and none of them was received.
    if received.iter().all(|(key, _)| key != "tp") {
        assert!(members.iter().all(|(key, _)| key != "tp"), "{members:?}");
        let Expected::Context(RemoteContext { random, .. }) = w3c::expected(&sink.0) else { panic!("{sink:?}") };
        assert_eq!(random, given.ids.random);
        let mut expected = said(context, yes_or_no(context.sampling()));
        if let Expected::Context(context) = &mut expected {
            context.random = random;
        }
        assert_eq!(w3c::expected(&sink.0), expected);
    }
    let others = |members: &[(String, String)]| {
        let others = members.iter().filter(|(key, _)| key != "tp" && key != "dd");
        others.cloned().collect::<Vec<_>>()
    };
    let (kept, received_others) = (others(&members), others(&received));
    assert!(received_others.starts_with(&kept) && received_others.len() <= kept.len() + 2);
    if let Some((_, dd)) = members.iter().find(|(key, _)| key == "dd") {
        let items = datadog::items(dd);
        for key in ["s", "o", "p"] {
            assert!(
                items.iter().filter(|(known, _)| *known == key).count() <= 1 || received.iter().any(|(k, _)| k == "dd")
            );
        }
    }
}

fn b3(context: &OwnedContext, sink: &Sink) {
    let expected = said(context, context.sampling());
    assert!([Expected::Absent, expected].contains(&b3::expected(&sink.0)));
    // The two encodings agree.
    if sink.has("b3") && sink.has("x-b3-traceid") {
        let single = values(&sink.0, "b3").first().and_then(|value| b3::single(value));
        assert_eq!(Some(single), b3::multi(&sink.0));
    }
}

fn datadog(given: &Given, context: &OwnedContext, sink: &Sink, omitted: &InjectReport) {
    let misses = |field| omitted.iter().any(|omission| omission.field == field);
    let Some(fields) = datadog::read(&sink.0) else {
        let low = context.trace_id().expect("it has a trace").low();
        return assert!(
            low != 0 || misses(Field::DatadogTraceId) || !sink.0.iter().any(|(name, _)| name == "x-datadog-parent-id")
        );
    };
    let fields = fields.expect("what is written is legal");
    assert!(fields.is_clean);
    let decision = context.sampling().decision().map(|_| yes_or_no(context.sampling()));
    let trace_id = context.trace_id().expect("it has a trace");
    assert_eq!((fields.parent_id, fields.sampling()), (context.span_id(), decision.unwrap_or(Sampling::Deferred)));
    assert!(fields.trace_id == trace_id || (misses(Field::DatadogTags) && fields.trace_id.low() == trace_id.low()));
    if !given.is(0x10) {
        return;
    }
    if given.is(0x20) {
        assert_eq!(fields.priority, Some(given.priority));
    }
    let origin = text(trim(given.origin.as_bytes()));
    let is_legal = origin.bytes().all(|b| (b' '..=b'~').contains(&b));
    assert_eq!(fields.origin, Some(origin).filter(|origin| is_legal && !origin.is_empty()));
    assert_eq!(misses(Field::DatadogOrigin), !is_legal);
    // All tags or none.
    let list = pairs(&given.tags);
    let mut tags: Vec<(String, String)> = Vec::new();
    for (name, value) in list.iter().filter_map(|(key, value)| Some((key.strip_prefix("_dd.p.")?, value))) {
        tags.retain(|(known, _)| known != name);
        tags.push((name.to_owned(), text(trim(value.as_bytes()))));
    }
    let is_sent = |(name, value): &(String, String)| match name.as_str() {
        "tid" | "upstream_services" => false,
        "dm" => datadog::is_decision_maker(value),
        _ => true,
    };
    tags.retain(is_sent);
    if !given.is(0x20) {
        // A decision of ours has another maker.
        tags.retain(|(name, _)| name != "dm");
    }
    let found: Vec<_> = fields.tags.into_iter().filter(|(name, _)| given.is(0x20) || name != "dm").collect();
    assert!(if misses(Field::DatadogTags) { found.is_empty() } else { found == tags }, "{found:?} of {tags:?}");
}

fn jaeger(given: &Given, context: &OwnedContext, sink: &Sink) {
    let Some(value) = sink.value("uber-trace-id") else { return };
    let (trace_id, span_id, flags) = jaeger::header(value.as_bytes()).expect("what is written is legal");
    assert_eq!((Some(trace_id), Some(span_id)), (context.trace_id(), context.span_id()));
    assert_eq!(flags & !3, given.number & !3, "bits that are not a decision");
    let decided = jaeger::sampling(flags);
    // The debug bit of a flag byte stays with the decision that it was received with.
    assert!(
        yes_or_no(decided) == yes_or_no(context.sampling())
            && (decided == Sampling::Debug || context.sampling() != Sampling::Debug)
    );
    let expected: Vec<_> =
        context.jaeger().baggage().iter().map(|item| (item.key().into_owned(), item.value().into_owned())).collect();
    let can_be_said = |(key, value): &(String, String)| is_token(key.as_bytes()) && !value.is_empty();
    assert_eq!(jaeger::baggage(&sink.0), expected.into_iter().filter(can_be_said).collect::<Vec<_>>());
}

fn sw8(given: &Given, context: &OwnedContext, sink: &Sink) {
    let Some(value) = sink.value("sw8") else { return };
    let value = sw8::value(value.as_bytes()).expect("what is written is legal");
    let is_sampled = context.sampling() != Sampling::NotSampled;
    assert_eq!(
        (value.sampled, Some(value.trace_id), Some(value.span_id)),
        (is_sampled, context.trace_id(), context.span_id())
    );
    assert!(value.names.iter().all(|name| !name.is_empty()) || context.sw8().is_some());
    match context.sw8() {
        Some(own) => {
            assert_eq!(value.trace, own.header.trace_id().to_string());
            let own_decision = if is_sampled { Sampling::Sampled } else { Sampling::NotSampled };
            // Said just as it was given, where nothing is to be said otherwise.
            if context.sampling() == own_decision {
                assert_eq!([&value.trace, &value.segment], [&given.sw8[0], &given.sw8[1]]);
                assert_eq!(value.names.as_slice(), &given.sw8[2..]);
                assert_eq!(value.span, u32::from(given.number));
            }
            // Three pairs. Of equal keys the later one counts, at its place.
            let legal = |(key, value): &(&str, &str)| !key.is_empty() && (1..=128).contains(&value.len());
            let mut pairs: Vec<(String, String)> = Vec::new();
            for (key, value) in self::pairs(&given.pairs).into_iter().filter(legal) {
                let known = pairs.iter().position(|(known, _)| known == key);
                if known.is_none() && pairs.len() == 3 {
                    break;
                }
                known.map(|place| pairs.remove(place));
                pairs.push((key.to_owned(), value.to_owned()));
            }
            assert_eq!(sw8::correlation(&values(&sink.0, "sw8-correlation")), pairs);
        }
        None => assert_eq!(value.trace, value.trace_id.to_string()),
    }
}

/// Checks formats that have nothing but ids and a decision.
fn further(context: &OwnedContext, sink: &Sink) {
    let decided = said(context, yes_or_no(context.sampling()));
    let found = match elastic::expected(&sink.0) {
        Expected::Context(found) => Expected::Context(RemoteContext { random: false, ..found }),
        found => found,
    };
    assert!([Expected::Absent, decided].contains(&found));
    assert!([Expected::Absent, decided].contains(&grpc_trace_bin::expected(&sink.0)));
    // Without a level tracing is on.
    let level = if context.sampling() == Sampling::NotSampled { Sampling::NotSampled } else { Sampling::Sampled };
    let instana = instana::expected(&sink.0);
    assert!([Expected::Absent, said(context, level)].contains(&instana) || !sink.has("x-instana-t"));
    if let (Expected::Context(found), Expected::Context(decided)) = (ottrace::expected(&sink.0), decided) {
        let low = |context: RemoteContext| (context.trace_id.low(), context.parent_id, context.sampling);
        assert_eq!(low(found), low(decided));
    }
}

fn xray(context: &OwnedContext, sink: &Sink) {
    let sampling = context.sampling().decision().map_or(Sampling::Deferred, |_| yes_or_no(context.sampling()));
    for found in [cloudtrace::expected(&sink.0), xray::expected(&sink.0), sentry::expected(&sink.0)] {
        assert!([Expected::Absent, said(context, sampling)].contains(&found));
    }
}

fn correlation_id(context: &OwnedContext, sink: &Sink) {
    let Some(value) = sink.value("x-request-id") else { return };
    assert_eq!(Some(value), context.outgoing_correlation(&ID).as_ref().map(|id| id.as_str()));
    if let Some(received) = context.correlation(&ID) {
        assert_eq!(value, received.as_str());
    }
    assert_ne!(correlation::meaning(value.as_bytes(), RULES), correlation::Meaning::Nothing);
}
