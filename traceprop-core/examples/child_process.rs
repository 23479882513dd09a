//! A child process gets its context through the environment: `TRACEPARENT`, `TRACESTATE`, `BAGGAGE`.
//!
//! The program starts itself once more. It continues the trace that it was started with, so it also works in a script or
//! in a build job that sets these variables.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the example shows what it does")]

use std::process::{Command, ExitCode};
use std::{env, io};

use traceprop_core::{Allow, EnvCarrier, IdGenerator, InjectOptions, RandomIds, presets};

/// A variable that tells the child that it is the child.
const ROLE: &str = "EXAMPLE_ROLE";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("child_process: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the parent or the child. Returns false if the child failed.
fn run() -> io::Result<bool> {
    let propagator = presets::W3C.propagator();
    let environment = EnvCarrier::capture(&propagator);
    let extraction = propagator.extract(&environment);
    let span = extraction.new_span(&RandomIds);
    let parent = span.parent_id().map_or("none".to_owned(), |id| id.to_string());

    if env::var_os(ROLE).is_some() {
        println!("child: trace {}, parent {parent}", span.trace_id());
        let baggage: Vec<_> = extraction.baggage().iter().map(|member| member.to_string()).collect();
        println!("child: tracestate [{}], baggage [{}]", extraction.tracestate(), baggage.join(","));
        return Ok(true);
    }

    println!("this process: trace {}, parent {parent}", span.trace_id());
    let child = span.child(RandomIds.new_span_id());
    println!("starts a child in span {}", child.span_id());
    let mut command = Command::new(env::current_exe()?);
    command.args(env::args().skip(1)).env(ROLE, "child");
    // Inherited variables of the formats that are not set here are removed, so the child sees no stale ones.
    let options = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
    for omission in propagator.inject(&child, &options, &mut command).iter() {
        println!("{omission}");
    }
    Ok(command.status()?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    #[ignore = "the other tests start it as a process of its own"]
    fn the_program() {
        // Ends the line of the test harness.
        println!();
        assert!(run().unwrap());
    }

    /// Runs the program with these variables of trace context and no others. Returns what it prints.
    #[track_caller]
    fn stdout(variables: &[(&str, &str)]) -> String {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "tests::the_program", "--ignored", "--nocapture"]);
        command.env_remove("TRACEPARENT").env_remove("TRACESTATE").env_remove("BAGGAGE");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{stdout}");
        stdout
    }

    /// Returns the rest of the first line with this start.
    #[track_caller]
    fn after<'s>(stdout: &'s str, start: &str) -> &'s str {
        let found = stdout.lines().find_map(|line| line.strip_prefix(start));
        found.unwrap_or_else(|| panic!("{start:?} begins no line of\n{stdout}"))
    }

    #[test]
    fn ok_the_child_continues_the_trace_of_the_environment() {
        let variables =
            [("TRACEPARENT", TRACEPARENT), ("TRACESTATE", "rojo=1"), ("BAGGAGE", "tenant=acme,session=secret")];
        let stdout = stdout(&variables);
        let trace = "trace 4bf92f3577b34da6a3ce929d0e0e4736, parent ";
        assert_eq!(after(&stdout, "this process: "), format!("{trace}00f067aa0ba902b7"));
        let span = after(&stdout, "starts a child in span ");
        assert_eq!(after(&stdout, "child: trace "), format!("{trace}{span}").strip_prefix("trace ").unwrap());
        assert_eq!(after(&stdout, "child: tracestate "), "[rojo=1], baggage [tenant=acme]");
    }

    #[test]
    fn ok_a_new_trace_inherits_no_stale_tracestate() {
        // A tracestate without a traceparent belongs to no trace.
        let stdout = stdout(&[("TRACESTATE", "rojo=1")]);
        let trace = after(&stdout, "this process: ").strip_suffix("none").unwrap();
        let span = after(&stdout, "starts a child in span ");
        assert!(stdout.contains(&format!("child: {trace}{span}\n")), "{stdout}");
        assert_eq!(after(&stdout, "child: tracestate "), "[], baggage []");
    }
}
