//! Servers and clients of others on loopback: what is exported, logged and sent is one tree.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a helper that fails is a test that fails")]

#[path = "../../../tests/common/mod.rs"]
mod common;
#[path = "../../../tests/live/one_tree.rs"]
mod one_tree;
#[path = "../../../tests/live/requests.rs"]
mod requests;
#[path = "../../../tests/live/world.rs"]
#[allow(dead_code, reason = "the tests of the crate itself use the rest")]
mod world;

mod clients;
mod sent;
mod servers;
