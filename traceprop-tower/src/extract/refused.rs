use std::fmt;
use std::sync::Arc;

use traceprop_core::refusals::Verdict;
use traceprop_core::{Allow, Field, Propagator, RemoteContext, SpanId, TraceId, Trust};
use traceprop_http::Refused;

/// What a listener refused of a request: ids, formats and counts. A request extension, for audits.
///
/// [`ExtractLayer`](crate::ExtractLayer) stores it if headers were refused under [`Trust::Restart`] or
/// [`Trust::Ignore`], and if [`keep_refused`](crate::ExtractLayer::keep_refused) left refused headers or members in the
/// request. It holds no text of a header. No propagator writes it: a trace that was refused cannot be continued by
/// accident.
///
/// [`InjectLayer`](crate::InjectLayer) removes the refused headers of a request that has this extension, also without a
/// context: all trace headers, or under [`Trust::Continue`] and [`Trust::Resample`] those of which something was refused.
/// Headers that [`keep_headers`](crate::InjectLayer::keep_headers) names stay.
///
/// [`Trust::Continue`]: crate::Trust::Continue
/// [`Trust::Resample`]: crate::Trust::Resample
/// [`Trust::Restart`]: crate::Trust::Restart
/// [`Trust::Ignore`]: crate::Trust::Ignore
///
/// # Examples
///
/// ```
/// use http::Request;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use traceprop_tower::extract::RefusedContext;
/// use traceprop_tower::{ExtractLayer, Trust, presets};
///
/// async fn audit(request: Request<()>) -> Result<http::Response<String>, std::convert::Infallible> {
///     let refused: &RefusedContext = request.extensions().get().expect("something was refused");
///     Ok(http::Response::new(refused.to_string()))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let layer = ExtractLayer::new(presets::W3C).trust(Trust::Ignore);
/// let request = Request::get("/").header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
/// let request = request.header("b3", "0").body(()).unwrap();
/// let Ok(response) = ServiceBuilder::new().layer(layer).service_fn(audit).oneshot(request).await;
/// assert_eq!(
///     response.into_body(),
///     "refused 2 headers and 0 members of tracecontext, b3, \
///      trace 4bf92f3577b34da6a3ce929d0e0e4736, span 00f067aa0ba902b7",
/// );
/// # }
/// ```
#[derive(Clone)]
pub struct RefusedContext {
    /// Names the formats.
    propagator: Arc<Propagator>,
    /// Under which they were refused.
    trust: Trust,
    context: Option<RemoteContext>,
    refused: Refused,
    /// Whether the headers are still in the request.
    is_kept: bool,
}

impl RefusedContext {
    pub(super) fn new(
        propagator: &Arc<Propagator>,
        trust: Trust,
        context: Option<RemoteContext>,
        refused: Refused,
        is_kept: bool,
    ) -> Self {
        Self { propagator: Arc::clone(propagator), trust, context, refused, is_kept }
    }

    /// Adds what an outer layer refused.
    pub(super) fn after(self, earlier: Option<Self>) -> Self {
        let Some(earlier) = earlier else { return self };
        // Headers that were kept are counted again.
        let counted = if earlier.is_kept { Refused::default() } else { earlier.refused };
        Self {
            propagator: self.propagator,
            trust: self.trust.max(earlier.trust),
            context: earlier.context.or(self.context),
            refused: Refused {
                fields: earlier.refused.fields.union(self.refused.fields),
                headers: counted.headers.saturating_add(self.refused.headers),
                members: counted.members.saturating_add(self.refused.members),
            },
            is_kept: self.is_kept,
        }
    }

    /// Returns whether a header is one of those that were refused, whole or in part.
    ///
    /// Under restart and ignore that is every trace header: a name that only differs in its spelling counts too.
    pub(crate) fn is_refused(&self, name: &str) -> bool {
        match self.propagator.refusals(self.trust, Allow::All).of_header(name) {
            Verdict::Stays => false,
            Verdict::Members(_) | Verdict::Refused(_) if self.trust >= Trust::Restart => true,
            Verdict::Members(field) | Verdict::Refused(field) => self.contains(field),
        }
    }

    /// Returns whether the headers are still in the request.
    pub(crate) const fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Returns the refused trace id, or `None` if no format had a valid one.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.context.map(|context| context.trace_id)
    }

    /// Returns the caller's span id, or `None` if there was none.
    pub fn span_id(&self) -> Option<SpanId> {
        self.context.and_then(|context| context.parent_id)
    }

    /// Returns the names of the formats that had refused headers or members.
    ///
    /// A header that no format reads, such as `x-dynatrace`, has its own name.
    pub fn formats(&self) -> impl Iterator<Item = &str> {
        self.propagator.format_names(self.refused.fields)
    }

    /// Returns whether headers of this field were refused, whole or in part.
    pub fn contains(&self, field: Field) -> bool {
        self.refused.fields.contains(field)
    }

    /// Returns the number of header lines that were refused whole.
    pub const fn headers(&self) -> u32 {
        self.refused.headers
    }

    /// Returns the number of baggage members that were refused in other lines.
    pub const fn members(&self) -> u32 {
        self.refused.members
    }
}

impl fmt::Display for RefusedContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |f: &mut fmt::Formatter<'_>, count: u32, what: &str| {
            write!(f, "{count} {what}{}", if count == 1 { "" } else { "s" })
        };
        f.write_str("refused ")?;
        count(f, self.headers(), "header")?;
        f.write_str(" and ")?;
        count(f, self.members(), "member")?;
        for (place, format) in self.formats().enumerate() {
            write!(f, "{}{format}", if place == 0 { " of " } else { ", " })?;
        }
        if let Some(trace_id) = self.trace_id() {
            write!(f, ", trace {trace_id}")?;
        }
        self.span_id().map_or(Ok(()), |span_id| write!(f, ", span {span_id}"))
    }
}

impl fmt::Debug for RefusedContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefusedContext({self})")
    }
}
