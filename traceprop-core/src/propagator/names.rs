//! Configuration by names, as operators write it.

use super::list::FormatRef;
use super::{ConfigError, Propagator, PropagatorBuilder};
use crate::field::{FormatKind, KNOWN, ROWS};
use crate::formats::BUILT_IN;

impl Propagator {
    /// A propagator from two lists of names, separated by commas; letter case and blanks do not count.
    ///
    /// | name | format |
    /// |---|---|
    /// | `tracecontext` | traceparent and tracestate |
    /// | `baggage` | W3C baggage |
    /// | `b3`, `b3multi` | B3; either reads both encodings, and writes its own |
    /// | `datadog` | the x-datadog-* headers |
    /// | `jaeger` | uber-trace-id and its baggage |
    /// | `sw8` | SkyWalking; to write it takes an identity, see [`PropagatorBuilder::define`] |
    /// | `correlation:HEADER` | a correlation id under this header name (feature `alloc`) |
    /// | `all` | every built-in format, in this order, but one encoding of B3 |
    /// | `none` | nothing, on purpose |
    ///
    /// ```
    /// use traceprop_core::{ConfigError, Propagator};
    ///
    /// let propagator = Propagator::from_names("tracecontext, b3, baggage", "tracecontext")?;
    /// assert!(propagator.extract_names().eq(["tracecontext", "b3", "baggage"]));
    /// let error = Propagator::from_names("tracecontext,zipkin", "none").unwrap_err();
    /// assert!(error.to_string().starts_with("name 2 of the list is no known format; known are tracecontext"));
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::UnknownFormat`], and all that [`PropagatorBuilder::build`] finds.
    pub fn from_names(extract: &str, inject: &str) -> Result<Self, ConfigError> {
        Self::builder().names(extract, inject)?.build()
    }
}

/// Which of the two lists a name stands in.
#[derive(Clone, Copy)]
enum List {
    Extract,
    Inject,
}

impl PropagatorBuilder {
    /// Adds the formats of two lists of names; see [`Propagator::from_names`]. What the formats know also crosses a hop
    /// that speaks only W3C, whichever of them are named ([`PropagatorBuilder::bridges`]).
    ///
    /// # Errors
    /// [`ConfigError::UnknownFormat`], and [`ConfigError::InvalidHeaderName`] for a correlation header.
    pub fn names(self, extract: &str, inject: &str) -> Result<Self, ConfigError> {
        let builder = self.bridges(BUILT_IN);
        let builder = builder.list(extract, List::Extract)?;
        builder.list(inject, List::Inject)
    }

    fn list(self, names: &str, list: List) -> Result<Self, ConfigError> {
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.enumerate().try_fold(self, |builder, (place, name)| builder.name(place, name, list))
    }

    fn name(self, place: usize, name: &str, list: List) -> Result<Self, ConfigError> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("none") {
            return Ok(match list {
                List::Extract => self.extract_none(),
                List::Inject => self.inject_none(),
            });
        }
        if is("all") {
            let all = ROWS.iter().filter(|row| row.in_all);
            return Ok(all.fold(self, |builder, row| builder.add(row.kind, row.names[0], list)));
        }
        if let Some(format) = self.defined(name) {
            return Ok(self.add_format(format, list));
        }
        match ROWS.iter().find(|row| row.is_named(name)) {
            #[cfg(feature = "alloc")]
            Some(row) if row.kind == FormatKind::Correlation => {
                let (_, header) = name.split_once(':').unwrap_or_default();
                let format = crate::formats::correlation::Correlation::new(header.trim())
                    .map_err(|error| ConfigError::InvalidHeaderName { place, error })?;
                Ok(self.add_format(format.into(), list))
            }
            Some(row) if row.kind != FormatKind::Correlation => Ok(self.add(row.kind, name, list)),
            _ => Err(ConfigError::UnknownFormat { place, known: KNOWN }),
        }
    }

    /// Adds the format that the name of a row means.
    fn add(self, kind: FormatKind, name: &str, list: List) -> Self {
        let built_in = || BUILT_IN.iter().find(|format| format.name().eq_ignore_ascii_case(name));
        let format = self.defined(name).or_else(|| identified(kind, list));
        match format.or_else(|| built_in().copied().map(FormatRef::from_static)) {
            Some(format) => self.add_format(format, list),
            // A test compares the instances with the rows.
            None => self,
        }
    }

    fn add_format(self, format: FormatRef, list: List) -> Self {
        match list {
            List::Extract => self.extract(format),
            List::Inject => self.inject(format),
        }
    }
}

/// Returns a writer of `sw8` with the identity that the environment names. The built-in instance can only read.
#[cfg(feature = "alloc")]
fn identified(kind: FormatKind, list: List) -> Option<FormatRef> {
    let writes = matches!((kind, list), (FormatKind::Sw8, List::Inject));
    writes.then(|| crate::formats::sw8::Sw8::builder().build().ok()).flatten().map(FormatRef::from)
}

#[cfg(not(feature = "alloc"))]
fn identified(_: FormatKind, _: List) -> Option<FormatRef> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "alloc")]
    fn named(extract: &str, inject: &str) -> Propagator {
        let builder = Propagator::builder().define(crate::formats::sw8::Sw8::new("cart", "cart-1"));
        builder.names(extract, inject).and_then(PropagatorBuilder::build).unwrap()
    }

    #[test]
    fn ok_names_in_any_case_with_blanks() {
        let propagator = Propagator::from_names(" TraceContext ,BAGGAGE,Jaeger,", "b3multi").unwrap();
        assert!(propagator.extract_names().eq(["tracecontext", "baggage", "jaeger"]));
        assert!(propagator.inject_names().eq(["b3multi"]));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn ok_all_is_every_format_in_its_order() {
        let propagator = named("all", "all");
        let all = ["tracecontext", "b3", "datadog", "jaeger", "sw8", "baggage"];
        assert!(propagator.extract_names().eq(all));
        assert!(propagator.inject_names().eq(all));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn err_sw8_written_without_an_identity() {
        // The tests run without the variables that could name the service.
        let error = Propagator::from_names("none", "sw8").unwrap_err();
        assert!(matches!(error, ConfigError::CannotInject { .. }), "{error:?}");
        assert!(Propagator::from_names("sw8", "none").is_ok());
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn ok_correlation_headers_by_their_name() {
        let propagator = Propagator::from_names("correlation:X-Request-Id, tracecontext", "correlation:x-a").unwrap();
        assert!(propagator.extract_names().eq(["correlation:x-request-id", "tracecontext"]));
        assert!(propagator.inject_names().eq(["correlation:x-a"]));
        let error = Propagator::from_names("none", "correlation:a b").unwrap_err();
        assert!(matches!(error, ConfigError::InvalidHeaderName { place: 0, .. }), "{error:?}");
        let error = Propagator::from_names("correlation:x-a,correlation:X-A", "none").unwrap_err();
        assert_eq!(error, ConfigError::DuplicateFormat);
    }

    #[test]
    fn err_empty_list_unless_none_is_said() {
        assert_eq!(Propagator::from_names("", "none").unwrap_err(), ConfigError::NoFormats);
        assert_eq!(Propagator::from_names("none", " , ").unwrap_err(), ConfigError::NoFormats);
        assert!(Propagator::from_names("none", "none").is_ok());
    }

    #[test]
    fn err_unknown_name_says_where() {
        let error = Propagator::from_names("none", "baggage,,b4").unwrap_err();
        assert_eq!(error, ConfigError::UnknownFormat { place: 1, known: KNOWN });
        let error = Propagator::from_names("header:x-a", "none").unwrap_err();
        assert_eq!(error, ConfigError::UnknownFormat { place: 0, known: KNOWN });
    }
}
