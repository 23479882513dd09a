//! The header fields that trace contexts travel in, and the matcher that finds them in one pass over a carrier.

#[macro_use]
mod builtin;
pub(crate) mod invalid;
mod kind;
mod matcher;
mod name;
mod set;

use core::fmt;

pub(crate) use kind::{FirstField, FormatSet, InAll, Row};
pub(crate) use matcher::FieldNames;
pub use name::{CustomHeader, InvalidHeaderName};
pub use set::FieldSet;

/// Configured names (correlation headers, headers of a user's own format) that one propagator can watch for.
pub const MAX_CUSTOM_HEADERS: usize = 8;

macro_rules! define {
    (
        formats { $($kind:ident {
            fields: { $($(#[doc = $doc:literal])+ $field:ident: $carries:ident = $text:literal,)* }
            first_field: $first_field:ident, names: [$($name:literal),+], in_all: $in_all:ident, letter: $letter:expr,
        })+ }
        unread { $($(#[doc = $unread_doc:literal])+ $unread:ident = $unread_text:literal,)+ }
    ) => {
        /// A header field that some format reads or writes, or that is only removed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Field {
            $($($(#[doc = $doc])+ $field,)*)+
            $($(#[doc = $unread_doc])+ $unread,)+
            /// A configured name, by its place among those of the propagator (0 to 7).
            Custom(u8),
        }

        impl Field {
            /// The fields of the built-in formats.
            pub const BUILT_IN: &'static [Self] = &[$($(Self::$field,)*)+];

            /// All fields with a fixed name, in the order of their places.
            pub const ALL: &'static [Self] = &[$($(Self::$field,)*)+ $(Self::$unread,)+];

            /// The lower-case name; `None` for a configured one. One that ends in `-` (`uberctx-`) stands for all names
            /// that begin so.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $($(Self::$field => Some($text),)*)+
                    $(Self::$unread => Some($unread_text),)+
                    Self::Custom(_) => None,
                }
            }

            /// The place of this field in a table of [`FIXED_COUNT`].
            #[inline]
            pub const fn index(self) -> usize {
                // Two questions in place of one, because each is then arithmetic, and not a jump to a piece of code for
                // each field.
                let among_configured = match self {
                    // A configured field is only ever made by the matcher, which has that many places.
                    Self::Custom(place) => place as usize % MAX_CUSTOM_HEADERS,
                    _ => 0,
                };
                let first = match self {
                    $($(Self::$field => Place::$field as usize,)*)+
                    $(Self::$unread => Place::$unread as usize,)+
                    Self::Custom(_) => FIXED_COUNT,
                };
                first + among_configured
            }

            /// The format that owns the field. `Custom` for configured names, and those that no format here reads.
            pub(crate) const fn format(self) -> FormatKind {
                match self {
                    $($(Self::$field => FormatKind::$kind,)*)+
                    _ => FormatKind::Custom,
                }
            }

            const fn carries(self) -> Carries {
                match self {
                    $($(Self::$field => Carries::$carries,)*)+
                    _ => Carries::Trace,
                }
            }

            /// The field with this name, in any letter case.
            #[inline]
            fn find(name: &[u8]) -> Option<Self> {
                // Length and middle letter leave one name to compare, so ordinary headers fall out here. Each comparison
                // has a length of its own that is known, so it takes a few words.
                match key(name) {
                    $($(Key::$field if !is_prefix($text) && is(name, $text.as_bytes()) => Some(Self::$field),)*)+
                    $(Key::$unread if is(name, $unread_text.as_bytes()) => Some(Self::$unread),)+
                    $($(_ if is_prefix($text) && begins(name, $text.as_bytes()) => Some(Self::$field),)*)+
                    _ => None,
                }
            }
        }

        /// The fields in order, to count them.
        enum Place { $($($field,)*)+ $($unread,)+ }

        /// What tells each field from most others: see [`key`].
        struct Key;

        #[allow(non_upper_case_globals, reason = "named like the fields")]
        impl Key {
            $($(const $field: (usize, u8) = key($text.as_bytes());)*)+
            $(const $unread: (usize, u8) = key($unread_text.as_bytes());)+
        }

        /// A built-in format, or one of the user's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum FormatKind {
            $($kind,)+
            /// A format of the user's: it judges by itself what of its own lines still holds.
            Custom,
        }

        /// What is known of each kind, in their order.
        pub(crate) const ROWS: &[Row] = &[$(Row {
            kind: FormatKind::$kind,
            fields: FieldSet::of(&[$(Field::$field),*]),
            first_field: FirstField::$first_field,
            names: &[$($name),+],
            in_all: InAll::$in_all,
            letter: $letter,
        }),+];

        /// All names of formats, for messages.
        pub(crate) const KNOWN: &str = concat!($($($name, ", ",)+)+ "all, none");
    };
}

builtin_formats!(define);

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carries {
    /// Ids, decisions, and what belongs to them.
    Trace,
    /// Text of the user's.
    Text,
}

/// What tells most names apart: the length, and the letter in the middle.
#[inline]
const fn key(name: &[u8]) -> (usize, u8) {
    if name.is_empty() { (0, 0) } else { (name.len(), name[name.len() / 2] | 0x20) }
}

/// Most carriers have their names in lower case, which is cheaper to tell.
#[inline(always)]
fn is(name: &[u8], own: &[u8]) -> bool {
    name == own || is_in_any_case(name, own)
}

/// Whether a name in the table stands for all names that begin with it.
const fn is_prefix(name: &str) -> bool {
    name.as_bytes()[name.len() - 1] == b'-'
}

/// Whether a name belongs to a family, and says more than its prefix.
#[inline]
fn begins(name: &[u8], prefix: &[u8]) -> bool {
    name.len() > prefix.len() && name[0] | 0x20 == prefix[0] && is_in_any_case(&name[..prefix.len()], prefix)
}

#[cold]
fn is_in_any_case(name: &[u8], own: &[u8]) -> bool {
    name.eq_ignore_ascii_case(own)
}

const FIXED_COUNT: usize = Field::ALL.len();

const _: () = assert!(FIXED_COUNT + MAX_CUSTOM_HEADERS <= u64::BITS as usize, "each field is a bit of a `FieldSet`");

/// The fields that stand for all names with a prefix.
const FAMILIES: FieldSet = {
    let mut families = FieldSet::EMPTY;
    let mut i = 0;
    while i < FIXED_COUNT {
        if let Some(name) = Field::ALL[i].name() {
            families = if is_prefix(name) { families.with(Field::ALL[i]) } else { families };
        }
        i += 1;
    }
    families
};

impl Field {
    /// Fields that the table of headers has a place for: those of formats, and custom headers.
    pub(crate) const TABLE_LEN: usize = MAX_CUSTOM_HEADERS + Self::BUILT_IN.len();

    /// The place in the table of headers, which has none for a field that no format reads.
    #[inline]
    pub(crate) const fn place(self) -> usize {
        match self {
            Self::Custom(place) => place as usize % MAX_CUSTOM_HEADERS,
            _ => MAX_CUSTOM_HEADERS + self.index(),
        }
    }

    /// The field at a place of the table.
    #[cfg(feature = "alloc")]
    pub(crate) fn at(index: usize) -> Self {
        match Self::ALL.get(index) {
            Some(field) => *field,
            None => Self::Custom((index.saturating_sub(FIXED_COUNT) % MAX_CUSTOM_HEADERS) as u8),
        }
    }

    /// Whether the field holds text of the user's (baggage of any dialect), which leaves only where it is allowed.
    pub const fn is_baggage(self) -> bool {
        matches!(self.carries(), Carries::Text)
    }

    /// Whether the field stands for all names with its prefix.
    pub const fn is_prefix(self) -> bool {
        FAMILIES.contains(self)
    }

    /// The built-in field with this name, in any letter case.
    ///
    /// ```
    /// use traceprop_core::Field;
    ///
    /// assert_eq!(Field::from_name("X-B3-TraceId"), Some(Field::B3TraceId));
    /// assert_eq!(Field::from_name("trace-parent"), None);
    /// ```
    #[inline]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::find(name.as_bytes())
    }

    /// Returns the name of the built-in format that reads the header with this name. Works in constants.
    pub(crate) const fn reserved_by(name: &str) -> Option<&'static str> {
        let name = name.as_bytes();
        let mut i = 0;
        while i < Self::BUILT_IN.len() {
            let field = Self::BUILT_IN[i];
            if let Some(known) = field.name() {
                let prefix = field.is_prefix() && name.len() > known.len();
                let (head, _) = name.split_at(if prefix { known.len() } else { name.len() });
                if is_same_name(head, known.as_bytes()) {
                    return match field.format().row() {
                        Some(row) => Some(row.names[0]),
                        None => None,
                    };
                }
            }
            i += 1;
        }
        None
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self) {
            (Some(name), _) => f.write_str(name),
            (None, Self::Custom(i)) => write!(f, "custom header {}", u32::from(*i) + 1),
            (None, _) => Ok(()),
        }
    }
}

/// A field by the name that it has in a propagator; without one, a configured name is only a number.
pub(crate) struct Named<'n>(pub(crate) Option<&'n FieldNames>, pub(crate) Field);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.and_then(|names| names.name_of(self.1)) {
            Some(name) => f.write_str(name),
            None => self.1.fmt(f),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_name_is_found_in_any_case() {
        for &field in Field::ALL {
            let name = field.name().unwrap();
            let mut buffer = [0; 32];
            let text = &mut buffer[..name.len() + 1];
            text[..name.len()].copy_from_slice(name.as_bytes());
            text[name.len()] = b'k';
            let end = if field.is_prefix() { name.len() + 1 } else { name.len() };
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
            assert_eq!(Field::reserved_by(name).is_some(), Field::from_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn ok_index_is_a_place_of_its_own() {
        for (place, field) in Field::ALL.iter().enumerate() {
            assert_eq!(field.index(), place);
        }
        assert_eq!(Field::Custom(7).index(), FIXED_COUNT + MAX_CUSTOM_HEADERS - 1);
    }
}
