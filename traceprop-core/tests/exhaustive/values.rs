//! Values one byte away from a valid one, against a judgement of our own: what is accepted, and as what.

use traceprop_core::formats::sw8::Sw8Header;
use traceprop_core::{
    InvalidHeader, Sampling, TraceState, formats::b3::B3Single, formats::jaeger::UberTraceId,
    formats::tracecontext::TraceParent,
};

use crate::bytes::{Change, each};
use crate::judge;

/// Tries every value one byte away from these: `read` must agree with `expected`.
///
/// The error of an invalid value points into it. Returns how many values are valid and invalid.
#[track_caller]
fn compare<T: PartialEq + std::fmt::Debug>(
    valid: &[&str],
    read: impl Fn(&[u8]) -> Result<T, InvalidHeader>,
    expected: impl Fn(&[u8]) -> Option<T>,
) -> (usize, usize) {
    let (mut accepted, mut invalid) = (0, 0);
    for valid in valid {
        assert!(read(valid.as_bytes()).is_ok(), "{valid}");
        let _ = each(valid.as_bytes(), |change: Change, value| match read(value) {
            Ok(found) => {
                assert_eq!(Some(found), expected(value), "{change:?}: {}", value.escape_ascii());
                accepted += 1;
            }
            Err(reject) => {
                let due = expected(value);
                assert_eq!(due, None, "{change:?}: {reject} in {}", value.escape_ascii());
                assert!(reject.offset() as usize <= value.len(), "{change:?}: {reject} in {}", value.escape_ascii());
                invalid += 1;
            }
        });
    }
    (accepted, invalid)
}

#[test]
fn ok_traceparent_one_byte_away() {
    let read = |value: &[u8]| {
        let parent = TraceParent::parse(value)?;
        assert_eq!(TraceParent::parse(&parent.to_bytes()), Ok(TraceParent { version: 0, ..parent }));
        let version = format!("{:02x}", parent.version);
        let flags = format!("{:02x}", parent.flags.to_byte());
        Ok([version, parent.trace_id.to_string(), parent.parent_id.to_string(), flags])
    };
    // Of the flags, level 2 knows two.
    let expected = |value: &[u8]| {
        judge::traceparent(value).map(|[version, trace, parent, flags]| {
            let known = u8::from_str_radix(&flags, 16).expect("hex") % 4;
            [version, trace, parent, format!("0{known}")]
        })
    };
    let valid = [
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-00000000000000000000000000000001-0000000000000001-ff-later",
    ];
    let (accepted, invalid) = compare(&valid, read, expected);
    assert!(accepted > 1_500 && invalid > 40_000, "{accepted} {invalid}");
}

#[test]
fn ok_b3_one_byte_away() {
    let read = |value: &[u8]| {
        let b3 = B3Single::parse(value)?;
        let again = B3Single::parse(b3.to_string().as_bytes())?;
        assert_eq!((again.ids().map(|ids| (ids.trace_id(), ids.span_id())), again.sampling()), {
            (b3.ids().map(|ids| (ids.trace_id(), ids.span_id())), b3.sampling())
        });
        let ids = b3.ids();
        let trace = ids.map(|ids| ids.trace_id().to_string()[if ids.is_64_bit() { 16 } else { 0 }..].to_owned());
        let span = ids.map(|ids| ids.span_id().to_string());
        let parent = ids.and_then(|ids| ids.parent_span_id()).map(|id| id.to_string());
        let decision = match b3.sampling() {
            Sampling::Deferred => "",
            Sampling::NotSampled => "0",
            Sampling::Sampled => "1",
            Sampling::Debug => "d",
        };
        Ok([trace.unwrap_or_default(), span.unwrap_or_default(), decision.to_owned(), parent.unwrap_or_default()])
    };
    let valid = [
        "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b90",
        "a3ce929d0e0e4736-00f067aa0ba902b7-d",
        "0000000000000001-0000000000000001",
        "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0000000000000000",
        "0",
    ];
    let (accepted, invalid) = compare(&valid, read, judge::b3);
    assert!(accepted > 3_000 && invalid > 90_000, "{accepted} {invalid}");
}

#[test]
fn ok_uber_trace_id_one_byte_away() {
    let read = |value: &[u8]| {
        let uber = UberTraceId::parse(value)?;
        assert_eq!(UberTraceId::parse(uber.to_string().as_bytes()), Ok(uber));
        Ok((uber.trace_id.get(), u128::from(uber.span_id.get()), u128::from(uber.flags.to_byte())))
    };
    let valid =
        ["4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1", "1:1::0", "A3CE929D0E0E4736%3A5688d%3A0%3A0b"];
    let (accepted, invalid) = compare(&valid, read, judge::uber);
    assert!(accepted > 4_000 && invalid > 40_000, "{accepted} {invalid}");
}

#[test]
fn ok_sw8_one_byte_away() {
    let read = |value: &[u8]| {
        let sw8 = Sw8Header::parse(value)?;
        let text = [sw8.trace_id(), sw8.segment_id(), sw8.service(), sw8.instance(), sw8.endpoint(), sw8.peer()];
        Ok(judge::Fields {
            sampled: sw8.is_sampled(),
            span: sw8.span_number(),
            text: text.map(|text| text.to_string()),
        })
    };
    let valid = ["1-dGlja2V0LTE=-NGJmOTJmMzU=-3-c2hvcA==-5bqT-L2NhcnQ=-Y2FydDo4MA==", "0-MQ-MQ-2147483647----"];
    let (accepted, invalid) = compare(&valid, read, judge::sw8);
    assert!(accepted > 2_000 && invalid > 30_000, "{accepted} {invalid}");
}

#[test]
fn ok_tracestate_one_byte_away() {
    let read = |value: &[u8]| {
        let state = TraceState::parse(value)?;
        let written = state.to_string();
        assert_eq!(TraceState::parse(written.as_bytes())?.to_string(), written);
        Ok(state.iter().map(|member| (member.key.to_owned(), member.value.to_owned())).collect::<Vec<_>>())
    };
    let valid = ["rojo=00f067,t61rc@w=a b", "a=1, ,b/-_*=~,a=2"];
    let (accepted, invalid) = compare(&valid, read, judge::tracestate);
    assert!(accepted > 3_000 && invalid > 10_000, "{accepted} {invalid}");
}
