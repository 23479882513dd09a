use super::header::{MAX_SERVER_TIMING_LEN, ResponseHeader};
use super::headers::ResponseHeaders;
use super::metrics::{self, metrics};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use traceprop_core::{
    OwnedContext, Sampling, SpanContext, Trust, format::MAX_HEADER_LINES, formats::correlation::Correlation,
    formats::tracecontext::TraceParent,
};

const IDS: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

fn parent(flags: u8) -> TraceParent {
    TraceParent::parse(format!("{IDS}-{flags:02x}").as_bytes()).unwrap()
}

fn headers(lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append("server-timing", HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    headers
}

fn lines(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all("server-timing").iter().map(|line| std::str::from_utf8(line.as_bytes()).unwrap()).collect()
}

#[track_caller]
fn written(before: &[&str], header: ResponseHeader, flags: u8) -> Vec<String> {
    let mut headers = headers(before);
    assert!(header.write(parent(flags), &mut headers));
    lines(&headers).into_iter().map(str::to_owned).collect()
}

#[test]
fn ok_write_each_header_to_the_byte() {
    assert_eq!(written(&[], ResponseHeader::ServerTiming, 1), [format!("traceparent;desc=\"{IDS}-01\"")]);
    assert_eq!(written(&[], ResponseHeader::ServerTiming, 3), [format!("traceparent;desc=\"{IDS}-01\"")]);
    assert_eq!(written(&[], ResponseHeader::ServerTiming, 2), [format!("traceparent;desc=\"{IDS}-00\"")]);
    assert_eq!(written(&[], ResponseHeader::DraftServerTiming, 3), [format!("trace;desc={IDS}-03")]);
    let mut headers = headers(&[]);
    headers.append("traceresponse", HeaderValue::from_static("old"));
    headers.append("traceresponse", HeaderValue::from_static("older"));
    assert!(ResponseHeader::TraceResponse.write(parent(3), &mut headers));
    assert_eq!((headers.len(), headers["traceresponse"].to_str().unwrap()), (1, &*format!("{IDS}-03")));
}

#[test]
fn ok_write_one_metric_of_the_name_as_the_last() {
    let ours = format!("traceparent;desc=\"{IDS}-01\"");
    let old = "traceparent;desc=\"00-11111111111111111111111111111111-2222222222222222-01\"";
    let draft = "trace;desc=00-11111111111111111111111111111111-2222222222222222-01";
    let both = format!("db;dur=1 , {old},cache;desc=\"a, b\"");
    let cases: [(&[&str], &[&str]); 6] = [
        (&["db;dur=1"], &["db;dur=1", &ours]),
        (&[old], &[&ours]),
        (&[old, "db", old], &["db", &ours]),
        (&[&both], &["db;dur=1 ,cache;desc=\"a, b\"", &ours]),
        (&["TraceParent ; dur=1", "db;desc=traceparent"], &["db;desc=traceparent", &ours]),
        (&[draft], &[draft, &ours]),
    ];
    for (before, after) in cases {
        assert_eq!(written(before, ResponseHeader::ServerTiming, 1), after, "{before:?}");
    }
}

#[test]
fn ok_write_before_an_unclosed_quote() {
    let ours = format!("traceparent;desc=\"{IDS}-01\"");
    assert_eq!(written(&["db", "a;desc=\"x"], ResponseHeader::ServerTiming, 1), [&*ours, "db", "a;desc=\"x"]);
    // An agent that splits at commas would read the last metric inside of the open quote.
    let hidden = "a;desc=\"x, traceparent;desc='00-11111111111111111111111111111111-2222222222222222-01'";
    assert_eq!(written(&[hidden], ResponseHeader::ServerTiming, 1), [&*ours, "a;desc=\"x"]);
    assert_eq!(written(&["traceparent;desc=\"x"], ResponseHeader::ServerTiming, 1), [&*ours]);
}

#[test]
fn ok_write_all_headers_of_a_span() {
    let span = SpanContext::new(parent(0).trace_id, parent(0).parent_id).with_sampling(Sampling::Debug);
    let all = ResponseHeader::ALL.into_iter().fold(ResponseHeaders::new(), ResponseHeaders::with);
    let mut headers = HeaderMap::new();
    assert!(all.write_span(&span.with_random(true), &mut headers));
    assert_eq!(lines(&headers), [format!("traceparent;desc=\"{IDS}-01\""), format!("trace;desc={IDS}-03")]);
    assert_eq!(headers["traceresponse"], format!("{IDS}-03"));
    assert!(all.sampled_bit_only().write_span(&span.with_random(true), &mut headers));
    assert_eq!(lines(&headers), [format!("traceparent;desc=\"{IDS}-01\""), format!("trace;desc={IDS}-01")]);
    assert_eq!(headers["traceresponse"], format!("{IDS}-01"));

    let mut headers = HeaderMap::new();
    assert!(ResponseHeaders::new().is_empty() && ResponseHeaders::new().write_span(&span, &mut headers));
    assert!(headers.is_empty());
}

#[test]
fn ok_shared_caches_are_respected_unless_allowed() {
    let context = OwnedContext::new(SpanContext::new(parent(0).trace_id, parent(0).parent_id));
    let span = context.span().unwrap();
    let before = HeaderMap::from_iter([(http::header::CACHE_CONTROL, HeaderValue::from_static("public"))]);
    let response = ResponseHeaders::new().server_timing();
    for (response, expected) in [(response.clone(), false), (response.allow_shared_caches(), true)] {
        let (mut one, mut other) = (before.clone(), before.clone());
        assert_eq!((response.write(&context, &mut one), response.write_span(&span, &mut other)), (expected, expected));
        assert_eq!((one.len(), other.len()), (1 + usize::from(expected), 1 + usize::from(expected)));
    }
}

#[test]
fn ok_an_upstream_trace_is_stripped_by_trust_unless_said_otherwise() {
    let strips = |response: ResponseHeaders| {
        [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore].map(|trust| response.strips_upstream(trust))
    };
    assert_eq!(strips(ResponseHeaders::new()), [false, false, true, true]);
    assert_eq!(strips(ResponseHeaders::new().strip_upstream()), [true; 4]);
    assert_eq!(strips(ResponseHeaders::new().keep_upstream()), [false; 4]);
    assert_eq!(strips(ResponseHeaders::default().strip_upstream().keep_upstream()), [false; 4]);
}

#[test]
fn ok_an_upstream_trace_is_stripped_before_ours_is_written() {
    let context = OwnedContext::new(SpanContext::new(parent(0).trace_id, parent(0).parent_id));
    let upstream = || {
        let mut headers = headers(&["db;dur=1, trace;desc=x", "intid;desc=y"]);
        for name in ["traceresponse", "x-request-id", "x-b3-traceid", "etag"] {
            headers.append(name, HeaderValue::from_static("theirs"));
        }
        headers
    };
    let names = |response: &ResponseHeaders, cache: &'static str| {
        let mut headers = upstream();
        headers.insert("cache-control", HeaderValue::from_static(cache));
        response.write(&context, &mut headers);
        let timing = lines(&headers).join(" | ");
        let mut names: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.retain(|name| name != "server-timing" && name != "cache-control");
        names.sort();
        (timing, names.join(" "))
    };
    let ours = format!("traceparent;desc=\"{IDS}-00\"");
    let strip = ResponseHeaders::new().server_timing().echo_correlation(Correlation::from_static("x-request-id"));
    let strip = strip.strip_upstream();
    assert_eq!(names(&strip, "no-store"), (format!("db;dur=1 | {ours}"), "etag x-request-id".to_owned()));
    // Nothing of ours is written where a cache may keep it.
    assert_eq!(names(&strip, "public"), ("db;dur=1".to_owned(), "etag".to_owned()));
    assert_eq!(
        names(&ResponseHeaders::new().strip_upstream(), "public"),
        ("db;dur=1".to_owned(), "etag x-request-id".to_owned())
    );
    let theirs = "db;dur=1, trace;desc=x | intid;desc=y".to_owned();
    let all = "etag traceresponse x-b3-traceid x-request-id".to_owned();
    assert_eq!(names(&ResponseHeaders::new(), "public"), (theirs, all));
}

#[test]
fn ok_read_metrics_that_servers_write() {
    let parent = parent(1);
    for line in [
        format!("traceparent;desc=\"{IDS}-01\""),
        format!("db;dur=1, traceparent;desc={IDS}-01"),
        format!("TraceParent; dur=1; desc = \"{IDS}-01\",db"),
        format!("traceparent;desc=x, traceparent;desc=\"{IDS}-01\", traceparent"),
    ] {
        assert_eq!(ResponseHeader::ServerTiming.read(&headers(&[&line])), Some(parent), "{line}");
        assert_eq!(ResponseHeader::DraftServerTiming.read(&headers(&[&line])), None, "{line}");
    }
    let draft = format!("TRACE;desc={IDS}-01");
    assert_eq!(ResponseHeader::DraftServerTiming.read(&headers(&["db", &draft])), Some(parent));
}

#[test]
fn ok_read_the_last_of_several_metrics() {
    let first = "traceparent;desc=00-11111111111111111111111111111111-2222222222222222-00";
    let last = format!("traceparent;desc=\"{IDS}-01\"");
    assert_eq!(ResponseHeader::ServerTiming.read(&headers(&[first, &last])), Some(parent(1)));
}

#[test]
fn err_read_bad_or_zero_ids_and_several_traceresponses() {
    for desc in [IDS.to_owned(), format!("{IDS}-01\\"), format!("'{IDS}-01'"), IDS.replace('4', "0") + "-0g"] {
        assert_eq!(ResponseHeader::ServerTiming.read(&headers(&[&format!("traceparent;desc=\"{desc}\"")])), None);
    }
    let zero = "traceparent;desc=\"00-00000000000000000000000000000000-2222222222222222-01\"";
    assert_eq!(ResponseHeader::ServerTiming.read(&headers(&[zero])), None);

    let mut several = HeaderMap::new();
    several.append("traceresponse", HeaderValue::from_bytes(format!("{IDS}-01").as_bytes()).unwrap());
    assert_eq!(ResponseHeader::TraceResponse.read(&several), Some(parent(1)));
    several.append("traceresponse", HeaderValue::from_bytes(format!("{IDS}-01").as_bytes()).unwrap());
    assert_eq!(ResponseHeader::TraceResponse.read(&several), None);
}

#[test]
fn err_write_beyond_the_limits_changes_nothing() {
    let full = "x".repeat(MAX_SERVER_TIMING_LEN);
    let mut response = headers(&[&full]);
    assert!(ResponseHeader::ServerTiming.write(parent(1), &mut response));
    assert_eq!(lines(&response).len(), 2);
    let over = format!("{full}x");
    let mut response = headers(&[&over]);
    assert!(!ResponseHeader::ServerTiming.write(parent(1), &mut response));
    assert_eq!(lines(&response), [&over]);

    let mut response = headers(&["a"; MAX_HEADER_LINES]);
    assert!(ResponseHeader::ServerTiming.write(parent(1), &mut response));
    assert!(!ResponseHeader::ServerTiming.write(parent(1), &mut response));
    assert_eq!(lines(&response).len(), MAX_HEADER_LINES + 1);
}

/// Joins the lines as browsers do.
fn joined(headers: &HeaderMap) -> Vec<u8> {
    let lines: Vec<_> = headers.get_all("server-timing").iter().map(HeaderValue::as_bytes).collect();
    lines.join(&b", "[..])
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("traceparent".to_owned()),
        Just("TraceParent;desc=\"x\"".to_owned()),
        Just("db;dur=12.3;desc=\"a, \\\"b\"".to_owned()),
        Just(",".to_owned()),
        Just(" ,\t".to_owned()),
        Just(";".to_owned()),
        Just("=".to_owned()),
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        "[ -~]{0,6}",
    ]
}

proptest! {
    #[test]
    fn ok_merging_keeps_every_other_metric_byte_for_byte(
        before in prop::collection::vec(prop::collection::vec(piece(), 0..8), 0..5),
    ) {
        let before: Vec<String> = before.iter().map(|pieces| pieces.concat()).collect();
        let mut response = headers(&before.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert!(ResponseHeader::ServerTiming.write(parent(1), &mut response));

        let others = |lines: &[&str]| -> Vec<String> {
            let parts = lines.iter().flat_map(|line| metrics::parts(line.as_bytes()));
            let others = parts.filter(|(name, _)| !name.eq_ignore_ascii_case(b"traceparent"));
            // Blanks at the ends of a line are not part of a metric.
            let texts = others.map(|(_, text)| String::from_utf8(metrics::trim(text).to_vec()).expect("ASCII"));
            texts.filter(|text| !text.is_empty()).collect()
        };
        let ours = format!("traceparent;desc=\"{IDS}-01\"");
        let after = lines(&response);
        prop_assert_eq!(others(&after), others(&before.iter().map(String::as_str).collect::<Vec<_>>()));
        prop_assert_eq!(after.iter().filter(|line| **line == ours).count(), 1);
        let parts = after.iter().flat_map(|line| metrics::parts(line.as_bytes()));
        prop_assert_eq!(parts.filter(|(name, _)| name.eq_ignore_ascii_case(b"traceparent")).count(), 1);

        // In the joined lines Grafana Faro reads the first metric of the name, and Splunk searches the text between
        // commas, quoted or not: both find ours.
        let seen = joined(&response);
        let first = metrics(&seen).find(|metric| metric.name == b"traceparent").and_then(|metric| metric.description);
        let description = format!("{IDS}-01");
        prop_assert_eq!(first, Some(description.as_bytes()));
        let seen = String::from_utf8_lossy(&seen);
        prop_assert!(seen.split(',').any(|piece| piece.trim() == ours));
        prop_assert_eq!(ResponseHeader::ServerTiming.read(&response), Some(parent(1)));

        // Writing again changes nothing.
        let once = response.clone();
        prop_assert!(ResponseHeader::ServerTiming.write(parent(1), &mut response));
        prop_assert_eq!(&once, &response);
    }

    #[test]
    fn ok_any_bytes_are_read_without_a_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut at = 0;
        for metric in metrics(&line) {
            prop_assert_eq!(metric.place.start, at);
            at = metric.place.end + 1;
        }
        prop_assert_eq!(at, line.len() + 1);
        let _ = metrics::without(&line, "traceparent");
    }
}
