//! Markup that tells the agent on a page which trace the page itself was.
//!
//! ```text
//! <meta name="traceparent" content="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01">
//! <meta name="dd-trace-id" content="11803532876627986230"><meta name="dd-trace-time" content="1795559000000">
//! <meta name="sentry-trace" content="4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1">
//! ```
//!
//! A browser that loads a document sends no trace header, so the trace begins at the server, and the agent can only read
//! of it. Splunk and Grafana Faro read `Server-Timing` instead ([`ResponseHeader`](crate::ResponseHeader)).

mod escape;

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use traceprop_core::{Baggage, BaggageMember, Sampling, SpanContext, SpanId, TraceFlags, TraceId, TraceParent};

use crate::caching;
use escape::Escaped;

/// The markup for the head of a page. Displays as its tags, one behind the other; nothing is allocated.
///
/// A page that is shown again from a cache would name an old trace to a new visitor, so markup is made for a response
/// whose headers are known, and only if they say that it is not kept. Of the agents, only Datadog's has a guard of its
/// own: it ignores what is older than two minutes. What layers further out add to the headers is not seen here.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use std::time::SystemTime;
/// use traceprop_core::{Sampling, SpanContext};
/// use traceprop_http::PageMarkup;
///
/// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?)
///     .with_sampling(Sampling::Sampled);
/// let mut headers = HeaderMap::new();
/// headers.insert("cache-control", HeaderValue::from_static("no-store"));
///
/// let markup = PageMarkup::for_response(&span, &headers).expect("nobody keeps it").opentelemetry();
/// assert_eq!(
///     format!("<head>{markup}</head>"),
///     "<head><meta name=\"traceparent\" content=\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"></head>",
/// );
///
/// headers.insert("cache-control", HeaderValue::from_static("public, max-age=600"));
/// assert!(PageMarkup::for_response(&span, &headers).is_none());
/// # let _ = markup.datadog(SystemTime::now());
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PageMarkup<'c> {
    trace_id: TraceId,
    span_id: SpanId,
    sampling: Sampling,
    random: bool,
    open_telemetry: bool,
    /// When the page was made, in milliseconds since 1970.
    datadog: Option<u64>,
    sentry: bool,
    sentry_baggage: Baggage<'c>,
}

impl<'c> PageMarkup<'c> {
    /// Markup that names this span, that of the server, in a page of which these are the response's headers. None if the
    /// page may be shown again from a cache, the browser's own included: see [`caching::allows_reuse`]. It is
    /// empty until a form is asked for.
    pub fn for_response(span: &SpanContext<'_>, headers: &HeaderMap) -> Option<Self> {
        (!caching::allows_reuse(headers)).then(|| Self::uncached(span))
    }

    /// The same for a page that nobody keeps, on the caller's word: when the headers are not made yet, or where a cache
    /// is known to ask again each time.
    pub const fn uncached(span: &SpanContext<'_>) -> Self {
        Self {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            sampling: span.sampling(),
            random: span.is_random(),
            open_telemetry: false,
            datadog: None,
            sentry: false,
            sentry_baggage: Baggage::EMPTY,
        }
    }

    /// `traceparent`, for OpenTelemetry's instrumentation of document loads.
    pub const fn opentelemetry(mut self) -> Self {
        self.open_telemetry = true;
        self
    }

    /// `dd-trace-id` and `dd-trace-time`, for Datadog. The id is the lower half of the trace id in decimal: without one
    /// there is no tag, nor for a time before 1970.
    pub fn datadog(mut self, now: SystemTime) -> Self {
        let since = now.duration_since(UNIX_EPOCH).ok();
        self.datadog = since.and_then(|since| u64::try_from(since.as_millis()).ok()).filter(|at| *at > 0);
        self
    }

    /// `sentry-trace`, for Sentry. An open decision stays open.
    pub const fn sentry(mut self) -> Self {
        self.sentry = true;
        self
    }

    /// `sentry-trace`, and beside it the members of this baggage that are Sentry's own (`sentry-…`), if they are of this
    /// trace. No other member gets into the page.
    pub const fn sentry_with_baggage(mut self, baggage: Baggage<'c>) -> Self {
        self.sentry = true;
        self.sentry_baggage = baggage;
        self
    }

    /// The tags, for templates that write them themselves.
    pub fn tags(&self) -> impl Iterator<Item = MetaTag<'c>> {
        let parent = self.open_telemetry.then(|| {
            let flags = TraceFlags::new(self.sampling.is_sampled(), self.random);
            Content::TraceParent(TraceParent::new(self.trace_id, self.span_id, flags))
        });
        let datadog = self.datadog.filter(|_| self.trace_id.low() != 0);
        let sentry = self.sentry.then_some(Content::SentryTrace(self.trace_id, self.span_id, self.sampling));
        let baggage = sentry_members(self.sentry_baggage).any(|member| self.is_of_this_trace(&member));
        [
            ("traceparent", parent),
            ("dd-trace-id", datadog.map(|_| Content::Number(self.trace_id.low()))),
            ("dd-trace-time", datadog.map(Content::Number)),
            ("sentry-trace", sentry),
            ("baggage", baggage.then_some(Content::SentryBaggage(self.sentry_baggage))),
        ]
        .into_iter()
        .filter_map(|(name, content)| Some(MetaTag { name, content: content? }))
    }

    /// What Datadog's agent reads in place of its tags: a comment before `<html>` or behind `</html>`, for pages whose
    /// head is out of reach. None where there would be no tag either.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use traceprop_core::SpanContext;
    /// use traceprop_http::PageMarkup;
    ///
    /// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
    /// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_559_000);
    /// let comment = PageMarkup::uncached(&span).datadog(now).datadog_comment().expect("it has an id");
    /// let expected = "<!-- DATADOG;trace-id=11803532876627986230;trace-time=1795559000000 -->";
    /// assert_eq!(comment.to_string(), expected);
    /// # Ok::<(), traceprop_core::ParseIdError>(())
    /// ```
    pub fn datadog_comment(&self) -> Option<impl fmt::Display + use<>> {
        let at = self.datadog.filter(|_| self.trace_id.low() != 0)?;
        Some(DatadogComment { trace_id: self.trace_id.low(), at })
    }

    /// Sentry's own members are those of one trace, which a trace that was begun anew is not.
    fn is_of_this_trace(&self, member: &BaggageMember<'_>) -> bool {
        member.key() == "sentry-trace_id" && member.raw_value().as_bytes() == self.trace_id.to_hex()
    }
}

fn sentry_members<'c>(baggage: Baggage<'c>) -> impl Iterator<Item = BaggageMember<'c>> {
    baggage.iter().filter(|member| member.key().starts_with("sentry-"))
}

impl fmt::Display for PageMarkup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tags().try_for_each(|tag| tag.fmt(f))
    }
}

/// One `<meta>` tag. Displays as the tag, escaped.
#[derive(Clone, Copy, Debug)]
pub struct MetaTag<'c> {
    name: &'static str,
    content: Content<'c>,
}

#[derive(Clone, Copy, Debug)]
enum Content<'c> {
    TraceParent(TraceParent),
    Number(u64),
    SentryTrace(TraceId, SpanId, Sampling),
    SentryBaggage(Baggage<'c>),
}

impl MetaTag<'_> {
    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The content as it is meant, not escaped: for templates that escape what they are given.
    pub const fn content(&self) -> impl fmt::Display {
        self.content
    }
}

impl fmt::Display for MetaTag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<meta name=\"{}\" content=\"{}\">", self.name, Escaped(&self.content))
    }
}

impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TraceParent(parent) => parent.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::SentryTrace(trace_id, span_id, sampling) => {
                let decision = match sampling.decision() {
                    None => "",
                    Some(false) => "-0",
                    Some(true) => "-1",
                };
                write!(f, "{trace_id}-{span_id}{decision}")
            }
            Self::SentryBaggage(baggage) => {
                for (place, member) in sentry_members(*baggage).enumerate() {
                    let comma = if place > 0 { "," } else { "" };
                    write!(f, "{comma}{}={}", member.key(), member.raw_value())?;
                }
                Ok(())
            }
        }
    }
}

struct DatadogComment {
    trace_id: u64,
    at: u64,
}

impl fmt::Display for DatadogComment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<!-- DATADOG;trace-id={};trace-time={} -->", self.trace_id, self.at)
    }
}

#[cfg(test)]
mod tests;
