//! The table of targets: what the design set out to reach, and what is measured.

use std::fmt::Write;

use crate::OURS;
use crate::measure::Row;
use crate::results::{find, short};

/// One line of the table.
#[derive(Debug)]
pub struct Target {
    work: &'static str,
    reach: &'static str,
    /// The measured values as text, or `None` if a contender is missing.
    figures: Option<(String, bool)>,
}

const BASE: &str = "no layer";
const OTEL: &str = "opentelemetry";
const OTEL_LAYER: &str = "opentelemetry-instrumentation-tower";
const REPORT: &str = "traceprop (with report)";

/// Returns all targets, compared with these rows.
pub fn targets(rows: &[Row]) -> Vec<Target> {
    let with_state = "extract/traceparent+tracestate/16-other";
    let extract = |work, reach, case: &str, peers: &[&str], times| Target {
        work,
        reach,
        figures: faster(rows, case, OURS, case, peers, times, 0.0),
    };
    vec![
        extract("extract traceparent, tracestate", "0 allocations, 1/5 of OpenTelemetry", with_state, &[OTEL], 5.0),
        extract(
            "extract b3",
            "0 allocations, 1/4 of the fastest peer",
            "extract/b3/16-other",
            &[OTEL, "datadog-opentelemetry"],
            4.0,
        ),
        extract(
            "extract X-B3-*",
            "0 allocations, 1/3 of the fastest peer",
            "extract/b3multi/16-other",
            &[OTEL, "datadog-opentelemetry"],
            3.0,
        ),
        extract(
            "extract x-datadog-*",
            "0 allocations, 1/4 of the fastest peer",
            "extract/datadog/16-other",
            &["datadog-opentelemetry"],
            4.0,
        ),
        extract(
            "extract uber-trace-id",
            "0 allocations, 1/3 of the fastest peer",
            "extract/jaeger/16-other",
            &["opentelemetry-jaeger"],
            3.0,
        ),
        extract("extract sw8", "0 allocations, 1/2 of the fastest peer", "extract/sw8/16-other", &["skywalking"], 2.0),
        Target {
            work: "all formats at once, a Datadog RUM request, with report",
            reach: "0 allocations, less than OpenTelemetry for traceparent, tracestate",
            figures: faster(rows, "extract/datadog-rum/16-other", REPORT, with_state, &[OTEL], 1.0, 0.0),
        },
        Target {
            work: "inject traceparent, tracestate",
            reach: "an allocation a line, 1/3 of OpenTelemetry",
            figures: write(rows, "inject/traceparent+tracestate/16-other", 2.0),
        },
        Target {
            work: "inject traceparent, tracestate, b3, baggage",
            reach: "an allocation a line, 1/3 of OpenTelemetry",
            figures: write(rows, "inject/traceparent+baggage+b3/16-other", 4.0),
        },
        Target {
            work: "server layer, traceparent, tracestate",
            reach: "1/4 of what OpenTelemetry's layer adds, less than a request id; 1 allocation, and 3 of the extensions",
            figures: layer(rows, "serve/traceparent+tracestate/16-other"),
        },
        Target {
            work: "reqwest: rules, child, inject",
            reach: "less than 1000 ns; an allocation a line",
            figures: call(rows, "call/rules/traceparent+tracestate/16-other", 2.0),
        },
        Target {
            work: "reqwest: rules that allow some baggage keys, child, inject",
            reach: "less than 1000 ns; an allocation a line",
            figures: call(rows, "call/rules-baggage-by-keys/traceparent+tracestate+baggage/16-other", 3.0),
        },
        Target {
            work: "reqwest: our client, up to the connection",
            reach: "less than 1000 ns added; a copy of the request only if redirects are on",
            figures: client(rows, "call/client/traceparent+tracestate/16-other"),
        },
        Target {
            work: "a request without trace headers, all formats",
            reach: "0 allocations, no more than OpenTelemetry's composite of three",
            figures: {
                let case = "extract/no-format/16-other";
                faster(rows, case, OURS, case, &["opentelemetry of three"], 1.0, 0.0)
            },
        },
    ]
}

/// Formats the targets as a markdown table.
pub fn table(targets: &[Target]) -> String {
    let mut text = "| work | to reach | measured | reached |\n|---|---|---|---|\n".to_owned();
    for Target { work, reach, figures } in targets {
        let (measured, reached) = match figures {
            Some((measured, true)) => (measured.as_str(), "yes"),
            Some((measured, false)) => (measured.as_str(), "no"),
            None => ("not in this run", ""),
        };
        let _ = writeln!(text, "| {work} | {reach} | {measured} | {reached} |");
    }
    text
}

/// Compares our time with the fastest of `peers`, which may have another request.
fn faster(
    rows: &[Row],
    case: &str,
    ours: &str,
    case_of_peers: &str,
    peers: &[&str],
    times: f64,
    allocations: f64,
) -> Option<(String, bool)> {
    let ours = find(rows, case, ours)?;
    let peers = peers.iter().map(|peer| find(rows, case_of_peers, peer)).collect::<Option<Vec<_>>>()?;
    let peer = peers.into_iter().min_by(|a, b| a.ns.total_cmp(&b.ns))?;
    let text = format!(
        "{:.0} ns, {}; {} {:.0} ns: {}",
        ours.ns,
        count(ours.allocations),
        peer.contender,
        peer.ns,
        part(ours.ns, peer.ns)
    );
    Some((text, ours.allocations <= allocations && ours.ns * times <= peer.ns))
}

fn write(rows: &[Row], case: &str, lines: f64) -> Option<(String, bool)> {
    faster(rows, case, OURS, case, &[OTEL], 3.0, lines)
}

/// Compares what layers add to a service without one.
fn layer(rows: &[Row], case: &str) -> Option<(String, bool)> {
    let bare = find(rows, case, BASE)?.ns;
    let ours = find(rows, case, OURS)?;
    let added = |contender| Some(find(rows, case, contender)?.ns - bare);
    let (ours_adds, otel, request_id) = (ours.ns - bare, added(OTEL_LAYER)?, added("tower-http request id")?);
    let text = format!(
        "adds {ours_adds:.0} ns, {}; OpenTelemetry's {otel:.0} ns: {}; request id {request_id:.0} ns",
        count(ours.allocations),
        part(ours_adds, otel)
    );
    Some((text, ours_adds * 4.0 <= otel && ours_adds < request_id && ours.allocations <= 4.0))
}

fn call(rows: &[Row], case: &str, lines: f64) -> Option<(String, bool)> {
    let ours = find(rows, case, OURS)?;
    let text = format!("{:.0} ns, {}", ours.ns, count(ours.allocations));
    Some((text, ours.ns < 1000.0 && ours.allocations <= lines))
}

/// Returns what our client adds to reqwest's.
fn client(rows: &[Row], case: &str) -> Option<(String, bool)> {
    let (ours, plain) = (find(rows, case, OURS)?, find(rows, case, "reqwest")?);
    let stays = find(rows, case, "traceprop (no redirects)")?;
    let added = ours.ns - plain.ns;
    let text = format!(
        "adds {added:.0} ns, {}; {} if redirects are off",
        count(ours.allocations - plain.allocations),
        short(stays.allocations - plain.allocations)
    );
    Some((text, added < 1000.0 && stays.allocations < ours.allocations))
}

fn count(allocations: f64) -> String {
    format!("{} allocation{}", short(allocations), if allocations == 1.0 { "" } else { "s" })
}

/// Formats our time as a part of theirs.
fn part(ours: f64, theirs: f64) -> String {
    format!("1/{:.2}", theirs / ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(case: &str, contender: &str, ns: f64, allocations: f64) -> Row {
        Row { case: case.to_owned(), contender: contender.to_owned(), ns, allocations }
    }

    #[test]
    fn ok_the_fastest_peer_counts() {
        let rows = |ours, allocations| {
            [row("c", OURS, ours, allocations), row("c", "a", 400.0, 9.0), row("c", "b", 300.0, 1.0)]
        };
        let judge = |ours, allocations| faster(&rows(ours, allocations), "c", OURS, "c", &["a", "b"], 3.0, 0.0);
        assert_eq!(judge(100.0, 0.0), Some(("100 ns, 0 allocations; b 300 ns: 1/3.00".to_owned(), true)));
        assert_eq!(judge(101.0, 0.0).map(|figures| figures.1), Some(false));
        assert_eq!(judge(100.0, 1.0).map(|figures| figures.1), Some(false));
        assert_eq!(faster(&rows(1.0, 0.0), "c", OURS, "c", &["a", "missing"], 1.0, 0.0), None);
    }

    #[test]
    fn ok_layers_are_judged_by_what_they_add() {
        let rows = |ours| {
            [
                row("c", OURS, ours, 4.0),
                row("c", OTEL_LAYER, 500.0, 40.0),
                row("c", "tower-http request id", 400.0, 7.0),
                row("c", BASE, 100.0, 0.0),
            ]
        };
        assert_eq!(layer(&rows(200.0), "c").map(|figures| figures.1), Some(true));
        assert_eq!(layer(&rows(201.0), "c").map(|figures| figures.1), Some(false));
    }
}
