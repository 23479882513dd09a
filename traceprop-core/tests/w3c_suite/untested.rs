//! What the specification says and the suite never asks.

use super::*;
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{
    RemoteContext, Sampling,
    format::Passthrough,
    report::{OmitReason, Omitted},
    tracestate::TraceStateEdit,
};

fn with(value: &str) -> Calls {
    request(&[("traceparent", value)])
}

fn flags(flags: &str) -> u8 {
    with(&format!("00-{TRACE}-{PARENT}-{flags}")).kept().flags.to_byte()
}

#[test]
fn ok_sampled_bit_is_carried_on_as_it_is() {
    assert_eq!((flags("00"), flags("01")), (0, 1));
}

#[test]
fn ok_random_bit_stays_unset_unless_received() {
    assert_eq!((flags("01"), flags("02"), flags("03")), (1, 2, 3));
    // The ids of these tests are not random, and a new trace does not claim that they are.
    assert!(!request(&[]).restarted().flags.is_random());
}

#[test]
fn ok_unknown_flag_bits_are_ignored_and_written_as_zero() {
    assert_eq!((flags("04"), flags("09"), flags("fe"), flags("ff")), (0, 1, 2, 3));
}

#[test]
fn ok_uppercase_hex_restarts() {
    for value in [
        format!("0A-{TRACE}-{PARENT}-01"),
        format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
        format!("00-{TRACE}-A234567890123456-01"),
        format!("00-{TRACE}-{PARENT}-0B"),
    ] {
        with(&value).restarted();
    }
}

#[test]
fn ok_lone_dash_after_version_00_restarts() {
    with(&format!("{VALID}-")).restarted();
}

#[test]
fn ok_every_later_version_continues() {
    for version in (0x01..=0xfe).map(|version| format!("{version:02x}")) {
        let bare = VALID.replacen("00", &version, 1);
        with(&bare).kept();
        with(&format!("{bare}-extra")).kept();
        with(&format!("{bare}-")).kept();
        with(&format!("{bare}x")).restarted();
        with(&bare[..54]).restarted();
    }
}

#[test]
fn ok_later_version_keeps_its_tracestate() {
    let later = VALID.replacen("00", "01", 1);
    request(&[("traceparent", &later), ("tracestate", "foo=1")]).sends("foo=1");
}

#[test]
fn ok_signs_are_not_digits() {
    for value in [
        format!("+0-{TRACE}-{PARENT}-01"),
        format!("00-+{}-{PARENT}-01", &TRACE[1..]),
        format!("00-{TRACE}-+{}-01", &PARENT[1..]),
        format!("00-{TRACE}-{PARENT}-+1"),
    ] {
        with(&value).restarted();
    }
}

#[test]
fn ok_identical_traceparents_are_one() {
    request(&[("traceparent", VALID), ("traceparent", VALID)]).kept();
    with(&format!("{VALID},{VALID}")).kept();
    with(&format!("{VALID}, {VALID}")).kept();
}

#[test]
fn ok_traceparents_that_differ_in_one_digit_are_two() {
    let other = format!("00-{TRACE}-{PARENT}-00");
    request(&[("traceparent", VALID), ("traceparent", &other)]).restarted();
    with(&format!("{VALID},{other}")).restarted();
    with(&format!("{VALID},{VALID},{other}")).restarted();
    with(&format!("{VALID},")).restarted();
}

#[test]
fn ok_an_empty_traceparent_and_a_valid_one_are_two() {
    request(&[("traceparent", ""), ("traceparent", VALID)]).restarted();
}

#[test]
fn ok_other_blanks_are_not_blanks() {
    for blank in ["\u{a0}", "\u{b}", "\u{c}", "\n", "\0"] {
        with(&format!("{VALID}{blank}")).restarted();
        with(&format!("{blank}{VALID}")).restarted();
        states(&[&format!("foo=1,{blank}bar=2")]).sends_no_tracestate();
    }
}

#[test]
fn ok_a_bad_traceparent_takes_its_tracestate_with_it() {
    for bad in ["", "00-0-0-0", &VALID[..54], &VALID.to_uppercase()] {
        request(&[("traceparent", bad), ("tracestate", "foo=1")]).restarted();
    }
}

#[test]
fn ok_leading_spaces_of_a_value_stay_and_trailing_ones_go() {
    states(&["foo=  1  ,bar= 2"]).sends("foo=  1,bar= 2");
}

#[test]
fn ok_value_length_of_256_and_not_257() {
    let line = format!("foo=1,bar={}", "v".repeat(256));
    states(&[&line]).sends(&line);
    states(&[&format!("{line}v")]).sends_no_tracestate();
}

#[test]
fn ok_non_ascii_costs_the_list_and_not_the_trace() {
    states(&["foo=1,bar=\u{e9}"]).sends_no_tracestate();
    request(&[("traceparent", VALID), ("tracestate", "\u{1f980}")]).sends_no_tracestate();
    with(&format!("{VALID}\u{e9}")).restarted();
}

#[test]
fn ok_no_budget_unless_one_is_set() {
    let line: Vec<_> = (0..32).map(|i| format!("k{i}={}", "v".repeat(256))).collect();
    let line = line.join(",");
    assert!(line.len() > 8000);
    states(&[&line]).sends(&line);
}

#[test]
fn ok_512_characters_are_carried_and_whole_members_go_beyond() {
    let format = W3cTraceContext::new().max_tracestate_len(512);
    let propagator = Propagator::builder().with_format(format).build().expect("one format");
    let send = |line: &str| request_to(&propagator, &[("traceparent", VALID), ("tracestate", line)]).tracestate;
    let member = |key: &str, size: usize| format!("{key}={}", "v".repeat(size - key.len() - 1));
    let just = [member("a", 128), member("b", 128), member("c", 128), member("d", 125)].join(",");
    assert_eq!(just.len(), 512);
    assert_eq!(send(&just), Some(just.clone()));
    let over = format!("{just}v");
    assert_eq!(send(&over), Some(just[..386].to_owned()), "the right-most goes, whole");
    let big = [member("a", 128), member("big", 129), member("c", 128), member("d", 128)].join(",");
    assert_eq!(
        send(&big),
        Some([member("a", 128), member("c", 128), member("d", 128)].join(",")),
        "the one above 128 goes first"
    );
}

#[test]
fn ok_what_a_budget_cuts_is_said() {
    let format = W3cTraceContext::new().max_tracestate_len(8);
    let propagator = Propagator::builder().with_format(format).build().expect("one format");
    let request = [("traceparent", VALID), ("tracestate", "a=1,b=2,c=3,d=4")];
    let extraction = propagator.extract(&request);
    let mut headers = Pairs::new();
    let omitted =
        propagator.inject(&extraction.new_span(&|| IdBits::non_random(9)), &InjectOptions::new(), &mut headers);
    assert_eq!(headers.get("tracestate"), Some("a=1,b=2"));
    let expected = Omitted { field: traceprop_core::Field::TraceState, reason: OmitReason::TooLong, count: 2 };
    assert_eq!(omitted.iter().collect::<Vec<_>>(), [&expected]);
}

/// Returns what is written if a vendor of ours changes the tracestate.
fn edited(line: &str, edits: &[TraceStateEdit<'_>]) -> Option<String> {
    let propagator = presets::W3C.propagator();
    let request = [("traceparent", VALID), ("tracestate", line)];
    let extraction = propagator.extract(&request);
    let span = extraction.new_span(&|| IdBits::non_random(9));
    let mut headers = Pairs::new();
    propagator.inject(&span, &InjectOptions::new().edit_tracestate(edits), &mut headers);
    sent_tracestate(&headers)
}

fn set<'a>(key: &'a str, value: &'a str) -> TraceStateEdit<'a> {
    TraceStateEdit::set(key, value).expect("a legal member")
}

#[test]
fn ok_own_member_comes_first_and_once() {
    assert_eq!(edited("rojo=1,congo=2", &[set("mine", "3")]).as_deref(), Some("mine=3,rojo=1,congo=2"));
    assert_eq!(edited("rojo=1,congo=2,zulu=3", &[set("congo", "9")]).as_deref(), Some("congo=9,rojo=1,zulu=3"));
    assert_eq!(edited("rojo=1,congo=2,rojo=0", &[set("rojo", "9")]).as_deref(), Some("rojo=9,congo=2"));
    assert_eq!(edited("", &[set("mine", "3")]).as_deref(), Some("mine=3"));
}

#[test]
fn ok_33rd_member_pushes_out_the_right_most_and_an_update_none() {
    let members: Vec<_> = (1..=32).map(|i| format!("k{i:02}=v")).collect();
    let line = members.join(",");
    assert_eq!(edited(&line, &[set("mine", "1")]), Some(format!("mine=1,{}", members[..31].join(","))));
    assert_eq!(edited(&line, &[set("k32", "1")]), Some(format!("k32=1,{}", members[..31].join(","))));
}

#[test]
fn ok_no_tracestate_is_sent_when_the_last_member_is_deleted() {
    assert_eq!(edited("rojo=1", &[TraceStateEdit::delete("rojo")]), None);
    assert_eq!(edited("rojo=1", &[set("mine", "1"), TraceStateEdit::delete("mine")]).as_deref(), Some("rojo=1"));
}

#[test]
fn ok_a_bad_traceparent_leaves_the_tracestate_unread() {
    let propagator = presets::W3C.propagator();
    let request = [("traceparent", "00-0-0-0"), ("tracestate", "BAD=\u{e9}")];
    let report = propagator.explain(&request);
    assert!(report.invalid_headers().map(|(_, reject)| reject.field()).eq([traceprop_core::Field::TraceParent]));
    assert!(report.extraction().tracestate().is_empty());
}

#[test]
fn ok_empty_members_do_not_count_towards_32() {
    let members: Vec<_> = (1..=32).map(|i| format!("k{i:02}=v")).collect();
    states(&[&members.join(",, ,"), "", ",\t,"]).sends(&members.join(","));
}

#[test]
fn ok_no_tracestate_is_written_without_a_traceparent() {
    let propagator = presets::W3C.propagator();
    let edits = [set("mine", "1")];
    let outgoing = InjectOptions::new().edit_tracestate(&edits);
    let no_parent = RemoteContext::new(OTHER.parse().expect("an id"), None);
    let nothing = Passthrough::sampling_only(Sampling::Deferred);
    let decision = Passthrough::sampling_only(Sampling::Sampled);
    for passthrough in [nothing, decision, Passthrough::from_remote(no_parent)] {
        let mut headers = Pairs::new();
        propagator.inject(passthrough, &outgoing, &mut headers);
        assert!(headers.is_empty(), "{headers:?}");
    }
}

#[test]
fn ok_an_unchanged_traceparent_has_an_unchanged_tracestate() {
    let propagator = presets::W3C.propagator();
    let request = [("traceparent", VALID), ("tracestate", "rojo=1, congo=2")];
    let edits = [set("mine", "1")];
    let mut headers = Pairs::new();
    let extraction = propagator.extract(&request);
    propagator.inject(extraction.passthrough(), &InjectOptions::new().edit_tracestate(&edits), &mut headers);
    assert_eq!(headers.iter().collect::<Vec<_>>(), request);
}

#[test]
fn ok_with_nothing_to_write_an_invalid_value_is_removed() {
    let propagator = presets::W3C.propagator();
    let before = [("TraceParent", "00-0-0-0"), ("tracestate", "a=1"), ("host", "stock")];
    let mut headers: Vec<(String, String)> = before.map(|(name, value)| (name.into(), value.into())).to_vec();
    let extraction = propagator.extract(&before);
    propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut headers);
    assert!(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq([("host", "stock")]));
}

/// What OpenTelemetry's samplers agree on travels in a member of its own, which a propagator leaves alone.
#[test]
fn ok_sampling_thresholds_are_forwarded_verbatim() {
    for member in ["ot=th:c;rv:d29d6a7215ced0;zz:1", "ot=th:0", "ot=p:8;r:62", "ot=th:XYZ;rv:1"] {
        states(&[&format!("rojo=1,{member}")]).sends(&format!("rojo=1,{member}"));
    }
}

#[test]
fn ok_a_decision_is_changed_only_under_a_new_parent_id() {
    let propagator = presets::W3C.propagator();
    let request = [("traceparent", VALID), ("tracestate", "rojo=1")];
    let extraction = propagator.extract(&request);
    let span = extraction.new_span_with(&|| IdBits::non_random(9), &Sampling::NotSampled);
    let mut headers = Pairs::new();
    propagator.inject(&span, &InjectOptions::new(), &mut headers);
    assert_eq!(headers.get("traceparent"), Some(format!("00-{TRACE}-0000000000000009-00").as_str()));
    assert_eq!(headers.get("tracestate"), Some("rojo=1"));
}

#[test]
fn ok_a_list_on_more_lines_than_are_read_is_dropped_whole() {
    let mut lines = vec![""; 63];
    lines.push("foo=1");
    states(&lines).sends("foo=1");
    lines.push("bar=2");
    states(&lines).sends_no_tracestate();
}
