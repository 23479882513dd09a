//! What the layer does with one request before the inner service sees it.

use std::sync::Arc;

use http::header::ACCESS_CONTROL_REQUEST_METHOD;
use http::request::Parts;
use http::{Extensions, Method};
use traceprop_core::report::OwnedReport;
use traceprop_core::sampler::{Sampler, SamplingParameters, SamplingResult};
use traceprop_core::{Allow, Extraction, IdGenerator, OwnedContext, RemoteContext, SpanContext, Trust};
use traceprop_http::{HeaderCarrier, HeaderCarrierMut, count_refused, remove_refused};

use super::finish::Finish;
use super::layer::SamplerFn;
use super::{ExtractLayer, RefusedContext};

/// A request extension: a layer skipped the request and made no span for it.
#[derive(Clone, Copy)]
struct Skipped;

/// A request extension: the headers are not those that were received. A [`RefusedContext`] says it too.
#[derive(Clone, Copy)]
pub(crate) struct Changed;

/// What a layer does with one request.
#[derive(Clone, Copy)]
struct Plan {
    /// The stricter of all settings.
    trust: Trust,
    /// Whether the request gets a span.
    has_span: bool,
}

impl<G: IdGenerator> ExtractLayer<G> {
    /// Reads the head of a request, stores its context in the extensions and in `context`, and removes what is refused.
    ///
    /// Returns what is done with the response. The context is not returned, because it is large.
    #[inline]
    pub(super) fn begin(&self, request: &mut Parts, context: &mut Option<OwnedContext>) -> Finish {
        let settings = &self.settings;
        let is_skipped = is_preflight(request) || settings.skip.as_ref().is_some_and(|skip| skip(request));
        let mut trust = self.propagator.trust();
        if let Some(trust_fn) = &settings.trust_fn {
            trust = trust.max(trust_fn(request));
        }
        let plan = Plan { trust, has_span: !is_skipped && !settings.passthrough };
        if request.extensions.get::<OwnedContext>().is_some() {
            *context = self.outer_context(request, plan);
        }
        if context.is_none() {
            self.read(request, plan, is_skipped, context);
        }
        // A tracer's context does not have to say how far the caller is trusted.
        let trust = context.as_ref().map_or(trust, |context| context.trust().max(trust));
        Finish::new(&self.propagator, settings.response_headers.as_ref(), trust, is_skipped)
    }

    /// Returns the context inside of an outer layer, unless this layer has to read the headers.
    #[inline(never)]
    fn outer_context(&self, request: &mut Parts, plan: Plan) -> Option<OwnedContext> {
        let outer = request.extensions.get::<OwnedContext>()?.clone();
        // A request that was skipped has no span yet. But what a stricter layer refused is not read again.
        if plan.trust >= outer.trust() && request.extensions.remove::<Skipped>().is_some() {
            return None;
        }
        Some(self.inside_of(outer, request, plan))
    }

    #[inline]
    fn read(&self, request: &mut Parts, plan: Plan, is_skipped: bool, slot: &mut Option<OwnedContext>) {
        let refused = if self.settings.keep_report && !is_skipped {
            self.read_and_report(request, plan, slot)
        } else if self.settings.context_fn.is_some() {
            self.read_for_tracer(request, plan, slot)
        } else {
            let carrier = HeaderCarrier::new(&request.headers);
            let extraction = self.propagator.extract_with_trust(&carrier, plan.trust);
            *slot = Some(self.context(&extraction, request, plan));
            extraction.refused()
        };
        if self.settings.allow_baggage != Allow::All || self.settings.endpoint.is_some() {
            self.restrict(request, slot);
        }
        self.clean(request, plan.trust, refused);
        if is_skipped {
            request.extensions.insert(Skipped);
        }
        if let Some(context) = slot {
            request.extensions.insert(context.clone());
        }
    }

    /// Reads the headers, and keeps a report of what was received.
    #[inline(never)]
    fn read_and_report(
        &self,
        request: &mut Parts,
        plan: Plan,
        slot: &mut Option<OwnedContext>,
    ) -> Option<RemoteContext> {
        let carrier = HeaderCarrier::new(&request.headers);
        let report = self.propagator.explain_with_trust(&carrier, plan.trust);
        if let Some(on_report) = &self.settings.on_report {
            on_report(&report);
        }
        let (refused, added) = self.make_context(report.extraction(), request, plan, slot);
        let owned = OwnedReport::new(&report, Arc::clone(&self.propagator));
        request.extensions.extend(added);
        request.extensions.insert(owned);
        refused
    }

    /// Reads the headers for a tracer that makes the context.
    #[inline(never)]
    fn read_for_tracer(
        &self,
        request: &mut Parts,
        plan: Plan,
        slot: &mut Option<OwnedContext>,
    ) -> Option<RemoteContext> {
        let carrier = HeaderCarrier::new(&request.headers);
        let extraction = self.propagator.extract_with_trust(&carrier, plan.trust);
        let (refused, added) = self.make_context(&extraction, request, plan, slot);
        request.extensions.extend(added);
        refused
    }

    /// Asks a tracer for the context, if there is one and the request gets a span, or makes it.
    ///
    /// Returns the refused context, and what the tracer adds to the extensions of the request.
    #[inline(never)]
    fn make_context(
        &self,
        extraction: &Extraction<'_>,
        request: &Parts,
        plan: Plan,
        slot: &mut Option<OwnedContext>,
    ) -> (Option<RemoteContext>, Extensions) {
        let (context, added) = match &self.settings.context_fn {
            Some(context_fn) if plan.has_span => context_fn(extraction, request, self.settings.allow_baggage),
            _ => (self.context(extraction, request, plan), Extensions::new()),
        };
        *slot = Some(context);
        (extraction.refused(), added)
    }

    /// Removes baggage that is not accepted, and names the endpoint.
    #[inline(never)]
    fn restrict(&self, request: &Parts, slot: &mut Option<OwnedContext>) {
        let allow = self.settings.allow_baggage;
        *slot = slot.take().map(|context| context.filter_baggage(allow));
        if let Some(endpoint) = self.settings.endpoint.as_ref().and_then(|endpoint| endpoint(request)) {
            *slot = slot.take().map(|context| context.with_endpoint(endpoint));
        }
    }

    #[inline(always)]
    fn context(&self, extraction: &Extraction<'_>, request: &Parts, plan: Plan) -> OwnedContext {
        if self.settings.parent_from_current {
            if let Some(context) = self.adopted(request, plan) {
                return context;
            }
        }
        if !plan.has_span {
            return OwnedContext::from_passthrough(extraction);
        }
        OwnedContext::from_span(extraction, &self.span(extraction, request))
    }

    #[inline]
    fn span<'e>(&self, extraction: &Extraction<'e>, request: &Parts) -> SpanContext<'e> {
        match &self.settings.sampler {
            None => extraction.new_span(&self.id_generator),
            Some(sampler) => {
                extraction.new_span_with(&self.id_generator, &RequestSampler { sampler: &**sampler, head: request })
            }
        }
    }

    /// Returns the context of a tracer that has a span for the request, or of a request of this process, if the request
    /// has no context of its own.
    #[inline(never)]
    fn adopted(&self, request: &Parts, plan: Plan) -> Option<OwnedContext> {
        if self.settings.adopts_active_span {
            return OwnedContext::current().filter(OwnedContext::is_reported);
        }
        let continues_trace = matches!(plan.trust, Trust::Continue | Trust::Resample);
        if !continues_trace || self.holds_fields(request, plan.trust) {
            return None;
        }
        let current = OwnedContext::current()?;
        let context = if plan.has_span { current.child(self.id_generator.new_span_id())? } else { current };
        Some(self.under_trust(&context, request, plan))
    }

    fn holds_fields(&self, request: &Parts, trust: Trust) -> bool {
        let owned = self.propagator.owned_fields(trust);
        request.headers.keys().any(|name| owned.contains(name.as_str()))
    }

    /// Works on the context of an outer layer, and not on the headers, which may have been refused or changed since.
    fn inside_of(&self, outer: OwnedContext, request: &mut Parts, plan: Plan) -> OwnedContext {
        let allow = self.settings.allow_baggage;
        let trust = plan.trust.max(outer.trust());
        if trust == Trust::Continue && allow == Allow::All {
            self.clean(request, trust, None);
            return outer;
        }
        let context = self.under_trust(&outer, request, plan).filter_baggage(allow);
        self.clean(request, trust, None);
        request.extensions.insert(context.clone());
        context
    }

    fn under_trust(&self, context: &OwnedContext, request: &Parts, plan: Plan) -> OwnedContext {
        context.under_trust(&self.propagator, plan.trust, |extraction| {
            plan.has_span.then(|| self.span(extraction, request))
        })
    }

    /// Removes what is refused and what is taken.
    #[inline]
    fn clean(&self, request: &mut Parts, trust: Trust, context: Option<RemoteContext>) {
        if self.settings.take_headers || self.settings.allow_baggage != Allow::All || trust != Trust::Continue {
            self.remove(request, trust, context);
        }
    }

    #[inline(never)]
    fn remove(&self, request: &mut Parts, trust: Trust, context: Option<RemoteContext>) {
        let takes = self.settings.take_headers;
        let keeps = self.settings.keep_refused && !takes;
        let refusals = self.propagator.refusals(trust, self.settings.allow_baggage);
        let refused = match keeps {
            true => count_refused(&request.headers, &refusals),
            false => remove_refused(&mut request.headers, &refusals),
        };
        if !refused.is_empty() && (keeps || trust >= Trust::Restart) {
            let earlier = request.extensions.remove::<RefusedContext>();
            let refused = RefusedContext::new(&self.propagator, trust, context, refused, keeps).after(earlier);
            request.extensions.insert(refused);
        } else if takes || !refused.is_empty() {
            request.extensions.insert(Changed);
        }
        if takes {
            self.propagator.owned_fields(trust).remove_from(&mut HeaderCarrierMut::new(&mut request.headers));
        }
    }
}

/// A preflight belongs to the browser and not to the page: it is answered, and no work of the page is done.
#[inline]
fn is_preflight(request: &Parts) -> bool {
    request.method == Method::OPTIONS && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The sampler of one request.
struct RequestSampler<'r> {
    sampler: &'r SamplerFn,
    head: &'r Parts,
}

impl Sampler for RequestSampler<'_> {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> SamplingResult {
        (self.sampler)(parameters, self.head)
    }
}
