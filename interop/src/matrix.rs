//! `docs/interop-matrix.md`: one section a group, rewritten where the group was run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Error;
use crate::cell::{Cell, Verdict};
use crate::groups::Group;
use crate::known::Known;

const INTRO: &str = "# What works with what

Written by `interop/run --all --write`; see [interop/README.md](../interop/README.md). Each row is one configuration of a peer that was run against
traceprop. A number counts the things that arrived as they were sent: ids, sampling decision, priority, origin, tags, baggage.
After a plus sign: what did not arrive and is the peer's fault, with its reasons below the table.
";

/// Rewrites the sections of the groups that were run, and keeps the others.
pub(crate) fn write(file: &Path, groups: &[Box<dyn Group>], cells: &[Cell], known: &Known) -> Result<(), Error> {
    let before = std::fs::read_to_string(file).unwrap_or_default();
    let mut sections = sections_of(&before);
    let date = date(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 86_400);
    for group in groups {
        let cells: Vec<_> = cells.iter().filter(|cell| cell.place.group == group.name()).collect();
        if !cells.is_empty() {
            sections.insert(group.title().to_owned(), section(&date, &cells, known));
        }
    }
    let mut text = INTRO.to_owned();
    for title in groups.iter().map(|group| group.title()) {
        if let Some(section) = sections.get(title) {
            write!(text, "\n## {title}\n{section}")?;
        }
    }
    Ok(std::fs::write(file, text)?)
}

/// Returns the text of each section of a matrix by its title.
fn sections_of(text: &str) -> BTreeMap<String, String> {
    let sections = text.split("\n## ").skip(1);
    let section = |section: &str| {
        let (title, rest) = section.split_once('\n')?;
        Some((title.to_owned(), format!("{}\n", rest.trim_end())))
    };
    sections.filter_map(section).collect()
}

/// The cells of one row and one direction.
#[derive(Debug, Default)]
struct Count {
    passed: usize,
    failed: usize,
    /// Indexes of entries in the list of what is known, one for each cell.
    known: Vec<usize>,
}

/// The rows of the table, in the order of the run.
fn section(date: &str, cells: &[&Cell], known: &Known) -> String {
    let mut directions: Vec<&str> = Vec::new();
    let mut rows: Vec<(String, BTreeMap<&str, Count>)> = Vec::new();
    let mut reasons: Vec<usize> = Vec::new();
    for cell in cells {
        let place = &cell.place;
        if !directions.contains(&place.direction) {
            directions.push(place.direction);
        }
        let head = format!("{} | {} | {}", place.peer, place.version, place.config);
        if !rows.iter().any(|(row, _)| *row == head) {
            rows.push((head.clone(), BTreeMap::new()));
        }
        let Some((_, row)) = rows.iter_mut().find(|(row, _)| *row == head) else { continue };
        let count = row.entry(place.direction).or_default();
        match cell.verdict {
            Verdict::Passed => count.passed += 1,
            Verdict::Failed(_) => count.failed += 1,
            Verdict::Known(index, _) => {
                if !reasons.contains(&index) {
                    reasons.push(index);
                }
                count.known.push(index);
            }
        }
    }
    let mut text = format!("\nRun on {date}.\n\n| peer | version | configuration | {} |\n", directions.join(" | "));
    text += &format!("|---|---|---|{}\n", "---|".repeat(directions.len()));
    for (head, row) in &rows {
        let column = |direction: &&str| row.get(direction).map_or("–".to_owned(), |count| column(count, &reasons));
        text += &format!("| {head} | {} |\n", directions.iter().map(column).collect::<Vec<_>>().join(" | "));
    }
    for (number, index) in reasons.iter().enumerate() {
        let entry = &known.entries[*index];
        let start = if number == 0 { "\n" } else { "" };
        text += &format!("{start}{}. {} (seen in {})\n", number + 1, entry.reason, entry.versions);
    }
    text
}

/// `12`, or `10 + 2 (1, 3)`: two things did not arrive, for the reasons 1 and 3.
fn column(count: &Count, reasons: &[usize]) -> String {
    let mut text = count.passed.to_string();
    if !count.known.is_empty() {
        let number = |index: &usize| reasons.iter().position(|one| one == index);
        let mut numbers: Vec<_> = count.known.iter().filter_map(number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let numbers: Vec<_> = numbers.iter().map(|number| (number + 1).to_string()).collect();
        text += &format!(" + {} ({})", count.known.len(), numbers.join(", "));
    }
    if count.failed > 0 {
        text += &format!(", **{} failed**", count.failed);
    }
    text
}

/// The date of a day since 1970-01-01, in the Gregorian calendar.
fn date(day: u64) -> String {
    let (mut year, mut rest) = (1970, day);
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while rest >= 365 + u64::from(is_leap(year)) {
        rest -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_writes_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(20_788), "2026-12-01");
        assert_eq!(date(20_818), "2026-12-31");
    }

    #[test]
    fn ok_keeps_other_sections() {
        let sections = sections_of("# What\n\nIntro\n\n## Go\n\nRun\n\n## Envoy\n\n| a |\n");
        assert_eq!(sections["Go"], "\nRun\n");
        assert_eq!(sections["Envoy"], "\n| a |\n");
    }

    #[test]
    fn ok_shows_what_did_not_arrive() {
        assert_eq!(column(&Count { passed: 12, ..Count::default() }, &[]), "12");
        assert_eq!(
            column(&Count { passed: 10, failed: 1, known: vec![7, 3, 7] }, &[3, 7]),
            "10 + 3 (1, 2), **1 failed**"
        );
    }
}
