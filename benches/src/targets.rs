//! The table of targets: how many times the floor each work takes, and how many times it may take.

use std::fmt::Write;

use crate::measure::Row;
use crate::results::{find, short};
use crate::{FLOOR, OURS};

/// A work and the most that it may take, as a multiple of the floor of the same run.
struct Target {
    work: &'static str,
    case: &'static str,
    reach: f64,
    /// The contender whose time is in both and belongs to neither.
    bare: Option<&'static str>,
}

const fn target(work: &'static str, case: &'static str, reach: f64) -> Target {
    Target { work, case, reach, bare: None }
}

const TARGETS: [Target; 17] = [
    target("extract traceparent", "extract/traceparent/16-other", 1.6),
    target("extract traceparent, tracestate", "extract/traceparent+tracestate/16-other", 1.5),
    target("W3C, nothing there", "extract/absent/16-other", 3.0),
    target("extract b3", "extract/b3/16-other", 1.6),
    target("extract X-B3-*", "extract/b3multi/16-other", 1.6),
    target("extract x-datadog-* with tags", "extract/datadog/16-other", 1.5),
    target("extract uber-trace-id", "extract/jaeger/16-other", 1.7),
    target("extract sw8, text checked", "extract/sw8/16-other", 1.7),
    target("all formats, nothing there", "extract/no-format/16-other", 2.0),
    target("all formats, nothing there, 100 other headers", "extract/no-format/100-other", 2.0),
    target("passthrough of nothing", "forward/passthrough/absent/16-other", 2.6),
    target("inject traceparent", "inject/traceparent/16-other", 1.8),
    target("inject b3", "inject/b3/16-other", 1.8),
    target("inject Datadog, W3C and b3", "inject/datadog+traceparent+b3/16-other", 2.0),
    Target {
        work: "what the server layer adds",
        case: "serve/traceparent+tracestate/16-other",
        reach: 1.6,
        bare: Some("no layer"),
    },
    target("malformed b3", "extract/b3-malformed/16-other", 2.5),
    target("malformed traceparent", "extract/malformed/16-other", 2.5),
];

/// Cases of one preset without families: at 100 other headers it takes at most twice what it takes at 16.
const GROWTH: [(&str, &str); 3] =
    [("W3C", "extract/traceparent+tracestate"), ("W3C, nothing there", "extract/absent"), ("b3", "extract/b3")];

/// The peer that a request without trace headers is compared with, and its case.
const ABSENT: (&str, &str) = ("datadog-opentelemetry of four", "extract/no-format/16-other");

/// Formats the targets as a markdown table.
pub fn table(rows: &[Row]) -> String {
    let mut text =
        "| work | ours: ns | floor: ns | times the floor | to reach | reached | fastest peer, times ours |\n\
                    |---|--:|--:|--:|--:|---|---|\n"
            .to_owned();
    for target in &TARGETS {
        let Some(Figures { ours, floor, peer }) = figures(rows, target) else {
            let _ = writeln!(text, "| {} | not in this run |  |  | {:.1} |  |  |", target.work, target.reach);
            continue;
        };
        let ratio = ours.ns / floor;
        let peer = peer.map_or(String::new(), |(name, ns)| format!("{name} {:.2}", ns / ours.ns));
        let _ = writeln!(
            text,
            "| {} | {:.0} ({}) | {floor:.0} | {ratio:.2} | {:.1} | {} | {peer} |",
            target.work,
            ours.ns,
            short(ours.allocations),
            target.reach,
            yes(ratio <= target.reach),
        );
    }
    for (work, case) in GROWTH {
        let at = |others| Some(find(rows, &format!("{case}/{others}-other"), OURS)?.ns);
        if let (Some(few), Some(many)) = (at(16), at(100)) {
            let (ratio, reached) = (many / few, yes(many <= 2.0 * few));
            let _ = writeln!(
                text,
                "| {work}: 100 other headers against 16 | {many:.0} | {few:.0} (ours) | {ratio:.2} | 2.0 | {reached} |  |"
            );
        }
    }
    let (peer, case) = ABSENT;
    if let (Some(ours), Some(theirs)) = (find(rows, case, OURS), find(rows, case, peer)) {
        let (ratio, reached) = (ours.ns / theirs.ns, yes(ours.ns <= theirs.ns));
        let _ = writeln!(
            text,
            "| all formats, nothing there: against {peer} | {:.0} | {:.0} (theirs) | {ratio:.2} | 1.0 | {reached} |  |",
            ours.ns, theirs.ns,
        );
    }
    text
}

struct Figures<'r> {
    ours: Row,
    floor: f64,
    peer: Option<(&'r str, f64)>,
}

fn figures<'r>(rows: &'r [Row], target: &Target) -> Option<Figures<'r>> {
    let bare = match target.bare {
        Some(bare) => find(rows, target.case, bare)?.ns,
        None => 0.0,
    };
    let ours = find(rows, target.case, OURS)?;
    let floor = find(rows, target.case, FLOOR)?;
    let peers = rows.iter().filter(|row| {
        let is_peer = !row.contender.starts_with(OURS) && row.contender != FLOOR;
        row.case == target.case && is_peer && Some(row.contender.as_str()) != target.bare
    });
    let peer = peers.min_by(|a, b| a.ns.total_cmp(&b.ns)).map(|row| (row.contender.as_str(), row.ns - bare));
    Some(Figures { ours: Row { ns: ours.ns - bare, ..ours.clone() }, floor: floor.ns - bare, peer })
}

fn yes(reached: bool) -> &'static str {
    if reached { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(case: &str, contender: &str, ns: f64) -> Row {
        Row { case: case.to_owned(), contender: contender.to_owned(), ns, allocations: 0.0 }
    }

    fn line(rows: &[Row], work: &str) -> String {
        let table = table(rows);
        table.lines().find(|line| line.starts_with(&format!("| {work} |"))).unwrap().to_owned()
    }

    #[test]
    fn ok_a_work_is_judged_by_the_floor_and_not_by_a_peer() {
        let case = "extract/b3/16-other";
        let rows = |ours| [row(case, OURS, ours), row(case, "a", 400.0), row(case, "b", 96.0), row(case, FLOOR, 30.0)];
        assert_eq!(line(&rows(48.0), "extract b3"), "| extract b3 | 48 (0) | 30 | 1.60 | 1.6 | yes | b 2.00 |");
        assert_eq!(line(&rows(96.0), "extract b3"), "| extract b3 | 96 (0) | 30 | 3.20 | 1.6 | no | b 1.00 |");
        assert_eq!(line(&rows(48.0)[..3], "extract b3"), "| extract b3 | not in this run |  |  | 1.6 |  |  |");
    }

    #[test]
    fn ok_layers_are_judged_by_what_they_add() {
        let case = "serve/traceparent+tracestate/16-other";
        let rows =
            [row(case, OURS, 260.0), row(case, FLOOR, 200.0), row(case, "no layer", 100.0), row(case, "a", 420.0)];
        let expected = "| what the server layer adds | 160 (0) | 100 | 1.60 | 1.6 | yes | a 2.00 |";
        assert_eq!(line(&rows, "what the server layer adds"), expected);
    }

    #[test]
    fn ok_growth_is_that_of_ours() {
        let rows = [row("extract/b3/16-other", OURS, 50.0), row("extract/b3/100-other", OURS, 101.0)];
        let work = "b3: 100 other headers against 16";
        assert_eq!(line(&rows, work), format!("| {work} | 101 | 50 (ours) | 2.02 | 2.0 | no |  |"));
    }
}
