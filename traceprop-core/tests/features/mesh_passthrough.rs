//! A proxy in the mesh forwards requests and reports no spans: it must forward what it received, to the byte, or the
//! trace ends at an invisible hop.

use std::thread;

use traceprop_core::formats::sw8::Sw8;
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{Allow, InjectOptions, OwnedContext, Pairs, Propagator, Trust, presets};

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
        // Blanks, empty members, a key twice.
        &[
            ("traceparent", "\t00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-09 "),
            ("tracestate", " a=1 ,, b= 2,a=3\t"),
        ],
    ] {
        assert_eq!(forward(lines, &InjectOptions::new()), (owned(lines), "nothing omitted".into()));
    }
}

#[test]
fn ok_several_lines_of_a_list_are_joined_in_order() {
    let lines = [("traceparent", VALID), ("tracestate", " a=1 ,, b= 2"), ("tracestate", ""), ("tracestate", "a=3\t")];
    assert_eq!(forward(&lines, &InjectOptions::new()).0, owned(&[lines[0], ("tracestate", "a=1 ,, b= 2,a=3")]));
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
    let joined = ("baggage", "tenant=shoes ; p, user=alice,tenant=hats");
    assert_eq!((all, omitted.as_str()), (owned(&[lines[0], joined]), "nothing omitted"));
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
    let expected = [("Host", "stock"), ("traceparent", VALID), ("tracestate", "a=1,b=2")];
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

/// Returns what a service forwards that reads some formats and writes others.
fn relayed(
    trust: Trust,
    read: &str,
    write: &str,
    options: &InjectOptions<'_>,
    lines: &[(&str, &str)],
) -> Vec<(String, String)> {
    let builder = Propagator::builder().define(Sw8::new("cart", "cart-1")).names(read, write).expect("known names");
    let propagator = builder.trust(trust).build().expect("a propagator");
    let extraction = propagator.extract(&lines);
    let (mut headers, mut copied, mut copy) = (Pairs::new(), Pairs::new(), owned(lines));
    propagator.inject(extraction.passthrough(), options, &mut headers);
    propagator.inject(&OwnedContext::from_passthrough(&extraction), options, &mut copied);
    propagator.inject(extraction.passthrough(), options, &mut copy);
    let headers: Vec<_> = headers.into_iter().collect();
    assert_eq!(headers, copied.into_iter().collect::<Vec<_>>());
    assert_eq!(headers, copy, "over a copy of the request");
    headers
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn ok_each_format_of_a_mesh_keeps_its_parent() {
    let single = format!("{TRACE}-00000000000000aa-1");
    let uber = format!("{TRACE}:00000000000000bb:0:1");
    let lines = [("traceparent", VALID), ("b3", &single), ("uber-trace-id", &uber)];
    for (read, write) in [("tracecontext,b3,jaeger", "tracecontext"), ("jaeger,b3,tracecontext", "b3,jaeger")] {
        let mut sent = relayed(Trust::Continue, read, write, &InjectOptions::new(), &lines);
        sent.sort();
        let mut expected = owned(&lines);
        expected.sort();
        assert_eq!(sent, expected, "{read} to {write}");
    }
    // What differs in trace or decision goes, or is written anew.
    let (other, not) = (format!("{TRACE}0-00000000000000aa-1"), format!("{TRACE}-00000000000000aa-0"));
    for contradicting in [other, not, "80e6b5d0a9d93650-00000000000000aa-1".to_owned()] {
        let lines = [("traceparent", VALID), ("b3", contradicting.as_str())];
        let read_only = relayed(Trust::Continue, "tracecontext,b3", "tracecontext", &InjectOptions::new(), &lines);
        assert_eq!(read_only, owned(&lines[..1]));
        let written = relayed(Trust::Continue, "tracecontext,b3", "b3", &InjectOptions::new(), &lines);
        let anew = format!("{TRACE}-00f067aa0ba902b7-1");
        assert_eq!(written, owned(&[("b3", &anew), lines[0]]));
    }
    // An open line contradicts nobody. It is closed where it is written.
    let open = format!("{TRACE}-00000000000000aa");
    let lines = [("traceparent", VALID), ("b3", open.as_str())];
    assert_eq!(
        relayed(Trust::Continue, "tracecontext,b3", "tracecontext", &InjectOptions::new(), &lines),
        owned(&lines)
    );
    let closed = relayed(Trust::Continue, "tracecontext,b3", "b3", &InjectOptions::new(), &lines);
    assert_eq!(closed, owned(&[("b3", &format!("{TRACE}-00f067aa0ba902b7-1")), lines[0]]));
}

#[test]
fn ok_a_correlation_id_is_not_a_context_to_forward() {
    let (read, id) = ("correlation:x-request-id,b3", ("x-request-id", "d19931bb-f235-4dcb-2e2f-b9d31225d62e"));
    let allowed = InjectOptions::everything();
    for b3 in ["0".to_owned(), format!("{TRACE}-00f067aa0ba902b7-1")] {
        let lines = [id, ("b3", b3.as_str())];
        assert_eq!(relayed(Trust::Continue, read, "b3", &InjectOptions::new(), &lines), owned(&lines[1..]));
        let mut sent = relayed(Trust::Continue, read, "b3,tracecontext", &allowed, &lines);
        sent.retain(|(name, _)| name != "traceparent");
        assert_eq!(sent, owned(&[lines[1], id]), "its text is forwarded where it is allowed");
    }
    assert_eq!(relayed(Trust::Continue, read, "tracecontext", &allowed, &[id]), owned(&[id]));
    assert_eq!(relayed(Trust::Continue, read, "tracecontext", &InjectOptions::new(), &[id]), owned(&[]));
}

#[test]
fn ok_text_of_formats_that_are_only_read_is_forwarded_where_it_is_allowed() {
    let sw8 = "1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-MDBmMDY3YWEwYmE5MDJiNzAwMDAwMDAwMDAwMDAwMDA=-0-Yw==-aQ==-Lw==-cA==";
    let lines = [
        ("traceparent", VALID),
        ("sw8", sw8),
        ("sw8-correlation", "dGVuYW50:YWNtZQ=="),
        ("uberctx-tenant", "acme"),
        ("baggage", "tenant=acme,user=alice"),
    ];
    let read = "tracecontext,sw8,jaeger,baggage";
    let names = |options: &InjectOptions<'_>, trust| {
        let sent = relayed(trust, read, "tracecontext", options, &lines);
        sent.into_iter().map(|(name, value)| if name == "baggage" { value } else { name }).collect::<Vec<_>>()
    };
    let all = InjectOptions::everything();
    let tenant = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
    assert_eq!(names(&all, Trust::Continue), ["traceparent", "sw8", "sw8-correlation", "uberctx-tenant", lines[4].1]);
    assert_eq!(
        names(&tenant, Trust::Continue),
        ["traceparent", "sw8", "sw8-correlation", "uberctx-tenant", "tenant=acme"]
    );
    assert_eq!(names(&InjectOptions::new(), Trust::Continue), ["traceparent", "sw8"]);
    assert_eq!(names(&all, Trust::Restart), ["uberctx-tenant", lines[4].1]);
    assert_eq!(names(&all, Trust::Ignore), [""; 0]);
}

#[test]
fn ok_resampling_leaves_the_decision_open_or_keeps_the_bit() {
    let span = format!("{TRACE}-00f067aa0ba902b7");
    for (sampled, letter) in [(true, "1"), (false, "0")] {
        let (w3c, single) = (format!("00-{span}-0{letter}"), format!("{span}-{letter}"));
        let uber = format!("{}:{letter}", span.replace('-', ":") + ":0");
        let lines = [
            ("traceparent", w3c.as_str()),
            ("tracestate", "tp=1;0e0e4736;f,a=1"),
            ("b3", &single),
            ("uber-trace-id", &uber),
        ];
        let all = "tracecontext,b3,jaeger,sw8";
        let sent = relayed(Trust::Resample, all, all, &InjectOptions::new(), &lines);
        let get = |name: &str| sent.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!((get("traceparent"), get("tracestate")), (Some(w3c.as_str()), Some("a=1")), "{sent:?}");
        assert_eq!((get("b3"), get("uber-trace-id")), (Some(span.as_str()), Some(uber.as_str())));
        assert_eq!(get("sw8").map(|value| value.starts_with("1-")), Some(sampled));
        // Lines that are only read are never forwarded.
        let sent = relayed(Trust::Resample, all, "b3", &InjectOptions::new(), &lines);
        assert_eq!(sent, owned(&[("b3", &span)]));
    }
}

#[test]
fn err_forward_text_in_a_member_that_is_stale_or_repeated() {
    let secret = "tp=1;0e0e4736;ceca8:SECRET";
    let all = InjectOptions::everything();
    for (state, kept) in [
        (format!("tp=1;0e0e4736;d,{secret}"), "tp=1;0e0e4736;d"),
        ("a=1,tp=1;11111111;ceca8:SECRET".to_owned(), "a=1"),
        (format!("tp=other-vendor,{secret}"), ""),
        (secret.to_owned(), ""),
    ] {
        let lines = [("traceparent", VALID), ("tracestate", state.as_str())];
        let sent = relayed(Trust::Continue, "tracecontext", "tracecontext", &InjectOptions::new(), &lines);
        let expected = [lines[0], ("tracestate", kept)];
        assert_eq!(sent, owned(&expected[..1 + usize::from(!kept.is_empty())]), "{state}");
        let read_only = relayed(Trust::Continue, "tracecontext", "b3", &InjectOptions::new(), &lines);
        assert!(read_only.iter().all(|(_, value)| !value.contains("SECRET")), "{state}: {read_only:?}");
    }
    let lines = [("traceparent", VALID), ("tracestate", secret)];
    assert_eq!(relayed(Trust::Continue, "tracecontext", "tracecontext", &all, &lines), owned(&lines));
}
