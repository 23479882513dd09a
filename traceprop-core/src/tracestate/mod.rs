//! `tracestate`: what each vendor on the path wants to find again.
//!
//! ```text
//! list   = member *( OWS "," OWS member )      at most 32 members; empty ones are skipped
//! member = key "=" value
//! key    = ( a-z / 0-9 ) 0*255( a-z / 0-9 / "_" / "-" / "*" / "/" / "@" )
//! value  = 0*255( 0x20-0x7e without "," and "=" ) and a last one that is no space
//!
//! rojo=00f067aa0ba902b7,congo=t61rcWkgMzE
//! ```
//!
//! Several lines are one list, in order. One malformed member costs the whole list (as the W3C test suite demands at its
//! strict level) and never the traceparent. Of members with the same key the first, which is the newest, counts.
//! Spec: <https://www.w3.org/TR/trace-context-2/#tracestate-header>

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
pub(crate) use scan::{TraceStateFacts, judge_line, judge_lines};
