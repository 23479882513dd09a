//! `X-INSTANA-T`, `X-INSTANA-S` and `X-INSTANA-L`: trace context of Instana's tracers.
//!
//! ```text
//! x-instana-t = 1*32 hex, not all "0"          x-instana-s = 1*16 hex, not all "0"
//! x-instana-l = level [ "," "correlationType=" text ";" "correlationId=" text ]        level = "0" / "1"
//! x-instana-synthetic = "1"
//!
//! X-INSTANA-T: cf5ea97ac8e45349
//! X-INSTANA-S: 5d1de0e8ad3bd26f
//! X-INSTANA-L: 1
//! ```
//!
//! Short ids are padded with zeros on the left: the browser agent writes 15 digits now and then. Of several values, on
//! lines or joined by commas, the first one counts.
//!
//! A level of 0 suppresses tracing. It is the format's "not sampled", with or without ids. Any other level next to ids
//! means sampled: the format cannot express an undecided trace, and its tracers never decide, so that this does not fill in
//! a decision that another format left open.
//!
//! A level of 1 with a correlation is from the browser agent. Its ids are those of the page view and not of a span, so they
//! are ignored. Correlation and `X-INSTANA-SYNTHETIC` can be [read](InstanaView). Neither is ever sent, because the
//! correlation id identifies a page view.
//!
//! The `in` member of a tracestate, which Instana's tracers write, is forwarded as any other member. The format is written
//! only where a list names it.
//!
//! Kafka records have [names](KAFKA_NAMES) of their own.
//!
//! Source: <https://github.com/instana/nodejs/blob/main/packages/core/src/tracing/tracingHeaders.js>

mod level;

pub use level::{InstanaCorrelation, InstanaView};

use crate::carrier::Headers;
use crate::context::RemoteContext;
use crate::field::{Field, FieldSet, FormatKind};
use crate::format::{Format, FormatFields, InjectContext, Parsed, Writer, read_ids};
use crate::id::Sampling;
use level::Level;

/// The names that Instana's tracers use in Kafka records, whose keys may contain no `-`.
///
/// A carrier for records returns the field's own name for them.
///
/// ```
/// use traceprop_core::{Propagator, formats::instana::KAFKA_NAMES};
///
/// let record = [("X_INSTANA_T", "cf5ea97ac8e45349"), ("X_INSTANA_S", "5d1de0e8ad3bd26f"), ("X_INSTANA_L_S", "1")];
/// let headers = record.map(|(name, value)| {
///     let known = KAFKA_NAMES.iter().find(|(_, kafka)| name.eq_ignore_ascii_case(kafka));
///     (known.and_then(|(field, _)| field.name()).unwrap_or(name), value)
/// });
/// let propagator = Propagator::from_names("instana", "none")?;
/// assert!(propagator.extract(&headers).sampling().is_sampled());
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
pub const KAFKA_NAMES: [(Field, &str); 3] = [
    (Field::InstanaTraceId, "X_INSTANA_T"),
    (Field::InstanaSpanId, "X_INSTANA_S"),
    (Field::InstanaLevel, "X_INSTANA_L_S"),
];

/// The fields that are written.
const SENT: FieldSet = FieldSet::of(&[Field::InstanaTraceId, Field::InstanaSpanId, Field::InstanaLevel]);

/// The Instana format, named `instana`.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{InjectOptions, Pairs, Propagator, Sampling, formats::instana::Instana};
///
/// let propagator = Propagator::builder().with_format(Instana::new()).build()?;
/// // Suppressed: the decision goes on, with ids or without.
/// let extraction = propagator.extract(&[("x-instana-l", "0")]);
/// assert_eq!((extraction.context(), extraction.sampling()), (None, Sampling::NotSampled));
///
/// let mut headers = Pairs::new();
/// propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut headers);
/// assert_eq!(headers.get("x-instana-l"), Some("0"));
/// # }
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Instana;

impl Instana {
    /// Creates the format.
    pub const fn new() -> Self {
        Self
    }
}

impl Format for Instana {
    fn name(&self) -> &str {
        "instana"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::of(FormatKind::Instana)
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        let level = Level::read(headers);
        if level.as_ref().is_some_and(|level| level.correlation().is_some()) {
            return Parsed::absent();
        }
        let level = level.map(|level| level.is_on());
        let Some(ids) = read_ids(headers, Field::InstanaTraceId, Field::InstanaSpanId) else {
            return match level {
                Some(Ok(false)) => Parsed::sampling_only(Sampling::NotSampled),
                Some(Err(invalid)) => Parsed::invalid(invalid),
                Some(Ok(true)) | None => Parsed::absent(),
            };
        };
        Parsed::of(Some(ids), |(trace_id, span_id)| {
            let sampling = Sampling::from_flag(level != Some(Ok(false)));
            let parsed = Parsed::context(RemoteContext { sampling, ..RemoteContext::new(trace_id, Some(span_id)) });
            parsed.implicit_if(sampling.is_sampled()).with_ignored(level.and_then(Result::err))
        })
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let sampling = context.sampling_or_received_bit();
        match context.ids_or_omit(Field::InstanaSpanId, writer) {
            Some((trace_id, span_id)) => {
                let digits = trace_id.to_hex();
                // The tracers use 64 bits, and write no zeros for the others.
                let first = if trace_id.high() == 0 { 16 } else { 0 };
                writer.write_ascii(Field::InstanaTraceId, &digits[first..]);
                writer.write_ascii(Field::InstanaSpanId, &span_id.to_hex());
            }
            None if context.trace_id().is_none() && sampling == Sampling::NotSampled => {}
            None => return,
        }
        if sampling != Sampling::Deferred {
            writer.write_ascii(Field::InstanaLevel, if sampling.is_sampled() { b"1" } else { b"0" });
        }
    }

    /// Forwards the received lines, unless they hold a correlation.
    fn forward_lines(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) -> bool {
        let headers = context.received();
        let is_bare = headers.get_all(Field::InstanaLevel).iter().all(|line| !line.contains(&b'='));
        is_bare && context.forward_verbatim(&self.extract(headers), FormatFields::built_in(SENT), writer)
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::Pairs;
    use crate::context::inject_options::InjectOptions;
    use crate::context::trust::Trust;
    use crate::field::invalid::InvalidHeader;
    use crate::propagator::Propagator;
    use crate::wire::reason::InvalidReason;
    use std::vec::Vec;

    const IDS: [(&str, &str); 2] = [("x-instana-t", "cf5ea97ac8e45349"), ("x-instana-s", "5d1de0e8ad3bd26f")];

    fn instana() -> Propagator {
        Propagator::from_names("instana", "instana").unwrap()
    }

    fn forwarded(request: &[(&'static str, &'static str)]) -> Vec<(std::string::String, std::string::String)> {
        let (propagator, request) = (instana(), request.to_vec());
        let mut headers = Pairs::new();
        propagator.inject(propagator.extract(&request).passthrough(), &InjectOptions::everything(), &mut headers);
        headers.into_iter().collect()
    }

    #[test]
    fn ok_correlation_and_synthetic_are_sent_to_nobody() {
        let suppressed = ("x-instana-l", "0,correlationType=web;correlationId=cd9ffb6b0f2185e0");
        let request = [IDS[0], IDS[1], suppressed, ("x-instana-synthetic", "1")];
        let expected = [IDS[0], IDS[1], ("x-instana-l", "0")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(forwarded(&request), expected);
        let page = ("x-instana-l", "1,correlationType=web;correlationId=cd9ffb6b0f2185e0");
        assert_eq!(forwarded(&[IDS[0], IDS[1], page, ("x-instana-synthetic", "1")]), []);
        // Also where the format is only read.
        let propagator = Propagator::from_names("instana", "tracecontext").unwrap();
        let mut headers = Pairs::new();
        propagator.inject(propagator.extract(&request).passthrough(), &InjectOptions::everything(), &mut headers);
        assert!(headers.iter().all(|(name, _)| !name.starts_with("x-instana")), "{headers:?}");
    }

    #[test]
    fn ok_correlation_is_read_while_the_trace_of_the_caller_counts() {
        let view = |trust| {
            let propagator = instana().with_trust(trust);
            let request =
                [("x-instana-l", "1, correlationType=web ; correlationId = ab12"), ("x-instana-synthetic", "1")];
            let extraction = propagator.extract(&request);
            let view = extraction.instana();
            let texts = view.correlation().map(|correlation| std::format!("{}/{}", correlation.kind, correlation.id));
            assert_eq!(texts.is_some(), view.level().is_some());
            assert!(!std::format!("{view:?}").contains("ab12"));
            (texts, view.is_synthetic())
        };
        let received = (Some("web/ab12".into()), true);
        assert_eq!(view(Trust::Continue), received);
        assert_eq!(view(Trust::Resample), received);
        assert_eq!(view(Trust::Restart), (None, false));
        assert_eq!(view(Trust::Ignore), (None, false));
    }

    #[test]
    fn ok_a_level_fills_in_only_a_denial() {
        let propagator = Propagator::from_names("b3,instana", "none").unwrap();
        let sampling = |level: Option<&'static str>| {
            let mut request = std::vec![("b3", "0000000000000000cf5ea97ac8e45349-5d1de0e8ad3bd26f"), IDS[0], IDS[1]];
            request.extend(level.map(|level| ("x-instana-l", level)));
            propagator.extract(&request).sampling()
        };
        assert_eq!((sampling(Some("1")), sampling(None)), (Sampling::Deferred, Sampling::Deferred));
        assert_eq!(sampling(Some("0")), Sampling::NotSampled);
    }

    #[test]
    fn ok_a_level_without_ids_is_written_only_for_a_denial_without_a_trace() {
        let propagator = Propagator::from_names("b3,grpc-trace-bin", "instana").unwrap();
        let sent = |request: &[(&'static str, &'static str)]| {
            let request = request.to_vec();
            let mut headers = Pairs::new();
            propagator.inject(propagator.extract(&request).passthrough(), &InjectOptions::new(), &mut headers);
            headers.get("x-instana-l").map(std::string::String::from)
        };
        assert_eq!(sent(&[("b3", "0")]).as_deref(), Some("0"));
        assert_eq!(sent(&[("b3", "1")]), None);
        // A trace without a span.
        assert_eq!(sent(&[("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ADkc2AgA")]), None);
    }

    #[test]
    fn ok_a_level_after_an_empty_value() {
        let request = [("x-instana-l", " , 1 , correlationType=web;correlationId=ab12")];
        let propagator = instana();
        let extraction = propagator.extract(&request);
        assert_eq!(extraction.instana().correlation(), Some(InstanaCorrelation { kind: "web", id: "ab12" }));
    }

    #[test]
    fn ok_debug_names_the_kind_and_no_id() {
        let correlation = InstanaCorrelation { kind: "web", id: "ab12" };
        let debug = std::format!("{correlation:?}");
        assert!(debug.contains("web") && !debug.contains("ab12"), "{debug}");
    }

    #[test]
    fn err_an_unreadable_level_is_reported() {
        let propagator = instana();
        for (level, reason) in
            [("yes", InvalidReason::BadSampling), ("", InvalidReason::Empty), (" ", InvalidReason::Empty)]
        {
            let request = [IDS[0], IDS[1], ("x-instana-l", level)];
            let report = propagator.explain(&request);
            let invalid: Vec<_> = report.invalid_headers().map(|(_, invalid)| invalid).collect();
            assert_eq!(invalid, [InvalidHeader::new(Field::InstanaLevel, reason, 0)], "{level:?}");
            assert!(report.extraction().sampling().is_sampled());
        }
    }
}
