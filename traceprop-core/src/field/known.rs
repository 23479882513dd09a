//! What is made from the rows of `field/builtin.rs`: [`Field`] with its names and its matcher, the kinds of formats, and
//! their rows.

use super::kind::{FirstField, InAll, Preserves, Row, SetBy};
use super::name::MAX_CUSTOM_HEADERS;
use super::set::FieldSet;

macro_rules! define {
    (
        formats { $($kind:ident {
            fields: { $($(#[doc = $doc:literal])+ $field:ident: $carries:ident = $text:literal,)* }
            $(also: [$($also:ident),+],)?
            $(first_field: $first_field:ident,)? names: [$($name:literal),+], in_all: $in_all:ident,
            $(letter: $letter:expr,)? $(preserves: $preserves:ident,)? $(set_by: $set_by:ident,)?
        })+ }
        unread { $($(#[doc = $unread_doc:literal])+ $unread:ident $(: $unread_carries:ident)? = $unread_text:literal,)+ }
    ) => {
        /// A header field that a format reads or writes, or that is only removed.
        ///
        /// # Examples
        ///
        /// ```
        /// use traceprop_core::Field;
        ///
        /// assert_eq!(Field::TraceParent.name(), Some("traceparent"));
        /// assert_eq!(Field::UberContext.name(), Some("uberctx-"));
        /// assert!(Field::UberContext.is_prefix() && Field::UberContext.is_baggage());
        /// assert_eq!(Field::ALL[Field::B3.index()], Field::B3);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Field {
            $($($(#[doc = $doc])+ $field,)*)+
            $($(#[doc = $unread_doc])+ $unread,)+
            /// A custom header, by its place among those of the propagator, counted from 0.
            ///
            /// A place of [`MAX_CUSTOM_HEADERS`] or more is a header that the propagator does not watch. It is never
            /// present.
            Custom(u8),
        }

        impl Field {
            /// The fields of the built-in formats.
            pub const BUILT_IN: &'static [Self] = &[$($(Self::$field,)*)+];

            /// The fields with a built-in name, in the order of [`Field::index`].
            pub const ALL: &'static [Self] = &[$($(Self::$field,)*)+ $(Self::$unread,)+];

            /// Returns the name in lower case, or `None` for a custom header. A name that ends in `-` is a prefix, such as
            /// `uberctx-`.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $($(Self::$field => Some($text),)*)+
                    $(Self::$unread => Some($unread_text),)+
                    Self::Custom(_) => None,
                }
            }

            /// Returns the place of this field in [`Field::ALL`]. Custom headers come after all others.
            #[inline]
            pub const fn index(self) -> usize {
                // Two questions in place of one, because each is then arithmetic, and not a jump to a piece of code for
                // each field.
                let among_configured = match self {
                    // All that are not watched share the place after those that are.
                    Self::Custom(place) if (place as usize) < MAX_CUSTOM_HEADERS => place as usize,
                    Self::Custom(_) => MAX_CUSTOM_HEADERS,
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

            pub(super) const fn carries(self) -> Carries {
                match self {
                    $($(Self::$field => Carries::$carries,)*)+
                    $($(Self::$unread => Carries::$unread_carries,)?)+
                    _ => Carries::Trace,
                }
            }

            /// Returns the built-in field with this name, in any letter case.
            ///
            /// ```
            /// use traceprop_core::Field;
            ///
            /// assert_eq!(Field::from_name("X-B3-TraceId"), Some(Field::B3TraceId));
            /// assert_eq!(Field::from_name("trace-parent"), None);
            /// ```
            #[inline]
            pub fn from_name(name: &str) -> Option<Self> {
                let name = name.as_bytes();
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
            fields: FieldSet::of(&[$(Field::$field,)* $($(Field::$also,)+)?]),
            first_field: [$(FirstField::$first_field,)? FirstField::Independent][0],
            names: &[$($name),+],
            in_all: InAll::$in_all,
            letter: [$($letter,)? None][0],
            preserves: [$(Preserves::$preserves,)? Preserves::Nothing][0],
            set_by: [$(SetBy::$set_by,)? SetBy::Callers][0],
        }),+];

        /// All names of formats, for messages.
        pub(crate) const KNOWN: &str = concat!($($($name, ", ",)+)+ "all, none");
    };
}

builtin_formats!(define);

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Carries {
    /// Ids, decisions, and what belongs to them.
    Trace,
    /// Ids, decisions, and what belongs to them, in a list that several lines may hold.
    List,
    /// Baggage.
    Text,
    /// Baggage that counts only next to valid ids of its format. A format that reads it as well needs no ids.
    TextWithIds,
    /// Ids and decisions, and fields that are baggage.
    TraceAndText,
    /// A wish for a new trace. It counts only without the first field of its format.
    NewTrace,
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

/// Whether a name in the table is a prefix, which means every longer name that begins with it.
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

pub(super) const FIXED_COUNT: usize = Field::ALL.len();

const _: () = assert!(Field::UNWATCHED.index() < u64::BITS as usize, "each field is a bit of a `FieldSet`");

/// The fields that stand for all names with a prefix.
pub(super) const FAMILIES: FieldSet = {
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
