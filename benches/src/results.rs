//! Measured data: kept as CSV next to the README, shown as tables.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::measure::Row;
use crate::{FLOOR, OURS};

const HEADER: &str = "case,contender,ns,allocations";

/// Returns the folder of this file's crate.
pub fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Writes rows as CSV. No name has a comma in it.
pub fn save(path: &Path, rows: &[Row]) -> io::Result<()> {
    let mut text = format!("{HEADER}\n");
    for Row { case, contender, ns, allocations } in rows {
        assert!(!case.contains(',') && !contender.contains(','), "{case} {contender}");
        let _ = writeln!(text, "{case},{contender},{ns:.1},{allocations}");
    }
    fs::write(path, text)
}

/// Reads what [`save`] wrote.
pub fn load(path: &Path) -> io::Result<Vec<Row>> {
    let text = fs::read_to_string(path)?;
    let bad = |line: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {line}", path.display()));
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err(bad("no header"));
    }
    lines.map(|line| row(line).ok_or_else(|| bad(line))).collect()
}

fn row(line: &str) -> Option<Row> {
    let mut cells = line.split(',');
    let (case, contender) = (cells.next()?.to_owned(), cells.next()?.to_owned());
    let row = Row { case, contender, ns: cells.next()?.parse().ok()?, allocations: cells.next()?.parse().ok()? };
    cells.next().is_none().then_some(row)
}

/// Returns the row of one contender for one case.
pub fn find<'r>(rows: &'r [Row], case: &str, contender: &str) -> Option<&'r Row> {
    rows.iter().find(|row| row.case == case && row.contender == contender)
}

/// Returns a line for each contender.
pub fn table(rows: &[Row]) -> String {
    let mut text = "| case | contender | ns | ratio to ours | allocations |\n|---|---|--:|--:|--:|\n".to_owned();
    for row in rows {
        let ratio = find(rows, &row.case, OURS).map_or("-".to_owned(), |ours| format!("{:.2}", row.ns / ours.ns));
        let Row { case, contender, ns, allocations } = row;
        let _ = writeln!(text, "| {case} | {contender} | {ns:.1} | {ratio} | {allocations} |");
    }
    text
}

/// Returns a line for each case that ends in `ending`: ours as a multiple of the floor, the others as multiples of ours,
/// and their allocations.
pub fn short_table(rows: &[Row], ending: &str) -> String {
    let mut text = "| case | ours: ns | allocations | times the floor | others: times ours (allocations) |\n\
                    |---|--:|--:|--:|---|\n"
        .to_owned();
    for ours in rows.iter().filter(|row| row.contender == OURS) {
        let Some(case) = ours.case.strip_suffix(ending) else { continue };
        let floor = find(rows, &ours.case, FLOOR).map_or(String::new(), |floor| format!("{:.2}", ours.ns / floor.ns));
        let others = rows.iter().filter(|row| row.case == ours.case && row.contender != OURS && row.contender != FLOOR);
        let others: Vec<_> = others
            .map(|row| format!("{} {:.2} ({})", row.contender, row.ns / ours.ns, short(row.allocations)))
            .collect();
        let (ns, allocations) = (ours.ns, short(ours.allocations));
        let _ = writeln!(text, "| {case} | {ns:.0} | {allocations} | {floor} | {} |", others.join(", "));
    }
    text
}

/// Formats a number of allocations, which may be a fraction because of a random order.
pub fn short(allocations: f64) -> String {
    if allocations.fract() == 0.0 { format!("{allocations}") } else { format!("{allocations:.1}") }
}

/// Returns the machine on which the numbers were taken.
pub fn machine(rounds: usize) -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |pair| pair.1);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let rustc = std::process::Command::new("rustc").arg("--version").output();
    let rustc = rustc.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let rustc = rustc.split(" (").next().unwrap_or("rustc ?");
    format!("{rounds} rounds, {cores} cores of a shared {model}, {rustc}, 16 other headers")
}

/// Writes `text` between the markers of this name in a file.
pub fn replace_between(path: &Path, name: &str, text: &str) -> io::Result<()> {
    let whole = fs::read_to_string(path)?;
    let (begin, end) = (format!("<!-- {name}: written by ratios -->\n"), format!("<!-- end of {name} -->"));
    let parts = whole.split_once(&begin).and_then(|(head, rest)| Some((head, rest.split_once(&end)?.1)));
    let Some((head, tail)) = parts else {
        let what = format!("{} has no place for {name}", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    };
    fs::write(path, format!("{head}{begin}\n{text}\n{end}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |contender: &str, ns, allocations| Row {
            case: "extract/b3/16-other".to_owned(),
            contender: contender.to_owned(),
            ns,
            allocations,
        };
        vec![row(OURS, 50.0, 0.0), row("opentelemetry", 200.0, 4.25), row(FLOOR, 25.0, 0.0)]
    }

    #[test]
    fn ok_roundtrip() {
        let path = std::env::temp_dir().join(format!("traceprop-benches-{}.csv", std::process::id()));
        save(&path, &rows()).unwrap();
        let loaded = load(&path);
        fs::write(&path, "case,contender,ns,allocations\nextract,ours,fast,0\n").unwrap();
        let broken = load(&path);
        fs::remove_file(&path).unwrap();
        assert_eq!(loaded.unwrap(), rows());
        assert!(broken.unwrap_err().to_string().ends_with(": extract,ours,fast,0"));
    }

    #[test]
    fn ok_short_table_has_a_line_for_a_case() {
        let table = short_table(&rows(), "/16-other");
        assert_eq!(table.lines().last(), Some("| extract/b3 | 50 | 0 | 2.00 | opentelemetry 4.00 (4.2) |"));
        assert_eq!(short_table(&rows(), "/100-other").lines().count(), 2);
    }
}
