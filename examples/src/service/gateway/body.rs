//! A request body that threads can share, as reqwest wants it.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// A body whose only access is exclusive. The lock is never waited for.
#[derive(Debug)]
pub(super) struct SharedBody {
    body: Mutex<Body>,
    /// Asked for with shared access, so it is noted when it changes.
    size_hint: SizeHint,
    is_end_stream: bool,
}

impl SharedBody {
    pub(super) fn new(body: Body) -> Self {
        let (size_hint, is_end_stream) = (body.size_hint(), body.is_end_stream());
        Self { body: Mutex::new(body), size_hint, is_end_stream }
    }
}

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let body = this.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        let frame = Pin::new(&mut *body).poll_frame(task);
        (this.size_hint, this.is_end_stream) = (body.size_hint(), body.is_end_stream());
        frame
    }

    fn size_hint(&self) -> SizeHint {
        self.size_hint
    }

    fn is_end_stream(&self) -> bool {
        self.is_end_stream
    }
}
