//! What one pass over a carrier finds: for each watched field its first line, and whether there are more.

use super::Lookup;
use crate::field::{Field, FieldSet};

/// First lines that the table holds. A request in every format has about that many fields. If it has more, the others are
/// looked up again when a format asks. The table is small because every request fills and moves it.
pub(super) const PLACES: usize = 10;

/// The first line of each field, in one pass over a carrier.
#[derive(Clone, Copy)]
pub(crate) struct Table<'c> {
    pub(super) present: FieldSet,
    pub(super) repeated: FieldSet,
    /// Watched fields that were not looked for. They are looked up when a format asks for them.
    pub(super) unknown: FieldSet,
    /// For each field its place among `found`, counted from 1.
    places: [u8; Field::TABLE_LEN],
    /// First lines, in the order in which they were found.
    found: [Option<&'c [u8]>; PLACES],
    len: u8,
}

impl<'c> Table<'c> {
    #[inline]
    pub(super) const fn new() -> Self {
        Self {
            present: FieldSet::EMPTY,
            repeated: FieldSet::EMPTY,
            unknown: FieldSet::EMPTY,
            places: [0; Field::TABLE_LEN],
            len: 0,
            found: [None; PLACES],
        }
    }

    /// Adds a line after those of the same field that are present.
    #[inline(always)]
    pub(crate) fn add(&mut self, field: Field, value: &'c [u8]) {
        if self.present.contains(field) {
            self.repeated = self.repeated.with(field);
            return;
        }
        let free = self.found.get_mut(usize::from(self.len));
        if let (Some(free), Some(place)) = (free, self.places.get_mut(field.place())) {
            *free = Some(value);
            self.len += 1;
            *place = self.len;
        }
        self.present = self.present.with(field);
    }

    /// Adds what a look-up returned.
    #[inline(always)]
    pub(super) fn add_found(&mut self, field: Field, found: Lookup<'c>) {
        match found {
            Lookup::Unsupported | Lookup::Absent => {}
            Lookup::One(value) => self.add(field, value),
            Lookup::Several(value) => {
                self.add(field, value);
                self.add(field, value);
            }
        }
    }

    /// Returns the first line of a field, if it has a place here.
    #[inline]
    pub(super) fn get(&self, field: Field) -> Option<&'c [u8]> {
        let place = self.places.get(field.place()).copied().unwrap_or_default();
        match usize::from(place).checked_sub(1) {
            Some(place) => self.found[place],
            None => None,
        }
    }

    /// Returns the fields that are present or may be.
    #[inline]
    pub(super) const fn maybe_present(&self) -> FieldSet {
        self.present.union(self.unknown)
    }
}
