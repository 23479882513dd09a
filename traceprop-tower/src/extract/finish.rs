//! What the layer does with one response.

use std::sync::Arc;

use http::Response;
use traceprop_core::{OwnedContext, Propagator, Trust};
use traceprop_http::strip_upstream;

use crate::response::ResponseHeaders;

/// What is done with the response of one request.
#[derive(Clone, Debug, Default)]
pub(super) struct Finish {
    /// Removes the trace of an upstream service; the propagator names the custom headers.
    strip: Option<Arc<Propagator>>,
    write: Option<Arc<ResponseHeaders>>,
}

/// A response extension: an inner layer removed the trace of an upstream service, and wrote one of ours.
#[derive(Clone, Copy)]
struct Stripped;

impl Finish {
    /// Nothing is written for a request that was skipped.
    pub(super) fn new(
        propagator: &Arc<Propagator>,
        headers: Option<&Arc<ResponseHeaders>>,
        trust: Trust,
        is_skipped: bool,
    ) -> Self {
        let strips = headers.map_or(trust >= Trust::Restart, |headers| headers.strips_upstream(trust));
        Self { strip: strips.then(|| Arc::clone(propagator)), write: headers.filter(|_| !is_skipped).cloned() }
    }

    /// Changes a response. The context of its request is current.
    pub(super) fn apply<B>(&self, response: &mut Response<B>) {
        if let Some(propagator) = self.strip.as_ref().filter(|_| response.extensions().get::<Stripped>().is_none()) {
            strip_upstream(propagator, response.headers_mut());
        }
        let Some(headers) = &self.write else { return };
        // Not the span of a tracer, which can be that of the whole connection.
        if let Some(context) = OwnedContext::entered() {
            // A header without room is omitted: the response must not fail for it.
            headers.write(&context, response.headers_mut());
            if self.strip.is_some() {
                response.extensions_mut().insert(Stripped);
            }
        }
    }
}
