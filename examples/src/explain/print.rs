//! Findings as lines of a terminal, or as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Findings;
use super::hop::Hop;

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// Labels up to this many characters are aligned.
const WIDEST_LABEL: usize = 40;

/// Returns one line a request, and then what changed between hops.
pub fn text(findings: &Findings, color: bool) -> String {
    let paint = |code: &'static str| if color { code } else { "" };
    let width = findings.hops.iter().map(|hop| hop.label.chars().count()).filter(|width| *width <= WIDEST_LABEL).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for hop in &findings.hops {
        let code = paint(match (hop.is_lost(), hop.has_invalid) {
            (true, _) => RED,
            (false, true) => YELLOW,
            (false, false) => GREEN,
        });
        let (label, explain) = (printable(&hop.label), printable(&hop.explain));
        line(&mut text, format_args!("{}{label:width$}{}  {code}{explain}{}", paint(BOLD), paint(RESET), paint(RESET)));
    }
    if findings.without_headers > 0 {
        line(
            &mut text,
            format_args!("{} without trace headers (--all shows them)", requests(findings.without_headers)),
        );
    }
    for (place, found) in findings.breaks.iter().enumerate() {
        let word = if place == 0 { "first break" } else { "then" };
        let found = printable(&found.to_string());
        line(&mut text, format_args!("{}{word}:{} {found}", paint(RED), paint(RESET)));
    }
    text
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = writeln!(text, "{arguments}");
}

fn requests(count: usize) -> String {
    if count == 1 { "1 request".into() } else { format!("{count} requests") }
}

/// Captures are the text of strangers, which must not control a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Returns the same as an object with `requests`, `breaks` and `broken`.
pub fn json(findings: &Findings) -> Value {
    let requests: Vec<_> = findings.hops.iter().map(request).collect();
    let breaks = findings.breaks.iter().map(|found| {
        json!({ "hop": found.hop, "between": found.between, "what": found.change.as_str(), "text": found.change.to_string() })
    });
    let breaks: Vec<Value> = breaks.collect();
    json!({
        "requests": requests,
        "without_trace_headers": findings.without_headers,
        "breaks": breaks,
        "broken": findings.is_broken(),
    })
}

fn request(hop: &Hop) -> Value {
    json!({
        "label": hop.label,
        "explain": hop.explain,
        "trace_id": hop.trace_id.map(|id| id.to_string()),
        "sampling": hop.sampling.as_str(),
        "header": hop.header,
        "lost": hop.is_lost(),
    })
}
