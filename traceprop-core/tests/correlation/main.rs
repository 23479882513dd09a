//! Correlation ids in a propagator: what is received, what is forwarded, and what crosses a hop that speaks only W3C.
#![cfg(feature = "std")]

mod hop;

use hop::after_w3c;
use proptest::prelude::*;
use traceprop_core::{
    Allow, CarrierMut, Field, IdBits, InjectOptions, InvalidReason, OwnedContext, Propagator, PropagatorBuilder,
    RemoteContext, SpanContext, TraceId, Trust,
    carrier::{FieldName, FieldValue},
    format::{Format, InvalidHeaderName, MAX_HEADER_LINES},
    formats::correlation::{Correlation, WhenAbsent},
    presets,
};

type Headers = Vec<(String, String)>;

const NAME: &str = "x-plumbr-transactionid";
const UUID: &str = "d19931bb-f235-4dcb-2e2f-b9d31225d62e";
const BRACED: &str = "{D19931BB-F235-4DCB-2E2F-B9D31225D62E}";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const JOINED: &str = "00-d19931bbf2354dcb2e2fb9d31225d62e-00f067aa0ba902b7-01";

fn plain() -> Correlation {
    Correlation::new("X-Plumbr-TransactionId").expect("a header name")
}

fn with(format: Correlation) -> PropagatorBuilder {
    presets::W3C.builder().with_format(format)
}

fn built(format: Correlation) -> Propagator {
    with(format).build().expect("a propagator")
}

fn inject_span(propagator: &Propagator, request: &[(&str, &str)], call: &InjectOptions<'_>) -> Headers {
    let mut headers = Headers::new();
    let request = request.to_vec();
    let span = propagator.extract(&request).new_span(&|| IdBits::random(7));
    propagator.inject(&span, call, &mut headers);
    headers
}

fn forward(propagator: &Propagator, request: &[(&str, &str)], call: &InjectOptions<'_>) -> Headers {
    let mut headers = Headers::new();
    let request = request.to_vec();
    propagator.inject(propagator.extract(&request).passthrough(), call, &mut headers);
    headers
}

fn get<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    let mut found = headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let first = found.next();
    assert_eq!(found.next(), None, "two lines of {name}");
    first
}

/// Returns the header that a span and a passthrough write, and checks that they agree.
#[track_caller]
fn sent(propagator: &Propagator, request: &[(&str, &str)]) -> Option<String> {
    let (of_span, of_passthrough) = sent_by_each(propagator, request);
    assert_eq!(of_span, of_passthrough);
    of_span
}

/// Returns the header that a span writes, and the one that a passthrough writes.
fn sent_by_each(propagator: &Propagator, request: &[(&str, &str)]) -> (Option<String>, Option<String>) {
    let call = InjectOptions::everything();
    let [injected, forwarded] = [inject_span, forward].map(|send| send(propagator, request, &call));
    (get(&injected, NAME).map(Into::into), get(&forwarded, NAME).map(Into::into))
}

#[track_caller]
fn err(format: Correlation, value: &str) -> (InvalidReason, u32) {
    let propagator = Propagator::builder().extract(format).inject_none().build().expect("a propagator");
    let request = [(NAME, value)];
    let reject = propagator.explain(&request).invalid_headers().next().expect("a reject").1;
    assert_eq!(reject.field(), Field::Custom(0));
    (reject.reason(), reject.offset())
}

#[test]
fn ok_debug_tells_the_header_and_the_options() {
    let shown = format!("{:?}", Correlation::from_static("X-Request-Id").opaque());
    assert_eq!(
        shown,
        r#"Correlation { header: "x-request-id", opaque: true, envoy_mask: true, when_absent: None, .. }"#
    );
}

#[test]
fn ok_name_is_the_header_in_lower_case() {
    const LONGEST: &str = "X-23456789-23456789-23456789-23456789-23456789-23456789-234567";
    static FORMAT: Correlation = Correlation::from_static(LONGEST);
    assert_eq!(Format::name(&FORMAT), format!("correlation:{}", LONGEST.to_ascii_lowercase()));
    assert_eq!(plain().name(), "correlation:x-plumbr-transactionid");
    assert_eq!(plain().header_name(), NAME);
}

#[test]
fn err_header_that_is_not_a_name_or_taken() {
    let err = |name| Correlation::new(name).unwrap_err();
    assert_eq!(err(""), InvalidHeaderName::BadLength);
    assert_eq!(err("x id"), InvalidHeaderName::BadByte(1));
    assert_eq!(err("TraceParent"), InvalidHeaderName::Reserved { format: "tracecontext" });
    assert_eq!(err("uberctx-id"), InvalidHeaderName::Reserved { format: "jaeger" });
    assert_eq!(err("x_datadog_trace_id"), InvalidHeaderName::Reserved { format: "datadog" });
}

#[test]
fn err_header_that_http_uses() {
    for (name, purpose) in [
        ("authorization", "credentials"),
        ("Cookie", "credentials"),
        ("host", "routing"),
        ("Transfer-Encoding", "message framing"),
        ("content-type", "content and its caching"),
        ("content_type", "content and its caching"),
        ("connection", "connections"),
        ("proxy-authorization", "connections"),
    ] {
        let reserved = InvalidHeaderName::ReservedInHttp { purpose };
        assert_eq!(Correlation::new(name).unwrap_err(), reserved, "{name}");
        for (extract, inject, list) in [
            (format!("correlation:{name}"), "none".into(), "extract"),
            ("none".to_owned(), format!("correlation:{name}"), "inject"),
        ] {
            let error = Propagator::from_names(&extract, &inject).unwrap_err().to_string();
            assert_eq!(error, format!("{list} list: `correlation:{name}`: reserved in HTTP for {purpose}"));
        }
    }
    for name in ["x-request-id", "request-id", "x-host", "x-content-type", "hosts", "x-trace"] {
        assert!(Correlation::new(name).is_ok(), "{name}");
    }
}

#[test]
fn ok_text_is_forwarded_byte_for_byte() {
    for text in [UUID, BRACED, "D19931BBF2354dcb2e2fb9d31225d62e", "|d19931bbf2354dcb2e2fb9d31225d62e.1_2."] {
        assert_eq!(sent(&built(plain()), &[(NAME, &format!(" \t{text} "))]).as_deref(), Some(text));
    }
}

#[test]
fn ok_the_trace_has_no_parent_and_no_decision() {
    let propagator = Propagator::builder().extract(plain()).inject_none().build().unwrap();
    let request = [("X-PLUMBR-TRANSACTIONID", UUID)];
    let extraction = propagator.extract(&request);
    let trace_id = TraceId::new(0xd199_31bb_f235_4dcb_2e2f_b9d3_1225_d62e).unwrap();
    assert_eq!(extraction.context(), Some(RemoteContext::new(trace_id, None)));
    assert_eq!(extraction.correlation(&plain()).unwrap().as_str(), UUID);
    // A span that continues it has an id and a decision; its trace id is the received one.
    let span = extraction.new_span(&|| IdBits::random(7));
    assert_eq!((span.trace_id(), span.parent_id(), span.is_random()), (trace_id, None, false));
}

#[test]
fn ok_nothing_received_so_a_span_sends_the_trace_hyphenated() {
    let propagator = built(plain());
    let nothing: [(&str, &str); 0] = [];
    for request in [&nothing[..], &[(NAME, " ")]] {
        let headers = inject_span(&propagator, request, &InjectOptions::everything());
        assert_eq!(get(&headers, NAME), Some("00000000-0000-0007-0000-000000000007"));
        assert_eq!(forward(&propagator, request, &InjectOptions::everything()), []);
    }
    // A passthrough makes none, not even for a trace that it forwards.
    assert_eq!(sent_by_each(&propagator, &[("traceparent", TRACEPARENT)]).1, None);
}

#[test]
fn ok_text_that_is_not_an_id_is_forwarded_and_reported() {
    for text in ["order-77", "req-1", "8b0f0acb-c24d-4587-bed0-dd01025dc27a#17", "|4e2a6c12-4b1fa3c6b3a09d4e.1.", "0"] {
        let propagator = built(plain());
        for request in [&[(NAME, text)][..], &[(NAME, text), ("traceparent", TRACEPARENT)]] {
            assert_eq!(sent(&propagator, request).as_deref(), Some(text));
            let request = request.to_vec();
            let extraction = propagator.extract(&request);
            assert_eq!(extraction.correlation(&plain()).unwrap().as_str(), text);
            assert_eq!(extraction.source_format(), request.get(1).map(|_| "tracecontext"));
            let (name, invalid) = propagator.explain(&request).invalid_headers().next().unwrap();
            assert_eq!((name, invalid.field()), (NAME, Field::Custom(0)));
        }
        assert_eq!(forward(&propagator, &[(NAME, text)], &InjectOptions::new()), []);
    }
}

#[test]
fn err_other_text_is_not_sent_and_nothing_is_sent_in_its_place() {
    let propagator = built(plain());
    let long = "a".repeat(129);
    let joined = format!("{UUID}, {BRACED}");
    // What a hop preserved is older than the header.
    let state = ("tracestate", "tp=1;0e0e4736;c10f3B");
    for (text, reason) in [
        ("order 77", "bad-value"),
        ("\"order-77\"", "bad-value"),
        ("a%0Ab", "bad-value"),
        (&joined, "bad-value"),
        (&long, "too-long"),
    ] {
        for request in [&[(NAME, text)][..], &[(NAME, text), ("traceparent", TRACEPARENT), state]] {
            assert_eq!(sent(&propagator, request), None, "{text}");
            let request = request.to_vec();
            assert_eq!(propagator.extract(&request).correlation(&plain()), None);
            let mut headers = Headers::new();
            let span = propagator.extract(&request).new_span(&|| IdBits::random(7));
            let report = propagator.inject(&span, &InjectOptions::everything(), &mut headers);
            assert_eq!(report.to_string(), format!("{NAME}: omitted ({reason})"));
            let report = propagator.inject(&span, &InjectOptions::new(), &mut headers);
            assert_eq!(report.to_string(), format!("{NAME}: omitted (not-allowed)"));
        }
    }
}

#[test]
fn ok_equal_values_are_one_and_different_lines_are_reported() {
    let propagator = built(plain());
    let twice = format!("{UUID} ,{UUID}");
    for lines in [&[(NAME, UUID), (NAME, UUID)][..], &[(NAME, &twice)], &[(NAME, " "), (NAME, &twice), (NAME, UUID)]] {
        assert_eq!(sent(&propagator, lines).as_deref(), Some(UUID));
        assert_eq!(propagator.explain(&lines.to_vec()).invalid_headers().next(), None);
    }
    for other in [BRACED, "order-77", "a,b"] {
        let lines = [(NAME, UUID), (NAME, other)];
        assert_eq!(sent(&propagator, &lines).as_deref(), Some(UUID));
        let report = propagator.explain(&lines);
        assert_eq!(report.extraction().context().map(|context| context.trace_id.to_string().len()), Some(32));
        let (name, invalid) = report.invalid_headers().next().unwrap();
        assert_eq!((name, invalid.reason()), (NAME, InvalidReason::RepeatedField));
        let expected = format!("used, ignored {NAME} (repeated-field at byte 0)");
        assert!(report.to_string().contains(&expected), "{report}");
    }
    // Different values in one line are invalid as a whole.
    assert_eq!(err(plain(), &format!("{UUID},{BRACED}")).0, InvalidReason::BadLength);
    assert_eq!(err(plain(), &format!("{UUID},")).0, InvalidReason::BadLength);
}

#[test]
fn ok_a_setting_says_what_a_span_sends_without_a_received_id() {
    let made = |format: Correlation| {
        let propagator = built(format);
        let (of_span, of_passthrough) = sent_by_each(&propagator, &[("traceparent", TRACEPARENT)]);
        assert_eq!(of_passthrough, None);
        // The context says what its calls carry.
        let request = [("traceparent", TRACEPARENT)];
        let extraction = propagator.extract(&request);
        let context = OwnedContext::from_span(&extraction, &extraction.new_span(&|| IdBits::random(7)));
        assert_eq!(context.outgoing_correlation(&format).map(|id| id.to_string()), of_span);
        assert_eq!(OwnedContext::from_passthrough(&extraction).outgoing_correlation(&format), None);
        of_span
    };
    let trace = Some("4bf92f35-77b3-4da6-a3ce-929d0e0e4736");
    assert_eq!(made(plain()).as_deref(), trace);
    assert_eq!(made(plain().when_absent(WhenAbsent::TraceId)).as_deref(), trace);
    assert_eq!(made(plain().when_absent(WhenAbsent::Omit)), None);
    let generated = made(plain().when_absent(WhenAbsent::Generate)).unwrap();
    assert!(Some(generated.as_str()) != trace && generated.len() == 36, "{generated}");
    assert_eq!((&generated[14..15], generated[19..20].parse::<char>().map(|c| "89ab".contains(c))), ("4", Ok(true)));
    // Opaque ids are generated by default, in whatever order the settings are made.
    assert_eq!(made(plain().opaque()), Some(generated.clone()));
    assert_eq!(made(plain().opaque().when_absent(WhenAbsent::TraceId)).as_deref(), trace);
    assert_eq!(made(plain().when_absent(WhenAbsent::Omit).opaque()), None);
    // A received id counts before any setting.
    for when_absent in [WhenAbsent::TraceId, WhenAbsent::Generate, WhenAbsent::Omit] {
        let propagator = built(plain().when_absent(when_absent));
        assert_eq!(sent(&propagator, &[(NAME, BRACED), ("traceparent", TRACEPARENT)]).as_deref(), Some(BRACED));
    }
}

#[test]
fn ok_another_format_wins_and_the_text_is_an_attribute() {
    let propagator = built(plain());
    let request = [(NAME, BRACED), ("traceparent", TRACEPARENT)];
    assert_eq!(sent(&propagator, &request).as_deref(), Some(BRACED));
    let extraction = propagator.extract(&request);
    assert_eq!((extraction.source_format(), extraction.links().count()), (Some("tracecontext"), 0));
    // Without text the trace of the other format is the id.
    let request = [("traceparent", TRACEPARENT)];
    let expected = (Some("4bf92f35-77b3-4da6-a3ce-929d0e0e4736".to_owned()), None);
    assert_eq!(sent_by_each(&propagator, &request), expected);
    assert_eq!(propagator.extract(&request).correlation(&plain()), None);
}

#[test]
fn ok_only_where_the_header_is_allowed() {
    let propagator = built(plain());
    let request = [(NAME, UUID), ("traceparent", TRACEPARENT)];
    for call in [InjectOptions::new(), InjectOptions::new().allow_correlation(Allow::Only(&["x-request-id"]))] {
        assert_eq!(get(&inject_span(&propagator, &request, &call), NAME), None);
        assert_eq!(get(&forward(&propagator, &request, &call), NAME), None);
        assert_eq!(forward(&propagator, &request[..1], &call), []);
    }
    let call = InjectOptions::new().allow_correlation(Allow::Only(&["X-Plumbr-TransactionId"]));
    assert_eq!(get(&forward(&propagator, &request, &call), NAME), Some(UUID));
    let mut headers = Headers::new();
    let span = SpanContext::root(&|| IdBits::random(7));
    let omitted = propagator.inject(&span, &InjectOptions::new(), &mut headers);
    assert_eq!(format!("{omitted}"), "x-plumbr-transactionid: omitted (not-allowed)");
}

#[test]
fn ok_the_first_line_that_is_not_blank() {
    let propagator = built(plain());
    let lines = [(NAME, ""), (NAME, " \t"), (NAME, BRACED), (NAME, "another")];
    assert_eq!(sent(&propagator, &lines).as_deref(), Some(BRACED));
    assert_eq!(propagator.extract(&lines).correlation(&plain()).unwrap().as_str(), BRACED);
    let blank = [(NAME, ""); MAX_HEADER_LINES];
    assert!(propagator.explain(&blank).invalid_headers().next().is_none());
    let too_many = [(NAME, ""); MAX_HEADER_LINES + 1];
    let reject = propagator.explain(&too_many).invalid_headers().next().unwrap().1;
    assert_eq!(reject.reason(), InvalidReason::TooManyLines);
}

#[test]
fn err_value_that_names_no_trace() {
    assert_eq!(err(plain(), "00000000-0000-0000-0000-000000000000"), (InvalidReason::ZeroTraceId, 0));
    assert_eq!(err(plain(), "  521b939e-a102-46fe-b80c-128616f8114g"), (InvalidReason::BadHex, 37));
    assert_eq!(err(plain(), " req-2026-01-14-000123"), (InvalidReason::BadLength, 21));
    assert_eq!(err(plain(), &format!("{UUID}, {BRACED}")), (InvalidReason::BadLength, 76));
    assert_eq!(err(plain(), "|4e2a6c12-4b1fa3c6b3a09d4e.1."), (InvalidReason::BadFormat, 1));
    assert_eq!(err(plain().opaque(), "00000000000000000000000000000000"), (InvalidReason::ZeroTraceId, 0));
    assert_eq!(err(plain().opaque(), "a,b"), (InvalidReason::BadCharacter, 1));
    assert_eq!(err(plain().opaque(), &format!(" {}", "a".repeat(129))), (InvalidReason::TooLong, 129));
}

#[test]
fn ok_opaque_text_is_forwarded_with_any_trace() {
    let propagator = built(plain().opaque());
    let text = "8b0f0acb-c24d-4587-bed0-dd01025dc27a#17";
    for request in [&[(NAME, text)][..], &[(NAME, text), ("traceparent", TRACEPARENT)]] {
        assert_eq!(sent(&propagator, request).as_deref(), Some(text));
        assert_eq!(propagator.explain(&request.to_vec()).invalid_headers().next(), None);
    }
    let request = [(NAME, text)];
    assert_eq!(propagator.extract(&request).context(), None);
    // A UUID is the trace id all the same.
    assert!(propagator.extract(&[(NAME, UUID)]).context().is_some());
    // Without the setting it is forwarded too, but is reported as invalid.
    assert!(built(plain()).explain(&request).invalid_headers().next().is_some());
    let shown = format!("{}", propagator.explain(&request));
    assert_eq!(shown, format!("new trace; correlation:{NAME}: passed on; absent: tracecontext, baggage"));
}

#[test]
fn regression_an_owned_context_reads_no_more_lines_than_its_request() {
    let propagator = built(plain());
    let lines: Vec<_> = std::iter::repeat_n((NAME, ""), MAX_HEADER_LINES).chain([(NAME, UUID)]).collect();
    let extraction = propagator.extract(&lines);
    assert_eq!(extraction.correlation(&plain()), None);
    let owned = OwnedContext::from_passthrough(&extraction);
    assert_eq!(owned.correlation(&plain()), None);
    let owned = OwnedContext::from_passthrough(&propagator.extract(&lines[1..].to_vec()));
    assert_eq!(owned.correlation(&plain()).map(|id| id.to_string()).as_deref(), Some(UUID));
}

#[test]
fn regression_empty_text_is_not_put_into_a_context() {
    let context = OwnedContext::new(SpanContext::new(TraceId::MIN, traceprop_core::SpanId::MIN));
    let error = context.with_correlation(&plain().opaque(), "").unwrap_err();
    assert_eq!((error.reason(), error.offset()), (InvalidReason::Empty, 0));
}

#[test]
fn ok_restart_keeps_the_text_and_ignore_drops_it() {
    let request = [(NAME, BRACED)];
    let behaving = |behavior| with(plain()).trust(behavior).build().unwrap();
    let restart = behaving(Trust::Restart);
    assert_eq!(sent(&restart, &request).as_deref(), Some(BRACED));
    let extraction = restart.extract(&request);
    assert_eq!((extraction.context(), extraction.links().count()), (None, 0));
    assert_eq!(extraction.correlation(&plain()).unwrap().as_str(), BRACED);
    let ignore = behaving(Trust::Ignore);
    let headers = inject_span(&ignore, &request, &InjectOptions::everything());
    assert_eq!(get(&headers, NAME), Some("00000000-0000-0007-0000-000000000007"));
    assert_eq!(forward(&ignore, &request, &InjectOptions::everything()), []);
    assert_eq!(ignore.extract(&request).correlation(&plain()), None);
}

#[test]
fn ok_owned_contexts_keep_the_text() {
    let propagator = built(plain());
    let request = [(NAME, BRACED)];
    let extraction = propagator.extract(&request);
    let span = OwnedContext::from_span(&extraction, &extraction.new_span(&|| IdBits::random(7)));
    let passed_on = OwnedContext::from_passthrough(&extraction);
    assert_eq!(span.correlation(&plain()).unwrap().as_str(), BRACED);
    assert_eq!(passed_on.correlation(&plain()).unwrap().as_str(), BRACED);
    let mut headers = Headers::new();
    propagator.inject(&span.span().unwrap(), &InjectOptions::everything(), &mut headers);
    assert_eq!(get(&headers, NAME), Some(BRACED));
    let mut headers = Headers::new();
    propagator.inject(&passed_on, &InjectOptions::everything(), &mut headers);
    assert_eq!(get(&headers, NAME), Some(BRACED));
}

#[test]
fn ok_with_correlation_replaces_only_its_own_header() {
    let other = Correlation::new("x-request-id").unwrap().opaque();
    let propagator = with(plain()).with_format(other).build().unwrap();
    let context = OwnedContext::new(SpanContext::root(&|| IdBits::random(7)));
    let context = context.with_correlation(&other, "a").unwrap().with_correlation(&plain(), UUID).unwrap();
    let context = context.with_correlation(&other, "b").unwrap();
    let mut headers = Headers::new();
    propagator.inject(&context.span().unwrap(), &InjectOptions::everything(), &mut headers);
    assert_eq!((get(&headers, NAME), get(&headers, "x-request-id")), (Some(UUID), Some("b")));
    let error = context.with_correlation(&plain(), "b").unwrap_err();
    assert_eq!((error.reason(), error.offset()), (InvalidReason::BadLength, 1));
}

#[test]
fn ok_stale_header_is_replaced() {
    let propagator = built(plain());
    let mut headers: Headers = [("X-Plumbr-TransactionId".into(), "stale".into())].into();
    propagator.inject(&SpanContext::root(&|| IdBits::random(7)), &InjectOptions::everything(), &mut headers);
    assert_eq!(get(&headers, NAME), Some("00000000-0000-0007-0000-000000000007"));
    assert_eq!(get(&headers, "X-Plumbr-TransactionId"), None);
}

/// Returns the trace that a text names, which must be forwarded as it is.
fn trace_of(format: Correlation, text: &str) -> String {
    let propagator = built(format);
    let request = [(format.header_name(), text)];
    let headers = inject_span(&propagator, &request, &InjectOptions::everything());
    assert_eq!(get(&headers, format.header_name()), Some(text));
    propagator.extract(&request).context().expect("a context").trace_id.to_string()
}

#[test]
fn ok_envoys_mark_counts_as_version_4_in_x_request_id() {
    let marked = "2996f8a3-26f8-90a5-a080-c74e911caddb";
    let request_id = Correlation::new("X-Request-Id").unwrap();
    assert_eq!(trace_of(plain(), marked), "2996f8a326f890a5a080c74e911caddb", "another header");
    assert_eq!(trace_of(request_id.exact(), marked), "2996f8a326f890a5a080c74e911caddb");
    for format in [request_id, request_id.exact().envoy_mask(), request_id.opaque(), plain().envoy_mask()] {
        for digit in ["4", "9", "a", "B"] {
            let text = marked.replace("-90a5", &format!("-{digit}0a5"));
            assert_eq!(trace_of(format, &text), "2996f8a326f840a5a080c74e911caddb");
        }
        for digit in ["8", "c", "7"] {
            let text = marked.replace("-90a5", &format!("-{digit}0a5"));
            assert!(trace_of(format, &text).contains(&format!("26f8{digit}0a5")));
        }
        // Envoy marks only text of 36 characters.
        let digits = "2996f8a326f890a5a080c74e911caddb";
        for text in [digits, &format!("{{{marked}}}"), &format!("urn:uuid:{marked}"), &format!("|{digits}.1.")] {
            assert_eq!(trace_of(format, text), digits, "{text}");
        }
    }
}

#[test]
fn ok_an_id_that_is_made_does_not_force_envoy_to_trace() {
    let sent = |format: Correlation, trace: &str| {
        let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
        let headers = inject_span(&built(format), &[("traceparent", &traceparent)], &InjectOptions::everything());
        get(&headers, "x-request-id").map(String::from)
    };
    let request_id = Correlation::from_static("x-request-id");
    for digit in ["0", "4", "7", "9", "a", "b", "f"] {
        let trace = format!("4bf92f3577b3{digit}da6a3ce929d0e0e4736");
        assert_eq!(sent(request_id, &trace).as_deref(), Some("4bf92f35-77b3-4da6-a3ce-929d0e0e4736"));
        let exact = format!("4bf92f35-77b3-{digit}da6-a3ce-929d0e0e4736");
        assert_eq!(sent(request_id.exact(), &trace), Some(exact));
    }
}

/// A carrier that only counts what it is given.
#[derive(Default)]
struct Counted(usize);

impl CarrierMut for Counted {
    fn append(&mut self, _: FieldName<'_>, value: FieldValue<'_>) {
        self.0 += value.len();
    }

    fn remove_if(&mut self, _: &mut dyn FnMut(&str) -> bool) {}
}

#[test]
fn ok_nothing_is_allocated() {
    let state = ("tracestate", "tp=1;1225d62e;c10f3B;c0000h,rojo=1");
    for format in [plain(), plain().opaque().envoy_mask()] {
        let propagator = built(format);
        for request in [
            &[(NAME, BRACED)][..],
            &[(NAME, ""), (NAME, "|d19931bbf2354dcb2e2fb9d31225d62e.1."), ("traceparent", JOINED), state],
            &[("traceparent", JOINED), state],
            &[(NAME, "req-1")],
            &[],
        ] {
            let request = request.to_vec();
            for call in [InjectOptions::everything(), InjectOptions::new()] {
                let mut carrier = Counted::default();
                let count = allocation_counter::measure(|| {
                    let extraction = propagator.extract(&request);
                    propagator.inject(&extraction.new_span(&|| IdBits::random(7)), &call, &mut carrier);
                    propagator.inject(extraction.passthrough(), &call, &mut carrier);
                    std::hint::black_box(extraction.correlation(&format));
                });
                assert_eq!(count.count_total, 0);
                assert!(carrier.0 > 0);
            }
        }
    }
}

proptest! {
    #[test]
    fn ok_any_id_in_any_spelling_is_its_bytes_and_is_forwarded(id in 1..=u128::MAX) {
        let propagator = built(plain());
        let hex = format!("{id:032x}");
        let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
        let lower = [format!("{{{uuid}}}"), format!("urn:uuid:{uuid}"), hex, uuid];
        let upper = lower.clone().map(|text| text.to_ascii_uppercase());
        for text in lower.into_iter().chain(upper) {
            let request = [(NAME, text.as_str())];
            let trace_id = propagator.extract(&request).context().map(|context| context.trace_id.get());
            prop_assert_eq!(trace_id, Some(id));
            let sent = sent(&propagator, &request);
            prop_assert_eq!(sent.as_deref(), Some(text.as_str()));
            let over_w3c = after_w3c(plain(), &request, &InjectOptions::everything());
            prop_assert_eq!(over_w3c.as_deref(), Some(text.as_str()));
        }
    }

    #[test]
    fn ok_any_bytes_are_judged_and_only_legal_ones_are_forwarded(value: Vec<u8>, opaque: bool) {
        let format = if opaque { plain().opaque() } else { plain() };
        let propagator = built(format);
        let request = [(NAME, value.as_slice())];
        let extraction = propagator.extract(&request);
        let mut headers = Headers::new();
        propagator.inject(extraction.passthrough(), &InjectOptions::everything(), &mut headers);
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let end = value.iter().rposition(|byte| !blank(byte)).map_or(0, |last| last + 1);
        let start = value.iter().position(|byte| !blank(byte)).unwrap_or(end);
        let trimmed = &value[start..end];
        match get(&headers, NAME) {
            Some(text) => prop_assert_eq!(text.as_bytes(), trimmed),
            None => prop_assert!(trimmed.is_empty() || propagator.explain(&request).invalid_headers().next().is_some()),
        }
    }
}
