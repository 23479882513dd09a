//! Configuration by environment variables, as OpenTelemetry SDKs and Datadog tracers read it.

use std::ffi::OsString;
use std::string::String;
use std::vec::Vec;

use super::error::{ConfigError, ConfigList, ConfigWord};
use super::names::words;
use super::{Propagator, PropagatorBuilder};
use crate::field::{KNOWN, ROWS};
use crate::formats::xray::XRay;

/// Variables with the formats to read. The first that is set is used.
const EXTRACT: [&str; 3] = ["DD_TRACE_PROPAGATION_STYLE_EXTRACT", "DD_TRACE_PROPAGATION_STYLE", OTEL];

/// Variables with the formats to write. The first that is set is used.
const INJECT: [&str; 3] = ["DD_TRACE_PROPAGATION_STYLE_INJECT", "DD_TRACE_PROPAGATION_STYLE", OTEL];

/// The variable of OpenTelemetry, whose specification asks to ignore unknown names.
const OTEL: &str = "OTEL_PROPAGATORS";

/// What is read and written if no variable is set.
const DEFAULT_EXTRACT: &str = "all";
const DEFAULT_INJECT: &str = "tracecontext,baggage";

/// A value of an environment variable that was ignored.
///
/// # Examples
///
/// ```
/// use traceprop_core::PropagatorBuilder;
///
/// let set = |name: &str| (name == "OTEL_PROPAGATORS").then(|| "haystack,b3".to_string());
/// let (_, warnings) = PropagatorBuilder::from_env_with(set)?;
/// assert_eq!((warnings[0].variable, warnings[0].value.as_str()), ("OTEL_PROPAGATORS", "haystack"));
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvWarning {
    /// The variable.
    pub variable: &'static str,
    /// The ignored value, or the ignored name in a list.
    pub value: ConfigWord,
}

impl core::fmt::Display for EnvWarning {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: ignoring unknown format `{}`; known are {KNOWN}", self.variable, self.value)
    }
}

impl Propagator {
    /// Creates a propagator from environment variables, and returns the values that were ignored.
    ///
    /// | for | the first of these that is set and not empty | default |
    /// |---|---|---|
    /// | reading | `DD_TRACE_PROPAGATION_STYLE_EXTRACT`, `DD_TRACE_PROPAGATION_STYLE`, `OTEL_PROPAGATORS` | `all` |
    /// | writing | `DD_TRACE_PROPAGATION_STYLE_INJECT`, `DD_TRACE_PROPAGATION_STYLE`, `OTEL_PROPAGATORS` | `tracecontext,baggage` |
    ///
    /// Names are those of [`Propagator::from_names`]; `B3 single header` means `b3`, and `xray-lambda`
    /// [`XRay::with_lambda_variable`]. `gcp` and `gcp_trace` mean `cloudtrace`, and `oneway-gcp` and `cloudtrace-oneway` mean
    /// to read it only. Unknown names are ignored with a warning. If `OTEL_PROPAGATORS` has no known name, the
    /// default is used.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] for a variable of Datadog without a known name, for an invalid header name, and for a
    /// variable that is not UTF-8.
    pub fn from_env() -> Result<(Self, Vec<EnvWarning>), ConfigError> {
        let (builder, warnings) = PropagatorBuilder::from_env_with(|name| std::env::var_os(name))?;
        Ok((builder.build()?, warnings))
    }
}

impl PropagatorBuilder {
    /// Creates a builder from variables that `variable` looks up; see [`Propagator::from_env`].
    ///
    /// `variable` returns a `String` or an `OsString`. With `std::env::var_os`, a value that is not UTF-8 is an error. With
    /// `std::env::var(name).ok()` it would count as unset.
    ///
    /// Use [`names_from_env_with`](Self::names_from_env_with) if the variables may contain the name of a
    /// [defined](Self::define) format.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Propagator::from_env`].
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::PropagatorBuilder;
    ///
    /// let set = |name: &str| (name == "OTEL_PROPAGATORS").then(|| "haystack,b3".to_string());
    /// let (builder, warnings) = PropagatorBuilder::from_env_with(set)?;
    /// assert!(builder.build()?.inject_names().eq(["b3"]));
    /// let warning = warnings[0].to_string();
    /// assert!(warning.starts_with("OTEL_PROPAGATORS: ignoring unknown format `haystack`; known are tracecontext, "));
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn from_env_with<V: Into<OsString>>(
        variable: impl Fn(&str) -> Option<V>,
    ) -> Result<(Self, Vec<EnvWarning>), ConfigError> {
        Self::new().names_from_env_with(variable)
    }

    /// Adds the formats of variables that `variable` looks up; see [`PropagatorBuilder::from_env_with`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Propagator::from_env`].
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::{Propagator, baggage::BaggageLimits, formats::baggage::W3cBaggage};
    ///
    /// let baggage = W3cBaggage::new().limits(BaggageLimits { members: 180, bytes: 8192 });
    /// let builder = Propagator::builder().define(baggage);
    /// let (builder, _) = builder.names_from_env_with(|name| std::env::var_os(name))?;
    /// let propagator = builder.build()?;
    /// # let _ = propagator;
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn names_from_env_with<V: Into<OsString>>(
        self,
        variable: impl Fn(&str) -> Option<V>,
    ) -> Result<(Self, Vec<EnvWarning>), ConfigError> {
        let mut warnings = Vec::new();
        // Formats that no variable names still cross services that forward only W3C headers.
        let builder = self.preserve_in_tracestate();
        let variable = |name: &'static str| match variable(name).map(|value| value.into().into_string()) {
            Some(Ok(value)) => Ok(Some(value).filter(|value| !value.trim().is_empty())),
            // Without it the default would read every format.
            Some(Err(_)) => Err(ConfigError::NotUtf8 { variable: name }),
            None => Ok(None),
        };
        let builder = builder.env_list(ConfigList::Extract, variable, &mut warnings)?;
        let builder = builder.env_list(ConfigList::Inject, variable, &mut warnings)?;
        Ok((builder, warnings))
    }

    /// Adds the formats of the first variable that is set, or the default.
    fn env_list(
        self,
        list: ConfigList,
        variable: impl Fn(&'static str) -> Result<Option<String>, ConfigError>,
        warnings: &mut Vec<EnvWarning>,
    ) -> Result<Self, ConfigError> {
        let (variables, default) = match list {
            ConfigList::Extract => (EXTRACT, DEFAULT_EXTRACT),
            ConfigList::Inject => (INJECT, DEFAULT_INJECT),
        };
        let set = |name| variable(name).map(|value| value.map(|value| (name, value))).transpose();
        let Some((variable, names)) = variables.into_iter().find_map(set).transpose()? else {
            return self.list(list, default);
        };
        let is_known = |name: &str| {
            let is_any = ["all", "none"].iter().any(|known| name.eq_ignore_ascii_case(known));
            is_any || self.defined(name).is_some() || ROWS.iter().any(|row| row.is_named(own_name(name)))
        };
        let mut known = Vec::new();
        for name in words(&names) {
            if is_one_way(name) && list == ConfigList::Inject && !variable.ends_with("INJECT") {
                // The variable is for both lists, and the name for one of them.
                continue;
            }
            let warning = EnvWarning { variable, value: ConfigWord::new(name) };
            if is_known(name) && !(is_one_way(name) && list == ConfigList::Inject) {
                known.push(name);
            } else if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        // A Datadog list that becomes empty would open an edge that was to be closed, so it is an error.
        if known.is_empty() && variable == OTEL {
            return self.list(list, default);
        }
        let mut builder = self.with_origin(list, Some(variable), names.trim());
        if words(&names).any(|name| name.eq_ignore_ascii_case("xray-lambda")) && builder.defined("xray").is_none() {
            // Whichever of the two names comes first.
            builder = builder.define(XRay::new().with_lambda_variable());
        }
        for name in known {
            let name = if builder.defined(name).is_some() { name } else { own_name(name) };
            builder = builder.name(list, name)?;
        }
        Ok(builder)
    }
}

/// Whether a name means that a format is only read.
fn is_one_way(name: &str) -> bool {
    ["oneway-gcp", "cloudtrace-oneway", "newrelic"].iter().any(|one_way| name.eq_ignore_ascii_case(one_way))
}

/// Returns the name here of a format that others name differently.
fn own_name(name: &str) -> &str {
    const NAMES: [(&str, &str); 6] = [
        ("b3 single header", "b3"),
        ("xray-lambda", "xray"),
        ("gcp", "cloudtrace"),
        ("gcp_trace", "cloudtrace"),
        ("oneway-gcp", "cloudtrace"),
        ("cloudtrace-oneway", "cloudtrace"),
    ];
    NAMES.into_iter().find(|(other, _)| name.eq_ignore_ascii_case(other)).map_or(name, |(_, own)| own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::InAll;

    /// What is read, what is written, and the warnings.
    type Built = (Vec<String>, Vec<String>, Vec<EnvWarning>);

    fn built(set: &[(&str, &str)]) -> Result<Built, ConfigError> {
        let find = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| String::from(*value));
        let (builder, warnings) = PropagatorBuilder::from_env_with(find)?;
        let propagator = builder.build()?;
        let names = |names: &mut dyn Iterator<Item = &str>| names.map(String::from).collect();
        Ok((names(&mut propagator.extract_names()), names(&mut propagator.inject_names()), warnings))
    }

    #[test]
    fn ok_the_most_specific_variable_is_used() {
        let (extract, inject, _) = built(&[
            ("OTEL_PROPAGATORS", "jaeger"),
            ("DD_TRACE_PROPAGATION_STYLE", "datadog"),
            ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "b3multi, tracecontext"),
        ])
        .unwrap();
        assert_eq!(extract, ["b3multi", "tracecontext"]);
        assert_eq!(inject, ["datadog"]);
    }

    #[test]
    fn ok_empty_is_unset_and_the_default_reads_all() {
        let (extract, inject, warnings) = built(&[("OTEL_PROPAGATORS", " ")]).unwrap();
        let all = ROWS.iter().filter(|row| row.in_all != InAll::No).map(|row| row.names[0]);
        assert!(all.eq(extract.iter().map(String::as_str)), "{extract:?}");
        assert_eq!(inject, ["tracecontext", "baggage"]);
        assert_eq!(warnings, []);
    }

    #[test]
    fn ok_unknown_names_are_ignored_with_a_warning() {
        let (extract, _, warnings) = built(&[("OTEL_PROPAGATORS", "haystack,B3 single header,haystack")]).unwrap();
        assert_eq!(extract, ["b3"]);
        let variable = "OTEL_PROPAGATORS";
        assert_eq!(warnings, [EnvWarning { variable, value: ConfigWord::new("haystack") }]);
        let expected =
            "OTEL_PROPAGATORS: ignoring unknown format `haystack`; known are tracecontext, b3, b3multi, datadog, ";
        assert!(std::format!("{}", warnings[0]).starts_with(expected), "{}", warnings[0]);
    }

    #[cfg(unix)]
    #[test]
    fn err_a_variable_that_is_not_utf8() {
        use std::os::unix::ffi::OsStringExt;

        let built = |set: &[(&str, &[u8])]| {
            let find = |name: &str| {
                let value = set.iter().find(|(known, _)| *known == name)?.1;
                Some(OsString::from_vec(value.to_vec()))
            };
            let (builder, _) = PropagatorBuilder::from_env_with(find)?;
            builder.build().map(|propagator| propagator.extract_names().map(String::from).collect::<Vec<_>>())
        };
        for variable in EXTRACT.into_iter().chain(INJECT) {
            for value in [&b"datadog\xff"[..], b"\xff", b"datadog,\xc3", b" \xff "] {
                assert_eq!(built(&[(variable, value)]), Err(ConfigError::NotUtf8 { variable }), "{variable}");
            }
        }
        let message = std::format!("{}", ConfigError::NotUtf8 { variable: EXTRACT[0] });
        assert_eq!(message, "DD_TRACE_PROPAGATION_STYLE_EXTRACT: the value is not UTF-8");
        // A variable that is not used is not looked at, and an empty one counts as unset.
        let used = [(EXTRACT[0], &b"datadog"[..]), (INJECT[0], b"datadog"), ("OTEL_PROPAGATORS", b"\xff")];
        assert_eq!(built(&used), Ok(std::vec!["datadog".into()]));
        let error = ConfigError::NotUtf8 { variable: "OTEL_PROPAGATORS" };
        assert_eq!(built(&[(EXTRACT[0], b" "), ("OTEL_PROPAGATORS", b"b3\xff")]), Err(error));
        assert_eq!(built(&[("DD_TRACE_PROPAGATION_STYLE", "b3".as_bytes())]), Ok(std::vec!["b3".into()]));
    }

    /// Runs itself again as a process with such a variable.
    #[cfg(unix)]
    #[test]
    fn err_from_env_with_a_variable_that_is_not_utf8() {
        use std::os::unix::ffi::OsStringExt;

        const NAME: &str = "propagator::env::tests::err_from_env_with_a_variable_that_is_not_utf8";
        if std::env::var_os(EXTRACT[0]).is_some() {
            let error = Propagator::from_env().unwrap_err();
            assert_eq!(error, ConfigError::NotUtf8 { variable: EXTRACT[0] });
            return;
        }
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", NAME]).env(EXTRACT[0], OsString::from_vec(std::vec![b'b', b'3', 0xff]));
        let output = child.output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && shown.contains("1 passed"), "{shown}");
    }

    #[test]
    fn ok_a_variable_means_a_defined_format() {
        static SW8: crate::formats::sw8::Sw8 = crate::formats::sw8::Sw8::new("cart", "cart-1");
        let find = |name: &str| (name == "OTEL_PROPAGATORS").then(|| String::from("sw8,SW8"));
        let (builder, warnings) = Propagator::builder().define(&SW8).names_from_env_with(find).unwrap();
        assert!(warnings.is_empty() && builder.build().unwrap().inject_names().eq(["sw8"]));
    }

    #[test]
    fn ok_one_way_names_are_only_read() {
        for name in ["oneway-gcp", "CloudTrace-OneWay"] {
            let (extract, inject, warnings) = built(&[("OTEL_PROPAGATORS", &std::format!("{name},b3"))]).unwrap();
            assert_eq!(
                (extract, inject),
                (["cloudtrace", "b3"].map(str::to_owned).to_vec(), ["b3".to_owned()].to_vec())
            );
            assert_eq!(warnings, []);
            let variable = "DD_TRACE_PROPAGATION_STYLE_INJECT";
            let (_, inject, warnings) = built(&[(variable, &std::format!("{name},b3"))]).unwrap();
            assert_eq!(inject, ["b3"]);
            assert_eq!(warnings, [EnvWarning { variable, value: ConfigWord::new(name) }]);
        }
        let (extract, inject, _) = built(&[("OTEL_PROPAGATORS", "gcp_trace,gcp")]).unwrap();
        assert_eq!((extract, inject), (["cloudtrace".to_owned()].to_vec(), ["cloudtrace".to_owned()].to_vec()));
    }

    #[test]
    fn ok_a_list_of_opentelemetry_without_a_known_name_is_the_default() {
        let (extract, inject, warnings) = built(&[("OTEL_PROPAGATORS", "haystack,b4")]).unwrap();
        let warned = |value: &str| EnvWarning { variable: "OTEL_PROPAGATORS", value: ConfigWord::new(value) };
        assert_eq!(warnings, [warned("haystack"), warned("b4")]);
        assert!(extract.len() > 6 && inject == ["tracecontext", "baggage"]);
    }

    #[test]
    fn err_a_list_of_datadog_without_a_known_name() {
        let (variable, list) = (Some("DD_TRACE_PROPAGATION_STYLE"), ConfigList::Extract);
        let error = ConfigError::NoFormats { variable, list, value: ConfigWord::new("haystack") };
        assert_eq!(built(&[("DD_TRACE_PROPAGATION_STYLE", "haystack")]), Err(error));
    }

    #[test]
    fn err_a_header_name_that_is_invalid() {
        let (variable, list) = (Some("OTEL_PROPAGATORS"), ConfigList::Extract);
        let name = ConfigWord::new("correlation:x id");
        let source = crate::field::InvalidHeaderName::BadByte(1);
        let error = ConfigError::InvalidHeaderName { variable, list, name, source };
        assert_eq!(built(&[("OTEL_PROPAGATORS", "correlation:x id")]), Err(error));
    }
}
