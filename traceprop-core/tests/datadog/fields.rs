//! Which fields count, and that an owned context has the fields of its request.

use traceprop_core::OwnedContext;
use traceprop_core::formats::datadog::{DatadogView, PropagationError};

use super::*;

/// Returns everything there is to see, as text.
fn seen(fields: &DatadogView<'_>) -> String {
    let priority = fields.priority().map_or("-".into(), |priority| priority.to_string());
    let origin = fields.origin().map_or("-".into(), |origin| origin.to_string());
    let tags: Vec<_> = fields.tags().iter().map(|tag| format!("{}={}", tag.name, tag.value)).collect();
    let span = fields.last_span().map_or("-".into(), |span| span.to_string());
    let others: Vec<_> = fields.vendor_tracestate().map(|member| member.key).collect();
    format!("{priority} {origin} [{}] {span} {others:?}", tags.join(","))
}

/// Returns the fields of a request, and checks that the contexts that are made of it have equal ones.
#[track_caller]
fn fields(propagator: &Propagator, request: &Lines<'_>) -> String {
    let extraction = propagator.extract(request);
    let fields = seen(&extraction.datadog());
    let decided = extraction.sampling();
    let owned = OwnedContext::from_span(&extraction, &extraction.new_span_with(&ids, &decided));
    assert_eq!(seen(&owned.datadog()), fields, "of a span");
    assert_eq!(owned.datadog().propagation_error(), extraction.datadog().propagation_error());
    assert_eq!(seen(&OwnedContext::from_passthrough(&extraction).datadog()), fields, "of a passthrough");
    fields
}

const MEMBER: (&str, &str) = ("tracestate", "dd=s:2;o:lambda;p:0123456789abcdef;t.dm:-1,acme=1");

fn headers<'a>() -> Lines<'a> {
    request(&[
        ("x-datadog-sampling-priority", "3"),
        ("x-datadog-origin", "rum"),
        ("x-datadog-tags", "_dd.p.tid=66c1f3a000000000,_dd.p.dm=-4"),
    ])
}

#[test]
fn ok_first_format_supplies_the_fields() {
    let mut both = headers();
    both.extend([TRACE_PARENT, MEMBER]);
    assert_eq!(fields(&datadog_first(), &both), "3 rum [dm=-4] - [\"acme\"]");
    assert_eq!(fields(&w3c_first(), &both), "2 lambda [dm=-1] 0123456789abcdef [\"acme\"]");
    assert_eq!(fields(&headers_only(), &both), "3 rum [dm=-4] - []");
    assert_eq!(fields(&w3c_only(), &both), "2 lambda [dm=-1] 0123456789abcdef [\"acme\"]");
}

#[test]
fn ok_last_span_where_the_parents_differ() {
    let other = ("traceparent", "00-66c1f3a00000000070e78dd3418db497-1122334455667788-01");
    let with = |state| [headers(), vec![other, ("tracestate", state)]].concat();
    let (plain, named) = (with("acme=1"), with("dd=p:0123456789abcdef"));
    assert_eq!(fields(&datadog_first(), &plain), "3 rum [dm=-4] 4000000000000001 [\"acme\"]");
    assert_eq!(fields(&datadog_first(), &named), "3 rum [dm=-4] 0123456789abcdef []");
    assert_eq!(fields(&w3c_first(), &plain), "1 - [] 4000000000000001 [\"acme\"]");
    assert_eq!(fields(&w3c_first(), &named), "1 - [] 0123456789abcdef []");
    // Written for a service that does not report: the span that Datadog knows.
    let sent = inject_span(&w3c_first(), &plain);
    assert_eq!(sent.get("tracestate"), Some("dd=s:1;p:4000000000000001,acme=1"));
    assert_eq!(sent.get("x-datadog-parent-id"), Some("255"));
}

#[test]
fn ok_a_different_trace_supplies_no_fields() {
    let mut both = request(&[("x-datadog-sampling-priority", "3")]);
    let other = ("traceparent", "00-66c1f3a00000000070e78dd3418db497-1122334455667788-01");
    both.extend([other, MEMBER]);
    // Without its upper half and with another span the id is another one.
    assert_eq!(fields(&datadog_first(), &both), "3 - [] - []");
    let sent = inject_span(&datadog_first(), &both);
    assert_eq!(sent.get("tracestate"), Some("dd=s:3;p:4000000000000001"));
}

#[test]
fn ok_half_of_an_id_and_the_same_span_are_one_trace() {
    // dd-trace-cpp writes 128 bits in its own headers, and the lower half in B3.
    let received = [headers(), vec![("b3", "70e78dd3418db497-4000000000000001-1")]].concat();
    let propagator = |names: &str| Propagator::from_names(names, "datadog,b3,tracecontext").unwrap();
    for names in ["b3,datadog", "datadog,b3"] {
        let propagator = propagator(names);
        let extraction = propagator.extract(&received);
        let context = extraction.context().unwrap();
        assert_eq!(context.trace_id.to_string(), "66c1f3a00000000070e78dd3418db497", "{names}");
        assert_eq!(extraction.links().count(), 0, "{names}");
        let report = propagator.explain(&received).to_string();
        assert!(report.contains("same trace") && !report.contains("different trace"), "{report}");
        let sent = inject_span(&propagator, &received);
        assert_eq!(sent.get("x-datadog-sampling-priority"), Some("3"), "{names}");
        assert_eq!(sent.get("x-datadog-origin"), Some("rum"), "{names}");
        assert_eq!(sent.get("traceparent").map(|value| &value[3..35]), Some("66c1f3a00000000070e78dd3418db497"));
    }
    // Another span, or an upper half of its own, is another trace.
    for b3 in ["70e78dd3418db497-4000000000000002-1", "00000000000000010000000000000001-4000000000000001-1"] {
        let received = [headers(), vec![("b3", b3)]].concat();
        assert_eq!(propagator("b3,datadog").extract(&received).links().count(), 1, "{b3}");
    }
    let other = "00c1f3a00000000070e78dd3418db497-4000000000000001-1";
    let received = [headers(), vec![("b3", other)]].concat();
    assert_eq!(propagator("b3,datadog").extract(&received).links().count(), 1, "two upper halves");
}

#[test]
fn ok_member_fills_in_a_decision_with_its_number() {
    let mut both = request(&[TID, TRACE_PARENT]);
    both.push(("tracestate", "dd=s:2;t.dm:-1"));
    assert_eq!(fields(&datadog_first(), &both), "2 - [] - []");
    assert_eq!(inject_span(&datadog_first(), &both).get("x-datadog-sampling-priority"), Some("2"));
    // The flag alone is a decision of another format, and brings none.
    both.pop();
    assert_eq!(fields(&datadog_first(), &both), "1 - [] - []");
}

#[test]
fn ok_flag_and_member_that_disagree() {
    let flagged = |flag: &'static str, state| vec![("traceparent", flag), ("tracestate", state)];
    let kept = flagged(TRACE_PARENT.1, "dd=s:-1;t.dm:-4;t.x:1");
    assert_eq!(fields(&w3c_only(), &kept), "1 - [dm=-0,x=1] - []");
    let dropped = flagged("00-66c1f3a00000000070e78dd3418db497-4000000000000001-00", "dd=s:2;t.dm:-4;t.x:1");
    assert_eq!(fields(&w3c_only(), &dropped), "0 - [x=1] - []");
}

#[test]
fn ok_errors_of_tags() {
    let error = |request: &Lines<'_>| {
        let propagator = datadog_first();
        let extraction = propagator.extract(request);
        let error = extraction.datadog().propagation_error();
        error.map(|error| (error.as_str(), error.tid().map(str::to_owned)))
    };
    let long = "x".repeat(513);
    assert_eq!(error(&request(&[("x-datadog-tags", &long)])), Some(("extract_max_size", None)));
    assert_eq!(error(&request(&[("x-datadog-tags", "_dd.p.a")])), Some(("decoding_error", None)));
    assert_eq!(error(&vec![TRACE_PARENT, ("tracestate", "dd=t.tid:0")]), Some(("malformed_tid", Some("0".into()))));
    assert_eq!(
        error(&vec![TRACE_PARENT, ("tracestate", "dd=t.tid:66c1f3a000000001")]),
        Some(("inconsistent_tid", Some("66c1f3a000000001".into())))
    );
    // An owned context no longer has the line, and still knows.
    let propagator = headers_only();
    let long = request(&[("x-datadog-tags", &long)]);
    let owned = OwnedContext::from_passthrough(&propagator.extract(&long));
    assert_eq!(owned.datadog().propagation_error(), Some(PropagationError::ExtractMaxSize));
}

#[test]
fn ok_restart_and_ignore_drop_the_fields() {
    use traceprop_core::Trust;
    let mut both = headers();
    both.extend([TRACE_PARENT, MEMBER]);
    for behavior in [Trust::Restart, Trust::Ignore] {
        let builder = Propagator::builder().extract(DATADOG).extract(TRACE_CONTEXT);
        let propagator = build(builder.inject(DATADOG).inject(TRACE_CONTEXT).trust(behavior));
        assert_eq!(fields(&propagator, &both), "- - [] - []");
        let sent = inject_span(&propagator, &both);
        assert_eq!((sent.get("x-datadog-origin"), sent.get("tracestate")), (None, Some("dd=s:1")));
    }
}

#[test]
fn regression_invalid_tags_are_absent_where_they_are_read_first() {
    let long = format!("_dd.p.a={}", "v".repeat(505));
    let request = request(&[("x-datadog-sampling-priority", "1"), ("x-datadog-tags", &long)]);
    assert_eq!(fields(&headers_only(), &request), "1 - [] - []");
}

#[test]
fn err_write_tags_of_a_line_that_was_invalid() {
    let long = format!("_dd.p.a=1,_dd.p.b={}", "v".repeat(500));
    let request = request(&[("x-datadog-sampling-priority", "1"), ("x-datadog-tags", &long)]);
    let sent = inject_span(&datadog_first(), &request);
    assert_eq!(sent.get("x-datadog-tags"), None);
    assert_eq!(sent.get("tracestate"), Some("dd=s:1;p:4000000000000001"));
}

#[test]
fn ok_the_received_upper_half_is_known_with_the_tags() {
    let high = |request: &Lines<'_>| {
        let propagator = headers_only();
        propagator.extract(request).datadog().tags().trace_id_high()
    };
    assert_eq!(high(&headers()), Some(0x66c1_f3a0_0000_0000));
    assert_eq!(high(&request(&[("x-datadog-tags", "_dd.p.dm=-4")])), None);
    assert_eq!(high(&request(&[TID, ("x-datadog-origin", "\u{e9}")])), Some(0x66c1_f3a0_0000_0000));
}
