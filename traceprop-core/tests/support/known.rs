//! The names of the built-in formats, each encoding of B3 included.

use traceprop_core::Propagator;

/// Returns the names that the table of formats has, as the message for an unknown name lists them.
///
/// `all` does not include each of them. A correlation header is listed as `correlation`.
pub(crate) fn names() -> Vec<String> {
    let message = Propagator::from_names("no-such-format", "none").expect_err("an unknown name").to_string();
    let (_, names) = message.split_once("expected one of ").expect("the known names");
    let names = names.split(", ").filter(|name| !["all", "none"].contains(name));
    let names: Vec<_> = names.map(|name| name.trim_end_matches(":HEADER").to_owned()).collect();
    let all = Propagator::from_names("all", "none").expect("a known name");
    assert!(all.extract_names().all(|name| names.iter().any(|known| known == name)), "{names:?}");
    names
}
