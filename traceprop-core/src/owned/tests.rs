//! Which headers of a request an owned context keeps.

use super::OwnedContext;
use crate::carrier::{Carrier, Lookup};
use crate::context::{InjectOptions, SpanContext};
use crate::field::Field;
use crate::formats::b3::B3;
use crate::formats::datadog::Datadog;
use crate::formats::jaeger::Jaeger;
use crate::formats::tracecontext::W3cTraceContext;
use crate::id::{IdBits, Sampling};
use crate::propagator::Propagator;
use std::format;
use std::string::String;
use std::vec::Vec;

const TRACE_PARENT: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

fn owned(lines: &[(&'static str, &'static str)]) -> OwnedContext {
    let builder = Propagator::builder().extract(W3cTraceContext::new()).extract(B3::single()).extract(Jaeger::new());
    let propagator = builder.inject_none().build().unwrap();
    let lines: Vec<_> = lines.to_vec();
    let extraction = propagator.extract(&lines);
    OwnedContext::from_span(&extraction, &extraction.new_span(&|| IdBits::non_random(1)))
}

/// The size of the kept headers.
fn bytes(lines: &[(&'static str, &'static str)]) -> usize {
    let lines = owned(lines).lines;
    let entries = lines.iter().flat_map(super::lines::OwnedLines::entries);
    entries.map(|entry| super::lines::HEAD + entry.name.len() + entry.value.len()).sum()
}

#[test]
fn ok_lines_of_another_trace_are_not_copied() {
    let same = ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00000000000000fe:0:1");
    let other = ("uber-trace-id", "bd8ec9a1f80385ed3d7c9ec7081ab44d:17857e0831e5554e:0:1");
    assert_eq!(bytes(&[TRACE_PARENT, other]), bytes(&[TRACE_PARENT]));
    assert_ne!(bytes(&[TRACE_PARENT, same]), bytes(&[TRACE_PARENT]));
    // Those of B3 are copied if both of its encodings were received, and no others with them.
    let single = ("b3", "bd8ec9a1f80385ed3d7c9ec7081ab44d-17857e0831e5554e-1");
    let multi = ("x-b3-traceid", "bd8ec9a1f80385ed3d7c9ec7081ab44d");
    assert_eq!(bytes(&[TRACE_PARENT, single]), bytes(&[TRACE_PARENT]));
    assert_eq!(bytes(&[TRACE_PARENT, single, multi, other]), bytes(&[TRACE_PARENT, single, multi]));
}

/// An open decision of B3, and a debug id, which fills it in.
const FILLED_IN: [(&str, &str); 2] =
    [("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00000000000000fe"), ("jaeger-debug-id", "ticket-1")];

#[test]
fn ok_debug_id_that_decided_a_trace_is_copied() {
    let builder = Propagator::builder().extract(Datadog::new()).extract(Jaeger::new()).inject(W3cTraceContext::new());
    let propagator = builder.build().unwrap();
    let open = [("x-datadog-trace-id", "77"), FILLED_IN[1]];
    let extraction = propagator.extract(&open);
    let span = extraction.new_span(&|| IdBits::non_random(1));
    let owned = OwnedContext::from_span(&extraction, &span);
    let sent = |span: &SpanContext<'_>| {
        let mut headers: Vec<(String, String)> = Vec::new();
        propagator.inject(span, &InjectOptions::new(), &mut headers);
        headers
    };
    assert_eq!(sent(&owned.span().unwrap()), sent(&span));
    assert_eq!(sent(&span)[1], ("tracestate".into(), "tp=1;0000004d;d".into()));
}

#[test]
fn regression_debug_id_without_effect_was_copied_without_the_header_that_voids_it() {
    let names = "datadog,jaeger,b3";
    let propagator = Propagator::builder().names(names, "tracecontext").unwrap().build().unwrap();
    let another_trace = ("uber-trace-id", "a3ce929d0e0e4736:1:0:0");
    let lines = [FILLED_IN[1], ("x-datadog-trace-id", "77"), another_trace, ("x-b3-flags", "1")];
    let extraction = propagator.extract(&lines);
    let span = extraction.new_span(&|| IdBits::non_random(1));
    assert_eq!(span.sampling(), Sampling::Debug);
    let owned = OwnedContext::from_span(&extraction, &span);
    for span in [&span, &owned.span().unwrap()] {
        let mut headers: Vec<(String, String)> = Vec::new();
        propagator.inject(span, &InjectOptions::new(), &mut headers);
        assert!(headers.iter().all(|(_, value)| !value.contains("tp=")), "{headers:?}");
    }
}

#[test]
fn regression_debug_id_in_addition_to_a_trace_made_no_root() {
    for lines in [FILLED_IN, [("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00000000000000fe-d"), FILLED_IN[1]]] {
        assert_eq!((owned(&lines).sampling(), owned(&lines).jaeger().debug_id()), (Sampling::Debug, None));
    }
    let root = owned(&FILLED_IN[1..]);
    assert_eq!(root.jaeger().debug_id().map(|id| id.value().into_owned()).as_deref(), Some("ticket-1"));
}

#[test]
fn err_copy_name_longer_than_255_bytes() {
    let held = |name_len: usize| {
        let name = format!("uberctx-{}", "x".repeat(name_len - "uberctx-".len()));
        bytes(&[TRACE_PARENT, (name.leak(), "1")])
    };
    assert_eq!(held(256), bytes(&[TRACE_PARENT]));
    assert_ne!(held(255), bytes(&[TRACE_PARENT]));
}

#[test]
fn ok_endpoint_is_the_given_one() {
    assert_eq!(owned(&[TRACE_PARENT]).endpoint(), None);
    assert_eq!(owned(&[TRACE_PARENT]).with_endpoint("/cart").endpoint(), Some("/cart"));
}

#[test]
fn err_debug_holds_no_line() {
    let shown = format!("{:?}", owned(&[TRACE_PARENT, ("jaeger-debug-id", "secret")]));
    assert!(shown.starts_with("OwnedContext { trace_id: ") && !shown.contains("secret"), "{shown}");
}

#[test]
fn ok_b3_value_is_forwarded_with_its_decision() {
    let b3 = |decision: &str| {
        let value = format!("80e6b5d0a9d93650-8a0ac984f71ab247{decision}");
        OwnedContext::from(crate::formats::b3::B3Single::parse(value.as_bytes()).unwrap()).sampling()
    };
    assert_eq!([b3("-0"), b3("-1"), b3("-d"), b3("")], {
        [Sampling::NotSampled, Sampling::Sampled, Sampling::Debug, Sampling::Deferred]
    });
}

/// Has an index, so the single header of B3 is looked up first.
struct Indexed([(&'static str, &'static str); 3]);

impl Carrier for Indexed {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (*name, value.as_bytes()))
    }

    fn lookup(&self, field: Field) -> Lookup<'_> {
        let line = self.0.iter().find(|(name, _)| Some(*name) == field.name());
        line.map_or(Lookup::Absent, |(_, value)| Lookup::One(value.as_bytes()))
    }
}

#[test]
fn ok_multi_headers_are_copied_in_addition_to_an_invalid_single_header() {
    let propagator = Propagator::from_names("b3", "b3").unwrap();
    let several = [("x-b3-traceid", "80e6b5d0a9d93650"), ("x-b3-spanid", "8a0ac984f71ab247"), ("b3", "x")];
    let request = Indexed(several);
    let extraction = propagator.extract(&request);
    let owned = OwnedContext::from_span(&extraction, &extraction.new_span(&|| IdBits::non_random(1)));
    let mut headers: Vec<(String, String)> = Vec::new();
    propagator.inject(&owned.span().unwrap(), &InjectOptions::new(), &mut headers);
    // Only these headers say that the trace id has 16 digits.
    assert_eq!(headers[0].1.split_once('-').unwrap().0, "80e6b5d0a9d93650");
}

#[test]
fn ok_headers_that_fit_are_copied_in_the_order_of_the_fields() {
    let propagator = Propagator::from_names("datadog,baggage", "none").unwrap();
    let priority = |baggage_len: usize| {
        let items = format!("a={}", "x".repeat(baggage_len - "a=".len()));
        let request = [("baggage", items.as_str()), ("x-datadog-trace-id", "77"), ("x-datadog-sampling-priority", "2")];
        let extraction = propagator.extract(&request);
        let owned = OwnedContext::from_span(&extraction, &extraction.new_span(&|| IdBits::non_random(1)));
        (owned.lines.as_ref().map(|lines| lines.entries().count()), owned.datadog().priority())
    };
    let all = 65_536 - 3 * super::lines::HEAD - "772".len();
    assert_eq!(priority(all), (Some(3), Some(2)));
    // There is no room for the baggage, which comes last.
    assert_eq!(priority(all + 1), (Some(2), Some(2)));
}

#[test]
fn ok_copied_headers_end_at_64_kib() {
    let held = |len: usize| {
        let line = format!("a={}", "x".repeat(len - "a=".len()));
        let propagator = Propagator::builder().with_format(Jaeger::new()).build().unwrap();
        let request = [("jaeger-baggage", line.as_str())];
        let extraction = propagator.extract(&request);
        let owned = OwnedContext::from_span(&extraction, &extraction.new_span(&|| IdBits::non_random(1)));
        owned.lines.map(|lines| lines.0.len())
    };
    let longest = 65_536 - super::lines::HEAD;
    assert_eq!((held(longest), held(longest + 1)), (Some(65_536), None));
}

/// A span of a tracer, which knows nothing of the request.
#[test]
fn err_keep_text_of_a_refused_request_with_a_span_of_a_tracer() {
    use crate::context::trust::Trust;
    use crate::id::{SpanId, TraceId};

    let kept = |trust| {
        let propagator = crate::propagator::presets::W3C.propagator().with_trust(trust);
        let request = [TRACE_PARENT, ("baggage", "tenant=acme,sentry-sampled=true")];
        let extraction = propagator.extract(&request);
        let context = OwnedContext::from_span(&extraction, &SpanContext::new(TraceId::MIN, SpanId::MIN));
        let mut headers: Vec<(String, String)> = Vec::new();
        propagator.inject(&context, &InjectOptions::everything(), &mut headers);
        headers.iter().find(|(name, _)| name == "baggage").map(|(_, value)| value.clone())
    };
    assert_eq!(kept(Trust::Continue).as_deref(), Some("tenant=acme,sentry-sampled=true"));
    assert_eq!(kept(Trust::Resample).as_deref(), Some("tenant=acme"));
    assert_eq!(kept(Trust::Restart).as_deref(), Some("tenant=acme"));
    assert_eq!(kept(Trust::Ignore), None);
}
