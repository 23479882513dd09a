//! The page "Trace IDs do not match": every line of explain on it is the report of the request above it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{HeaderName, Method, Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use traceprop_core::{TraceIdMatch, Trust};
use traceprop_tower::{ExtractLayer, Propagator};

const PAGE: &str = include_str!("../../docs/trace-ids-do-not-match.md");

/// Text of the page if there is no report.
const NOTHING: &str = "nothing, a preflight request is skipped";

/// A block of the page: settings, a request and the line.
#[derive(Debug, Default)]
struct Block<'p> {
    place: usize,
    symptom: &'p str,
    lines: Vec<(&'p str, &'p str)>,
    explain: Option<&'p str>,
}

/// Returns all blocks of the page, in order.
fn blocks() -> Vec<Block<'static>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'static>> = None;
    let mut symptom = "";
    for (place, line) in PAGE.lines().enumerate() {
        match (&mut open, line) {
            (None, "```text") => open = Some(Block { place: place + 2, symptom, ..Block::default() }),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some(block), line) => {
                let (name, value) = line.split_once(": ").expect("a line of a block is a name and a value");
                match name {
                    "explain" => block.explain = Some(value),
                    _ => block.lines.push((name, value)),
                }
            }
            (None, line) => symptom = line.strip_prefix("## ").unwrap_or(symptom),
        }
    }
    blocks
}

/// Returns what the layer reports for the request in a block.
async fn explained(block: &Block<'_>) -> String {
    let setting = |name: &str| block.lines.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let reads = setting("reads").expect("a block says what is read");
    let mut builder = Propagator::builder().names(reads, "none").expect("names of formats");
    match setting("trust") {
        None => {}
        Some("restart") => builder = builder.trust(Trust::Restart),
        Some(other) => panic!("trust {other}"),
    }
    match setting("trace_id_match") {
        None => {}
        Some("low64") => builder = builder.trace_id_match(TraceIdMatch::Low64),
        Some(other) => panic!("trace_id_match {other}"),
    }
    let mut request = Request::new(());
    for (name, value) in &block.lines {
        match *name {
            "reads" | "trust" | "trace_id_match" => {}
            "method" => *request.method_mut() = value.parse::<Method>().expect("a method"),
            name => {
                let name: HeaderName = name.parse().expect("a header name");
                request.headers_mut().append(name, value.parse().expect("a header value"));
            }
        }
    }
    let explained = Arc::<Mutex<Option<String>>>::default();
    let report = Arc::clone(&explained);
    let layer = ExtractLayer::new(builder.build().expect("valid settings"))
        .on_report(move |found| *report.lock().expect("no panic") = Some(found.to_string()));
    let handler = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(())));
    let Ok(_) = layer.layer(handler).oneshot(request).await;
    let explained = explained.lock().expect("no panic").take();
    explained.unwrap_or_else(|| NOTHING.to_owned())
}

#[tokio::test]
async fn ok_each_line_on_the_page_is_the_text_of_explain() {
    let mut wrong = Vec::new();
    for block in blocks() {
        let explained = explained(&block).await;
        if block.explain != Some(&explained) {
            wrong.push(format!("line {} ({}):\nexplain: {explained}", block.place, block.symptom));
        }
    }
    assert!(wrong.is_empty(), "the page says something else than this:\n{}", wrong.join("\n"));
}

#[test]
fn ok_each_symptom_has_a_line_a_cause_and_a_fix() {
    let symptoms = [
        "No trace at the backend",
        "A new trace at each hop",
        "Two traces per request",
        "Only half of the ID matches",
        "Sampled out",
        "A CORS error in the console",
        "Lost after a gateway",
    ];
    let blocks = blocks();
    for symptom in symptoms {
        assert!(blocks.iter().any(|block| block.symptom == symptom && block.explain.is_some()), "{symptom}");
    }
    for case in PAGE.split("\n### ").skip(1) {
        for part in ["explain: ", "\nCause: ", "\nFix: "] {
            assert!(case.contains(part), "{part:?} is missing in: {case}");
        }
    }
}

#[test]
fn ok_headers_to_allow_are_those_of_the_cors_lists() {
    use traceprop_http::cors;

    let (_, rest) = PAGE.split_once("| the agent sends | allow |").expect("the table");
    let (table, _) = rest.split_once("\n\n").expect("its end");
    let mut names: Vec<_> = table.split('`').skip(1).step_by(2).filter(|name| *name != "uberctx-").collect();
    let lists: [&[HeaderName]; 7] =
        [&cors::TRACE_CONTEXT, &cors::BAGGAGE, &cors::DATADOG, &cors::B3, &cors::B3_MULTI, &cors::JAEGER, &cors::SW8];
    let mut expected: Vec<_> = lists.into_iter().flatten().map(HeaderName::as_str).collect();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
}
