//! What links a trace to the session that a RUM agent recorded in the browser.

use std::borrow::Cow;
use std::fmt;

use traceprop_core::formats::datadog::DatadogText;
use traceprop_core::{Allow, Baggage, Extraction, Headers, JaegerBaggage, OwnedContext, SpanId, TraceId, TraceState};

/// A context as RUM sees it: the trace id in every spelling that backends of RUM search by, the span that is the
/// resource of the page, and who the visitor was.
///
/// The ids of session, user and view are personal data that came in baggage (W3C or Jaeger): only keys that were allowed are shown.
/// Nothing is allocated, but for values that are percent-encoded.
///
/// ```
/// use traceprop_core::{Allow, RandomIds, OwnedContext, presets};
/// use traceprop_http::RumIds;
///
/// // What Datadog's agent sends.
/// let request = [
///     ("x-datadog-trace-id", "4961079470490582536"),
///     ("x-datadog-parent-id", "11245000987110470497"),
///     ("x-datadog-sampling-priority", "1"),
///     ("x-datadog-origin", "rum"),
///     ("baggage", "session.id=6ba7b810-9dad-11d1-80b4-00c04fd430c8,user.id=ann%20b"),
/// ];
/// let propagator = presets::ALL_TO_W3C.propagator();
/// let extraction = propagator.extract(&request);
/// let context = OwnedContext::from_span(&extraction, &extraction.new_span(&RandomIds));
///
/// let link = RumIds::from_context(&context, Allow::Only(&["session.id"])).expect("it has a trace");
/// assert!(link.is_rum());
/// assert_eq!(link.trace_id().to_string(), "000000000000000044d94b7e5512fe08");
/// assert_eq!(link.trace_id_decimal(), 4_961_079_470_490_582_536);
/// assert_eq!(link.trace_id_low_hex().to_string(), "44d94b7e5512fe08");
/// assert_eq!(link.resource_span_id().expect("the agent sent one").to_string(), "9c0e44d1b7a2f361");
/// assert_eq!(link.session_id().as_deref(), Some("6ba7b810-9dad-11d1-80b4-00c04fd430c8"));
/// assert_eq!(link.user_id(), None);
/// ```
#[derive(Clone, Copy)]
pub struct RumIds<'c> {
    trace_id: TraceId,
    resource_span: Option<SpanId>,
    origin: Option<DatadogText<'c>>,
    tracestate: TraceState<'c>,
    baggage: Baggage<'c>,
    lines: Lines<'c>,
    allowed: Allow<'c>,
}

/// Where the lines are that came. Jaeger's baggage is only read from them if it is asked for: it is a table.
#[derive(Clone, Copy)]
enum Lines<'c> {
    Owned(&'c OwnedContext),
    Carrier(&'c Headers<'c>),
}

impl<'c> RumIds<'c> {
    /// The link of a request's context, that in its extensions. The baggage keys that may be shown are `allowed`. None if
    /// there is no trace.
    pub fn from_context(context: &'c OwnedContext, allowed: Allow<'c>) -> Option<Self> {
        // A service without spans of its own stands where the sender's span is.
        let resource_span = if context.span().is_some() { context.parent_id() } else { context.span_id() };
        Some(Self {
            trace_id: context.trace_id()?,
            resource_span,
            origin: context.datadog().origin(),
            tracestate: context.tracestate(),
            baggage: context.baggage(),
            lines: Lines::Owned(context),
            allowed,
        })
    }

    /// The link of what came, before it becomes a context of ours.
    pub fn from_extraction(extraction: &'c Extraction<'c>, allowed: Allow<'c>) -> Option<Self> {
        let context = extraction.context()?;
        Some(Self {
            trace_id: context.trace_id,
            resource_span: context.parent_id,
            origin: extraction.datadog().origin(),
            tracestate: extraction.tracestate(),
            baggage: extraction.baggage(),
            lines: Lines::Carrier(extraction.headers()),
            allowed,
        })
    }

    /// The trace. Displays as 32 hex digits: what OpenTelemetry, Splunk, Grafana and Sentry search by.
    pub const fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The lower half as a number: `_dd.trace_id` in the events of Datadog's RUM, and `dd.trace_id` in its logs.
    pub const fn trace_id_decimal(&self) -> u64 {
        self.trace_id.low()
    }

    /// The lower half as 16 hex digits: what B3 of 64 bits and Datadog's agent for browsers write.
    pub const fn trace_id_low_hex(&self) -> impl fmt::Display + use<> {
        Hex16(self.trace_id.low())
    }

    /// The span of the sender: the resource, if it was a page.
    pub const fn resource_span_id(&self) -> Option<SpanId> {
        self.resource_span
    }

    /// Where Datadog's headers or its tracestate member say that the trace began: `rum`, `synthetics`, `lambda`, …
    pub const fn origin(&self) -> Option<DatadogText<'c>> {
        self.origin
    }

    /// Whether it began in a visitor's browser or app. Other agents than Datadog's do not tell.
    pub fn is_rum(&self) -> bool {
        self.origin.is_some_and(|origin| origin == "rum")
    }

    /// Whether it began in a synthetic test.
    pub fn is_synthetic(&self) -> bool {
        self.origin.is_some_and(|origin| origin == "synthetics" || origin == "synthetics-browser")
    }

    /// The tracestate that came with the trace. Displays in wire form.
    pub const fn tracestate(&self) -> TraceState<'c> {
        self.tracestate
    }

    /// The session, from baggage `session.id`.
    pub fn session_id(&self) -> Option<Cow<'c, str>> {
        self.get("session.id")
    }

    /// The user, from baggage `user.id`; if that is not there or not allowed, from `enduser.id`.
    pub fn user_id(&self) -> Option<Cow<'c, str>> {
        self.get("user.id").or_else(|| self.get("enduser.id"))
    }

    /// The account of the user, from baggage `account.id`.
    pub fn account_id(&self) -> Option<Cow<'c, str>> {
        self.get("account.id")
    }

    /// The page view, from baggage `view.id`.
    pub fn view_id(&self) -> Option<Cow<'c, str>> {
        self.get("view.id")
    }

    /// The value of this key, percent-decoded, if the key is allowed: from W3C baggage, else from Jaeger's, in which an
    /// agent that speaks Jaeger has it. It is text of the request: not for a log unless it is short and visible ASCII.
    pub fn get(&self, key: &str) -> Option<Cow<'c, str>> {
        if !self.allowed.allows_key(key) {
            return None;
        }
        let value = self.baggage.get(key).map(|member| member.value());
        value.or_else(|| self.jaeger_value(key)).filter(|value| !value.is_empty())
    }

    fn jaeger_value(&self, key: &str) -> Option<Cow<'c, str>> {
        let baggage = match self.lines {
            Lines::Owned(context) => context.jaeger_baggage(),
            Lines::Carrier(slots) => JaegerBaggage::read(slots),
        };
        Some(baggage.get(key)?.value())
    }
}

impl fmt::Debug for RumIds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RumIds")
            .field("trace_id", &self.trace_id)
            .field("resource_span", &self.resource_span)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

struct Hex16(u64);

impl fmt::Display for Hex16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::{IdBits, Propagator, SpanContext, Trust, presets};

    const W3C: [(&str, &str); 3] = [
        ("traceparent", "00-6a1f0c3e7f11223344d94b7e5512fe08-9c0e44d1b7a2f361-01"),
        ("tracestate", "acme=1,dd=s:1;o:rum"),
        ("baggage", "session.id=s%201,user.id=u,enduser.id=e,view.id=,account.id=a"),
    ];

    fn propagator() -> Propagator {
        presets::ALL_TO_W3C.propagator()
    }

    fn ids() -> impl Fn() -> IdBits {
        || IdBits::random(7)
    }

    #[track_caller]
    fn assert_w3c(link: &RumIds<'_>) {
        assert_eq!(link.trace_id().to_string(), "6a1f0c3e7f11223344d94b7e5512fe08");
        assert_eq!(
            (link.trace_id_decimal(), &*link.trace_id_low_hex().to_string()),
            (0x44d9_4b7e_5512_fe08, "44d94b7e5512fe08")
        );
        assert_eq!(link.resource_span_id().unwrap().to_string(), "9c0e44d1b7a2f361");
        assert!(link.is_rum() && !link.is_synthetic());
        assert_eq!(link.tracestate().to_string(), "acme=1,dd=s:1;o:rum");
        assert_eq!(link.session_id().as_deref(), Some("s 1"));
        assert_eq!((link.user_id().as_deref(), link.account_id().as_deref()), (Some("e"), None));
    }

    #[test]
    fn ok_the_same_from_span_relay_and_extraction() {
        let propagator = propagator();
        let extraction = propagator.extract(&W3C);
        let allowed = Allow::Only(&["session.id", "enduser.id", "view.id"]);
        assert_w3c(&RumIds::from_extraction(&extraction, allowed).unwrap());
        let span = OwnedContext::from_span(&extraction, &extraction.new_span(&ids()));
        assert_w3c(&RumIds::from_context(&span, allowed).unwrap());
        assert_w3c(&RumIds::from_context(&OwnedContext::passthrough(&extraction), allowed).unwrap());
    }

    #[test]
    fn ok_only_what_is_allowed_and_not_empty() {
        let propagator = propagator();
        let extraction = propagator.extract(&W3C);
        let values = |allowed| {
            let link = RumIds::from_extraction(&extraction, allowed).unwrap();
            [link.session_id(), link.user_id(), link.account_id(), link.view_id()]
                .map(|value| value.map(Cow::into_owned))
        };
        assert_eq!(values(Allow::None), [const { None }; 4]);
        assert_eq!(values(Allow::All), [Some("s 1".to_owned()), Some("u".to_owned()), Some("a".to_owned()), None]);
    }

    #[test]
    fn ok_synthetic_tests_and_lower_halves_with_zeros() {
        let request =
            [("x-datadog-trace-id", "255"), ("x-datadog-parent-id", "0"), ("x-datadog-origin", "synthetics-browser")];
        let propagator = propagator();
        let extraction = propagator.extract(&request);
        let link = RumIds::from_extraction(&extraction, Allow::All).unwrap();
        assert!(link.is_synthetic() && !link.is_rum());
        assert_eq!((link.resource_span_id(), &*link.trace_id_low_hex().to_string()), (None, "00000000000000ff"));
    }

    #[test]
    fn ok_a_trace_begun_here_has_no_resource() {
        let propagator = presets::ALL_TO_W3C.builder().trust(Trust::Restart).build().unwrap();
        let extraction = propagator.extract(&W3C);
        assert!(RumIds::from_extraction(&extraction, Allow::All).is_none());
        let context = OwnedContext::from_span(&extraction, &extraction.new_span(&ids()));
        let link = RumIds::from_context(&context, Allow::All).unwrap();
        assert_eq!((link.resource_span_id(), link.is_rum()), (None, false));
        assert_eq!(link.session_id().as_deref(), Some("s 1"));

        let made = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
        assert_eq!(RumIds::from_context(&made, Allow::All).unwrap().session_id(), None);
    }

    #[test]
    fn ok_jaeger_says_it_where_w3c_does_not() {
        let request = [
            ("uber-trace-id", "6a1f0c3e7f11223344d94b7e5512fe08:9c0e44d1b7a2f361:0:1"),
            ("uberctx-session.id", "s%201"),
            ("uberctx-user.id", "u"),
            ("baggage", "user.id=w"),
        ];
        let propagator = propagator();
        let extraction = propagator.extract(&request);
        let owned = OwnedContext::from_span(&extraction, &extraction.new_span(&ids()));
        let allowed = Allow::Only(&["session.id", "user.id"]);
        for link in [RumIds::from_context(&owned, allowed), RumIds::from_extraction(&extraction, allowed)] {
            let link = link.unwrap();
            assert_eq!((link.session_id().as_deref(), link.user_id().as_deref()), (Some("s 1"), Some("w")));
        }
        let link = RumIds::from_context(&owned, Allow::None).unwrap();
        assert_eq!((link.session_id(), link.user_id()), (None, None));
    }

    #[test]
    fn ok_debug_shows_nothing_of_the_visitor() {
        let propagator = propagator();
        let extraction = propagator.extract(&W3C);
        let text = format!("{:?}", RumIds::from_extraction(&extraction, Allow::All).unwrap());
        assert_eq!(
            text,
            "RumIds { trace_id: TraceId(6a1f0c3e7f11223344d94b7e5512fe08), resource_span: \
             Some(SpanId(9c0e44d1b7a2f361)), origin: Some(DatadogText(3 bytes)), .. }"
        );
    }
}
