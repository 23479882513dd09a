//! Runs every test vector: exact header lines, and what a correct library makes of them.
//!
//! `cargo test -p traceprop-core --all-features --test vectors -- --nocapture` shows the counts. The environment
//! variable `TRACEPROP_VECTORS` names another folder of the same shape. The files are explained in `data/README.md`.
#![cfg(feature = "std")]
#![allow(clippy::print_stdout, reason = "the counts are for people who ask for them with --nocapture")]

mod b3;
mod case;
mod cloudtrace;
mod composite;
mod datadog;
mod elastic;
mod grpc_trace_bin;
mod instana;
mod jaeger;
#[path = "../support/known.rs"]
mod known;
mod legacy_uuid;
mod newrelic;
mod one_format;
mod ottrace;
mod sentry;
mod sw8;
mod w3c_baggage;
mod w3c_tracecontext;
mod xray;

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::{env, fs};

use case::{Case, Verdict};

/// What judges the cases of one file.
type Driver = fn(&Case) -> Verdict;

/// The driver of each file, by the file's name without its ending.
const DRIVERS: &[(&str, Driver)] = &[
    ("b3-multi", b3::check_multi),
    ("b3-single", b3::check_single),
    ("cloudtrace", cloudtrace::check),
    ("composite", composite::check),
    ("datadog", datadog::check),
    ("elastic", elastic::check),
    ("grpc-trace-bin", grpc_trace_bin::check),
    ("instana", instana::check),
    ("jaeger", jaeger::check),
    ("legacy-uuid", legacy_uuid::check),
    ("newrelic", newrelic::check),
    ("ottrace", ottrace::check),
    ("sentry", sentry::check),
    ("sw8", sw8::check),
    ("w3c-baggage", w3c_baggage::check),
    ("w3c-tracecontext", w3c_tracecontext::check),
    ("xray", xray::check),
];

/// The file of each format, by the name of the format.
const FILES: &[(&str, &str)] = &[
    ("tracecontext", "w3c-tracecontext"),
    ("b3", "b3-single"),
    ("b3multi", "b3-multi"),
    ("datadog", "datadog"),
    ("jaeger", "jaeger"),
    ("sw8", "sw8"),
    ("sentry", "sentry"),
    ("instana", "instana"),
    ("newrelic", "newrelic"),
    ("elastic", "elastic"),
    ("grpc-trace-bin", "grpc-trace-bin"),
    ("ottrace", "ottrace"),
    ("xray", "xray"),
    ("cloudtrace", "cloudtrace"),
    ("correlation", "legacy-uuid"),
    ("baggage", "w3c-baggage"),
];

#[test]
fn ok_every_vector() {
    let folder = folder();
    let files = files_of(&folder);
    assert!(!files.is_empty(), "no vector file in {}", folder.display());
    let failed: usize = files.iter().map(|file| run(file)).sum();
    assert_eq!(failed, 0, "failures, listed above under their file");
}

#[test]
fn ok_each_format_of_the_table_has_a_file() {
    let files = files_of(&folder());
    for name in known::names() {
        let (_, file) =
            FILES.iter().find(|(format, _)| *format == name).unwrap_or_else(|| panic!("no file for `{name}`"));
        assert!(files.iter().any(|path| path.file_stem().is_some_and(|stem| stem == *file)), "{file}.json is missing");
        assert!(DRIVERS.iter().any(|(driver, _)| driver == file), "no driver knows {file}.json");
    }
}

fn folder() -> PathBuf {
    match env::var_os("TRACEPROP_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/data"),
    }
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry of the folder").path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    files.sort();
    files
}

/// Runs one file, prints its results, and counts its failures.
fn run(path: &Path) -> usize {
    let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let Some((_, driver)) = DRIVERS.iter().find(|(name, _)| *name == file) else {
        println!("{file}: FAILED, no driver knows this file");
        return 1;
    };
    let cases = match case::read(path, &file) {
        Ok(cases) => cases,
        Err(error) => {
            println!("{file}: FAILED, {error}");
            return 1;
        }
    };
    let mut ids = BTreeSet::new();
    let verdicts: Vec<_> = cases.iter().map(|case| (case, judge(*driver, case, ids.insert(case.id())))).collect();
    let passed = verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Passed).count();
    println!("{file}: {passed}/{}", verdicts.len());
    let mut failed = 0;
    for (case, verdict) in &verdicts {
        match verdict {
            Verdict::Passed => {}
            Verdict::Skipped(why) => println!("  {} skipped: {why}", case.id()),
            Verdict::Failed(why) => {
                failed += 1;
                println!("  {} FAILED ({}): {why}", case.id(), case.why());
            }
        }
        for hint in case.hints() {
            println!("  {} hint: {hint}", case.id());
        }
    }
    failed
}

fn judge(driver: Driver, case: &Case, is_new: bool) -> Verdict {
    if !is_new {
        return Verdict::Failed("its id occurs twice in the file".into());
    }
    // One case that panics must not hide what the others say.
    match catch_unwind(AssertUnwindSafe(|| driver(case))) {
        Ok(Verdict::Passed) => match case.unseen() {
            unseen if unseen.is_empty() => Verdict::Passed,
            unseen => Verdict::Failed(format!("fields that nothing looked at: {}", unseen.join(", "))),
        },
        Ok(verdict) => verdict,
        Err(panic) => Verdict::Failed(format!("panicked: {}", message(&*panic))),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}
