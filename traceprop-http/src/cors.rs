//! Header names for CORS: the headers that a page may send, and the headers that it may read.
//!
//! Trace headers turn a simple cross-origin request into one with a preflight. If the preflight's response lacks a
//! single name, the browser blocks the page's own call, not only its trace. Allow every name that an agent on the page
//! may send, including names that this service does not read, since agents add names with new versions.
//!
//! The lists fit every version of tower-http's `CorsLayer`, and anything else that takes [`HeaderName`]s:
//!
//! ```
//! use tower_http::cors::CorsLayer;
//! use traceprop_core::Propagator;
//! use traceprop_http::{ResponseHeaders, cors};
//!
//! let propagator = Propagator::from_names("all, correlation:x-request-id", "tracecontext")?;
//! let response_headers = ResponseHeaders::new().server_timing();
//! let layer = CorsLayer::new()
//!     .allow_headers(cors::allow_headers(&propagator).chain(cors::SENTRY.clone()).collect::<Vec<_>>())
//!     .expose_headers(cors::expose_headers(&response_headers).collect::<Vec<_>>());
//! # let _: CorsLayer = layer;
//! # Ok::<(), traceprop_core::ConfigError>(())
//! ```
//!
//! # Setup
//!
//! * Add the headers of the application (`content-type`, `authorization`): each call of `allow_headers` replaces the
//!   list.
//! * Do not use a wildcard: for requests with credentials, browsers read `*` as the name of a header, in both lists.
//! * Set a maximum age, and send the whole list in every response: browsers cache the answer for each address.
//! * Add the layer outside of authentication and routing, so that it answers OPTIONS requests before they are rejected.
//! * `CorsLayer` overwrites an `Access-Control-Expose-Headers` that an inner layer wrote.
//! * `CorsLayer` does not write `Timing-Allow-Origin`, without which Grafana Faro sees no `Server-Timing` of another
//!   origin: see [`ResponseHeaders::timing_allow_origin`].

use http::header::ACCESS_CONTROL_EXPOSE_HEADERS;
use http::{HeaderMap, HeaderName, HeaderValue};
use traceprop_core::{Field, Propagator, format::MAX_HEADER_LINES};

use crate::names;
use crate::response::{ResponseHeader, ResponseHeaders};

/// Reads the lists. A name is the variant of its field, or text if no format has such a field.
macro_rules! lists {
    ($($(#[doc = $doc:literal])+ $list:ident: $count:literal = [$($name:tt),+];)+) => {
        $($(#[doc = $doc])+
        pub static $list: [HeaderName; $count] = [$(lists!(@name $name)),+];)+

        /// Returns the names of all lists, with repetitions.
        fn all() -> impl Iterator<Item = &'static HeaderName> + Clone {
            let lists: [&'static [HeaderName]; [$($count),+].len()] = [$(&$list),+];
            lists.into_iter().flatten()
        }
    };
    (@name $text:literal) => { HeaderName::from_static($text) };
    (@name $field:ident) => { HeaderName::from_static(Field::$field.name().unwrap()) };
}

lists! {
    /// W3C Trace Context: OpenTelemetry, Splunk, Grafana Faro, Elastic and Dynatrace, and most other agents if
    /// configured.
    TRACE_CONTEXT: 2 = [TraceParent, TraceState];
    /// W3C Baggage. Datadog's agent sends it by default since version 7.
    BAGGAGE: 1 = [Baggage];
    /// B3 in a single header.
    B3: 1 = [B3];
    /// B3 in multiple headers.
    B3_MULTI: 5 = [B3TraceId, B3SpanId, B3ParentSpanId, B3Sampled, B3Flags];
    /// Datadog. Browsers send the first four names, mobile apps also the tags.
    DATADOG: 5 = [DatadogTraceId, DatadogParentId, DatadogSamplingPriority, DatadogOrigin, DatadogTags];
    /// Jaeger without its baggage, which has a header for each item: see [`jaeger_baggage_headers`].
    JAEGER: 3 = [UberTraceId, JaegerDebugId, JaegerBaggage];
    /// SkyWalking.
    SW8: 3 = [Sw8, Sw8Correlation, Sw8Extension];
    /// Sentry.
    SENTRY: 2 = [SentryTrace, Baggage];
    /// New Relic.
    NEW_RELIC: 3 = [NewRelic, TraceParent, TraceState];
    /// Instana, which sends them to allowed origins.
    INSTANA: 3 = [InstanaTraceId, InstanaSpanId, InstanaLevel];
    /// Elastic APM before version 5.0, which sent this header in place of `traceparent`.
    ELASTIC_APM: 1 = [ElasticTraceParent];
    /// Application Insights of Azure Monitor, in its default mode.
    APPLICATION_INSIGHTS: 3 = ["request-id", RequestContext, TraceParent];
    /// CloudWatch RUM of AWS.
    AWS_RUM: 1 = [XAmznTraceId];
}

/// Returns every name that a browser agent is known to send: the names of all lists of this module, without
/// repetitions.
///
/// # Examples
///
/// ```
/// use traceprop_http::cors;
///
/// assert!(cors::browser_agent_headers().any(|name| name == "sentry-trace"));
/// assert_eq!(cors::browser_agent_headers().filter(|name| name == "baggage").count(), 1);
/// ```
pub fn browser_agent_headers() -> impl Iterator<Item = HeaderName> {
    all().enumerate().filter(|(place, name)| !all().take(*place).any(|before| before == *name)).map(|(_, n)| n.clone())
}

/// Returns the names of the headers that `propagator` reads, for `Access-Control-Allow-Headers`.
///
/// Prefixes (`uberctx-`) are omitted, since CORS cannot express them: see [`jaeger_baggage_headers`].
///
/// # Examples
///
/// ```
/// use traceprop_core::presets;
/// use traceprop_http::cors;
///
/// let names: Vec<_> = cors::allow_headers(&presets::W3C.propagator()).collect();
/// assert_eq!(names, ["traceparent", "tracestate", "baggage"]);
/// ```
pub fn allow_headers(propagator: &Propagator) -> impl Iterator<Item = HeaderName> {
    propagator.extract_fields().filter(|name| !name.ends_with('-')).filter_map(header_name)
}

/// Returns the header names of the Jaeger baggage items with these keys, `uberctx-KEY`.
///
/// A key that is empty or not valid in a header name is omitted.
///
/// # Examples
///
/// ```
/// use traceprop_http::cors;
///
/// let names: Vec<_> = cors::jaeger_baggage_headers(["session.id", "not a name"]).collect();
/// assert_eq!(names, ["uberctx-session.id"]);
/// ```
pub fn jaeger_baggage_headers<'k>(keys: impl IntoIterator<Item = &'k str>) -> impl Iterator<Item = HeaderName> {
    keys.into_iter().filter(|key| !key.is_empty()).filter_map(|key| format!("uberctx-{key}").parse().ok())
}

/// Returns the names of the headers that `response` writes, for `Access-Control-Expose-Headers`. No name is repeated.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::correlation::Correlation;
/// use traceprop_http::{ResponseHeaders, cors};
///
/// let response = ResponseHeaders::new().server_timing().echo_correlation(Correlation::from_static("x-request-id"));
/// let names: Vec<_> = cors::expose_headers(&response).collect();
/// assert_eq!(names, ["server-timing", "x-request-id"]);
/// ```
pub fn expose_headers(response: &ResponseHeaders) -> impl Iterator<Item = HeaderName> {
    let is_written = |name: &HeaderName| response.headers().any(|header| header.header_name() == name);
    let names = [ResponseHeader::ServerTiming, ResponseHeader::TraceResponse].map(ResponseHeader::header_name);
    let trace = names.map(|name| is_written(name).then(|| name.clone())).into_iter().flatten();
    trace.chain(response.echoed().cloned())
}

/// Adds the names that [`expose_headers`] returns to the `Access-Control-Expose-Headers` of a response.
///
/// Use it where no CORS layer writes the header. The names that are not listed yet go into a line of their own. An
/// existing wildcard does not count as a listed name, since browsers ignore it for requests with credentials. A
/// response with more than [`MAX_HEADER_LINES`] lines of this header is unchanged.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use traceprop_http::{ResponseHeaders, cors};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("access-control-expose-headers", HeaderValue::from_static("x-request-id"));
/// cors::append_expose_headers(&ResponseHeaders::new().server_timing(), &mut headers);
/// let lines: Vec<_> = headers.get_all("access-control-expose-headers").iter().collect();
/// assert_eq!(lines, ["x-request-id", "server-timing"]);
/// ```
pub fn append_expose_headers(response: &ResponseHeaders, headers: &mut HeaderMap) {
    let lines = headers.get_all(ACCESS_CONTROL_EXPOSE_HEADERS);
    if lines.iter().nth(MAX_HEADER_LINES).is_some() {
        return;
    }
    let is_listed = |name: &HeaderName| {
        let mut listed = lines.iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
        listed.any(|listed| listed.trim_ascii().eq_ignore_ascii_case(name.as_str().as_bytes()))
    };
    let missing: Vec<_> = expose_headers(response).filter(|name| !is_listed(name)).collect();
    let missing = missing.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
    if let Some(names) = HeaderValue::try_from(missing).ok().filter(|names| !names.is_empty()) {
        // A full map takes no more names. The response must not fail for it.
        let _ = headers.try_append(ACCESS_CONTROL_EXPOSE_HEADERS, names);
    }
}

fn header_name(name: &str) -> Option<HeaderName> {
    match Field::from_name(name).and_then(names::of) {
        Some(known) => Some(known.clone()),
        None => HeaderName::from_bytes(name.as_bytes()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::presets;

    #[test]
    fn ok_allow_exactly_the_headers_that_are_read() {
        let names = |propagator: &Propagator| {
            let mut names: Vec<_> = allow_headers(propagator).map(|name| name.to_string()).collect();
            names.sort();
            names.join(",")
        };
        assert_eq!(names(&presets::W3C.propagator()), "baggage,traceparent,tracestate");
        let mixed = Propagator::from_names("jaeger, b3, b3multi, correlation:X-Request-Id", "datadog").unwrap();
        assert_eq!(
            names(&mixed),
            "b3,jaeger-baggage,jaeger-debug-id,uber-trace-id,x-b3-flags,x-b3-parentspanid,x-b3-sampled,x-b3-spanid,\
             x-b3-traceid,x-request-id"
        );
    }

    #[test]
    fn ok_lists_hold_every_header_that_the_formats_read() {
        let all: Vec<_> = browser_agent_headers().collect();
        let read: Vec<_> = allow_headers(&Propagator::from_names("all", "none").unwrap()).collect();
        assert!(read.len() >= 20);
        for name in &read {
            assert_eq!(all.contains(name), !SENT_BY_NO_AGENT.contains(&name.as_str()), "{name}");
        }
        let mut once = all.clone();
        once.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        once.dedup();
        assert_eq!(once.len(), all.len());
    }

    /// Names of formats that no browser agent sends: only a page that sets them itself has to be allowed to.
    const SENT_BY_NO_AGENT: [&str; 6] = [
        "x-instana-synthetic",
        "grpc-trace-bin",
        "ot-tracer-traceid",
        "ot-tracer-spanid",
        "ot-tracer-sampled",
        "x-cloud-trace-context",
    ];

    /// Names in the lists that are not the field of a row, because no format has such a field.
    const NOT_A_FIELD: [&str; 1] = ["request-id"];

    #[test]
    fn ok_each_listed_name_is_a_field_or_known_not_to_be_one() {
        let is_field = |name: &str| Field::from_name(name).is_some_and(|field| field.name() == Some(name));
        let others: Vec<_> = browser_agent_headers().filter(|name| !is_field(name.as_str())).collect();
        assert_eq!(others, NOT_A_FIELD);
    }

    #[test]
    fn ok_expose_each_written_header_once() {
        let names =
            |response: ResponseHeaders| expose_headers(&response).map(|name| name.to_string()).collect::<Vec<_>>();
        assert!(names(ResponseHeaders::new()).is_empty());
        assert_eq!(names(ResponseHeaders::new().draft_server_timing()), ["server-timing"]);
        let all = ResponseHeader::ALL.into_iter().fold(ResponseHeaders::new(), ResponseHeaders::with);
        assert_eq!(names(all), ["server-timing", "traceresponse"]);
    }

    #[test]
    fn ok_missing_names_are_appended_once() {
        const NAME: HeaderName = ACCESS_CONTROL_EXPOSE_HEADERS;
        let added = |before: &[&'static str], written: &[ResponseHeader]| {
            let mut headers = HeaderMap::new();
            for line in before {
                headers.append(NAME, HeaderValue::from_static(line));
            }
            let response = written.iter().fold(ResponseHeaders::new(), |response, header| response.with(*header));
            append_expose_headers(&response, &mut headers);
            let kept = headers.get_all(NAME).iter().take(before.len()).eq(before.iter().copied());
            assert!(kept && headers.get_all(NAME).iter().count() <= before.len() + 1);
            headers.get_all(NAME).iter().nth(before.len()).map(|line| line.to_str().unwrap().to_owned())
        };
        let all = &ResponseHeader::ALL;
        assert_eq!(added(&[], &[]), None);
        assert_eq!(added(&[], all).as_deref(), Some("server-timing, traceresponse"));
        assert_eq!(added(&["*"], &all[..1]).as_deref(), Some("server-timing"));
        assert_eq!(added(&["a", "b ,\tServer-Timing"], all).as_deref(), Some("traceresponse"));
        assert_eq!(added(&["traceresponse,server-timing"], all), None);
        assert_eq!(added(&["a"; MAX_HEADER_LINES], &all[..1]).as_deref(), Some("server-timing"));
        assert_eq!(added(&["a"; MAX_HEADER_LINES + 1], &all[..1]), None);
    }
}
