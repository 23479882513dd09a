//! A limit on what callers can have recorded where they are trusted with the decision.

use traceprop_core::sampler::{AlwaysOn, FollowParent, ParentBased, RateLimited};
use traceprop_core::{Sampling, Trust};

use crate::edge::{ALL, PARENT, Request, TRACE, ids, propagator, span, traceparent};

/// Calls `test` with each way to have a trace recorded, strong ones included.
fn with_each_demand(test: impl Fn(&Request<'_>)) {
    test(&[("traceparent", &traceparent("01"))]);
    test(&[("b3", &format!("{TRACE}-{PARENT}-d"))]);
    test(&[("X-B3-TraceId", TRACE), ("X-B3-SpanId", PARENT), ("X-B3-Flags", "1")]);
    test(&[("X-B3-Flags", "1")]);
    test(&[("uber-trace-id", &format!("{TRACE}:{PARENT}:0:3"))]);
    test(&[("jaeger-debug-id", "ticket-1")]);
    test(&[("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "8"), ("x-datadog-sampling-priority", "2")]);
}

#[test]
fn ok_debug_and_priorities_are_bounded_too() {
    with_each_demand(|request| {
        let limited = RateLimited::new(FollowParent, 2);
        let edge = propagator(Trust::Continue, ALL);
        let request = request.to_vec();
        let decide = || edge.extract(&request).new_span_with(&ids, &limited).sampling();
        let first = [decide(), decide()];
        assert!(first.iter().all(|sampling| sampling.is_sampled()), "{request:?}");
        assert_eq!([decide(), decide()], [Sampling::NotSampled; 2], "{request:?}");
    });
}

#[test]
fn ok_what_is_over_the_limit_says_so_in_every_format() {
    let nothing = RateLimited::new(ParentBased::new(AlwaysOn), 0);
    with_each_demand(|request| {
        let sent = span(Trust::Continue, ALL, request, &nothing);
        assert!(sent.get("traceparent").is_some_and(|value| value.ends_with("-00")), "{request:?}: {sent:?}");
        assert!(sent.get("b3").is_some_and(|value| value.ends_with("-0")), "{request:?}: {sent:?}");
        assert!(sent.get("uber-trace-id").is_some_and(|value| value.ends_with(":0")), "{request:?}: {sent:?}");
        assert_eq!(sent.get("x-datadog-sampling-priority"), Some("0"), "{request:?}");
        assert!(!sent.get("tracestate").unwrap_or_default().contains("tp="), "{request:?}: {sent:?}");
    });
}
