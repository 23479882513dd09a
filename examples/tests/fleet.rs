//! The demo fleet, as a newcomer runs it.

use std::process::Command;

#[test]
fn ok_fleet_ends_with_one_trace() {
    let output = Command::new(env!("CARGO_BIN_EXE_fleet")).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    assert_eq!(stdout.lines().last(), Some("One trace: yes, in each of 4 requests."));
    assert_eq!(stdout.matches("  => one trace, ").count(), 4);
    assert!(stdout.contains("tracecontext: traceparent: uppercase-hex at byte 4"), "{stdout}");
}
