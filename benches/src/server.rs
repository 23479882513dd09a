//! Server layers: what each adds around a handler that answers at once.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};

use ::opentelemetry::global;
use ::opentelemetry::trace::TraceContextExt;
use http::{Request, Response};
use http_body::{Body, Frame};
use opentelemetry_instrumentation_tower::http::server::Layer as OtelLayer;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tower::{Layer, Service, service_fn};
use tower_http::request_id::{MakeRequestUuid, RequestId, SetRequestIdLayer};
use traceprop_core::Propagator;
use traceprop_tower::{ExtractLayer, OwnedContext};

use crate::w3c::{ABSENT, TRACEPARENT, WITH_STATE};
use crate::{Case, Contender, FLOOR, Input, floor};

/// The response of the handler: no bytes, and the trace that it could see.
#[derive(Debug)]
pub struct Answer {
    pub trace_id: u128,
}

impl Body for Answer {
    type Data = &'static [u8];
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }
}

pub fn cases() -> Vec<Case> {
    vec![serve(&TRACEPARENT, 16), serve(&WITH_STATE, 16), serve(&ABSENT, 16)]
}

fn serve(input: &'static Input, others: usize) -> Case {
    static GLOBAL: Once = Once::new();
    // The layer takes no propagator; tracer and meter stay the ones that do nothing.
    GLOBAL.call_once(|| global::set_text_map_propagator(TraceContextPropagator::new()));

    let ours = Propagator::from_names("tracecontext", "tracecontext").expect("these names are known");
    // Without headers ours begins a trace, whose id no input can know.
    let continues = input.found.trace_id != 0;
    let ours = ExtractLayer::new(ours).layer(handler(move |_| {
        let seen = OwnedContext::current().and_then(|context| context.trace_id());
        seen.filter(|_| continues).map_or(0, |trace_id| trace_id.get())
    }));
    let otel = OtelLayer::new().layer(handler(|_| {
        ::opentelemetry::Context::map_current(|context| match context.has_active_span() {
            true => u128::from_be_bytes(context.span().span_context().trace_id().to_bytes()),
            false => 0,
        })
    }));
    let request_id = SetRequestIdLayer::x_request_id(MakeRequestUuid).layer(handler(|request| {
        assert!(request.extensions().get::<RequestId>().is_some(), "an id");
        0
    }));
    let floor = floor::server::Floor(handler(move |_| if continues { floor::server::current() } else { 0 }));
    let bare = handler(|_| 0);
    Case {
        name: format!("serve/{}/{others}-other", input.name),
        contenders: vec![
            Contender::serve("traceprop", input, others, true, ours),
            Contender::serve("opentelemetry-instrumentation-tower", input, others, true, otel),
            Contender::serve("tower-http request id", input, others, false, request_id),
            Contender::serve(FLOOR, input, others, true, floor),
            Contender::serve("no layer", input, others, false, bare),
        ],
    }
}

/// Answers at once, with what `look` sees.
fn handler<F>(
    look: F,
) -> impl Service<Request<()>, Response = Response<Answer>, Error = Infallible, Future: Send> + Clone
where
    F: Fn(&Request<()>) -> u128 + Copy + Send + 'static,
{
    service_fn(move |request: Request<()>| async move { Ok(Response::new(Answer { trace_id: look(&request) })) })
}

#[cfg(test)]
mod tests {
    /// Results are judged while a contender runs; a wrong one panics.
    #[test]
    fn ok_every_contender_of_every_case() {
        for mut case in super::cases() {
            for contender in &mut case.contenders {
                contender.run(100);
            }
        }
    }
}
