//! The examples of other carriers than HTTP, as a newcomer runs them.

use std::process::Command;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What a program prints that is started with these variables of trace context and no others.
#[track_caller]
fn stdout(program: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(program);
    command.env_remove("TRACEPARENT").env_remove("TRACESTATE").env_remove("BAGGAGE");
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    stdout
}

/// What stands behind the first line's end that begins so.
#[track_caller]
fn behind<'s>(stdout: &'s str, start: &str) -> &'s str {
    let found = stdout.lines().find_map(|line| line.strip_prefix(start));
    found.unwrap_or_else(|| panic!("{start:?} begins no line of\n{stdout}"))
}

#[test]
fn ok_kafka_forwards_the_trace_and_what_may_go_along() {
    let stdout = stdout(env!("CARGO_BIN_EXE_kafka"), &[]);
    let (orders, invoices) = stdout.split_once("invoices\n").unwrap();
    assert!(orders.contains(TRACEPARENT) && orders.contains("session=secret"));
    assert!(behind(invoices, "  traceparent: ").starts_with(&TRACEPARENT[..36]));
    assert_eq!(behind(invoices, "  baggage: "), "tenant=acme");
    assert_eq!(behind(invoices, "  content-type: "), "application/json");
}

#[test]
fn ok_amqp_publishes_twice_in_one_trace() {
    let stdout = stdout(env!("CARGO_BIN_EXE_amqp"), &[]);
    let (first, again) = stdout.split_once("published again\n").unwrap();
    let (first, again) = (behind(first, "  traceparent: "), behind(again, "  traceparent: "));
    assert_eq!(first[..36], again[..36]);
    assert_ne!(first, again);
}

#[test]
fn ok_child_process_continues_what_its_parent_was_started_with() {
    let variables = [("TRACEPARENT", TRACEPARENT), ("TRACESTATE", "rojo=1"), ("BAGGAGE", "tenant=acme,session=secret")];
    let stdout = stdout(env!("CARGO_BIN_EXE_child_process"), &variables);
    let trace = "trace 4bf92f3577b34da6a3ce929d0e0e4736, parent ";
    assert_eq!(behind(&stdout, "this process: "), format!("{trace}00f067aa0ba902b7"));
    let span = behind(&stdout, "starts a child in span ");
    assert_eq!(behind(&stdout, "child: trace "), format!("{trace}{span}").strip_prefix("trace ").unwrap());
    assert_eq!(behind(&stdout, "child: tracestate "), "[rojo=1], baggage [tenant=acme]");
}

#[test]
fn ok_child_process_begins_a_trace_and_inherits_nothing_stale() {
    // Without a traceparent this tracestate belongs to nothing.
    let stdout = stdout(env!("CARGO_BIN_EXE_child_process"), &[("TRACESTATE", "rojo=1")]);
    let trace = behind(&stdout, "this process: ").strip_suffix("none").unwrap();
    let span = behind(&stdout, "starts a child in span ");
    assert!(stdout.contains(&format!("child: {trace}{span}\n")), "{stdout}");
    assert_eq!(behind(&stdout, "child: tracestate "), "[], baggage []");
}

#[test]
fn ok_websocket_messages_are_in_the_trace_of_the_first() {
    let stdout = stdout(env!("CARGO_BIN_EXE_websocket"), &[]);
    let trace = &behind(&stdout, "the browser's span: trace ")[..32];
    assert_eq!(stdout.matches(&format!("with traceparent 00-{trace}-")).count(), 2, "{stdout}");
}
