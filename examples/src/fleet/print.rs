//! What the fleet says about each request, hop by hop.

use std::io::{self, Write};

use super::requests::Request;
use super::service::{FLEET, Hop, Running};
use super::verdict::{Broken, services};
use crate::lines::Line;

pub fn fleet(out: &mut impl Write, fleet: &Running) -> io::Result<()> {
    let propagator = fleet.propagator();
    let formats: Vec<_> = propagator.extracts().chain(propagator.extracts_baggage().then_some("baggage")).collect();
    writeln!(out, "{} services on loopback, which speak {}:", FLEET.len(), formats.join(", "))?;
    for plan in FLEET {
        let callees: Vec<_> = plan.calls.iter().map(|leg| leg.to).collect();
        let calls = if callees.is_empty() { String::new() } else { format!("  calls {}", callees.join(", ")) };
        writeln!(out, "  {:8} {}{calls}", plan.name, fleet.url(plan.name))?;
    }
    Ok(())
}

pub fn request(out: &mut impl Write, number: usize, request: &Request) -> io::Result<()> {
    writeln!(out, "\n{number}. {}", request.title)
}

pub fn hop(out: &mut impl Write, hop: &Hop) -> io::Result<()> {
    writeln!(out, "  {}", hop.service)?;
    lines(out, "came in", &hop.came_in)?;
    writeln!(out, "    {:10}  {}", "explained", hop.explain)?;
    for sent in &hop.calls {
        lines(out, &format!("to {}", sent.hop.service), &sent.went_out)?;
    }
    for sent in &hop.calls {
        self::hop(out, &sent.hop)?;
    }
    Ok(())
}

fn lines(out: &mut impl Write, what: &str, lines: &[Line]) -> io::Result<()> {
    if lines.is_empty() {
        return writeln!(out, "    {what:10}  (nothing)");
    }
    for (place, (name, value)) in lines.iter().enumerate() {
        let what = if place == 0 { what } else { "" };
        writeln!(out, "    {what:10}  {name}: {value}")?;
    }
    Ok(())
}

pub fn verdict(out: &mut impl Write, hop: &Hop, verdict: Result<(), Broken>) -> io::Result<()> {
    match verdict {
        Ok(()) => {
            let trace = hop.ids.trace.as_deref().unwrap_or_default();
            writeln!(out, "  => one trace, {trace}, through {} services", services(hop))
        }
        Err(broken) => writeln!(out, "  => BROKEN: {broken}"),
    }
}

pub fn end(out: &mut impl Write, requests: usize, broken: &[(usize, Broken)]) -> io::Result<()> {
    if broken.is_empty() {
        return writeln!(out, "\nOne trace: yes, in each of {requests} requests.");
    }
    let broken: Vec<_> = broken.iter().map(|(number, broken)| format!("{broken} (request {number})")).collect();
    writeln!(out, "\nOne trace: NO: {}.", broken.join("; "))
}
