//! W3C baggage has no suite to run against; these are its rules, one test each.

use std::cell::Cell;

use super::*;
use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::{
    Baggage, InvalidReason, OwnedBaggage, OwnedContext, SpanContext,
    baggage::BaggageEntry,
    report::{OmitReason, Omitted},
};

/// Returns the members that are read, in wire form.
#[track_caller]
fn read(lines: &[(&str, &str)]) -> Vec<String> {
    let propagator = presets::W3C.propagator();
    let extraction = propagator.extract(&lines);
    extraction.baggage().iter().map(|member| member.to_string()).collect()
}

/// Returns the value of `k`, decoded.
fn value(wire: &str) -> String {
    let line = format!("k={wire}");
    let baggage = Baggage::parse(line.as_bytes()).expect("a member");
    baggage.get("k").expect("k").value().into_owned()
}

/// Returns what is written of local baggage, and what is omitted.
fn send(baggage: &OwnedBaggage) -> (Option<String>, Vec<Omitted>) {
    let last = Cell::new(0);
    let ids = || {
        last.set(last.get() + 1);
        IdBits::non_random(last.get())
    };
    let context = OwnedContext::new(SpanContext::root(&ids)).with_baggage(baggage);
    let mut headers = Pairs::new();
    let span = context.span().expect("a span");
    let propagator = presets::W3C.propagator();
    let omitted = propagator.inject(&span, &InjectOptions::everything(), &mut headers);
    (headers.get("baggage").map(str::to_owned), omitted.iter().copied().collect())
}

fn of(entries: impl IntoIterator<Item = (String, String)>) -> OwnedBaggage {
    let mut baggage = OwnedBaggage::new();
    for (key, value) in entries {
        baggage.push(BaggageEntry { key, value, properties: String::new() });
    }
    baggage
}

fn numbered(members: std::ops::Range<usize>, value: &str) -> OwnedBaggage {
    of(members.map(|i| (format!("k{i:02}"), value.to_owned())))
}

#[test]
fn ok_all_lines_in_any_letter_case_are_one_list() {
    assert_eq!(read(&[("Baggage", "a=1"), ("BAGGAGE", "b=2,c=3"), ("baggage", "")]), ["a=1", "b=2", "c=3"]);
}

#[test]
fn ok_limits_count_over_all_lines() {
    let long = "v".repeat(4093);
    let (first, second) = (format!("a={long}"), format!("b={long}"));
    assert_eq!(first.len() + 1 + second.len(), 8191);
    assert_eq!(read(&[("baggage", &first), ("baggage", &format!("{second}v"))]).len(), 2);
    assert_eq!(read(&[("baggage", &first), ("baggage", &format!("{second}vv"))]), [first]);
}

#[test]
fn ok_blanks_around_every_separator_are_removed() {
    assert_eq!(read(&[("baggage", "\tk \t=\t v ; p ;\tq = 1 \t,  l=w ")]), ["k=v;p;q=1", "l=w"]);
}

#[test]
fn ok_keys_are_tokens_that_differ_in_case_and_are_never_decoded() {
    assert_eq!(read(&[("baggage", "Key=1,key=2,user%20id=3")]), ["Key=1", "key=2", "user%20id=3"]);
    assert_eq!(read(&[("baggage", "a b=1,a/b=2,\u{e9}=3,=4,ok=5")]), ["ok=5"]);
}

#[test]
fn ok_values_hold_equals_signs_and_nothing_that_needs_a_quote() {
    assert_eq!(read(&[("baggage", "a=b=c==,e=")]), ["a=b=c==", "e="]);
    assert_eq!(read(&[("baggage", "a=x y,b=\"q\",c=\\,d=\u{e9},ok=1")]), ["ok=1"]);
}

#[test]
fn ok_values_are_decoded_once_and_broken_sequences_stay() {
    assert_eq!(value("%41%2541"), "A%41");
    assert_eq!(value("%c3%a9%2c+"), "\u{e9},+");
    assert_eq!(value("100%,"), "100%");
    assert_eq!(value("%zz%4"), "%zz%4");
    assert_eq!(value("a%FFb"), "a\u{fffd}b");
}

#[test]
fn ok_blanks_that_were_encoded_stay() {
    assert_eq!(value(" %20x%09 "), " x\t");
}

#[test]
fn ok_properties_keep_order_repeats_and_wire_form() {
    let line = "k=v;p=%20x%3B;p;%41=1;p";
    assert_eq!(read(&[("baggage", line)]), [line]);
    let baggage = Baggage::parse(line.as_bytes()).expect("a member");
    let member = baggage.get("k").expect("k");
    let properties: Vec<_> = member.properties().iter().map(|p| (p.key, p.decoded().map(String::from))).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(properties, [("p", text(" x;")), ("p", None), ("%41", text("1")), ("p", None)]);
}

#[test]
fn ok_duplicates_keep_their_order_and_the_last_one_counts() {
    let baggage = Baggage::parse(b"a=1,b=2,a=3").expect("members");
    assert_eq!(baggage.iter().map(|member| member.to_string()).collect::<Vec<_>>(), ["a=1", "b=2", "a=3"]);
    assert_eq!(baggage.get("a").map(|member| member.raw_value()), Some("3"));
}

#[test]
fn ok_only_a_malformed_member_is_lost_and_is_named() {
    let propagator = presets::W3C.propagator();
    let request = [("baggage", "a=1,nothing,b=2")];
    let report = propagator.explain(&request);
    assert_eq!(report.extraction().baggage().len(), 2);
    assert_eq!(
        report.invalid_headers().map(|(_, reject)| (reject.reason(), reject.offset())).collect::<Vec<_>>(),
        [(InvalidReason::BadMember, 4)]
    );
}

#[test]
fn ok_baggage_needs_no_trace() {
    for parent in ["", "00-0-0-0", VALID] {
        assert_eq!(read(&[("traceparent", parent), ("baggage", "a=1")]), ["a=1"]);
    }
}

#[test]
fn ok_what_is_not_an_octet_is_encoded_and_no_line_end_is_sent() {
    let entries = [("a", "x y\u{e9}"), ("b", "100%,;\"\\"), ("c", "\r\nx: y\0\u{7f}"), ("d", "a=b/c?d")];
    let baggage = of(entries.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let expected = "a=x%20y%C3%A9,b=100%25%2C%3B%22%5C,c=%0D%0Ax:%20y%00%7F,d=a%3Db/c?d";
    assert_eq!(send(&baggage), (Some(expected.to_owned()), vec![]));
}

#[test]
fn ok_a_key_that_is_not_a_token_is_omitted_and_not_mangled() {
    let baggage = of(["bad key", "tenant/id", "", "ok"].map(|key| (key.to_owned(), "1".to_owned())));
    assert_eq!(send(&baggage).0.as_deref(), Some("ok=1"));
}

#[test]
fn ok_no_member_no_header() {
    assert_eq!(send(&OwnedBaggage::new()), (None, vec![]));
    assert_eq!(send(&of([("bad key".to_owned(), "1".to_owned())])).0, None);
}

#[test]
fn ok_64_members_are_written_and_the_65th_is_omitted() {
    let (sent, omitted) = send(&numbered(0..64, "v"));
    assert_eq!((sent, omitted), (Some(numbered(0..64, "v").to_string()), vec![]));
    let (sent, omitted) = send(&numbered(0..65, "v"));
    assert_eq!(sent, Some(numbered(0..64, "v").to_string()));
    let field = traceprop_core::Field::Baggage;
    assert_eq!(omitted, [Omitted { field, reason: OmitReason::TooManyMembers, count: 1 }]);
}

#[test]
fn ok_8192_bytes_are_written_and_no_part_of_a_member_beyond() {
    let sized = |bytes: usize| of([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "v".repeat(bytes - 6))]);
    let field = traceprop_core::Field::Baggage;
    let too_long = Omitted { field, reason: OmitReason::TooLong, count: 1 };
    assert_eq!(sized(8192).to_string().len(), 8192);
    assert_eq!(send(&sized(8192)), (Some(sized(8192).to_string()), vec![]));
    assert_eq!(send(&sized(8193)), (Some("a=1".to_owned()), vec![too_long]));
    let one = of([("a".to_owned(), "v".repeat(8192))]);
    assert_eq!(send(&one), (None, vec![too_long]));
}

#[test]
fn regression_members_beyond_the_limit_are_omitted_though_none_before_is_valid() {
    let propagator = traceprop_core::Propagator::builder().with_format(W3cBaggage::new()).build().expect("baggage");
    let request = [("baggage", format!("no member,b={}", "v".repeat(8192)))];
    let extraction = propagator.extract(&request);
    let mut headers = traceprop_core::Pairs::new();
    let omitted =
        propagator.inject(extraction.passthrough(), &traceprop_core::InjectOptions::everything(), &mut headers);
    assert!(headers.is_empty());
    assert_eq!(omitted.to_string(), "baggage: 1 member omitted (too-long)");
}
