//! The context of a request as an argument of axum handlers.

use std::convert::Infallible;
use std::future::{Future, ready};

use axum_core::extract::FromRequestParts;
use http::request::Parts;
use traceprop_core::OwnedContext;

/// Axum extractor for the context that [`ExtractLayer`](crate::ExtractLayer) stored in the request. It never rejects.
///
/// The context is `None` without the layer. For preflights and requests that the layer
/// [skips](crate::ExtractLayer::skip) it is a passthrough.
///
/// # Examples
///
/// ```
/// use traceprop_tower::RequestContext;
///
/// async fn hello(RequestContext(context): RequestContext) -> String {
///     let trace_id = context.and_then(|context| context.trace_id());
///     trace_id.map_or("no trace".to_owned(), |id| id.to_string())
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::get(hello));
/// ```
#[derive(Clone, Debug)]
pub struct RequestContext(
    /// The context of the request.
    pub Option<OwnedContext>,
);

impl<S> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    fn from_request_parts(parts: &mut Parts, _: &S) -> impl Future<Output = Result<Self, Infallible>> + Send {
        ready(Ok(Self(parts.extensions.get().cloned())))
    }
}
