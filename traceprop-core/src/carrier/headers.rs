//! The table that one pass over a carrier fills: for each watched field its first line, and whether there are more.

use crate::carrier::Lookup;
use crate::field::{CustomHeader, Field, FieldNames, FieldSet};

use super::source::LineSource;

/// Lines of one field that are read. A list that has more is rejected, since its tail would be lost.
pub const MAX_HEADER_LINES: usize = 64;

/// Fields that have a place in the table. A request in all dialects at once has about that many; those of one that has still
/// more are looked for again where they are asked for. The table is small because every request fills and moves it.
const PLACES: usize = 10;

/// The lines of all watched fields of one carrier. Formats read from it; nothing is copied.
#[derive(Clone, Copy)]
pub struct Headers<'c> {
    source: &'c dyn LineSource,
    names: &'c FieldNames,
    present: FieldSet,
    repeated: FieldSet,
    /// Watched fields that were not looked for. They are looked up when a format asks for them.
    unknown: FieldSet,
    /// For each field its place among `found`, counted from 1.
    places: [u8; Field::TABLE_LEN],
    /// First lines, in the order in which the fields came.
    found: [Option<&'c [u8]>; PLACES],
    len: u8,
}

impl<'c> Headers<'c> {
    /// One pass over `source`.
    #[cfg(any(feature = "alloc", test))]
    #[inline]
    pub(crate) fn collect<S: LineSource>(source: &'c S, names: &'c FieldNames) -> Self {
        let mut slots = Self::empty(source, names);
        source.fill(&mut slots);
        slots
    }

    #[inline]
    pub(crate) fn empty(source: &'c dyn LineSource, names: &'c FieldNames) -> Self {
        Self {
            source,
            names,
            present: FieldSet::EMPTY,
            repeated: FieldSet::EMPTY,
            unknown: FieldSet::EMPTY,
            places: [0; Field::TABLE_LEN],
            len: 0,
            found: [None; PLACES],
        }
    }

    /// The names that are watched for.
    #[inline]
    pub(crate) const fn names(&self) -> &'c FieldNames {
        self.names
    }

    /// A line, behind those that are there.
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
    pub(crate) fn add_found(&mut self, field: Field, found: Lookup<'c>) {
        match found {
            Lookup::Unsupported | Lookup::Absent => {}
            Lookup::One(value) => self.add(field, value),
            Lookup::Several(value) => {
                self.add(field, value);
                self.add(field, value);
            }
        }
    }

    /// Notes which watched fields were not looked for.
    #[inline]
    pub(crate) fn leave(&mut self, unknown: FieldSet) {
        self.unknown = unknown;
    }

    /// The fields that are present or may be.
    #[inline]
    pub(crate) const fn maybe_present(&self) -> FieldSet {
        self.present.union(self.unknown)
    }

    /// Looks for a field that was not looked for before.
    #[inline(never)]
    fn look_up(&self, field: Field) -> Lookup<'c> {
        match self.source.look_up(field) {
            Lookup::Unsupported => match self.source.next_line(self.names, field, 0) {
                None => Lookup::Absent,
                Some((from, _, value)) => match self.source.next_line(self.names, field, from) {
                    None => Lookup::One(value),
                    Some(_) => Lookup::Several(value),
                },
            },
            found => found,
        }
    }

    /// The first line of a field, as it came.
    #[inline]
    pub fn get(&self, field: Field) -> Option<&'c [u8]> {
        let place = self.places.get(field.place()).copied().unwrap_or_default();
        match usize::from(place).checked_sub(1) {
            Some(place) => self.found[place],
            None if self.maybe_present().contains(field) => self.look_up(field).parts().0,
            None => None,
        }
    }

    /// Whether a field has more than one line.
    #[inline]
    pub fn is_repeated(&self, field: Field) -> bool {
        self.repeated.contains(field) || (self.unknown.contains(field) && self.look_up(field).parts().1)
    }

    /// Whether any of these fields is there: the cheap way to say "absent".
    #[inline]
    pub fn contains_any(&self, fields: FieldSet) -> bool {
        self.present.intersects(fields) || (self.unknown.intersects(fields) && self.present().intersects(fields))
    }

    /// The fields that are there.
    pub fn present(&self) -> FieldSet {
        if self.unknown.is_empty() { self.present } else { self.source.present(self.names) }
    }

    /// All lines of a field. Inlined, because for a constant most of it is known.
    #[inline(always)]
    pub fn get_all(&self, field: Field) -> HeaderLines<'c> {
        let (first, repeated) = match self.unknown.contains(field) {
            true => self.look_up(field).parts(),
            false => (self.get(field), self.repeated.contains(field)),
        };
        let again = repeated || field.is_prefix() || matches!(field, Field::Custom(_));
        HeaderLines { first, repeated, again: again.then_some((self.source, self.names, field)) }
    }

    /// The configured field with this name, if the propagator watches for it.
    pub fn field_named(&self, name: &CustomHeader) -> Option<Field> {
        self.names.configured(name)
    }

    /// All lines of a configured field.
    pub fn get_all_custom(&self, name: &CustomHeader) -> HeaderLines<'c> {
        match self.field_named(name) {
            Some(field) => self.get_all(field),
            None => HeaderLines { first: None, repeated: false, again: None },
        }
    }
}

impl core::fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let later = self.unknown.built_in().filter(|field| self.is_repeated(*field));
        let repeated = later.fold(self.repeated, FieldSet::with);
        f.debug_struct("Headers").field("present", &self.present()).field("repeated", &repeated).finish()
    }
}

/// The lines of one field, in order.
#[derive(Clone, Copy)]
pub struct HeaderLines<'c> {
    first: Option<&'c [u8]>,
    repeated: bool,
    /// Where further lines are found, and the names of a family's lines.
    again: Option<(&'c dyn LineSource, &'c FieldNames, Field)>,
}

impl<'c> HeaderLines<'c> {
    /// The only line of a field.
    #[inline]
    pub const fn one(line: &'c [u8]) -> Self {
        Self { first: Some(line), repeated: false, again: None }
    }

    /// No line at all.
    pub const fn none() -> Self {
        Self { first: None, repeated: false, again: None }
    }

    /// The first line.
    pub const fn first(&self) -> Option<&'c [u8]> {
        self.first
    }

    /// Whether there is no line.
    pub const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Whether there are several lines.
    pub const fn is_repeated(&self) -> bool {
        self.repeated
    }

    /// Whether there are more lines than are read. Walks them, so only ask where it matters.
    #[inline]
    pub fn is_over_limit(&self) -> bool {
        self.repeated && self.walk(MAX_HEADER_LINES + 1).count() > MAX_HEADER_LINES
    }

    /// The lines, at most [`MAX_HEADER_LINES`].
    #[inline]
    pub fn iter(&self) -> HeaderLinesIter<'c> {
        self.walk(MAX_HEADER_LINES)
    }

    /// The lines with the name that each came under, at most [`MAX_HEADER_LINES`]: for families such as `uberctx-*`.
    pub fn with_names(&self) -> impl Iterator<Item = (&'c str, &'c [u8])> + Clone + use<'c> {
        self.walk_named(MAX_HEADER_LINES)
    }

    fn walk_named(&self, limit: usize) -> NamedLines<'c> {
        NamedLines { again: self.again, from: 0, left: limit }
    }

    /// The lines to copy: one more than are read, so that the copy of a list is as much over the limit as the list. The
    /// only line of a field with a fixed name comes without it.
    #[cfg(feature = "alloc")]
    pub(crate) fn for_copy(&self) -> impl Iterator<Item = (&'c str, &'c [u8])> + use<'c> {
        let (only, limit) = match self.again {
            Some(_) => (None, MAX_HEADER_LINES + 1),
            None => (self.first, 0),
        };
        only.map(|line| ("", line)).into_iter().chain(self.walk_named(limit))
    }

    #[inline]
    fn walk(&self, limit: usize) -> HeaderLinesIter<'c> {
        if self.repeated {
            HeaderLinesIter { only: None, rest: NamedLines { again: self.again, from: 0, left: limit } }
        } else {
            HeaderLinesIter { only: self.first, rest: NamedLines { again: None, from: 0, left: 0 } }
        }
    }
}

impl core::fmt::Debug for HeaderLines<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HeaderLines({} lines)", self.iter().count())
    }
}

impl<'c> IntoIterator for HeaderLines<'c> {
    type Item = &'c [u8];
    type IntoIter = HeaderLinesIter<'c>;

    fn into_iter(self) -> HeaderLinesIter<'c> {
        self.iter()
    }
}

#[derive(Clone)]
struct NamedLines<'c> {
    again: Option<(&'c dyn LineSource, &'c FieldNames, Field)>,
    from: usize,
    left: usize,
}

impl<'c> Iterator for NamedLines<'c> {
    type Item = (&'c str, &'c [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (source, names, field) = self.again?;
        let (from, name, value) = source.next_line(names, field, self.from)?;
        self.from = from;
        Some((name, value))
    }
}

/// Iterator over the lines of one field.
#[derive(Clone)]
pub struct HeaderLinesIter<'c> {
    only: Option<&'c [u8]>,
    rest: NamedLines<'c>,
}

impl core::fmt::Debug for HeaderLinesIter<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("HeaderLinesIter").finish_non_exhaustive()
    }
}

impl<'c> Iterator for HeaderLinesIter<'c> {
    type Item = &'c [u8];

    #[inline]
    fn next(&mut self) -> Option<&'c [u8]> {
        match self.only.take() {
            Some(line) => Some(line),
            None => self.rest.next().map(|(_, value)| value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> FieldNames {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(&[Field::TraceState, Field::B3, Field::UberContext]));
        names
    }

    #[test]
    fn ok_collect_first_and_repeated() {
        let names = names();
        let headers = [("host", "h"), ("TraceState", "a=1"), ("b3", "0"), ("tracestate", "b=2"), ("baggage", "k=v")];
        let slots = Headers::collect(&headers, &names);
        assert_eq!(slots.get(Field::TraceState), Some(&b"a=1"[..]));
        assert!(slots.is_repeated(Field::TraceState) && !slots.is_repeated(Field::B3));
        assert_eq!(slots.get(Field::Baggage), None);
        assert!(slots.contains_any(FieldSet::of(&[Field::B3])) && !slots.contains_any(FieldSet::of(&[Field::Baggage])));
        let mut lines = slots.get_all(Field::TraceState).into_iter();
        assert_eq!(lines.next(), Some(&b"a=1"[..]));
        assert_eq!(lines.next(), Some(&b"b=2"[..]));
        assert_eq!(lines.next(), None);
        assert_eq!(slots.get_all(Field::B3).into_iter().count(), 1);
    }

    #[test]
    fn ok_fields_beyond_the_table_are_found_again() {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(Field::BUILT_IN));
        let name = |field: &Field| if field.is_prefix() { "uberctx-a" } else { field.name().unwrap() };
        let headers: [_; Field::BUILT_IN.len()] = core::array::from_fn(|i| (name(&Field::BUILT_IN[i]), "value"));
        let slots = Headers::collect(&headers, &names);
        assert!(headers.len() > PLACES && slots.present().len() == headers.len());
        for field in Field::BUILT_IN {
            assert_eq!(slots.get(*field), Some(&b"value"[..]), "{field}");
            assert_eq!(slots.get_all(*field).iter().count(), 1, "{field}");
        }
    }

    #[test]
    fn ok_families_keep_their_names() {
        let names = names();
        let headers = [("uberctx-a", "1"), ("Uberctx-B", "2")];
        let slots = Headers::collect(&headers, &names);
        let mut lines = slots.get_all(Field::UberContext).with_names();
        assert_eq!(lines.next(), Some(("uberctx-a", &b"1"[..])));
        assert_eq!(lines.next(), Some(("Uberctx-B", &b"2"[..])));
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn ok_a_copy_is_as_much_over_the_limit_as_what_came() {
        let names = names();
        let headers = [("tracestate", "a=1"); MAX_HEADER_LINES + 9];
        assert_eq!(
            Headers::collect(&headers, &names).get_all(Field::TraceState).for_copy().count(),
            MAX_HEADER_LINES + 1
        );
        let headers = [("uberctx-a", "1"); MAX_HEADER_LINES + 9];
        let lines = Headers::collect(&headers, &names).get_all(Field::UberContext);
        assert_eq!((lines.with_names().count(), lines.for_copy().count()), (MAX_HEADER_LINES, MAX_HEADER_LINES + 1));
        let headers = [("B3", "0"), ("Uberctx-A", "1")];
        let slots = Headers::collect(&headers, &names);
        assert!(slots.get_all(Field::B3).for_copy().eq([("", &b"0"[..])]));
        assert!(slots.get_all(Field::UberContext).for_copy().eq([("Uberctx-A", &b"1"[..])]));
        assert_eq!(slots.get_all(Field::TraceState).for_copy().count(), 0);
    }

    #[test]
    fn ok_lines_of_configured_names() {
        let mut names = names();
        let tenant = CustomHeader::from_static("x-tenant");
        let field = names.watch_name(&tenant);
        let headers = [("X-Tenant", "a"), ("x-tenant", "b")];
        let slots = Headers::collect(&headers, &names);
        assert_eq!(slots.field_named(&tenant), field);
        assert!(slots.get_all_custom(&tenant).iter().eq([b"a", b"b"]) && slots.get_all_custom(&tenant).is_repeated());
        let other = slots.get_all_custom(&CustomHeader::from_static("x-other"));
        assert!(other.is_empty() && !slots.get_all_custom(&tenant).is_empty());
    }

    #[test]
    fn err_debug_holds_no_value() {
        let names = names();
        let headers = [("b3", "secret"), ("tracestate", "secret"), ("tracestate", "secret")];
        let slots = Headers::collect(&headers, &names);
        let lines = slots.get_all(Field::TraceState);
        assert_eq!(std::format!("{lines:?} {:?}", lines.iter()), "HeaderLines(2 lines) HeaderLinesIter { .. }");
        let shown = std::format!("{slots:?}");
        assert!(shown.starts_with("Headers { present: FieldSet(") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn err_more_lines_than_are_read() {
        let names = names();
        let headers = [("tracestate", "a=1"); MAX_HEADER_LINES + 1];
        let lines = Headers::collect(&headers, &names).get_all(Field::TraceState);
        assert!(lines.is_over_limit());
        assert_eq!(lines.iter().count(), MAX_HEADER_LINES);
        let headers = [("tracestate", "a=1"); MAX_HEADER_LINES];
        assert!(!Headers::collect(&headers, &names).get_all(Field::TraceState).is_over_limit());
        assert!(!HeaderLines::one(b"a=1").is_over_limit() && !HeaderLines::none().is_over_limit());
    }
}
