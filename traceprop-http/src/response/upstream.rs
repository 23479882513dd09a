//! What the response of an upstream service tells of its trace.

use http::{HeaderMap, HeaderName, HeaderValue};
use traceprop_core::{Allow, Field, Propagator, Trust, formats::tracecontext::TraceParent};

use super::header::SERVER_TIMING;
use super::metrics::{self, metrics};
use crate::remove_refused;

/// Response headers that name a trace and that no request has.
const RESPONSE_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("traceresponse"),
    HeaderName::from_static("x-trace-id"),
    // New Relic's cross application tracing: names and a trace id.
    HeaderName::from_static("x-newrelic-app-data"),
];

/// Names of `Server-Timing` metrics that name a trace, in lower case and with `-`, in addition to those of headers.
const METRICS: [&str; 13] = [
    // W3C Trace Context, its draft and the header before it.
    "trace",
    "traceresponse",
    // Names of their own that services use.
    "trace-id",
    "traceid",
    "span-id",
    "spanid",
    // Instana.
    "intid",
    // Dynatrace: the request, the session and the trace.
    "dtrpid",
    "dtsinfo",
    "dttrid",
    // Datadog.
    "dd-trace-id",
    "dd-span-id",
    "dd-parent-id",
];

/// Removes what the response of an upstream service tells of its trace, so that a stranger does not receive it.
///
/// Use it in a gateway whose callers are not yours. Removed are
///
/// * the headers of every trace format, and the custom headers of `propagator`, which correlation ids have,
/// * `traceresponse`, `x-trace-id` and `x-newrelic-app-data`,
/// * metrics of `Server-Timing` that name a trace: by their name, such as `traceparent`, `trace`, `intid` or
///   `sentry-trace`, or because the description is a `traceparent`. All other metrics are unchanged, byte for byte.
///
/// [`ResponseHeaders::strip_upstream`](crate::ResponseHeaders::strip_upstream) does it in a tower layer. The body and the
/// trailers of the response are not changed.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use traceprop_core::presets;
///
/// let mut headers = HeaderMap::new();
/// let timing = "db;dur=12, traceparent;desc=\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"";
/// headers.insert("server-timing", HeaderValue::from_static(timing));
/// headers.insert("x-amzn-trace-id", HeaderValue::from_static("Root=1-67891233-abcdef012345678912345678"));
/// traceprop_http::strip_upstream(&presets::W3C.propagator(), &mut headers);
/// assert_eq!((headers.len(), headers["server-timing"].to_str()?), (1, "db;dur=12"));
/// # Ok::<(), http::header::ToStrError>(())
/// ```
pub fn strip_upstream(propagator: &Propagator, headers: &mut HeaderMap) {
    remove_refused(headers, &propagator.refusals(Trust::Ignore, Allow::None));
    for name in &RESPONSE_HEADERS {
        headers.remove(name);
    }
    strip_metrics(headers);
}

/// Removes the metrics that name a trace. Lines without one are unchanged.
fn strip_metrics(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(&SERVER_TIMING).iter();
    let mut after_open = false;
    let has_trace = lines.any(|line| {
        let found = has_trace_metric(line.as_bytes(), after_open);
        after_open |= metrics::is_open(line.as_bytes());
        found
    });
    if has_trace {
        rewrite(headers);
    }
}

#[cold]
fn rewrite(headers: &mut HeaderMap) {
    let mut after_open = false;
    let kept = |line: &HeaderValue| {
        let bytes = line.as_bytes();
        let had_open = after_open;
        after_open |= metrics::is_open(bytes);
        if !has_trace_metric(bytes, had_open) {
            return Some(line.clone());
        }
        let mut rest = metrics::join(metrics::parts(bytes).filter(|(_, part)| !is_trace(part)), bytes.len());
        if had_open {
            rest = metrics::join(metrics::pieces(&rest).filter(|(_, part)| !is_trace(part)), rest.len());
        }
        // Parts of a valid value are valid, so no line is lost here.
        (!rest.is_empty()).then(|| HeaderValue::from_bytes(&rest).ok()).flatten()
    };
    let lines: Vec<_> = headers.get_all(&SERVER_TIMING).iter().filter_map(kept).collect();
    headers.remove(&SERVER_TIMING);
    for line in lines {
        // The map had a place for this name before.
        let _ = headers.try_append(SERVER_TIMING.clone(), line);
    }
}

fn has_trace_metric(line: &[u8], after_open: bool) -> bool {
    metrics::parts(line).any(|(_, part)| is_trace(part))
        || (after_open && metrics::pieces(line).any(|(_, part)| is_trace(part)))
}

/// Returns whether a part of a line is a metric that names a trace.
fn is_trace(part: &[u8]) -> bool {
    let Some(metric) = metrics(part).next() else { return false };
    let is_parent = |text: &[u8]| TraceParent::parse(text).is_ok();
    is_trace_name(metric.name) || metric.description.is_some_and(is_parent)
}

/// Letter case does not matter, and `_` and `.` are read as `-`.
fn is_trace_name(name: &[u8]) -> bool {
    let mut text = [0; 64];
    let Some(text) = text.get_mut(..name.len()) else { return false };
    for (place, byte) in text.iter_mut().zip(name) {
        *place = if matches!(byte, b'_' | b'.') { b'-' } else { byte.to_ascii_lowercase() };
    }
    std::str::from_utf8(text).is_ok_and(|name| METRICS.contains(&name) || Field::from_name(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use traceprop_core::presets;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn stripped(lines: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("server-timing", HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        strip_upstream(&presets::W3C.propagator(), &mut headers);
        let lines = headers.get_all("server-timing").iter();
        lines.map(|line| String::from_utf8(line.as_bytes().to_vec()).unwrap()).collect()
    }

    #[test]
    fn ok_metrics_that_name_a_trace_go() {
        for metric in [
            "traceparent;desc=\"00-x\"",
            "TraceParent ; dur=1",
            "trace",
            "trace;desc=x",
            "intid;desc=0123456789abcdef",
            "sentry-trace;desc=\"x\"",
            "baggage;desc=\"a=1, b=2\"",
            "dtRpid;desc=\"1\"",
            "dtSInfo;desc=\"0\"",
            "dd.trace_id;desc=1",
            "x-datadog-trace-id;desc=1",
            "x_b3_traceid;desc=1",
            "X-Amzn-Trace-Id;desc=\"Root=1-67891233-abcdef012345678912345678\"",
            "traceresponse",
            "trace_id;desc=1",
            &format!("app;dur=1;desc=\"{PARENT}\""),
            &format!("app;desc={PARENT}"),
        ] {
            assert_eq!(stripped(&[metric]), [""; 0], "{metric}");
            let among = format!("db;dur=1.5 ,\t{metric}, cache;desc=\"a, trace;b\\\"\"");
            assert_eq!(
                stripped(&["a", &among, "z"]),
                ["a", "db;dur=1.5 , cache;desc=\"a, trace;b\\\"\"", "z"],
                "{metric}"
            );
        }
    }

    #[test]
    fn ok_other_metrics_stay_byte_for_byte() {
        for line in [
            "db;dur=12.3",
            "cache;desc=\"trace, traceparent;desc=x\";dur=1",
            "traces, traceparents;desc=x, mytrace, trace-x, dd, intids",
            "a;trace=1;desc=traceparent",
            " a ;dur=1 ,, b;desc=\"unclosed",
            &format!("a;desc=\"{PARENT}0\""),
            &format!("a;desc=\"see {PARENT}\""),
            "",
            ",",
            "\u{e9};desc=x",
        ] {
            assert_eq!(stripped(&[line]), [line], "{line}");
        }
    }

    #[test]
    fn ok_an_unclosed_quote_hides_no_trace() {
        // Browsers join the lines, so the quote of the second line closes that of the first.
        let hidden = format!("b;desc=\"y, traceparent;desc={PARENT}, c\"");
        assert_eq!(stripped(&["a;desc=\"x", &hidden]), ["a;desc=\"x", "b;desc=\"y, c\""]);
        assert_eq!(stripped(&["a", &hidden]), ["a", &hidden]);
        assert_eq!(stripped(&[&format!("a;desc=\"x, traceparent;desc={PARENT}"), "z"]), ["a;desc=\"x", "z"]);
        assert_eq!(stripped(&["a;desc=\"x", "trace;desc=y"]), ["a;desc=\"x"]);
    }

    #[test]
    fn ok_headers_that_name_a_trace_go() {
        let propagator = Propagator::from_names("correlation:x-request-id", "tracecontext").unwrap();
        let mut headers = HeaderMap::new();
        let names = Field::ALL.iter().filter_map(|field| Some((field.name()?, field.is_prefix())));
        for (name, is_prefix) in names {
            let name = if is_prefix { format!("{name}key") } else { name.to_owned() };
            headers.append(HeaderName::try_from(name.replace('-', "_")).unwrap(), HeaderValue::from_static("1"));
            headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_static("1"));
        }
        for name in ["traceresponse", "x-trace-id", "x-newrelic-app-data", "x-request-id", "x_request_id"] {
            headers.append(name, HeaderValue::from_static("1"));
        }
        for name in ["content-type", "x-correlation-id", "x-trace-ids", "etag"] {
            headers.append(name, HeaderValue::from_static("1"));
            headers.append(name, HeaderValue::from_static("2"));
        }
        strip_upstream(&propagator, &mut headers);
        let mut left: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()[0])).collect();
        left.sort_unstable();
        let both = |name: &'static str| [(name, b'1'), (name, b'2')];
        assert_eq!(left, ["content-type", "etag", "x-correlation-id", "x-trace-ids"].map(both).concat());
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("traceparent".to_owned()),
            Just("intid;desc=\"x\"".to_owned()),
            Just(format!("a;desc={PARENT}")),
            Just("db;dur=12.3;desc=\"a, \\\"b\"".to_owned()),
            Just(",".to_owned()),
            Just(" ,\t".to_owned()),
            Just(";".to_owned()),
            Just("\"".to_owned()),
            Just("\\".to_owned()),
            "[ -~]{0,6}",
        ]
    }

    proptest! {
        #[test]
        fn ok_no_reader_finds_a_trace_and_other_metrics_stay(
            before in prop::collection::vec(prop::collection::vec(piece(), 0..8), 0..4),
        ) {
            let before: Vec<String> = before.iter().map(|pieces| pieces.concat().trim().to_owned()).collect();
            let lines: Vec<&str> = before.iter().map(String::as_str).collect();
            let after = stripped(&lines);
            // Browsers join the lines.
            let joined = after.join(", ");
            prop_assert!(!metrics(joined.as_bytes()).any(|metric| is_trace(&joined.as_bytes()[metric.place])), "{after:?}");
            prop_assert!(!after.iter().any(|line| metrics::parts(line.as_bytes()).any(|(_, part)| is_trace(part))));
            let is_open = before.iter().any(|line| metrics::is_open(line.as_bytes()));
            let others = |lines: &[String]| -> Vec<String> {
                let parts = lines.iter().flat_map(|line| metrics::parts(line.as_bytes())).filter(|(_, part)| !is_trace(part));
                let texts = parts.map(|(_, part)| String::from_utf8(metrics::trim(part).to_vec()).expect("ASCII"));
                texts.filter(|text| !text.is_empty()).collect()
            };
            prop_assert!(is_open || others(&after) == others(&before), "{before:?} {after:?}");
            prop_assert_eq!(stripped(&after.iter().map(String::as_str).collect::<Vec<_>>()), after);
        }
    }
}
