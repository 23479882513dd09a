//! The formats of a propagator, in order.

use core::fmt;

use crate::field::{FieldNames, FieldSet, FormatKind};
use crate::format::{Format, FormatRef, MAX_FORMATS, Places};

#[derive(Clone)]
struct Listed {
    format: FormatRef,
    /// Its kind, asked for once.
    kind: FormatKind,
    /// The format needs at least one of these fields. Empty for a custom format, whose needs are unknown.
    needs: FieldSet,
}

/// Formats in order. Held inline, so that the core needs no allocator.
#[derive(Clone)]
pub(crate) struct FormatList {
    formats: [Option<Listed>; MAX_FORMATS],
}

impl FormatList {
    pub(crate) const fn new() -> Self {
        Self { formats: [const { None }; MAX_FORMATS] }
    }

    /// Adds a format. Returns `false` if the list is full.
    pub(super) fn push(&mut self, format: FormatRef) -> bool {
        let Some(free) = self.formats.iter_mut().find(|place| place.is_none()) else { return false };
        let kind = format.get().fields().kind;
        *free = Some(Listed { format, kind, needs: FieldSet::EMPTY });
        true
    }

    /// Adds a format to read, unless another encoding of it (`b3`, `b3multi`) already reads for both. Returns `false` if
    /// the list is full.
    pub(super) fn push_reader(&mut self, format: FormatRef) -> bool {
        let (name, kind) = (format.get().name(), format.get().fields().kind);
        // A wrapper inherits the kind of what it wraps. Under a name of its own it is another format.
        let encodes = |name: &str| kind.row().is_some_and(|row| row.is_named(name) && row.names.len() > 1);
        let is_other_encoding = |(known, other): (&dyn Format, FormatKind)| {
            other == kind && !known.name().eq_ignore_ascii_case(name) && encodes(known.name())
        };
        (encodes(name) && self.kinds().any(is_other_encoding)) || self.push(format)
    }

    /// Returns the place of the format with this name, which is added if it is missing. `None` if the list is full.
    pub(super) fn place_or_push(&mut self, format: FormatRef) -> Option<usize> {
        let named = self.iter().position(|known| known.name().eq_ignore_ascii_case(format.get().name()));
        named.or_else(|| {
            let end = self.iter().count();
            self.push(format).then_some(end)
        })
    }

    /// Returns the place of the format with this name and kind.
    pub(super) fn place_of(&self, name: &str, kind: FormatKind) -> Option<usize> {
        self.kinds().position(|(format, other)| other == kind && format.name() == name)
    }

    /// Returns whether a format at one of these places is the same one. Encodings of one format are.
    pub(super) fn has_at(&self, places: Places, format: &dyn Format, kind: FormatKind) -> bool {
        let is_same =
            |other: &dyn Format| kind.encodings().is_some() || kind.has_one_name() || other.name() == format.name();
        let mut listed = self.kinds().enumerate().filter(|(place, _)| places.contains(*place));
        listed.any(|(_, (other, other_kind))| other_kind == kind && is_same(other))
    }

    /// Returns the format with this name, in any letter case, that was added last.
    pub(super) fn last_named(&self, name: &str) -> Option<FormatRef> {
        let named = self.listed().filter(|listed| listed.format.get().name().eq_ignore_ascii_case(name));
        named.last().map(|listed| listed.format.clone())
    }

    /// Notes which fields each format needs. A custom format is always asked.
    pub(super) fn note_needs(&mut self, names: &FieldNames) {
        for listed in self.formats.iter_mut().flatten().filter(|listed| listed.kind != FormatKind::Custom) {
            let fields = listed.format.get().fields();
            if !fields.reads_elsewhere {
                let custom = fields.set(names).without(fields.built_in_fields());
                listed.needs = listed.kind.needs().union(custom);
            }
        }
    }

    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn Format> {
        self.kinds().map(|(format, _)| format)
    }

    /// Returns the formats with their kinds.
    #[inline]
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&dyn Format, FormatKind)> {
        self.listed().map(|listed| (listed.format.get(), listed.kind))
    }

    /// Returns the formats to add to another list, with their kinds.
    pub(super) fn refs(&self) -> impl Iterator<Item = (&FormatRef, FormatKind)> {
        self.listed().map(|listed| (&listed.format, listed.kind))
    }

    /// Returns the formats that may find a context in these fields, with their places in the list.
    #[inline]
    pub(crate) fn asked(&self, present: FieldSet) -> impl Iterator<Item = (usize, &dyn Format, FormatKind)> {
        let has_some = move |needs: FieldSet| needs.is_empty() || present.intersects(needs);
        let asked = self.listed().enumerate().filter(move |(_, listed)| has_some(listed.needs));
        asked.map(|(place, listed)| (place, listed.format.get(), listed.kind))
    }

    #[inline]
    fn listed(&self) -> impl Iterator<Item = &Listed> {
        self.formats.iter().map_while(Option::as_ref)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.formats[0].is_none()
    }
}

impl fmt::Debug for FormatList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|format| format.name())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::headers::Headers;
    use crate::field::{CustomHeader, Field};
    use crate::format::{FormatFields, InjectContext, Parsed, Writer};
    use crate::formats::b3::B3;
    use crate::formats::correlation::Correlation;
    use std::vec::Vec;

    /// A custom format, which may find a context in any request.
    struct Guess;

    impl Format for Guess {
        fn name(&self) -> &str {
            "guess"
        }

        fn fields(&self) -> FormatFields<'_> {
            FormatFields::built_in(FieldSet::of(&[Field::B3]))
        }

        fn extract(&self, _: &Headers<'_>) -> Parsed {
            Parsed::new(crate::format::Outcome::Absent)
        }

        fn inject(&self, _: &InjectContext<'_>, _: &mut Writer<'_>) {}
    }

    #[test]
    fn ok_formats_are_asked_if_one_of_their_fields_is_present() {
        static ORDER: Correlation = Correlation::from_static("x-order");
        static B3_SINGLE: B3 = B3::single();
        let mut list = FormatList::new();
        for format in [&B3_SINGLE as &'static dyn Format, &Guess, &ORDER] {
            assert!(list.push_reader(FormatRef::from_static(format)));
        }
        let mut names = FieldNames::new();
        let order = names.watch_name(&CustomHeader::from_static("x-order")).unwrap();
        list.note_needs(&names);
        let asked = |fields: &[Field]| {
            let asked = list.asked(FieldSet::of(fields));
            asked.map(|(place, format, _)| (place, format.name() == "guess")).collect::<Vec<_>>()
        };
        assert_eq!(asked(&[]), [(1, true)], "a custom format is always asked");
        assert_eq!(asked(&[Field::TraceParent, Field::B3Flags]), [(0, false), (1, true)]);
        assert_eq!(asked(&[order]), [(1, true), (2, false)]);
        assert_eq!(asked(&[Field::B3, order]).len(), 3);
    }
}
