//! Configuration by names, as operators write it.

use super::{ConfigError, Propagator, PropagatorBuilder};
use crate::presets;

const KNOWN: &str = "tracecontext, baggage, all, none";

impl Propagator {
    /// A propagator from two lists of names, separated by commas; letter case and blanks do not count.
    ///
    /// Names: `tracecontext`, `baggage`, `all` (every built-in format), `none` (nothing, on purpose).
    ///
    /// ```
    /// use traceprop_core::{ConfigError, Propagator};
    ///
    /// let propagator = Propagator::from_names("tracecontext, baggage", "tracecontext")?;
    /// assert!(propagator.extracts_baggage() && !propagator.injects_baggage());
    /// let error = Propagator::from_names("tracecontext,zipkin", "none").unwrap_err();
    /// assert!(error.to_string().starts_with("name 2 of the list is no known format; known are tracecontext"));
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::UnknownName`], and all that [`PropagatorBuilder::build`] finds.
    pub fn from_names(extract: &str, inject: &str) -> Result<Self, ConfigError> {
        Self::builder().names(extract, inject)?.build()
    }
}

impl PropagatorBuilder {
    /// Adds the formats of two lists of names; see [`Propagator::from_names`].
    ///
    /// # Errors
    /// [`ConfigError::UnknownName`].
    pub fn names(mut self, extract: &str, inject: &str) -> Result<Self, ConfigError> {
        for (place, name) in names(extract) {
            self = match name {
                Name::TraceContext => self.extract_static(&presets::TRACE_CONTEXT),
                Name::Baggage => self.extract_baggage(),
                Name::All => self.extract_static(&presets::TRACE_CONTEXT).extract_baggage(),
                Name::None => self.extract_none(),
                Name::Unknown => {
                    return Err(ConfigError::UnknownName { place, known: KNOWN });
                }
            };
        }
        for (place, name) in names(inject) {
            self = match name {
                Name::TraceContext => self.inject_static(&presets::TRACE_CONTEXT),
                Name::Baggage => self.inject_baggage(),
                Name::All => self.inject_static(&presets::TRACE_CONTEXT).inject_baggage(),
                Name::None => self.inject_none(),
                Name::Unknown => {
                    return Err(ConfigError::UnknownName { place, known: KNOWN });
                }
            };
        }
        Ok(self)
    }
}

enum Name {
    TraceContext,
    Baggage,
    All,
    None,
    Unknown,
}

fn names(list: &str) -> impl Iterator<Item = (usize, Name)> {
    let trimmed = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    trimmed.enumerate().map(|(place, name)| {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let name = match name {
            _ if is("tracecontext") => Name::TraceContext,
            _ if is("baggage") => Name::Baggage,
            _ if is("all") => Name::All,
            _ if is("none") => Name::None,
            _ => Name::Unknown,
        };
        (place, name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_names_in_any_case_with_blanks() {
        let propagator = Propagator::from_names(" TraceContext ,BAGGAGE,", "all").unwrap();
        assert!(propagator.extracts().eq(["tracecontext"]) && propagator.extracts_baggage());
        assert!(propagator.injects().eq(["tracecontext"]) && propagator.injects_baggage());
    }

    #[test]
    fn err_empty_list_unless_none_is_said() {
        assert_eq!(Propagator::from_names("", "none").unwrap_err(), ConfigError::EmptyList);
        assert_eq!(Propagator::from_names("none", " , ").unwrap_err(), ConfigError::EmptyList);
        assert!(Propagator::from_names("none", "none").is_ok());
    }

    #[test]
    fn err_unknown_name_says_where() {
        let error = Propagator::from_names("none", "baggage,,b4").unwrap_err();
        assert_eq!(error, ConfigError::UnknownName { place: 1, known: KNOWN });
    }
}
