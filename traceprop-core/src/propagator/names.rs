//! Configuration by names, as operators write it.

use super::error::{ConfigError, ConfigList, ConfigWord};
use super::{Propagator, PropagatorBuilder};
use crate::field::{InAll, ROWS};
use crate::format::FormatRef;
use crate::formats::BUILT_IN;
#[cfg(feature = "alloc")]
use crate::{
    field::FormatKind,
    format::Format,
    formats::correlation::Correlation,
    formats::sw8::{Sw8, Sw8IdentityError},
};

impl Propagator {
    /// Creates a propagator from two lists of names: the formats to read and the formats to write.
    ///
    /// Names are separated by commas. Letter case and spaces are ignored, and a repeated name is taken once.
    ///
    /// | name | format |
    /// |---|---|
    /// | `tracecontext` | `traceparent` and `tracestate` |
    /// | `baggage` | W3C `baggage` |
    /// | `b3`, `b3multi` | B3; each reads both encodings and writes its own |
    /// | `datadog` | the `x-datadog-*` headers |
    /// | `jaeger` | `uber-trace-id` and Jaeger baggage |
    /// | `instana` | Instana's `x-instana-*` |
    /// | `grpc-trace-bin` | OpenCensus in gRPC |
    /// | `elastic` | Elastic APM's `elastic-apm-traceparent` |
    /// | `ottrace` | OpenTracing's `ot-tracer-*` and `ot-baggage-*` |
    /// | `sw8` | SkyWalking; a writer needs a service name, see [`PropagatorBuilder::define`] |
    /// | `sentry` | `sentry-trace` and the `sentry-*` members of `baggage` |
    /// | `newrelic` | New Relic's `newrelic`; cannot be written |
    /// | `xray` | AWS X-Ray's `x-amzn-trace-id` |
    /// | `cloudtrace` | Google's `x-cloud-trace-context` |
    /// | `correlation:HEADER` | a correlation id in this header, unless HTTP uses it (feature `alloc`) |
    /// | `correlation:HEADER;opaque` | the same with [`Correlation::opaque`]; further settings below |
    /// | `all` | to read, all but correlation ids; to write, `tracecontext`, `b3`, `datadog`, `jaeger`, `sw8` and `baggage` |
    /// | `none` | no format; permits an empty list |
    ///
    /// The settings of a correlation id are `opaque`, `exact`, `envoy-mask`, `when-absent=trace-id`,
    /// `when-absent=generate` and `when-absent=omit`, each after a semicolon.
    ///
    /// [`Correlation::opaque`]: crate::formats::correlation::Correlation::opaque
    ///
    /// # Errors
    ///
    /// Returns the errors of [`PropagatorBuilder::names`] and [`PropagatorBuilder::build`].
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::{ConfigError, Propagator};
    ///
    /// let propagator = Propagator::from_names("tracecontext, b3, baggage", "tracecontext")?;
    /// assert!(propagator.extract_names().eq(["tracecontext", "b3", "baggage"]));
    /// let error = Propagator::from_names("tracecontext,zipkin", "none").unwrap_err();
    /// assert!(error.to_string().starts_with("extract list: unknown format `zipkin`; expected one of tracecontext, "));
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn from_names(extract: &str, inject: &str) -> Result<Self, ConfigError> {
        Self::builder().names(extract, inject)?.build()
    }
}

impl PropagatorBuilder {
    /// Adds the formats of two lists of names; see [`Propagator::from_names`].
    ///
    /// The fields of all built-in formats cross services that forward only W3C headers, whichever formats are named
    /// ([`PropagatorBuilder::preserve_in_tracestate`]).
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError::UnknownFormat`] or [`ConfigError::InvalidHeaderName`] for a name that cannot be used, and
    /// [`ConfigError::CannotInject`] if `sw8` is to be written and no service name is found.
    pub fn names(self, extract: &str, inject: &str) -> Result<Self, ConfigError> {
        let builder = self.preserve_in_tracestate();
        let builder = builder.list(ConfigList::Extract, extract)?;
        builder.list(ConfigList::Inject, inject)
    }

    pub(super) fn list(self, list: ConfigList, names: &str) -> Result<Self, ConfigError> {
        words(names).try_fold(self.with_origin(list, None, names), |builder, name| builder.name(list, name))
    }

    /// Adds what one name of a list means.
    pub(super) fn name(mut self, list: ConfigList, name: &str) -> Result<Self, ConfigError> {
        if name.eq_ignore_ascii_case("none") {
            self.list_mut(list).allows_none = true;
            return Ok(self);
        }
        if name.eq_ignore_ascii_case("all") {
            let mut all = ROWS.iter().filter(|row| match row.in_all {
                InAll::ReadAndWrite => true,
                InAll::Read => matches!(list, ConfigList::Extract),
                InAll::No => false,
            });
            return all.try_fold(self, |builder, row| builder.name(list, row.names[0]));
        }
        let variable = self.list_mut(list).variable;
        let format = self.meaning(list, variable, name)?;
        Ok(self.add_once(list, format))
    }

    /// Returns the format that a name means: the defined one, else the built-in one.
    fn meaning(&self, list: ConfigList, variable: Option<&'static str>, name: &str) -> Result<FormatRef, ConfigError> {
        if let Some(format) = self.defined(name) {
            return Ok(format);
        }
        let word = ConfigWord::new(name);
        #[cfg(feature = "alloc")]
        match ROWS.iter().find(|row| row.is_named(name)).map(|row| row.kind) {
            Some(FormatKind::Correlation) => {
                let (_, header) = name.split_once(':').unwrap_or_default();
                let mut settings = header.split(';');
                let header = settings.next().unwrap_or_default();
                let invalid = |source| ConfigError::InvalidHeaderName { variable, list, name: word, source };
                let plain = Correlation::new(header.trim()).map_err(invalid)?;
                let unknown = ConfigError::UnknownSetting { variable, list, name: word };
                let format = settings.try_fold(plain, |format, setting| format.with_setting(setting.trim()));
                let format = format.ok_or(unknown)?;
                // Settings in the list are meant before those of the defined instance.
                let defined = self.defined(plain.name()).filter(|_| !name.contains(';'));
                return Ok(defined.unwrap_or_else(|| format.into()));
            }
            // The built-in instance can only read. A writer needs an identity, which the environment may have.
            Some(FormatKind::Sw8) if list == ConfigList::Inject => {
                let name = ConfigWord::new("sw8");
                let cannot = |error: Sw8IdentityError| ConfigError::CannotInject { name, reason: error.as_str() };
                return Sw8::builder().build().map(FormatRef::from).map_err(cannot);
            }
            _ => {}
        }
        let built_in = BUILT_IN.iter().find(|format| format.name().eq_ignore_ascii_case(name));
        let format = built_in.ok_or(ConfigError::UnknownFormat { variable, list, name: word })?;
        Ok(FormatRef::from_static(*format))
    }
}

/// Splits a list into its names.
pub(super) fn words(names: &str) -> impl Iterator<Item = &str> {
    names.split(',').map(str::trim).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the first names of the rows that `all` means, in their order.
    #[cfg(feature = "alloc")]
    fn all(is_meant: impl Fn(InAll) -> bool) -> impl Iterator<Item = &'static str> {
        ROWS.iter().filter(move |row| is_meant(row.in_all)).map(|row| row.names[0])
    }

    #[cfg(feature = "alloc")]
    fn named(extract: &str, inject: &str) -> Propagator {
        let builder = Propagator::builder().define(crate::formats::sw8::Sw8::new("cart", "cart-1"));
        builder.names(extract, inject).and_then(PropagatorBuilder::build).unwrap()
    }

    #[test]
    fn ok_names_in_any_case_with_spaces() {
        let propagator = Propagator::from_names(" TraceContext ,BAGGAGE,Jaeger,", "b3multi").unwrap();
        assert!(propagator.extract_names().eq(["tracecontext", "baggage", "jaeger"]));
        assert!(propagator.inject_names().eq(["b3multi"]));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn ok_all_is_every_format_in_its_order() {
        let propagator = named("all", "all");
        assert!(propagator.extract_names().eq(all(|in_all| in_all != InAll::No)));
        assert!(propagator.inject_names().eq(all(|in_all| in_all == InAll::ReadAndWrite)));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn err_sw8_written_without_an_identity() {
        // The tests run without the variables that could name the service.
        let error = Propagator::from_names("none", "sw8").unwrap_err();
        assert_eq!(
            alloc::format!("{error}"),
            "cannot inject sw8: no service name; set SW_AGENT_NAME or OTEL_SERVICE_NAME"
        );
        assert!(Propagator::from_names("sw8", "none").is_ok());
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn ok_correlation_headers_by_their_name() {
        let propagator = Propagator::from_names("correlation:X-Request-Id, tracecontext", "correlation:x-a").unwrap();
        assert!(propagator.extract_names().eq(["correlation:x-request-id", "tracecontext"]));
        assert!(propagator.inject_names().eq(["correlation:x-a"]));
        let error = Propagator::from_names("none", "correlation:a b").unwrap_err();
        let (list, name) = (ConfigList::Inject, ConfigWord::new("correlation:a b"));
        let source = crate::field::InvalidHeaderName::BadByte(1);
        assert_eq!(error, ConfigError::InvalidHeaderName { variable: None, list, name, source });
        let error = Propagator::from_names("none", "correlation:x-a;opake").unwrap_err();
        let message = "inject list: `correlation:x-a;opake`: unknown setting; known are opaque, exact, envoy-mask, \
                       when-absent=trace-id, when-absent=generate, when-absent=omit";
        assert_eq!(alloc::format!("{error}"), message);
        let error = Propagator::from_names("correlation:X-B3-TraceId", "none").unwrap_err();
        assert_eq!(alloc::format!("{error}"), "extract list: `correlation:X-B3-TraceId`: reserved for format `b3`");
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn ok_settings_of_a_correlation_id_follow_its_header() {
        use crate::formats::correlation::WhenAbsent;

        let plain = Correlation::from_static("x-request-id");
        for (settings, expected) in [
            ("", plain),
            (";opaque", plain.opaque()),
            ("; OPAQUE ; exact", plain.opaque().exact()),
            (";exact;envoy-mask", plain),
            (";when-absent=trace-id", plain.when_absent(WhenAbsent::TraceId)),
            (";When-Absent=Generate", plain.when_absent(WhenAbsent::Generate)),
            (";opaque;when-absent=omit", plain.opaque().when_absent(WhenAbsent::Omit)),
        ] {
            let list = alloc::format!("correlation: X-Request-Id{settings}");
            let propagator = Propagator::from_names(&list, &list).unwrap();
            assert!(propagator.inject_names().eq(["correlation:x-request-id"]), "{list}");
            let found: alloc::vec::Vec<_> = propagator.correlation_formats().collect();
            assert_eq!(alloc::format!("{found:?}"), alloc::format!("[{expected:?}]"), "{list}");
        }
        // They count before those of a defined instance, which is meant without them.
        let builder = |list: &str| Propagator::builder().define(plain.exact()).names(list, list).unwrap();
        let format = |list: &str| {
            let propagator = builder(list).build().unwrap();
            alloc::format!("{:?}", propagator.correlation_formats().next().unwrap())
        };
        assert_eq!(format("correlation:x-request-id"), alloc::format!("{:?}", plain.exact()));
        assert_eq!(format("correlation:x-request-id;opaque"), alloc::format!("{:?}", plain.opaque()));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn ok_a_repeated_name_is_taken_once() {
        let names = |list: &str| {
            let propagator = named(list, list);
            let [mut read, mut written] = [alloc::vec::Vec::new(), alloc::vec::Vec::new()];
            read.extend(propagator.extract_names().map(alloc::string::String::from));
            written.extend(propagator.inject_names().map(alloc::string::String::from));
            assert!(written.iter().all(|name| read.contains(name)), "{list}");
            written
        };
        assert_eq!(names("correlation:x-a,b3,correlation:X-A,B3"), ["correlation:x-a", "b3"]);
        let listed = all(|in_all| in_all == InAll::ReadAndWrite).collect::<alloc::vec::Vec<_>>();
        assert_eq!(names("all,jaeger,all"), listed);
        let (last, others) = listed.split_last().expect("a format");
        assert_eq!(names(&alloc::format!("{last},all")), [&[*last], others].concat());
        // Code decides first, and a list adds what is missing.
        let builder = Propagator::builder().with_format(crate::formats::b3::B3::multi()).names("b3multi", "b3multi");
        assert!(builder.and_then(PropagatorBuilder::build).is_ok());
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn ok_a_defined_correlation_header_is_meant_by_its_name() {
        let defined = Correlation::from_static("x-order").opaque();
        let builder = Propagator::builder().define(defined).names("correlation: X-Order", "none").unwrap();
        let propagator = builder.build().unwrap();
        // Only an opaque id may be a text that is not a UUID.
        let shown = alloc::format!("{}", propagator.explain(&[("x-order", "7")]));
        assert!(!shown.contains("bad-length"), "{shown}");
    }

    #[test]
    fn err_empty_list_without_none() {
        let empty = |list, text| ConfigError::NoFormats { variable: None, list, value: ConfigWord::new(text) };
        assert_eq!(Propagator::from_names("", "none").unwrap_err(), empty(ConfigList::Extract, ""));
        assert_eq!(Propagator::from_names("none", " , ").unwrap_err(), empty(ConfigList::Inject, " , "));
        assert!(Propagator::from_names("none", "none").is_ok());
    }

    #[test]
    fn err_unknown_name_says_where() {
        let unknown = |list, name| ConfigError::UnknownFormat { variable: None, list, name: ConfigWord::new(name) };
        let error = Propagator::from_names("none", "baggage,,b4").unwrap_err();
        assert_eq!(error, unknown(ConfigList::Inject, "b4"));
        let error = Propagator::from_names("header:x-a", "none").unwrap_err();
        assert_eq!(error, unknown(ConfigList::Extract, "header:x-a"));
    }
}
