//! The headers that a service writes into its responses.

use std::sync::LazyLock;

use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, HeaderMap, HeaderName, HeaderValue};
use traceprop_core::{
    OwnedContext, Propagator, SpanContext, Trust,
    formats::correlation::Correlation,
    formats::tracecontext::{TraceFlags, TraceParent},
    presets,
};

use super::{ResponseHeader, strip_upstream};
use crate::{caching, cors};

static TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");

/// Headers that tell a caller which trace its request belongs to.
///
/// A new value writes nothing; each header is opt-in. The ids are visible to every reader of the response, also across
/// origins where `Access-Control-Expose-Headers` or `Timing-Allow-Origin` permits it.
///
/// Nothing is written into a response that a [shared cache](caching::allows_shared_cache) may store, because every
/// client served from the cache would receive the trace of the first one.
/// [`allow_shared_caches`](Self::allow_shared_caches) turns that off.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use traceprop_core::{OwnedContext, Sampling, SpanContext};
/// use traceprop_http::ResponseHeaders;
///
/// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
/// let context = OwnedContext::new(span.with_sampling(Sampling::Sampled));
/// let mut headers = HeaderMap::new();
/// headers.insert("server-timing", HeaderValue::from_static("db;dur=12"));
///
/// let response_headers = ResponseHeaders::new().server_timing().expose_headers();
/// assert!(response_headers.write(&context, &mut headers));
///
/// let lines: Vec<_> = headers.get_all("server-timing").iter().collect();
/// let ours = "traceparent;desc=\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"";
/// assert_eq!(lines, ["db;dur=12", ours]);
/// assert_eq!(headers["access-control-expose-headers"], "server-timing");
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ResponseHeaders {
    server_timing: bool,
    draft_server_timing: bool,
    traceresponse: bool,
    sampled_bit_only: bool,
    echoes: Vec<(Correlation, HeaderName)>,
    timing_allow_origin: Option<HeaderValue>,
    exposes: bool,
    /// The value of `Access-Control-Expose-Headers`, joined once and not for each response.
    exposed: Option<HeaderValue>,
    allows_shared_caches: bool,
    upstream: Upstream,
}

/// Whether a trace of an upstream service is removed from its response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Upstream {
    /// It is, under a trust that continues no trace of the caller.
    #[default]
    ByTrust,
    Strip,
    Keep,
}

impl ResponseHeaders {
    /// Creates a value that writes nothing.
    pub const fn new() -> Self {
        Self {
            server_timing: false,
            draft_server_timing: false,
            traceresponse: false,
            sampled_bit_only: false,
            echoes: Vec::new(),
            timing_allow_origin: None,
            exposes: false,
            exposed: None,
            allows_shared_caches: false,
            upstream: Upstream::ByTrust,
        }
    }

    /// Writes `Server-Timing: traceparent;desc="00-..-..-01"`, which the agents of Splunk and Grafana Faro read.
    ///
    /// A metric of this name that an upstream service wrote is replaced, because agents read either the first or the
    /// last one. Other metrics are unchanged. Flags are 00 or 01: Splunk's agent accepts no flags but 01.
    pub fn server_timing(self) -> Self {
        self.with(ResponseHeader::ServerTiming)
    }

    /// Writes `Server-Timing: trace;desc=00-..-..-03`, the metric of the draft of W3C Trace Context level 3.
    ///
    /// No browser agent reads it yet.
    pub fn draft_server_timing(self) -> Self {
        self.with(ResponseHeader::DraftServerTiming)
    }

    /// Writes `traceresponse: 00-..-..-03`, the header of the drafts of W3C Trace Context level 2.
    ///
    /// A `traceresponse` that an upstream service wrote is replaced.
    pub fn traceresponse(self) -> Self {
        self.with(ResponseHeader::TraceResponse)
    }

    /// Clears every flag but the sampled one, for readers that compare the flags as a number.
    ///
    /// [`server_timing`](Self::server_timing) always does.
    pub fn sampled_bit_only(mut self) -> Self {
        self.sampled_bit_only = true;
        self
    }

    /// Writes the id of a correlation header: the received text or, without one, the id that outgoing calls carry.
    ///
    /// Can be called for several headers. The propagator must read them, otherwise the received text is not known.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::formats::correlation::Correlation;
    /// use traceprop_http::ResponseHeaders;
    ///
    /// const REQUEST_ID: Correlation = Correlation::from_static("x-request-id");
    ///
    /// let response_headers = ResponseHeaders::new().echo_correlation(REQUEST_ID);
    /// assert!(!response_headers.is_empty());
    /// ```
    pub fn echo_correlation(mut self, correlation: Correlation) -> Self {
        // The name of a correlation header is always a valid header name.
        if let Ok(name) = HeaderName::from_bytes(correlation.header_name().as_bytes()) {
            self.echoes.push((correlation, name));
        }
        self.update_exposed()
    }

    /// Writes the ids of all correlation headers that `propagator` reads or writes, as
    /// [`echo_correlation`](Self::echo_correlation) does for one.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::Propagator;
    /// use traceprop_http::{ResponseHeaders, cors};
    ///
    /// // The header is named here and nowhere else.
    /// let propagator = Propagator::from_names("all,correlation:x-request-id;opaque", "tracecontext,correlation:x-request-id")?;
    /// let response_headers = ResponseHeaders::new().echo_correlation_of(&propagator);
    /// assert!(cors::expose_headers(&response_headers).eq(["x-request-id"]));
    /// assert!(cors::allow_headers(&propagator).any(|name| name == "x-request-id"));
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn echo_correlation_of(self, propagator: &Propagator) -> Self {
        propagator.correlation_formats().fold(self, |headers, format| headers.echo_correlation(*format))
    }

    /// Writes `Timing-Allow-Origin`, unless the response has one: an origin, several separated by commas, or `*`.
    ///
    /// Without it some agents (Grafana Faro) see no `Server-Timing` of another origin.
    pub fn timing_allow_origin(mut self, origins: HeaderValue) -> Self {
        self.timing_allow_origin = Some(origins);
        self
    }

    /// Writes `Access-Control-Expose-Headers` with the names of the written headers, unless the response has one.
    ///
    /// Without it some agents (Splunk) cannot read the headers of another origin. To extend a list that exists, use
    /// [`cors::append_expose_headers`].
    pub fn expose_headers(mut self) -> Self {
        self.exposes = true;
        self.update_exposed()
    }

    /// Writes also into responses that [shared caches](caching::allows_shared_cache) may store.
    pub fn allow_shared_caches(mut self) -> Self {
        self.allows_shared_caches = true;
        self
    }

    /// Removes what the response of an upstream service tells of its trace, under every trust.
    ///
    /// Use it in a gateway whose callers are strangers, also if it continues their traces. Under [`Trust::Restart`] and
    /// [`Trust::Ignore`] it is the default. [`strip_upstream`] has the list of what is removed.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue};
    /// use traceprop_core::{OwnedContext, SpanContext};
    /// use traceprop_http::ResponseHeaders;
    ///
    /// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
    /// let mut headers = HeaderMap::new();
    /// headers.insert("server-timing", HeaderValue::from_static("db;dur=12, intid;desc=0123456789abcdef"));
    /// ResponseHeaders::new().strip_upstream().write(&OwnedContext::new(span), &mut headers);
    /// assert_eq!(headers["server-timing"], "db;dur=12");
    /// # Ok::<(), traceprop_core::ParseIdError>(())
    /// ```
    pub fn strip_upstream(mut self) -> Self {
        self.upstream = Upstream::Strip;
        self
    }

    /// Keeps what the response of an upstream service tells of its trace, under every trust.
    ///
    /// Use it if callers may see the trace behind an edge, for example if they are tools of your own.
    pub fn keep_upstream(mut self) -> Self {
        self.upstream = Upstream::Keep;
        self
    }

    /// Returns `true` if the trace of an upstream service is removed from the response to a caller with this trust.
    pub const fn strips_upstream(&self, trust: Trust) -> bool {
        match self.upstream {
            Upstream::ByTrust => matches!(trust, Trust::Restart | Trust::Ignore),
            Upstream::Strip => true,
            Upstream::Keep => false,
        }
    }

    /// Returns the headers that name the trace. Correlation headers are not among them.
    pub fn headers(&self) -> impl Iterator<Item = ResponseHeader> + use<> {
        let on = [self.server_timing, self.draft_server_timing, self.traceresponse];
        ResponseHeader::ALL.into_iter().zip(on).filter_map(|(header, on)| on.then_some(header))
    }

    /// Returns `true` if nothing is written.
    pub fn is_empty(&self) -> bool {
        self.headers().next().is_none() && self.echoes.is_empty() && self.timing_allow_origin.is_none()
    }

    /// Writes the headers for a request that is served in `context`.
    ///
    /// If [`strip_upstream`](Self::strip_upstream) is set, the trace of an upstream service is removed first. Without the
    /// propagator of the service its custom headers stay, so a layer also calls [`strip_upstream`].
    ///
    /// A [passthrough](OwnedContext::from_passthrough) context has no span of this service, so for it only correlation
    /// ids are written, and the trace headers of an upstream service are unchanged. Each written line takes one
    /// allocation.
    ///
    /// Returns `false` if a header was not written: the response may be stored by a shared cache, has no room for
    /// another header, or exceeds a limit of [`ResponseHeader::write`].
    pub fn write(&self, context: &OwnedContext, headers: &mut HeaderMap) -> bool {
        self.strip(headers);
        if self.is_empty() {
            return true;
        }
        if !self.allows_shared_caches && caching::allows_shared_cache(headers) {
            return false;
        }
        let mut written = context.span().is_none_or(|span| self.write_trace(&span, headers));
        for (correlation, name) in &self.echoes {
            if let Some(id) = context.outgoing_correlation(correlation) {
                written &= HeaderValue::from_str(id.as_str()).is_ok_and(|id| insert(headers, name, id));
            }
        }
        written & self.write_permissions(headers)
    }

    /// Writes the headers for a span without its context. Correlation ids are not written, since a span has none.
    ///
    /// Returns `false` under the conditions of [`write`](Self::write).
    ///
    /// # Examples
    ///
    /// ```
    /// use http::HeaderMap;
    /// use traceprop_core::SpanContext;
    /// use traceprop_http::ResponseHeaders;
    ///
    /// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
    /// let mut headers = HeaderMap::new();
    /// assert!(ResponseHeaders::new().traceresponse().write_span(&span, &mut headers));
    /// assert_eq!(headers["traceresponse"], "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
    /// # Ok::<(), traceprop_core::ParseIdError>(())
    /// ```
    pub fn write_span(&self, span: &SpanContext<'_>, headers: &mut HeaderMap) -> bool {
        self.strip(headers);
        if self.is_empty() {
            return true;
        }
        if !self.allows_shared_caches && caching::allows_shared_cache(headers) {
            return false;
        }
        self.write_trace(span, headers) & self.write_permissions(headers)
    }

    /// Names of the correlation headers that are written.
    pub(crate) fn echoed(&self) -> impl Iterator<Item = &HeaderName> {
        self.echoes.iter().map(|(_, name)| name)
    }

    pub(crate) fn with(mut self, header: ResponseHeader) -> Self {
        match header {
            ResponseHeader::ServerTiming => self.server_timing = true,
            ResponseHeader::DraftServerTiming => self.draft_server_timing = true,
            ResponseHeader::TraceResponse => self.traceresponse = true,
        }
        self.update_exposed()
    }

    fn update_exposed(mut self) -> Self {
        if self.exposes {
            let names: Vec<HeaderName> = cors::expose_headers(&self).collect();
            let list = names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
            self.exposed = (!list.is_empty()).then(|| HeaderValue::try_from(list).ok()).flatten();
        }
        self
    }

    fn strip(&self, headers: &mut HeaderMap) {
        static NO_CUSTOM_HEADERS: LazyLock<Propagator> = LazyLock::new(|| presets::W3C.propagator());
        if self.upstream == Upstream::Strip {
            strip_upstream(&NO_CUSTOM_HEADERS, headers);
            for name in self.echoed() {
                headers.remove(name);
            }
        }
    }

    fn write_trace(&self, span: &SpanContext<'_>, headers: &mut HeaderMap) -> bool {
        let flags = TraceFlags::new(span.sampling().is_sampled(), span.is_random() && !self.sampled_bit_only);
        let parent = TraceParent::new(span.trace_id(), span.span_id(), flags);
        self.headers().fold(true, |written, header| written & header.write(parent, headers))
    }

    fn write_permissions(&self, headers: &mut HeaderMap) -> bool {
        let values =
            [(&TIMING_ALLOW_ORIGIN, &self.timing_allow_origin), (&ACCESS_CONTROL_EXPOSE_HEADERS, &self.exposed)];
        let missing = values.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        missing.fold(true, |written, (name, value)| {
            written & (headers.contains_key(name) || insert(headers, name, value.clone()))
        })
    }
}

/// A full map takes no more names. The response must not fail for it.
fn insert(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) -> bool {
    headers.try_insert(name.clone(), value).is_ok()
}
