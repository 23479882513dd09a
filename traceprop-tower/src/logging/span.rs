use http::Request;
use tracing::Span;

use super::LogFields;

/// Creates a span named `request`, of level `INFO`, with the ids of the request as fields.
///
/// Pass it to `make_span_with` of tower-http's `TraceLayer`, inside of [`ExtractLayer`](crate::ExtractLayer).
///
/// # Examples
///
/// ```
/// use tower::ServiceBuilder;
/// use tower_http::trace::TraceLayer;
/// use traceprop_tower::{ExtractLayer, logging, presets};
///
/// let layers = ServiceBuilder::new()
///     .layer(ExtractLayer::new(presets::ALL_TO_W3C))
///     .layer(TraceLayer::new_for_http().make_span_with(logging::request_span::<axum::body::Body>));
/// # let _ = layers;
/// ```
pub fn request_span<B>(request: &Request<B>) -> Span {
    crate::request_span!(LogFields::from_extensions(request.extensions()))
}

/// Creates a `tracing` span with the ids of a request, the listed baggage keys and further fields.
///
/// # Examples
///
/// ```
/// use http::Request;
/// use traceprop_tower::logging::LogFields;
/// use traceprop_tower::request_span;
/// use tracing::Level;
///
/// # fn sample(request: Request<()>) {
/// let fields = LogFields::from_extensions(request.extensions());
/// // Named `request`, of level `INFO`.
/// let plain = request_span!(fields);
/// // Baggage is recorded only for listed keys. Fields in the syntax of `tracing` follow.
/// let more = request_span!(
///     fields,
///     baggage: ["session.id", "tenant"],
///     method = %request.method(),
///     status = tracing::field::Empty,
/// );
/// let named = request_span!(Level::DEBUG, "checkout", fields, baggage: [], step = 2);
/// // The correlation id in a field of another name than `correlation_id`.
/// let renamed = request_span!(fields, correlation: "request_id");
/// # let _ = (plain, more, named, renamed);
/// # }
/// ```
///
/// A path or a query is text of the request too: record it as [`LogText`](crate::logging::LogText), or not at all.
#[macro_export]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
macro_rules! request_span {
    ($level:expr, $name:literal, $fields:expr, correlation: $id:literal, baggage: [$($key:literal),* $(,)?]
     $(, $($own:tt)*)?) => {{
        let fields = $fields;
        $crate::logging::tracing::span!(
            $level,
            $name,
            trace_id = fields.trace_id().map($crate::logging::tracing::field::display),
            span_id = fields.span_id().map($crate::logging::tracing::field::display),
            parent_id = fields.parent_id().map($crate::logging::tracing::field::display),
            dd.trace_id = fields.datadog_trace_id().map($crate::logging::tracing::field::display),
            dd.span_id = fields.datadog_span_id().map($crate::logging::tracing::field::display),
            sw8.trace_id = fields.sw8_trace_id().map($crate::logging::tracing::field::display),
            $id = fields.correlation_id().map($crate::logging::tracing::field::display),
            $($key = fields.baggage($key).map($crate::logging::tracing::field::display),)*
            $($($own)*)?
        )
    }};
    ($level:expr, $name:literal, $fields:expr, baggage: [$($key:literal),* $(,)?] $(, $($own:tt)*)?) => {
        $crate::request_span!(
            $level, $name, $fields, correlation: "correlation_id", baggage: [$($key),*], $($($own)*)?
        )
    };
    ($level:expr, $name:literal, $fields:expr $(,)?) => {
        $crate::request_span!($level, $name, $fields, baggage: [])
    };
    ($fields:expr, correlation: $id:literal, baggage: [$($key:literal),* $(,)?] $(, $($own:tt)*)?) => {
        $crate::request_span!(
            $crate::logging::tracing::Level::INFO, "request", $fields, correlation: $id, baggage: [$($key),*],
            $($($own)*)?
        )
    };
    ($fields:expr, correlation: $id:literal $(,)?) => {
        $crate::request_span!($fields, correlation: $id, baggage: [])
    };
    ($fields:expr, baggage: [$($key:literal),* $(,)?] $(, $($own:tt)*)?) => {
        $crate::request_span!(
            $crate::logging::tracing::Level::INFO, "request", $fields, baggage: [$($key),*], $($($own)*)?
        )
    };
    ($fields:expr $(,)?) => {
        $crate::request_span!($fields, baggage: [])
    };
}
