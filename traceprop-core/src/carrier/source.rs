//! What headers are read from: a carrier, or the buffer of an owned context.

use super::table::Table;
use super::{Carrier, HeldNames, Lookup};
use crate::field::{Field, FieldNames, FieldSet};

/// The lines of a request. A field with several lines is read from here again.
pub(crate) trait LineSource: Sync {
    /// Adds the lines of watched fields to the table, in order.
    fn fill<'c>(&'c self, names: &FieldNames, table: &mut Table<'c>);

    /// Returns the watched fields that are present.
    fn present(&self, names: &FieldNames) -> FieldSet;

    /// Looks up one field, where that is cheaper than a walk.
    fn look_up(&self, field: Field) -> Lookup<'_> {
        let _ = field;
        Lookup::Unsupported
    }

    /// Returns whether a line has the built-in name of one of these fields, watched or not.
    fn holds_any(&self, fields: FieldSet) -> bool;

    /// Returns the custom headers of the request that a source names without its propagator.
    fn held_names(&self) -> Option<&dyn HeldNames> {
        None
    }

    /// Returns the first line of `field` at place `from` or later, with its name and the place after it.
    fn next_line<'c>(&'c self, names: &FieldNames, field: Field, from: usize) -> Option<(usize, &'c str, &'c [u8])>;
}

impl<C: Carrier> LineSource for C {
    #[inline]
    fn fill<'c>(&'c self, names: &FieldNames, table: &mut Table<'c>) {
        let headers = self.fields();
        if look_up(self, headers.size_hint().0, names, table) {
            return;
        }
        headers.for_each(|(name, value)| {
            if let Some(field) = names.find(name) {
                table.add(field, value);
            }
        });
    }

    fn present(&self, names: &FieldNames) -> FieldSet {
        self.fields().filter_map(|(name, _)| names.find(name)).fold(FieldSet::EMPTY, FieldSet::with)
    }

    fn look_up(&self, field: Field) -> Lookup<'_> {
        self.lookup(field)
    }

    fn holds_any(&self, fields: FieldSet) -> bool {
        let mut lookups = fields.built_in().map(|field| self.lookup(field));
        match lookups.next() {
            Some(Lookup::Absent) if fields.is_fixed() => lookups.any(|found| found != Lookup::Absent),
            Some(Lookup::One(_) | Lookup::Several(_)) => true,
            _ => self.fields().any(|(name, _)| Field::from_name(name).is_some_and(|field| fields.contains(field))),
        }
    }

    fn next_line<'c>(&'c self, names: &FieldNames, field: Field, from: usize) -> Option<(usize, &'c str, &'c [u8])> {
        let mut fields = self.fields().enumerate().skip(from);
        let (place, (name, value)) = fields.find(|(_, (name, _))| names.find(name) == Some(field))?;
        Some((place + 1, name, value))
    }
}

/// Looks fields up one by one, if that is cheaper than a walk over all headers. Returns `false` if it is not, or if the
/// carrier has no index; the table is then still empty.
#[inline]
fn look_up<'c, C: Carrier>(carrier: &'c C, headers: usize, names: &FieldNames, table: &mut Table<'c>) -> bool {
    let Some(order) = names.lookup_order.as_ref() else { return false };
    if headers < order.if_present.cheap_from {
        return false;
    }
    let rest = match carrier.lookup(order.first) {
        Lookup::Unsupported => return false,
        Lookup::Absent if headers < order.if_absent.cheap_from => return false,
        Lookup::Absent => &order.if_absent,
        found => {
            table.add_found(order.first, found);
            &order.if_present
        }
    };
    for field in rest.fields.built_in() {
        table.add_found(field, carrier.lookup(field));
    }
    table.unknown = rest.unknown;
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::headers::Headers;
    use core::cell::Cell;
    use std::sync::Mutex;
    use std::vec::Vec;

    /// Headers with an index or without, which note what they are asked for.
    struct Indexed {
        lines: Vec<(&'static str, &'static str)>,
        has_index: bool,
        asked: Mutex<Cell<FieldSet>>,
    }

    fn headers(lines: &[(&'static str, &'static str)], others: usize, has_index: bool) -> Indexed {
        let lines = core::iter::repeat_n(("accept", "x"), others).chain(lines.iter().copied()).collect();
        Indexed { lines, has_index, asked: Mutex::default() }
    }

    impl Carrier for Indexed {
        fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
            self.lines.iter().map(|(name, value)| (*name, value.as_bytes()))
        }

        fn lookup(&self, field: Field) -> Lookup<'_> {
            let asked = self.asked.lock().unwrap();
            asked.set(asked.get().with(field));
            let mut values = self.lines.iter().filter(|(name, _)| field.name() == Some(*name)).map(|(_, value)| value);
            match (values.next(), values.next()) {
                _ if !self.has_index => Lookup::Unsupported,
                (None, _) => Lookup::Absent,
                (Some(value), None) => Lookup::One(value.as_bytes()),
                (Some(value), Some(_)) => Lookup::Several(value.as_bytes()),
            }
        }
    }

    fn names(watched: FieldSet) -> FieldNames {
        let mut names = FieldNames::new();
        names.watch(watched);
        names
    }

    const W3C: FieldSet = FieldSet::of(&[Field::TraceParent, Field::TraceState]);
    const B3: FieldSet = FieldSet::of(&[Field::B3, Field::B3TraceId, Field::B3Flags]);

    /// The fields that the carrier is asked for when the table is filled.
    fn asked(watched: FieldSet, carrier: &Indexed) -> FieldSet {
        let names = names(watched);
        let _ = Headers::collect(carrier, &names);
        carrier.asked.lock().unwrap().get()
    }

    #[test]
    fn ok_an_index_is_asked_where_it_is_cheaper_than_a_walk() {
        const PARENT: FieldSet = FieldSet::of(&[Field::TraceParent]);
        let lines = [("traceparent", "p"), ("tracestate", "a=1"), ("tracestate", "b=2")];
        assert_eq!(asked(W3C, &headers(&lines, 20, true)), W3C);
        assert_eq!(asked(W3C, &headers(&lines, 20, false)), PARENT, "without an index, which is asked for once");
        assert_eq!(asked(W3C, &headers(&lines, 0, true)), FieldSet::EMPTY, "a walk over few headers");
        assert_eq!(asked(W3C, &headers(&[], 20, true)), PARENT, "a tracestate alone says nothing");
    }

    #[test]
    fn ok_only_the_first_field_is_asked_for_where_it_is_sufficient() {
        const SINGLE: FieldSet = FieldSet::of(&[Field::B3]);
        let (single, multi) = (("b3", "0"), ("x-b3-traceid", "1"));
        assert_eq!(asked(B3, &headers(&[single, multi], 9, true)), SINGLE);
        assert_eq!(asked(B3, &headers(&[multi], 9, true)), SINGLE, "a walk follows");
        assert_eq!(asked(B3, &headers(&[multi], 20, true)), B3);
    }

    /// Whatever is looked up, walked for or still unknown, the table tells all that a walk finds.
    #[test]
    fn ok_an_index_tells_what_a_walk_does() {
        let all = FieldSet::of(Field::BUILT_IN);
        let names = [W3C, W3C.with(Field::Baggage), B3, all].map(names);
        let lines = ["traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-flags", "baggage", "uberctx-a"];
        for sent in 0..1 << lines.len() {
            let is_sent = |place: &usize| sent & (1 << place) != 0;
            let once: Vec<_> = (0..lines.len()).filter(is_sent).map(|place| (lines[place], "1")).collect();
            for twice in [None, Some("traceparent"), Some("tracestate"), Some("x-b3-traceid")] {
                let mut sent = once.clone();
                sent.extend(twice.map(|name| (name, "2")));
                for (others, names) in [0, 6, 40].iter().flat_map(|others| names.iter().map(move |n| (*others, n))) {
                    let (walked, indexed) = (headers(&sent, others, false), headers(&sent, others, true));
                    let (walked, table) = (Headers::collect(&walked, names), Headers::collect(&indexed, names));
                    assert_eq!(table.present(), walked.present(), "{sent:?}");
                    assert!(walked.present().without(table.maybe_present()).is_empty());
                    assert_eq!(std::format!("{table:?}"), std::format!("{walked:?}"));
                    for field in all.built_in() {
                        assert_eq!(table.get(field), walked.get(field), "{field}");
                        assert_eq!(table.is_repeated(field), walked.is_repeated(field), "{field}");
                        assert!(table.get_all(field).iter().eq(walked.get_all(field).iter()), "{field}");
                        let one = FieldSet::of(&[field]);
                        assert_eq!(table.contains_any(one), walked.contains_any(one), "{field}");
                    }
                }
            }
        }
    }

    /// An index that knows nothing of what is asked for later.
    #[test]
    fn ok_a_field_that_an_index_does_not_know_is_walked_for() {
        struct Forgetful;

        impl Carrier for Forgetful {
            fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
                let lines = [("b3", "0"), ("x-b3-traceid", "1"), ("x-b3-traceid", "2"), ("x-b3-flags", "1")];
                lines.into_iter().chain([("accept", "x"); 20]).map(|(name, value)| (name, value.as_bytes()))
            }

            fn lookup(&self, field: Field) -> Lookup<'_> {
                if field == Field::B3 { Lookup::One(b"0") } else { Lookup::Unsupported }
            }
        }

        let names = names(B3.with(Field::B3Sampled));
        let table = Headers::collect(&Forgetful, &names);
        assert!(table.get_all(Field::B3TraceId).iter().eq([b"1", b"2"]) && table.is_repeated(Field::B3TraceId));
        assert_eq!((table.get(Field::B3Flags), table.get(Field::B3Sampled)), (Some(&b"1"[..]), None));
        assert_eq!(table.present(), B3);
    }
}
