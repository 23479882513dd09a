//! The README shows what `explain` really says.

use std::fs;
use std::path::Path;

use traceprop_core::presets;

/// Returns the lines of the first `text` block of a section of the README, joined by a space.
#[track_caller]
fn block(section: &str) -> String {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let (_, section) = readme.split_once(&format!("\n## {section}\n")).expect("the section");
    let (_, block) = section.split_once("\n```text\n").expect("a block of text");
    let (block, _) = block.split_once("\n```\n").expect("the end of the block");
    block.replace('\n', " ")
}

#[test]
fn ok_explain_says_the_line_of_the_readme() {
    let request = [
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01"),
        ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"),
    ];
    let propagator = presets::ALL_TO_W3C.propagator();
    let (line, shown) = (propagator.explain(&request).to_string(), block("Why is my trace broken?"));
    // The list of absent formats is long.
    let start = shown.strip_suffix("..").expect("the line is cut");
    assert!(line.starts_with(start), "{line}");
}
