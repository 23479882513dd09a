//! A child process gets its context through the environment: `TRACEPARENT`, `TRACESTATE`, `BAGGAGE`.
//!
//! The program starts itself once more. It continues what it was started with in turn, so it can stand in a script or in a
//! build job that sets these variables.

use std::process::{Command, ExitCode};

use traceprop_core::{Allow, EnvCarrier, IdGenerator, InjectOptions, RandomIds, presets};

fn main() -> ExitCode {
    let propagator = presets::W3C.propagator();
    let environment = EnvCarrier::capture(&propagator);
    let extraction = propagator.extract(&environment);
    let span = extraction.new_span(&RandomIds);
    let parent = span.parent_id().map_or("none".to_owned(), |id| id.to_string());

    if std::env::args().nth(1).as_deref() == Some("child") {
        println!("child: trace {}, parent {parent}", span.trace_id());
        let baggage: Vec<_> = extraction.baggage().iter().map(|member| member.to_string()).collect();
        println!("child: tracestate [{}], baggage [{}]", extraction.tracestate(), baggage.join(","));
        return ExitCode::SUCCESS;
    }

    println!("this process: trace {}, parent {parent}", span.trace_id());
    let child = span.child(RandomIds.new_span_id());
    println!("starts a child in span {}", child.span_id());
    match start(|command| {
        // Variables of the formats that are inherited and not set here are removed, so that nothing stale gets there.
        let outgoing = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
        for omission in propagator.inject(&child, &outgoing, command).iter() {
            println!("{omission}");
        }
    }) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("child_process: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the child to its end. True if it was content.
fn start(with: impl FnOnce(&mut Command)) -> std::io::Result<bool> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("child");
    with(&mut command);
    Ok(command.status()?.success())
}
