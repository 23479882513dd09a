//! What a format reads from: the watched headers of one carrier.

use super::Lookup;
use super::source::LineSource;
use super::table::Table;
use crate::field::{CustomHeader, Field, FieldNames, FieldSet};
use crate::wire::{self, debug_as};

/// The most lines of one field that are read.
///
/// A list with more lines is invalid as a whole, because its tail would be lost.
pub const MAX_HEADER_LINES: usize = 64;

/// The headers of one carrier, as formats read them. Nothing is copied.
///
/// A propagator watches the fields of its formats. Of other headers nothing is found here.
///
/// # Examples
///
/// A format reads its fields in [`Format::extract`](crate::format::Format::extract):
///
/// ```
/// use traceprop_core::{Field, InvalidHeader, InvalidReason, format::{CustomHeader, Headers}};
///
/// const TENANT: CustomHeader = CustomHeader::from_static("x-tenant");
///
/// fn tenant(headers: &Headers<'_>) -> Result<Option<u32>, InvalidHeader> {
///     let Some(value) = headers.get_custom(&TENANT) else { return Ok(None) };
///     let text = std::str::from_utf8(value).ok();
///     let invalid = InvalidHeader::new(headers.field(&TENANT), InvalidReason::BadValue, 0);
///     text.and_then(|text| text.parse().ok()).map(Some).ok_or(invalid)
/// }
///
/// fn has_w3c(headers: &Headers<'_>) -> bool {
///     headers.get(Field::TraceParent).is_some() && !headers.is_repeated(Field::TraceParent)
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Headers<'c> {
    source: &'c dyn LineSource,
    pub(crate) names: &'c FieldNames,
    pub(crate) table: Table<'c>,
}

impl<'c> Headers<'c> {
    /// Collects the watched headers in one pass over `source`.
    #[cfg(any(feature = "alloc", test))]
    #[inline]
    pub(crate) fn collect<S: LineSource>(source: &'c S, names: &'c FieldNames) -> Self {
        let mut headers = Self::empty(source, names);
        source.fill(names, &mut headers.table);
        headers
    }

    #[inline]
    pub(crate) fn empty(source: &'c dyn LineSource, names: &'c FieldNames) -> Self {
        Self { source, names, table: Table::new() }
    }

    /// Returns the fields that are present or may be.
    #[inline]
    pub(crate) const fn maybe_present(&self) -> FieldSet {
        self.table.maybe_present()
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

    /// Returns the first line of a field as received. For a prefix, this is the first line of any name with it.
    #[inline]
    pub fn get(&self, field: Field) -> Option<&'c [u8]> {
        match self.table.get(field) {
            None if self.maybe_present().contains(field) => self.look_up(field).parts().0,
            found => found,
        }
    }

    /// Returns whether a field has more than one line.
    #[inline]
    pub fn is_repeated(&self, field: Field) -> bool {
        self.table.repeated.contains(field) || (self.table.unknown.contains(field) && self.look_up(field).parts().1)
    }

    /// Returns whether any of these fields is present. This is the cheap way to find out that a format is absent.
    #[inline]
    pub fn contains_any(&self, fields: FieldSet) -> bool {
        let table = &self.table;
        table.present.intersects(fields) || (table.unknown.intersects(fields) && self.present().intersects(fields))
    }

    /// Returns whether any watched field is present, or one of `others`, watched or not.
    pub(crate) fn holds_any(&self, others: FieldSet) -> bool {
        let others = others.without(self.names.watched);
        !self.table.present.is_empty()
            || self.table.unknown.built_in().any(|field| self.get(field).is_some())
            || (!others.is_empty() && self.source.holds_any(others))
    }

    /// Returns the fields that are present.
    pub fn present(&self) -> FieldSet {
        if self.table.unknown.is_empty() { self.table.present } else { self.source.present(self.names) }
    }

    /// Returns all lines of a field, in order. For a prefix, these are the lines of every name with it.
    // Inlined, because much of it is known for a constant.
    #[inline(always)]
    pub fn get_all(&self, field: Field) -> HeaderLines<'c> {
        let (first, repeated) = match self.table.unknown.contains(field) {
            true => self.look_up(field).parts(),
            false => (self.get(field), self.table.repeated.contains(field)),
        };
        let again = repeated || field.is_prefix() || matches!(field, Field::Custom(_));
        HeaderLines { first, repeated, again: again.then_some((self.source, self.names, field)) }
    }

    /// Returns the first line with a value, or the first line if all are blank.
    pub(crate) fn first_filled_line(&self, field: Field) -> Option<&'c [u8]> {
        let first = self.get(field)?;
        let is_filled = |line: &&[u8]| wire::first_value(line).is_some();
        if is_filled(&first) { Some(first) } else { self.get_all(field).iter().find(is_filled).or(Some(first)) }
    }

    /// Returns the first value that is not blank, of all lines and of the values that commas join, and its offset in its
    /// line. It is empty if all are blank.
    pub(crate) fn first_value(&self, field: Field) -> Option<(usize, &'c [u8])> {
        self.first_filled_line(field).map(|line| wire::first_value(line).unwrap_or_default())
    }

    /// Returns the field that a custom header is in this propagator.
    ///
    /// A header that is not among the [`fields`](crate::format::Format::fields) of any of its formats is a [`Field::Custom`] that is
    /// never present.
    pub fn field(&self, header: &CustomHeader) -> Field {
        self.names.configured(header).unwrap_or(Field::UNWATCHED)
    }

    /// Returns the first line of a custom header as received.
    pub fn get_custom(&self, header: &CustomHeader) -> Option<&'c [u8]> {
        self.get(self.field(header))
    }

    /// Returns all lines of a custom header, in order.
    pub fn get_all_custom(&self, header: &CustomHeader) -> HeaderLines<'c> {
        self.get_all(self.field(header))
    }
}

impl core::fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let later = self.table.unknown.built_in().filter(|field| self.is_repeated(*field));
        let repeated = later.fold(self.table.repeated, FieldSet::with);
        f.debug_struct("Headers").field("present", &self.present()).field("repeated", &repeated).finish()
    }
}

/// The lines of one field, in order.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Field, format::{HeaderLines, Headers}};
///
/// fn last_line<'c>(headers: &Headers<'c>) -> Option<&'c [u8]> {
///     headers.get_all(Field::TraceState).iter().last()
/// }
///
/// let lines = HeaderLines::one(b"rojo=00f067aa0ba902b7");
/// assert_eq!((lines.first(), lines.iter().count()), (Some(&b"rojo=00f067aa0ba902b7"[..]), 1));
/// ```
#[derive(Clone, Copy)]
pub struct HeaderLines<'c> {
    first: Option<&'c [u8]>,
    repeated: bool,
    /// Where further lines are found, and the names of a family's lines.
    again: Option<(&'c dyn LineSource, &'c FieldNames, Field)>,
}

impl<'c> HeaderLines<'c> {
    /// Creates the lines of a field that has one.
    #[inline]
    pub const fn one(line: &'c [u8]) -> Self {
        Self { first: Some(line), repeated: false, again: None }
    }

    /// Creates the lines of a field that is absent.
    pub const fn none() -> Self {
        Self { first: None, repeated: false, again: None }
    }

    /// Returns the first line.
    pub const fn first(&self) -> Option<&'c [u8]> {
        self.first
    }

    /// Returns whether there is no line.
    pub const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Returns whether there are several lines.
    pub const fn is_repeated(&self) -> bool {
        self.repeated
    }

    /// Returns whether there are more than [`MAX_HEADER_LINES`]. This walks over the lines.
    #[inline]
    pub fn is_over_limit(&self) -> bool {
        self.repeated && self.walk(MAX_HEADER_LINES + 1).count() > MAX_HEADER_LINES
    }

    /// Returns the value of a single-valued header, if all lines and all parts between commas have the same one.
    ///
    /// Browsers and proxies that add a header instead of replacing it send equal copies.
    #[cold]
    pub(crate) fn equal_value(&self) -> Option<&'c [u8]> {
        let mut first = None;
        for (count, line) in self.walk(MAX_HEADER_LINES + 1).enumerate() {
            let mut values = line.split(|&byte| byte == b',').map(wire::trim);
            if count == MAX_HEADER_LINES || !values.all(|value| *first.get_or_insert(value) == value) {
                return None;
            }
        }
        first
    }

    /// Iterates over the lines, at most [`MAX_HEADER_LINES`].
    #[inline]
    pub fn iter(&self) -> HeaderLinesIter<'c> {
        self.walk(MAX_HEADER_LINES)
    }

    /// Iterates over the lines of a prefix with the received name of each, at most [`MAX_HEADER_LINES`].
    pub fn with_names(&self) -> impl Iterator<Item = (&'c str, &'c [u8])> + Clone + use<'c> {
        self.walk_named(MAX_HEADER_LINES)
    }

    fn walk_named(&self, limit: usize) -> NamedLines<'c> {
        NamedLines { again: self.again, from: 0, left: limit }
    }

    /// The lines to copy: one more than are read, so that the copy of a list is as much over the limit as the list. The
    /// only line of a field with a fixed name comes without it.
    #[cfg(any(feature = "alloc", test))]
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

debug_as!(HeaderLines<'_>, |it| "{} lines", it.iter().count());

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
///
/// # Examples
///
/// ```
/// use traceprop_core::format::HeaderLines;
///
/// let mut lines = HeaderLines::one(b"a=1").iter();
/// assert_eq!((lines.next(), lines.next()), (Some(&b"a=1"[..]), None));
/// ```
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
    use super::super::table::PLACES;
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
        let read = Headers::collect(&headers, &names);
        assert_eq!(read.get(Field::TraceState), Some(&b"a=1"[..]));
        assert!(read.is_repeated(Field::TraceState) && !read.is_repeated(Field::B3));
        assert_eq!(read.get(Field::Baggage), None);
        assert!(read.contains_any(FieldSet::of(&[Field::B3])) && !read.contains_any(FieldSet::of(&[Field::Baggage])));
        let mut lines = read.get_all(Field::TraceState).into_iter();
        assert_eq!(lines.next(), Some(&b"a=1"[..]));
        assert_eq!(lines.next(), Some(&b"b=2"[..]));
        assert_eq!(lines.next(), None);
        assert_eq!(read.get_all(Field::B3).into_iter().count(), 1);
    }

    #[test]
    fn ok_fields_beyond_the_table_are_found_again() {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(Field::BUILT_IN));
        let name =
            |field: &Field| std::format!("{}{}", field.name().unwrap(), if field.is_prefix() { "a" } else { "" });
        let headers: [_; Field::BUILT_IN.len()] = core::array::from_fn(|i| (name(&Field::BUILT_IN[i]), "value"));
        let read = Headers::collect(&headers, &names);
        assert!(headers.len() > PLACES && read.present().len() == headers.len());
        for field in Field::BUILT_IN {
            assert_eq!(read.get(*field), Some(&b"value"[..]), "{field}");
            assert_eq!(read.get_all(*field).iter().count(), 1, "{field}");
        }
    }

    #[test]
    fn ok_families_keep_their_names() {
        let names = names();
        let headers = [("uberctx-a", "1"), ("Uberctx-B", "2")];
        let read = Headers::collect(&headers, &names);
        let mut lines = read.get_all(Field::UberContext).with_names();
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
        let read = Headers::collect(&headers, &names);
        assert!(read.get_all(Field::B3).for_copy().eq([("", &b"0"[..])]));
        assert!(read.get_all(Field::UberContext).for_copy().eq([("Uberctx-A", &b"1"[..])]));
        assert_eq!(read.get_all(Field::TraceState).for_copy().count(), 0);
    }

    #[test]
    fn ok_lines_of_configured_names() {
        let mut names = names();
        let tenant = CustomHeader::from_static("x-tenant");
        let field = names.watch_name(&tenant);
        let headers = [("X-Tenant", "a"), ("x-tenant", "b")];
        let read = Headers::collect(&headers, &names);
        assert_eq!(Some(read.field(&tenant)), field);
        assert_eq!(read.get_custom(&tenant), Some(&b"a"[..]));
        assert!(read.get_all_custom(&tenant).iter().eq([b"a", b"b"]) && read.get_all_custom(&tenant).is_repeated());
        let other = read.get_all_custom(&CustomHeader::from_static("x-other"));
        assert!(other.is_empty() && !read.get_all_custom(&tenant).is_empty());
    }

    #[test]
    fn err_a_custom_header_that_is_not_watched_is_never_present() {
        let mut names = names();
        for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            assert!(names.watch_name(&CustomHeader::from_static(name)).is_some());
        }
        let other = CustomHeader::from_static("x-other");
        let headers = [("a", "1"), ("h", "2"), ("x-other", "3")];
        let read = Headers::collect(&headers, &names);
        let field = read.field(&other);
        assert_eq!((read.get_custom(&other), read.get_all_custom(&other).with_names().count()), (None, 0));
        assert!(!read.contains_any(FieldSet::of(&[field])) && !read.is_repeated(field));
        assert_eq!((names.name_of(field), std::format!("{field}").as_str()), (None, "unknown custom header"));
        assert_eq!(read.get(Field::Custom(u8::MAX)), None);
    }

    #[test]
    fn err_debug_holds_no_value() {
        let names = names();
        let headers = [("b3", "secret"), ("tracestate", "secret"), ("tracestate", "secret")];
        let read = Headers::collect(&headers, &names);
        let lines = read.get_all(Field::TraceState);
        assert_eq!(std::format!("{lines:?} {:?}", lines.iter()), "HeaderLines(2 lines) HeaderLinesIter { .. }");
        let shown = std::format!("{read:?}");
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
