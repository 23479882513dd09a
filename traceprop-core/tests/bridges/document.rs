//! The section "Pairs" of INTEROP.md equals the table that the tests of this folder check.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::format::Format;
use crate::table::{Cell, Fate, rows};

const HEADING: &str = "Pairs";

/// The longest line of text, in characters.
const WIDTH: usize = 120;

fn cell(cell: Cell) -> String {
    match cell {
        Cell { there, back } if there == back => there.title().to_owned(),
        Cell { there: Fate::Kept, back } => format!("kept; back {}", back.title()),
        Cell { there, back } => format!("{}; back {}", there.title(), back.title()),
    }
}

/// Returns the expected section, without its heading.
fn section() -> String {
    let intro = "What is left of each part of a context after a service reads it in one format and writes another. A cell \
        describes what a receiver reads that knows only the format of the column. `back` describes what the next service with \
        traceprop writes in the first format, if that differs. Over W3C, a foreign hop in between creates a span and adds a \
        tracestate member. In the column of its own name, a format passes through one service with traceprop (B3: from one \
        encoding to the other). New Relic's header is only read: it has no column, and nothing goes back into it. `undecided` is what a format writes without a decision: B3 and Datadog no decision, W3C and \
        Jaeger 0, sw8 1. The server layers of traceprop decide before that.";
    let mut text = String::new();
    wrap(intro, &mut text);
    for from in Format::ALL {
        let _ = write!(text, "\n### From {}\n\n|", from.title());
        for to in Format::written() {
            let _ = write!(text, " | {}", to.title());
        }
        let _ = writeln!(text, " |\n|{}", "---|".repeat(1 + Format::written().count()));
        for (attribute, cells) in rows(*from) {
            let _ = write!(text, "| {}", attribute.title());
            for fate in cells {
                let _ = write!(text, " | {}", cell(fate));
            }
            text.push_str(" |\n");
        }
    }
    text
}

fn wrap(words: &str, text: &mut String) {
    let mut len = 0;
    for word in words.split_whitespace() {
        if len > 0 && len + 1 + word.len() > WIDTH {
            text.push('\n');
            len = 0;
        }
        if len > 0 {
            text.push(' ');
            len += 1;
        }
        text.push_str(word);
        len += word.len();
    }
    text.push('\n');
}

/// Returns the text from the heading that ends with this word to the next one.
fn below<'d>(document: &'d str, heading: &str) -> Option<&'d str> {
    let mut at = 0;
    for line in document.split_inclusive('\n') {
        at += line.len();
        if line.starts_with("## ") && line.trim_end().ends_with(heading) {
            let rest = &document[at..];
            let end = rest.find("\n## ").map_or(rest.len(), |end| end + 1);
            return Some(rest[..end].trim_matches('\n'));
        }
    }
    None
}

#[test]
fn ok_the_document_equals_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/INTEROP.md");
    // A published package comes without the document.
    let Ok(document) = fs::read_to_string(path) else { return };
    let expected = section();
    if below(&document, HEADING) != Some(expected.trim_matches('\n')) {
        println!("{expected}");
        panic!("the section \"{HEADING}\" of INTEROP.md differs from the table; the expected text is printed");
    }
}

#[test]
fn ok_a_section_ends_where_the_next_begins() {
    let document = "# A\n\n## 1. Pairs\n\na\n### b\n\n## 2. More\n\nc\n";
    assert_eq!(below(document, "Pairs"), Some("a\n### b"));
    assert_eq!(below(document, "More"), Some("c"));
    assert_eq!(below(document, "pairs"), None);
}
