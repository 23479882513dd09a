//! Neither reading nor writing takes an allocation of ours.

use std::hint::black_box;

use allocation_counter::measure;
use traceprop_core::{
    CarrierMut,
    carrier::{FieldName, FieldValue},
};

use super::*;

/// Takes lines and keeps their number.
struct Sink(usize);

impl CarrierMut for Sink {
    fn append(&mut self, _: FieldName<'_>, value: FieldValue<'_>) {
        self.0 += value.len();
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        let _ = stale("x-datadog-tags");
    }
}

#[test]
fn ok_reading_and_writing_allocate_nothing() {
    let long = format!("_dd.p.tid=66c1f3a000000000,_dd.p.a={}", "x".repeat(470));
    let member = ("tracestate", "acme=1,dd=s:2;o:a~b;p:0123456789abcdef;t.dm:-1;t.usr.id:bWU~~,zip=2");
    let requests = [
        request(&[]),
        request(&[("x-datadog-sampling-priority", "2"), ("x-datadog-origin", "rum"), TID, TRACE_PARENT, member]),
        request(&[("x-datadog-tags", &long), TRACE_PARENT, member]),
        request(&[TID, ("x-datadog-tags", "_dd.p.a=1,_dd.p.a=2"), ("x-datadog-tags", "bad")]),
        vec![TRACE_PARENT, member],
    ];
    for propagator in [headers_only(), w3c_only(), datadog_first(), w3c_first()] {
        for request in &requests {
            let count = measure(|| {
                let extraction = propagator.extract(request);
                let fields = extraction.datadog();
                black_box((fields.priority(), fields.tags().iter().count(), fields.propagation_error().is_some()));
                let mut sink = Sink(0);
                let span = extraction.new_span_with(&ids, &Sampling::NotSampled);
                propagator.inject(&span, &InjectOptions::new(), &mut sink);
                propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut sink);
                black_box(sink.0);
            });
            assert_eq!(count.count_total, 0, "{request:?}");
        }
    }
}
