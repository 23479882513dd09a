//! Stories: applications of the library, each a small program of its own.
#![cfg(feature = "std")]

mod browser_does_not_decide;
mod child_process;
mod edge_restarts_trace;
mod format_of_ones_own;
mod grpc_metadata;
mod lambda;
mod mesh_passthrough;
mod queue_message;
