//! Each row of the table of formats has its place in this suite, and in what is fuzzed.

use std::fs;
use std::path::Path;

use traceprop_core::Field;

use crate::formats::SUBJECTS;
use crate::known;
use crate::requests::full;
use crate::subject::is_in;

/// Formats without ids, which have no context to read or write. The tests of W3C baggage are in suites of their own.
const WITHOUT_IDS: &[&str] = &["baggage"];

#[test]
fn ok_each_format_of_the_table_is_a_subject() {
    let kind = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
    let subjects: Vec<_> = SUBJECTS.iter().map(|subject| kind(subject.name())).collect();
    for name in known::names() {
        let is_known = subjects.contains(&name) || WITHOUT_IDS.contains(&name.as_str());
        assert!(is_known, "add `{name}` to `SUBJECTS`");
    }
}

#[test]
fn ok_each_field_of_the_table_is_in_a_full_request() {
    let requests: Vec<_> = SUBJECTS.iter().flat_map(full).flatten().collect();
    for field in Field::BUILT_IN.iter().filter_map(|field| field.name()).filter(|name| !WITHOUT_IDS.contains(name)) {
        let is_sent = requests.iter().any(|(name, _)| is_in(field, name));
        assert!(is_sent, "no request of `requests::full` has {field}");
    }
}

#[test]
fn ok_each_format_of_the_table_is_fuzzed() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    // A published package does not include the fuzz targets.
    let Ok(dictionary) = fs::read_to_string(fuzz.join("headers.dict")) else { return };
    for name in known::names() {
        let target = match name.as_str() {
            "tracecontext" => "traceparent",
            "b3multi" => "b3",
            name => name,
        };
        let file = fuzz.join("fuzz_targets").join(format!("{target}_parse.rs"));
        assert!(file.exists(), "`{name}` has no fuzz target {target}_parse");
    }
    let dictionary = dictionary.to_ascii_lowercase();
    for field in Field::BUILT_IN.iter().filter_map(|field| field.name()) {
        assert!(dictionary.contains(&format!("\n\"{field}")), "{field} is not in fuzz/headers.dict");
    }
}
