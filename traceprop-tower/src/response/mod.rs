//! What the caller is told in the response: the trace that its request became.
//!
//! A browser sends no header when it loads a page, and the agent in the page often has no trace of its own to send. It can
//! read the trace of the server from the response, and show both as one. [`ResponseHeaders`] says what is written; each part is
//! opt-in:
//!
//! ```
//! use axum::{Router, routing::get};
//! use http::HeaderValue;
//! use traceprop_tower::{ExtractLayer, ResponseHeaders, presets};
//!
//! let respond = ResponseHeaders::new()
//!     .server_timing() // server-timing: traceparent;desc="00-4bf9..-00f0..-01"
//!     .timing_allow_origin(HeaderValue::from_static("https://shop.example"))
//!     .expose_headers();
//! let app: Router = Router::new()
//!     .route("/", get(async || "hello"))
//!     .layer(ExtractLayer::new(presets::W3C).response_headers(respond));
//! ```
//!
//! # What is left alone
//!
//! * The response to `OPTIONS`, and to a request that the layer leaves out: there is no span to tell of.
//! * A response that shared caches may keep, unless [`ResponseHeaders::allow_shared_caches`] says otherwise: everybody who is served
//!   from the cache would be told the trace of the one who came first. That is one whose `Cache-Control` has `public`,
//!   `s-maxage` or a `max-age` above 0, and neither `private` nor `no-store`; see [`caching::allows_shared_cache`]. A cache that is
//!   told to keep responses by its own configuration has to be told to drop these headers.
//! * Where a service only relays, what names its span: it has none. What the service behind it wrote stays.
//!
//! # Beside a CORS layer
//!
//! Put it around this one. The `CorsLayer` of tower-http answers preflights by itself, and replaces
//! `Access-Control-Expose-Headers` where it was given a list; give it [`cors::expose_headers`] too then. Where it was
//! given none, [`ResponseHeaders::expose_headers`] fills the gap. `Timing-Allow-Origin` is no part of CORS, and no CORS layer writes it.

use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, HeaderMap, HeaderName, HeaderValue};
use traceprop_core::{Correlation, CorrelationId, OwnedContext};
use traceprop_http::{ResponseHeader, ResponseTrace, caching, cors};

const TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");

/// What [`ExtractLayer::response_headers`](crate::ExtractLayer::response_headers) writes into responses; a new one writes nothing. See the
/// [module docs](self).
#[derive(Clone, Debug, Default)]
pub struct ResponseHeaders {
    trace: ResponseTrace,
    echoes: Vec<(Correlation, HeaderName)>,
    timing_allow_origin: Option<HeaderValue>,
    exposes: bool,
    /// The names of all that is written; none where nothing is to be exposed.
    exposed: Option<HeaderValue>,
    shared_caches: bool,
}

impl ResponseHeaders {
    /// Writes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes `Server-Timing: traceparent;desc="00-..-..-01"`, which the agents of Splunk and Grafana Faro read.
    ///
    /// Agents read the first or the last of several, so this is the only one: a metric of this name that was in the
    /// response, of a service behind this one, is dropped. Other metrics stay as they are. Of the flags only `sampled` is
    /// told: Splunk's agent reads `01` and nothing else.
    pub fn server_timing(self) -> Self {
        self.form(ResponseHeader::ServerTiming)
    }

    /// Writes `Server-Timing: trace;desc=00-..-..-01` as well: the metric that the draft of W3C Trace Context level 3
    /// describes. No agent reads it yet.
    pub fn draft_server_timing(self) -> Self {
        self.form(ResponseHeader::DraftServerTiming)
    }

    /// Writes `traceresponse: 00-..-..-01`, the header of the W3C's drafts for level 2, in place of one that was there.
    pub fn traceresponse(self) -> Self {
        self.form(ResponseHeader::TraceResponse)
    }

    /// Tells the caller the id of a correlation header: the text that came, or the one that calls from here carry where
    /// none came. Several headers can be told; the propagator has to read them, else what came is not known.
    ///
    /// ```
    /// use traceprop_core::Correlation;
    /// use traceprop_tower::ResponseHeaders;
    ///
    /// const TRANSACTION: Correlation = Correlation::from_static("x-plumbr-transactionid");
    ///
    /// let respond = ResponseHeaders::new().echo_correlation(TRANSACTION);
    /// # let _ = respond;
    /// ```
    pub fn echo_correlation(mut self, correlation: Correlation) -> Self {
        // What may be the name of a correlation header may be that of any.
        if let Ok(name) = HeaderName::from_bytes(correlation.header_name().as_bytes()) {
            self.echoes.push((correlation, name));
        }
        self.refreshed()
    }

    /// Writes `Timing-Allow-Origin`, where the response has none: without it some agents (Grafana Faro) see no
    /// `Server-Timing` of another origin. One origin, several with commas, or `*`.
    pub fn timing_allow_origin(mut self, origins: HeaderValue) -> Self {
        self.timing_allow_origin = Some(origins);
        self
    }

    /// Names what is written in `Access-Control-Expose-Headers`, where the response has no such header: without it some
    /// agents (Splunk) see nothing of a response of another origin.
    pub fn expose_headers(mut self) -> Self {
        self.exposes = true;
        self.refreshed()
    }

    /// Writes into responses that shared caches may keep, too.
    pub fn allow_shared_caches(mut self) -> Self {
        self.shared_caches = true;
        self
    }

    fn form(mut self, form: ResponseHeader) -> Self {
        self.trace = self.trace.with(form);
        self.refreshed()
    }

    fn refreshed(mut self) -> Self {
        let echoes = self.echoes.iter().map(|(_, name)| name.clone());
        let names: Vec<HeaderName> = cors::expose_headers(self.trace).chain(echoes).collect();
        let list = names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
        self.exposed = (self.exposes && !list.is_empty()).then(|| HeaderValue::try_from(list).ok()).flatten();
        self
    }

    pub(crate) fn write(&self, context: &OwnedContext, headers: &mut HeaderMap) {
        if !self.shared_caches && caching::allows_shared_cache(headers) {
            return;
        }
        if let Some(span) = context.span() {
            // What has no room, in a map that is full, is left out: the response is not to fail for it.
            self.trace.write(&span, headers);
        }
        for (correlation, name) in &self.echoes {
            let made = || context.trace_id().map(CorrelationId::from_trace_id);
            if let Some(id) = context.correlation(correlation).or_else(made) {
                put(headers, name.clone(), HeaderValue::from_str(id.as_str()).ok());
            }
        }
        let fallbacks =
            [(TIMING_ALLOW_ORIGIN, &self.timing_allow_origin), (ACCESS_CONTROL_EXPOSE_HEADERS, &self.exposed)];
        for (name, value) in fallbacks {
            if let Some(value) = value.as_ref().filter(|_| !headers.contains_key(&name)) {
                put(headers, name, Some(value.clone()));
            }
        }
    }
}

/// What a service has configured already, for its CORS list say.
impl From<ResponseTrace> for ResponseHeaders {
    fn from(trace: ResponseTrace) -> Self {
        Self { trace, ..Self::default() }
    }
}

/// A map that is full takes no more; the response is not to fail for it.
fn put(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        let _ = headers.try_insert(name, value);
    }
}
