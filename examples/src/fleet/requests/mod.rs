//! The requests that are sent through the fleets, and the expected result of each, in addition to being one trace.

pub mod mixed;
pub mod w3c;

use super::service::Hop;
use super::verdict::Broken;

/// A request to a service.
pub struct Request {
    pub to: &'static str,
    pub title: &'static str,
    pub headers: &'static [(&'static str, &'static str)],
    pub expect: fn(&Hop) -> Result<(), Broken>,
}

fn ensure(holds: bool, otherwise: &'static str) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken(otherwise)) }
}

/// Returns whether the first service continued this trace.
fn continued(first: &Hop, trace: &str) -> Result<(), Broken> {
    ensure(first.ids.trace.as_deref() == Some(trace), "the caller's trace was not continued")
}

/// Returns the first received line with this name.
fn received<'h>(hop: &'h Hop, name: &str) -> Option<&'h str> {
    hop.received.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Returns whether a condition holds for a service and all services after it.
fn all(hop: &Hop, holds: impl Fn(&Hop) -> bool + Copy) -> bool {
    holds(hop) && hop.calls.iter().all(|sent| all(&sent.hop, holds))
}

/// Returns the first line with this name that a service received, anywhere in the fleet.
fn received_by<'h>(first: &'h Hop, service: &str, name: &str) -> Option<&'h str> {
    find(first, service).and_then(|hop| received(hop, name))
}

fn find<'h>(hop: &'h Hop, service: &str) -> Option<&'h Hop> {
    if hop.service == service {
        return Some(hop);
    }
    hop.calls.iter().find_map(|sent| find(&sent.hop, service))
}
