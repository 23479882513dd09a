//! The `dd` member: kept, changed, written anew.

use traceprop_core::formats::b3::B3;
use traceprop_core::formats::datadog::DatadogParts;
use traceprop_core::{Field, OwnedContext, report::OmitReason};

use super::*;

/// Returns the tracestate that a span writes for one that was received with a sampled traceparent.
#[track_caller]
fn state_after(propagator: &Propagator, state: &str) -> Option<String> {
    inject_span(propagator, &vec![TRACE_PARENT, ("tracestate", state)]).get("tracestate").map(str::to_owned)
}

/// Returns the tracestate that a span with its own decision writes.
fn state_decided(state: &str, sampling: Sampling) -> Option<String> {
    let received = vec![TRACE_PARENT, ("tracestate", state)];
    decided(&w3c_only(), &received, sampling).get("tracestate").map(str::to_owned)
}

#[test]
fn ok_unchanged_member_keeps_its_bytes_and_its_place() {
    for state in [
        "acme=1,dd=s:2;o:rum;p:4000000000000001;t.dm:-4,zip=2",
        "dd=t.dm:-4;p:n0t-hex;o:a~b;s:1",
        "acme=1,dd=junk;s:2;;o:rum;z:9;t.a b:1;:x",
        "acme=1,dd=o:rum",
        "dd=p:0123456789abcdef,acme=1",
        "dd=s:1;t.a: x ;t.b:c",
    ] {
        assert_eq!(state_after(&w3c_only(), state).as_deref(), Some(state));
    }
    let long = format!("acme=1,dd=s:1;o:{}", "x".repeat(250));
    assert_eq!(state_after(&w3c_only(), &long), Some(long));
}

#[test]
fn ok_decision_of_ours_changes_the_member_and_moves_it_to_the_front() {
    let state = "acme=1,dd=z:9;t.x:1;p:4000000000000001;t.dm:-4;o:rum;s:2,zip=2";
    assert_eq!(
        state_decided(state, Sampling::NotSampled).as_deref(),
        Some("dd=s:0;o:rum;p:4000000000000001;t.x:1;z:9,acme=1,zip=2")
    );
    let state = "acme=1,dd=s:-1;t.x:1;t.dm:-4";
    let received =
        vec![("traceparent", "00-66c1f3a00000000070e78dd3418db497-4000000000000001-00"), ("tracestate", state)];
    let sent = decided(&w3c_only(), &received, Sampling::Sampled);
    assert_eq!(sent.get("tracestate"), Some("dd=s:1;t.x:1;t.dm:-0,acme=1"));
}

#[test]
fn ok_flag_corrects_the_priority_of_its_member() {
    assert_eq!(state_after(&w3c_only(), "dd=s:-1;t.dm:-4;t.x:1").as_deref(), Some("dd=s:1;t.dm:-0;t.x:1"));
    assert_eq!(state_after(&w3c_only(), "dd=s:0").as_deref(), Some("dd=s:1;t.dm:-0"));
    let received = vec![
        ("traceparent", "00-66c1f3a00000000070e78dd3418db497-4000000000000001-00"),
        ("tracestate", "dd=s:2;t.dm:-4;t.x:1"),
    ];
    assert_eq!(inject_span(&w3c_only(), &received).get("tracestate"), Some("dd=s:0;t.x:1"));
}

#[test]
fn ok_member_without_a_priority_leaves_it_to_the_flag() {
    assert_eq!(state_decided("acme=1,dd=o:rum", Sampling::NotSampled).as_deref(), Some("acme=1,dd=o:rum"));
    // Debug is more than the flag can say.
    assert_eq!(state_decided("acme=1,dd=o:rum", Sampling::Debug).as_deref(), Some("dd=s:2;o:rum,acme=1"));
}

#[test]
fn ok_member_without_a_priority_loses_the_maker_of_a_decision_that_was_replaced() {
    let decided = |sampling| state_decided("acme=1,dd=o:rum;t.dm:-4", sampling);
    assert_eq!(decided(Sampling::NotSampled).as_deref(), Some("dd=s:0;o:rum,acme=1"));
    assert_eq!(decided(Sampling::Deferred).as_deref(), Some("dd=o:rum,acme=1"));
    assert_eq!(decided(Sampling::Sampled).as_deref(), Some("acme=1,dd=o:rum;t.dm:-4"), "the decision is unchanged");
}

#[test]
fn ok_headers_of_the_same_trace_lend_their_span_to_a_member_without_one() {
    let mut received = request(&[TID, TRACE_PARENT]);
    received.push(("tracestate", "dd=s:1"));
    assert_eq!(inject_span(&w3c_first(), &received).get("tracestate"), Some("dd=s:1;p:4000000000000001"));
}

#[test]
fn err_headers_without_datadog_data_write_no_member() {
    let propagator = build(Propagator::builder().extract(DATADOG).inject(TRACE_CONTEXT));
    let sent = decided(&propagator, &vec![("x-datadog-trace-id", "77")], Sampling::Sampled);
    assert!(sent.get("traceparent").is_some() && sent.get("tracestate").is_none());
}

#[test]
fn ok_headers_that_agree_with_another_format_lend_their_data() {
    let builder = Propagator::builder().extract(B3::single()).extract(DATADOG);
    let propagator = build(builder.inject(TRACE_CONTEXT));
    let received = request(&[TID, ("b3", "66c1f3a00000000070e78dd3418db497-00000000000000fe-1")]);
    let sent = inject_span(&propagator, &received);
    assert_eq!(sent.get("traceparent"), Some("00-66c1f3a00000000070e78dd3418db497-00000000000000ff-01"));
    assert_eq!(sent.get("tracestate"), Some("dd=s:1;p:4000000000000001"));
    // Headers of another trace lend nothing.
    let received = request(&[TID, ("b3", "66c1f3a00000000070e78dd3418db498-00000000000000fe-1")]);
    assert_eq!(inject_span(&propagator, &received).get("tracestate"), None);
}

#[test]
fn ok_upper_half_of_the_id_has_no_place_in_the_member() {
    assert_eq!(
        state_after(&w3c_only(), "acme=1,dd=s:1;t.tid:ffffffff00000000;t.x:1").as_deref(),
        Some("dd=s:1;t.x:1,acme=1")
    );
    assert_eq!(state_after(&w3c_only(), "acme=1,dd=t.tid:66c1f3a000000000;p:1").as_deref(), Some("dd=s:1;p:1,acme=1"));
}

#[test]
fn ok_a_reporting_service_is_named_although_no_datadog_data_was_received() {
    let reporting = |extract: PropagatorBuilder| build(extract.extract(REPORTING).inject(TRACE_CONTEXT));
    let propagator = reporting(Propagator::builder().extract(TRACE_CONTEXT));
    let nothing = vec![];
    assert_eq!(inject_span(&propagator, &nothing).get("tracestate"), Some("dd=s:1;p:00000000000000ff"));
    assert_eq!(inject_span(&propagator, &vec![TRACE_PARENT]).get("tracestate"), Some("dd=s:1;p:00000000000000ff"));
    let vendor = vec![TRACE_PARENT, ("tracestate", "acme=1")];
    assert_eq!(inject_span(&propagator, &vendor).get("tracestate"), Some("dd=s:1;p:00000000000000ff,acme=1"));
    // A service that does not report adds nothing, and neither does a passthrough.
    let quiet = build(Propagator::builder().extract(TRACE_CONTEXT).extract(DATADOG).inject(TRACE_CONTEXT));
    assert_eq!(inject_span(&quiet, &vec![TRACE_PARENT]).get("tracestate"), None);
    let received = vec![TRACE_PARENT];
    let mut passed = Pairs::new();
    propagator.inject(propagator.extract(&received).passthrough(), &InjectOptions::new(), &mut passed);
    assert_eq!(passed.get("tracestate"), None);
}

#[test]
fn ok_reporting_service_is_the_last_span() {
    let builder = Propagator::builder().extract(TRACE_CONTEXT).extract(REPORTING);
    let propagator = build(builder.inject(TRACE_CONTEXT));
    let state = "acme=1,dd=s:2;p:4000000000000001;z:1";
    assert_eq!(state_after(&propagator, state).as_deref(), Some("dd=s:2;p:00000000000000ff;z:1,acme=1"));
    // It has no span in what it forwards.
    let received = vec![TRACE_PARENT, ("tracestate", state)];
    assert_eq!(lines(&forwarded(&propagator, &received)), received);
}

#[test]
fn ok_passthrough_that_is_rewritten_still_names_the_last_span_that_datadog_knows() {
    let builder = Propagator::builder().extract(DATADOG).extract(TRACE_CONTEXT);
    let propagator = build(builder.inject(REPORTING).inject(TRACE_CONTEXT));
    let unsampled = ("traceparent", "00-66c1f3a00000000070e78dd3418db497-1122334455667788-00");
    let mut received = request(&[TID, ("x-datadog-sampling-priority", "2"), unsampled]);
    received.push(("tracestate", "dd=p:0123456789abcdef"));
    let sent = forwarded(&propagator, &received);
    assert_eq!(sent.get("traceparent"), Some("00-66c1f3a00000000070e78dd3418db497-1122334455667788-01"));
    assert_eq!(sent.get("tracestate"), Some("dd=s:2;p:0123456789abcdef"));
}

#[test]
fn ok_member_without_anything_left_to_say_is_removed() {
    assert_eq!(state_decided("acme=1,dd=s:1", Sampling::Deferred).as_deref(), Some("acme=1"));
    assert_eq!(state_decided("dd=s:1;t.dm:-4", Sampling::Deferred), None);
}

#[test]
fn ok_fields_that_were_changed_here_are_forwarded() {
    let propagator = w3c_only();
    let received = vec![TRACE_PARENT, ("tracestate", "acme=1,dd=s:2;o:rum;z:1")];
    // The ids and the decision are those of the received lines.
    let fields = DatadogParts::new().priority(1).origin("lambda");
    let context = OwnedContext::from_passthrough(&propagator.extract(&received)).with_datadog(&fields);
    let mut sent = Pairs::new();
    propagator.inject(&context, &InjectOptions::new(), &mut sent);
    assert_eq!(sent.get("traceparent"), Some(TRACE_PARENT.1));
    assert_eq!(sent.get("tracestate"), Some("dd=s:1;o:lambda;z:1,acme=1"));
}

#[test]
fn ok_headers_become_a_member_on_a_hop_that_speaks_only_w3c() {
    let builder = Propagator::builder().extract(DATADOG).inject(TRACE_CONTEXT);
    let received = request(&[
        ("x-datadog-sampling-priority", "2"),
        ("x-datadog-origin", "synthetics~;=web,z"),
        ("x-datadog-tags", "_dd.p.tid=66c1f3a000000000,_dd.p.dm=-4,_dd.p.usr.id=bWU=="),
    ]);
    let sent = inject_span(&build(builder), &received);
    assert_eq!(sent.get("traceparent"), Some("00-66c1f3a00000000070e78dd3418db497-00000000000000ff-01"));
    // The last Datadog span is the sender's: our own is reported elsewhere.
    let expected = "dd=s:2;o:synthetics__~web_z;p:4000000000000001;t.dm:-4;t.usr.id:bWU~~";
    assert_eq!(sent.get("tracestate"), Some(expected));
}

#[test]
fn ok_member_is_written_for_datadog_data_or_with_the_headers() {
    let root = SpanContext::root(&ids);
    let (sent, _) = inject(&w3c_only(), &root);
    assert_eq!(sent.get("tracestate"), None);
    let (sent, _) = inject(&datadog_first(), &root);
    assert_eq!(sent.get("tracestate"), Some("dd=s:1"));
    let plain = vec![TRACE_PARENT, ("tracestate", "acme=1")];
    assert_eq!(inject_span(&w3c_only(), &plain).get("tracestate"), Some("acme=1"));
    assert_eq!(inject_span(&w3c_first(), &plain).get("tracestate"), Some("dd=s:1,acme=1"));
}

#[test]
fn ok_our_own_member_comes_after() {
    let builder = Propagator::builder().extract(DATADOG).extract(B3_FORMAT);
    let propagator = build(builder.inject(TRACE_CONTEXT));
    let mut received = request(&[TID]);
    received.push(("b3", "66c1f3a00000000070e78dd3418db497-4000000000000001-d"));
    let sent = inject_span(&propagator, &received);
    assert_eq!(sent.get("tracestate"), Some("dd=s:2;p:4000000000000001,tp=1;418db497;d"));
}

static B3_FORMAT: B3 = B3::single();

#[test]
fn ok_a_member_of_the_same_trace_is_said_in_the_headers_too() {
    let builder = Propagator::builder().extract(B3_FORMAT).extract(TRACE_CONTEXT);
    let propagator = build(builder.inject(DATADOG).inject(TRACE_CONTEXT));
    let b3 = |decision: &'static str| {
        let state = ("tracestate", "acme=1,dd=s:2;o:rum;p:0123456789abcdef;t.dm:-4");
        let sent = inject_span(&propagator, &vec![("b3", decision), TRACE_PARENT, state]);
        let get = |name| sent.get(name).unwrap_or_default().to_owned();
        (get("x-datadog-sampling-priority"), get("x-datadog-origin"), get("x-datadog-tags"), get("tracestate"))
    };
    let text = |parts: [&str; 4]| parts.map(str::to_owned).into();
    let tags = "_dd.p.tid=66c1f3a000000000,_dd.p.dm=-4";
    let received = "acme=1,dd=s:2;o:rum;p:0123456789abcdef;t.dm:-4";
    let tid = "_dd.p.tid=66c1f3a000000000";
    assert_eq!(b3("66c1f3a00000000070e78dd3418db497-4000000000000001-1"), text(["2", "rum", tags, received]));
    // A missing decision is filled in from the member, which brings its number.
    assert_eq!(b3("66c1f3a00000000070e78dd3418db497-4000000000000001"), text(["2", "rum", tags, received]));
    // One that contradicts the member corrects it.
    let corrected = "dd=s:0;o:rum;p:0123456789abcdef,acme=1";
    assert_eq!(b3("66c1f3a00000000070e78dd3418db497-4000000000000001-0"), text(["0", "rum", tid, corrected]));
    // A member of another trace says nothing.
    let other = (String::new(), String::new(), "_dd.p.tid=66c1f3a000000000".to_owned(), String::new());
    let sent = b3("66c1f3a00000000070e78dd3418db498-4000000000000001-1");
    assert_eq!((sent.1, sent.2), (other.1, other.2));
    assert_eq!((sent.0.as_str(), sent.3.contains("rum")), ("1", false));
}

/// Returns the tracestate of a context that was built from fields.
fn built(fields: &DatadogParts<'_>) -> (Option<String>, Vec<(Field, OmitReason, u32)>) {
    let span =
        SpanContext::new("000000000000000000000000000004d2".parse().expect("an id"), SPAN.parse().expect("an id"));
    let context = OwnedContext::new(span).with_datadog(fields);
    let (sent, omissions) = inject(&w3c_only(), &context.span().expect("it holds one"));
    let omissions = omissions.iter().map(|omission| (omission.field, omission.reason, omission.count)).collect();
    (sent.get("tracestate").map(str::to_owned), omissions)
}

#[test]
fn ok_256_bytes_and_err_one_more() {
    // `dd=s:1;t.a:` takes 11.
    let value = "w".repeat(245);
    let (state, omissions) = built(&DatadogParts::new().priority(1).tags(&[("_dd.p.a", &value)]));
    assert_eq!((state.map(|state| state.len()), omissions.len()), (Some(256), 0));
    let value = "w".repeat(246);
    let (state, omissions) = built(&DatadogParts::new().priority(1).tags(&[("_dd.p.a", &value), ("_dd.p.b", "1")]));
    assert_eq!(state.as_deref(), Some("dd=s:1;t.b:1"));
    assert_eq!(omissions, [(Field::TraceState, OmitReason::TooLong, 1)]);
    // A long origin is omitted, but not the span after it.
    let origin = "o".repeat(300);
    let (state, omissions) = built(&DatadogParts::new().origin(&origin).last_span("0123456789abcdef"));
    assert_eq!((state.as_deref(), omissions.len()), (Some("dd=p:0123456789abcdef"), 1));
    let (state, omissions) = built(&DatadogParts::new().origin(&origin));
    assert_eq!(state, None);
    assert_eq!(omissions, [(Field::TraceState, OmitReason::TooLong, 1)]);
}

#[test]
fn ok_value_never_ends_with_a_space() {
    let (state, _) = built(&DatadogParts::new().origin(" rum ").tags(&[("_dd.p.a", "x "), ("_dd.p.b", "  ")]));
    assert_eq!(state.as_deref(), Some("dd=o:rum;t.a:x"));
    // The item that was received with one has moved.
    let state = state_decided("dd=z:1 ;s:1;t.a:x ", Sampling::NotSampled);
    assert_eq!(state.as_deref(), Some("dd=s:0;t.a:x;z:1"));
}

#[test]
fn err_last_span_that_would_forge_is_omitted() {
    let (state, _) = built(&DatadogParts::new().priority(1).last_span("1;s:2"));
    assert_eq!(state.as_deref(), Some("dd=s:1"));
}

#[test]
fn regression_a_tag_of_blanks_does_not_cost_the_header_its_tags() {
    // Tracers that void the whole header for one bad pair would lose the upper half of the id, and split the trace.
    let propagator = Propagator::from_names("tracecontext", "datadog").expect("built-in names");
    let sent = inject_span(&propagator, &vec![TRACE_PARENT, ("tracestate", "dd=s:1;o: ~rum ;t.a: ;t.b: 2 ")]);
    assert_eq!(sent.get("x-datadog-tags"), Some("_dd.p.tid=66c1f3a000000000,_dd.p.b= 2"));
    assert_eq!(sent.get("x-datadog-origin"), Some("=rum"));
}
