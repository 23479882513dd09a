//! The header fields that trace contexts travel in, and the matcher that finds them in one pass over a carrier.

use core::fmt;

use crate::text;

/// Configured names (correlation headers, headers of a user's own format) that one propagator can watch for.
pub const MAX_CONFIGURED: usize = 8;

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A header field that some format reads or writes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Field {
            $($(#[doc = $doc])+ $name,)+
            /// A configured name, by its place among those of the propagator (0 to 7).
            Configured(u8),
        }

        impl Field {
            /// The fields with a fixed name.
            pub const BUILT_IN: &'static [Self] = &[$(Self::$name,)+];

            /// The lower-case name; `None` for a configured one. `uberctx-` stands for all names that begin so.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($text),)+
                    Self::Configured(_) => None,
                }
            }
        }
    };
}

fields! {
    /// W3C `traceparent`.
    TraceParent = "traceparent",
    /// W3C `tracestate`.
    TraceState = "tracestate",
    /// W3C `baggage`.
    Baggage = "baggage",
    /// B3 in one header, `b3`.
    B3 = "b3",
    /// `X-B3-TraceId`.
    B3TraceId = "x-b3-traceid",
    /// `X-B3-SpanId`.
    B3SpanId = "x-b3-spanid",
    /// `X-B3-ParentSpanId`.
    B3ParentSpanId = "x-b3-parentspanid",
    /// `X-B3-Sampled`.
    B3Sampled = "x-b3-sampled",
    /// `X-B3-Flags`.
    B3Flags = "x-b3-flags",
    /// `x-datadog-trace-id`.
    DatadogTraceId = "x-datadog-trace-id",
    /// `x-datadog-parent-id`.
    DatadogParentId = "x-datadog-parent-id",
    /// `x-datadog-sampling-priority`.
    DatadogSamplingPriority = "x-datadog-sampling-priority",
    /// `x-datadog-origin`.
    DatadogOrigin = "x-datadog-origin",
    /// `x-datadog-tags`.
    DatadogTags = "x-datadog-tags",
    /// Jaeger's `uber-trace-id`.
    UberTraceId = "uber-trace-id",
    /// Jaeger's baggage, one header an item: all names that begin with `uberctx-`.
    UberContext = "uberctx-",
    /// `jaeger-baggage`.
    JaegerBaggage = "jaeger-baggage",
    /// `jaeger-debug-id`.
    JaegerDebugId = "jaeger-debug-id",
    /// SkyWalking's `sw8`.
    Sw8 = "sw8",
    /// `sw8-correlation`.
    Sw8Correlation = "sw8-correlation",
    /// `sw8-x`.
    Sw8Extension = "sw8-x",
}

const BUILT_IN_COUNT: usize = Field::BUILT_IN.len();

/// Places in a table with one for each field.
pub(crate) const FIELD_COUNT: usize = BUILT_IN_COUNT + MAX_CONFIGURED;

impl Field {
    /// The place of this field in a table of [`FIELD_COUNT`].
    #[inline]
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::TraceParent => 0,
            Self::TraceState => 1,
            Self::Baggage => 2,
            Self::B3 => 3,
            Self::B3TraceId => 4,
            Self::B3SpanId => 5,
            Self::B3ParentSpanId => 6,
            Self::B3Sampled => 7,
            Self::B3Flags => 8,
            Self::DatadogTraceId => 9,
            Self::DatadogParentId => 10,
            Self::DatadogSamplingPriority => 11,
            Self::DatadogOrigin => 12,
            Self::DatadogTags => 13,
            Self::UberTraceId => 14,
            Self::UberContext => 15,
            Self::JaegerBaggage => 16,
            Self::JaegerDebugId => 17,
            Self::Sw8 => 18,
            Self::Sw8Correlation => 19,
            Self::Sw8Extension => 20,
            // A configured field is only ever made by the matcher, which has that many places.
            Self::Configured(i) => BUILT_IN_COUNT + (i as usize % MAX_CONFIGURED),
        }
    }

    /// The field at a place of the table.
    #[cfg(feature = "alloc")]
    pub(crate) fn at(index: usize) -> Self {
        match Self::BUILT_IN.get(index) {
            Some(field) => *field,
            None => Self::Configured((index.saturating_sub(BUILT_IN_COUNT) % MAX_CONFIGURED) as u8),
        }
    }

    /// Whether the field holds text of the user's (baggage of any dialect), which leaves only where it is allowed.
    pub const fn is_baggage(self) -> bool {
        matches!(self, Self::Baggage | Self::UberContext | Self::JaegerBaggage | Self::Sw8Correlation)
    }

    /// Whether the field stands for all names with its prefix.
    pub(crate) const fn is_family(self) -> bool {
        matches!(self, Self::UberContext)
    }

    /// The built-in field with this name, in any letter case.
    ///
    /// ```
    /// use traceprop_core::Field;
    ///
    /// assert_eq!(Field::from_name("X-B3-TraceId"), Some(Field::B3TraceId));
    /// assert_eq!(Field::from_name("trace-parent"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        // Length and first letter leave one name to compare, so ordinary headers fall out here.
        let first = bytes.first()? | 0x20;
        let family = || if first == b'u' { Self::UberContext.family_of(name) } else { None };
        let (field, literal): (Self, &[u8]) = match (bytes.len(), first) {
            (2, b'b') => (Self::B3, b"b3"),
            (3, b's') => (Self::Sw8, b"sw8"),
            (5, b's') => (Self::Sw8Extension, b"sw8-x"),
            (7, b'b') => (Self::Baggage, b"baggage"),
            (10, b't') => (Self::TraceState, b"tracestate"),
            (10, b'x') => (Self::B3Flags, b"x-b3-flags"),
            (11, b't') => (Self::TraceParent, b"traceparent"),
            (11, b'x') => (Self::B3SpanId, b"x-b3-spanid"),
            (12, b'x') if bytes[5] | 0x20 == b't' => (Self::B3TraceId, b"x-b3-traceid"),
            (12, b'x') => (Self::B3Sampled, b"x-b3-sampled"),
            (13, b'u') => (Self::UberTraceId, b"uber-trace-id"),
            (14, b'j') => (Self::JaegerBaggage, b"jaeger-baggage"),
            (14, b'x') => (Self::DatadogTags, b"x-datadog-tags"),
            (15, b'j') => (Self::JaegerDebugId, b"jaeger-debug-id"),
            (15, b's') => (Self::Sw8Correlation, b"sw8-correlation"),
            (16, b'x') => (Self::DatadogOrigin, b"x-datadog-origin"),
            (17, b'x') => (Self::B3ParentSpanId, b"x-b3-parentspanid"),
            (18, b'x') => (Self::DatadogTraceId, b"x-datadog-trace-id"),
            (19, b'x') => (Self::DatadogParentId, b"x-datadog-parent-id"),
            (27, b'x') => (Self::DatadogSamplingPriority, b"x-datadog-sampling-priority"),
            _ => return family(),
        };
        // Most carriers have their names in lower case, which is cheaper to tell.
        let is_same = bytes == literal || bytes.eq_ignore_ascii_case(literal);
        if is_same { Some(field) } else { family() }
    }

    /// Whether a built-in field has this name: [`Field::from_name`] for constants.
    pub(crate) const fn is_built_in(name: &str) -> bool {
        let name = name.as_bytes();
        let mut i = 0;
        while i < Self::BUILT_IN.len() {
            let field = Self::BUILT_IN[i];
            if let Some(known) = field.name() {
                let prefix = field.is_family() && name.len() > known.len();
                let (head, _) = name.split_at(if prefix { known.len() } else { name.len() });
                if is_same_name(head, known.as_bytes()) {
                    return true;
                }
            }
            i += 1;
        }
        false
    }

    /// This family, if `name` belongs to it and says more than the prefix.
    fn family_of(self, name: &str) -> Option<Self> {
        let prefix = self.name()?.as_bytes();
        let (head, rest) = name.as_bytes().split_at_checked(prefix.len())?;
        (!rest.is_empty() && head.eq_ignore_ascii_case(prefix)).then_some(self)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self) {
            (Some(name), _) => f.write_str(name),
            (None, Self::Configured(i)) => write!(f, "configured header {i}"),
            (None, _) => Ok(()),
        }
    }
}

/// Whether two names differ in case alone; for constants.
const fn is_same_name(one: &[u8], other: &[u8]) -> bool {
    let mut i = 0;
    while i < one.len() && i < other.len() {
        if !one[i].eq_ignore_ascii_case(&other[i]) {
            return false;
        }
        i += 1;
    }
    one.len() == other.len()
}

/// A set of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FieldSet(u32);

impl FieldSet {
    /// No field.
    pub const EMPTY: Self = Self(0);

    /// The set of these fields.
    pub const fn of(fields: &[Field]) -> Self {
        let mut set = Self::EMPTY;
        let mut i = 0;
        while i < fields.len() {
            set = set.with(fields[i]);
            i += 1;
        }
        set
    }

    /// The set with `field` in it.
    #[inline]
    pub const fn with(self, field: Field) -> Self {
        Self(self.0 | 1 << field.index())
    }

    /// All fields of both sets.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The fields that are in both sets.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The fields of this set that are not in the other.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether `field` is in the set.
    #[inline]
    pub const fn contains(self, field: Field) -> bool {
        self.0 & (1 << field.index()) != 0
    }

    /// Whether no field is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the sets share a field.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether each field in the set is one name, known when the program was built.
    pub(crate) const fn is_fixed(self) -> bool {
        let families = 1 << Field::UberContext.index();
        self.0 < 1 << BUILT_IN_COUNT && self.0 & families == 0
    }

    /// How many fields are in the set.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// All fields in the set, in the order of the table.
    #[cfg(feature = "alloc")]
    pub(crate) fn iter(self) -> impl Iterator<Item = Field> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let place = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(Field::at(place))
        })
    }

    /// The fields with a fixed name that are in the set, in the order of [`Field::BUILT_IN`].
    pub fn built_in(self) -> impl Iterator<Item = Field> + Clone {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let field = Field::BUILT_IN.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(*field)
        })
    }
}

/// A header name that is only known at run time: that of a correlation header, or one of a user's own format.
///
/// Held inline (at most [`FieldName::MAX_LEN`] bytes), in lower case.
///
/// ```
/// use traceprop_core::FieldName;
///
/// let name = FieldName::new("X-Plumbr-TransactionId")?;
/// assert_eq!(name.as_str(), "x-plumbr-transactionid");
/// assert!(name.matches("X-PLUMBR-TRANSACTIONID"));
///
/// const FAMILY: FieldName = FieldName::from_static("acmectx-").family();
/// assert_eq!(FAMILY.suffix("AcmeCtx-Tenant"), Some("Tenant"));
/// # Ok::<(), traceprop_core::FieldNameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FieldName {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
    family: bool,
}

/// Why text cannot be a [`FieldName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldNameError {
    /// Empty, or longer than [`FieldName::MAX_LEN`].
    BadLength,
    /// A byte that no header name may hold (RFC 9110 5.1 `token`), at this place.
    BadByte(usize),
    /// A field of a built-in dialect, which reads and writes it itself.
    Reserved,
}

impl fmt::Display for FieldNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadLength => write!(f, "a header name has 1 to {} bytes", FieldName::MAX_LEN),
            Self::BadByte(at) => write!(f, "byte {at} may not occur in a header name"),
            Self::Reserved => f.write_str("the header belongs to a built-in dialect"),
        }
    }
}

impl core::error::Error for FieldNameError {}

impl FieldName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 62;

    /// A name from text in any letter case.
    ///
    /// # Errors
    /// When the text is empty, longer than [`FieldName::MAX_LEN`], or no token.
    pub const fn new(name: &str) -> Result<Self, FieldNameError> {
        let text = name.as_bytes();
        if text.is_empty() || text.len() > Self::MAX_LEN {
            return Err(FieldNameError::BadLength);
        }
        let mut bytes = [0; Self::MAX_LEN];
        let mut i = 0;
        while i < text.len() {
            if !text::is_token_byte(text[i]) {
                return Err(FieldNameError::BadByte(i));
            }
            bytes[i] = text[i].to_ascii_lowercase();
            i += 1;
        }
        Ok(Self { bytes, len: text.len() as u8, family: false })
    }

    /// A name from a literal, for constants.
    ///
    /// # Panics
    /// When it is no header name; in a constant that is a compile error.
    pub const fn from_static(name: &'static str) -> Self {
        match Self::new(name) {
            Ok(name) => name,
            Err(_) => panic!("not a header name of at most 62 bytes"),
        }
    }

    /// All names that begin with this one and go on: one header an item. What is in them counts as text of the user's,
    /// which is never handed on by itself; [`Format::inject_baggage`](crate::Format::inject_baggage) writes it.
    pub const fn family(mut self) -> Self {
        self.family = true;
        self
    }

    /// Whether this stands for all names that begin with it.
    pub const fn is_family(&self) -> bool {
        self.family
    }

    /// The name, in lower case.
    pub fn as_str(&self) -> &str {
        // Tokens are ASCII, so the other arm is never taken.
        core::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }

    /// Whether a header of this name, in any letter case, is meant.
    pub fn matches(&self, name: &str) -> bool {
        if self.family {
            return self.suffix(name).is_some();
        }
        name.len() == usize::from(self.len) && name.eq_ignore_ascii_case(self.as_str())
    }

    /// What a name of this family says behind the prefix, as it is spelt.
    pub fn suffix<'n>(&self, name: &'n str) -> Option<&'n str> {
        let head = name.get(..usize::from(self.len))?;
        let rest = name.get(usize::from(self.len)..)?;
        (!rest.is_empty() && head.eq_ignore_ascii_case(self.as_str())).then_some(rest)
    }
}

impl fmt::Debug for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldName({}{})", self.as_str(), if self.family { "*" } else { "" })
    }
}

/// What a propagator watches for: built-in fields of the formats it has, and configured names.
#[derive(Clone, Debug)]
pub(crate) struct FieldNames {
    built_in: FieldSet,
    /// For each length of a name (the last place stands for longer ones too) the first letters of those that are
    /// watched for: one look tells that a header is another one.
    first_letters: [u32; Self::LENGTHS],
    look_up_from: usize,
    /// Fields that say nothing where there is no traceparent.
    void_without_parent: FieldSet,
    configured: [Option<FieldName>; MAX_CONFIGURED],
}

impl FieldNames {
    pub(crate) const fn new() -> Self {
        Self {
            built_in: FieldSet::EMPTY,
            first_letters: [0; Self::LENGTHS],
            look_up_from: 0,
            void_without_parent: FieldSet::EMPTY,
            configured: [None; MAX_CONFIGURED],
        }
    }

    pub(crate) fn watch(&mut self, fields: FieldSet) {
        for field in fields.built_in() {
            self.built_in = self.built_in.with(field);
            self.expect(field.name().unwrap_or_default(), field.is_family());
        }
        self.look_up_from = self.look_up_from();
    }

    /// Watches for every built-in field.
    #[cfg(feature = "alloc")]
    pub(crate) const fn all_built_in() -> Self {
        Self { built_in: FieldSet::of(Field::BUILT_IN), first_letters: [u32::MAX; Self::LENGTHS], ..Self::new() }
    }

    /// The field that a stored line is: built-in ones are known already, others are told by their name.
    #[cfg(feature = "alloc")]
    pub(crate) fn find_entry(&self, field: Field, name: &str) -> Option<Field> {
        match field {
            Field::Configured(_) => self.find(name),
            field => self.built_in.contains(field).then_some(field),
        }
    }

    /// Watches for a configured name too. `None` once there are more than [`MAX_CONFIGURED`].
    pub(crate) fn watch_name(&mut self, name: &FieldName) -> Option<Field> {
        let known = self.configured.iter().position(|known| known.as_ref() == Some(name));
        let place = known.or_else(|| self.configured.iter().position(Option::is_none))?;
        self.configured[place] = Some(*name);
        self.expect(name.as_str(), name.is_family());
        self.look_up_from = self.look_up_from();
        Some(Field::Configured(place as u8))
    }

    /// The configured field with this name.
    pub(crate) fn configured(&self, name: &FieldName) -> Option<Field> {
        let place = self.configured.iter().position(|known| known.as_ref() == Some(name))?;
        Some(Field::Configured(place as u8))
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
        let letter = name.bytes().next().map_or(0, Self::letter);
        let longest = if is_family { Self::LENGTHS - 1 } else { name.len() };
        for len in name.len()..=longest {
            self.first_letters[len.min(Self::LENGTHS - 1)] |= letter;
        }
    }

    const LENGTHS: usize = 32;

    /// The bit of a letter, in either case. Bytes that are none share those of others.
    const fn letter(byte: u8) -> u32 {
        1 << (byte & 0x1f)
    }

    /// Says that nobody wants a tracestate that comes without a traceparent.
    pub(crate) fn tie_tracestate(&mut self) {
        self.void_without_parent = FieldSet::of(&[Field::TraceState]);
    }

    /// What need not be looked up because `field` is absent.
    #[inline]
    pub(crate) fn void_without(&self, field: Field) -> FieldSet {
        if field == Field::TraceParent { self.void_without_parent } else { FieldSet::EMPTY }
    }

    /// The field that a header of this name is, if it is watched for.
    #[inline]
    pub(crate) fn find(&self, name: &str) -> Option<Field> {
        let first = *name.as_bytes().first()?;
        let likely = self.first_letters[name.len().min(Self::LENGTHS - 1)] & Self::letter(first) != 0;
        if likely { self.find_likely(name) } else { None }
    }

    fn find_likely(&self, name: &str) -> Option<Field> {
        if let Some(field) = Field::from_name(name).filter(|field| self.built_in.contains(*field)) {
            return Some(field);
        }
        let mut names = self.configured.iter().map_while(Option::as_ref);
        names.position(|known| known.matches(name)).map(|place| Field::Configured(place as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_name_is_found_in_any_case() {
        for &field in Field::BUILT_IN {
            let name = field.name().unwrap();
            let mut buffer = [0; 32];
            let text = &mut buffer[..name.len() + 1];
            text[..name.len()].copy_from_slice(name.as_bytes());
            text[name.len()] = b'k';
            let end = if field.is_family() { name.len() + 1 } else { name.len() };
            let text = &mut text[..end];
            assert_eq!(Field::from_name(core::str::from_utf8(text).unwrap()), Some(field));
            text.make_ascii_uppercase();
            assert_eq!(Field::from_name(core::str::from_utf8(text).unwrap()), Some(field));
        }
    }

    #[test]
    fn err_find_ordinary_and_similar_names() {
        for name in ["", "host", "trace-parent", "x-b3-traceie", "uberctx-", "b4", "x-b3-sample", "x_datadog_tags"] {
            assert_eq!(Field::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn ok_built_in_names_are_known_in_constants_too() {
        for name in ["TraceParent", "sw8", "X-B3-TRACEID", "uberctx-tenant", "sw80", "host", "trace-parent", "b", ""] {
            assert_eq!(Field::is_built_in(name), Field::from_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn ok_index_is_a_place_of_its_own() {
        for (place, field) in Field::BUILT_IN.iter().enumerate() {
            assert_eq!(field.index(), place);
        }
        assert_eq!(Field::Configured(7).index(), FIELD_COUNT - 1);
    }

    #[test]
    fn ok_find_only_what_is_watched() {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(&[Field::TraceParent]));
        let tenant = names.watch_name(&FieldName::from_static("X-Tenant")).unwrap();
        let family = names.watch_name(&FieldName::from_static("acmectx-").family()).unwrap();
        assert_eq!(names.find("TraceParent"), Some(Field::TraceParent));
        assert_eq!(names.find("tracestate"), None);
        assert_eq!(names.find("uberctx-a"), None);
        assert_eq!(names.find("x-tenant"), Some(tenant));
        assert_eq!(names.find("acmectx-user"), Some(family));
        assert_eq!(names.find("acmectx-"), None);
        assert_eq!(names.watch_name(&FieldName::from_static("x-TENANT")), Some(tenant));
    }

    #[test]
    fn ok_long_names_are_found() {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(&[Field::UberContext]));
        let long = "x-0123456789-0123456789-0123456789";
        let watched = names.watch_name(&FieldName::from_static(long));
        for len in 9..=33 {
            let name = std::format!("uberctx-{}", &long[..len]);
            assert_eq!(names.find(&name), Some(Field::UberContext), "{name}");
        }
        assert_eq!((long.len(), names.find(long), names.find(&long[..33])), (34, watched, None));
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
        let _ = names.watch_name(&FieldName::from_static("x-tenant"));
        assert_eq!(names.worth_looking_up(1000), None);
    }

    #[test]
    fn ok_a_set_is_fixed_without_families_and_configured_names() {
        let set = FieldSet::of(&[Field::TraceParent, Field::Sw8Extension]);
        assert!(set.is_fixed() && FieldSet::EMPTY.is_fixed());
        assert!(FieldSet::EMPTY.is_empty() && !set.is_empty());
        assert!(!set.with(Field::UberContext).is_fixed() && !set.with(Field::Configured(0)).is_fixed());
        assert!(!FieldSet::of(&[Field::Configured(0)]).is_fixed());
    }

    #[test]
    fn ok_names_are_shown_and_errors_say_what_to_do() {
        let name = FieldName::from_static("X-Tenant");
        assert_eq!(std::format!("{name:?} {:?}", name.family()), "FieldName(x-tenant) FieldName(x-tenant*)");
        assert_eq!(std::format!("{}", FieldNameError::BadLength), "a header name has 1 to 62 bytes");
        assert_eq!(std::format!("{}", FieldNameError::BadByte(1)), "byte 1 may not occur in a header name");
    }

    #[test]
    fn err_ninth_configured_name() {
        let mut names = FieldNames::new();
        for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            assert!(names.watch_name(&FieldName::from_static(name)).is_some());
        }
        assert_eq!(names.watch_name(&FieldName::from_static("i")), None);
    }

    #[test]
    fn err_field_name_that_is_none() {
        assert_eq!(FieldName::new(""), Err(FieldNameError::BadLength));
        assert_eq!(FieldName::new("x y"), Err(FieldNameError::BadByte(1)));
        assert_eq!(FieldName::new("é"), Err(FieldNameError::BadByte(0)));
        let longest = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
        assert!(FieldName::new(&longest[..FieldName::MAX_LEN]).is_ok());
        assert_eq!(FieldName::new(longest), Err(FieldNameError::BadLength));
    }
}
