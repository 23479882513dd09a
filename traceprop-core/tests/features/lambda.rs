//! A Lambda function behind a queue: the request has no header, and the trace of the invocation is in a variable.

use std::env;
use std::process::Command;

use traceprop_core::{InjectOptions, Pairs, Propagator, formats::xray::XRay};

const MARK: &str = "calls with ";
const HEADER: (&str, &str) = ("x-amzn-trace-id", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7");

/// Returns what a function with this setting of `OTEL_PROPAGATORS` writes: this very binary, asked for the test below.
fn function(names: &str, request: &str) -> String {
    let mut command = Command::new(env::current_exe().expect("the path of this binary"));
    command.args(["--exact", "lambda::the_function", "--ignored", "--nocapture"]);
    command.env("OTEL_PROPAGATORS", names).env("REQUEST", request);
    command.env("_X_AMZN_TRACE_ID", "Root=1-67891204-edfd17dba1f976ec9b1bf481;Sampled=1;Lineage=1:f4ae5ad5:0");
    let output = command.output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(MARK));
    line.unwrap_or_else(|| panic!("nothing said in {text}")).to_owned()
}

#[test]
#[ignore = "it is what the other tests start"]
fn the_function() {
    let (propagator, warnings) = Propagator::from_env().expect("known names");
    assert_eq!(warnings, []);
    let request = [HEADER].repeat(usize::from(env::var("REQUEST").is_ok_and(|request| request == "header")));
    let mut headers = Pairs::new();
    propagator.inject(propagator.extract(&request).passthrough(), &InjectOptions::new(), &mut headers);
    println!("\n{MARK}{}", headers.get("x-amzn-trace-id").unwrap_or_default());
}

#[test]
fn ok_the_variable_counts_without_the_header_and_if_it_is_asked_for() {
    let variable = "Root=1-67891204-edfd17dba1f976ec9b1bf481;Sampled=1;Lineage=1:f4ae5ad5:0";
    for names in ["xray-lambda", "tracecontext,xray,XRay-Lambda", "xray-lambda,xray"] {
        assert_eq!(function(names, ""), variable, "{names}");
        assert_eq!(function(names, "header"), HEADER.1, "{names}");
    }
    assert_eq!(function("xray", ""), "");
}

#[test]
fn ok_a_request_is_read_without_the_variable() {
    let propagator = Propagator::builder().with_format(XRay::new().with_lambda_variable()).build().expect("one format");
    let nothing: [(&str, &str); 0] = [];
    assert_eq!(propagator.extract(&nothing).context(), None);
    assert!(propagator.extract(&[HEADER]).context().is_some());
}
