//! The sampler that environment variables name.

use alloc::boxed::Box;
use core::fmt;
use std::ffi::OsString;
use std::vec::Vec;

use super::{AlwaysOff, AlwaysOn, ParentBased, Sampler, SamplingParameters, SamplingResult, TraceIdRatioBased};
use crate::config::{EnvWarning, Message, Variables};

/// The sampler that [`from_env`] returns.
pub struct BoxSampler(Box<dyn Sampler>);

impl fmt::Debug for BoxSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxSampler")
    }
}

impl Sampler for BoxSampler {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> SamplingResult {
        self.0.should_sample(parameters)
    }
}

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

const UNKNOWN: Message = &[
    "ignoring unknown sampler ",
    "; using parentbased_always_on. Known are always_on, always_off, traceidratio, parentbased_always_on, \
     parentbased_always_off, parentbased_traceidratio",
];
const NO_RATIO: Message = &["ignoring ", "; expected a number from 0 to 1, using 1"];

/// Returns the sampler that `OTEL_TRACES_SAMPLER` names, and the values that were ignored.
///
/// | name | sampler |
/// |---|---|
/// | `always_on` | [`AlwaysOn`] |
/// | `always_off` | [`AlwaysOff`] |
/// | `traceidratio` | [`TraceIdRatioBased`] with the ratio in `OTEL_TRACES_SAMPLER_ARG`, by default 1 |
/// | `parentbased_always_on` | [`ParentBased`] with `AlwaysOn`; the default |
/// | `parentbased_always_off` | `ParentBased` with `AlwaysOff` |
/// | `parentbased_traceidratio` | `ParentBased` with `TraceIdRatioBased` |
///
/// # Examples
///
/// ```
/// use traceprop_core::{IdBits, presets, sampler};
///
/// let (sampler, warnings) = sampler::from_env();
/// for warning in warnings {
///     eprintln!("{warning}");
/// }
/// let nothing: [(&str, &str); 0] = [];
/// let propagator = presets::W3C.propagator();
/// let span = propagator.extract(&nothing).new_span_with(&|| IdBits::random(7), &sampler);
/// assert!(span.sampling().is_sampled());
/// ```
pub fn from_env() -> (BoxSampler, Vec<EnvWarning>) {
    read(&|name| std::env::var_os(name))
}

fn read(find: &dyn Fn(&str) -> Option<OsString>) -> (BoxSampler, Vec<EnvWarning>) {
    let mut variables = Variables::new(find);
    let name = variables.parse(SAMPLER, UNKNOWN, |name| {
        let known = ["always_on", "always_off", "traceidratio", "parentbased_always_off", "parentbased_traceidratio"];
        let known = known.into_iter().chain(["parentbased_always_on"]);
        known.into_iter().find(|known| name.eq_ignore_ascii_case(known))
    });
    let mut ratio = || {
        let ratio = variables.parse(ARGUMENT, NO_RATIO, |ratio| TraceIdRatioBased::new(ratio.parse().ok()?));
        ratio.or(TraceIdRatioBased::new(1.0))
    };
    let sampler: Box<dyn Sampler> = match name {
        Some("always_on") => Box::new(AlwaysOn),
        Some("always_off") => Box::new(AlwaysOff),
        Some("parentbased_always_off") => Box::new(ParentBased::new(AlwaysOff)),
        Some(name @ ("traceidratio" | "parentbased_traceidratio")) => match ratio() {
            Some(ratio) if name == "traceidratio" => Box::new(ratio),
            Some(ratio) => Box::new(ParentBased::new(ratio)),
            None => Box::new(AlwaysOn),
        },
        _ => Box::new(ParentBased::new(AlwaysOn)),
    };
    (BoxSampler(sampler), variables.warnings)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{child, root};
    use super::*;
    use crate::id::sampling::Sampling::{NotSampled, Sampled};
    use std::string::{String, ToString};

    const HIGH: u128 = u128::MAX;
    const LOW: u128 = 1 << 64 | 1;

    /// Returns the decisions for two roots, a sampled and a not sampled parent, and the warnings.
    fn decisions(set: &[(&str, &str)]) -> ([bool; 4], Vec<String>) {
        let find = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        let (sampler, warnings) = read(&find);
        let inputs = [root(HIGH), root(LOW), child(LOW, Sampled), child(HIGH, NotSampled)];
        let decisions = inputs.map(|input| sampler.should_sample(&input).sampling().is_sampled());
        (decisions, warnings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn ok_the_six_names_with_and_without_an_argument() {
        for (name, argument, expected) in [
            ("always_on", "0", [true, true, true, true]),
            ("always_off", "1", [false, false, false, false]),
            ("traceidratio", "0.5", [true, false, false, true]),
            ("traceidratio", " ", [true, true, true, true]),
            ("parentbased_always_on", "0", [true, true, true, false]),
            ("parentbased_always_off", "", [false, false, true, false]),
            ("parentbased_traceidratio", "0.5", [true, false, true, false]),
            ("ParentBased_TraceIdRatio", "0", [false, false, true, false]),
            ("", "0", [true, true, true, false]),
        ] {
            let got = decisions(&[(SAMPLER, name), (ARGUMENT, argument)]);
            assert_eq!(got, (expected, Vec::new()), "{name} {argument}");
        }
        assert_eq!(decisions(&[]), ([true, true, true, false], Vec::new()));
    }

    #[test]
    fn err_any_other_value_is_a_warning_and_the_default() {
        let (got, warnings) = decisions(&[(SAMPLER, "xray"), (ARGUMENT, "many")]);
        assert_eq!((got, warnings.len()), ([true, true, true, false], 1));
        let expected = "OTEL_TRACES_SAMPLER: ignoring unknown sampler `xray`; using parentbased_always_on. Known are ";
        assert!(warnings[0].starts_with(expected), "{warnings:?}");
        for ratio in ["many", "1.5", "-0.1", "NaN"] {
            let (got, warnings) = decisions(&[(SAMPLER, "traceidratio"), (ARGUMENT, ratio)]);
            assert_eq!(got, [true; 4]);
            let expected = "; expected a number from 0 to 1, using 1";
            assert_eq!(warnings, [std::format!("OTEL_TRACES_SAMPLER_ARG: ignoring `{ratio}`{expected}")]);
        }
    }
}
