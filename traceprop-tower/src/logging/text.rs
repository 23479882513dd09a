use std::fmt;

/// Text of a request in a form that is safe to log: the text if it is at most 150 visible ASCII characters, else its
/// length.
///
/// # Examples
///
/// ```
/// use traceprop_tower::logging::LogText;
///
/// assert_eq!(LogText::new("a2c1-77").to_string(), "a2c1-77");
/// assert_eq!(LogText::new("ok\nlevel=ERROR").to_string(), "14 bytes");
/// ```
#[derive(Clone, Copy)]
pub struct LogText {
    text: [u8; Self::MAX_LEN],
    /// Length of the whole text, which may exceed the buffer.
    len: usize,
    is_fit: bool,
}

impl LogText {
    /// Length of the longest text that is shown, in characters.
    pub const MAX_LEN: usize = 150;

    /// Creates a log text from received text.
    pub fn new(text: &str) -> Self {
        Self::of_bytes(text.bytes())
    }

    pub(super) fn of_bytes(bytes: impl Iterator<Item = u8>) -> Self {
        let mut text = [0; Self::MAX_LEN];
        let (mut len, mut is_fit) = (0, true);
        for byte in bytes {
            match text.get_mut(len) {
                Some(place) if byte.is_ascii_graphic() => *place = byte,
                _ => is_fit = false,
            }
            len += 1;
        }
        Self { text, len, is_fit }
    }

    /// Creates a log text of this length that is not shown.
    pub(super) const fn unfit(len: usize) -> Self {
        Self { text: [0; Self::MAX_LEN], len, is_fit: false }
    }

    /// Returns the text if it is safe to show.
    pub fn as_str(&self) -> Option<&str> {
        let text = self.text.get(..self.len).filter(|_| self.is_fit)?;
        std::str::from_utf8(text).ok()
    }

    /// Returns the length of the text in bytes, also if the text is not shown.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if the text is empty.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Writes the text or its length. They cannot be confused, because a text with a blank is not shown.
impl fmt::Display for LogText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Some(text) => f.write_str(text),
            None => write!(f, "{} bytes", self.len),
        }
    }
}

impl fmt::Debug for LogText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogText({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_longest_text_and_one_longer() {
        let longest = "x".repeat(150);
        assert_eq!(LogText::new(&longest).to_string(), longest);
        assert_eq!(LogText::new(&format!("{longest}x")).to_string(), "151 bytes");
        assert_eq!(LogText::new(&"x".repeat(100_000)).to_string(), "100000 bytes");
    }

    #[test]
    fn ok_visible_characters_and_their_neighbours() {
        for shown in ["!", "~", "\"", "\\", "{}", ""] {
            assert_eq!(LogText::new(shown).as_str(), Some(shown));
        }
        for (hidden, len) in [(" ", 1), ("a b", 3), ("\u{7f}", 1), ("\n", 1), ("\x1b[31m", 5), ("é", 2), ("\0", 1)] {
            assert_eq!(LogText::new(hidden).as_str(), None);
            assert_eq!(LogText::new(hidden).to_string(), format!("{len} bytes"));
            assert_eq!(format!("{:?}", LogText::new(hidden)), format!("LogText({len} bytes)"));
        }
    }

    proptest::proptest! {
        #[test]
        fn ok_shown_is_short_visible_text_alone(text in "[!-~]{0,160}|[ -~]{0,20}|\\PC{0,60}") {
            let fit = text.len() <= 150 && text.bytes().all(|b| b.is_ascii_graphic());
            let log = LogText::new(&text);
            proptest::prop_assert_eq!((log.as_str(), log.len()), (fit.then_some(text.as_str()), text.len()));
            let shown = if fit { text.clone() } else { format!("{} bytes", text.len()) };
            proptest::prop_assert_eq!((log.to_string(), log.is_empty()), (shown, text.is_empty()));
        }
    }
}
