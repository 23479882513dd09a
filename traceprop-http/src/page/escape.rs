//! Text for the value of an HTML attribute.

use std::fmt::{self, Write};

/// What displays here can stand between quotes of either kind, and cannot end them.
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

/// The spelling of a letter that means something in markup. Numbers, where HTML had no name from the start.
const fn entity(letter: char) -> Option<&'static str> {
    match letter {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        // Old browsers took it for a quote.
        '`' => Some("&#96;"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_only_what_means_something_is_spelt_otherwise() {
        assert_eq!(Escaped(&"a\"><script>'&`é").to_string(), "a&quot;&gt;&lt;script&gt;&#39;&amp;&#96;é");
        assert_eq!(Escaped(&"").to_string(), "");
        assert_eq!(Escaped(&"<").to_string(), "&lt;");
    }
}
