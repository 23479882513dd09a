//! Header names for CORS: what a browser has to be allowed to send, and what its page has to be allowed to read.
//!
//! Trace headers turn a plain cross-origin request into one with a preflight. If the answer lacks a single name, the
//! browser sends nothing at all: the page's own call fails, not just its trace. So allow every name that an agent on the
//! page may send, also those that this service does not read; agents add names with their versions. The lists go into any
//! version of tower-http's `CorsLayer`, or into anything else that takes names:
//!
//! ```
//! use tower_http::cors::CorsLayer;
//! use traceprop_core::Propagator;
//! use traceprop_http::{ResponseHeader, ResponseTrace, cors};
//!
//! let propagator = Propagator::from_names("all, correlation:x-request-id", "tracecontext")?;
//! let response = ResponseTrace::new().with(ResponseHeader::ServerTiming);
//! let layer = CorsLayer::new()
//!     .allow_headers(cors::allow_headers(&propagator).chain(cors::SENTRY.clone()).collect::<Vec<_>>())
//!     .expose_headers(cors::expose_headers(response).collect::<Vec<_>>());
//! # let _: CorsLayer = layer;
//! # Ok::<(), traceprop_core::ConfigError>(())
//! ```
//!
//! Name the headers of the application too (`content-type`, `authorization`): a list replaces the one before. A wildcard
//! is no way out: with credentials browsers take `*` for the name of a header, in both lists. Set a maximum age, and
//! give every answer the whole list: what was answered once counts for later requests to that address. The layer belongs
//! outside of authentication and routing, because it has to answer OPTIONS before they turn it down.
//!
//! `CorsLayer` overwrites an `Access-Control-Expose-Headers` that was set further inside. It knows nothing of
//! `Timing-Allow-Origin`, without which Grafana Faro sees no `Server-Timing` across origins.

use http::header::ACCESS_CONTROL_EXPOSE_HEADERS;
use http::{HeaderMap, HeaderName, HeaderValue};
use traceprop_core::{Field, MAX_HEADER_LINES, Propagator};

use crate::names;
use crate::response::{ResponseHeader, ResponseTrace};

macro_rules! lists {
    ($($(#[doc = $doc:literal])+ $list:ident: $count:literal = [$($name:literal),+];)+) => {
        $($(#[doc = $doc])+
        pub static $list: [HeaderName; $count] = [$(HeaderName::from_static($name)),+];)+

        /// Every list, one after the other.
        fn all() -> impl Iterator<Item = &'static HeaderName> + Clone {
            let lists: [&'static [HeaderName]; [$($count),+].len()] = [$(&$list),+];
            lists.into_iter().flatten()
        }
    };
}

lists! {
    /// W3C trace context: OpenTelemetry, Splunk, Grafana Faro, Elastic, Dynatrace, and all others where configured.
    TRACE_CONTEXT: 2 = ["traceparent", "tracestate"];
    /// W3C baggage: Datadog's agent sends it since its version 7 unless told not to.
    BAGGAGE: 1 = ["baggage"];
    /// B3 in one header.
    B3: 1 = ["b3"];
    /// B3 in several.
    B3_MULTI: 5 = ["x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"];
    /// Datadog. Browsers send the first four, mobile apps the tags too.
    DATADOG: 5 = ["x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-sampling-priority", "x-datadog-origin",
        "x-datadog-tags"];
    /// Jaeger, without its baggage: that is one name an item, see [`jaeger_baggage_headers`].
    JAEGER: 3 = ["uber-trace-id", "jaeger-debug-id", "jaeger-baggage"];
    /// SkyWalking.
    SW8: 3 = ["sw8", "sw8-correlation", "sw8-x"];
    /// Sentry.
    SENTRY: 2 = ["sentry-trace", "baggage"];
    /// New Relic.
    NEW_RELIC: 3 = ["newrelic", "traceparent", "tracestate"];
    /// What Elastic's agents before 5.0 sent in place of `traceparent`.
    ELASTIC_APM: 1 = ["elastic-apm-traceparent"];
}

/// Every name that an agent for browsers is known to send, once: all lists of this module.
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

/// The names of the headers that this propagator reads, for `Access-Control-Allow-Headers`. Families (`uberctx-`) are
/// left out, since CORS has no word for them: [`jaeger_baggage_headers`].
pub fn allow_headers(propagator: &Propagator) -> impl Iterator<Item = HeaderName> {
    propagator.extract_fields().filter(|name| !name.ends_with('-')).filter_map(header_name)
}

/// The names of Jaeger's baggage items with these keys, `uberctx-KEY`. A key that no header name can hold is left out.
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

/// The names of the headers that responses name their trace in, for `Access-Control-Expose-Headers`. A correlation id
/// that is sent back has a header of its own.
pub fn expose_headers(response: ResponseTrace) -> impl Iterator<Item = HeaderName> {
    let is_listed = |name: &HeaderName| response.forms().any(|form| form.header_name() == name);
    let names = [ResponseHeader::ServerTiming, ResponseHeader::TraceResponse].map(ResponseHeader::header_name);
    names.map(|name| is_listed(name).then(|| name.clone())).into_iter().flatten()
}

/// Adds those names to the `Access-Control-Expose-Headers` of a response, where no CORS layer does: in a line of its own,
/// those that are not listed yet. A wildcard that is there does not count, since with credentials it is none. Without an
/// allocation. Lists of more than [`MAX_HEADER_LINES`] lines stay as they are.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use traceprop_http::{ResponseHeader, ResponseTrace, cors};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("access-control-expose-headers", HeaderValue::from_static("x-request-id"));
/// cors::append_expose_headers(ResponseTrace::new().with(ResponseHeader::ServerTiming), &mut headers);
/// let lines: Vec<_> = headers.get_all("access-control-expose-headers").iter().collect();
/// assert_eq!(lines, ["x-request-id", "server-timing"]);
/// ```
pub fn append_expose_headers(response: ResponseTrace, headers: &mut HeaderMap) {
    let lines = headers.get_all(ACCESS_CONTROL_EXPOSE_HEADERS);
    if lines.iter().nth(MAX_HEADER_LINES).is_some() {
        return;
    }
    let is_listed = |form: ResponseHeader| {
        let mut names = lines.iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
        names.any(|name| name.trim_ascii().eq_ignore_ascii_case(form.header_name().as_str().as_bytes()))
    };
    let (mut timing, mut trace_response) = (false, false);
    for form in response.forms().filter(|form| !is_listed(*form)) {
        match form {
            ResponseHeader::ServerTiming | ResponseHeader::DraftServerTiming => timing = true,
            ResponseHeader::TraceResponse => trace_response = true,
        }
    }
    let names = match (timing, trace_response) {
        (true, true) => "server-timing, traceresponse",
        (true, false) => "server-timing",
        (false, true) => "traceresponse",
        (false, false) => return,
    };
    // A map that is full takes no more; the response is not to fail for it.
    let _ = headers.try_append(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(names));
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
    fn ok_allow_what_is_read_and_only_that() {
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
    fn ok_lists_hold_every_name_that_the_formats_read() {
        let all: Vec<_> = browser_agent_headers().collect();
        let read: Vec<_> = allow_headers(&Propagator::from_names("all", "none").unwrap()).collect();
        assert_eq!(read.len(), 20);
        assert!(read.iter().all(|name| all.contains(name)));
        let mut once = all.clone();
        once.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        once.dedup();
        assert_eq!((once.len(), all.len()), (23, 23));
    }

    #[test]
    fn ok_expose_each_header_once_and_only_if_it_is_written() {
        let names = |response| expose_headers(response).map(|name| name.to_string()).collect::<Vec<_>>();
        assert!(names(ResponseTrace::new()).is_empty());
        assert_eq!(names(ResponseTrace::new().with(ResponseHeader::DraftServerTiming)), ["server-timing"]);
        let all = ResponseHeader::ALL.into_iter().fold(ResponseTrace::new(), ResponseTrace::with);
        assert_eq!(names(all), ["server-timing", "traceresponse"]);
    }
    #[test]
    fn ok_names_are_added_to_a_response_once() {
        const NAME: HeaderName = ACCESS_CONTROL_EXPOSE_HEADERS;
        let added = |before: &[&'static str], forms: &[ResponseHeader]| {
            let mut headers = HeaderMap::new();
            for line in before {
                headers.append(NAME, HeaderValue::from_static(line));
            }
            let response = forms.iter().fold(ResponseTrace::new(), |response, form| response.with(*form));
            append_expose_headers(response, &mut headers);
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
