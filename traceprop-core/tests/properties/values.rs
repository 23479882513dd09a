//! Each value against a second reading of its grammar, written as in the specification.

use proptest::collection::vec;
use proptest::prelude::*;
use traceprop_core::{
    Baggage, InvalidHeader, OwnedBaggage, TraceState,
    baggage::BaggageEntry,
    formats::tracecontext::{TraceFlags, TraceParent},
};

use crate::cases;
use crate::input::*;

fn trim(bytes: &[u8]) -> &[u8] {
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
    let start = bytes.iter().position(|b| !is_blank(b)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|b| !is_blank(b)).map_or(start, |last| last + 1);
    &bytes[start..end]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads the fields of a traceparent, as the grammar has them.
fn read_traceparent(value: &[u8]) -> Option<[String; 4]> {
    let value = String::from_utf8(trim(value).to_vec()).ok()?;
    let parts: Vec<_> = value.splitn(5, '-').collect();
    let lengths = [2, 32, 16, 2];
    let lower_hex = |part: &&str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let shaped = parts.len() >= 4
        && parts.iter().zip(lengths).all(|(part, length)| part.len() == length)
        && parts[..4].iter().all(lower_hex);
    let known = shaped && (parts[0] != "00" || parts.len() == 4) && parts[0] != "ff" && !value.contains(',');
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    let valid = known && !zero(parts[1]) && !zero(parts[2]);
    valid.then(|| std::array::from_fn(|place| parts[place].to_owned()))
}

fn is_state_member(member: &[u8]) -> bool {
    let Some(at) = member.iter().position(|&b| b == b'=') else {
        return false;
    };
    let (key, value) = (&member[..at], &member[at + 1..]);
    let key_start = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let key_legal = (1..=256).contains(&key.len())
        && key_start(key[0])
        && key.iter().all(|&b| key_start(b) || b"_-*/@".contains(&b));
    let value_legal = (1..=256).contains(&value.len())
        && value.iter().all(|&b| (0x20..=0x7e).contains(&b) && b != b',' && b != b'=')
        && value.last() != Some(&b' ');
    key_legal && value_legal
}

fn members(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&b| b == b',').map(trim).filter(|member| !member.is_empty())
}

/// Reads the members of a tracestate as `key=value`, the first of each key, or nothing.
fn read_tracestate(line: &[u8]) -> Option<Vec<String>> {
    if members(line).count() > traceprop_core::tracestate::MAX_MEMBERS || !members(line).all(is_state_member) {
        return None;
    }
    let mut kept: Vec<String> = Vec::new();
    for member in members(line).map(text) {
        let key = |member: &str| member.split('=').next().map(str::to_owned);
        if kept.iter().all(|known| key(known) != key(&member)) {
            kept.push(member);
        }
    }
    Some(kept)
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

fn is_octets(text: &[u8]) -> bool {
    text.iter().all(|&b| (0x21..=0x7e).contains(&b) && !b"\",;\\".contains(&b))
}

/// Reads a baggage member without blanks, if it is one.
fn read_baggage_member(member: &[u8]) -> Option<String> {
    let mut parts = member.split(|&b| b == b';').map(trim);
    let pair = parts.next()?;
    let at = pair.iter().position(|&b| b == b'=')?;
    let (key, value) = (trim(&pair[..at]), trim(&pair[at + 1..]));
    let mut read = format!("{}={}", text(key), text(value));
    let mut legal = is_token(key) && is_octets(value);
    for property in parts.filter(|property| !property.is_empty()) {
        let at = property.iter().position(|&b| b == b'=');
        let (key, value) = at.map_or((property, None), |at| (&property[..at], Some(trim(&property[at + 1..]))));
        legal &= is_token(trim(key)) && value.is_none_or(is_octets);
        read += &format!(";{}", text(trim(key)));
        read += &value.map(|value| format!("={}", text(value))).unwrap_or_default();
    }
    legal.then_some(read)
}

fn within(reject: InvalidHeader, value: &[u8]) -> bool {
    reject.offset() as usize <= value.len()
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn ok_traceparent_reads_what_it_writes(trace_id in trace_id(), parent_id in span_id(), flags in any::<u8>()) {
        let parent = TraceParent::new(trace_id, parent_id, TraceFlags::from_byte(flags));
        prop_assert_eq!(TraceParent::parse(&parent.to_bytes()), Ok(parent));
        prop_assert_eq!(parent.to_string().into_bytes(), parent.to_bytes().to_vec());
    }

    #[test]
    fn ok_traceparent_agrees_with_the_grammar(value in nearly(traceparent())) {
        let parsed = TraceParent::parse(&value);
        let read = parsed.map(|parent| {
            [format!("{:02x}", parent.version), parent.trace_id.to_string(), parent.parent_id.to_string()]
        });
        let expected = read_traceparent(&value);
        let fields = expected.as_ref().map(|fields| std::array::from_fn(|place| fields[place].clone()));
        prop_assert_eq!(read.ok(), fields);
        if let (Ok(parent), Some([.., flags])) = (parsed, expected) {
            prop_assert_eq!(Ok(parent.flags.to_byte()), u8::from_str_radix(&flags, 16).map(|flags| flags & 3));
        }
        if let Err(reject) = parsed {
            prop_assert!(within(reject, &value), "{}", reject);
        }
    }

    #[test]
    fn ok_tracestate_agrees_with_the_grammar(line in nearly(list(state_member(), 8))) {
        let parsed = TraceState::parse(&line);
        let read = parsed.as_ref().ok().map(|state| {
            state.iter().map(|member| format!("{}={}", member.key, member.value)).collect::<Vec<_>>()
        });
        prop_assert_eq!(&read, &read_tracestate(&line));
        match parsed {
            Ok(state) => {
                let written = state.to_string();
                prop_assert_eq!(&written, &read.unwrap_or_default().join(","));
                prop_assert_eq!(TraceState::parse(written.as_bytes()).map(|again| again.to_string()), Ok(written.clone()));
                prop_assert_eq!((state.len(), state.is_empty()), (state.iter().count(), written.is_empty()));
            }
            Err(reject) => prop_assert!(within(reject, &line), "{}", reject),
        }
    }

    #[test]
    fn ok_tracestate_counts_its_members(members in vec(state_member(), 30..35)) {
        let line = members.join(",");
        prop_assert_eq!(TraceState::parse(line.as_bytes()).is_ok(), members.len() <= traceprop_core::tracestate::MAX_MEMBERS);
    }

    #[test]
    fn ok_baggage_agrees_with_the_grammar(line in nearly(list(baggage_member(), 6))) {
        let parsed = Baggage::parse(&line);
        let expected: Vec<_> = members(&line).filter_map(read_baggage_member).collect();
        let any = members(&line).next().is_some();
        match parsed {
            Ok(baggage) => {
                let read: Vec<_> = baggage.iter().map(|member| member.to_string()).collect();
                prop_assert_eq!(&read, &expected);
                prop_assert_eq!(baggage.len(), expected.len());
                prop_assert_eq!(baggage.ignored().is_some(), expected.len() < members(&line).count());
                prop_assert!(baggage.ignored().is_none_or(|reject| within(reject, &line)));
            }
            Err(_) => prop_assert!(any && expected.is_empty()),
        }
    }

    #[test]
    fn ok_roundtrip_baggage_values(entries in vec((baggage_key(), any::<String>()), 0..8)) {
        let mut owned = OwnedBaggage::new();
        for (key, value) in &entries {
            owned.push(BaggageEntry { key: key.clone(), value: value.clone(), properties: String::new() });
        }
        let line = owned.to_string();
        prop_assert!(line.bytes().all(|b| b.is_ascii_graphic()));
        let baggage = Baggage::parse(line.as_bytes()).map_err(|reject| TestCaseError::fail(reject.to_string()))?;
        let read: Vec<_> = baggage.iter().map(|member| (member.key().to_owned(), member.value().into_owned())).collect();
        prop_assert_eq!(&read, &entries);
        let bytes: Vec<Vec<u8>> = baggage.iter().map(|member| member.value_bytes().collect()).collect();
        prop_assert!(bytes.iter().zip(&entries).all(|(bytes, (_, value))| bytes == value.as_bytes()));
        prop_assert_eq!(OwnedBaggage::from(baggage), owned);
    }

    #[test]
    fn ok_anything_can_be_read_as_anything(value in vec(any::<u8>(), 0..200)) {
        let rejects = [
            TraceParent::parse(&value).err(),
            TraceState::parse(&value).err(),
            Baggage::parse(&value).err(),
        ];
        prop_assert!(rejects.into_iter().flatten().all(|reject| within(reject, &value)));
    }
}
