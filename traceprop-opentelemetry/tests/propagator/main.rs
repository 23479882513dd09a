//! What the propagator hands to OpenTelemetry, and what it writes.
#![cfg(feature = "sdk")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "../common/mod.rs"]
mod common;

mod baggage;
mod decisions;
mod destinations;
mod restarts;
mod spans;
mod vendor_data;
