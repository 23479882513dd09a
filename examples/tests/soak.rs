//! A short soak.

use std::process::{Command, Output};

fn soak(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_soak")).args(arguments).output().unwrap()
}

#[test]
fn ok_no_task_sees_the_context_of_another() {
    let output = soak(&["--seconds", "5"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    let figure = |name: &str| -> u64 {
        let line = stdout.lines().find_map(|line| line.strip_prefix(name)).expect("a line for it");
        line.trim().split([',', ' ']).next().and_then(|number| number.parse().ok()).expect("a number")
    };
    // Each is looked at by the load, at the edge twice, in cart and in stock, many times each.
    let (requests, contexts) = (figure("requests"), figure("contexts"));
    assert!(requests >= 64 && contexts >= 20 * requests, "{stdout}");
    assert_eq!(stdout.lines().last(), Some("no fault"));
}

#[test]
fn err_no_time_is_not_a_soak() {
    for arguments in [&["--seconds", "0"][..], &["--seconds"], &["600"]] {
        assert_eq!(soak(arguments).status.code(), Some(2));
    }
}
