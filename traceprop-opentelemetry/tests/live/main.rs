//! Services with tracing-opentelemetry on loopback: what is exported, logged and sent is one tree.
#![cfg(all(feature = "sdk", feature = "tower", feature = "tracing"))]
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a helper that fails is a test that fails")]

#[path = "../common/mod.rs"]
mod common;

mod clients;
mod entered;
mod one_tree;
mod requests;
mod servers;
mod tasks;
mod world;
