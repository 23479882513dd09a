//! How long it takes: ours and the peers, work by work.

use super::{Anchor, Drawing, Theme};
use crate::measure::Row;
use crate::results::{find, short};
use crate::{FLOOR, OURS};

/// Works and who takes part; ours comes first.
struct Work {
    title: &'static str,
    case: &'static str,
    contenders: &'static [&'static str],
    /// The contender whose time is not part of the work.
    bare: Option<&'static str>,
}

const fn work(title: &'static str, case: &'static str, contenders: &'static [&'static str]) -> Work {
    Work { title, case, contenders, bare: None }
}

const WORKS: [Work; 12] = [
    work(
        "Extract traceparent, tracestate",
        "extract/traceparent+tracestate/16-other",
        &["traceprop", FLOOR, "opentelemetry"],
    ),
    work("Extract b3", "extract/b3/16-other", &["traceprop", FLOOR, "opentelemetry", "datadog-opentelemetry"]),
    work("Extract x-datadog-*", "extract/datadog/16-other", &["traceprop", FLOOR, "datadog-opentelemetry"]),
    work("Extract uber-trace-id", "extract/jaeger/16-other", &["traceprop", FLOOR, "opentelemetry-jaeger"]),
    work("Extract sw8", "extract/sw8/16-other", &["traceprop", FLOOR, "skywalking"]),
    work("Extract X-Amzn-Trace-Id", "extract/xray/16-other", &["traceprop", FLOOR, "opentelemetry-aws"]),
    work("Extract sentry-trace", "extract/sentry/16-other", &["traceprop", FLOOR, "sentry-core"]),
    work(
        "Extract X-Cloud-Trace-Context",
        "extract/cloudtrace/16-other",
        &["traceprop", FLOOR, "opentelemetry-stackdriver"],
    ),
    work(
        "Request of Datadog RUM, every format configured",
        "extract/datadog-rum/16-other",
        &["traceprop", "traceprop (with report)", FLOOR, "opentelemetry of three", "datadog-opentelemetry of four"],
    ),
    work(
        "Request without trace headers, every format configured",
        "extract/no-format/16-other",
        &["traceprop", FLOOR, "opentelemetry of three", "datadog-opentelemetry of four"],
    ),
    work(
        "Inject traceparent, tracestate, b3, baggage",
        "inject/traceparent+baggage+b3/16-other",
        &["traceprop", FLOOR, "opentelemetry"],
    ),
    Work {
        title: "Server layer, beyond the service alone",
        case: "serve/traceparent+tracestate/16-other",
        contenders: &["traceprop", FLOOR, "opentelemetry-instrumentation-tower", "tower-http request id"],
        bare: Some("no layer"),
    },
];

const NAMES: f64 = 250.0;
const LONGEST: f64 = 390.0;
const STEP: f64 = 19.0;
const THICK: f64 = 13.0;

/// Draws the works that were measured.
pub fn speed(rows: &[Row], theme: &Theme) -> String {
    let works: Vec<_> = WORKS.iter().filter_map(|work| Some((work.title, bars(rows, work)?))).collect();
    let longest = works.iter().flat_map(|(_, bars)| bars).map(|bar| bar.ns).fold(1.0, f64::max);
    let mut drawing = Drawing::new(theme);
    drawing.text(
        20.0,
        26.0,
        "small",
        Anchor::Start,
        "Nanoseconds; shorter is better. Same run, same headers, 16 other headers. The floor is code by hand for this one case.",
    );
    let mut y = 44.0;
    for (title, bars) in &works {
        drawing.text(20.0, y + 10.0, "title", Anchor::Start, title);
        y += 18.0;
        let ours = bars[0].ns;
        for &Bar { name, ns, allocations } in bars {
            let length = ns / longest * LONGEST;
            drawing.text(NAMES, y + 10.5, "faint", Anchor::End, name);
            drawing.bar(NAMES + 8.0, y, length, THICK, theme.of(name));
            let times = if name.starts_with("traceprop") { String::new() } else { format!(", ×{:.1}", ns / ours) };
            let unit = if allocations == 1.0 { "allocation" } else { "allocations" };
            let label = format!("{ns:.0}{times}, {} {unit}", short(allocations));
            drawing.text(NAMES + 14.0 + length, y + 10.5, "", Anchor::Start, &label);
            y += STEP;
        }
        y += 12.0;
    }
    drawing.finish("Time that traceprop and its peers take", y + 4.0)
}

struct Bar {
    name: &'static str,
    ns: f64,
    allocations: f64,
}

/// Returns the bars of a work, or `None` if ours was not measured.
fn bars(rows: &[Row], work: &Work) -> Option<Vec<Bar>> {
    let bare = match work.bare {
        Some(bare) => find(rows, work.case, bare)?.ns,
        None => 0.0,
    };
    let bar = |&name: &&'static str| {
        let row = find(rows, work.case, name)?;
        Some(Bar { name, ns: row.ns - bare, allocations: row.allocations })
    };
    let bars: Vec<_> = work.contenders.iter().filter_map(bar).collect();
    bars.first().is_some_and(|bar| bar.name == OURS).then_some(bars)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::THEMES;

    #[test]
    fn ok_a_bar_is_as_long_as_it_took() {
        let row = |contender: &str, ns| Row {
            case: "extract/b3/16-other".to_owned(),
            contender: contender.to_owned(),
            ns,
            allocations: 1.0,
        };
        let svg = speed(&[row("traceprop", 50.0), row(FLOOR, 25.0), row("opentelemetry", 200.0)], &THEMES[0]);
        assert!(svg.contains(r#"width="97.5""#) && svg.contains(r#"width="390.0""#), "{svg}");
        assert!(
            svg.contains("200, ×4.0, 1 allocation<") && svg.contains("25, ×0.5, 1 allocation<") && !svg.contains("sw8"),
            "{svg}"
        );
    }
}
