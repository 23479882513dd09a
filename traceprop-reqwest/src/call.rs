//! What one call hands on: which context, in which formats, and what beside trace context may go along.

use reqwest::{Request, Url};
use traceprop_core::{InjectOptions, InjectReport, InjectSource, OwnedContext, Propagator, RandomIds, SpanContext};
use traceprop_http::HeaderCarrierMut;

use crate::policy::child_of;

/// What one call hands on. A new one: the current context, and nothing but trace context.
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
    /// Hands on the context that is current when the request is written: a child of its span, with an id of its own,
    /// or what came where the service has no span. Nothing if there is no current context.
    pub const fn new(propagator: &'a Propagator) -> Self {
        Self { propagator, context: Context::Current, outgoing: InjectOptions::new() }
    }

    /// Hands on this context in place of the current one, in the same way.
    pub const fn context(mut self, context: &'a OwnedContext) -> Self {
        self.context = Context::Owned(context);
        self
    }

    /// Hands on this span, whose id stands for the call: a tracer's client span.
    pub const fn span(mut self, span: &SpanContext<'a>) -> Self {
        self.context = Context::Span(*span);
        self
    }

    /// What may go along beside trace context. Where they are not given, the peer is taken from the
    /// URL and the endpoint from the context.
    pub const fn inject_options(mut self, outgoing: InjectOptions<'a>) -> Self {
        self.outgoing = outgoing;
        self
    }

    /// Writes the headers into a built request, and says what was left out and why.
    ///
    /// It overwrites the headers of the formats that it writes and touches no others. With nothing to write it changes
    /// nothing: a header that you set yourself stays.
    pub fn inject(&self, request: &mut Request) -> InjectReport<'_> {
        match self.context {
            Context::Span(span) => self.write_source((&span).into(), None, request),
            Context::Owned(context) => self.write(context, request),
            Context::Current => {
                OwnedContext::current().map_or_else(InjectReport::default, |context| self.write(&context, request))
            }
        }
    }

    /// Whether there is anything to hand on.
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
        let omissions = self.propagator.inject(source, &outgoing, &mut HeaderCarrierMut::new(&mut headers));
        *request.headers_mut() = headers;
        omissions
    }
}

/// Host and port as the URL has them. What may stand before an `@` is a credential, and no part of a peer's name.
pub(crate) fn authority(url: &Url) -> &str {
    let authority = url.authority();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_authority_is_host_and_port_without_credentials() {
        for (url, expected) in [
            ("http://stock.internal/items", "stock.internal"),
            ("http://stock.internal:8080/items?at=a@b", "stock.internal:8080"),
            ("http://stock.internal:80/", "stock.internal"),
            ("https://user:p%40ss@stock.internal:8443/", "stock.internal:8443"),
            ("http://[::1]:8080/", "[::1]:8080"),
            ("data:text/plain,a@b", ""),
        ] {
            assert_eq!(authority(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
