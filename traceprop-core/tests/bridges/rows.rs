//! Words that are promised to come back exactly from hops that speak only W3C.

use crate::edge::{BETWEEN, CORRELATION, Edge, FIRST, Lines, SECOND, hop, propagator};
use crate::format::Format;
use crate::text::base64;
use traceprop_core::{InjectOptions, Pairs, Sampling, SpanId, Trust, presets};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

pub(crate) fn lines(pairs: &[(&str, &str)]) -> Lines {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn get<'l>(lines: &'l Lines, name: &str) -> Option<&'l str> {
    lines.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Returns the lines after a hop that knows only W3C.
fn across(request: &Lines) -> Lines {
    hop(&Edge::writes(Format::W3c, false).calls(request, FIRST), None)
}

/// Returns the lines after that hop and two more services that know only W3C: one that is built on this library, and
/// one that only forwards.
fn far_across(request: &Lines) -> Lines {
    let ours = presets::W3C.propagator();
    let crossing = across(request);
    let extraction = ours.extract(&crossing);
    let trace_id = extraction.context().expect("a trace").trace_id;
    let span = extraction.span_with_ids(trace_id, SpanId::MIN);
    let mut called = Pairs::new();
    ours.inject(&span, &InjectOptions::everything(), &mut called);
    let mut forwarded = Pairs::new();
    ours.inject(ours.extract(&called).passthrough(), &InjectOptions::everything(), &mut forwarded);
    assert_eq!(forwarded, called);
    hop(&forwarded.into_iter().collect(), None)
}

/// Crosses on the short and the long way, and returns the lines that the service after it writes in `format`.
#[track_caller]
fn after(request: &Lines, format: Format, multi: bool) -> Lines {
    let edge = Edge::writes(format, multi);
    let (near, far) = (edge.calls(&across(request), SECOND), edge.calls(&far_across(request), SECOND));
    assert_eq!(near, far, "two more hops changed it");
    near
}

#[test]
fn ok_datadog_priority_origin_tags_and_last_span() {
    for (priority, sampled) in
        [("2", true), ("-1", false), ("3", true), ("-2147483648", false), ("1", true), ("0", false)]
    {
        let request = lines(&[
            ("x-datadog-trace-id", "11803532876627986230"),
            ("x-datadog-parent-id", "67667974448284343"),
            ("x-datadog-sampling-priority", priority),
            ("x-datadog-origin", "synthetics-browser=1"),
            ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-4,_dd.p.usr.id=YWxpY2U=,_dd.p.new=a:b c"),
        ]);
        let crossing = across(&request);
        let flag = if sampled { "01" } else { "00" };
        assert_eq!(get(&crossing, "traceparent"), Some(format!("00-{TRACE}-{BETWEEN:016x}-{flag}").as_str()));
        assert_eq!(
            get(&crossing, "tracestate").map(|state| state.split_once(',').expect("a member of ours").1),
            Some(
                format!(
                    "dd=s:{priority};o:synthetics-browser~1;p:00f067aa0ba902b7;t.dm:-4;t.usr.id:YWxpY2U~;t.new:a:b c"
                )
                .as_str()
            ),
        );
        let back = after(&request, Format::Datadog, false);
        let mut expected = request.clone();
        expected[1].1 = SECOND.to_string();
        assert_eq!(back, expected);
        // The last span that Datadog knows is not in its headers, but what a tracer reports.
        let context = Edge::writes(Format::Datadog, false).context(&crossing, SECOND);
        assert_eq!(context.datadog().last_span().map(|span| span.to_string()).as_deref(), Some("00f067aa0ba902b7"));
        assert_eq!(context.parent_id().map(|id| id.get()), Some(BETWEEN));
    }
}

#[test]
fn ok_sw8_trace_id_text() {
    for text in [
        "4afaa8a6341c4ac086962a353a63290e.87.17422198108383774",
        "4AFAA8A6341C4AC086962A353A63290E.87.17422198108383774",
        "94b15dffcc0c1e7798b98cdd8af64787.4711.39617343697984611",
        "6131d148bb65115d91f997560aca8e67",
        "6131D148BB65115D91F997560ACA8E67",
        "a92938ef-1d19-40ed-b058-a6c6a76a46a0",
        "A92938EF-1D19-40ED-B058-A6C6A76A46A0",
        "a92938ef-1D19-40ed-b058-a6c6a76a46a0",
        "328184291030819378811539062623745250102",
        "007",
        "1767950400123.845120034.77812",
        "ticket/2026 01,14;a=b",
        "заявка-7",
    ] {
        let names = ["segment", "shop", "shop-1", "/cart", "cart:80"].map(base64);
        let [segment, names @ ..] = &names;
        for sample in ["0", "1"] {
            let sw8 = format!("{sample}-{}-{segment}-7-{}", base64(text), names.join("-"));
            let back = after(&lines(&[("sw8", &sw8)]), Format::Sw8, false);
            let ours = [
                format!("{SECOND:016x}0000000000000000"),
                "cart".into(),
                "cart-1".into(),
                "/".into(),
                "unknown".into(),
            ];
            let [segment, names @ ..] = ours.map(|text| base64(&text));
            let expected = format!("{sample}-{}-{segment}-0-{}", base64(text), names.join("-"));
            assert_eq!(get(&back, "sw8"), Some(expected.as_str()), "{text}");
        }
    }
}

#[test]
fn ok_b3_debug_and_deferred() {
    for (letter, sampling) in
        [("-d", Sampling::Debug), ("", Sampling::Deferred), ("-1", Sampling::Sampled), ("-0", Sampling::NotSampled)]
    {
        let request = lines(&[("b3", &format!("{TRACE}-00f067aa0ba902b7{letter}"))]);
        let back = after(&request, Format::B3, false);
        assert_eq!(back, lines(&[("b3", &format!("{TRACE}-{SECOND:016x}{letter}"))]));
        let multi = after(&request, Format::B3, true);
        assert_eq!(after(&multi_request(letter), Format::B3, true), multi);
        assert_eq!(get(&multi, "x-b3-flags"), (letter == "-d").then_some("1"));
        assert_eq!(get(&multi, "x-b3-sampled"), letter.strip_prefix('-').filter(|letter| *letter != "d"));
        // It is the decision of the service after the hop, independent of the format that it writes.
        let context = Edge::writes(Format::Jaeger, false).context(&across(&request), SECOND);
        assert_eq!(context.sampling(), sampling);
    }
}

fn multi_request(letter: &str) -> Lines {
    let mut request = lines(&[("X-B3-TraceId", TRACE), ("X-B3-SpanId", "00f067aa0ba902b7")]);
    match letter.strip_prefix('-') {
        None => {}
        Some("d") => request.extend(lines(&[("X-B3-Flags", "1")])),
        Some(sampled) => request.extend(lines(&[("X-B3-Sampled", sampled)])),
    }
    request
}

#[test]
fn ok_correlation_text() {
    let uuid = "d19931bb-f235-4dcb-2e2f-b9d31225d62e";
    for text in [
        uuid.to_owned(),
        uuid.to_uppercase(),
        uuid.replace('-', ""),
        format!("{{{uuid}}}"),
        format!("URN:UUID:{}", uuid.to_uppercase()),
        format!("urn:uuid:{uuid}"),
        "D19931bb-f235-4dcb-2e2f-b9d31225d62e".to_owned(),
        format!("|{uuid}.1.2a_"),
    ] {
        let request = lines(&[(CORRELATION, &text)]);
        assert_eq!(after(&request, Format::Correlation, false), request);
        // The canonical spelling takes no room.
        let state = get(&across(&request), "tracestate").map(str::to_owned).expect("the hop's own member");
        assert_eq!(state.contains("tp="), text != uuid, "{state}");
    }
}

#[test]
fn ok_jaeger_flag_byte() {
    for byte in 0..=255u8 {
        let request = lines(&[("uber-trace-id", &format!("{TRACE}:00f067aa0ba902b7:0:{byte:x}"))]);
        let back = after(&request, Format::Jaeger, false);
        assert_eq!(back, lines(&[("uber-trace-id", &format!("{TRACE}:{SECOND:016x}:0:{byte:x}"))]));
    }
}

/// Everything at once, of one trace.
#[test]
fn ok_fields_of_several_formats_cross_together() {
    let request = lines(&[
        ("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01")),
        ("tracestate", "rojo=1,dd=s:2;o:rum;p:00f067aa0ba902b7;t.dm:-4,congo=2"),
        ("b3", &format!("{TRACE}-00f067aa0ba902b7-1")),
        ("uber-trace-id", &format!("{TRACE}:00f067aa0ba902b7:0:9")),
        ("sw8", &format!("1-{}-{}-0----", base64(&TRACE.to_uppercase()), base64("s"))),
        (CORRELATION, "{4BF92F35-77B3-4DA6-A3CE-929D0E0E4736}"),
    ]);
    let crossing = across(&request);
    let state = get(&crossing, "tracestate").expect("members").split_once(',').expect("the hop's first").1;
    assert_eq!(state, "tp=1;0e0e4736;j9;sX;c10f3B,rojo=1,dd=s:2;o:rum;p:00f067aa0ba902b7;t.dm:-4,congo=2");
    let after = |format| after(&request, format, false);
    assert_eq!(get(&after(Format::Datadog), "x-datadog-sampling-priority"), Some("2"));
    assert_eq!(get(&after(Format::Datadog), "x-datadog-origin"), Some("rum"));
    assert!(get(&after(Format::Jaeger), "uber-trace-id").is_some_and(|value| value.ends_with(":9")));
    assert!(
        get(&after(Format::Sw8), "sw8").is_some_and(|value| value[2..].starts_with(&base64(&TRACE.to_uppercase())))
    );
    assert_eq!(get(&after(Format::Correlation), CORRELATION), Some("{4BF92F35-77B3-4DA6-A3CE-929D0E0E4736}"));
    // And all of them out of one service.
    let all = propagator(&Format::written_names(), Trust::Continue);
    let extraction = all.extract(&crossing);
    let span = extraction.span_with_ids(TRACE.parse().expect("an id"), SpanId::new(SECOND).expect("an id"));
    let mut headers = Pairs::new();
    all.inject(&span, &InjectOptions::everything(), &mut headers);
    for format in Format::written() {
        for (name, value) in after(format) {
            assert_eq!(headers.get(&name), Some(value.as_str()), "{name}");
        }
    }
}

/// The limits that the documents name, in pairs: the longest that crosses, and one byte more, which is lost whole.
#[test]
fn err_beyond_the_limits_fields_are_lost_and_never_cut() {
    // Our member has 256 bytes: 10 before the items, `;s` and the form in front of the text.
    let sw8 = |letter: &str, len: usize| {
        let text = letter.repeat(len);
        let sw8 = format!("1-{}-{}-7----", base64(&text), base64("s"));
        let back = after(&lines(&[("sw8", &sw8)]), Format::Sw8, false);
        get(&back, "sw8").is_some_and(|value| value[2..].starts_with(&base64(&text)))
    };
    assert!(sw8("x", 243) && !sw8("x", 244));
    // As base64 where the letters would not do.
    assert!(sw8(";", 182) && !sw8(";", 183));
    // `dd` has 256 with its key.
    let datadog = |len: usize| {
        let tag = "x".repeat(len);
        let tags = format!("_dd.p.tid=4bf92f3577b34da6,_dd.p.a={tag},_dd.p.b=1");
        let request = lines(&[
            ("x-datadog-trace-id", "11803532876627986230"),
            ("x-datadog-parent-id", "67667974448284343"),
            ("x-datadog-tags", &tags),
        ]);
        let back = after(&request, Format::Datadog, false);
        let back = get(&back, "x-datadog-tags").expect("tags").to_owned();
        (back == tags, back)
    };
    assert!(datadog(224).0);
    assert_eq!(datadog(225), (false, format!("_dd.p.tid=4bf92f3577b34da6,_dd.p.a={}", "x".repeat(225))));
    assert_eq!(datadog(400), (false, "_dd.p.tid=4bf92f3577b34da6,_dd.p.b=1".into()));
}

/// The text that the `dd` member cannot spell: it comes back, but not as it was.
#[test]
fn err_text_that_the_dd_member_rewrites() {
    let request = |origin: &str, tag: &str| {
        lines(&[
            ("x-datadog-trace-id", "7"),
            ("x-datadog-parent-id", "8"),
            ("x-datadog-origin", origin),
            ("x-datadog-tags", &format!("_dd.p.k={tag}")),
        ])
    };
    for (said, heard) in [("a~b", "a_b"), ("a;b", "a_b"), ("a=b", "a=b"), ("a:b c", "a:b c")] {
        let back = after(&request(said, said), Format::Datadog, false);
        assert_eq!(get(&back, "x-datadog-origin"), Some(heard));
        assert_eq!(get(&back, "x-datadog-tags"), Some(format!("_dd.p.k={heard}").as_str()));
    }
    let back = after(&request("a,b", "c"), Format::Datadog, false);
    assert_eq!(get(&back, "x-datadog-origin"), Some("a_b"));
}
