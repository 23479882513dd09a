//! A context that owns its headers, to cross an await, a thread or a queue.

#[cfg(feature = "std")]
pub mod active;
mod allowed;
#[cfg(feature = "std")]
pub(crate) mod current;
pub(crate) mod lines;
mod nested;
mod set;
mod traced;

use crate::baggage::{Baggage, BaggageLimits};
use crate::carrier::{Headers, LineSource};
use crate::context::{Mark, Passthrough, Received, RemoteContext, SpanContext, Trust};
use crate::field::{Field, FieldNames, FieldSet};
use crate::format::InjectSource;
use crate::id::{Sampling, SpanId, TraceId};
use crate::propagator::{Extraction, Link};
use crate::sampler::{Sampler, SamplingParameters};
use crate::tracestate::TraceState;
use crate::wire::debug_as;
use alloc::sync::Arc;

use lines::OwnedLines;

/// All built-in fields: the table of headers of an owned context.
static BUILT_IN: FieldNames = FieldNames::all_built_in();

static NO_LINES: [(&str, &str); 0] = [];

/// A trace context that owns the received headers it needs, in one buffer.
///
/// It is the span of a service, or a received context that a service without spans forwards. Request extensions hold
/// one, and so does the current context. A clone costs one reference count.
///
/// ```
/// use traceprop_core::{presets, IdBits, InjectOptions, OwnedContext, Pairs};
///
/// let propagator = presets::W3C.propagator();
/// let ids = || IdBits::random(0xff);
/// let owned = {
///     let request = [
///         ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
///         ("tracestate", "rojo=1"),
///     ];
///     let extraction = propagator.extract(&request);
///     OwnedContext::from_span(&extraction, &extraction.new_span(&ids))
/// };
/// let mut headers = Pairs::new();
/// let call = owned.span().expect("it holds a span").child("b7ad6b7169203331".parse()?);
/// propagator.inject(&call, &InjectOptions::new(), &mut headers);
/// assert_eq!(headers.get("tracestate"), Some("rojo=1"));
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone)]
pub struct OwnedContext {
    pub(crate) role: Role,
    /// `None` if there are no lines, which saves an allocation.
    pub(crate) lines: Option<OwnedLines>,
    pub(crate) endpoint: Option<Arc<str>>,
}

/// What the service does with the context. Its lines are in the buffer.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Span(SpanContext<'static>),
    Passthrough(Passthrough<'static>),
}

impl OwnedContext {
    /// Bytes of received headers that an owned context keeps. A field that does not fit is omitted as a whole.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Creates a context from the span of a service and the received headers.
    pub fn from_span(extraction: &Extraction<'_>, span: &SpanContext<'_>) -> Self {
        // A span that a tracer made says nothing about the listener.
        let foreign;
        let known = if span.received.is(Mark::Extracted) {
            &span.received
        } else {
            foreign = extraction.received.without_trace();
            &foreign
        };
        let present = extraction.headers().present();
        let received = owned_received(lines::held_fields(extraction, present), known);
        // A span writes a traceparent of its own.
        let lines = OwnedLines::copy(extraction, known, present.without(FieldSet::of(&[Field::TraceParent])));
        let span = SpanContext { received, ..span.without_headers() };
        Self { role: Role::Span(span), lines, endpoint: None }
    }

    /// Creates a context that is forwarded without a span, and copies the received headers.
    ///
    /// ```
    /// use traceprop_core::{InjectOptions, OwnedContext, Pairs, presets};
    ///
    /// let propagator = presets::W3C.propagator();
    /// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    /// let context = OwnedContext::from_passthrough(&propagator.extract(&request));
    /// let mut headers = Pairs::new();
    /// propagator.inject(&context, &InjectOptions::new(), &mut headers);
    /// assert_eq!(headers.get("traceparent"), Some(request[0].1));
    /// ```
    pub fn from_passthrough(extraction: &Extraction<'_>) -> Self {
        let again = extraction.for_passthrough();
        let extraction = again.as_ref().unwrap_or(extraction);
        let forwarded = extraction.passthrough();
        let present = extraction.headers().present();
        let received = owned_received(lines::held_fields(extraction, present), &forwarded.received);
        let lines = OwnedLines::copy(extraction, &forwarded.received, present);
        let passthrough = forwarded.with_received(received);
        Self { role: Role::Passthrough(passthrough), lines, endpoint: None }
    }

    /// Creates a context from a span without received headers.
    pub const fn new(span: SpanContext<'static>) -> Self {
        Self { role: Role::Span(span), lines: None, endpoint: None }
    }

    /// Creates a context that is forwarded without a span. Every format writes its canonical form.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, RemoteContext, TraceId};
    ///
    /// let context = OwnedContext::from_remote(RemoteContext::new(TraceId::MIN, None));
    /// assert_eq!((context.trace_id(), context.span_id()), (Some(TraceId::MIN), None));
    /// ```
    pub const fn from_remote(context: RemoteContext) -> Self {
        Self { role: Role::Passthrough(Passthrough::from_remote(context)), lines: None, endpoint: None }
    }

    /// Returns the span of the service, or `None` if the context is forwarded. [`SpanContext::child`] creates its
    /// children.
    pub fn span(&self) -> Option<SpanContext<'_>> {
        match self.role {
            Role::Span(span) => Some(SpanContext { received: self.received(span.received), ..span }),
            Role::Passthrough(_) => None,
        }
    }

    /// Returns a context for a span whose parent is the span of this context, or `None` if there is no trace.
    ///
    /// Decision, tracestate, vendor data, baggage, correlation ids and endpoint are those of this context. The child of a
    /// passthrough is a span whose parent is the caller's span.
    ///
    /// ```
    /// use traceprop_core::{InjectOptions, OwnedContext, Pairs, presets};
    ///
    /// let request = [
    ///     ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ///     ("tracestate", "rojo=1"),
    /// ];
    /// let propagator = presets::W3C.propagator();
    /// let context = OwnedContext::from_passthrough(&propagator.extract(&request));
    /// let child = context.child("b7ad6b7169203331".parse()?).expect("there is a trace");
    /// assert_eq!(child.parent_id(), context.span_id());
    ///
    /// let mut headers = Pairs::new();
    /// propagator.inject(&child, &InjectOptions::new(), &mut headers);
    /// assert_eq!(headers.get("traceparent"), Some("00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01"));
    /// assert_eq!(headers.get("tracestate"), Some("rojo=1"));
    /// # Ok::<(), traceprop_core::ParseIdError>(())
    /// ```
    pub fn child(&self, span_id: SpanId) -> Option<Self> {
        let span = match self.role {
            Role::Span(span) => span.child(span_id),
            Role::Passthrough(passthrough) => {
                let parent = passthrough.context()?;
                let received = passthrough.received;
                let decided_here = received.is(Mark::FilledIn);
                SpanContext { decided_here, received, ..SpanContext::child_of(parent, span_id) }
            }
        };
        Some(Self { role: Role::Span(span), lines: self.lines.clone(), endpoint: self.endpoint.clone() })
    }

    /// Returns a child as [`child`](Self::child) does, with the decision of a sampler.
    ///
    /// The sampler is asked as if this context were the parent. Tracestate, vendor data, baggage, correlation ids, links and
    /// endpoint are kept. If the decision changes, what describes the old one is removed: its threshold, Datadog's priority,
    /// decision maker and sampling rate.
    ///
    /// Under [`Trust::Resample`](crate::Trust::Resample) ratio samplers decide by the randomness that this service has written,
    /// or else by that of the new span.
    ///
    /// ```
    /// use traceprop_core::{InjectOptions, OwnedContext, Pairs, Sampling, presets};
    ///
    /// let request = [
    ///     ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ///     ("tracestate", "rojo=1,ot=th:8"),
    /// ];
    /// let propagator = presets::W3C.propagator();
    /// let context = OwnedContext::from_passthrough(&propagator.extract(&request));
    /// let child = context.child_with("b7ad6b7169203331".parse()?, &Sampling::NotSampled).expect("there is a trace");
    ///
    /// let mut headers = Pairs::new();
    /// propagator.inject(&child, &InjectOptions::new(), &mut headers);
    /// assert_eq!(headers.get("traceparent"), Some("00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-00"));
    /// assert_eq!(headers.get("tracestate"), Some("rojo=1"));
    /// # Ok::<(), traceprop_core::ParseIdError>(())
    /// ```
    pub fn child_with(&self, span_id: SpanId, sampler: &(impl Sampler + ?Sized)) -> Option<Self> {
        let mut child = self.child(span_id)?;
        if let Role::Span(span) = &mut child.role {
            let headers = self.headers();
            let parameters = SamplingParameters::new(span.trace_id, span.random);
            let parameters = match span.is_new_trace {
                // No caller: this service writes the randomness of the trace.
                true => parameters.with_sampling(span.sampling),
                false => parameters.with_parent(RemoteContext { parent_id: span.parent_id, ..span.as_remote() }),
            };
            let parameters = parameters
                .with_tracestate(span.received.tracestate(&headers))
                .with_baggage(headers.get_all(Field::Baggage), BaggageLimits::W3C)
                .with_otel(span.otel);
            let is_resampled = span.received.trust() == Trust::Resample && span.otel.randomness().is_none();
            let parameters =
                if is_resampled { parameters.with_randomness(span.randomness_of_this_service()) } else { parameters };
            *span = span.with_sampling_result(sampler.should_sample(&parameters));
        }
        Some(child)
    }

    /// Returns whether the service has no span, so that the received context is forwarded.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, RemoteContext, SpanContext, SpanId, TraceId};
    ///
    /// assert!(OwnedContext::from_remote(RemoteContext::new(TraceId::MIN, None)).is_passthrough());
    /// assert!(!OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN)).is_passthrough());
    /// ```
    pub const fn is_passthrough(&self) -> bool {
        matches!(self.role, Role::Passthrough(_))
    }

    /// Returns whether this is the passthrough of a request that held nothing of a trace, and has no baggage of its own.
    ///
    /// An injection of it leaves the carrier alone, as if there were no context. Under restart and ignore a context is never
    /// empty: it says that nothing of the request may be sent.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, Trust, presets};
    ///
    /// let propagator = presets::W3C.propagator();
    /// let request = [("b3", "0")];
    /// let passthrough = |trust| OwnedContext::from_passthrough(&propagator.extract_with_trust(&request, trust));
    /// assert!(passthrough(Trust::Continue).is_empty() && !passthrough(Trust::Restart).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        const ALWAYS: FieldSet = FieldSet::of(&[Field::TraceState, Field::Baggage]);
        let known = self.known();
        self.is_passthrough()
            && self.trace_id().is_none()
            && self.sampling() == Sampling::Deferred
            && known.trust() < Trust::Restart
            && !known.is(Mark::HeldFields)
            && !self.headers().holds_any(known.read.fields().union(ALWAYS))
    }

    /// Returns the stored headers with a built-in name.
    pub(crate) fn headers(&self) -> Headers<'_> {
        match &self.lines {
            Some(lines) => Headers::collect(lines, &BUILT_IN),
            None => Headers::empty(&NO_LINES, &BUILT_IN),
        }
    }

    fn received<'a>(&'a self, received: Received<'static>) -> Received<'a> {
        let source = self.lines.as_ref().map(|lines| lines as &'a dyn LineSource);
        Received { source, ..received }
    }

    /// Returns the context as the next hop receives it: the parent is the span of this service, or of the sender.
    const fn as_remote(&self) -> Option<RemoteContext> {
        match &self.role {
            Role::Span(span) => Some(span.as_remote()),
            Role::Passthrough(passthrough) => passthrough.context(),
        }
    }

    pub(crate) const fn known(&self) -> Received<'static> {
        match self.role {
            Role::Span(span) => span.received,
            Role::Passthrough(passthrough) => passthrough.received,
        }
    }

    pub(crate) fn known_mut(&mut self) -> &mut Received<'static> {
        match &mut self.role {
            Role::Span(span) => &mut span.received,
            Role::Passthrough(passthrough) => &mut passthrough.received,
        }
    }

    /// Returns the trace id, or `None` if only a sampling decision is forwarded.
    pub const fn trace_id(&self) -> Option<TraceId> {
        match self.as_remote() {
            Some(context) => Some(context.trace_id),
            None => None,
        }
    }

    /// Returns the span id of the service, or the sender's if the context is forwarded.
    pub const fn span_id(&self) -> Option<SpanId> {
        match self.as_remote() {
            Some(context) => context.parent_id,
            None => None,
        }
    }

    /// Returns the parent of the service's span.
    pub const fn parent_id(&self) -> Option<SpanId> {
        match self.role {
            Role::Span(span) => span.parent_id,
            Role::Passthrough(_) => None,
        }
    }

    /// Returns the sampling decision of the trace.
    pub const fn sampling(&self) -> Sampling {
        match self.role {
            Role::Span(span) => span.sampling,
            Role::Passthrough(passthrough) => passthrough.sampling(),
        }
    }

    /// Returns whether the lower 56 bits of the trace id are random, as traceparent flag `02` says.
    pub const fn is_random(&self) -> bool {
        matches!(self.as_remote(), Some(RemoteContext { random: true, .. }))
    }

    /// Returns the received contexts that are not continued, as [`Extraction::links`] does.
    ///
    /// Children have the links of their parent.
    ///
    /// ```
    /// use traceprop_core::{IdBits, LinkReason, OwnedContext, Trust, presets};
    ///
    /// let propagator = presets::W3C.propagator().with_trust(Trust::Restart);
    /// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    /// let extraction = propagator.extract(&request);
    /// let context = OwnedContext::from_span(&extraction, &extraction.new_span(&|| IdBits::random(7)));
    /// let link = context.links().next().expect("the caller's span");
    /// assert_eq!(link.reason, LinkReason::Restarted);
    /// assert_eq!(link.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    /// ```
    pub fn links(&self) -> impl Iterator<Item = Link<'_>> {
        self.lines.iter().flat_map(OwnedLines::links)
    }

    /// Returns the endpoint of the service that handles the request, if possible a route.
    ///
    /// The adapters pass it to [`InjectOptions::endpoint`](crate::InjectOptions::endpoint). Only sw8 sends it.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// Sets the endpoint of the service that handles the request.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanContext, SpanId, TraceId};
    ///
    /// let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN)).with_endpoint("/cart/{id}");
    /// assert_eq!(context.endpoint(), Some("/cart/{id}"));
    /// ```
    pub fn with_endpoint(self, endpoint: impl Into<Arc<str>>) -> Self {
        Self { endpoint: Some(endpoint.into()), ..self }
    }

    /// Returns the tracestate of the trace, or an empty one.
    pub fn tracestate(&self) -> TraceState<'_> {
        self.known().tracestate(&self.headers())
    }

    /// Returns the W3C baggage, or an empty one.
    pub fn baggage(&self) -> Baggage<'_> {
        let lines = self.headers().get_all(Field::Baggage);
        let keeps_decisions = self.known().keeps_decisions_in_text();
        Baggage::received(lines, BaggageLimits::W3C, keeps_decisions).unwrap_or(Baggage::EMPTY)
    }
}

/// Returns what is known of the lines of a request after they were copied.
fn owned_received(held: FieldSet, received: &Received<'_>) -> Received<'static> {
    received.without_source().with(Mark::HeldCustom, !held.is_empty())
}

/// Forwards the context if it is a passthrough. Otherwise writes its span.
impl<'a> From<&'a OwnedContext> for InjectSource<'a> {
    fn from(context: &'a OwnedContext) -> Self {
        match context.role {
            Role::Span(span) => (&SpanContext { received: context.received(span.received), ..span }).into(),
            Role::Passthrough(passthrough) => passthrough.with_received(context.received(passthrough.received)).into(),
        }
    }
}

debug_as!(
    OwnedContext, |it|
    trace_id: it.trace_id(), span_id: it.span_id(), sampling: it.sampling(),
    bytes: it.lines.as_ref().map_or(0, |lines| lines.0.len())
);

impl SpanContext<'_> {
    /// Returns the span without its received headers, so that it borrows nothing.
    ///
    /// Data that only the headers hold is lost: tracestate, baggage, tags.
    ///
    /// ```
    /// use traceprop_core::{SpanContext, SpanId, TraceId};
    ///
    /// let span: SpanContext<'static> = SpanContext::new(TraceId::MIN, SpanId::MIN).without_headers();
    /// assert_eq!(span.span_id(), SpanId::MIN);
    /// ```
    pub const fn without_headers(&self) -> SpanContext<'static> {
        SpanContext {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_id: self.parent_id,
            sampling: self.sampling,
            random: self.random,
            decided_here: self.decided_here,
            is_new_trace: self.is_new_trace,
            is_reported: self.is_reported,
            otel: self.otel,
            received: self.received.without_lines(),
        }
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests;
