//! The propagator of environment variables. Its own process, because tests of one process share the environment.

use std::collections::HashMap;
use std::process::Command;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use traceprop_opentelemetry::OtelPropagator;

const REQUEST: [(&str, &str); 2] =
    [("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"), ("baggage", "tenant=acme")];

/// Runs this test in a process with these variables, and returns what it would send.
fn sent(variables: &[(&str, &str)]) -> String {
    let mut test = Command::new(std::env::current_exe().expect("a test has a file"));
    test.args(["--exact", "ok_in_the_process", "--nocapture"]).env("TRACEPROP_TEST", "1");
    for name in ["OTEL_PROPAGATORS", "DD_TRACE_PROPAGATION_STYLE"] {
        test.env_remove(name);
    }
    let output = test.envs(variables.iter().copied()).output().expect("the test runs");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().find_map(|line| line.split_once("sent: ")).expect(&text).1.to_owned()
}

#[test]
fn ok_in_the_process() {
    if std::env::var_os("TRACEPROP_TEST").is_none() {
        return;
    }
    let mut headers = HashMap::<String, String>::new();
    let text = match OtelPropagator::from_env() {
        Err(error) => error.to_string(),
        Ok((propagator, warnings)) => {
            let request: HashMap<String, String> =
                REQUEST.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let cx = propagator.extract_with_context(&Context::new(), &request);
            propagator.inject_context(&cx, &mut headers);
            let mut names: Vec<_> = headers.into_keys().collect();
            names.sort();
            let warned: Vec<_> =
                warnings.iter().map(|warning| format!("{}={}", warning.variable, warning.value)).collect();
            format!("{names:?} {warned:?}")
        }
    };
    #[allow(clippy::print_stdout, reason = "the other process reads it")]
    {
        println!("sent: {text}");
    }
}

#[test]
fn ok_the_list_of_opentelemetry_is_read_and_allows_no_baggage() {
    assert_eq!(sent(&[("OTEL_PROPAGATORS", "b3,baggage")]), r#"["b3"] []"#);
    assert_eq!(
        sent(&[("OTEL_PROPAGATORS", "tracecontext,b3,haystack")]),
        r#"["b3", "traceparent"] ["OTEL_PROPAGATORS=haystack"]"#
    );
    // All formats are read and W3C is written. There is no span, so what was received is forwarded as well.
    assert_eq!(sent(&[]), r#"["b3", "traceparent"] []"#);
    assert_eq!(sent(&[("DD_TRACE_PROPAGATION_STYLE", "b3 single header")]), r#"["b3"] []"#);
    // The tracers disagree about this name.
    assert_eq!(sent(&[("DD_TRACE_PROPAGATION_STYLE", "b3")]), r#"["b3"] ["DD_TRACE_PROPAGATION_STYLE=b3"]"#);
}

#[test]
fn err_a_datadog_list_without_a_known_name() {
    assert!(sent(&[("DD_TRACE_PROPAGATION_STYLE", "haystack")]).contains("DD_TRACE_PROPAGATION_STYLE"));
}
