//! Ids that link a trace to the session that a RUM agent recorded in the browser.

use std::borrow::Cow;
use std::fmt;

use traceprop_core::formats::datadog::DatadogText;
use traceprop_core::{
    Allow, Baggage, Extraction, OwnedContext, SpanId, TraceId, TraceState, format::Headers,
    formats::jaeger::JaegerBaggage,
};

/// Ids that real user monitoring (RUM) searches by: the trace id in every notation, the resource span of the page, and
/// the session, user and view.
///
/// The ids of session, user and view are received in baggage, W3C or Jaeger. They can be personal data, so only allowed
/// keys have a value. Only percent-encoded values allocate.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Allow, RandomIds, OwnedContext, presets};
/// use traceprop_http::RumIds;
///
/// // Headers that Datadog's agent sends.
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
/// let ids = RumIds::from_context(&context, Allow::Only(&["session.id"])).expect("a trace");
/// assert!(ids.is_rum());
/// assert_eq!(ids.trace_id().to_string(), "000000000000000044d94b7e5512fe08");
/// assert_eq!(ids.trace_id_decimal(), 4_961_079_470_490_582_536);
/// assert_eq!(ids.trace_id_low_hex().to_string(), "44d94b7e5512fe08");
/// assert_eq!(ids.resource_span_id().expect("a parent id").to_string(), "9c0e44d1b7a2f361");
/// assert_eq!(ids.session_id().as_deref(), Some("6ba7b810-9dad-11d1-80b4-00c04fd430c8"));
/// assert_eq!(ids.user_id(), None);
/// ```
#[derive(Clone, Copy)]
pub struct RumIds<'c> {
    trace_id: TraceId,
    resource_span_id: Option<SpanId>,
    origin: Option<DatadogText<'c>>,
    tracestate: TraceState<'c>,
    baggage: Baggage<'c>,
    source: Source<'c>,
    allowed: Allow<'c>,
}

/// Source of the received lines. Jaeger baggage is read from it only when needed, because it is a large table.
#[derive(Clone, Copy)]
enum Source<'c> {
    Owned(&'c OwnedContext),
    Carrier(&'c Headers<'c>),
}

impl<'c> RumIds<'c> {
    /// Creates the ids of a context, for example that in a request's extensions.
    ///
    /// Only the baggage keys in `allowed` have a value. Returns `None` if the context has no trace.
    pub fn from_context(context: &'c OwnedContext, allowed: Allow<'c>) -> Option<Self> {
        // In a passthrough the span of the context is the sender's.
        let resource_span_id = if context.span().is_some() { context.parent_id() } else { context.span_id() };
        Some(Self {
            trace_id: context.trace_id()?,
            resource_span_id,
            origin: context.datadog().origin(),
            tracestate: context.tracestate(),
            baggage: context.baggage(),
            source: Source::Owned(context),
            allowed,
        })
    }

    /// Creates the ids of a received context, before a span is made for it.
    ///
    /// Only the baggage keys in `allowed` have a value. Returns `None` if no context was received.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::{Allow, presets};
    /// use traceprop_http::RumIds;
    ///
    /// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    /// let propagator = presets::W3C.propagator();
    /// let extraction = propagator.extract(&request);
    /// let ids = RumIds::from_extraction(&extraction, Allow::None).expect("a trace");
    /// assert_eq!(ids.trace_id_low_hex().to_string(), "a3ce929d0e0e4736");
    /// ```
    pub fn from_extraction(extraction: &'c Extraction<'c>, allowed: Allow<'c>) -> Option<Self> {
        let context = extraction.context()?;
        Some(Self {
            trace_id: context.trace_id,
            resource_span_id: context.parent_id,
            origin: extraction.datadog().origin(),
            tracestate: extraction.tracestate(),
            baggage: extraction.baggage(),
            source: Source::Carrier(extraction.headers()),
            allowed,
        })
    }

    /// Returns the trace id. It displays as 32 hex digits, which OpenTelemetry, Splunk, Grafana and Sentry search by.
    pub const fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns the low 64 bits of the trace id: `_dd.trace_id` in Datadog's RUM events, `dd.trace_id` in its logs.
    pub const fn trace_id_decimal(&self) -> u64 {
        self.trace_id.low()
    }

    /// Returns the low 64 bits of the trace id as 16 hex digits, the notation of 64-bit B3 and of Datadog's browser
    /// agent.
    pub const fn trace_id_low_hex(&self) -> impl fmt::Display + use<> {
        Hex16(self.trace_id.low())
    }

    /// Returns the span of the sender. If the sender is a page, it is the span of the page's resource.
    pub const fn resource_span_id(&self) -> Option<SpanId> {
        self.resource_span_id
    }

    /// Returns the origin of the trace in Datadog's headers or tracestate member: `rum`, `synthetics`, `lambda`, …
    pub const fn origin(&self) -> Option<DatadogText<'c>> {
        self.origin
    }

    /// Returns `true` if the trace started in a visitor's browser or app. Only Datadog's agents send this.
    pub fn is_rum(&self) -> bool {
        self.origin.is_some_and(|origin| origin == "rum")
    }

    /// Returns `true` if the trace started in a synthetic test.
    pub fn is_synthetic(&self) -> bool {
        self.origin.is_some_and(|origin| origin == "synthetics" || origin == "synthetics-browser")
    }

    /// Returns the received tracestate. It displays in wire form.
    pub const fn tracestate(&self) -> TraceState<'c> {
        self.tracestate
    }

    /// Returns the session id, from baggage `session.id`.
    pub fn session_id(&self) -> Option<Cow<'c, str>> {
        self.get("session.id")
    }

    /// Returns the user id, from baggage `user.id` or, if that is absent or not allowed, from `enduser.id`.
    pub fn user_id(&self) -> Option<Cow<'c, str>> {
        self.get("user.id").or_else(|| self.get("enduser.id"))
    }

    /// Returns the account of the user, from baggage `account.id`.
    pub fn account_id(&self) -> Option<Cow<'c, str>> {
        self.get("account.id")
    }

    /// Returns the id of the page view, from baggage `view.id`.
    pub fn view_id(&self) -> Option<Cow<'c, str>> {
        self.get("view.id")
    }

    /// Returns the percent-decoded value of a baggage key, if the key is allowed. W3C baggage is read first, then
    /// Jaeger's.
    ///
    /// The value is text of the request. Log it only if it is short and visible ASCII.
    pub fn get(&self, key: &str) -> Option<Cow<'c, str>> {
        if !self.allowed.allows_key(key) {
            return None;
        }
        let value = self.baggage.get(key).map(|member| member.value());
        value.or_else(|| self.jaeger_value(key)).filter(|value| !value.is_empty())
    }

    fn jaeger_value(&self, key: &str) -> Option<Cow<'c, str>> {
        let baggage = match self.source {
            Source::Owned(context) => context.jaeger().baggage(),
            Source::Carrier(slots) => JaegerBaggage::from_lines(slots),
        };
        Some(baggage.get(key)?.value())
    }
}

impl fmt::Debug for RumIds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RumIds")
            .field("trace_id", &self.trace_id)
            .field("resource_span_id", &self.resource_span_id)
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

    fn id_bits() -> impl Fn() -> IdBits {
        || IdBits::random(7)
    }

    #[track_caller]
    fn assert_w3c(ids: &RumIds<'_>) {
        assert_eq!(ids.trace_id().to_string(), "6a1f0c3e7f11223344d94b7e5512fe08");
        assert_eq!(
            (ids.trace_id_decimal(), &*ids.trace_id_low_hex().to_string()),
            (0x44d9_4b7e_5512_fe08, "44d94b7e5512fe08")
        );
        assert_eq!(ids.resource_span_id().unwrap().to_string(), "9c0e44d1b7a2f361");
        assert!(ids.is_rum() && !ids.is_synthetic());
        assert_eq!(ids.tracestate().to_string(), "acme=1,dd=s:1;o:rum");
        assert_eq!(ids.session_id().as_deref(), Some("s 1"));
        assert_eq!((ids.user_id().as_deref(), ids.account_id().as_deref()), (Some("e"), None));
    }

    #[test]
    fn ok_span_passthrough_and_extraction_have_equal_ids() {
        let propagator = propagator();
        let extraction = propagator.extract(&W3C);
        let allowed = Allow::Only(&["session.id", "enduser.id", "view.id"]);
        assert_w3c(&RumIds::from_extraction(&extraction, allowed).unwrap());
        let span = OwnedContext::from_span(&extraction, &extraction.new_span(&id_bits()));
        assert_w3c(&RumIds::from_context(&span, allowed).unwrap());
        assert_w3c(&RumIds::from_context(&OwnedContext::from_passthrough(&extraction), allowed).unwrap());
    }

    #[test]
    fn ok_only_allowed_values_that_are_not_empty() {
        let propagator = propagator();
        let extraction = propagator.extract(&W3C);
        let values = |allowed| {
            let ids = RumIds::from_extraction(&extraction, allowed).unwrap();
            [ids.session_id(), ids.user_id(), ids.account_id(), ids.view_id()].map(|value| value.map(Cow::into_owned))
        };
        assert_eq!(values(Allow::None), [const { None }; 4]);
        assert_eq!(values(Allow::All), [Some("s 1".to_owned()), Some("u".to_owned()), Some("a".to_owned()), None]);
    }

    #[test]
    fn ok_synthetic_tests_and_low_halves_with_zeros() {
        let request =
            [("x-datadog-trace-id", "255"), ("x-datadog-parent-id", "0"), ("x-datadog-origin", "synthetics-browser")];
        let propagator = propagator();
        let extraction = propagator.extract(&request);
        let ids = RumIds::from_extraction(&extraction, Allow::All).unwrap();
        assert!(ids.is_synthetic() && !ids.is_rum());
        assert_eq!((ids.resource_span_id(), &*ids.trace_id_low_hex().to_string()), (None, "00000000000000ff"));
    }

    #[test]
    fn ok_new_trace_has_no_resource_span() {
        let propagator = presets::ALL_TO_W3C.builder().trust(Trust::Restart).build().unwrap();
        let extraction = propagator.extract(&W3C);
        assert!(RumIds::from_extraction(&extraction, Allow::All).is_none());
        let context = OwnedContext::from_span(&extraction, &extraction.new_span(&id_bits()));
        let ids = RumIds::from_context(&context, Allow::All).unwrap();
        assert_eq!((ids.resource_span_id(), ids.is_rum()), (None, false));
        assert_eq!(ids.session_id().as_deref(), Some("s 1"));

        let made = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
        assert_eq!(RumIds::from_context(&made, Allow::All).unwrap().session_id(), None);
    }

    #[test]
    fn ok_jaeger_baggage_is_read_after_w3c_baggage() {
        let request = [
            ("uber-trace-id", "6a1f0c3e7f11223344d94b7e5512fe08:9c0e44d1b7a2f361:0:1"),
            ("uberctx-session.id", "s%201"),
            ("uberctx-user.id", "u"),
            ("baggage", "user.id=w"),
        ];
        let propagator = propagator();
        let extraction = propagator.extract(&request);
        let owned = OwnedContext::from_span(&extraction, &extraction.new_span(&id_bits()));
        let allowed = Allow::Only(&["session.id", "user.id"]);
        for ids in [RumIds::from_context(&owned, allowed), RumIds::from_extraction(&extraction, allowed)] {
            let ids = ids.unwrap();
            assert_eq!((ids.session_id().as_deref(), ids.user_id().as_deref()), (Some("s 1"), Some("w")));
        }
        let ids = RumIds::from_context(&owned, Allow::None).unwrap();
        assert_eq!((ids.session_id(), ids.user_id()), (None, None));
    }

    #[test]
    fn ok_debug_omits_data_of_the_visitor() {
        let propagator = propagator();
        let extraction = propagator.extract(&W3C);
        let text = format!("{:?}", RumIds::from_extraction(&extraction, Allow::All).unwrap());
        assert_eq!(
            text,
            "RumIds { trace_id: TraceId(6a1f0c3e7f11223344d94b7e5512fe08), resource_span_id: \
             Some(SpanId(9c0e44d1b7a2f361)), origin: Some(DatadogText(3 bytes)), .. }"
        );
    }
}
