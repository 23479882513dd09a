//! The demo fleet, run as a program.

use std::process::Command;

#[test]
fn ok_fleet_ends_with_one_trace() {
    let output = Command::new(env!("CARGO_BIN_EXE_fleet")).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    assert_eq!(stdout.lines().last(), Some("One trace: yes, in each of 7 requests."));
    assert_eq!(stdout.matches("  => one trace, ").count(), 7);
    assert!(stdout.contains("tracecontext: invalid traceparent (uppercase-hex at byte 4)"), "{stdout}");
    for line in [
        "    to orders    b3: ",
        "    to stock     uber-trace-id: ",
        "                 sw8: 1-NGFmYWE4YTYzNDFjNGFjMDg2OTYyYTM1M2E2MzI5MGUuODcuMTc0MjIxOTgxMDgzODM3NzQ=-",
        "                 x-plumbr-transactionid: D19931BB-F235-4DCB-2E2F-B9D31225D62E",
        "                 x-datadog-origin: rum",
    ] {
        assert!(stdout.lines().any(|printed| printed.starts_with(line)), "{line:?} is not in\n{stdout}");
    }
}

#[test]
fn ok_brief_prints_only_the_result_of_each_request() {
    let output = Command::new(env!("CARGO_BIN_EXE_fleet")).arg("--brief").output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    assert_eq!(stdout.lines().last(), Some("One trace: yes, in each of 7 requests."));
    assert_eq!((stdout.matches("  => one trace, ").count(), stdout.matches("received  ").count()), (7, 0));
}

#[test]
fn err_an_unknown_option_prints_the_usage() {
    for arguments in [&["--swerve"][..], &["--serve", "here"], &["--brief", "--serve"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_fleet")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("usage: fleet [OPTION]"));
    }
}
