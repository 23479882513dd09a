//! `TraceContextTest` as far as it is about traceparent, `TraceContext2Test` and `AdvancedTest`.

use super::*;

fn with(value: &str) -> Calls {
    request(&[("traceparent", value)])
}

#[test]
fn ok_both_traceparent_and_tracestate_missing() {
    request(&[]).restarted();
}

#[test]
fn ok_traceparent_included_tracestate_missing() {
    with(VALID).sends_no_tracestate();
}

#[test]
fn ok_traceparent_duplicated() {
    let other = format!("00-{OTHER}-{PARENT}-01");
    request(&[("traceparent", VALID), ("traceparent", &other)]).restarted();
}

#[test]
fn ok_traceparent_header_name() {
    for name in ["trace-parent", "trace.parent", "trace_parent", "traceparents", "traceparen"] {
        request(&[(name, VALID)]).restarted();
    }
}

#[test]
fn ok_traceparent_header_name_valid_casing() {
    for name in ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"] {
        request(&[(name, VALID)]).kept();
    }
}

#[test]
fn ok_traceparent_version_0x00() {
    with(&format!("{VALID}.")).restarted();
    with(&format!("{VALID}-what-the-future-will-be-like")).restarted();
}

#[test]
fn ok_traceparent_version_0xcc() {
    let later = VALID.replacen("00", "cc", 1);
    with(&later).kept();
    with(&format!("{later}-what-the-future-will-be-like")).kept();
    with(&format!("{later}.what-the-future-will-be-like")).restarted();
}

#[test]
fn ok_traceparent_version_0xff() {
    with(&VALID.replacen("00", "ff", 1)).restarted();
}

#[test]
fn ok_traceparent_version_illegal_characters() {
    for version in [".0", "0."] {
        with(&VALID.replacen("00", version, 1)).restarted();
    }
}

#[test]
fn ok_traceparent_version_too_long_and_too_short() {
    for version in ["000", "0000", "0", ""] {
        with(&VALID.replacen("00", version, 1)).restarted();
    }
}

#[test]
fn ok_traceparent_trace_id_all_zero() {
    with(&format!("00-{}-{PARENT}-01", "0".repeat(32))).restarted();
}

#[test]
fn ok_traceparent_trace_id_illegal_characters() {
    // The suite compares the whole text, so it cannot fail: here no trace may go on at all.
    for bad in [format!(".{}", &OTHER[1..]), format!("{}.", &OTHER[..31])] {
        let calls = with(&format!("00-{bad}-{PARENT}-01"));
        assert!(!calls.restarted().trace_id.contains(&OTHER[1..31]));
    }
}

#[test]
fn ok_traceparent_trace_id_too_long() {
    with(&format!("00-{OTHER}1-{PARENT}-01")).restarted();
    with(&format!("00-{OTHER}{OTHER}-{PARENT}-01")).restarted();
}

#[test]
fn ok_traceparent_trace_id_too_short() {
    // The suite compares with the short text, so it cannot fail.
    for digits in [31, 30, 16, 0] {
        let calls = with(&format!("00-{}-{PARENT}-01", &OTHER[..digits]));
        assert!(!calls.restarted().trace_id.ends_with(&OTHER[..digits]) || digits == 0);
    }
}

#[test]
fn ok_traceparent_parent_id_all_zero() {
    with(&format!("00-{TRACE}-0000000000000000-01")).restarted();
}

#[test]
fn ok_traceparent_parent_id_illegal_characters() {
    for bad in [".234567890123456", "123456789012345."] {
        with(&format!("00-{TRACE}-{bad}-01")).restarted();
    }
}

#[test]
fn ok_traceparent_parent_id_too_long_and_too_short() {
    for bad in ["12345678901234567", "123456789012345", ""] {
        with(&format!("00-{TRACE}-{bad}-01")).restarted();
    }
}

#[test]
fn ok_traceparent_trace_flags_illegal_characters() {
    for flags in [".0", "0.", "0g", "-1"] {
        with(&format!("00-{TRACE}-{PARENT}-{flags}")).restarted();
    }
}

#[test]
fn ok_traceparent_trace_flags_too_long_and_too_short() {
    for flags in ["001", "1", ""] {
        with(&format!("00-{TRACE}-{PARENT}-{flags}")).restarted();
    }
}

#[test]
fn ok_traceparent_ows_handling() {
    for (before, after) in [(" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t"), (" \t\t ", " ")] {
        with(&format!("{before}{VALID}{after}")).kept();
    }
}

/// `TraceContext2Test.test_traceparent_random_flag`
#[test]
fn ok_random_flag_is_carried_on() {
    let calls = with(&format!("00-{TRACE}-{PARENT}-02"));
    assert!(calls.kept().flags.is_random());
}

/// `AdvancedTest.test_multiple_requests_with_valid_traceparent`
#[test]
fn ok_multiple_requests_with_valid_traceparent() {
    assert_eq!(with(VALID).kept().parent_ids.len(), 3);
}

/// `AdvancedTest.test_multiple_requests_without_traceparent`
#[test]
fn ok_multiple_requests_without_traceparent() {
    assert_eq!(request(&[]).restarted().parent_ids.len(), 3);
}

/// `AdvancedTest.test_multiple_requests_with_illegal_traceparent`
#[test]
fn ok_multiple_requests_with_illegal_traceparent() {
    let zero = format!("00-{}-{PARENT}-01", "0".repeat(32));
    assert_eq!(with(&zero).restarted().parent_ids.len(), 3);
}
