//! `TraceContextTest` as far as it is about tracestate. What the strict tests of the suite want to be dropped is
//! dropped with the whole list, and the traceparent stays.

use super::*;

#[test]
fn ok_tracestate_included_traceparent_missing() {
    // The suite lets the members go out with the new trace if their number is right; the specification does not.
    request(&[("tracestate", "foo=1")]).restarted();
    request(&[("tracestate", "foo=1,bar=2")]).restarted();
}

#[test]
fn ok_tracestate_included_traceparent_included() {
    states(&["foo=1,bar=2"]).sends("foo=1,bar=2");
}

#[test]
fn ok_tracestate_header_name() {
    for name in ["trace-state", "trace.state", "tracestates"] {
        request(&[("traceparent", VALID), (name, "foo=1")]).sends_no_tracestate();
    }
}

#[test]
fn ok_tracestate_header_name_valid_casing() {
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        request(&[("traceparent", VALID), (name, "foo=1")]).sends("foo=1");
    }
}

#[test]
fn ok_tracestate_empty_header() {
    states(&[""]).sends_no_tracestate();
    states(&["", " \t"]).sends_no_tracestate();
    states(&["foo=1", ""]).sends("foo=1");
    states(&["", "foo=1"]).sends("foo=1");
}

#[test]
fn ok_tracestate_multiple_headers_different_keys() {
    states(&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"]).sends("foo=1,bar=2,rojo=1,congo=2,baz=3");
}

#[test]
fn ok_tracestate_duplicated_keys() {
    states(&["foo=1,foo=1"]).sends("foo=1");
    states(&["foo=1,foo=2"]).sends("foo=1");
    // One text at one address, as a carrier of constants has it.
    let line = "foo=1";
    states(&[line, line]).sends("foo=1");
    states(&["foo=1", "bar=0", "foo=2"]).sends("foo=1,bar=0");
}

#[test]
fn ok_tracestate_all_allowed_characters() {
    let key: String = ('a'..='z').chain('0'..='9').chain(['_', '-', '*', '/']).collect();
    let value: String = (' '..='~').filter(|c| !",=".contains(*c)).collect();
    for key in [key.clone(), format!("{key}@a-z0-9_-*/")] {
        let member = format!("{key}={value}");
        states(&[&member]).sends(&member);
    }
}

#[test]
fn ok_tracestate_ows_handling() {
    states(&["foo=1 \t , \t bar=2, \t baz=3"]).sends("foo=1,bar=2,baz=3");
    states(&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"]).sends("foo=1,bar=2,baz=3");
    for line in [" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"] {
        states(&[line]).sends("foo=1");
    }
}

#[test]
fn ok_tracestate_key_illegal_characters() {
    for line in ["foo =1", "FOO=1", "foo.bar=1", "f\u{f6}o=1", "foo\t=1", "=1", "foo"] {
        states(&[line]).sends_no_tracestate();
    }
}

#[test]
fn ok_tracestate_key_illegal_vendor_format() {
    for key in ["foo@", "foo@@bar", "foo@bar@baz"] {
        states(&[&format!("{key}=1,bar=2")]).sends(&format!("{key}=1,bar=2"));
    }
    states(&["@foo=1,bar=2"]).sends_no_tracestate();
}

#[test]
fn ok_tracestate_member_count_limit() {
    let members = |range: std::ops::RangeInclusive<u32>| -> String {
        range.map(|i| format!("bar{i:02}={i:02}")).collect::<Vec<_>>().join(",")
    };
    let lines = [members(1..=10), members(11..=20), members(21..=30), members(31..=32)];
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    assert_eq!(states(&lines).kept().keys().len(), 32);
    let lines = [members(1..=10), members(11..=20), members(21..=30), members(31..=33)];
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    states(&lines).sends_no_tracestate();
}

#[test]
fn ok_tracestate_key_length_limit() {
    let long = |n, c: &str| c.repeat(n);
    let tenant = |n, system| format!("{}@{}", long(n, "t"), long(system, "v"));
    for key in [long(256, "z"), tenant(241, 14), tenant(242, 1), tenant(1, 15)] {
        let line = format!("foo=1,{key}=1");
        states(&[&line]).sends(&line);
    }
    states(&[&format!("foo=1,{}=1", long(257, "z"))]).sends_no_tracestate();
}

#[test]
fn ok_tracestate_value_illegal_characters() {
    states(&["foo=bar=baz"]).sends_no_tracestate();
    states(&["foo=,bar=3"]).sends_no_tracestate();
}
