//! Maps of the standard library, one value a name.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::string::{String, ToString};
use std::vec::Vec;

use super::pairs::owned;
use super::{Carrier, CarrierMut, FieldName, FieldValue};

/// A hash map has no order. Names in lower case come first, then the others in their order, so that of `b3` and `B3` the
/// same one is read each time.
impl<S: BuildHasher + Sync> Carrier for HashMap<String, String, S> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let fields = || self.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let is_lower = |name: &str| !name.bytes().any(|byte| byte.is_ascii_uppercase());
        // Usually there are none, which takes no allocation.
        let mut others: Vec<_> = fields().filter(|(name, _)| !is_lower(name)).collect();
        others.sort_unstable();
        fields().filter(move |(name, _)| is_lower(name)).chain(others)
    }
}

impl Carrier for BTreeMap<String, String> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

macro_rules! carry {
    ([$($generics:tt)*] $map:ty) => {
        impl<$($generics)*> CarrierMut for $map {
            fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
                let value = owned(value);
                match self.get_mut(name.as_str()) {
                    // A map holds one value a name. A further line is joined by a comma, which means the same (RFC 9110,
                    // section 5.3).
                    Some(present) => present.extend([",", &value]),
                    None => drop(self.insert(name.as_str().to_string(), value)),
                }
            }

            fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
                self.retain(|name, _| !stale(name));
            }
        }
    };
}

carry!([S: BuildHasher + Sync] HashMap<String, String, S>);
carry!([] BTreeMap<String, String>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pairs;
    use crate::Propagator;
    use crate::SpanContext;
    use crate::context::inject_options::InjectOptions;
    use crate::formats::jaeger::Jaeger;
    use crate::id::generator::IdBits;
    use crate::propagator::presets;
    use crate::tracestate::TraceStateEdit;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn map<M: FromIterator<(String, String)>>(pairs: &[(&str, &str)]) -> M {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    /// What a child sends that is written over old headers.
    fn sent<M: Carrier + CarrierMut + FromIterator<(String, String)>>() -> M {
        let request: M = map(&[("traceparent", PARENT), ("tracestate", "a=1"), ("baggage", "k=v")]);
        let propagator = presets::W3C.propagator();
        let span = propagator.extract(&request).new_span(&|| IdBits::non_random(1));
        let mut headers: M = map(&[("TraceState", "old=1"), ("baggage", "old=1"), ("accept", "*/*")]);
        propagator.inject(&span, &InjectOptions::everything(), &mut headers);
        headers
    }

    #[test]
    fn ok_maps_are_read_and_written_and_lose_what_is_stale() {
        let written = [
            ("accept", "*/*"),
            ("baggage", "k=v"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000001-01"),
            ("tracestate", "a=1"),
        ];
        assert_eq!(sent::<BTreeMap<String, String>>(), map(&written));
        assert_eq!(sent::<HashMap<String, String>>(), map(&written));
    }

    #[test]
    fn ok_of_names_in_two_cases_the_same_one_is_read_each_time() {
        let propagator = Propagator::from_names("b3", "none").unwrap();
        let read = |names: [&str; 2]| {
            let values = [
                "000000000000000000000000000000a1-00000000000000a1-1",
                "000000000000000000000000000000a2-00000000000000a2-1",
            ];
            let request: HashMap<String, String> = map(&[(names[0], values[0]), (names[1], values[1])]);
            let context = propagator.extract(&request).context().unwrap();
            context.trace_id.low()
        };
        for _ in 0..50 {
            assert_eq!((read(["b3", "B3"]), read(["B3", "b3"])), (0xa1, 0xa2));
        }
        let propagator = Propagator::from_names("b3multi", "none").unwrap();
        let read = || {
            let request: HashMap<String, String> =
                map(&[("X-B3-Sampled", "1"), ("X-B3-SAMPLED", "0"), ("accept", "*/*")]);
            propagator.extract(&request).sampling()
        };
        assert!((0..50).all(|_| read() == read()));
    }

    #[test]
    fn ok_several_lines_of_a_name_are_joined() {
        let request = [("jaeger-baggage", "a=1"), ("jaeger-baggage", "b=2")];
        let propagator = Propagator::builder().with_format(Jaeger::new()).build().unwrap();
        let relay = propagator.extract(&request).passthrough();
        let (mut hashed, mut sorted) = (HashMap::<String, String>::new(), BTreeMap::new());
        propagator.inject(relay, &InjectOptions::everything(), &mut hashed);
        propagator.inject(relay, &InjectOptions::everything(), &mut sorted);
        assert_eq!(hashed, map(&[("jaeger-baggage", "a=1,b=2")]));
        assert_eq!(sorted, map(&[("jaeger-baggage", "a=1,b=2")]));
    }

    #[test]
    fn ok_a_carrier_behind_a_reference_is_the_same() {
        let span = SpanContext::root(&|| IdBits::non_random(1));
        let mut headers: BTreeMap<String, String> = map(&[("tracestate", "old=1"), ("accept", "*/*")]);
        let mut behind = &mut headers;
        let propagator = presets::W3C.propagator();
        propagator.inject(&span, &InjectOptions::new(), &mut behind);
        assert!(headers.keys().eq(["accept", "traceparent"]), "{headers:?}");
        // Pairs that are used again lose what is stale too.
        let mut pairs = Pairs::new();
        let state = [TraceStateEdit::set("a", "1").unwrap()];
        propagator.inject(&span, &InjectOptions::new().edit_tracestate(&state), &mut pairs);
        propagator.inject(&span, &InjectOptions::new(), &mut pairs);
        assert!(pairs.iter().map(|(name, _)| name).eq(["traceparent"]), "{pairs:?}");
    }
}
