//! The names that a propagator watches for, and how one is told from ordinary headers.

#[cfg(feature = "alloc")]
use super::FormatKind;
use super::{CustomHeader, Field, FieldSet, MAX_CUSTOM_HEADERS};

/// What a propagator watches for: built-in fields of the formats it has, and configured names.
#[derive(Clone, Debug)]
pub(crate) struct FieldNames {
    built_in: FieldSet,
    /// For each length of a name, in a circle, the third letters of those that are watched for: one look tells that a
    /// header is another one. The third, because the names of ordinary headers begin with `x-` and `ac` too.
    third_letters: [u32; Self::LENGTHS],
    look_up_from: usize,
    /// Fields that say nothing where there is no traceparent.
    void_without_parent: FieldSet,
    leader: Option<Field>,
    configured: [Option<CustomHeader>; MAX_CUSTOM_HEADERS],
}

impl FieldNames {
    pub(crate) const fn new() -> Self {
        Self {
            built_in: FieldSet::EMPTY,
            third_letters: [0; Self::LENGTHS],
            look_up_from: 0,
            void_without_parent: FieldSet::EMPTY,
            leader: None,
            configured: [None; MAX_CUSTOM_HEADERS],
        }
    }

    pub(crate) fn watch(&mut self, fields: FieldSet) {
        for field in fields.built_in() {
            self.built_in = self.built_in.with(field);
            self.expect(field.name().unwrap_or_default(), field.is_prefix());
        }
        self.look_up_from = self.look_up_from();
        self.leader = None;
    }

    /// Watches for the fields of every built-in format.
    #[cfg(feature = "alloc")]
    pub(crate) const fn all_built_in() -> Self {
        Self { built_in: FormatKind::all_fields(), third_letters: [u32::MAX; Self::LENGTHS], ..Self::new() }
    }

    /// The field that a stored line is: built-in ones are known already, others are told by their name.
    #[cfg(feature = "alloc")]
    pub(crate) fn find_entry(&self, field: Field, name: &str) -> Option<Field> {
        match field {
            Field::Custom(_) => self.find(name),
            field => self.built_in.contains(field).then_some(field),
        }
    }

    /// Watches for a configured name too. `None` once there are more than [`MAX_CUSTOM_HEADERS`].
    pub(crate) fn watch_name(&mut self, name: &CustomHeader) -> Option<Field> {
        let known = self.configured.iter().position(|known| known.as_ref() == Some(name));
        let place = known.or_else(|| self.configured.iter().position(Option::is_none))?;
        self.configured[place] = Some(*name);
        self.expect(name.as_str(), name.is_prefix());
        self.look_up_from = self.look_up_from();
        self.leader = None;
        Some(Field::Custom(place as u8))
    }

    /// The name of a field, where it has one here.
    pub(crate) fn name_of(&self, field: Field) -> Option<&str> {
        match field {
            Field::Custom(place) => self.configured.get(usize::from(place))?.as_ref().map(CustomHeader::as_str),
            field => field.name(),
        }
    }

    /// The configured field with this name.
    pub(crate) fn configured(&self, name: &CustomHeader) -> Option<Field> {
        let place = self.configured.iter().position(|known| known.as_ref() == Some(name))?;
        Some(Field::Custom(place as u8))
    }

    /// What is watched for, if looking it up field by field beats one walk over this many headers.
    #[inline]
    pub(crate) fn worth_looking_up(&self, headers: usize) -> Option<FieldSet> {
        (headers >= self.look_up_from).then_some(self.built_in)
    }

    /// From how many headers on it does: a look-up in a hash map costs about as much as looking at five headers.
    fn look_up_from(&self) -> usize {
        match self.built_in.len() {
            _ if self.configured[0].is_some() || !self.built_in.is_fixed() => usize::MAX,
            ..=2 => 0,
            fields => fields * 5,
        }
    }

    /// Lets a name through to [`FieldNames::find_likely`], or all that begin with it.
    fn expect(&mut self, name: &str, is_family: bool) {
        let longest = if is_family { name.len() + Self::LENGTHS } else { name.len() };
        // Names of a family with a short prefix have any third letter.
        let letters = if is_family && name.len() < 3 { u32::MAX } else { Self::third_letter(name) };
        for len in name.len()..=longest {
            self.third_letters[len % Self::LENGTHS] |= letters;
        }
    }

    const LENGTHS: usize = 32;

    /// The bit of the third letter, in either case. Bytes that are none share those of others, and names without one have
    /// that of a zero.
    #[inline]
    fn third_letter(name: &str) -> u32 {
        1 << (name.as_bytes().get(2).copied().unwrap_or_default() & 0x1f)
    }

    /// Says that nobody wants a tracestate that comes without a traceparent.
    pub(crate) fn tie_tracestate(&mut self) {
        self.void_without_parent = FieldSet::of(&[Field::TraceState]);
    }

    /// Says that beside this field the others are mostly not there, and not looked at if they are.
    pub(crate) fn lead_by(&mut self, field: Field) {
        self.leader = Some(field);
    }

    /// The field that is looked up before anything else, and by itself where it is there.
    #[inline]
    pub(crate) fn leader(&self) -> Option<Field> {
        self.leader
    }

    /// All others, where one leads.
    pub(crate) fn followers(&self) -> FieldSet {
        self.leader.map_or(FieldSet::EMPTY, |leader| self.built_in.without(FieldSet::EMPTY.with(leader)))
    }

    /// What need not be looked up because `field` is absent.
    #[inline]
    pub(crate) fn void_without(&self, field: Field) -> FieldSet {
        if field == Field::TraceParent { self.void_without_parent } else { FieldSet::EMPTY }
    }

    /// The field that a header of this name is, if it is watched for.
    #[inline]
    pub(crate) fn find(&self, name: &str) -> Option<Field> {
        let likely = self.third_letters[name.len() % Self::LENGTHS] & Self::third_letter(name) != 0;
        if likely { self.find_likely(name) } else { None }
    }

    fn find_likely(&self, name: &str) -> Option<Field> {
        if let Some(field) = Field::from_name(name).filter(|field| self.built_in.contains_place(field.index())) {
            return Some(field);
        }
        let mut names = self.configured.iter().map_while(Option::as_ref);
        names.position(|known| known.matches(name)).map(|place| Field::Custom(place as u8))
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
        let mut names = FieldNames::new();
        let two = FieldSet::of(&[Field::TraceParent, Field::TraceState]);
        names.watch(two);
        assert_eq!(names.worth_looking_up(0), Some(two));
        names.watch(FieldSet::of(&[Field::Baggage]));
        assert_eq!((names.worth_looking_up(14), names.worth_looking_up(15)), (None, Some(two.with(Field::Baggage))));
        // A family or a configured name has no place in an index.
        let mut family = names.clone();
        family.watch(FieldSet::of(&[Field::UberContext]));
        assert_eq!(family.worth_looking_up(1000), None);
        let _ = names.watch_name(&CustomHeader::from_static("x-tenant"));
        assert_eq!(names.worth_looking_up(1000), None);
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
