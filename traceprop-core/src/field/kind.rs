//! What a format is: one of the built-in ones, or one of the user's.

use super::known::{Field, FormatKind, ROWS};
use super::set::FieldSet;

/// What is known of a built-in format before it reads or writes anything: its row in `field/builtin.rs`.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) kind: FormatKind,
    pub(crate) fields: FieldSet,
    pub(crate) first_field: FirstField,
    /// The names of its encodings in configuration.
    pub(crate) names: &'static [&'static str],
    /// How far `all` includes it, by its first name.
    pub(crate) in_all: InAll,
    /// The letter of its own items in our tracestate member.
    pub(crate) letter: Option<char>,
    pub(crate) preserves: Preserves,
    pub(crate) set_by: SetBy,
}

/// Who sets the headers of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetBy {
    /// Services and their agents.
    Callers,
    /// Load balancers and gateways too. They add a trace of their own to requests that are part of another trace.
    Infrastructure,
}

/// What a format keeps in the tracestate for a hop that speaks only W3C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preserves {
    /// Nothing: W3C has fields for all of it.
    Nothing,
    /// A sampling decision that `traceparent` has no flag for.
    Decision,
    /// Items of our member.
    Items,
    /// Items of our member that belong to a sampling decision.
    Flags,
    /// Items of our member with text of a header, which go only where that header may go.
    Text,
    /// A tracestate member of its own.
    Member,
}

/// Which lists of formats include a row when they name `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InAll {
    /// Lists to extract, and lists to inject.
    ReadAndWrite,
    /// Lists to extract alone: a list to inject has to name the format.
    Read,
    /// None: the format needs more than a name.
    No,
}

/// What the first field of a row says about its other fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstField {
    /// Without it the others say nothing.
    Required,
    /// With it the others are read only if it is invalid.
    Sufficient,
    /// Nothing.
    Independent,
}

impl FormatKind {
    pub(crate) const fn row(self) -> Option<&'static Row> {
        let place = self as usize;
        if place < ROWS.len() { Some(&ROWS[place]) } else { None }
    }

    /// The fields that formats of this kind own.
    pub(crate) const fn fields(self) -> FieldSet {
        match self.row() {
            Some(row) => row.fields,
            None => FieldSet::EMPTY,
        }
    }

    /// Returns the fields without which formats of this kind find nothing.
    pub(crate) fn needs(self) -> FieldSet {
        match self.row() {
            Some(row) if row.first_field == FirstField::Required => row.fields.first(),
            _ => self.fields(),
        }
    }

    /// Whether formats of this kind carry text of the user's and nothing of a trace.
    pub(crate) fn is_text_alone(self) -> bool {
        !self.fields().is_empty() && self.fields().built_in().all(Field::is_baggage)
    }

    /// Returns the first field of each encoding, if formats of this kind have two encodings.
    pub(crate) fn encodings(self) -> Option<[FieldSet; 2]> {
        let row = self.row().filter(|row| row.first_field == FirstField::Sufficient)?;
        let first = row.fields.first();
        Some([first, row.fields.without(first).first()])
    }

    /// Whether formats of this kind read no header of a fixed name, only custom ones.
    pub(crate) fn has_only_custom_headers(self) -> bool {
        self.row().is_some_and(|row| row.fields.is_empty())
    }

    /// Whether load balancers add headers of this kind to requests that are part of another trace.
    pub(crate) fn is_set_by_infrastructure(self) -> bool {
        self.row().is_some_and(|row| row.set_by == SetBy::Infrastructure)
    }

    /// The letter of its own items in our tracestate member, for constants.
    ///
    /// # Panics
    /// When the row has none; in a constant that is a compile error.
    pub(crate) const fn letter(self) -> char {
        match self.row() {
            Some(Row { letter: Some(letter), .. }) => *letter,
            _ => panic!("the row has no letter"),
        }
    }

    /// What formats of this kind keep in the tracestate.
    pub(crate) const fn preserves(self) -> Preserves {
        match self.row() {
            Some(row) => row.preserves,
            None => Preserves::Nothing,
        }
    }

    /// Returns the first kind that keeps this in the tracestate, for constants.
    ///
    /// # Panics
    /// When no row does; in a constant that is a compile error.
    pub(crate) const fn preserving(what: Preserves) -> Self {
        let mut i = 0;
        while i < ROWS.len() {
            if ROWS[i].preserves as u8 == what as u8 {
                return ROWS[i].kind;
            }
            i += 1;
        }
        panic!("no row preserves this")
    }

    /// The fields of all built-in formats that keep this in the tracestate.
    pub(crate) const fn fields_preserving(what: Preserves) -> FieldSet {
        let mut fields = FieldSet::EMPTY;
        let mut i = 0;
        while i < ROWS.len() {
            if ROWS[i].preserves as u8 == what as u8 {
                fields = fields.union(ROWS[i].fields);
            }
            i += 1;
        }
        fields
    }

    /// Whether all formats of this kind have the same name.
    pub(crate) fn has_one_name(self) -> bool {
        self.row().is_some_and(|row| row.names.len() == 1 && !row.names[0].contains(':'))
    }
}

impl Row {
    /// Whether a name in configuration means a format of this row.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.names.iter().any(|known| match known.split_once(':') {
            Some((kind, _)) => name.split_once(':').is_some_and(|(before, _)| before.eq_ignore_ascii_case(kind)),
            None => known.eq_ignore_ascii_case(name),
        })
    }
}

/// Kinds of formats, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct FormatSet(u32);

impl FormatSet {
    pub(crate) const EMPTY: Self = Self(0);

    pub(crate) const fn with(self, kind: FormatKind) -> Self {
        Self(self.0 | 1 << kind as u32)
    }

    pub(crate) const fn contains(self, kind: FormatKind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the fields of all formats of these kinds.
    pub(crate) fn fields(self) -> FieldSet {
        let rows = ROWS.iter().filter(|row| self.contains(row.kind));
        rows.fold(FieldSet::EMPTY, |fields, row| fields.union(row.fields))
    }

    /// Whether `other` has all of them too.
    pub(crate) const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_rows_stand_in_the_order_of_the_kinds() {
        for (place, row) in ROWS.iter().enumerate() {
            assert_eq!(row.kind as usize, place);
            let (mut own, mut shared) = (0, 0);
            for field in row.fields.built_in() {
                *if field.format() == row.kind { &mut own } else { &mut shared } += 1;
            }
            assert!(own > 0 || row.fields.is_empty());
            assert_eq!(shared, usize::from(row.kind == FormatKind::Datadog), "{:?}", row.kind);
        }
        assert!(FormatKind::Custom.row().is_none() && FormatKind::Custom.fields().is_empty());
        assert_eq!(FormatKind::Custom as usize, ROWS.len());
        assert!(ROWS.len() < 32);
    }

    #[test]
    fn ok_names_are_known_in_any_case() {
        let named = |name: &str| ROWS.iter().find(|row| row.is_named(name)).map(|row| row.kind);
        assert_eq!(
            (named("B3"), named("b3multi"), named("sw8")),
            (Some(FormatKind::B3), Some(FormatKind::B3), Some(FormatKind::Sw8))
        );
        assert_eq!(
            (named("Correlation:x-a"), named("correlation"), named("acme")),
            (Some(FormatKind::Correlation), None, None)
        );
    }

    #[test]
    fn ok_a_set_is_within_another_that_has_all_of_it() {
        let b3 = FormatSet::EMPTY.with(FormatKind::B3);
        let both = b3.with(FormatKind::Jaeger);
        assert!(FormatSet::EMPTY.is_within(FormatSet::EMPTY) && FormatSet::EMPTY.is_within(b3));
        assert!(b3.is_within(b3) && b3.is_within(both));
        assert!(
            !both.is_within(b3)
                && !b3.is_within(FormatSet::EMPTY)
                && !b3.is_within(FormatSet::EMPTY.with(FormatKind::Sw8))
        );
    }
}
