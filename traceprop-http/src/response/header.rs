//! One header, read and written.

use http::{HeaderMap, HeaderName, HeaderValue};
use traceprop_core::{
    format::MAX_HEADER_LINES,
    formats::tracecontext::{TraceFlags, TraceParent},
};

use super::metrics::{self, metrics};

/// Maximum total length, in bytes, of the `Server-Timing` lines that are read or changed.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use traceprop_http::{MAX_SERVER_TIMING_LEN, ResponseHeader};
///
/// let mut headers = HeaderMap::new();
/// let long = format!("{};desc=x", "a".repeat(MAX_SERVER_TIMING_LEN));
/// headers.insert("server-timing", HeaderValue::try_from(long)?);
/// assert_eq!(ResponseHeader::ServerTiming.read(&headers), None);
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub const MAX_SERVER_TIMING_LEN: usize = 16 * 1024;

pub(super) static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
static TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// A header, or a metric of a header, that names the trace in a response.
///
/// [`ResponseHeaders`](crate::ResponseHeaders) writes them for a context. This type reads and writes them one by one.
///
/// # Examples
///
/// ```
/// use http::HeaderMap;
/// use traceprop_core::formats::tracecontext::TraceParent;
/// use traceprop_http::ResponseHeader;
///
/// let parent = TraceParent::parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")?;
/// let mut headers = HeaderMap::new();
/// assert!(ResponseHeader::DraftServerTiming.write(parent, &mut headers));
/// assert_eq!(headers["server-timing"], "trace;desc=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
/// assert_eq!(ResponseHeader::DraftServerTiming.read(&headers), Some(parent));
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResponseHeader {
    /// `Server-Timing: traceparent;desc="00-…-01"`, which Splunk RUM and Grafana Faro read. Splunk accepts no flags but
    /// 01, so the random flag is never written.
    ServerTiming,
    /// `Server-Timing: trace;desc=00-…-03`, the draft of W3C Trace Context level 3.
    DraftServerTiming,
    /// `traceresponse: 00-…-03`, an earlier draft that some services read.
    TraceResponse,
}

impl ResponseHeader {
    /// All values.
    pub const ALL: [Self; 3] = [Self::ServerTiming, Self::DraftServerTiming, Self::TraceResponse];

    /// Returns the name of the header.
    pub fn header_name(self) -> &'static HeaderName {
        match self {
            Self::ServerTiming | Self::DraftServerTiming => &SERVER_TIMING,
            Self::TraceResponse => &TRACE_RESPONSE,
        }
    }

    /// Returns the name of the `Server-Timing` metric, for values that are one.
    const fn metric(self) -> Option<&'static str> {
        match self {
            Self::ServerTiming => Some("traceparent"),
            Self::DraftServerTiming => Some("trace"),
            Self::TraceResponse => None,
        }
    }

    /// Returns the trace and span that a response names in this header.
    ///
    /// Of several metrics the last valid one is used: servers append, so it is the nearest server's. Returns `None` if
    /// the header is absent, invalid or over [`MAX_SERVER_TIMING_LEN`], or if there are several `traceresponse`
    /// headers.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue};
    /// use traceprop_http::ResponseHeader;
    ///
    /// let mut headers = HeaderMap::new();
    /// let timing = "db;dur=12, traceparent;desc=\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"";
    /// headers.insert("server-timing", HeaderValue::from_static(timing));
    /// let parent = ResponseHeader::ServerTiming.read(&headers).expect("a valid metric");
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

    /// Writes the header, and replaces a metric of the same name or a `traceresponse` that the response has.
    ///
    /// The new metric is the last one. All other metrics are unchanged, byte for byte.
    ///
    /// Returns `false` and leaves the response unchanged if it has more `Server-Timing` than
    /// [`MAX_SERVER_TIMING_LEN`] or [`MAX_HEADER_LINES`], or no room for another header.
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

/// Rewrites the lines without the metrics of this name. After a quote that is never closed a browser would read our
/// metric as part of that value, so our metric then comes first.
#[cold]
fn replace(name: &str, ours: HeaderValue, headers: &mut HeaderMap) -> bool {
    let kept = |line: &HeaderValue| match metrics::names(line.as_bytes(), name) {
        true => {
            let kept = metrics::without(line.as_bytes(), name);
            // Parts of a valid value are valid, so no line is lost here.
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
        // The map had a place for this name before; further lines of a name need no place.
        written &= headers.try_append(SERVER_TIMING.clone(), line).is_ok();
    }
    written
}

fn is_within_limits(headers: &HeaderMap, name: &HeaderName) -> bool {
    let mut lines = headers.get_all(name).iter();
    let bytes: usize = lines.by_ref().take(MAX_HEADER_LINES).map(HeaderValue::len).sum();
    bytes <= MAX_SERVER_TIMING_LEN && lines.next().is_none()
}

/// Text of fixed length on the stack.
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
