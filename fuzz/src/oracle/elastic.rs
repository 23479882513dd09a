//! `elastic-apm-traceparent`: a traceparent under another name, without a tracestate.

use traceprop_core::RemoteContext;

use super::w3c::{only_value, traceparent};
use super::{Expected, yes_or_no};
use crate::input::{Headers, values};

/// Returns what the format must make of a request.
pub fn expected(headers: &Headers) -> Expected {
    let lines = values(headers, "elastic-apm-traceparent");
    if lines.is_empty() {
        return Expected::Absent;
    }
    let Some((_, trace_id, parent_id, flags)) = only_value(&lines).and_then(traceparent) else {
        return Expected::Invalid;
    };
    let context = RemoteContext::new(trace_id, Some(parent_id));
    Expected::Context(RemoteContext { sampling: yes_or_no(flags & 1 == 1), random: flags & 2 != 0, ..context })
}
