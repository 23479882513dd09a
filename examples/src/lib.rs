//! The programs of this folder: [`service`] says which trace context it was sent, [`fleet`] shows one trace through
//! several services, in a terminal or on a page. Both run on loopback and need nothing else. [`soak`] looks for what only
//! shows after millions of requests.
//! Beside them in `src/bin` stand carriers that are not HTTP, each a program of its own: `kafka`, `amqp`,
//! `child_process` and `websocket`.

pub mod fleet;
pub mod lines;
pub mod service;
pub mod soak;

/// The code that the README shows has to run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
