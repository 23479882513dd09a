//! INTEROP.md says what the table says: its section "Pairs" is made of the data that the library is held to.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::dialect::Dialect;
use crate::table::{Cell, Fate, rows};

const HEADING: &str = "Pairs";

/// Characters of a line of text.
const WIDTH: usize = 120;

fn cell(cell: Cell) -> String {
    match cell {
        Cell { there, back } if there == back => there.title().to_owned(),
        Cell { there: Fate::Kept, back } => format!("kept; back {}", back.title()),
        Cell { there, back } => format!("{}; back {}", there.title(), back.title()),
    }
}

/// The section, without its heading.
fn section() -> String {
    let intro = "What becomes of each thing that a context can say when a service reads it in one dialect and calls on in another. \
        A cell says what a receiver finds that speaks nothing but the dialect of the column; behind `back`, what goes out in \
        the first dialect again behind the next service of ours, where that differs. Over W3C there is a hop of somebody else's \
        in between that makes a span and adds a tracestate member. In a column of its own name, a dialect passes through one \
        of our services (B3: from one encoding to the other). `undecided` is what a dialect writes where nobody has decided: \
        B3 and Datadog no decision, W3C and Jaeger 0, sw8 1; our server layers decide before that.";
    let mut text = String::new();
    wrap(intro, &mut text);
    for from in Dialect::ALL {
        let _ = write!(text, "\n### From {}\n\n|", from.title());
        for to in Dialect::ALL {
            let _ = write!(text, " | {}", to.title());
        }
        text.push_str(" |\n|---|---|---|---|---|---|---|\n");
        for (attribute, cells) in rows(from) {
            let _ = write!(text, "| {}", attribute.title());
            for fate in cells {
                let _ = write!(text, " | {}", cell(*fate));
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

/// The text below the heading that ends with this word, up to the next one.
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
fn ok_the_document_says_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/INTEROP.md");
    // A package on its own has no documents beside it.
    let Ok(document) = fs::read_to_string(path) else { return };
    let expected = section();
    if below(&document, HEADING) != Some(expected.trim_matches('\n')) {
        println!("{expected}");
        panic!("the section \"{HEADING}\" of INTEROP.md is not what the table says; what was printed is");
    }
}

#[test]
fn ok_a_section_ends_where_the_next_begins() {
    let document = "# A\n\n## 1. Pairs\n\na\n### b\n\n## 2. More\n\nc\n";
    assert_eq!(below(document, "Pairs"), Some("a\n### b"));
    assert_eq!(below(document, "More"), Some("c"));
    assert_eq!(below(document, "pairs"), None);
}
