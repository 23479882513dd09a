//! Environment variables, and warnings about them.

use core::fmt;
use std::ffi::OsString;
use std::string::String;
use std::vec::Vec;

use super::ConfigWord;

/// A setting in an environment variable that was ignored, or that has another meaning elsewhere.
///
/// # Examples
///
/// ```
/// use traceprop_core::PropagatorBuilder;
///
/// let set = |name: &str| (name == "OTEL_PROPAGATORS").then(|| "haystack,b3".to_string());
/// let (_, warnings) = PropagatorBuilder::from_env_with(set)?;
/// assert_eq!((warnings[0].variable.as_str(), warnings[0].value.as_str()), ("OTEL_PROPAGATORS", "haystack"));
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvWarning {
    /// The variable.
    pub variable: ConfigWord,
    /// The value, or a name in a list. Empty if the variable as a whole is not supported.
    pub value: ConfigWord,
    message: Message,
}

/// What a warning says: first the text before the quoted value, then what follows it.
pub(crate) type Message = &'static [&'static str];

impl EnvWarning {
    pub(crate) fn new(variable: &str, value: &str, message: Message) -> Self {
        Self { variable: ConfigWord::new(variable), value: ConfigWord::new(value), message }
    }
}

impl fmt::Display for EnvWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = self.message.split_first().unwrap_or((&"", &[]));
        write!(f, "{}: {before}", self.variable)?;
        if !self.value.as_str().is_empty() {
            write!(f, "`{}`", self.value)?;
        }
        after.iter().try_for_each(|text| f.write_str(text))
    }
}

/// The value of a variable is not UTF-8.
pub(crate) struct NotUtf8;

/// Looks variables up, and collects what is wrong with them.
pub(crate) struct Variables<'v> {
    find: &'v dyn Fn(&str) -> Option<OsString>,
    pub(crate) warnings: Vec<EnvWarning>,
}

impl<'v> Variables<'v> {
    pub(crate) fn new(find: &'v dyn Fn(&str) -> Option<OsString>) -> Self {
        Self { find, warnings: Vec::new() }
    }

    /// Returns the text of a variable. A blank one counts as unset.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, NotUtf8> {
        let text = (self.find)(name).map(OsString::into_string).transpose().map_err(|_| NotUtf8)?;
        Ok(text.map(|text| String::from(text.trim())).filter(|text| !text.is_empty()))
    }

    /// Adds a warning, unless there is the same already.
    pub(crate) fn warn(&mut self, variable: &str, value: &str, message: Message) {
        let warning = EnvWarning::new(variable, value, message);
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Returns the value of a variable. A value that `parse` does not know is ignored with a warning.
    pub(crate) fn parse<T>(
        &mut self,
        name: &str,
        message: Message,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = match self.text(name) {
            Ok(text) => text?,
            Err(NotUtf8) => (self.find)(name)?.to_string_lossy().into_owned(),
        };
        let value = parse(&text);
        if value.is_none() {
            self.warn(name, &text, message);
        }
        value
    }

    /// Returns the value of a variable that is true or false.
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        self.parse(name, &["ignoring ", "; expected true or false"], |text| match text {
            "1" => Some(true),
            "0" => Some(false),
            text if text.eq_ignore_ascii_case("true") => Some(true),
            text if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        })
    }

    /// Returns the value of a variable that is a number.
    pub(crate) fn number(&mut self, name: &str) -> Option<usize> {
        self.parse(name, &["ignoring ", "; expected a number"], |text| text.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    fn read<T>(value: &str, read: impl FnOnce(&mut Variables<'_>) -> T) -> (T, Vec<String>) {
        let find = |name: &str| (name == "X").then(|| OsString::from(value));
        let mut variables = Variables::new(&find);
        let read = read(&mut variables);
        (read, variables.warnings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn ok_flags_and_numbers() {
        for (text, expected) in [("true", true), (" TRUE ", true), ("1", true), ("False", false), ("0", false)] {
            assert_eq!(read(text, |variables| variables.flag("X")), (Some(expected), Vec::new()), "{text}");
        }
        assert_eq!(read(" 512 ", |variables| variables.number("X")), (Some(512), Vec::new()));
        assert_eq!(read(" ", |variables| (variables.flag("X"), variables.number("X"))), ((None, None), Vec::new()));
        assert_eq!(read("1", |variables| variables.flag("Y")), (None, Vec::new()));
    }

    #[test]
    fn err_another_value_is_a_warning_once() {
        let twice = |variables: &mut Variables<'_>| (variables.flag("X"), variables.flag("X"));
        let expected = ["X: ignoring `yes`; expected true or false".to_string()].to_vec();
        assert_eq!(read("yes", twice), ((None, None), expected));
        for text in ["-1", "1.5", "many", "99999999999999999999999"] {
            let expected = [format!("X: ignoring `{text}`; expected a number")].to_vec();
            assert_eq!(read(text, |variables| variables.number("X")), (None, expected));
        }
    }
}
