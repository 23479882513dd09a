//! The program `explain`, from a shell.

use std::io::Write;
use std::process::{Command, Stdio};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Exit code, standard output and standard error.
fn explain(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_explain"));
    program.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().expect("it starts");
    // A program that refuses its arguments does not read.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

#[test]
fn ok_explain_one_request() {
    let input = format!("accept: */*\ntraceparent: 00-{TRACE}-00f067aa0ba902b7-01\n");
    let expected = format!(
        "request 1  continued trace {TRACE}, parent 00f067aa0ba902b7, sampled; tracecontext: used; absent: b3, baggage\n"
    );
    assert_eq!(explain(&["--extract", "tracecontext,b3,baggage"], &input), (0, expected, String::new()));
}

#[test]
fn err_explain_hops_that_break() {
    let input = format!(
        "# cart\ntraceparent: 00-{TRACE}-00f067aa0ba902b7-01\n\n# stock\nb3: 80e1afed08e019fc-7a085853722dc6d2-1\n"
    );
    let (code, out, _) = explain(&["--extract", "tracecontext,b3"], &input);
    let last = out.lines().last();
    let expected = format!(
        "first break: between cart and stock (hop 2): new trace 000000000000000080e1afed08e019fc instead of {TRACE}; \
         traceparent was the last header that named it"
    );
    assert_eq!((code, last, out.lines().count()), (1, Some(expected.as_str()), 3));
    let (code, out, _) = explain(&["--extract", "tracecontext,b3", "--separate"], &input);
    assert_eq!((code, out.lines().count()), (0, 2));
}

#[test]
fn err_explain_the_files_of_the_documentation() {
    let page = include_str!("../../docs/trace-ids-do-not-match.md");
    let (_, shown) = page.split_once("```console\n").expect("a block of output");
    let (shown, _) = shown.split_once("```").expect("its end");
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let files = [
        ("cart.txt", format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\n")),
        ("stock.txt", "b3: 80e1afed08e019fc-7a085853722dc6d2-1\n".to_owned()),
    ];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).expect("a file");
    }
    let arguments = ["--extract", "tracecontext,b3", "cart.txt", "stock.txt"];
    let output =
        Command::new(env!("CARGO_BIN_EXE_explain")).args(arguments).current_dir(folder).output().expect("it runs");
    assert_eq!((output.status.code(), String::from_utf8(output.stdout).expect("UTF-8").as_str()), (Some(1), shown));
}

#[test]
fn err_explain_an_invalid_header_without_another_context() {
    let (code, out, _) = explain(&["--extract", "tracecontext"], "traceparent: 00-1");
    assert_eq!(code, 1);
    assert_eq!(out, "request 1  new trace; tracecontext: invalid traceparent (bad-length, ends at byte 4)\n");
}

#[test]
fn ok_explain_a_har_file_counts_requests_without_trace_headers() {
    let entry = |url: &str, header: &str| {
        format!(
            r#"{{"request": {{"method": "GET", "url": "{url}", "headers": [{{"name": "{header}", "value": "1"}}]}}}}"#
        )
    };
    let entries = [entry("https://shop/a?key=1", "b3"), entry("https://shop/a.png", "accept")].join(",");
    let input = format!(r#"{{"log": {{"entries": [{entries}]}}}}"#);
    let (code, out, _) = explain(&["--extract", "b3"], &input);
    assert_eq!(
        (code, out.as_str()),
        (
            0,
            "GET https://shop/a  new trace, sampled; b3: sampled, no trace id\n\
             1 request without trace headers (--all shows them)\n"
        )
    );
    assert_eq!(explain(&["--extract", "b3", "--all"], &input).1.lines().count(), 2);
}

#[test]
fn ok_explain_prints_json() {
    let (code, out, _) = explain(&["--json", "--extract", "b3"], "b3: 0");
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let request = serde_json::json!({
        "label": "request 1",
        "explain": "new trace, not sampled; b3: not sampled, no trace id",
        "trace_id": null,
        "sampling": "not-sampled",
        "header": null,
        "lost": false,
    });
    let expected =
        serde_json::json!({ "requests": [request], "without_trace_headers": 0, "breaks": [], "broken": false });
    assert_eq!((code, value), (0, expected));
}

#[test]
fn ok_explain_lets_no_capture_control_the_terminal() {
    let (_, out, _) = explain(&["--extract", "b3", "--color", "never"], "# a\x1b[2Jb\nb3: 0\n");
    assert!(!out.contains('\x1b') && out.starts_with("a\u{fffd}[2Jb  "), "{out:?}");
    assert!(explain(&["--color", "always"], "b3: 0").1.contains("\x1b[32m"));
}

#[test]
fn err_explain_says_what_is_wrong_with_its_input() {
    let (code, out, err) = explain(&[], "hello");
    let expected = "explain: -:1: not a header line; expected `name: value`\n";
    assert_eq!((code, out.as_str(), err.as_str()), (2, "", expected));
    let (code, _, err) = explain(&["no-such-file"], "");
    assert!(code == 2 && err.starts_with("explain: no-such-file: "), "{err}");
    let (code, _, err) = explain(&["--hops"], "");
    assert!(code == 2 && err.starts_with("explain: unknown option --hops\n\nusage: explain"), "{err}");
}
