//! Markup that tells the agent on a page which trace the page belongs to.
//!
//! ```text
//! <meta name="traceparent" content="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01">
//! <meta name="dd-trace-id" content="11803532876627986230"><meta name="dd-trace-time" content="1795559000000">
//! <meta name="sentry-trace" content="4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1">
//! ```
//!
//! A browser that loads a document sends no trace header, so the trace starts at the server, and the agent reads it
//! from the page. Splunk and Grafana Faro read `Server-Timing` instead ([`ResponseHeaders`](crate::ResponseHeaders)).

mod escape;

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use traceprop_core::{
    Baggage, Sampling, SpanContext, SpanId, TraceId,
    baggage::BaggageMember,
    formats::tracecontext::{TraceFlags, TraceParent},
};

use crate::caching;
use escape::Escaped;

/// Markup that names the trace of a page in its head. It displays as `<meta>` tags and allocates nothing.
///
/// A page from a cache would name an old trace to a new visitor. Markup is therefore made for the headers of a
/// response, and only if they forbid reuse. Headers that outer layers add later are not considered. Of the agents only
/// Datadog's has a guard: it ignores tags older than two minutes.
///
/// # Examples
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
/// let markup = PageMarkup::for_response(&span, &headers).expect("not cached").opentelemetry();
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
    opentelemetry: bool,
    /// Time when the page was made, in milliseconds since 1970.
    datadog: Option<u64>,
    sentry: bool,
    sentry_baggage: Baggage<'c>,
}

impl<'c> PageMarkup<'c> {
    /// Creates empty markup for the server's span and for the headers of the page's response.
    ///
    /// Returns `None` if a cache, the browser's own included, may show the page again: see [`caching::allows_reuse`].
    pub fn for_response(span: &SpanContext<'_>, headers: &HeaderMap) -> Option<Self> {
        (!caching::allows_reuse(headers)).then(|| Self::uncached(span))
    }

    /// Creates empty markup without looking at headers, for a page that the caller knows is never shown from a cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::SpanContext;
    /// use traceprop_http::PageMarkup;
    ///
    /// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
    /// let markup = PageMarkup::uncached(&span).opentelemetry();
    /// assert_eq!(markup.tags().next().expect("a tag").name(), "traceparent");
    /// # Ok::<(), traceprop_core::ParseIdError>(())
    /// ```
    pub const fn uncached(span: &SpanContext<'_>) -> Self {
        Self {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            sampling: span.sampling(),
            random: span.is_random(),
            opentelemetry: false,
            datadog: None,
            sentry: false,
            sentry_baggage: Baggage::EMPTY,
        }
    }

    /// Adds `traceparent`, for OpenTelemetry's instrumentation of document loads.
    pub const fn opentelemetry(mut self) -> Self {
        self.opentelemetry = true;
        self
    }

    /// Adds `dd-trace-id` and `dd-trace-time`, for Datadog.
    ///
    /// The id is the low 64 bits of the trace id in decimal. No tag is added if they are zero, or if `now` is before
    /// 1970.
    pub fn datadog(mut self, now: SystemTime) -> Self {
        let since = now.duration_since(UNIX_EPOCH).ok();
        self.datadog = since.and_then(|since| u64::try_from(since.as_millis()).ok()).filter(|at| *at > 0);
        self
    }

    /// Adds `sentry-trace`, for Sentry. An undecided sampling decision remains undecided.
    pub const fn sentry(mut self) -> Self {
        self.sentry = true;
        self
    }

    /// Adds `sentry-trace`, and the members of `baggage` that are Sentry's (`sentry-…`) if they belong to this trace.
    ///
    /// No other member is written into the page.
    pub const fn sentry_with_baggage(mut self, baggage: Baggage<'c>) -> Self {
        self.sentry = true;
        self.sentry_baggage = baggage;
        self
    }

    /// Returns the tags, for templates that write tags themselves.
    pub fn tags(&self) -> impl Iterator<Item = MetaTag<'c>> {
        let parent = self.opentelemetry.then(|| {
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

    /// Returns a comment that Datadog's agent reads in place of its tags, for pages whose head cannot be changed.
    ///
    /// Write it before `<html>` or after `</html>`. Returns `None` if [`datadog`](Self::datadog) added no tag.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use traceprop_core::SpanContext;
    /// use traceprop_http::PageMarkup;
    ///
    /// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
    /// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_559_000);
    /// let comment = PageMarkup::uncached(&span).datadog(now).datadog_comment().expect("an id");
    /// let expected = "<!-- DATADOG;trace-id=11803532876627986230;trace-time=1795559000000 -->";
    /// assert_eq!(comment.to_string(), expected);
    /// # Ok::<(), traceprop_core::ParseIdError>(())
    /// ```
    pub fn datadog_comment(&self) -> Option<impl fmt::Display + use<>> {
        let at = self.datadog.filter(|_| self.trace_id.low() != 0)?;
        Some(DatadogComment { trace_id: self.trace_id.low(), at })
    }

    /// Sentry's members belong to one trace, which is not the current one after a restart.
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

/// A `<meta>` tag. It displays as HTML, escaped.
///
/// # Examples
///
/// ```
/// use traceprop_core::SpanContext;
/// use traceprop_http::PageMarkup;
///
/// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
/// let markup = PageMarkup::uncached(&span).sentry();
/// let tag = markup.tags().next().expect("a tag");
/// assert_eq!(tag.name(), "sentry-trace");
/// assert_eq!(tag.content().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7");
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
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
    /// Returns the name of the tag.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the content without escapes, for templates that escape their values.
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
