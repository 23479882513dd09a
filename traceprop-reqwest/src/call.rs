//! The settings of one call of a plain client: context, formats, and what is sent in addition to trace context.

use reqwest::Request;
use traceprop_core::{
    InjectOptions, OwnedContext, Propagator, RandomIds, SpanContext, format::InjectSource, report::InjectReport,
};
use traceprop_http::HeaderCarrierMut;

use crate::destination::authority;
use crate::rules::child_of;

/// The settings of one call of a plain client. By default it sends the current context, and trace context only.
///
/// ```
/// use traceprop_core::{Allow, InjectOptions, SpanContext, presets};
/// use traceprop_reqwest::Call;
///
/// let propagator = presets::W3C.propagator();
/// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
/// let call = Call::new(&propagator).span(&span).inject_options(InjectOptions::new().allow_baggage(Allow::Only(&["tenant"])));
///
/// let mut request = reqwest::Request::new(reqwest::Method::GET, "http://stock.internal/items".parse().unwrap());
/// let omitted = call.inject(&mut request);
/// assert!(omitted.is_complete());
/// assert_eq!(request.headers()["traceparent"], "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    propagator: &'a Propagator,
    context: Context<'a>,
    outgoing: InjectOptions<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Context<'a> {
    Current,
    Owned(&'a OwnedContext),
    Span(SpanContext<'a>),
}

impl<'a> Call<'a> {
    /// Creates a call that sends the current context in the formats that `propagator` injects.
    ///
    /// The context is the one that is current when the request is written. The call is a child of its span, with a new span
    /// id. If the service has no span, the received context is forwarded unchanged. Without a current context nothing is
    /// written.
    pub const fn new(propagator: &'a Propagator) -> Self {
        Self { propagator, context: Context::Current, outgoing: InjectOptions::new() }
    }

    /// Sends `context` instead of the current one.
    pub const fn context(mut self, context: &'a OwnedContext) -> Self {
        self.context = Context::Owned(context);
        self
    }

    /// Sends `span` itself, without a child: use it with the client span of a tracer.
    pub const fn span(mut self, span: &SpanContext<'a>) -> Self {
        self.context = Context::Span(*span);
        self
    }

    /// Sets what is sent in addition to trace context. Defaults to nothing.
    ///
    /// The peer defaults to the host and port of the URL, and the endpoint to the one of the context.
    pub const fn inject_options(mut self, outgoing: InjectOptions<'a>) -> Self {
        self.outgoing = outgoing;
        self
    }

    /// Writes the headers into a built request. Returns what was omitted, and why.
    ///
    /// Of the formats that the propagator reads or writes, and of those that the context was read from, the request then has
    /// what this call wrote and nothing else. Under `Restart` and `Ignore` that is so for every format. Other headers are
    /// unchanged, and so is a request without a context.
    pub fn inject(&self, request: &mut Request) -> InjectReport<'_> {
        match self.context {
            Context::Span(span) => self.write_source((&span).into(), None, request),
            Context::Owned(context) => self.write(context, request),
            Context::Current => {
                OwnedContext::current().map_or_else(InjectReport::default, |context| self.write(&context, request))
            }
        }
    }

    /// Whether there is a context to send.
    pub(crate) fn has_context(&self) -> bool {
        !matches!(self.context, Context::Current) || OwnedContext::current().is_some()
    }

    fn write(&self, context: &OwnedContext, request: &mut Request) -> InjectReport<'_> {
        self.write_source(child_of(context, &RandomIds), context.endpoint(), request)
    }

    fn write_source(
        &self,
        source: InjectSource<'_>,
        endpoint: Option<&str>,
        request: &mut Request,
    ) -> InjectReport<'_> {
        // The map is moved out and in, so that the URL can be borrowed meanwhile. An empty one costs nothing.
        let mut headers = std::mem::take(request.headers_mut());
        let peer = self.outgoing.peer_or(authority(request.url()));
        let endpoint = self.outgoing.endpoint_or(endpoint.unwrap_or_default());
        let outgoing = self.outgoing.peer(peer).endpoint(endpoint);
        let report = self.propagator.inject(source, &outgoing, &mut HeaderCarrierMut::new(&mut headers));
        *request.headers_mut() = headers;
        report
    }
}
