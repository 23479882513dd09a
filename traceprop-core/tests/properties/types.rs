//! Small types, each against a model of it that is too simple to be wrong.

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use traceprop_core::formats::sw8::{Sw8, Sw8Extension};
use traceprop_core::sampler::{Probability, Sampler, SamplingParameters};
use traceprop_core::{
    Allow, Field, IdBits, IdGenerator, InvalidReason, OwnedBaggage, Propagator, PropagatorBuilder, Sampling, SpanId,
    TraceId,
    baggage::BaggageEntry,
    format::{CustomHeader, FieldSet, InvalidHeaderName},
    formats::jaeger::JaegerFlags,
    tracestate::TraceStateEdit,
};

use crate::cases;
use crate::input::*;

/// Generates the digits of an id, valid or nearly.
fn digits(len: usize) -> impl Strategy<Value = Vec<u8>> {
    let hex = proptest::string::string_regex(&format!("[0-9a-f]{{{len}}}")).expect("a pattern");
    prop_oneof![
        4 => nearly(hex),
        1 => Just(vec![b'0'; len]),
        1 => "[0-9a-fA-F+]{0,40}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..40),
    ]
}

/// Returns the value of lower-case hex digits.
fn hex(digits: &[u8], len: usize) -> Option<u128> {
    let legal = digits.len() == len && digits.iter().all(|b| b"0123456789abcdef".contains(b));
    let text = std::str::from_utf8(digits).ok().filter(|_| legal)?;
    u128::from_str_radix(text, 16).ok().filter(|value| *value != 0)
}

fn field() -> impl Strategy<Value = Field> {
    prop_oneof![4 => select(Field::BUILT_IN), 1 => (0..8u8).prop_map(Field::Custom)]
}

fn fields() -> impl Strategy<Value = BTreeSet<Field>> {
    btree_set(field(), 0..12)
}

fn set_of(fields: &BTreeSet<Field>) -> FieldSet {
    fields.iter().fold(FieldSet::EMPTY, |set, field| set.with(*field))
}

/// Returns the name with capitals where `capitals` has a bit.
fn shouted(name: &str, capitals: u64) -> String {
    let letter = |(at, c): (usize, char)| if capitals >> (at % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c };
    name.chars().enumerate().map(letter).collect()
}

fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// A change of a baggage.
#[derive(Clone, Debug)]
enum Change {
    Set(String, String),
    Push(String, String),
    Remove(String),
}

fn change() -> impl Strategy<Value = Change> {
    let (key, value) = (|| "[a-c]", || "[a-z]{0,3}");
    prop_oneof![
        (key(), value()).prop_map(|(key, value)| Change::Set(key, value)),
        (key(), value()).prop_map(|(key, value)| Change::Push(key, value)),
        key().prop_map(Change::Remove),
    ]
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn ok_trace_ids_are_what_they_are_made_of(value in any::<u128>()) {
        let id = TraceId::new(value);
        prop_assert_eq!(id.is_none(), value == 0);
        let halves = ((value >> 64) as u64, value as u64);
        prop_assert_eq!(TraceId::from_halves(halves.0, halves.1), id);
        prop_assert_eq!(TraceId::from_bytes(value.to_be_bytes()), id);
        let Some(id) = id else { return Ok(()) };
        prop_assert_eq!((id.get(), id.high(), id.low(), id.to_bytes()), (value, halves.0, halves.1, value.to_be_bytes()));
        let text = format!("{value:032x}");
        prop_assert_eq!((id.to_string(), format!("{id:?}").contains(&text)), (text.clone(), true));
        prop_assert_eq!((&id.to_hex()[..], text.parse(), TraceId::from_hex(text.as_bytes())), (text.as_bytes(), Ok(id), Ok(id)));
    }

    #[test]
    fn ok_span_ids_are_what_they_are_made_of(value in any::<u64>()) {
        let id = SpanId::new(value);
        prop_assert_eq!((id.is_none(), SpanId::from_bytes(value.to_be_bytes())), (value == 0, id));
        let Some(id) = id else { return Ok(()) };
        let text = format!("{value:016x}");
        prop_assert_eq!((id.get(), id.to_bytes(), id.to_string()), (value, value.to_be_bytes(), text.clone()));
        prop_assert_eq!((&id.to_hex()[..], text.parse(), SpanId::from_hex(text.as_bytes())), (text.as_bytes(), Ok(id), Ok(id)));
    }

    #[test]
    fn ok_ids_are_read_from_their_digits_alone(trace in digits(32), span in digits(16)) {
        let read = TraceId::from_hex(&trace);
        prop_assert_eq!(read.ok().map(TraceId::get), hex(&trace, 32));
        prop_assert!(read.err().is_none_or(|error| error.offset() as usize <= trace.len()));
        let read = SpanId::from_hex(&span);
        prop_assert_eq!(read.ok().map(|id| u128::from(id.get())), hex(&span, 16));
        prop_assert!(read.err().is_none_or(|error| error.offset() as usize <= span.len()));
    }

    #[test]
    fn ok_ids_are_in_the_order_of_their_numbers(one in trace_id(), other in trace_id(), a in span_id(), b in span_id()) {
        prop_assert_eq!(one.cmp(&other), one.get().cmp(&other.get()));
        prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn ok_generators_make_no_zero(draws in vec(prop_oneof![Just(0), any::<u64>()], 1..12), random in any::<bool>()) {
        let next = std::cell::Cell::new(0);
        let bits = || {
            let drawn = draws[next.get() % draws.len()];
            next.set(next.get() + 1);
            if random { IdBits::random(drawn) } else { IdBits::non_random(drawn) }
        };
        let (trace_id, is_random) = bits.new_trace_id();
        let nothing_drawn = draws.iter().all(|drawn| *drawn == 0);
        prop_assert!(trace_id.get() != 0 && bits.new_span_id().get() != 0);
        prop_assert!(!is_random || random, "random by itself");
        prop_assert!(!nothing_drawn || (trace_id, is_random) == (TraceId::MIN, false));
        prop_assert!(next.get() <= 12, "{} draws", next.get());
    }

    #[test]
    fn ok_field_sets_are_sets(one in fields(), other in fields(), field in field()) {
        let (a, b) = (set_of(&one), set_of(&other));
        prop_assert_eq!((a.len(), a.is_empty(), a.contains(field)), (one.len(), one.is_empty(), one.contains(&field)));
        prop_assert_eq!(a.union(b), set_of(&one.union(&other).copied().collect()));
        prop_assert_eq!(a.intersection(b), set_of(&one.intersection(&other).copied().collect()));
        prop_assert_eq!(a.without(b), set_of(&one.difference(&other).copied().collect()));
        prop_assert_eq!((a.intersects(b), a == b), (!one.is_disjoint(&other), one == other));
        let built_in: Vec<_> = one.iter().copied().filter(|field| field.name().is_some()).collect();
        prop_assert_eq!(a.built_in().collect::<Vec<_>>(), built_in.clone());
        prop_assert_eq!(FieldSet::of(&built_in), set_of(&built_in.into_iter().collect()));
    }

    #[test]
    fn ok_fields_are_found_by_name_in_any_case(name in name_like(), capitals in any::<u64>()) {
        let named = |field: &&Field| match field.name() {
            Some(family) if family.ends_with('-') => name.len() > family.len() && name.starts_with(family),
            known => known == Some(&name),
        };
        let expected = Field::BUILT_IN.iter().find(named).copied();
        prop_assert_eq!(Field::from_name(&shouted(&name, capitals)), expected, "{}", name);
    }

    #[test]
    fn ok_field_names_are_tokens(name in prop_oneof!["[!-~]{0,66}", "[a-z-]{1,62}", "\\PC{0,20}"], capitals in any::<u64>()) {
        let bad = name.bytes().position(|b| !is_token(b));
        let expected = match bad {
            _ if name.is_empty() || name.len() > CustomHeader::MAX_LEN => Err(InvalidHeaderName::BadLength),
            Some(at) => Err(InvalidHeaderName::BadByte(at)),
            None => Ok(name.to_ascii_lowercase()),
        };
        let made = CustomHeader::new(&name);
        // Names that HTTP uses are few.
        prop_assume!(!matches!(made, Err(InvalidHeaderName::ReservedInHttp { .. })));
        prop_assert_eq!(made.map(|made| made.as_str().to_owned()), expected);
        let Ok(made) = made else { return Ok(()) };
        let shouted = shouted(&name, capitals);
        let longer = format!("{shouted}x");
        prop_assert!(made.matches(&shouted) && !made.matches(&longer) && !made.is_prefix());
        let family = made.prefix();
        prop_assert_eq!((family.suffix(&longer), family.suffix(&shouted)), (Some("x"), None));
        prop_assert!(family.matches(&longer) && !family.matches(&shouted) && family.is_prefix());
    }

    #[test]
    fn ok_allow_lists_allow_what_they_list(listed in vec("[a-cA-C]{1,2}", 0..4), asked in "[a-cA-C]{1,2}") {
        let listed: Vec<_> = listed.iter().map(String::as_str).collect();
        let only = Allow::Only(&listed);
        prop_assert_eq!(only.allows_key(&asked), listed.contains(&asked.as_str()));
        prop_assert_eq!(only.allows_header(&asked), listed.iter().any(|name| name.eq_ignore_ascii_case(&asked)));
        prop_assert!(Allow::All.allows_key(&asked) && Allow::All.allows_header(&asked));
        prop_assert!(!Allow::None.allows_key(&asked) && !Allow::None.allows_header(&asked));
    }

    #[test]
    fn ok_baggage_of_ones_own_is_a_list_with_keys(changes in vec(change(), 0..12)) {
        let mut owned = OwnedBaggage::new();
        let mut model: Vec<(String, String)> = Vec::new();
        for change in changes {
            match change {
                Change::Push(key, value) => {
                    model.push((key.clone(), value.clone()));
                    owned.push(BaggageEntry { key, value, properties: String::new() });
                }
                Change::Remove(key) => {
                    let there = model.iter().any(|(known, _)| *known == key);
                    model.retain(|(known, _)| *known != key);
                    prop_assert_eq!(owned.remove(&key), there);
                }
                Change::Set(key, value) => {
                    owned.set(&key, &value);
                    let place = model.iter().position(|(known, _)| *known == key).unwrap_or(model.len());
                    model.retain(|(known, _)| *known != key);
                    model.insert(place, (key, value));
                }
            }
            let entries: Vec<_> = owned.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
            prop_assert_eq!(&entries, &model);
            prop_assert_eq!((owned.len(), owned.is_empty()), (model.len(), model.is_empty()));
            for key in ["a", "b", "c"] {
                let last = model.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
                prop_assert_eq!(owned.get(key), last);
            }
        }
    }

    #[test]
    fn ok_edits_of_a_tracestate_are_legal_members(
        key in prop_oneof![state_key(), "[ -~]{0,4}", "a{255,258}"],
        value in prop_oneof![state_value(), "[ -~]{0,4}", "\\PC{0,3}", "a{255,258}"],
    ) {
        let small = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let key_is_legal = key.bytes().next().is_some_and(small)
            && key.bytes().all(|b| small(b) || b"_-*/@".contains(&b)) && key.len() <= 256;
        let value_is_legal = (1..=256).contains(&value.len()) && !value.ends_with(' ')
            && value.bytes().all(|b| (b' '..=b'~').contains(&b) && !b",=".contains(&b));
        prop_assert_eq!(TraceStateEdit::set(&key, &value).is_some(), key_is_legal && value_is_legal);
    }

    #[test]
    fn ok_roundtrip_sw8_x(skip_analysis in any::<bool>(), sent_at_ms in proptest::option::of(any::<u64>())) {
        let extension = Sw8Extension { skip_analysis, sent_at_ms };
        prop_assert_eq!(Sw8Extension::parse(extension.to_string().as_bytes()), Ok(extension));
    }

    #[test]
    fn ok_sw8_names_have_1_to_50_characters(service in "\\PC{0,52}", instance in "\\PC{0,52}") {
        let legal = |name: &str| (1..=50).contains(&name.chars().count());
        let sw8 = Sw8::builder().service(service.as_str()).instance(instance.as_str()).build();
        prop_assert_eq!(sw8.is_ok(), legal(&service) && legal(&instance), "{:?}", sw8);
    }

    #[test]
    fn ok_a_higher_ratio_records_what_a_lower_one_does(id in trace_id(), one in 0.0..=1.0_f64, other in 0.0..=1.0_f64) {
        let [low, high] = [one.min(other), one.max(other)].map(|ratio| Probability::new(ratio).expect("a ratio"));
        let input = SamplingParameters::new(id, true);
        let [low, high] = [low.should_sample(&input), high.should_sample(&input)].map(|verdict| verdict.sampling().is_sampled());
        prop_assert!(high || !low);
    }

    #[test]
    fn ok_lists_of_names_are_kept_in_order(
        names in subsequence(all(), 1..=all().len()).prop_shuffle(),
    ) {
        let list = names.join(" , ").to_uppercase();
        // It is only read.
        let written: Vec<_> = names.iter().filter(|name| *name != "newrelic").cloned().collect();
        let inject = if written.is_empty() { "none".to_owned() } else { written.join(",") };
        let builder = Propagator::builder().define(Sw8::new("cart", "cart-1"));
        let propagator = builder.names(&list, &inject).and_then(PropagatorBuilder::build).expect("a service is named");
        prop_assert!(propagator.extract_names().eq(&names) && propagator.inject_names().eq(&written));
    }
}

/// Returns the names that `all` includes.
fn all() -> Vec<String> {
    let propagator = Propagator::from_names("all", "none").expect("a known name");
    propagator.extract_names().map(str::to_owned).collect()
}

/// Generates a name of a field, or one that is nearly one.
fn name_like() -> impl Strategy<Value = String> {
    let known: Vec<_> = Field::BUILT_IN.iter().filter_map(|field| field.name()).map(str::to_owned).collect();
    let near = (select(known.clone()), any::<prop::sample::Index>(), "[a-z0-9-]").prop_map(|(name, place, letter)| {
        let at = place.index(name.len());
        format!("{}{letter}{}", &name[..at], &name[at + 1..])
    });
    prop_oneof![select(known), near, "uberctx-[!-~]{0,5}".prop_map(|name| name.to_lowercase()), "[a-z0-9-]{0,28}"]
}

#[test]
fn ok_every_flag_byte_of_jaeger_is_kept_and_says_one_thing() {
    for byte in 0..=255 {
        let flags = JaegerFlags::from_byte(byte);
        assert_eq!(flags.to_byte(), byte);
        let expected = match byte % 4 {
            1 => Sampling::Sampled,
            3 => Sampling::Debug,
            // Clients do not read debug without sampled as a decision.
            _ => Sampling::NotSampled,
        };
        assert_eq!((flags.sampling(), flags.is_debug()), (expected, expected == Sampling::Debug));
        assert_eq!((flags.is_sampled(), flags.is_firehose()), (byte % 2 == 1, byte / 8 % 2 == 1));
        assert_eq!(JaegerFlags::from_sampling(expected).sampling(), expected);
    }
}

#[test]
fn ok_every_reason_has_its_own_text() {
    let texts: BTreeSet<_> = InvalidReason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(texts.len(), InvalidReason::ALL.len());
}

#[cfg(feature = "serde")]
proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn ok_ids_are_hex_text_to_serde(trace in trace_id(), span in span_id(), digits in "[0-9a-fA-F]{31,33}") {
        let text = serde_json::to_string(&(trace, span)).expect("text");
        prop_assert_eq!(&text, &format!("[\"{trace}\",\"{span}\"]"));
        prop_assert_eq!(serde_json::from_str::<(TraceId, SpanId)>(&text).ok(), Some((trace, span)));
        let read = serde_json::from_str::<TraceId>(&format!("\"{digits}\"")).ok();
        prop_assert_eq!(read, TraceId::from_hex(digits.as_bytes()).ok());
    }
}
