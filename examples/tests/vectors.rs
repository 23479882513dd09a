//! Every extract case of the core's vectors, over HTTP: what `/inspect` answers has to hold all that is expected.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use axum::http::{HeaderName, HeaderValue};
use common::Service;
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../traceprop-core/tests/vectors/data");

/// A service for each command line that a case asks for.
type Services = BTreeMap<Vec<String>, Service>;

#[derive(Default)]
struct Count {
    passed: usize,
    not_http: usize,
    failures: Vec<String>,
}

#[test]
fn ok_inspect_tells_what_every_vector_expects() {
    let mut files: Vec<_> =
        fs::read_dir(FOLDER).expect("the folder is there").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    assert!(!files.is_empty(), "no vectors in {FOLDER}");
    let mut services = Services::new();
    let (mut passed, mut failures) = (0, Vec::new());
    for path in &files {
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let count = run(name, path, &mut services);
        let total = count.passed + count.failures.len();
        println!("{name}: {}/{total}, {} that HTTP cannot carry", count.passed, count.not_http);
        assert!(total > 0, "{name} has no case to run");
        passed += count.passed;
        failures.extend(count.failures);
    }
    println!("{passed} cases over HTTP, {} services", services.len());
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

fn run(name: &str, path: &Path, services: &mut Services) -> Count {
    let text = fs::read_to_string(path).expect("a file");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    let mut count = Count::default();
    let cases = file["cases"].as_array().expect("cases").iter().filter(|case| case["op"] == "extract");
    for case in cases {
        let headers: Vec<_> =
            list(&case["headers"]).iter().map(|line| (text_of(&line[0]), text_of(&line[1]))).collect();
        let can_be = |(name, value): &(&str, &str)| {
            HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_bytes(value.as_bytes()).is_ok()
        };
        if !headers.iter().all(can_be) {
            count.not_http += 1;
            continue;
        }
        let arguments = arguments(name, case);
        let service = services
            .entry(arguments)
            .or_insert_with_key(|arguments| Service::start_with(arguments.iter().map(String::as_str)));
        let lines: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let answer = service.inspect(&lines);
        let differences = differences(&case["expect"], &answer);
        match differences.is_empty() {
            true => count.passed += 1,
            false => count.failures.push(format!("{}: {}", text_of(&case["id"]), differences.join("; "))),
        }
    }
    count
}

/// The command line of a service that reads what a case is about.
fn arguments(file: &str, case: &Value) -> Vec<String> {
    let mut arguments: Vec<String> = Vec::new();
    let extract = match file {
        "b3-single" => "b3".into(),
        "b3-multi" => "b3multi".into(),
        "w3c-tracecontext" => "tracecontext".into(),
        "w3c-baggage" => "baggage".into(),
        "datadog" => case["via"].as_str().unwrap_or("datadog").to_owned(),
        "jaeger" | "sw8" | "elastic" | "ottrace" | "instana" | "grpc-trace-bin" | "newrelic" | "sentry" | "xray"
        | "cloudtrace" => file.into(),
        "legacy-uuid" => "none".into(),
        "composite" => list(&case["config"]["extract"]).iter().map(text_of).collect::<Vec<_>>().join(","),
        other => panic!("no list fits {other}"),
    };
    arguments.extend(["--extract".into(), extract, "--inject".into(), "none".into()]);
    let mut option = |name: &str, value: &Value| match value {
        Value::Null | Value::Bool(false) => {}
        Value::Bool(true) => arguments.push(name.into()),
        Value::String(text) => arguments.extend([name.into(), text.clone()]),
        Value::Number(number) => arguments.extend([name.into(), number.to_string()]),
        other => panic!("{other} is no value for {name}"),
    };
    option("--correlation", &case["header"]);
    option("--behavior", &case["config"]["behavior"]);
    option("--extract-first", &case["config"]["extract_first"]);
    option("--sentry-org-id", &case["config"]["org_id"]);
    option("--strict-trace-continuation", &case["config"]["strict_trace_continuation"]);
    option("--trusted-account-key", &case["config"]["trusted_account_key"]);
    option("--baggage-members", &case["limits"]["members"]);
    option("--baggage-bytes", &case["limits"]["bytes"]);
    arguments
}

fn differences(expect: &Value, answer: &Value) -> Vec<String> {
    let fields = expect.as_object().expect("an object").iter();
    // The words for a reason are advice.
    let fields = fields.filter(|(key, _)| *key != "reason");
    let differing = fields.filter(|(key, expected)| match answer.get(key) {
        // No published rule gives it: any id will do. The core's own vectors look closer.
        Some(got) if *key == "trace_id" && *expected == "derived" => !is_trace_id(got),
        got => got != Some(expected),
    });
    differing.map(|(key, expected)| format!("{key}: expected {expected}, got {:?}", answer.get(key))).collect()
}

fn is_trace_id(value: &Value) -> bool {
    let is_lower_hex = |id: &str| id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    value.as_str().is_some_and(|id| id.len() == 32 && is_lower_hex(id) && id.bytes().any(|byte| byte != b'0'))
}

#[track_caller]
fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[track_caller]
fn text_of(value: &Value) -> &str {
    value.as_str().expect("a text")
}
