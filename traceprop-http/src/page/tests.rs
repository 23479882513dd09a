use super::*;
use proptest::prelude::*;
use std::time::Duration;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn span(sampling: Sampling) -> SpanContext<'static> {
    SpanContext::new(TRACE.parse().unwrap(), SPAN.parse().unwrap()).with_sampling(sampling)
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Returns names and contents.
fn tags(markup: &PageMarkup<'_>) -> Vec<(&'static str, String)> {
    markup.tags().map(|tag| (tag.name(), tag.content().to_string())).collect()
}

#[test]
fn ok_each_tag_to_the_byte() {
    let markup = PageMarkup::uncached(&span(Sampling::Sampled));
    assert_eq!(markup.to_string(), "");
    assert_eq!(
        markup.opentelemetry().to_string(),
        format!("<meta name=\"traceparent\" content=\"00-{TRACE}-{SPAN}-01\">")
    );
    assert_eq!(
        markup.datadog(at(1_795_559_000)).to_string(),
        "<meta name=\"dd-trace-id\" content=\"11803532876627986230\">\
         <meta name=\"dd-trace-time\" content=\"1795559000000\">"
    );
    assert_eq!(markup.sentry().to_string(), format!("<meta name=\"sentry-trace\" content=\"{TRACE}-{SPAN}-1\">"));
}

#[test]
fn ok_decisions_in_each_tag() {
    for (sampling, flags, sentry) in
        [(Sampling::Deferred, "00", ""), (Sampling::NotSampled, "00", "-0"), (Sampling::Debug, "01", "-1")]
    {
        let markup = PageMarkup::uncached(&span(sampling)).opentelemetry().sentry();
        assert_eq!(
            tags(&markup),
            [
                ("traceparent", format!("00-{TRACE}-{SPAN}-{flags}")),
                ("sentry-trace", format!("{TRACE}-{SPAN}{sentry}"))
            ]
        );
    }
}

#[test]
fn ok_datadog_needs_an_id_and_a_time() {
    let markup = PageMarkup::uncached(&span(Sampling::Sampled));
    for now in [UNIX_EPOCH, UNIX_EPOCH - Duration::from_secs(1)] {
        assert_eq!((markup.datadog(now).tags().count(), markup.datadog(now).datadog_comment().is_none()), (0, true));
    }
    let id = TraceId::from_halves(1, 0).unwrap();
    let markup = PageMarkup::uncached(&SpanContext::new(id, SPAN.parse().unwrap())).datadog(at(1));
    assert_eq!((markup.tags().count(), markup.datadog_comment().is_none()), (0, true));
}

#[test]
fn ok_only_sentry_baggage_of_this_trace() {
    let line = format!("user.id=ann,sentry-trace_id={TRACE},sentry-environment=a&b;secret=1,sentry-x='%20");
    let baggage = Baggage::parse(line.as_bytes()).unwrap();
    let markup = PageMarkup::uncached(&span(Sampling::Sampled)).sentry_with_baggage(baggage);
    let content = format!("sentry-trace_id={TRACE},sentry-environment=a&b,sentry-x='%20");
    assert_eq!(tags(&markup)[1], ("baggage", content));
    let tag = markup.to_string();
    assert!(tag.ends_with("sentry-environment=a&amp;b,sentry-x=&#39;%20\">"), "{tag}");
}

#[test]
fn err_sentry_baggage_of_a_different_trace_is_omitted() {
    for line in ["sentry-trace_id=00000000000000000000000000000001,sentry-sampled=true", "sentry-sampled=true", "a=b"] {
        let baggage = Baggage::parse(line.as_bytes()).unwrap();
        let markup = PageMarkup::uncached(&span(Sampling::Sampled)).sentry_with_baggage(baggage);
        assert_eq!(tags(&markup).len(), 1, "{line}");
    }
}

#[test]
fn err_no_markup_for_a_page_that_a_cache_stores() {
    let mut headers = HeaderMap::new();
    assert!(PageMarkup::for_response(&span(Sampling::Sampled), &headers).is_some());
    headers.insert("cache-control", http::HeaderValue::from_static("private, max-age=60"));
    assert!(PageMarkup::for_response(&span(Sampling::Sampled), &headers).is_none());
    headers.insert("cache-control", http::HeaderValue::from_static("no-store"));
    assert!(PageMarkup::for_response(&span(Sampling::Sampled), &headers).is_some());
    headers.remove("cache-control");
    headers.insert("etag", http::HeaderValue::from_static("\"1\""));
    assert!(PageMarkup::for_response(&span(Sampling::Sampled), &headers).is_none());
}

/// Parses markup strictly. Returns `None` if it contains anything but tags in the written form.
fn read(mut markup: &str) -> Option<Vec<(String, String)>> {
    let mut tags = Vec::new();
    while !markup.is_empty() {
        let (name, rest) = markup.strip_prefix("<meta name=\"")?.split_once('"')?;
        let (content, rest) = rest.strip_prefix(" content=\"")?.split_once('"')?;
        markup = rest.strip_prefix('>')?;
        if content.contains(['<', '>', '\'', '`']) || content.bytes().any(|byte| byte.is_ascii_control()) {
            return None;
        }
        let mut plain = String::new();
        let mut parts = content.split('&');
        plain.push_str(parts.next()?);
        for part in parts {
            let (entity, text) = part.split_once(';')?;
            plain.push(match entity {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "#39" => '\'',
                "#96" => '`',
                _ => return None,
            });
            plain.push_str(text);
        }
        tags.push((name.to_owned(), plain));
    }
    Some(tags)
}

fn baggage_piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"sentry-a'&`=".to_vec()),
        Just(b",sentry-release=".to_vec()),
        Just(b"</script><script>".to_vec()),
        Just(b"\"><!--".to_vec()),
        Just(b"--!>&quot;&#39".to_vec()),
        Just(b";p=<x>,".to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ]
}

proptest! {
    #[test]
    fn ok_markup_never_ends_an_attribute_or_a_comment(
        trace_id in any::<u128>(),
        span_id in any::<u64>(),
        seconds in 0..1u64 << 40,
        pieces in prop::collection::vec(baggage_piece(), 0..12),
    ) {
        let (Some(trace_id), Some(span_id)) = (TraceId::new(trace_id), SpanId::new(span_id)) else { return Ok(()) };
        let line = [format!("sentry-trace_id={trace_id},").into_bytes(), pieces.concat()].concat();
        let baggage = Baggage::parse(&line).unwrap_or(Baggage::EMPTY);
        let markup = PageMarkup::uncached(&SpanContext::new(trace_id, span_id))
            .opentelemetry()
            .datadog(at(seconds))
            .sentry_with_baggage(baggage);

        let read = read(&markup.to_string());
        let meant: Vec<_> = tags(&markup).into_iter().map(|(name, content)| (name.to_owned(), content)).collect();
        prop_assert!(meant.len() >= 3);
        prop_assert_eq!(read, Some(meant));

        if let Some(comment) = markup.datadog_comment() {
            let comment = comment.to_string();
            let inner = comment.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b';' | b'=' | b'-');
            prop_assert!(inner.is_some_and(|inner| inner.bytes().all(is_plain) && !inner.contains("--")));
        }
    }
}
