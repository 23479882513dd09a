//! The bodies that a gateway forwards.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use hyper::body::{Frame, SizeHint};
use traceprop_core::Propagator;

/// Removes trace headers from trailers.
type Strip = fn(&Propagator, &mut HeaderMap);

/// A body whose data is forwarded as it is, and whose trailers lose their trace headers.
///
/// Nobody reads a trace from trailers, and no layer looks into them: what a listener refuses would leave there.
///
/// Threads can share it, as reqwest wants of a body. The only access is exclusive, so the lock is never waited for.
#[derive(Debug)]
pub(super) struct ForwardedBody {
    body: Mutex<Body>,
    /// Asked for with shared access, so it is noted when it changes.
    size_hint: SizeHint,
    is_end_stream: bool,
    propagator: Arc<Propagator>,
    strip: Strip,
}

impl ForwardedBody {
    pub(super) fn new(body: Body, propagator: &Arc<Propagator>, strip: Strip) -> Self {
        let (size_hint, is_end_stream) = (body.size_hint(), body.is_end_stream());
        Self { body: Mutex::new(body), size_hint, is_end_stream, propagator: propagator.clone(), strip }
    }
}

impl HttpBody for ForwardedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let body = this.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut frame = Pin::new(&mut *body).poll_frame(task);
        (this.size_hint, this.is_end_stream) = (body.size_hint(), body.is_end_stream());
        if let Poll::Ready(Some(Ok(frame))) = &mut frame {
            if let Some(trailers) = frame.trailers_mut() {
                (this.strip)(&this.propagator, trailers);
            }
        }
        frame
    }

    fn size_hint(&self) -> SizeHint {
        self.size_hint
    }

    fn is_end_stream(&self) -> bool {
        self.is_end_stream
    }
}
