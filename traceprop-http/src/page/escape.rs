//! Escapes for the value of an HTML attribute.

use std::fmt::{self, Write};

/// Displays a value so that it can be written between single or double quotes, and cannot end them.
pub(super) struct Escaped<'t, T>(pub(super) &'t T);

impl<T: fmt::Display> fmt::Display for Escaped<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Writer(f), "{}", self.0)
    }
}

struct Writer<'w, 'f>(&'w mut fmt::Formatter<'f>);

impl Write for Writer<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(|letter| entity(letter).is_some()) {
            let (plain, special) = rest.split_at(at);
            self.0.write_str(plain)?;
            let mut letters = special.chars();
            self.0.write_str(letters.next().and_then(entity).unwrap_or_default())?;
            rest = letters.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Returns the escape of a character with a meaning in HTML. It is numeric where old HTML has no name for it.
const fn entity(letter: char) -> Option<&'static str> {
    match letter {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        // Old browsers read it as a quote.
        '`' => Some("&#96;"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_only_characters_with_a_meaning_are_escaped() {
        assert_eq!(Escaped(&"a\"><script>'&`é").to_string(), "a&quot;&gt;&lt;script&gt;&#39;&amp;&#96;é");
        assert_eq!(Escaped(&"").to_string(), "");
        assert_eq!(Escaped(&"<").to_string(), "&lt;");
    }
}
