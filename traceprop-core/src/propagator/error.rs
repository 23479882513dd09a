//! Why a configuration is invalid.

use core::fmt;

pub use crate::config::ConfigWord;
use crate::field::{InvalidHeaderName, KNOWN, MAX_CUSTOM_HEADERS};
use crate::format::MAX_FORMATS;
use crate::wire::words;

words! {
    /// One of the two lists of formats in a configuration.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::ConfigList;
    ///
    /// assert_eq!(ConfigList::Extract.to_string(), "extract list");
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum ConfigList {
        /// The formats that are read.
        Extract = "extract list",
        /// The formats that are written.
        Inject = "inject list",
    }

    /// Returns the name of the list.
    fn as_str;
}

/// Why a [`Propagator`](crate::Propagator) cannot be built.
///
/// `variable` is the environment variable with the invalid list, or `None` if the list is from code. The text of a
/// configuration is quoted in messages.
///
/// # Examples
///
/// ```
/// use traceprop_core::Propagator;
///
/// let error = Propagator::from_names("correlation:traceparent", "none").unwrap_err();
/// # #[cfg(feature = "alloc")]
/// assert_eq!(
///     error.to_string(),
///     "extract list: `correlation:traceparent`: reserved for format `tracecontext`",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A list contains a name that no format has.
    UnknownFormat {
        /// The variable with the list.
        variable: Option<&'static str>,
        /// The list with the name.
        list: ConfigList,
        /// The name.
        name: ConfigWord,
    },
    /// A list contains a correlation header that cannot be used.
    InvalidHeaderName {
        /// The variable with the list.
        variable: Option<&'static str>,
        /// The list with the name.
        list: ConfigList,
        /// The name in the list, such as `correlation:x id`.
        name: ConfigWord,
        /// Why the header name is invalid. An offset counts from the start of the header name.
        source: InvalidHeaderName,
    },
    /// A list contains a correlation header with a setting that does not exist, such as `correlation:x-id;opake`.
    UnknownSetting {
        /// The variable with the list.
        variable: Option<&'static str>,
        /// The list with the name.
        list: ConfigList,
        /// The name in the list, with its settings.
        name: ConfigWord,
    },
    /// A list contains no format, and no `none` that permits it.
    NoFormats {
        /// The variable with the list.
        variable: Option<&'static str>,
        /// The empty list.
        list: ConfigList,
        /// The text of the list.
        value: ConfigWord,
    },
    /// The value of a variable is not UTF-8, so its list cannot be read.
    NotUtf8 {
        /// The variable.
        variable: &'static str,
    },
    /// A variable has a trust that does not exist.
    UnknownTrust {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: ConfigWord,
    },
    /// A list contains more than [`MAX_FORMATS`].
    TooManyFormats,
    /// The formats have more than [`MAX_CUSTOM_HEADERS`].
    TooManyCustomHeaders,
    /// Code added a format twice to a list. A name that a list of names repeats is taken once.
    DuplicateFormat {
        /// The list with the format.
        list: ConfigList,
        /// The name of the format.
        name: ConfigWord,
    },
    /// A custom format has the name of a built-in one.
    NameTaken {
        /// The first name of the built-in format.
        name: &'static str,
    },
    /// `extract_first` is set, but fewer than two formats with a trace context are read.
    ExtractFirstNeedsTwo,
    /// A trust other than [`Continue`](crate::Trust::Continue) is set, but no format is read.
    TrustWithoutExtract,
    /// A format cannot be written with its settings.
    CannotInject {
        /// The name of the format.
        name: ConfigWord,
        /// The missing or invalid setting.
        reason: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where a list is from, for the operator who has to correct it.
        let place = |variable: &Option<&'static str>, list: &ConfigList| variable.unwrap_or(list.as_str());
        match self {
            Self::UnknownFormat { variable, list, name } => {
                write!(f, "{}: unknown format `{name}`; expected one of {KNOWN}", place(variable, list))
            }
            Self::InvalidHeaderName { variable, list, name, source } => {
                write!(f, "{}: `{name}`: {source}", place(variable, list))
            }
            Self::UnknownSetting { variable, list, name } => write!(
                f,
                "{}: `{name}`: unknown setting; known are opaque, exact, envoy-mask, when-absent=trace-id, \
                 when-absent=generate, when-absent=omit",
                place(variable, list)
            ),
            Self::NoFormats { variable: Some(variable), value, .. } => {
                write!(f, "{variable}: no known format in `{value}`")
            }
            Self::NoFormats { variable: None, list, .. } => write!(f, "{list}: no format; add one, or `none`"),
            Self::NotUtf8 { variable } => write!(f, "{variable}: the value is not UTF-8"),
            Self::UnknownTrust { variable, value } => {
                write!(f, "{variable}: unknown value `{value}`; expected continue, restart or ignore")
            }
            Self::TooManyFormats => write!(f, "more than {MAX_FORMATS} formats"),
            Self::TooManyCustomHeaders => write!(f, "more than {MAX_CUSTOM_HEADERS} custom headers"),
            Self::DuplicateFormat { list, name } => write!(f, "{list}: format `{name}` is added twice"),
            Self::NameTaken { name } => write!(f, "format name `{name}` is taken by a built-in format"),
            Self::ExtractFirstNeedsTwo => f.write_str("extract_first needs at least two formats with a trace context"),
            Self::TrustWithoutExtract => f.write_str("a trust other than `continue` needs a format to extract"),
            Self::CannotInject { name, reason } => write!(f, "cannot inject {name}: {reason}"),
        }
    }
}

impl core::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::InvalidHeaderName { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn ok_errors_quote_the_operators_text_and_name_its_place() {
        let (name, value) = (ConfigWord::new("tracecontex"), ConfigWord::new("haystack"));
        let list = ConfigList::Extract;
        let unknown = ConfigError::UnknownFormat { variable: None, list, name };
        let expected = "expected one of tracecontext, b3, b3multi, datadog, jaeger, sw8, ";
        assert!(format!("{unknown}").starts_with(&format!("extract list: unknown format `tracecontex`; {expected}")));
        let unknown = ConfigError::UnknownFormat { variable: Some("OTEL_PROPAGATORS"), list, name };
        assert!(format!("{unknown}").starts_with("OTEL_PROPAGATORS: unknown format `tracecontex`; expected one of "));
        let none = ConfigError::NoFormats { variable: Some("OTEL_PROPAGATORS"), list, value };
        assert_eq!(format!("{none}"), "OTEL_PROPAGATORS: no known format in `haystack`");
        let none = ConfigError::NoFormats { variable: None, list: ConfigList::Inject, value: ConfigWord::EMPTY };
        assert_eq!(format!("{none}"), "inject list: no format; add one, or `none`");
        let twice = ConfigError::DuplicateFormat { list, name: ConfigWord::new("acme") };
        assert_eq!(format!("{twice}"), "extract list: format `acme` is added twice");
    }

    #[test]
    fn ok_an_invalid_header_name_is_the_source() {
        let (variable, list) = (Some("OTEL_PROPAGATORS"), ConfigList::Inject);
        let invalid = |name: &str, source| {
            let name = ConfigWord::new(name);
            ConfigError::InvalidHeaderName { variable, list, name, source }
        };
        let error = invalid("correlation:x id", InvalidHeaderName::BadByte(1));
        assert_eq!(format!("{error}"), "OTEL_PROPAGATORS: `correlation:x id`: invalid character at byte 1");
        let source = core::error::Error::source(&error).unwrap();
        assert_eq!(source.downcast_ref(), Some(&InvalidHeaderName::BadByte(1)));
        let error = invalid("correlation:b3", InvalidHeaderName::Reserved { format: "b3" });
        assert_eq!(format!("{error}"), "OTEL_PROPAGATORS: `correlation:b3`: reserved for format `b3`");
    }
}
