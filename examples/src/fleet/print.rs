//! Prints each request, hop by hop.

use std::io::{self, Write};

use super::plan::{Fleet, Plan};
use super::requests::Request;
use super::service::Hop;
use super::verdict::{Broken, services};
use crate::lines::Line;

/// The limit of printed characters of a value. The whole value is sent.
const SHOWN: usize = 100;

pub fn fleet(out: &mut impl Write, fleet: &Fleet) -> io::Result<()> {
    writeln!(out, "{} services on loopback; {}:", fleet.plans.len(), fleet.title)?;
    let speaks = |plan: &Plan| plan.speaks.replace(',', ", ");
    let width = fleet.plans.iter().map(|plan| speaks(plan).len()).max().unwrap_or(0);
    for plan in fleet.plans {
        let callees: Vec<_> = plan.calls.iter().map(|leg| leg.to).collect();
        let calls = if callees.is_empty() { String::new() } else { format!("calls {}", callees.join(", ")) };
        writeln!(out, "{}", format!("  {:8}  {:width$}  {calls}", plan.name, speaks(plan)).trim_end())?;
    }
    Ok(())
}

pub fn request(out: &mut impl Write, number: usize, request: &Request) -> io::Result<()> {
    writeln!(out, "\n{number}. {}", request.title)
}

pub fn hop(out: &mut impl Write, hop: &Hop) -> io::Result<()> {
    writeln!(out, "  {}", hop.service)?;
    lines(out, "received", &hop.received)?;
    writeln!(out, "    {:11}  {}", "explained", hop.explain)?;
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
        return writeln!(out, "    {what:11}  (nothing)");
    }
    for (place, (name, value)) in lines.iter().enumerate() {
        let what = if place == 0 { what } else { "" };
        writeln!(out, "    {what:11}  {name}: {}", shortened(value))?;
    }
    Ok(())
}

fn shortened(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_long_value_is_shortened_between_characters() {
        let longest = "é".repeat(SHOWN);
        assert_eq!(shortened(&longest), longest);
        assert_eq!(shortened(&format!("{longest}é")), format!("{longest}…"));
    }
}
