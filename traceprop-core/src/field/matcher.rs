//! The header names that a propagator watches for, and a filter that passes over ordinary headers.

use core::fmt;

use super::kind::FirstField;
use super::known::Field;
use super::matches_dashed;
use super::name::{CustomHeader, MAX_CUSTOM_HEADERS};
use super::set::FieldSet;

/// What a propagator watches for: built-in fields of the formats it has, and configured names.
#[derive(Clone, Debug)]
pub(crate) struct FieldNames {
    pub(crate) watched: FieldSet,
    /// For each length of a name, in a circle, the letters of those that are watched for: one look tells that a header is
    /// another one. See [`FieldNames::letters`].
    letters: [u32; Self::LENGTHS],
    /// The order in which an index is asked. `None` if it cannot hold every field: prefixes and custom headers have no
    /// place in one.
    pub(crate) lookup_order: Option<LookupOrder>,
    configured: [Option<CustomHeader>; MAX_CUSTOM_HEADERS],
}

/// Which fields are looked up in a carrier with an index: the first one, and then those that formats still ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LookupOrder {
    pub(crate) first: Field,
    pub(crate) if_present: Rest,
    pub(crate) if_absent: Rest,
}

/// What is looked up after the first field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    pub(crate) fields: FieldSet,
    /// The watched fields that are not looked up.
    pub(crate) unknown: FieldSet,
    /// From how many headers on looking up all of these, and the first field, is cheaper than a walk.
    pub(crate) cheap_from: usize,
}

impl LookupOrder {
    /// Headers that a walk passes in the time of one look-up in a hash map.
    const COST: usize = 5;

    fn of(watched: FieldSet) -> Option<Self> {
        let first = watched.built_in().next().filter(|_| watched.is_fixed())?;
        let others = watched.without(FieldSet::EMPTY.with(first));
        let rest = |unknown| {
            let fields = others.without(unknown);
            Rest { fields, unknown: others.intersection(unknown), cheap_from: (1 + fields.len()) * Self::COST }
        };
        let (all, row) = (rest(FieldSet::EMPTY), first.format().row()?);
        let (if_present, if_absent) = match row.first_field {
            FirstField::Required => (all, rest(row.fields)),
            FirstField::Sufficient => (rest(row.fields), all),
            FirstField::Independent => (all, all),
        };
        Some(Self { first, if_present, if_absent })
    }
}

impl FieldNames {
    pub(crate) const fn new() -> Self {
        Self {
            watched: FieldSet::EMPTY,
            letters: [0; Self::LENGTHS],
            lookup_order: None,
            configured: [None; MAX_CUSTOM_HEADERS],
        }
    }

    pub(crate) fn watch(&mut self, fields: FieldSet) {
        for field in fields.built_in() {
            self.watched = self.watched.with(field);
            self.expect(field.name().unwrap_or_default(), field.is_prefix());
        }
        self.lookup_order = LookupOrder::of(self.watched);
    }

    /// Returns whether there is a custom header with this lower-case name.
    #[cfg(feature = "alloc")]
    pub(crate) fn has_custom(&self, name: &str, is_prefix: bool) -> bool {
        self.configured.iter().flatten().any(|known| known.is_prefix() == is_prefix && known.as_str() == name)
    }

    /// Watches for the fields of every built-in format.
    #[cfg(feature = "alloc")]
    pub(crate) const fn all_built_in() -> Self {
        Self { watched: FieldSet::of(Field::BUILT_IN), letters: [u32::MAX; Self::LENGTHS], ..Self::new() }
    }

    /// Returns the field of a stored line. A built-in field is stored as such; any other is found by its name.
    #[cfg(feature = "alloc")]
    pub(crate) fn find_entry(&self, field: Field, name: &str) -> Option<Field> {
        match field {
            Field::Custom(_) => self.find(name),
            field => self.watched.contains(field).then_some(field),
        }
    }

    /// Watches for a configured name too. `None` once there are more than [`MAX_CUSTOM_HEADERS`].
    pub(crate) fn watch_name(&mut self, name: &CustomHeader) -> Option<Field> {
        let known = self.configured.iter().position(|known| known.as_ref() == Some(name));
        let place = known.or_else(|| self.configured.iter().position(Option::is_none))?;
        self.configured[place] = Some(*name);
        self.expect(name.as_str(), name.is_prefix());
        let field = Field::Custom(place as u8);
        self.watched = self.watched.with(field);
        self.lookup_order = None;
        Some(field)
    }

    /// The name of a field, where it has one here.
    pub(crate) fn name_of(&self, field: Field) -> Option<&str> {
        match field {
            Field::Custom(place) => self.configured.get(usize::from(place))?.as_ref().map(CustomHeader::as_str),
            field => field.name(),
        }
    }

    /// Returns the custom header that a field is.
    #[cfg(feature = "alloc")]
    pub(crate) fn custom(&self, field: Field) -> Option<&CustomHeader> {
        match field {
            Field::Custom(place) => self.configured.get(usize::from(place))?.as_ref(),
            _ => None,
        }
    }

    /// Returns the field that a server reads under a name if it reads `_` as `-`: one of these, or one with a built-in
    /// name.
    ///
    /// WSGI and CGI servers have one variable for names that differ only in `_` and `-` (CVE-2015-0219).
    pub(crate) fn find_dashed(&self, name: &str) -> Option<Field> {
        let mut customs = self.configured.iter().map_while(Option::as_ref);
        // A custom header may have the name of a field that no format reads.
        let custom = customs.position(|known| known.matches_dashed(name)).map(|place| Field::Custom(place as u8));
        let is_meant =
            |field: &&Field| field.name().is_some_and(|known| matches_dashed(name, known, field.is_prefix()));
        custom.or_else(|| Field::ALL.iter().find(is_meant).copied())
    }

    /// Returns whether the name of a custom header contains a `_`.
    pub(crate) fn custom_has_underscore(&self) -> bool {
        self.configured.iter().map_while(Option::as_ref).any(|known| known.as_str().contains('_'))
    }

    /// The configured field with this name.
    pub(crate) fn configured(&self, name: &CustomHeader) -> Option<Field> {
        let place = self.configured.iter().position(|known| known.as_ref() == Some(name))?;
        Some(Field::Custom(place as u8))
    }

    /// Lets a name through to [`FieldNames::find_likely`], or all that begin with it.
    fn expect(&mut self, name: &str, is_family: bool) {
        let longest = if is_family { name.len() + Self::LENGTHS } else { name.len() };
        // Names of a family with a short prefix have any letters.
        let letters = if is_family && name.len() < 3 { u32::MAX } else { Self::letters(name) };
        for len in name.len()..=longest {
            self.letters[len % Self::LENGTHS] |= letters;
        }
    }

    const LENGTHS: usize = 32;

    /// The bit of the first and the third letter together, in either case. Neither alone tells enough: the names of
    /// ordinary headers begin with `x-` too, and those of a family can have any length. Shorter names have one bit.
    #[inline]
    fn letters(name: &str) -> u32 {
        match name.as_bytes() {
            [first, _, third, ..] => 1 << (first.wrapping_add(*third) & 0x1f),
            _ => 1,
        }
    }

    /// The field that a header of this name is, if it is watched for.
    #[inline]
    pub(crate) fn find(&self, name: &str) -> Option<Field> {
        let likely = self.letters[name.len() % Self::LENGTHS] & Self::letters(name) != 0;
        if likely { self.find_likely(name) } else { None }
    }

    fn find_likely(&self, name: &str) -> Option<Field> {
        if let Some(field) = Field::from_name(name).filter(|field| self.watched.contains(*field)) {
            return Some(field);
        }
        let mut names = self.configured.iter().map_while(Option::as_ref);
        names.position(|known| known.matches(name)).map(|place| Field::Custom(place as u8))
    }
}

/// Displays a field by the name that it has in a propagator. Without one, a custom header has only a number.
pub(crate) struct Named<'n>(pub(crate) Option<&'n FieldNames>, pub(crate) Field);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.and_then(|names| names.name_of(self.1)) {
            Some(name) => f.write_str(name),
            None => self.1.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_find_only_what_is_watched() {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(&[Field::TraceParent]));
        let tenant = names.watch_name(&CustomHeader::from_static("X-Tenant")).unwrap();
        let family = names.watch_name(&CustomHeader::from_static("acmectx-").prefix()).unwrap();
        assert_eq!(names.find("TraceParent"), Some(Field::TraceParent));
        assert_eq!(names.find("tracestate"), None);
        assert_eq!(names.find("uberctx-a"), None);
        assert_eq!(names.find("x-tenant"), Some(tenant));
        assert_eq!(names.find("acmectx-user"), Some(family));
        assert_eq!(names.find("acmectx-"), None);
        assert_eq!(names.watch_name(&CustomHeader::from_static("x-TENANT")), Some(tenant));
    }

    #[test]
    fn ok_long_names_are_found() {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(&[Field::UberContext]));
        let long = "x-0123456789-0123456789-0123456789";
        let watched = names.watch_name(&CustomHeader::from_static(long));
        for len in 9..=33 {
            let name = std::format!("uberctx-{}", &long[..len]);
            assert_eq!(names.find(&name), Some(Field::UberContext), "{name}");
        }
        assert_eq!((long.len(), names.find(long), names.find(&long[..33])), (34, watched, None));
    }

    #[test]
    fn ok_short_names_and_prefixes_are_found() {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(&[Field::B3]));
        let [one, family] = [CustomHeader::from_static("a"), CustomHeader::from_static("q-").prefix()];
        let (one, family) = (names.watch_name(&one), names.watch_name(&family));
        assert_eq!(["b3", "B3", "a", "A"].map(|name| names.find(name)), [Some(Field::B3), Some(Field::B3), one, one]);
        assert_eq!(
            ["q-a", "Q-z", "q--", "q-0123456789-0123456789-0123456789"].map(|name| names.find(name)),
            [family; 4]
        );
        assert_eq!(["", "b", "b33", "q-", "qa", "te", "b-3"].map(|name| names.find(name)), [None; 7]);
    }

    #[test]
    fn regression_a_family_with_a_long_prefix_was_not_found() {
        let prefix = "x-0123456789-0123456789-0123456789-0123456789-0123456789-0123";
        for len in 30..=CustomHeader::MAX_LEN.min(prefix.len()) {
            let mut names = FieldNames::new();
            let family = names.watch_name(&CustomHeader::new(&prefix[..len]).unwrap().prefix());
            for more in 1..=40 {
                let name = std::format!("{}{}", &prefix[..len], "a".repeat(more));
                assert_eq!(names.find(&name), family, "{name}");
            }
            assert_eq!(names.find(&prefix[..len]), None);
        }
    }

    #[test]
    fn ok_looking_up_is_worth_it_for_few_names_in_many_headers() {
        const PARENT: FieldSet = FieldSet::of(&[Field::TraceParent]);
        const STATE: FieldSet = FieldSet::of(&[Field::TraceState]);
        const BAGGAGE: FieldSet = FieldSet::of(&[Field::Baggage]);
        let rests = |names: &FieldNames| {
            let order = names.lookup_order.as_ref()?;
            let parts = [order.if_present, order.if_absent].map(|rest| (rest.fields, rest.unknown, rest.cheap_from));
            Some((order.first, parts))
        };
        let mut names = FieldNames::new();
        assert_eq!(rests(&names), None);
        names.watch(PARENT.union(STATE));
        let w3c = [(STATE, FieldSet::EMPTY, 10), (FieldSet::EMPTY, STATE, 5)];
        assert_eq!(rests(&names), Some((Field::TraceParent, w3c)), "a tracestate alone says nothing");
        names.watch(BAGGAGE);
        let w3c = [(STATE.union(BAGGAGE), FieldSet::EMPTY, 15), (BAGGAGE, STATE, 10)];
        assert_eq!(rests(&names), Some((Field::TraceParent, w3c)));
        // A prefix or a custom header has no place in an index.
        let mut family = names.clone();
        family.watch(FieldSet::of(&[Field::UberContext]));
        assert_eq!(rests(&family), None);
        let _ = names.watch_name(&CustomHeader::from_static("x-tenant"));
        assert_eq!(rests(&names), None);
        names.watch(STATE);
        assert_eq!(rests(&names), None);
    }

    #[test]
    fn ok_a_single_header_leaves_the_several_unknown() {
        let mut names = FieldNames::new();
        let (single, multi) = (Field::B3, FieldSet::of(&[Field::B3TraceId, Field::B3Flags]));
        names.watch(multi.with(single));
        let order = names.lookup_order.as_ref().unwrap();
        assert_eq!((order.first, order.if_present.fields, order.if_present.unknown), (single, FieldSet::EMPTY, multi));
        assert_eq!((order.if_absent.fields, order.if_absent.unknown), (multi, FieldSet::EMPTY));
    }

    #[test]
    fn err_ninth_configured_name() {
        let mut names = FieldNames::new();
        for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            assert!(names.watch_name(&CustomHeader::from_static(name)).is_some());
        }
        assert_eq!(names.watch_name(&CustomHeader::from_static("i")), None);
    }
}
