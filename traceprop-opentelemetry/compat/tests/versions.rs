//! What the lock file holds, as far as the documentation speaks of it.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::process::Command;

use serde_json::Value;

fn packages(name: &str) -> Vec<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version=1", "--locked", "--offline", "--all-features"]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().filter(|package| package["name"] == name).cloned().collect()
}

#[test]
fn ok_there_is_one_opentelemetry() {
    for name in ["opentelemetry", "opentelemetry_sdk", "tracing-opentelemetry"] {
        assert_eq!(packages(name).len(), 1, "{name}");
    }
}

/// Cannot work: reqwest-tracing does not know this release of OpenTelemetry, so its own headers come from no span. If this
/// fails, it does, and the documentation can say so.
#[test]
fn canary_the_features_of_reqwest_tracing_end_at_0_32() {
    let reqwest_tracing = &packages("reqwest-tracing")[0];
    let features = reqwest_tracing["features"].as_object().unwrap();
    let newest = features.keys().filter_map(|name| name.strip_prefix("opentelemetry_0_")?.parse::<u32>().ok()).max();
    assert_eq!(newest, Some(32));
}
