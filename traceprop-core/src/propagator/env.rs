//! Configuration by environment variables, as OpenTelemetry's and Datadog's agents read it.

use std::string::String;
use std::vec::Vec;

use super::{ConfigError, Propagator, PropagatorBuilder};
use crate::field::ROWS;

/// Variables that name what is read, the first that is set counts.
const EXTRACT: [&str; 3] = ["DD_TRACE_PROPAGATION_STYLE_EXTRACT", "DD_TRACE_PROPAGATION_STYLE", "OTEL_PROPAGATORS"];

/// Variables that name what is written.
const INJECT: [&str; 3] = ["DD_TRACE_PROPAGATION_STYLE_INJECT", "DD_TRACE_PROPAGATION_STYLE", "OTEL_PROPAGATORS"];

/// Names that others define and that are no formats here: a fleet's settings may hold them.
const OF_OTHERS: [&str; 2] = ["xray", "ottrace"];

/// What is read and written where no variable says so.
const DEFAULT_EXTRACT: &str = "all";
const DEFAULT_INJECT: &str = "tracecontext,baggage";

/// A name of a variable that was left out: another agent knows it, and no format here has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvWarning {
    /// The variable.
    pub variable: &'static str,
    /// The name in it.
    pub value: &'static str,
}

impl core::fmt::Display for EnvWarning {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} names {}, which is no format here", self.variable, self.value)
    }
}

impl Propagator {
    /// A propagator as the environment configures it, and the names that were left out.
    ///
    /// | for | the first of these that is set and not empty | else |
    /// |---|---|---|
    /// | reading | `DD_TRACE_PROPAGATION_STYLE_EXTRACT`, `DD_TRACE_PROPAGATION_STYLE`, `OTEL_PROPAGATORS` | `all` |
    /// | writing | `DD_TRACE_PROPAGATION_STYLE_INJECT`, `DD_TRACE_PROPAGATION_STYLE`, `OTEL_PROPAGATORS` | `tracecontext,baggage` |
    ///
    /// Names are those of [`Propagator::from_names`]; `B3 single header` is read as `b3`. `xray` and `ottrace` are left
    /// out and returned, for a warning.
    ///
    /// # Errors
    /// [`ConfigError`]: a name that nobody defines, or a list of which nothing remains.
    pub fn from_env() -> Result<(Self, Vec<EnvWarning>), ConfigError> {
        let (builder, left_out) = PropagatorBuilder::from_env_with(|name| std::env::var(name).ok())?;
        Ok((builder.build()?, left_out))
    }
}

impl PropagatorBuilder {
    /// The builder as variables configure it, to add to; see [`Propagator::from_env`].
    ///
    /// ```
    /// use traceprop_core::PropagatorBuilder;
    ///
    /// let set = |name: &str| (name == "OTEL_PROPAGATORS").then(|| "xray,b3".to_string());
    /// let (builder, left_out) = PropagatorBuilder::from_env_with(set)?;
    /// assert!(builder.build()?.inject_names().eq(["b3"]));
    /// assert_eq!(left_out[0].to_string(), "OTEL_PROPAGATORS names xray, which is no format here");
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Propagator::from_env`].
    pub fn from_env_with(variable: impl Fn(&str) -> Option<String>) -> Result<(Self, Vec<EnvWarning>), ConfigError> {
        let mut left_out = Vec::new();
        let extract = list(&variable, EXTRACT, DEFAULT_EXTRACT, &mut left_out);
        let inject = list(&variable, INJECT, DEFAULT_INJECT, &mut left_out);
        Ok((Self::new().names(&extract, &inject)?, left_out))
    }
}

/// The list of names that counts, without those of others.
fn list(
    variable: impl Fn(&str) -> Option<String>,
    variables: [&'static str; 3],
    default: &str,
    left_out: &mut Vec<EnvWarning>,
) -> String {
    let set = |name| variable(name).filter(|value| !value.trim().is_empty());
    let Some((variable, names)) = variables.into_iter().find_map(|name| Some((name, set(name)?))) else {
        return default.into();
    };
    let mut kept = Vec::new();
    for name in names.split(',').map(str::trim) {
        let is_ours = ROWS.iter().any(|row| row.is_named(name));
        match OF_OTHERS.into_iter().find(|known| !is_ours && name.eq_ignore_ascii_case(known)) {
            Some(name) => {
                let entry = EnvWarning { variable, value: name };
                if !left_out.contains(&entry) {
                    left_out.push(entry);
                }
            }
            None if name.eq_ignore_ascii_case("b3 single header") => kept.push("b3"),
            None => kept.push(name),
        }
    }
    kept.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read, what is written, and what was left out.
    type Built = (Vec<String>, Vec<String>, Vec<EnvWarning>);

    fn built(set: &[(&str, &str)]) -> Result<Built, ConfigError> {
        let find = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| String::from(*value));
        let (builder, left_out) = PropagatorBuilder::from_env_with(find)?;
        let propagator = builder.build()?;
        let names = |names: &mut dyn Iterator<Item = &str>| names.map(String::from).collect();
        Ok((names(&mut propagator.extract_names()), names(&mut propagator.inject_names()), left_out))
    }

    #[test]
    fn ok_the_most_special_variable_counts() {
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
        let (extract, inject, left_out) = built(&[("OTEL_PROPAGATORS", " ")]).unwrap();
        assert_eq!(extract, ["tracecontext", "b3", "datadog", "jaeger", "sw8", "baggage"]);
        assert_eq!(inject, ["tracecontext", "baggage"]);
        assert_eq!(left_out, []);
    }

    #[test]
    fn ok_names_of_others_are_left_out_once_a_variable() {
        let (extract, _, left_out) = built(&[("OTEL_PROPAGATORS", "XRay,B3 single header,ottrace")]).unwrap();
        assert_eq!(extract, ["b3"]);
        let variable = "OTEL_PROPAGATORS";
        assert_eq!(left_out, ["xray", "ottrace"].map(|name| EnvWarning { variable, value: name }));
        assert_eq!(std::format!("{}", left_out[1]), "OTEL_PROPAGATORS names ottrace, which is no format here");
    }

    #[test]
    fn err_name_of_nobody_or_nothing_left() {
        assert!(matches!(built(&[("OTEL_PROPAGATORS", "b4")]), Err(ConfigError::UnknownFormat { place: 0, .. })));
        assert_eq!(built(&[("OTEL_PROPAGATORS", "xray")]), Err(ConfigError::NoFormats));
    }
}
