//! A context that owns what it knows: it crosses an await, a thread, a queue.

mod allowed;
#[cfg(feature = "std")]
pub(crate) mod current;
pub(crate) mod lines;

use alloc::sync::Arc;
use core::fmt;

use crate::baggage::{Baggage, BaggageLimits, OwnedBaggage};
use crate::carrier::headers::Headers;
use crate::carrier::source::LineSource;
use crate::context::received::Received;
use crate::context::{Passthrough, RemoteContext, SpanContext};
use crate::field::invalid::InvalidHeader;
use crate::field::{Field, FieldNames, FieldSet, FormatKind};
use crate::format::InjectSource;
use crate::id::sampling::Sampling;
use crate::id::{SpanId, TraceId};
use crate::propagator::Extraction;
use crate::tracestate::TraceState;

use lines::{Builder, Entry, OwnedLines};

/// All built-in fields: what the lines of an owned context are asked for by name.
static BUILT_IN: FieldNames = FieldNames::all_built_in();

static NO_LINES: [(&str, &str); 0] = [];

/// A context that owns the lines it came from, in one buffer. A clone costs one reference count.
///
/// It is what request extensions hold and what the current context is: the span of a service, or what a service
/// without spans relays.
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
    /// `None` where there are no lines: no allocation then.
    pub(crate) lines: Option<OwnedLines>,
    pub(crate) endpoint: Option<Arc<str>>,
}

/// What the service does with the context. The lines in it are those of the buffer.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Span(SpanContext<'static>),
    Passthrough(Passthrough<'static>),
}

impl OwnedContext {
    /// Bytes of received headers that an owned context keeps. A field that does not fit is omitted as a whole.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// The span of a service, with the words of the request that caused it.
    pub fn from_span(extraction: &Extraction<'_>, span: &SpanContext<'_>) -> Self {
        let received = span.received;
        let lines = OwnedLines::copy(extraction, extraction.headers(), &received);
        let span = SpanContext { received: received.without_headers(), ..span.without_headers() };
        Self { role: Role::Span(span), lines, endpoint: None }
    }

    /// Copies what a service forwards that reports no spans.
    pub fn from_passthrough(extraction: &Extraction<'_>) -> Self {
        let received = extraction.received();
        let lines = OwnedLines::copy(extraction, extraction.headers(), &received);
        let passthrough = extraction.passthrough().with_received(received.without_headers());
        Self { role: Role::Passthrough(passthrough), lines, endpoint: None }
    }

    /// A span that was made here, without a request behind it.
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

    /// The span, if the service has one. Its children are [`SpanContext::child`].
    pub fn span(&self) -> Option<SpanContext<'_>> {
        match self.role {
            Role::Span(span) => Some(SpanContext { received: self.received(span.received), ..span }),
            Role::Passthrough(_) => None,
        }
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

    pub(crate) fn known(&self) -> Received<'static> {
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

    /// The trace, if there is one: a relay may have none.
    pub const fn trace_id(&self) -> Option<TraceId> {
        match self.role {
            Role::Span(span) => Some(span.trace_id),
            Role::Passthrough(passthrough) => match passthrough.context() {
                Some(context) => Some(context.trace_id),
                None => None,
            },
        }
    }

    /// The span of this service, or the sender's where none is made here.
    pub const fn span_id(&self) -> Option<SpanId> {
        match self.role {
            Role::Span(span) => Some(span.span_id),
            Role::Passthrough(passthrough) => match passthrough.context() {
                Some(context) => context.parent_id,
                None => None,
            },
        }
    }

    /// The span that caused this service's span.
    pub const fn parent_id(&self) -> Option<SpanId> {
        match self.role {
            Role::Span(span) => span.parent_id,
            Role::Passthrough(_) => None,
        }
    }

    /// The decision for the trace.
    pub const fn sampling(&self) -> Sampling {
        match self.role {
            Role::Span(span) => span.sampling,
            Role::Passthrough(passthrough) => passthrough.sampling(),
        }
    }

    /// Whether the trace id is promised to be random.
    pub const fn is_random(&self) -> bool {
        match self.role {
            Role::Span(span) => span.random,
            Role::Passthrough(passthrough) => match passthrough.context() {
                Some(context) => context.random,
                None => false,
            },
        }
    }

    /// What of this service handles the request, a route by preference: calls made from it tell so in dialects that have
    /// a word for it (sw8). The adapters hand it to [`InjectOptions::endpoint`](crate::InjectOptions::endpoint).
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The same context with this endpoint.
    pub fn with_endpoint(mut self, endpoint: impl Into<Arc<str>>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// The tracestate that belongs to the trace; empty if there is none.
    pub fn tracestate(&self) -> TraceState<'_> {
        self.known().tracestate(&self.headers())
    }

    /// The W3C baggage; empty if there is none.
    pub fn baggage(&self) -> Baggage<'_> {
        Baggage::from_lines(self.headers().get_all(Field::Baggage), BaggageLimits::W3C).unwrap_or(Baggage::EMPTY)
    }

    /// The same context with other baggage.
    pub fn with_baggage(self, baggage: &OwnedBaggage) -> Self {
        let lines = alloc::string::ToString::to_string(baggage);
        self.with_line(Field::Baggage, lines.as_bytes())
    }

    /// The same context with this tracestate in place of its own.
    ///
    /// # Errors
    /// When a member breaks the grammar or there are more than 32.
    pub fn with_tracestate<'m>(
        self,
        members: impl IntoIterator<Item = (&'m str, &'m str)>,
    ) -> Result<Self, InvalidHeader> {
        let mut line = alloc::string::String::new();
        for (key, value) in members {
            if !line.is_empty() {
                line.push(',');
            }
            line.push_str(key);
            line.push('=');
            line.push_str(value);
        }
        let facts = TraceState::parse(line.as_bytes())?.facts();
        let mut context = self.with_line(Field::TraceState, line.as_bytes());
        let received = context.known_mut();
        received.agrees = received.agrees.with(FormatKind::TraceContext);
        received.tracestate = facts;
        Ok(context)
    }

    /// Marks a format's lines as made here, for this trace.
    pub(crate) fn built(mut self, kind: FormatKind) -> Self {
        let received = self.known_mut();
        received.agrees = received.agrees.with(kind);
        received.built = received.built.with(kind);
        self
    }

    /// Replaces all lines of a field by one, or by none if `line` is empty.
    pub(crate) fn with_line(self, field: Field, line: &[u8]) -> Self {
        self.with_lines(&[(field, line)])
    }

    /// The same for several fields.
    pub(crate) fn with_lines(mut self, fields: &[(Field, &[u8])]) -> Self {
        // What came in a field may have been turned down; what it is given now was not.
        let given = fields.iter().fold(FieldSet::EMPTY, |set, (field, _)| set.with(*field));
        let received = self.known_mut();
        received.refused = received.refused.without(given);
        let entries = fields.iter().map(|(field, line)| Entry { index: field.index() as u8, name: "", value: line });
        self.replace(|known| fields.iter().any(|(field, _)| *field == known.field()), entries)
    }

    /// Copies the lines that are not replaced, so that others can be added to them.
    pub(crate) fn lines_without(&self, is_replaced: impl Fn(&Entry<'_>) -> bool) -> Builder {
        let mut builder = Builder::default();
        let kept = self.lines.iter().flat_map(OwnedLines::entries).filter(|entry| !is_replaced(entry));
        kept.for_each(|entry| builder.entry(&entry));
        builder
    }

    pub(crate) fn replace<'e>(
        mut self,
        is_replaced: impl Fn(&Entry<'_>) -> bool,
        by: impl IntoIterator<Item = Entry<'e>>,
    ) -> Self {
        let mut builder = self.lines_without(is_replaced);
        for entry in by.into_iter().filter(|entry| !entry.value.is_empty()) {
            builder.entry(&entry);
        }
        self.lines = builder.finish();
        self
    }
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

impl fmt::Debug for OwnedContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedContext")
            .field("trace_id", &self.trace_id())
            .field("span_id", &self.span_id())
            .field("sampling", &self.sampling())
            .field("bytes", &self.lines.as_ref().map_or(0, |lines| lines.0.len()))
            .finish_non_exhaustive()
    }
}

impl SpanContext<'_> {
    /// The same span without lines, which lives as long as you like.
    pub const fn without_headers(&self) -> SpanContext<'static> {
        SpanContext {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_id: self.parent_id,
            sampling: self.sampling,
            random: self.random,
            decided_here: self.decided_here,
            otel: self.otel,
            received: Received::NOTHING,
        }
    }
}

impl Received<'_> {
    const fn without_headers(&self) -> Received<'static> {
        Received {
            source: None,
            agrees: self.agrees,
            primary: self.primary,
            refused: self.refused,
            tracestate: self.tracestate,
            filled_in: self.filled_in,
            priority_in_dd: self.priority_in_dd,
            built: self.built,
            keeps_text: self.keeps_text,
        }
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests;
