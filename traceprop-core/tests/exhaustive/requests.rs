//! Requests of every format with one wrong byte in one line: an error that points into the line, or a context that is
//! forwarded unchanged.

use std::fmt;

use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{
    Extraction, InjectOptions, Pairs, Propagator, RemoteContext, Sampling, SpanId, format::Outcome,
    report::ExtractReport,
};

use crate::bytes::{Change, each};

const CHILD: SpanId = match SpanId::new(0xb7ad_6b71_6920_3331) {
    Some(id) => id,
    None => SpanId::MIN,
};

const TRACE_PARENT: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

/// A request with one line that was changed.
struct Case<'c> {
    lines: Vec<(&'c str, &'c [u8])>,
    changed: usize,
    change: Change,
}

impl fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, value) = self.lines[self.changed];
        write!(f, "{:?}, {name}: {}", self.change, value.escape_ascii())
    }
}

/// Tries every request with one line that is one byte away from these, in the formats with these names.
///
/// The trace needs the first `needed` lines; an invalid other line loses only itself.
#[track_caller]
fn check(names: &str, lines: &[(&str, &str)], needed: usize) {
    check_from(0, names, lines, needed);
}

/// Tries those requests for the lines from `first` on.
#[track_caller]
fn check_from(first: usize, names: &str, lines: &[(&str, &str)], needed: usize) {
    let builder = Propagator::builder().define(Sw8::new("cart", "cart-1"));
    let propagator = builder.names(names, names).and_then(|builder| builder.build()).expect("built-in names");
    let whole: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let sound = merged(&propagator.extract(&whole));
    assert_ne!(sound, (None, Sampling::Deferred), "{lines:?}");
    let (mut continued, mut invalid) = (0, 0);
    for changed in first..lines.len() {
        let _ = each(whole[changed].1, |change, value| {
            let mut lines = whole.clone();
            lines[changed].1 = value;
            let case = Case { lines, changed, change };
            let report = propagator.explain(&case.lines);
            case.point_into_their_lines(&report);
            let inbound = merged(report.extraction());
            match inbound {
                (Some(context), _) => case.goes_on(&propagator, &report, context),
                (None, Sampling::Deferred) => case.says_why(&report),
                (None, _) => assert_eq!(case.forwarded(&propagator, &report), inbound, "{case:?}"),
            }
            continued += usize::from(inbound.0.is_some());
            invalid += usize::from(report.invalid_headers().next().is_some());
            assert!(changed < needed || trace_of(inbound) == trace_of(sound), "{case:?}");
        });
    }
    assert!(continued > 0 && invalid > 0, "{names}: {continued} {invalid}");
}

/// Returns what no optional line can change: the lower half of the trace id, because a tag may hold the upper one.
fn trace_of((context, _): Merged) -> Option<u64> {
    context.map(|context| context.trace_id.low())
}

/// The context and the decision of a request.
type Merged = (Option<RemoteContext>, Sampling);

fn merged(extraction: &Extraction<'_>) -> Merged {
    (extraction.context(), extraction.sampling())
}

impl Case<'_> {
    fn point_into_their_lines(&self, report: &ExtractReport<'_>) {
        for (_, reject) in report.invalid_headers() {
            let of_field = |name: &str| match reject.field().name() {
                Some(field) if field.ends_with('-') => name.starts_with(field),
                Some(field) => name == field,
                None => true,
            };
            let lines = self.lines.iter().filter(|(name, _)| of_field(name));
            let len: usize = lines.map(|(_, value)| value.len()).sum();
            assert!(reject.offset() as usize <= len, "{reject} in {len} bytes, {self:?}");
        }
    }

    /// Checks that a request without a context has an invalid header, or no header.
    fn says_why(&self, report: &ExtractReport<'_>) {
        let outcome = report.entries().next().expect("a format").parsed.outcome();
        let known = matches!(outcome, Outcome::Absent | Outcome::Invalid(_));
        let blank = |value: &[u8]| value.iter().all(|b| b" \t".contains(b));
        let husk = |value: &[u8]| value.ends_with(b"-------") || blank(value);
        let (_, value) = self.lines[self.changed];
        assert!(known && (report.invalid_headers().next().is_some() || husk(value)), "{outcome:?} of {self:?}");
    }

    /// Checks that a context is accepted again after a span and after a passthrough, as the same trace.
    fn goes_on(&self, propagator: &Propagator, report: &ExtractReport<'_>, context: RemoteContext) {
        let mut injected = Pairs::new();
        let span = report.extraction().span_with_ids(context.trace_id, CHILD);
        propagator.inject(&span, &InjectOptions::everything(), &mut injected);
        match propagator.extract(&injected).context() {
            Some(again) => {
                let parent = context.parent_id.map(|_| CHILD);
                let expected = RemoteContext { parent_id: parent.or(again.parent_id), ..context };
                assert_eq!(again, expected, "{self:?} as {injected:?}");
            }
            None => panic!("no context of {injected:?}, {self:?}"),
        }
        match self.forwarded(propagator, report).0 {
            Some(again) => assert_eq!(again, context, "{self:?}"),
            // Without a span there are formats that can say nothing.
            None => assert!(context.parent_id.is_none(), "no context of {self:?}"),
        }
    }

    fn forwarded(&self, propagator: &Propagator, report: &ExtractReport<'_>) -> Merged {
        let mut forwarded = Pairs::new();
        propagator.inject(report.extraction().passthrough(), &InjectOptions::everything(), &mut forwarded);
        merged(&propagator.extract(&forwarded))
    }
}

#[test]
fn ok_tracecontext_one_byte_away() {
    check("tracecontext", &[TRACE_PARENT, ("tracestate", "dd=s:2;o:rum;p:00f067aa0ba902b7;t.dm:-4,rojo=1")], 1);
}

#[test]
fn ok_our_member_one_byte_away() {
    check_from(1, "tracecontext", &[TRACE_PARENT, ("tracestate", "tp=1;0e0e4736;d")], 1);
}

#[test]
fn ok_baggage_one_byte_away() {
    check_from(1, "tracecontext,baggage", &[TRACE_PARENT, ("baggage", "a=%20b%;p;q = 1, c = d")], 1);
}

#[test]
fn ok_b3_one_byte_away() {
    check("b3", &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b90")], 1);
    check("b3", &[("b3", "a3ce929d0e0e4736-00f067aa0ba902b7")], 1);
}

#[test]
fn ok_b3multi_one_byte_away() {
    let ids = [("x-b3-traceid", "4bf92f3577b34da6a3ce929d0e0e4736"), ("x-b3-spanid", "00f067aa0ba902b7")];
    let others = [("x-b3-parentspanid", "05e3ac9a4f6e3b90"), ("x-b3-sampled", "0"), ("x-b3-flags", "0")];
    check("b3multi", &[&ids[..], &others].concat(), 2);
}

#[test]
fn ok_datadog_one_byte_away() {
    let lines = [
        ("x-datadog-trace-id", "11803532876627986230"),
        ("x-datadog-parent-id", "67667974448284343"),
        ("x-datadog-sampling-priority", "-1"),
        ("x-datadog-origin", "rum"),
        ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-4,_dd.p.usr=a=b"),
    ];
    check("datadog", &lines, 1);
}

#[test]
fn ok_jaeger_one_byte_away() {
    let lines = [
        ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1"),
        ("uberctx-tenant", "a%20b+c"),
        ("jaeger-baggage", "user=al%20ice, x=1"),
        ("jaeger-debug-id", "find-me"),
    ];
    check("jaeger", &lines, 1);
}

#[test]
fn ok_sw8_one_byte_away() {
    let lines = [
        ("sw8", "1-dGlja2V0LTE=-NGJmOTJmMzU=-3-c2hvcA==-aTE=-L2NhcnQ=-c2hvcDo4MA=="),
        ("sw8-correlation", "dXNlcg==:YWxpY2U=,aw==:dg=="),
        ("sw8-x", "1-1700000000000"),
    ];
    check("sw8", &lines, 1);
}

#[test]
fn ok_correlation_ids_one_byte_away() {
    for id in [
        "4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
        "{4BF92F35-77B3-4DA6-A3CE-929D0E0E4736}",
        "urn:uuid:4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
        "|4bf92f3577b34da6a3ce929d0e0e4736.1.2_",
    ] {
        check("correlation:x-request-id", &[("x-request-id", id)], 1);
    }
}
