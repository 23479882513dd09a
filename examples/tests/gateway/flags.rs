//! What each flag of the gateway changes.

use std::process::Command;

use axum::http::Version;

use crate::{CLIENTS, TRACE, TRACEPARENT, Upstream, empty, get, send, traceparent};

/// The request of a caller with a trace, baggage and a correlation id, as the upstream receives it.
async fn forwarded(arguments: &str, path: &str) -> crate::upstream::Received {
    let upstream = Upstream::start().await;
    let gateway = upstream.gateway(arguments);
    let request = get(&gateway, path)
        .header("traceparent", TRACEPARENT)
        .header("baggage", "tenant=acme,user=alice")
        .header("x-order", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736");
    assert_eq!(send(Version::HTTP_11, empty(request)).await.status(), 203);
    upstream.received()
}

#[tokio::test]
async fn ok_the_upstream_continues_the_trace_with_a_span_of_the_gateway() {
    for kind in CLIENTS {
        let received = forwarded(&format!("--client {kind}"), "/x").await;
        let (trace, span) = traceparent(&received.headers);
        assert_eq!(trace, TRACE, "{kind}");
        assert_ne!(span, "00f067aa0ba902b7", "{kind}");
    }
}

#[tokio::test]
async fn ok_passthrough_forwards_the_received_context() {
    for kind in CLIENTS {
        let received = forwarded(&format!("--client {kind} --passthrough"), "/x").await;
        assert_eq!(received.lines("traceparent"), [TRACEPARENT], "{kind}");
    }
}

#[tokio::test]
async fn ok_trust_decides_whose_trace_goes_on() {
    for kind in CLIENTS {
        for (flag, word, continues) in [
            ("--trust", "continue", true),
            ("--trust", "resample", true),
            ("--trust", "restart", false),
            ("--behavior", "ignore", false),
        ] {
            let received = forwarded(&format!("--client {kind} {flag} {word}"), "/x").await;
            assert_eq!(traceparent(&received.headers).0 == TRACE, continues, "{kind} {word}");
        }
    }
}

#[tokio::test]
async fn ok_baggage_goes_where_it_is_accepted_and_sent() {
    for kind in CLIENTS {
        for (arguments, baggage) in [
            ("--send-baggage all", vec!["tenant=acme,user=alice"]),
            ("--send-baggage user", vec!["user=alice"]),
            ("--send-baggage user,tenant --accept-baggage tenant,other", vec!["tenant=acme"]),
            ("--send-baggage all --accept-baggage none", vec![]),
            ("", vec![]),
        ] {
            let received = forwarded(&format!("--client {kind} {arguments}"), "/x").await;
            assert_eq!(received.lines("baggage"), baggage, "{kind} {arguments}");
        }
    }
}

#[tokio::test]
async fn ok_correlation_ids_go_on_where_they_are_sent() {
    for kind in CLIENTS {
        let arguments = format!("--client {kind} --correlation x-order --send-correlation");
        let received = forwarded(&arguments, "/x").await;
        assert_eq!(received.lines("x-order"), ["4bf92f35-77b3-4da6-a3ce-929d0e0e4736"], "{kind}");
    }
}

#[test]
fn ok_inspect_shows_what_the_trust_refuses() {
    for arguments in
        ["--trust ignore", "--trust restart --accept-baggage none", "--trust resample --skip /", "--passthrough"]
    {
        let service = crate::Service::start_with(arguments.split(' '));
        let lines = [("traceparent", TRACEPARENT), ("baggage", "tenant=acme"), ("b3", "0"), ("x_b3_traceid", "1")];
        let inspected = service.inspect(&lines.map(|(name, value)| (name, value.as_bytes())));
        let headers = inspected["headers"].as_array().expect("a list");
        for (name, value) in lines {
            assert!(headers.contains(&serde_json::json!([name, value])), "{arguments} {name}");
        }
        assert_eq!(inspected["formats"][0]["outcome"], "context", "{arguments}");
    }
}

/// Returns the first line of what a command line prints to the standard error, and its exit code.
fn refused(arguments: &str) -> (String, Option<i32>) {
    let service = Command::new(env!("CARGO_BIN_EXE_service")).args(arguments.split(' ')).output().expect("it starts");
    let text = String::from_utf8(service.stderr).expect("UTF-8");
    assert!(text.contains("\n\nusage: service "), "{text}");
    (text.lines().next().unwrap_or_default().to_owned(), service.status.code())
}

#[test]
fn err_start_with_arguments_that_contradict_each_other() {
    for (arguments, reason) in [
        ("--client hyper", "--client needs --upstream"),
        ("--send-baggage all", "--send-baggage needs --upstream"),
        ("--send-correlation", "--send-correlation needs --upstream"),
        ("--upstream https://a.example", "--upstream: \"https://a.example\": only http:// is supported"),
        ("--upstream http://a.example --client curl", "--client: \"curl\" is not one of hyper, reqwest, plain"),
        ("--upstream http://a.example --send-baggage a,,b", "--send-baggage: an empty key"),
        ("--keep-formats all", "--keep-formats needs --upstream"),
        (
            "--upstream http://a.example --keep-formats baggage",
            "--keep-formats: \"baggage\" is text of users, which is never kept",
        ),
        (
            "--upstream http://a.example --keep-formats all --trust resample",
            "--keep-formats needs --trust continue: with Resample the caller's trace headers are refused",
        ),
        (
            "--upstream http://a.example --keep-formats b3 --behavior ignore",
            "--keep-formats needs --trust continue: with Ignore the caller's trace headers are refused",
        ),
        ("--accept-baggage ,", "--accept-baggage: an empty key"),
        ("--trust none", "--trust: \"none\" is not one of continue, resample, restart, ignore"),
        ("--trust restart --behavior ignore", "--trust and --behavior differ: Restart and Ignore"),
        ("--skip healthz", "--skip: \"healthz\" is not the beginning of a path"),
    ] {
        assert_eq!(refused(arguments), (format!("service: {reason}"), Some(2)), "{arguments}");
    }
}

#[test]
fn ok_help_lists_every_flag() {
    let help = Command::new(env!("CARGO_BIN_EXE_service")).arg("--help").output().expect("it starts");
    let text = String::from_utf8(help.stdout).expect("UTF-8");
    for flag in [
        "--upstream URL",
        "--client CLIENT",
        "--trust WORD",
        "--behavior WORD",
        "--passthrough",
        "--accept-baggage KEYS",
        "--send-baggage KEYS",
        "--send-correlation",
        "--skip PREFIX",
        "--keep-refused",
        "--keep-formats LIST",
    ] {
        assert!(text.contains(&format!("\n  {flag} ")) || text.contains(&format!("\n  {flag}\n")), "{flag}");
    }
}
