//! Asking a sampler about a request.

use super::Extraction;
use crate::context::SpanContext;
use crate::field::Field;
use crate::generator::IdGenerator;
use crate::id::TraceId;
use crate::sampler::{Sampler, SamplingParameters};
use crate::slots::HeaderLines;

impl<'c> Extraction<'c> {
    /// A span as [`Extraction::new_span`] makes it, with the decision of a sampler, and what that has to say in the tracestate.
    ///
    /// ```
    /// use traceprop_core::sampler::{Probability, ParentBased};
    /// use traceprop_core::{presets, IdBits};
    ///
    /// const SAMPLER: ParentBased<Probability> = ParentBased::new(Probability::new(0.5).unwrap());
    ///
    /// let propagator = presets::W3C.propagator();
    /// let nothing: [(&str, &str); 0] = [];
    /// let span = propagator.extract(&nothing).start_span_by(&|| IdBits::random(1 << 55), &SAMPLER);
    /// assert!(span.sampling().is_sampled());
    /// ```
    pub fn start_span_by(
        &self,
        ids: &(impl IdGenerator + ?Sized),
        sampler: &(impl Sampler + ?Sized),
    ) -> SpanContext<'c> {
        let span = self.start_span_with(ids, self.inbound().sampling());
        span.with_sampling_result(sampler.should_sample(&self.sampling_parameters(span.trace_id(), span.is_random())))
    }

    /// What a sampler can know of this request, for a span of this trace: the one that came, or a new one.
    pub fn sampling_parameters(&self, trace_id: TraceId, random: bool) -> SamplingParameters<'c> {
        let options = &self.propagator().options;
        let reads = self.propagator().reads_baggage && self.received().keeps_text;
        let baggage = if reads { self.headers().get_all(Field::Baggage) } else { HeaderLines::none() };
        SamplingParameters::new(self.inbound(), trace_id, random)
            .with_tracestate(self.tracestate())
            .with_baggage(baggage, options.baggage_limits)
    }
}
