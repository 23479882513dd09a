//! Which code names a built-in format: the rows of the table, read as text, and what names them in a source file.

use crate::source::{Piece, Source};

/// A row of the table of formats, or all fields that no format reads.
pub(crate) struct Row {
    /// The kind; `unread` for fields that no format reads.
    pub(crate) kind: String,
    /// Identifiers that name the row or one of its fields.
    identifiers: Vec<String>,
    /// Names in configuration, and names of headers.
    texts: Vec<String>,
}

/// Files that name any row.
const NAMING: &[&str] = &[
    "formats/",
    "views/",
    "field/builtin.rs",
    "lib.rs",
    "propagator/presets.rs",
    "propagator/names.rs",
    "propagator/env.rs",
];

/// Rows that more than one format builds on, and the folders that name them.
const SHARED: (&[&str], &[&str]) =
    (&["TraceContext", "Baggage"], &["tracestate/", "baggage/", "context/", "propagator/", "owned/"]);

/// Modules and types of the ground floors. Who builds on them may import them; they are not the fields of that name.
const GROUND: &[&str] = &["tracestate", "TraceState", "baggage", "Baggage"];

/// Reads the rows out of the table.
pub(crate) fn rows(table: &Source) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut pieces = table.pieces().into_iter().peekable();
    // A field is `Name: Trace = "header"` in a format and `Name = "header"` or `Name: Text = "header"` among the unread.
    let (mut recent, mut in_names) = (Vec::new(), false);
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Identifier(word) => {
                in_names = word == "names";
                let is_next = |next: &Piece<'_>| matches!(next, Piece::Identifier(word) if *word == "fields");
                if word == "unread" || pieces.peek().is_some_and(is_next) {
                    rows.push(Row::new(word));
                }
                recent.push(word);
            }
            Piece::Text(text) => {
                let Some(row) = rows.last_mut() else { continue };
                if !in_names {
                    // Between them is what the field holds, in a format.
                    let is_unread = row.kind == "unread" && recent.last().is_none_or(|word| *word != "Text");
                    let field = recent.iter().rev().nth(usize::from(!is_unread));
                    row.identifiers.extend(field.map(|field| plain(field)));
                }
                row.identifiers.extend(in_names.then(|| plain(kind_of(text))));
                row.texts.push(kind_of(text).to_owned());
            }
        }
    }
    rows
}

impl Row {
    fn new(kind: &str) -> Self {
        let identifiers = if kind == "unread" { Vec::new() } else { vec![plain(kind)] };
        Self { kind: kind.to_owned(), identifiers, texts: Vec::new() }
    }

    /// Returns the identifiers and the texts, for the tests of the reader.
    pub(crate) fn names(&self) -> (Vec<&str>, Vec<&str>) {
        (self.identifiers.iter().map(String::as_str).collect(), self.texts.iter().map(String::as_str).collect())
    }
}

/// Returns a name without its parameter: `correlation` of `correlation:HEADER`.
fn kind_of(text: &str) -> &str {
    text.split(':').next().unwrap_or(text)
}

/// Returns an identifier in the spelling that constants, types and functions have in common.
fn plain(identifier: &str) -> String {
    identifier.replace('_', "").to_lowercase()
}

/// Returns what a file says that only the files of a row may say.
pub(crate) fn violations(source: &Source, rows: &[Row]) -> Vec<String> {
    let is_in = |places: &[&str]| places.iter().any(|place| source.name().starts_with(place));
    let mut found = Vec::new();
    if is_in(NAMING) {
        return found;
    }
    let (shared, grounds) = SHARED;
    let mut before = "";
    for piece in source.pieces() {
        for row in rows.iter().filter(|row| !(is_in(grounds) && shared.contains(&row.kind.as_str()))) {
            let says = match piece {
                Piece::Identifier(word) => {
                    let is_ground = GROUND.contains(&word) && !["Field", "FormatKind"].contains(&before);
                    (!is_ground && row.identifiers.contains(&plain(word))).then_some(word)
                }
                Piece::Text(text) => {
                    let lower = text.to_lowercase();
                    let words = lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
                    words.into_iter().any(|word| row.texts.iter().any(|name| name == word)).then_some(text)
                }
            };
            found.extend(says.map(|says| format!("{} names {}: {says}", source.name(), row.kind)));
        }
        if let Piece::Identifier(word) = piece {
            before = word;
        }
    }
    found.sort();
    found.dedup();
    found
}
