//! How cost grows: a panel for each curve.

use std::fmt::Write;

use super::{Anchor, Drawing, Theme, WIDTH};
use crate::measure::Row;

const PANELS: [(&str, &str, &str); 4] = [
    ("other-headers", "Other headers in the request", "traceparent, tracestate"),
    ("formats-with-traceparent", "Formats configured, one of them received", "traceparent, tracestate"),
    ("tracestate-bytes", "Bytes of a tracestate of 16 members", "traceparent, tracestate"),
    ("baggage-bytes", "Bytes of a baggage of 16 members", "baggage"),
];

const MARGIN: f64 = 20.0;
const GAP: f64 = 30.0;
const PANEL: f64 = (WIDTH - 2.0 * MARGIN - GAP) / 2.0;
/// For the numbers of the scale.
const LEFT: f64 = 46.0;
/// For names at the ends of lines.
const RIGHT: f64 = 96.0;
const HEIGHT: f64 = 170.0;
const STEP: f64 = HEIGHT + 84.0;

/// A line: who, and (how far along, nanoseconds) for each point.
type Line<'r> = (&'r str, Vec<(f64, f64)>);

/// Draws the curves that were measured.
pub fn growth(rows: &[Row], theme: &Theme) -> String {
    let mut drawing = Drawing::new(theme);
    drawing.text(
        MARGIN,
        26.0,
        "small",
        Anchor::Start,
        "Nanoseconds of an extract; 16 other headers where nothing else is said.",
    );
    for (place, (curve, title, work)) in PANELS.iter().enumerate() {
        let x = MARGIN + (place % 2) as f64 * (PANEL + GAP);
        let y = 44.0 + (place / 2) as f64 * STEP;
        drawing.text(x, y + 10.0, "title", Anchor::Start, title);
        drawing.text(x, y + 26.0, "small", Anchor::Start, work);
        panel(&mut drawing, &lines(rows, curve), (x + LEFT, y + 40.0));
    }
    drawing.finish("How the cost of an extract grows", 44.0 + STEP * 2.0)
}

fn lines<'r>(rows: &'r [Row], curve: &str) -> Vec<Line<'r>> {
    let mut lines: Vec<Line<'r>> = Vec::new();
    for row in rows {
        let Some((name, along)) = row.case.split_once('/') else { continue };
        let Ok(along) = along.parse::<f64>() else { continue };
        if name == curve {
            match lines.iter_mut().find(|line| line.0 == row.contender) {
                Some(line) => line.1.push((along, row.ns)),
                None => lines.push((&row.contender, vec![(along, row.ns)])),
            }
        }
    }
    lines
}

/// Returns the ends of all lines and what a step between them costs, as a markdown table.
pub fn slopes(rows: &[Row]) -> String {
    let mut text = "| what grows | contender | from | to | ns for each |\n|---|---|--:|--:|--:|\n".to_owned();
    for (curve, title, _) in PANELS {
        for (name, points) in lines(rows, curve) {
            let (Some(&first), Some(&last)) = (points.first(), points.last()) else { continue };
            let slope = (last.1 - first.1) / (last.0 - first.0).max(1.0);
            let [from, to] = [first, last].map(|(along, ns)| format!("{along}: {ns:.0} ns"));
            let _ = writeln!(text, "| {title} | {name} | {from} | {to} | {slope:.2} |");
        }
    }
    text
}

fn panel(drawing: &mut Drawing<'_>, lines: &[Line<'_>], (left, top): (f64, f64)) {
    let points = || lines.iter().flat_map(|line| &line.1);
    let last = points().map(|point| point.0).fold(1.0, f64::max);
    let first = points().map(|point| point.0).fold(last, f64::min);
    let step = nice_step(points().map(|point| point.1).fold(1.0, f64::max));
    let highest = step * (points().map(|point| point.1).fold(1.0, f64::max) / step).ceil();
    let width = PANEL - LEFT - RIGHT;
    let at = |&(along, ns): &(f64, f64)| {
        let share = if last > first { (along - first) / (last - first) } else { 0.0 };
        (left + share * width, top + HEIGHT - ns / highest * HEIGHT)
    };
    let mut mark = 0.0;
    while mark <= highest {
        let y = top + HEIGHT - mark / highest * HEIGHT;
        drawing.rule((left, y), (left + width, y));
        drawing.text(left - 6.0, y + 4.0, "small", Anchor::End, &format!("{mark:.0}"));
        mark += step;
    }
    let middle = points().map(|point| point.0).find(|&along| along * 2.0 >= first + last).unwrap_or(last);
    for along in [first, middle, last] {
        drawing.text(at(&(along, 0.0)).0, top + HEIGHT + 18.0, "small", Anchor::Middle, &format!("{along:.0}"));
    }
    let mut ends: Vec<(f64, f64, &str)> = Vec::new();
    for (name, points) in lines {
        let colour = drawing.theme.of(name);
        let points: Vec<_> = points.iter().map(at).collect();
        drawing.line(&points, colour, name.contains('('));
        for &point in &points {
            drawing.dot(point, colour);
        }
        if let Some(&(x, y)) = points.last() {
            ends.push((x, y, name));
        }
    }
    // Names that would overlap are moved apart, from the top down.
    ends.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut free = f64::MIN;
    for (x, y, name) in ends {
        let y = y.max(free);
        for (line, part) in name_lines(name).iter().enumerate() {
            drawing.text(x + 7.0, y + 4.0 + line as f64 * 12.0, "small", Anchor::Start, part);
            free = y + (line + 1) as f64 * 12.0;
        }
    }
}

/// Splits a name into as many lines as it needs.
fn name_lines(name: &str) -> Vec<&str> {
    match name.split_once(" (") {
        Some((name, rest)) => vec![name, rest.trim_end_matches(')')],
        None => vec![name.strip_suffix("-opentelemetry").unwrap_or(name)],
    }
}

/// Returns the step of four or five marks up to this, at round numbers.
fn nice_step(highest: f64) -> f64 {
    let power = 10_f64.powf((highest / 4.0).log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .map(|times| times * power)
        .into_iter()
        .find(|step| step * 5.0 >= highest)
        .unwrap_or(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_marks_stand_at_round_numbers() {
        assert_eq!([7.0, 90.0, 130.0, 3400.0, 10_000.0].map(nice_step), [2.0, 20.0, 50.0, 1000.0, 2000.0]);
    }

    #[test]
    fn ok_slopes_are_those_between_the_ends() {
        let row = |case: &str, ns| Row { case: case.to_owned(), contender: "x".to_owned(), ns, allocations: 0.0 };
        let table =
            slopes(&[row("other-headers/20", 100.0), row("other-headers/50", 900.0), row("other-headers/120", 400.0)]);
        let line = "| Other headers in the request | x | 20: 100 ns | 120: 400 ns | 3.00 |";
        assert_eq!(table.lines().last(), Some(line));
    }

    #[test]
    fn ok_lines_collect_the_points_of_a_curve() {
        let row = |case: &str, contender: &str, ns| Row {
            case: case.to_owned(),
            contender: contender.to_owned(),
            ns,
            allocations: 0.0,
        };
        let rows = [row("a/0", "x", 1.0), row("a/0", "y", 2.0), row("b/0", "x", 3.0), row("a/10", "x", 4.0)];
        assert_eq!(lines(&rows, "a"), [("x", vec![(0.0, 1.0), (10.0, 4.0)]), ("y", vec![(0.0, 2.0)])]);
    }
}
