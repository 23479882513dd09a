//! Configuration by environment variables, as OpenTelemetry SDKs and Datadog tracers read it.

use std::ffi::OsString;
use std::string::String;
use std::vec::Vec;

use super::error::{ConfigError, ConfigList, ConfigWord};
use super::names::words;
use super::{Propagator, PropagatorBuilder};
use crate::baggage::BaggageLimits;
use crate::config::{EnvWarning, Message, NotUtf8, Variables};
use crate::context::Trust;
use crate::field::{KNOWN, ROWS};
use crate::formats::baggage::W3cBaggage;
use crate::formats::datadog::Datadog;
use crate::formats::xray::XRay;
use crate::id::generator::WIDTH_VARIABLE;

/// Variables with the formats to read. The first that is set is used.
const EXTRACT: [&str; 3] = ["DD_TRACE_PROPAGATION_STYLE_EXTRACT", "DD_TRACE_PROPAGATION_STYLE", OTEL];

/// Variables with the formats to write. The first that is set is used.
const INJECT: [&str; 3] = ["DD_TRACE_PROPAGATION_STYLE_INJECT", "DD_TRACE_PROPAGATION_STYLE", OTEL];

/// The variable of OpenTelemetry, whose specification asks to ignore unknown names.
const OTEL: &str = "OTEL_PROPAGATORS";

/// What is read and written if no variable is set.
const DEFAULT_EXTRACT: &str = "all";
const DEFAULT_INJECT: &str = "tracecontext,baggage";

/// What callers are trusted with.
const TRUST: &str = "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT";
const EXTRACT_FIRST: &str = "DD_TRACE_PROPAGATION_EXTRACT_FIRST";
const MAX_TAGS_LEN: &str = "DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH";
const MAX_MEMBERS: &str = "DD_TRACE_BAGGAGE_MAX_ITEMS";
const MAX_BYTES: &str = "DD_TRACE_BAGGAGE_MAX_BYTES";

/// Variables of Datadog about propagation that mean nothing here. `from_env` finds others by their first letters.
const UNSUPPORTED: [&str; 2] = ["DD_TRACE_BAGGAGE_TAG_KEYS", "DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED"];
const PREFIXES: [&str; 2] = ["DD_TRACE_PROPAGATION", "DD_TRACE_BAGGAGE"];

/// Names that mean that a format is only read.
const ONLY_READ: [&str; 3] = ["oneway-gcp", "cloudtrace-oneway", "newrelic"];

const UNKNOWN: Message = &["ignoring unknown format ", "; known are ", KNOWN];
const READ_ONLY: Message = &["ignoring ", ": the format is only read here"];
const NONE_KNOWN: Message = &["no known format in ", "; using the default"];
const NOT_SUPPORTED: Message = &["not supported, ignored"];
const SINGLE_B3: Message = &["", " writes the single header; name `b3 single header` or `b3multi`"];
const OF_IDS: Message = &["", " is a setting of the id generator; see `RandomIds::from_env`"];

impl Propagator {
    /// Creates a propagator from environment variables, and returns the values that were ignored.
    ///
    /// | for | the first of these that is set and not empty | default |
    /// |---|---|---|
    /// | reading | `DD_TRACE_PROPAGATION_STYLE_EXTRACT`, `DD_TRACE_PROPAGATION_STYLE`, `OTEL_PROPAGATORS` | `all` |
    /// | writing | `DD_TRACE_PROPAGATION_STYLE_INJECT`, `DD_TRACE_PROPAGATION_STYLE`, `OTEL_PROPAGATORS` | `tracecontext,baggage` |
    ///
    /// Names are those of [`Propagator::from_names`]; `B3 single header` and `b3single` mean `b3`, and `xray-lambda`
    /// [`XRay::with_lambda_variable`]. `gcp` and `gcp_trace` mean `cloudtrace`, and `oneway-gcp` and `cloudtrace-oneway` mean
    /// to read it only. Unknown names are ignored with a warning. If `OTEL_PROPAGATORS` has no known name, the
    /// default is used. `b3` in a list of Datadog writes the single header, as in Python and Ruby; a warning says so,
    /// because the tracers of Java, Go and JavaScript write `X-B3-*` then.
    ///
    /// | variable | effect |
    /// |---|---|
    /// | `DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT` | [`PropagatorBuilder::trust`]: `continue`, `restart` or `ignore` |
    /// | `DD_TRACE_PROPAGATION_EXTRACT_FIRST` | [`PropagatorBuilder::extract_first`] |
    /// | `DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH` | [`Datadog::max_tags_len`] |
    /// | `DD_TRACE_BAGGAGE_MAX_ITEMS`, `DD_TRACE_BAGGAGE_MAX_BYTES` | [`W3cBaggage::limits`] |
    /// | other `DD_TRACE_PROPAGATION*` and `DD_TRACE_BAGGAGE*` | a warning |
    /// | `DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED` | a warning: `RandomIds::from_env` reads it |
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] for a variable of Datadog without a known name, for an unknown behavior, for an invalid
    /// header name, and for a variable with names or a behavior that is not UTF-8.
    pub fn from_env() -> Result<(Self, Vec<EnvWarning>), ConfigError> {
        let is_others = |name: &String| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        let mut names: Vec<_> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        names.retain(is_others);
        names.sort();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let find = |name: &str| std::env::var_os(name);
        let (builder, warnings) = PropagatorBuilder::new().read_env(&mut Variables::new(&find), &names)?;
        Ok((builder.build()?, warnings))
    }
}

impl PropagatorBuilder {
    /// Creates a builder from variables that `variable` looks up; see [`Propagator::from_env`].
    ///
    /// `variable` returns a `String` or an `OsString`. With `std::env::var_os`, a value that is not UTF-8 is an error. With
    /// `std::env::var(name).ok()` it would count as unset.
    ///
    /// Of unsupported variables it warns of those that it knows. [`Propagator::from_env`] finds all of them.
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
    /// Code decides before variables: settings of a defined format are kept, and of two values of
    /// [`trust`](Self::trust) the stricter one counts.
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
        let find = |name: &str| variable(name).map(Into::into);
        self.read_env(&mut Variables::new(&find), &UNSUPPORTED)
    }

    /// Adds what the variables say. `others` are names of variables that are warned of, unless they are known.
    fn read_env(
        mut self,
        variables: &mut Variables<'_>,
        others: &[&str],
    ) -> Result<(Self, Vec<EnvWarning>), ConfigError> {
        if let Some(bytes) = variables.number(MAX_TAGS_LEN).filter(|_| self.defined("datadog").is_none()) {
            self = self.define(Datadog::new().max_tags_len(bytes));
        }
        let (members, bytes) = (variables.number(MAX_MEMBERS), variables.number(MAX_BYTES));
        if (members.is_some() || bytes.is_some()) && self.defined("baggage").is_none() {
            let default = BaggageLimits::default();
            let limits =
                BaggageLimits { members: members.unwrap_or(default.members), bytes: bytes.unwrap_or(default.bytes) };
            self = self.define(W3cBaggage::new().limits(limits));
        }
        // Formats that no variable names still cross services that forward only W3C headers.
        let builder = self.preserve_in_tracestate();
        let builder = builder.env_list(ConfigList::Extract, variables)?;
        let mut builder = builder.env_list(ConfigList::Inject, variables)?;
        if let Some(text) = text(variables, TRUST)? {
            let known = [("continue", Trust::Continue), ("restart", Trust::Restart), ("ignore", Trust::Ignore)];
            let known = known.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
            let value = ConfigWord::new(&text);
            let (_, trust) = known.ok_or(ConfigError::UnknownTrust { variable: TRUST, value })?;
            builder = builder.trust_at_least(trust);
        }
        if variables.flag(EXTRACT_FIRST) == Some(true) && builder.contexts() > 1 {
            builder = builder.extract_first();
        }
        let known = [EXTRACT, INJECT].concat();
        for name in others.iter().filter(|name| !known.contains(name)) {
            let is_known = [TRUST, EXTRACT_FIRST, MAX_MEMBERS, MAX_BYTES].contains(name);
            if !is_known && !matches!(variables.text(name), Ok(None)) {
                variables.warn(name, "", NOT_SUPPORTED);
            }
        }
        if let Ok(Some(value)) = variables.text(WIDTH_VARIABLE) {
            variables.warn(WIDTH_VARIABLE, &value, OF_IDS);
        }
        Ok((builder, core::mem::take(&mut variables.warnings)))
    }

    /// Adds the formats of the first variable that is set, or the default.
    fn env_list(self, list: ConfigList, variables: &mut Variables<'_>) -> Result<Self, ConfigError> {
        let (names_of, default) = match list {
            ConfigList::Extract => (EXTRACT, DEFAULT_EXTRACT),
            ConfigList::Inject => (INJECT, DEFAULT_INJECT),
        };
        let set = |name| text(variables, name).map(|value| value.map(|value| (name, value))).transpose();
        let Some((variable, names)) = names_of.into_iter().find_map(set).transpose()? else {
            return self.list(list, default);
        };
        let is_known = |name: &str| {
            let is_any = ["all", "none"].iter().any(|known| name.eq_ignore_ascii_case(known));
            is_any || self.defined(name).is_some() || ROWS.iter().any(|row| row.is_named(own_name(name)))
        };
        let (mut known, mut ignored) = (Vec::new(), Vec::new());
        for name in words(&names) {
            let is_written = list == ConfigList::Inject && self.defined(name).is_none();
            if !is_known(name) {
                ignored.push((name, UNKNOWN));
            } else if is_written && ONLY_READ.iter().any(|only_read| name.eq_ignore_ascii_case(only_read)) {
                // A variable for both lists is right to have it.
                ignored.extend(variable.ends_with("INJECT").then_some((name, READ_ONLY)));
            } else {
                if is_written && variable != OTEL && name.eq_ignore_ascii_case("b3") {
                    variables.warn(variable, name, SINGLE_B3);
                }
                known.push(name);
            }
        }
        // A Datadog list that becomes empty would open an edge that was to be closed, so it is an error.
        if known.is_empty() && variable == OTEL {
            if !ignored.is_empty() {
                variables.warn(variable, &names, NONE_KNOWN);
            }
            return self.list(list, default);
        }
        for (name, message) in ignored {
            variables.warn(variable, name, message);
        }
        let mut builder = self.with_origin(list, Some(variable), &names);
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

/// Returns the text of a variable that must be read: without it, the default would read every format.
fn text(variables: &Variables<'_>, variable: &'static str) -> Result<Option<String>, ConfigError> {
    variables.text(variable).map_err(|NotUtf8| ConfigError::NotUtf8 { variable })
}

/// Returns the name here of a format that others name differently.
fn own_name(name: &str) -> &str {
    const NAMES: [(&str, &str); 7] = [
        ("b3 single header", "b3"),
        ("b3single", "b3"),
        ("xray-lambda", "xray"),
        ("gcp", "cloudtrace"),
        ("gcp_trace", "cloudtrace"),
        ("oneway-gcp", "cloudtrace"),
        ("cloudtrace-oneway", "cloudtrace"),
    ];
    NAMES.into_iter().find(|(other, _)| name.eq_ignore_ascii_case(other)).map_or(name, |(_, own)| own)
}

#[cfg(test)]
mod tests;
