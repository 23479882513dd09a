//! `elastic-apm-traceparent`: a `traceparent` under the name that Elastic's agents used before the W3C's.
//!
//! ```text
//! elastic-apm-traceparent = traceparent
//!
//! 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//! ```
//!
//! The value follows the rules of [`tracecontext`](super::tracecontext). There is no second header for a tracestate, and
//! `tracestate` belongs to `traceparent` alone. Agents that still send both names mean the same trace; a fork that lets a
//! proxy overwrite `traceparent` does not.
//!
//! The format is written only where a list names it.
//!
//! Spec: <https://github.com/elastic/apm/blob/main/specs/agents/tracing-distributed-tracing.md>

use crate::carrier::Headers;
use crate::context::traceparent::{self, TraceFlags, TraceParent};
use crate::field::{Field, FormatKind};
use crate::format::{Format, FormatFields, InjectContext, Parsed, Writer};

/// The format of Elastic APM's own header, named `elastic`.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{InjectOptions, Pairs, Propagator, formats::elastic::Elastic};
///
/// let propagator = Propagator::builder().with_format(Elastic::new()).build()?;
/// let request = [("elastic-apm-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
/// let extraction = propagator.extract(&request);
/// assert!(extraction.sampling().is_sampled());
///
/// let mut headers = Pairs::new();
/// propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut headers);
/// assert_eq!(headers.get("elastic-apm-traceparent"), Some(request[0].1));
/// # }
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Elastic {
    allow_multiple: bool,
}

impl Elastic {
    /// Creates the format. It accepts one value.
    pub const fn new() -> Self {
        Self { allow_multiple: false }
    }

    /// Accepts several different values, on lines or joined by commas, if all are valid and name one trace.
    ///
    /// The last value counts. By default, different values are invalid (`multiple-traceparent`).
    pub const fn allow_multiple_traceparent(self) -> Self {
        Self { allow_multiple: true }
    }
}

impl Format for Elastic {
    fn name(&self) -> &str {
        "elastic"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::of(FormatKind::Elastic)
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        let Some(first) = headers.get(Field::ElasticTraceParent) else { return Parsed::absent() };
        match traceparent::read(headers, Field::ElasticTraceParent, first, self.allow_multiple) {
            // A sender without a decision writes flags 00 too.
            Ok(parent) => Parsed::context(parent.context()).implicit_if(!parent.flags.is_sampled()),
            Err(invalid) => Parsed::invalid(invalid),
        }
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if let Some((trace_id, span_id)) = context.ids_or_omit(Field::ElasticTraceParent, writer) {
            let flags = TraceFlags::new(context.sampling_or_received_bit().is_sampled(), context.is_random());
            writer.write_ascii(Field::ElasticTraceParent, &TraceParent::new(trace_id, span_id, flags).to_bytes());
        }
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::Pairs;
    use crate::context::inject_options::InjectOptions;
    use crate::id::sampling::Sampling;
    use crate::propagator::Propagator;
    use crate::wire::reason::InvalidReason;

    const VALUE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const OTHER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01";

    fn one(format: Elastic) -> Propagator {
        Propagator::builder().with_format(format).build().unwrap()
    }

    #[test]
    fn err_an_invalid_value_names_this_field() {
        let propagator = one(Elastic::new());
        let request = [("elastic-apm-traceparent", VALUE), ("Elastic-Apm-Traceparent", OTHER)];
        let report = propagator.explain(&request);
        let (_, invalid) = report.invalid_headers().next().unwrap();
        assert_eq!(
            (invalid.field(), invalid.reason()),
            (Field::ElasticTraceParent, InvalidReason::MultipleTraceparent)
        );
        let lenient = one(Elastic::new().allow_multiple_traceparent());
        let parent = lenient.extract(&request).context().unwrap().parent_id;
        assert_eq!(parent, Some("b7ad6b7169203331".parse().unwrap()));
    }

    #[test]
    fn ok_an_agent_that_sends_both_names_has_one_trace() {
        let propagator = Propagator::from_names("all", "tracecontext").unwrap();
        let request = [("elastic-apm-traceparent", OTHER), ("traceparent", VALUE), ("tracestate", "es=s:0.5")];
        let extraction = propagator.extract(&request);
        assert_eq!((extraction.source_format(), extraction.links().count()), (Some("tracecontext"), 0));
        assert_eq!(extraction.context().unwrap().parent_id, Some("00f067aa0ba902b7".parse().unwrap()));
        assert_eq!(extraction.tracestate().get("es"), Some("s:0.5"));
        // Without a valid `traceparent` a tracestate is not read.
        let request = [request[0], request[2]];
        let extraction = propagator.extract(&request);
        assert_eq!((extraction.source_format(), extraction.tracestate().get("es")), (Some("elastic"), None));
    }

    #[test]
    fn ok_a_decision_that_elastic_cannot_withhold_fills_in_nothing() {
        let propagator = Propagator::from_names("b3,elastic", "elastic").unwrap();
        let sampling = |value: &str| {
            let request =
                [("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"), ("elastic-apm-traceparent", value)];
            propagator.extract(&request).sampling()
        };
        assert_eq!(sampling(VALUE), Sampling::Sampled);
        assert_eq!(sampling(&VALUE.replace("-01", "-00")), Sampling::Deferred);
    }

    #[test]
    fn ok_it_is_written_only_by_name() {
        let propagator = Propagator::builder().names("elastic", "tracecontext").unwrap().build().unwrap();
        let request = [("elastic-apm-traceparent", VALUE)];
        let extraction = propagator.extract(&request);
        let caller = extraction.context().unwrap();
        let span = extraction.span_with_ids(caller.trace_id, caller.parent_id.unwrap());
        let mut headers = Pairs::new();
        propagator.inject(&span, &InjectOptions::new(), &mut headers);
        assert_eq!(headers.iter().collect::<std::vec::Vec<_>>(), [("traceparent", VALUE)]);
    }
}
