//! What a message queue is here.

use std::future::Future;

use traceprop_core::{Carrier, CarrierMut};

use crate::Error;

/// How a server is found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    /// The name of the member.
    pub(super) name: &'static str,
    pub(super) program: &'static str,
    /// Debian's package of it.
    pub(super) package: &'static str,
    /// The argument by which the program tells its version.
    pub(super) version: &'static str,
}

/// A connection that sends and receives messages with headers.
pub(super) trait Queue: Sized + Send + 'static {
    /// The headers of a message, as the client has them.
    type Headers: Carrier + CarrierMut + Default + Send;

    /// Connects, and makes two topics.
    fn connect(port: u16, topics: [&'static str; 2]) -> impl Future<Output = Result<Self, Error>> + Send;

    /// Sends a message.
    fn send(&mut self, topic: &'static str, headers: Self::Headers) -> impl Future<Output = Result<(), Error>> + Send;

    /// Waits for the next message.
    fn receive(&mut self, topic: &'static str) -> impl Future<Output = Result<Self::Headers, Error>> + Send;
}
