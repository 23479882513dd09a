//! The table of trust in SECURITY.md: who chooses what, under each trust. Each cell of it has a test here.
#![cfg(feature = "std")]

mod children;
mod datadog;
mod edge;
mod flags;
mod ids;
mod limit;
mod own_text;
mod text;
mod tracestate;

use std::fs;
use std::path::Path;

use traceprop_core::Trust;

/// The text of a cell, and its test.
type Cell = (&'static str, fn(Trust));

/// A row of the table: what is received, and what becomes of it under each trust.
struct Row {
    name: &'static str,
    /// The cells, in the order of [`COLUMNS`].
    cells: [Cell; 4],
}

const COLUMNS: [(&str, Trust); 4] = [
    ("`Continue`", Trust::Continue),
    ("`Resample`", Trust::Resample),
    ("`Restart`", Trust::Restart),
    ("`Ignore`", Trust::Ignore),
];

/// All rows, in the order of the table. A new row is a new line here, and its tests in one of the modules.
const ROWS: &[&Row] = &[
    &ids::IDS,
    &ids::DECISION,
    &ids::RANDOM_FLAG,
    &ids::LINKS,
    &flags::DEBUG,
    &datadog::PRIORITY,
    &datadog::DECISION_TAGS,
    &datadog::OTHER_TAGS,
    &datadog::MEMBER,
    &flags::JAEGER,
    &flags::SW8_EXTENSION,
    &tracestate::OT,
    &tracestate::TP,
    &tracestate::OTHERS,
    &text::BAGGAGE,
    &text::XRAY_FIELDS,
    &text::DECISION_IN_BAGGAGE,
    &text::INSTANA,
    &text::NEW_RELIC,
    &text::CORRELATION,
];

/// Returns the cells of the table, a list for each line.
fn table() -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../SECURITY.md");
    let text = fs::read_to_string(path).expect("SECURITY.md");
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let is_head = |line: &&str| line.starts_with("| received |");
    let table = text.lines().skip_while(|line| !is_head(line)).take_while(|line| line.starts_with('|'));
    table.map(cells).collect()
}

#[test]
fn ok_the_table_has_the_cells_that_are_tested_and_no_others() {
    let table = table();
    let (head, rows) = table.split_first().expect("the table");
    assert!(head.iter().skip(1).eq(COLUMNS.iter().map(|(name, _)| name)), "{head:?}");
    let tested: Vec<Vec<_>> = ROWS
        .iter()
        .map(|row| [row.name].into_iter().chain(row.cells.map(|(text, _)| text)).map(String::from).collect())
        .collect();
    // The first line of a table of Markdown is a ruler.
    assert_eq!(rows[1..].join(&String::new()), tested.join(&String::new()));
}

#[test]
fn ok_each_cell_says_what_is_done() {
    let mut failed = Vec::new();
    for (row, (column, trust), (text, test)) in
        ROWS.iter().flat_map(|row| COLUMNS.into_iter().zip(row.cells).map(move |(column, cell)| (row, column, cell)))
    {
        if std::panic::catch_unwind(|| test(trust)).is_err() {
            failed.push(format!("{}, {column}: {text}", row.name));
        }
    }
    assert!(failed.is_empty(), "cells that are not true:\n{}", failed.join("\n"));
}
