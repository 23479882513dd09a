//! `tracestate`: vendor-specific data that travels with a W3C trace context.
//!
//! ```text
//! list   = member *( OWS "," OWS member )      at most 32 members; empty ones do not count
//! member = key "=" value
//! key    = ( a-z / 0-9 ) 0*255( a-z / 0-9 / "_" / "-" / "*" / "/" / "@" )
//! value  = 0*255( 0x20-0x7e except "," and "=" ) and a last one that is not a space
//!
//! rojo=00f067aa0ba902b7,congo=t61rcWkgMzE
//! ```
//!
//! Several lines are one list, in order. One invalid member invalidates the whole list, as the W3C test suite demands at
//! its strict level, but not the `traceparent`. If a key is repeated, its first member counts, which is the newest.
//!
//! ```
//! use traceprop_core::TraceState;
//!
//! let state = TraceState::parse(b"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")?;
//! assert_eq!(state.get("congo"), Some("t61rcWkgMzE"));
//! # Ok::<(), traceprop_core::InvalidHeader>(())
//! ```
//!
//! Spec: <https://www.w3.org/TR/trace-context-2/#tracestate-header>

pub(crate) mod decision;
mod edit;
mod grammar;
mod list;
pub(crate) mod otel;
pub(crate) mod preserve;
mod scan;

pub(crate) use edit::EditedTraceState;
pub use edit::TraceStateEdit;
pub use grammar::MAX_MEMBERS;
pub use list::{TraceState, TraceStateIter};
pub use scan::TraceStateMember;
pub(crate) use scan::{Fact, TraceStateFacts, check_line, check_lines};
