//! A proxy in the mesh forwards requests and reports no spans: it must forward what it received, to the byte, or the
//! trace ends at an invisible hop.

use std::thread;

use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{Allow, InjectOptions, OwnedContext, Pairs, Propagator, presets};

fn forward(request: &[(&str, &str)], outgoing: &InjectOptions<'_>) -> (Vec<(String, String)>, String) {
    let propagator = presets::W3C.propagator();
    let mut headers = Pairs::new();
    let omitted = propagator.inject(propagator.extract(&request).passthrough(), outgoing, &mut headers);
    (headers.into_iter().collect(), omitted.to_string())
}

fn owned(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn ok_valid_lines_are_forwarded_byte_for_byte() {
    for lines in [
        &[("traceparent", VALID)][..],
        &[("traceparent", VALID), ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")],
        // A later version, its own fields and flags that we do not know.
        &[("traceparent", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-what-the-future-brings")],
        // Several lines, blanks, empty members, a key twice.
        &[
            ("traceparent", "\t00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-09 "),
            ("tracestate", " a=1 ,, b= 2"),
            ("tracestate", "a=3\t"),
        ],
    ] {
        assert_eq!(forward(lines, &InjectOptions::new()), (owned(lines), "nothing omitted".into()));
    }
}

#[test]
fn ok_only_empty_lines_are_not_forwarded() {
    let lines = [("traceparent", VALID), ("tracestate", ""), ("tracestate", " \t"), ("tracestate", "a=1")];
    assert_eq!(forward(&lines, &InjectOptions::new()).0, owned(&[lines[0], lines[3]]));
}

#[test]
fn ok_what_is_invalid_is_not_forwarded() {
    for bad in ["", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", &format!("{VALID},{VALID}0")] {
        assert_eq!(forward(&[("traceparent", bad), ("tracestate", "a=1")], &InjectOptions::new()).0, owned(&[]));
    }
    // A bad tracestate costs itself.
    let lines = [("traceparent", VALID), ("tracestate", "a=1,B=2")];
    assert_eq!(forward(&lines, &InjectOptions::new()).0, owned(&lines[..1]));
}

#[test]
fn ok_a_request_without_a_trace_gets_none() {
    assert_eq!(forward(&[("host", "stock")], &InjectOptions::everything()).0, owned(&[]));
}

#[test]
fn ok_baggage_is_sent_only_where_it_is_allowed() {
    let lines = [("traceparent", VALID), ("baggage", "tenant=shoes ; p, user=alice"), ("baggage", "tenant=hats")];
    let (all, omitted) = forward(&lines, &InjectOptions::new().allow_baggage(Allow::All));
    assert_eq!((all, omitted.as_str()), (owned(&lines), "nothing omitted"));
    let (some, omitted) = forward(&lines, &InjectOptions::new().allow_baggage(Allow::Only(&["tenant"])));
    assert_eq!(some, owned(&[lines[0], ("baggage", "tenant=shoes;p,tenant=hats")]));
    assert_eq!(omitted, "baggage: 1 member omitted (not-allowed)");
    let (none, omitted) = forward(&lines, &InjectOptions::new());
    assert_eq!((none, omitted.as_str()), (owned(&lines[..1]), "baggage: 3 members omitted (not-allowed)"));
}

#[test]
fn ok_a_forwarded_request_keeps_its_other_headers_and_has_each_of_ours_once() {
    let propagator = presets::W3C.propagator();
    let request = owned(&[("Host", "stock"), ("TraceParent", VALID), ("tracestate", "a=1"), ("TraceState", "b=2")]);
    let mut forwarded = request.clone();
    propagator.inject(propagator.extract(&request).passthrough(), &InjectOptions::new(), &mut forwarded);
    let expected = [("Host", "stock"), ("traceparent", VALID), ("tracestate", "a=1"), ("tracestate", "b=2")];
    assert_eq!(forwarded, owned(&expected));
}

#[test]
fn ok_a_retry_on_another_thread_sends_the_same() {
    let propagator = presets::W3C.propagator();
    let lines =
        [("traceparent", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"), ("tracestate", "a=1 , b=2")];
    let kept = OwnedContext::from_passthrough(&propagator.extract(&lines));
    assert!(kept.is_passthrough());
    let retry = thread::spawn(move || {
        let propagator = presets::W3C.propagator();
        let mut headers = Pairs::new();
        propagator.inject(&kept, &InjectOptions::new(), &mut headers);
        headers.into_iter().collect::<Vec<_>>()
    });
    assert_eq!(retry.join().expect("no panic"), owned(&lines));
}

#[test]
fn ok_two_agents_on_a_page_are_one_trace_where_that_is_asked_for() {
    let lenient = Propagator::builder()
        .with_format(W3cTraceContext::new().allow_multiple_traceparent())
        .build()
        .expect("one format");
    let second = "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000aa-01";
    let joined = format!("{VALID}, {second}");
    for lines in [&[("traceparent", VALID), ("traceparent", second)][..], &[("traceparent", joined.as_str())]] {
        let extraction = lenient.extract(&lines);
        assert_eq!(extraction.context().and_then(|context| context.parent_id.map(|id| id.get())), Some(0xaa));
        let mut headers = Pairs::new();
        lenient.inject(extraction.passthrough(), &InjectOptions::new(), &mut headers);
        assert_eq!(headers.into_iter().collect::<Vec<_>>(), owned(lines));
    }
    for other in ["00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01", "00-0-0-0", ""] {
        let lines = [("traceparent", VALID), ("traceparent", other)];
        assert_eq!(lenient.extract(&lines).context(), None, "{other:?}");
    }
}
