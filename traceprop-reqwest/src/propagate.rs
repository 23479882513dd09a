//! The method `propagate` on the request builder of a plain client.

use std::cell::Cell;

use http::{HeaderName, HeaderValue};
use reqwest::{Request, RequestBuilder};
use traceprop_core::{OwnedContext, Propagator, SpanContext};

use crate::Call;

/// Adds methods to [`reqwest::RequestBuilder`] that write trace context.
///
/// Call them last: a header that is set afterwards may replace one of the trace, or be added to it.
///
/// A builder that holds an error (an invalid URL or header) is returned unchanged, and sending it returns that error.
///
/// ```
/// use traceprop_core::{OwnedContext, RandomIds, SpanContext, presets};
/// use traceprop_reqwest::Propagate;
///
/// async fn load(client: &reqwest::Client) -> Result<reqwest::Response, reqwest::Error> {
///     let propagator = presets::W3C.propagator(); // one for the whole program
///     client.get("http://stock.internal/items").propagate(&propagator).send().await
/// }
/// ```
pub trait Propagate: Sized + sealed::Sealed {
    /// Writes the context that `call` describes.
    fn propagate_with(self, call: &Call<'_>) -> Self;

    /// Writes the current context, as a child with a new span id. Sends trace context only.
    fn propagate(self, propagator: &Propagator) -> Self {
        self.propagate_with(&Call::new(propagator))
    }

    /// Writes `context`, as a child with a new span id. Sends trace context only.
    fn propagate_context(self, propagator: &Propagator, context: &OwnedContext) -> Self {
        self.propagate_with(&Call::new(propagator).context(context))
    }

    /// Writes `span` itself, for example the client span of a tracer. Sends trace context only.
    fn propagate_span(self, propagator: &Propagator, span: &SpanContext<'_>) -> Self {
        self.propagate_with(&Call::new(propagator).span(span))
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for reqwest::RequestBuilder {}
}

impl Propagate for RequestBuilder {
    fn propagate_with(self, call: &Call<'_>) -> Self {
        if !call.has_context() {
            return self;
        }
        edit(self, |request| {
            call.inject(request);
        })
    }
}

/// Edits the request inside a builder. A builder that holds an error is returned unchanged.
///
/// A builder shows neither its headers nor whether it holds an error, and an error cannot be put back after `build_split`.
/// So [`Probe`] finds out first, and the builder is split only if there is a request.
fn edit(builder: RequestBuilder, edit: impl FnOnce(&mut Request)) -> RequestBuilder {
    let asked = Cell::new(false);
    let builder = builder.header(Probe(&asked), HeaderValue::from_static("1"));
    if !asked.get() {
        return builder;
    }
    match builder.build_split() {
        (client, Ok(mut request)) => {
            request.headers_mut().remove(PROBE);
            edit(&mut request);
            RequestBuilder::from_parts(client, request)
        }
        // Unreachable unless reqwest converts header names of a builder with an error. An empty URL is an error as well,
        // so nothing is sent.
        (client, Err(_)) => client.get(""),
    }
}

const PROBE: &str = "x-traceprop-probe";

/// A header name that notes its conversion, which reqwest does only for a builder without an error. The header is removed
/// before the request is edited.
struct Probe<'p>(&'p Cell<bool>);

impl From<Probe<'_>> for HeaderName {
    fn from(probe: Probe<'_>) -> Self {
        probe.0.set(true);
        Self::from_static(PROBE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::Client;

    #[test]
    fn ok_edit_sees_the_request_and_leaves_no_probe() {
        let builder = Client::new().get("http://a.example/").header("x-a", "1");
        let request = edit(builder, |request| {
            let names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
            assert_eq!(names, ["x-a"]);
            request.headers_mut().insert("x-b", HeaderValue::from_static("2"));
        });
        let request = request.build().unwrap();
        assert_eq!((&request.headers()["x-b"], request.headers().len()), (&HeaderValue::from_static("2"), 2));
    }

    #[test]
    fn err_edit_keeps_the_error_of_the_builder() {
        let untouched = |builder: RequestBuilder| edit(builder, |_| panic!("there is no request")).build().unwrap_err();
        for build in [
            || Client::new().get("http://[broken"),
            || Client::new().get("http://a.example/").header("x-a", "line\nend"),
            || Client::new().get("http://a.example/").header("no token", "1"),
        ] {
            assert_eq!(format!("{:?}", untouched(build())), format!("{:?}", build().build().unwrap_err()));
        }
    }
}
