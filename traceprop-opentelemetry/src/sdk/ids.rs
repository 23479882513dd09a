use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

use crate::context::OtelContextExt;
use crate::convert::ToOtel;

/// An id generator that continues a trace id that was received without a span, such as that of a correlation id.
///
/// OpenTelemetry shows an id generator nothing but the current context. So the trace id is taken if the span of the request
/// is started while the context of the request is attached; `ServerLayer` attaches it. Spans that are started later, inside
/// of that span, get new trace ids if they are roots.
///
/// ```
/// use opentelemetry::Context;
/// use opentelemetry::trace::{Span, Tracer, TracerProvider};
/// use opentelemetry_sdk::trace::{RandomIdGenerator, SdkTracerProvider};
/// use traceprop_core::Propagator;
/// use traceprop_opentelemetry::{IncomingIds, OtelContextExt};
///
/// let provider = SdkTracerProvider::builder().with_id_generator(IncomingIds::new(RandomIdGenerator::default())).build();
/// let propagator = Propagator::from_names("tracecontext,correlation:x-request-id", "tracecontext")?;
///
/// let request = [("x-request-id", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736")];
/// let _attached = Context::new().with_extraction(&propagator.extract(&request)).attach();
/// let span = provider.tracer("shop").start("GET /cart");
/// assert_eq!(span.span_context().trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct IncomingIds<G = RandomIdGenerator> {
    new: G,
}

impl<G> IncomingIds<G> {
    /// Creates a generator that takes all other ids from `new`.
    pub const fn new(new: G) -> Self {
        Self { new }
    }
}

impl<G: IdGenerator> IdGenerator for IncomingIds<G> {
    fn new_trace_id(&self) -> TraceId {
        let received = Context::map_current(|cx| match cx.span().span_context().is_valid() {
            true => None,
            false => cx.remote()?.parentless_trace_id(),
        });
        received.map_or_else(|| self.new.new_trace_id(), |id| id.to_otel())
    }

    fn new_span_id(&self) -> SpanId {
        self.new.new_span_id()
    }
}
