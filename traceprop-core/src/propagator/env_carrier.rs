//! The environment of a process as a carrier: `TRACEPARENT`, `TRACESTATE`, `BAGGAGE` for a child process.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::process::Command;
use std::string::String;
use std::vec::Vec;

use crate::carrier::{Carrier, CarrierMut, FieldName, FieldValue};
use crate::field::{FieldNames, FormatKind};
use crate::formats;
use crate::propagator::Propagator;

/// The trace context that this process was started with: an owned snapshot of the variables that a propagator reads.
///
/// Variables have the names of the headers, with `_` for `-`, in any letter case. No other variable is read. Two custom
/// headers whose names differ only in `_` and `-` have one variable, which is read as the first of them.
///
/// ```
/// use traceprop_core::{presets, EnvCarrier};
///
/// let propagator = presets::W3C.propagator();
/// let environment = EnvCarrier::capture(&propagator);
/// let caller = propagator.extract(&environment).context();
/// # let _ = caller;
/// ```
#[derive(Clone, Debug, Default)]
pub struct EnvCarrier {
    variables: Vec<(String, Vec<u8>)>,
}

impl EnvCarrier {
    /// Captures the variables of this process that `propagator` reads.
    pub fn capture(propagator: &Propagator) -> Self {
        Self::from_vars(propagator, std::env::vars_os())
    }

    /// Captures the variables that `propagator` reads from `variables`.
    pub fn from_vars(propagator: &Propagator, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let watched = |(name, value): (OsString, OsString)| {
            let name = match own_header(&name) {
                Some((kind, header)) if propagator.kinds.contains(kind) => String::from(header),
                _ => watched_name(&propagator.names, &header_name(&name)?)?,
            };
            let value = value.into_encoded_bytes();
            // Shells and files end a value with a newline. An empty variable counts as unset.
            let end = value.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))?;
            Some((name, value[..=end].to_vec()))
        };
        let mut variables: Vec<_> = variables.into_iter().filter_map(watched).collect();
        // The environment has no order. Sorted, equal variables are always read alike.
        variables.sort();
        Self { variables }
    }
}

impl Carrier for EnvCarrier {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

/// Returns the header that a format keeps in a variable with another name, and the kind of the format.
fn own_header(variable: &OsStr) -> Option<(FormatKind, &'static str)> {
    let (_, kind, field) = formats::VARIABLES.iter().find(|(name, ..)| variable.eq_ignore_ascii_case(name))?;
    Some((*kind, field.name()?))
}

/// Returns `x-b3-traceid` for `X_B3_TRACEID`.
fn header_name(variable: &OsStr) -> Option<String> {
    Some(variable.to_str()?.to_ascii_lowercase().replace('_', "-"))
}

/// Returns the header of a propagator that has this name if `_` is read as `-`: a custom header can have a `_`.
fn watched_name(names: &FieldNames, dashed: &str) -> Option<String> {
    let field = names.find_dashed(dashed).filter(|field| names.watched.contains(*field))?;
    // Only a prefix is followed by more.
    let known = names.name_of(field)?;
    Some(String::from(known) + dashed.get(known.len()..)?)
}

/// Passes context to a child process.
///
/// Variables of a written format that the child would inherit, and that this call does not set, are removed: a stale
/// `TRACESTATE` must not accompany a new `TRACEPARENT`.
///
/// ```
/// use std::process::Command;
/// use traceprop_core::{presets, InjectOptions, SpanContext};
/// # let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
///
/// let mut command = Command::new("report");
/// presets::W3C.propagator().inject(&span, &InjectOptions::new(), &mut command);
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
impl CarrierMut for Command {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        // `X_B3_TRACEID` for `x-b3-traceid`.
        let variable = name.as_str().to_ascii_uppercase().replace('-', "_");
        let present = self.get_envs().find(|(known, _)| *known == OsStr::new(&variable)).and_then(|(_, value)| value);
        // A variable holds one value. Several lines are joined by a comma, which means the same.
        let mut joined = present.map(OsStr::to_os_string).unwrap_or_default();
        if present.is_some() {
            joined.push(",");
        }
        joined.push(std::format!("{value}"));
        self.env(variable, joined);
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        let inherited = std::env::vars_os().map(|(name, _)| name);
        let set = self.get_envs().map(|(name, _)| name.to_os_string());
        let names: HashSet<OsString> = inherited.chain(set).collect();
        for name in names {
            let is_stale = match own_header(&name) {
                Some((_, header)) => stale(header),
                None => header_name(&name).is_some_and(|header| stale(&header)),
            };
            if is_stale {
                self.env_remove(name);
            }
        }
    }

    fn is_environment(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SpanContext;
    use crate::context::inject_options::InjectOptions;
    use crate::propagator::presets;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
    }

    fn set<'a>(command: &'a Command, name: &str) -> Option<Option<&'a OsStr>> {
        command.get_envs().find(|(known, _)| *known == OsStr::new(name)).map(|(_, value)| value)
    }

    #[test]
    fn ok_capture_in_any_case_and_nothing_else() {
        let propagator = presets::W3C.propagator();
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let all = variables(&[("PASSWORD", "x"), ("TraceParent", parent), ("TRACESTATE", "a=1"), ("BAGGAGE", "k=v")]);
        let environment = EnvCarrier::from_vars(&propagator, all);
        assert_eq!(environment.fields().count(), 3);
        let extraction = propagator.extract(&environment);
        assert_eq!(extraction.context().map(|context| context.trace_id.low()), Some(0xa3ce_929d_0e0e_4736));
        assert_eq!(extraction.tracestate().get("a"), Some("1"));
        assert_eq!(extraction.baggage().len(), 1);
    }

    #[test]
    fn ok_an_empty_variable_is_unset_and_a_newline_at_the_end_is_not_part_of_it() {
        let propagator = presets::W3C.propagator();
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for line_end in ["\n", "\r\n", " \n"] {
            let parent = std::format!("{parent}{line_end}");
            let all = variables(&[("TRACEPARENT", &parent), ("TRACESTATE", "a=1\n"), ("BAGGAGE", "k=v\n")]);
            let environment = EnvCarrier::from_vars(&propagator, all);
            let report = propagator.explain(&environment);
            assert_eq!(report.invalid_headers().next(), None);
            let extraction = report.extraction();
            assert_eq!(extraction.context().map(|context| context.trace_id.low()), Some(0xa3ce_929d_0e0e_4736));
            assert_eq!((extraction.tracestate().get("a"), extraction.baggage().len()), (Some("1"), 1));
        }
        for empty in ["", " ", "\n"] {
            let environment =
                EnvCarrier::from_vars(&propagator, variables(&[("TRACEPARENT", empty), ("BAGGAGE", empty)]));
            assert_eq!(propagator.explain(&environment).to_string(), "new trace; absent: tracecontext, baggage");
        }
        // Two spellings of a name with equal values are one value.
        let all = variables(&[("TRACEPARENT", parent), ("traceparent", parent)]);
        assert!(propagator.extract(&EnvCarrier::from_vars(&propagator, all)).context().is_some());
    }

    #[test]
    fn ok_a_custom_header_is_passed_on_in_either_spelling() {
        for header in ["x-tenant-id", "x_tenant_id", "x_tenant-id"] {
            let list = std::format!("tracecontext,correlation:{header};opaque");
            let propagator = Propagator::from_names(&list, &list).unwrap();
            let request = [(header, "order-7")];
            for (options, expected) in [(InjectOptions::everything(), Some("order-7")), (InjectOptions::new(), None)] {
                let mut command = Command::new("true");
                command.env("X_TENANT_ID", "stale");
                propagator.inject(propagator.extract(&request).passthrough(), &options, &mut command);
                assert_eq!(set(&command, "X_TENANT_ID"), Some(expected.map(OsStr::new)), "{header}");
                let child = command.get_envs().filter_map(|(name, value)| Some((name.into(), value?.into())));
                let environment = EnvCarrier::from_vars(&propagator, child);
                let read: Vec<_> = environment.fields().collect();
                assert_eq!(read, expected.map(|value| (header, value.as_bytes())).into_iter().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn ok_prefixes_keep_what_follows() {
        let propagator = Propagator::from_names("jaeger", "none").unwrap();
        let all = variables(&[("UBERCTX_USER_ID", "7"), ("UBER_TRACE_IDS", "8"), ("X_TRACE", "9")]);
        let environment = EnvCarrier::from_vars(&propagator, all);
        assert!(environment.fields().eq([("uberctx-user-id", &b"7"[..])]));
    }

    #[test]
    fn ok_command_loses_what_is_not_set() {
        let mut command = Command::new("true");
        command.env("TRACESTATE", "old=1").env("OTHER", "kept");
        let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap(), crate::SpanId::MIN);
        let propagator = presets::W3C.propagator();
        let omitted = propagator.inject(&span, &InjectOptions::new(), &mut command);
        assert!(omitted.is_complete());
        let parent = OsStr::new("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000001-00");
        assert_eq!(set(&command, "TRACEPARENT"), Some(Some(parent)));
        assert_eq!(set(&command, "TRACESTATE"), Some(None));
        assert_eq!(set(&command, "OTHER"), Some(Some(OsStr::new("kept"))));
    }
}
