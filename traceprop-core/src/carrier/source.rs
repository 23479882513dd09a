//! Where the lines of a table come from.

use crate::carrier::{Carrier, Lookup};
use crate::field::{Field, FieldNames, FieldSet};

use super::headers::Headers;

/// What a field is read from again when it has several lines: any carrier, or the buffer of an owned context.
pub(crate) trait LineSource: Sync {
    /// Puts the lines of watched fields into the table, in order. May leave some for later.
    fn fill<'c>(&'c self, slots: &mut Headers<'c>);

    /// The same without leaving any.
    fn fill_whole<'c>(&'c self, slots: &mut Headers<'c>) {
        self.fill(slots);
    }

    /// The first line of `field` at place `from` or later, with its name and the place behind it.
    fn next_line<'c>(&'c self, names: &FieldNames, field: Field, from: usize) -> Option<(usize, &'c str, &'c [u8])>;
}

impl<C: Carrier> LineSource for C {
    #[inline]
    fn fill<'c>(&'c self, slots: &mut Headers<'c>) {
        let leads = slots.names().leader().is_some_and(|field| look_up_leader(self, field, slots));
        if !leads {
            self.fill_whole(slots);
        }
    }

    #[inline]
    fn fill_whole<'c>(&'c self, slots: &mut Headers<'c>) {
        let names = slots.names();
        let headers = self.fields();
        if let Some(fields) = names.worth_looking_up(headers.size_hint().0) {
            if look_up_all(self, fields, slots) {
                return;
            }
        }
        headers.for_each(|(name, value)| {
            if let Some(field) = names.find(name) {
                slots.add(field, value);
            }
        });
    }

    fn next_line<'c>(&'c self, names: &FieldNames, field: Field, from: usize) -> Option<(usize, &'c str, &'c [u8])> {
        let mut fields = self.fields().enumerate().skip(from);
        let (place, (name, value)) = fields.find(|(_, (name, _))| names.find(name) == Some(field))?;
        Some((place + 1, name, value))
    }
}

impl<'c> Headers<'c> {
    /// Adds what was looked up. False if that is nothing.
    #[inline(always)]
    fn take(&mut self, field: Field, found: Lookup<'c>) -> bool {
        match found {
            Lookup::Unsupported | Lookup::Absent => return false,
            Lookup::One(value) => self.add(field, value),
            Lookup::Several(value) => {
                self.add(field, value);
                self.add(field, value);
            }
        }
        true
    }
}

/// Looks up the field that leads, and leaves the others for later where it is there.
#[inline(never)]
fn look_up_leader<'c, C: Carrier>(carrier: &'c C, field: Field, slots: &mut Headers<'c>) -> bool {
    let leads = slots.take(field, carrier.lookup(field));
    if leads {
        slots.put_off(slots.names().followers());
    }
    leads
}

/// Looks the fields up one by one. False if the carrier has no index.
#[inline]
fn look_up_all<'c, C: Carrier>(carrier: &'c C, fields: FieldSet, slots: &mut Headers<'c>) -> bool {
    let mut void = FieldSet::EMPTY;
    for field in fields.built_in() {
        if void.contains(field) {
            continue;
        }
        match carrier.lookup(field) {
            // A carrier has an index for all fixed names or for none, so nothing was added yet.
            Lookup::Unsupported => return false,
            found if slots.take(field, found) => {}
            _ => void = void.union(slots.names().void_without(field)),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;
    use std::sync::Mutex;
    use std::vec::Vec;

    /// Headers with an index, which notes what it is asked for. Without one it is to be walked.
    struct Indexed {
        lines: Vec<(&'static str, &'static str)>,
        has_index: bool,
        asked: Mutex<Cell<FieldSet>>,
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

    const PARENT: Field = Field::TraceParent;
    const STATE: Field = Field::TraceState;

    /// Fields that are there, those with several lines, and those that were asked for.
    fn filled(has_index: bool, is_tied: bool, lines: &[(&'static str, &'static str)]) -> [FieldSet; 3] {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(&[PARENT, STATE]));
        if is_tied {
            names.tie_tracestate();
        }
        let carrier = Indexed { lines: lines.to_vec(), has_index, asked: Mutex::default() };
        let slots = Headers::collect(&carrier, &names);
        let repeated = [PARENT, STATE].into_iter().filter(|field| slots.is_repeated(*field));
        let repeated = repeated.fold(FieldSet::EMPTY, FieldSet::with);
        for field in [PARENT, STATE] {
            let values =
                lines.iter().filter(|(name, _)| field.name() == Some(*name)).map(|(_, value)| value.as_bytes());
            if slots.contains_any(FieldSet::of(&[field])) {
                assert!(slots.get_all(field).iter().eq(values), "{field}");
            }
        }
        [slots.present(), repeated, carrier.asked.lock().unwrap().get()]
    }

    #[test]
    fn ok_an_index_is_asked_and_tells_what_a_walk_does() {
        let both = FieldSet::of(&[PARENT, STATE]);
        let lines = [("traceparent", "p"), ("tracestate", "a=1"), ("accept", "x"), ("tracestate", "b=2")];
        assert_eq!(filled(true, true, &lines), [both, FieldSet::of(&[STATE]), both]);
        // One that says it has none is asked once.
        assert_eq!(filled(false, true, &lines), [both, FieldSet::of(&[STATE]), FieldSet::of(&[PARENT])]);
        assert_eq!(filled(true, true, &[]), [FieldSet::EMPTY, FieldSet::EMPTY, FieldSet::of(&[PARENT])]);
    }

    #[test]
    fn ok_a_tracestate_alone_is_asked_for_only_where_it_may_count() {
        let (state, lines) = (FieldSet::of(&[STATE]), [("tracestate", "a=1")]);
        assert_eq!(filled(true, true, &lines), [FieldSet::EMPTY, FieldSet::EMPTY, FieldSet::of(&[PARENT])]);
        assert_eq!(filled(true, false, &lines), [state, FieldSet::EMPTY, state.with(PARENT)]);
    }

    #[test]
    fn ok_beside_the_field_that_leads_others_are_looked_for_when_asked_for() {
        const B3: FieldSet = FieldSet::of(&[Field::B3, Field::B3TraceId, Field::B3Flags]);
        const LEADER: FieldSet = FieldSet::of(&[Field::B3]);
        let mut names = FieldNames::new();
        names.watch(B3);
        names.lead_by(Field::B3);
        let asked = |has_index, lines: &[(&'static str, &'static str)], check: fn(&Headers<'_>)| {
            let carrier = Indexed { lines: lines.to_vec(), has_index, asked: Mutex::default() };
            let slots = Headers::collect(&carrier, &names);
            let asked = carrier.asked.lock().unwrap().get();
            check(&slots);
            let mut room = None;
            let (found, all) = (slots.found(), slots.whole(&mut room));
            assert_eq!(std::format!("{slots:?}"), std::format!("{all:?}"));
            let whole = all.found();
            assert_eq!((slots.present(), slots.maybe_present()), (whole, if found == whole { whole } else { B3 }));
            (asked, found)
        };
        let both = [("b3", "0"), ("x-b3-traceid", "1"), ("x-b3-traceid", "2")];
        let read = |slots: &Headers<'_>| {
            assert_eq!([Field::B3, Field::B3TraceId, Field::B3Flags].map(|field| slots.get(field)), {
                [Some(&b"0"[..]), Some(b"1"), None]
            });
            let repeated = [Field::B3, Field::B3TraceId, Field::B3Flags].map(|field| slots.is_repeated(field));
            assert_eq!(repeated, [false, true, false]);
            assert!(
                slots.get_all(Field::B3TraceId).iter().eq([b"1", b"2"]) && slots.get_all(Field::B3Flags).is_empty()
            );
            assert!(slots.contains_any(LEADER) && !slots.contains_any(FieldSet::of(&[Field::B3Flags])));
        };
        assert_eq!(asked(true, &both, read), (LEADER, LEADER));
        assert_eq!(asked(false, &both, read), (LEADER, LEADER.with(Field::B3TraceId)), "without an index");
        let twice = [("b3", "0"), ("b3", "1"), ("x-b3-flags", "1")];
        assert_eq!(asked(true, &twice, |slots| assert!(slots.is_repeated(Field::B3))), (LEADER, LEADER));
        let multi = FieldSet::of(&[Field::B3TraceId]);
        assert_eq!(asked(true, &both[1..], |slots| assert_eq!(slots.get(Field::B3), None)), (LEADER, multi));
        // Nothing leads once something else is watched for.
        names.watch(FieldSet::of(&[PARENT]));
        assert_eq!((names.leader(), names.followers()), (None, FieldSet::EMPTY));
    }
}
