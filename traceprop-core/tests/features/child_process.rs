//! A service starts a program for one request: the trace goes along in the environment, and nothing else of ours does.

use std::env;
use std::process::Command;

use traceprop_core::{Allow, EnvCarrier, InjectOptions, OwnedBaggage, OwnedContext, Sampling, SpanContext, presets};

const MARK: &str = "continued as ";

/// Runs as the program: this very binary, asked for the test below.
fn program() -> Command {
    let mut command = Command::new(env::current_exe().expect("the path of this binary"));
    command.args(["--exact", "child_process::the_program", "--ignored", "--nocapture"]);
    command
}

#[test]
#[ignore = "it is what the other tests start"]
fn the_program() {
    let propagator = presets::W3C.propagator();
    let environment = EnvCarrier::capture(&propagator);
    let report = propagator.explain(&environment);
    let extraction = report.extraction();
    let baggage: Vec<_> = extraction.baggage().iter().map(|member| member.to_string()).collect();
    println!("\n{MARK}{report}; {}; {}", extraction.tracestate(), baggage.join(","));
}

fn run(mut command: Command) -> String {
    let output = command.output().expect("it runs");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(MARK));
    line.unwrap_or_else(|| panic!("nothing said in {text}")).to_owned()
}

fn context() -> OwnedContext {
    let ids = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let span = SpanContext::new(ids.0.parse().expect("an id"), ids.1.parse().expect("an id"));
    let mut baggage = OwnedBaggage::new();
    baggage.set("tenant", "shoes & hats");
    baggage.set("user", "Am\u{e9}lie");
    let context = OwnedContext::new(span.with_sampling(Sampling::Sampled)).with_baggage(&baggage);
    context.with_tracestate([("rojo", "1"), ("congo", " 2")]).expect("legal members")
}

#[test]
fn ok_the_program_continues_the_trace() {
    let mut command = program();
    let outgoing = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
    let context = context();
    let propagator = presets::W3C.propagator();
    let omitted = propagator.inject(&context.span().expect("a span"), &outgoing, &mut command);
    assert_eq!(omitted.to_string(), "baggage: 1 member omitted (not-allowed)");
    assert_eq!(
        run(command),
        "continued trace 4bf92f3577b34da6a3ce929d0e0e4736, parent 00f067aa0ba902b7, sampled; tracecontext: used; \
         baggage: 1 member; rojo=1,congo= 2; tenant=shoes%20&%20hats"
    );
}

#[test]
fn ok_old_variables_do_not_remain_with_new_ones() {
    let mut command = program();
    command.env("TRACESTATE", "old=1").env("TraceParent", "00-old").env("BAGGAGE", "user=alice");
    let span = context().span().expect("a span").without_headers();
    presets::W3C.propagator().inject(&span, &InjectOptions::everything(), &mut command);
    // The context has no baggage, so the child inherits none.
    assert_eq!(
        run(command),
        "continued trace 4bf92f3577b34da6a3ce929d0e0e4736, parent 00f067aa0ba902b7, sampled; tracecontext: used; \
         absent: baggage; ; "
    );
}

#[test]
fn ok_a_program_that_is_started_without_a_trace_begins_one() {
    let mut command = program();
    for name in ["TRACEPARENT", "TRACESTATE", "BAGGAGE"] {
        command.env_remove(name);
    }
    assert_eq!(run(command), "new trace; absent: tracecontext, baggage; ; ");
}
