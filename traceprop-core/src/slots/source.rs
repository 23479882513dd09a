//! Where the lines of a table come from.

use crate::carrier::{Carrier, LookUp};
use crate::field::{Field, FieldNames, FieldSet};

use super::Slots;

/// What a field is read from again when it has several lines: any carrier, or the buffer of an owned context.
pub(crate) trait LineSource: Sync {
    /// Puts the lines of watched fields into the table, in order.
    fn fill<'c>(&'c self, slots: &mut Slots<'c>);

    /// The first line of `field` at place `from` or later, with its name and the place behind it.
    fn next_line<'c>(&'c self, names: &FieldNames, field: Field, from: usize) -> Option<(usize, &'c str, &'c [u8])>;
}

impl<C: Carrier> LineSource for C {
    #[inline]
    fn fill<'c>(&'c self, slots: &mut Slots<'c>) {
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

/// Looks the fields up one by one. False if the carrier has no index.
#[inline]
fn look_up_all<'c, C: Carrier>(carrier: &'c C, fields: FieldSet, slots: &mut Slots<'c>) -> bool {
    let mut void = FieldSet::EMPTY;
    for field in fields.built_in() {
        if void.contains(field) {
            continue;
        }
        match carrier.look_up(field) {
            LookUp::Absent => void = void.union(slots.names().void_without(field)),
            LookUp::One(value) => slots.add(field, value),
            LookUp::Several(value) => {
                slots.add(field, value);
                slots.add(field, value);
            }
            // A carrier has an index for all fixed names or for none, so nothing was added yet.
            LookUp::Unsupported => return false,
        }
    }
    true
}
