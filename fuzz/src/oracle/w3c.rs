//! `traceparent` and `tracestate`.

use traceprop_core::{RemoteContext, Sampling, SpanId, TraceId};

use super::{Expected, lower_hex, text, trim};
use crate::input::{Headers, values};

/// Reads a value: version, trace, parent, flags.
pub fn traceparent(value: &[u8]) -> Option<(u8, TraceId, SpanId, u8)> {
    let value = trim(value);
    let (head, tail) = value.split_at_checked(55)?;
    let legal = head.iter().enumerate().all(|(at, b)| match at {
        2 | 35 | 52 => *b == b'-',
        _ => b"0123456789abcdef".contains(b),
    });
    let goes_on = match (&head[..2], tail) {
        (_, []) => true,
        (b"00", _) => false,
        (_, tail) => tail[0] == b'-',
    };
    if !legal || !goes_on || &head[..2] == b"ff" || value.contains(&b',') {
        return None;
    }
    let number = |from, to| lower_hex(&head[from..to], |_| true);
    let span = SpanId::new(number(36, 52)? as u64)?;
    Some((number(0, 2)? as u8, TraceId::new(number(3, 35)?)?, span, number(53, 55)? as u8))
}

/// Reads the members: key and value of the first of each key, or `None` if one is malformed.
pub fn tracestate(lines: &[&[u8]]) -> Option<Vec<(String, String)>> {
    if lines.len() > 64 {
        return None;
    }
    let line = lines.join(&b',');
    let members: Vec<_> = line.split(|&b| b == b',').map(trim).filter(|member| !member.is_empty()).collect();
    if members.len() > 32 {
        return None;
    }
    let mut kept: Vec<(String, String)> = Vec::new();
    for member in members {
        let (key, value) = super::split_once(member, b'=')?;
        if !is_key(key) || !is_value(value) {
            return None;
        }
        let member = (text(key), text(value));
        if kept.iter().all(|(known, _)| *known != member.0) {
            kept.push(member);
        }
    }
    Some(kept)
}

/// Returns whether a member may have this key.
pub fn is_key(key: &[u8]) -> bool {
    let start = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=256).contains(&key.len()) && start(&key[0]) && key.iter().all(|b| start(b) || b"_-*/@".contains(b))
}

/// Returns whether a member may have this value.
pub fn is_value(value: &[u8]) -> bool {
    let legal = value.iter().all(|b| (b' '..=b'~').contains(b) && !b",=".contains(b));
    (1..=256).contains(&value.len()) && legal && value.last() != Some(&b' ')
}

/// Returns the items of our member, if it is of this trace.
pub fn bridged(members: &[(String, String)], trace_id: TraceId) -> Option<&str> {
    let (_, value) = members.iter().find(|(key, _)| key == "tp")?;
    value.strip_prefix(&format!("1;{};", &trace_id.to_string()[24..]))
}

/// Returns the value of lines that hold one; equal values, on lines or joined by commas, are one.
pub fn only_value<'v>(lines: &[&'v [u8]]) -> Option<&'v [u8]> {
    let all: Vec<_> = lines.iter().flat_map(|line| line.split(|&b| b == b',')).map(trim).collect();
    let is_one = all.iter().all(|value| *value == all[0]) && lines.len() <= 64;
    is_one.then_some(all[0])
}

/// Returns what the format must make of a request.
pub fn expected(headers: &Headers) -> Expected {
    let lines = values(headers, "traceparent");
    if lines.is_empty() {
        return Expected::Absent;
    }
    let parent = only_value(&lines).and_then(traceparent);
    let Some((_, trace_id, parent_id, flags)) = parent else { return Expected::Invalid };
    let members = tracestate(&values(headers, "tracestate")).unwrap_or_default();
    let has = |letter| bridged(&members, trace_id).is_some_and(|items| items.split(';').any(|i| i.starts_with(letter)));
    let sampling = match flags & 1 {
        1 if has('d') => Sampling::Debug,
        1 => Sampling::Sampled,
        _ if has('f') => Sampling::Deferred,
        _ => Sampling::NotSampled,
    };
    let context = RemoteContext::new(trace_id, Some(parent_id));
    Expected::Context(RemoteContext { sampling, random: flags & 2 != 0, ..context })
}
