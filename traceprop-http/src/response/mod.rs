//! The trace of a request, told to its sender in the response: `Server-Timing`, and `traceresponse`.
//!
//! ```text
//! Server-Timing: traceparent;desc="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
//! Server-Timing: trace;desc=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03
//! traceresponse: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03
//! ```
//!
//! The first is the only one that agents in browsers read, and two of them read it differently: double quotes, no
//! blanks, `desc` directly behind the name, lower-case hex, and flags of 00 or 01 are what both take.

mod metrics;

use http::{HeaderMap, HeaderName, HeaderValue};
use traceprop_core::{MAX_HEADER_LINES, SpanContext, TraceFlags, TraceParent};

use metrics::metrics;

/// Bytes of `Server-Timing` in a response, all lines together, that are read or changed at most.
pub const MAX_SERVER_TIMING_LEN: usize = 16 * 1024;

static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
static TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// A way to name a trace in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResponseHeader {
    /// `Server-Timing: traceparent;desc="00-…-01"`: what Splunk RUM and Grafana Faro link by. Splunk takes no flags but
    /// 01, so the random bit is never written here.
    ServerTiming,
    /// `Server-Timing: trace;desc=00-…-03`: the draft of W3C trace context, level 3.
    DraftServerTiming,
    /// `traceresponse: 00-…-03`: an earlier draft, which some services read.
    TraceResponse,
}

impl ResponseHeader {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ServerTiming, Self::DraftServerTiming, Self::TraceResponse];

    /// The header that this is written to.
    pub fn header_name(self) -> &'static HeaderName {
        match self {
            Self::ServerTiming | Self::DraftServerTiming => &SERVER_TIMING,
            Self::TraceResponse => &TRACE_RESPONSE,
        }
    }

    /// The metric of `Server-Timing`, for forms that are one.
    const fn metric(self) -> Option<&'static str> {
        match self {
            Self::ServerTiming => Some("traceparent"),
            Self::DraftServerTiming => Some("trace"),
            Self::TraceResponse => None,
        }
    }

    /// The trace and the span that a response names in this form. Of several metrics the last valid one counts: servers
    /// append, so it comes from the nearest. Several `traceresponse` headers say nothing.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue};
    /// use traceprop_http::ResponseHeader;
    ///
    /// let mut headers = HeaderMap::new();
    /// let timing = "db;dur=12, traceparent;desc=\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"";
    /// headers.insert("server-timing", HeaderValue::from_static(timing));
    /// let parent = ResponseHeader::ServerTiming.read(&headers).expect("it is there");
    /// assert_eq!(parent.parent_id.to_string(), "00f067aa0ba902b7");
    /// assert_eq!(ResponseHeader::TraceResponse.read(&headers), None);
    /// ```
    pub fn read(self, headers: &HeaderMap) -> Option<TraceParent> {
        if !is_within_limits(headers, self.header_name()) {
            return None;
        }
        let mut lines = headers.get_all(self.header_name()).iter().map(HeaderValue::as_bytes);
        let Some(name) = self.metric() else {
            return TraceParent::parse(lines.next().filter(|_| lines.next().is_none())?).ok();
        };
        let descriptions = lines.flat_map(metrics).filter(|metric| metric.is_named(name));
        let parents = descriptions.filter_map(|metric| TraceParent::parse(metric.description?).ok());
        parents.last()
    }

    /// Names this trace in a response. A metric of the same name that was there before goes, all others stay byte for
    /// byte; ours comes last. A `traceresponse` that was there before is replaced.
    ///
    /// Returns false if the response was left as it was: it has more of `Server-Timing` than [`MAX_SERVER_TIMING_LEN`]
    /// or [`MAX_HEADER_LINES`], or no room for another header.
    pub fn write(self, parent: TraceParent, headers: &mut HeaderMap) -> bool {
        match self {
            Self::ServerTiming => {
                let flags = TraceFlags::new(parent.flags.is_sampled(), false);
                let parent = TraceParent::new(parent.trace_id, parent.parent_id, flags);
                self.write_metric(&Text::<74>::of(&[b"traceparent;desc=\"", &parent.to_bytes(), b"\""]).0, headers)
            }
            Self::DraftServerTiming => {
                self.write_metric(&Text::<66>::of(&[b"trace;desc=", &parent.to_bytes()]).0, headers)
            }
            Self::TraceResponse => match HeaderValue::from_bytes(&parent.to_bytes()) {
                Ok(value) => headers.try_insert(TRACE_RESPONSE.clone(), value).is_ok(),
                Err(_) => false,
            },
        }
    }

    fn write_metric(self, metric: &[u8], headers: &mut HeaderMap) -> bool {
        let Some(name) = self.metric() else { return false };
        let Ok(value) = HeaderValue::from_bytes(metric) else { return false };
        if !is_within_limits(headers, &SERVER_TIMING) {
            return false;
        }
        let mut lines = headers.get_all(&SERVER_TIMING).iter().map(HeaderValue::as_bytes);
        if lines.any(|line| metrics::is_open(line) || metrics::names(line, name)) {
            return replace(name, value, headers);
        }
        headers.try_append(SERVER_TIMING.clone(), value).is_ok()
    }
}

/// Writes the lines anew, without the metrics of this name. Behind a quote that is never closed a browser would read
/// ours as a part of that value, so then it comes first.
#[cold]
fn replace(name: &str, ours: HeaderValue, headers: &mut HeaderMap) -> bool {
    let kept = |line: &HeaderValue| match metrics::names(line.as_bytes(), name) {
        true => {
            let kept = metrics::without(line.as_bytes(), name);
            // Parts of a legal value are legal, so no line is lost here.
            (!kept.is_empty()).then(|| HeaderValue::from_bytes(&kept).ok()).flatten()
        }
        false => Some(line.clone()),
    };
    let mut lines: Vec<_> = headers.get_all(&SERVER_TIMING).iter().filter_map(kept).collect();
    let is_open = lines.iter().any(|line| metrics::is_open(line.as_bytes()));
    lines.insert(if is_open { 0 } else { lines.len() }, ours);
    headers.remove(&SERVER_TIMING);
    let mut written = true;
    for line in lines {
        // The name had a place until now, and has it again; lines beyond the first need none.
        written &= headers.try_append(SERVER_TIMING.clone(), line).is_ok();
    }
    written
}

fn is_within_limits(headers: &HeaderMap, name: &HeaderName) -> bool {
    let mut lines = headers.get_all(name).iter();
    let bytes: usize = lines.by_ref().take(MAX_HEADER_LINES).map(HeaderValue::len).sum();
    bytes <= MAX_SERVER_TIMING_LEN && lines.next().is_none()
}

/// Text of known length on the stack.
struct Text<const N: usize>([u8; N]);

impl<const N: usize> Text<N> {
    fn of(parts: &[&[u8]]) -> Self {
        let mut text = [b' '; N];
        let mut room = &mut text[..];
        for part in parts {
            let (place, rest) = room.split_at_mut(part.len());
            place.copy_from_slice(part);
            room = rest;
        }
        Self(text)
    }
}

/// How responses name the trace of their request; a new one says nothing. It shows ids to whoever reads the response,
/// across origins too where `Access-Control-Expose-Headers` or `Timing-Allow-Origin` let it.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use traceprop_core::{Sampling, SpanContext};
/// use traceprop_http::{ResponseHeader, ResponseTrace};
///
/// const RESPONSE: ResponseTrace = ResponseTrace::new().with(ResponseHeader::ServerTiming);
///
/// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
/// let mut headers = HeaderMap::new();
/// headers.insert("server-timing", HeaderValue::from_static("db;dur=12"));
/// assert!(RESPONSE.write(&span.with_sampling(Sampling::Sampled), &mut headers));
///
/// let lines: Vec<_> = headers.get_all("server-timing").iter().collect();
/// let ours = "traceparent;desc=\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"";
/// assert_eq!(lines, ["db;dur=12", ours]);
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseTrace {
    server_timing: bool,
    draft: bool,
    trace_response: bool,
    sampled_bit_only: bool,
}

impl ResponseTrace {
    /// Responses say nothing.
    pub const fn new() -> Self {
        Self { server_timing: false, draft: false, trace_response: false, sampled_bit_only: false }
    }

    /// Responses name the trace in this form too.
    pub const fn with(mut self, form: ResponseHeader) -> Self {
        match form {
            ResponseHeader::ServerTiming => self.server_timing = true,
            ResponseHeader::DraftServerTiming => self.draft = true,
            ResponseHeader::TraceResponse => self.trace_response = true,
        }
        self
    }

    /// Writes flags of 00 and 01 only, in every form, for readers that compare them as a number.
    /// [`ResponseHeader::ServerTiming`] has no others in any case.
    pub const fn sampled_bit_only(mut self) -> Self {
        self.sampled_bit_only = true;
        self
    }

    /// The forms that are written.
    pub fn forms(self) -> impl Iterator<Item = ResponseHeader> {
        let on = [self.server_timing, self.draft, self.trace_response];
        ResponseHeader::ALL.into_iter().zip(on).filter_map(|(form, on)| on.then_some(form))
    }

    /// Whether responses say nothing.
    pub const fn is_empty(&self) -> bool {
        !(self.server_timing || self.draft || self.trace_response)
    }

    /// Names this span, that of the server, in a response. One allocation a form, more only where a response already has
    /// such a metric.
    ///
    /// Returns false if a form could not be written; see [`ResponseHeader::write`].
    pub fn write(&self, span: &SpanContext<'_>, headers: &mut HeaderMap) -> bool {
        let flags = TraceFlags::new(span.sampling().is_sampled(), span.is_random() && !self.sampled_bit_only);
        let parent = TraceParent::new(span.trace_id(), span.span_id(), flags);
        let mut written = true;
        for form in self.forms() {
            written &= form.write(parent, headers);
        }
        written
    }
}

#[cfg(test)]
mod tests;
