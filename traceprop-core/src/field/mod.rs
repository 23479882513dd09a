//! The header fields that trace contexts travel in, and the matcher that finds them in one pass over a carrier.

#[macro_use]
mod builtin;
pub(crate) mod invalid;
mod kind;
mod known;
mod matcher;
mod name;
mod reserved;
mod set;

use core::fmt;

pub use invalid::InvalidHeader;
pub(crate) use kind::{FormatSet, InAll, Preserves};
pub use known::Field;
use known::{Carries, FAMILIES};
pub(crate) use known::{FormatKind, KNOWN, ROWS};
pub(crate) use matcher::{FieldNames, Named};
pub use name::{CustomHeader, InvalidHeaderName, MAX_CUSTOM_HEADERS};
pub use set::FieldSet;

impl Field {
    /// A custom header that a propagator does not watch.
    pub(crate) const UNWATCHED: Self = Self::Custom(MAX_CUSTOM_HEADERS as u8);

    /// Fields that have a place in the table of headers: those of formats, and custom headers.
    pub(crate) const TABLE_LEN: usize = MAX_CUSTOM_HEADERS + Self::BUILT_IN.len();

    /// Returns the place in the table of headers. A field that no format reads has none: its place is after the end.
    #[inline]
    pub(crate) const fn place(self) -> usize {
        match self {
            Self::Custom(place) if (place as usize) < MAX_CUSTOM_HEADERS => place as usize,
            _ => MAX_CUSTOM_HEADERS + self.index(),
        }
    }

    /// Returns the field with this index.
    pub(crate) fn at(index: usize) -> Self {
        match Self::ALL.get(index) {
            Some(field) => *field,
            None => Self::Custom(index.saturating_sub(Self::ALL.len()) as u8),
        }
    }

    /// Returns whether the field holds baggage of any format. Baggage is written only if
    /// [`InjectOptions`](crate::InjectOptions) allow it.
    pub const fn is_baggage(self) -> bool {
        matches!(self.carries(), Carries::Text | Carries::TextWithIds) && !matches!(self.format(), FormatKind::Custom)
    }

    /// Whether the field can hold baggage, alone or next to ids.
    pub(crate) const fn can_hold_baggage(self) -> bool {
        matches!(self.carries(), Carries::Text | Carries::TextWithIds | Carries::TraceAndText)
    }

    /// Whether the field asks for a new trace. It counts only without the first field of its format.
    #[cfg(feature = "alloc")]
    pub(crate) const fn asks_for_trace(self) -> bool {
        matches!(self.carries(), Carries::NewTrace)
    }

    /// Whether several lines are one list.
    pub(crate) const fn is_list(self) -> bool {
        matches!(self.carries(), Carries::List)
    }

    /// Returns whether the field is all names with a prefix.
    pub const fn is_prefix(self) -> bool {
        FAMILIES.contains(self)
    }

    /// Returns the name of the built-in format that reads the header with this name. Works in constants.
    pub(crate) const fn reserved_by(name: &str) -> Option<&'static str> {
        let name = name.as_bytes();
        let mut i = 0;
        while i < Self::BUILT_IN.len() {
            let field = Self::BUILT_IN[i];
            if let Some(known) = field.name() {
                let is_whole = name.len() == known.len();
                if (is_whole || field.is_prefix()) && starts_with(name, known.as_bytes()) {
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
            (None, Self::Custom(place)) if usize::from(*place) < MAX_CUSTOM_HEADERS => {
                write!(f, "custom header {}", place + 1)
            }
            (None, _) => f.write_str("unknown custom header"),
        }
    }
}

/// Returns whether `name` is `known`, or begins with it if that is a prefix, with `_` read as `-`.
fn matches_dashed(name: &str, known: &str, is_prefix: bool) -> bool {
    let is_long_enough = if is_prefix { name.len() > known.len() } else { name.len() == known.len() };
    is_long_enough && starts_with(name.as_bytes(), known.as_bytes())
}

/// Returns whether a name starts with a prefix, in any letter case. Works in constants.
///
/// `_` counts as `-`, because WSGI and CGI servers read both as one name.
const fn starts_with(name: &[u8], prefix: &[u8]) -> bool {
    let mut i = 0;
    while i < prefix.len() {
        if i == name.len() || !dashed(name[i]).eq_ignore_ascii_case(&dashed(prefix[i])) {
            return false;
        }
        i += 1;
    }
    true
}

pub(crate) const fn dashed(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte }
}

#[cfg(test)]
mod tests {
    use super::known::FIXED_COUNT;
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
