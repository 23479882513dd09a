//! Bodies made of frames, and what a body consists of.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use hyper::body::Frame;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A body whose frames are sent through a channel.
pub struct Frames(UnboundedReceiver<Result<Frame<Bytes>, Error>>);

/// The other end of [`Frames`].
pub struct Sender(UnboundedSender<Result<Frame<Bytes>, Error>>);

impl Frames {
    pub fn channel() -> (Sender, Self) {
        let (sender, receiver) = unbounded_channel();
        (Sender(sender), Self(receiver))
    }

    pub fn of(frames: impl IntoIterator<Item = Result<Frame<Bytes>, Error>>) -> Self {
        let (sender, body) = Self::channel();
        for frame in frames {
            sender.0.send(frame).expect("the body is there");
        }
        body
    }
}

impl Sender {
    /// Returns an error if the body was dropped.
    pub fn send(&self, frame: Frame<Bytes>) -> Result<(), ()> {
        self.0.send(Ok(frame)).map_err(drop)
    }

    /// Ends the body with an error.
    pub fn fail(&self, error: &str) -> Result<(), ()> {
        self.0.send(Err(error.into())).map_err(drop)
    }

    /// Waits until the body is dropped.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.poll_recv(task)
    }
}

/// Returns the next frame of a body.
pub async fn next(body: &mut Body) -> Option<Result<Frame<Bytes>, axum::Error>> {
    std::future::poll_fn(|task| Pin::new(&mut *body).poll_frame(task)).await
}

/// Returns the data and the trailers of a body. A body that fails ends there.
pub async fn collect(mut body: Body) -> (Bytes, Option<HeaderMap>) {
    let (mut data, mut trailers) = (Vec::new(), None);
    while let Some(Ok(frame)) = next(&mut body).await {
        match frame.into_data() {
            Ok(bytes) => data.extend_from_slice(&bytes),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    (data.into(), trailers)
}
