//! Text of a configuration, and what is wrong with environment variables.

#[cfg(feature = "std")]
mod variables;

#[cfg(feature = "std")]
pub use variables::EnvWarning;
#[cfg(feature = "std")]
pub(crate) use variables::{Message, NotUtf8, Variables};

use core::fmt;

/// A word of a configuration, cut after 64 bytes at a character boundary.
///
/// Errors and warnings hold it inline, so they borrow nothing and need no allocator.
///
/// # Examples
///
/// ```
/// use traceprop_core::{ConfigError, Propagator};
///
/// let Err(ConfigError::UnknownFormat { name, .. }) = Propagator::from_names("b3,zipkin", "none") else {
///     unreachable!("no format is named zipkin");
/// };
/// assert_eq!(name.as_str(), "zipkin");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ConfigWord {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

impl ConfigWord {
    const MAX_LEN: usize = 64;
    pub(crate) const EMPTY: Self = Self { bytes: [0; Self::MAX_LEN], len: 0 };

    pub(crate) fn new(text: &str) -> Self {
        let mut word = Self::EMPTY;
        let ends = (0..=text.len().min(Self::MAX_LEN)).rev();
        let end = ends.into_iter().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        word.bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
        word.len = end as u8;
        word
    }

    /// Returns the word as it was configured, or its first 64 bytes.
    pub fn as_str(&self) -> &str {
        // Cut at a boundary, so it is always valid.
        core::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Display for ConfigWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ConfigWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn ok_a_word_is_cut_at_a_character_boundary() {
        for (text, kept) in [("", 0), ("b3", 2), (&"x".repeat(64), 64), (&"x".repeat(65), 64), (&"é".repeat(33), 64)] {
            assert_eq!(ConfigWord::new(text).as_str(), &text[..kept]);
        }
        let odd = format!("x{}", "é".repeat(32));
        assert_eq!(ConfigWord::new(&odd).as_str(), &odd[..63]);
        assert_eq!(format!("{0} {0:?}", ConfigWord::new("b\"3")), r#"b"3 "b\"3""#);
    }
}
