//! Options of a single injection.

use crate::tracestate::TraceStateEdit;

/// Options of one outgoing call: which data may be sent to the destination, and its address.
///
/// By default only trace context is sent. Baggage and correlation ids can contain personal data, so each destination has
/// to be allowed to receive them.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Allow, InjectOptions};
///
/// let call = InjectOptions::new().peer("stock.internal:8080").endpoint("/api/stock").allow_baggage(Allow::Only(&["tenant"]));
/// assert_eq!(call.peer_or("unknown"), "stock.internal:8080");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct InjectOptions<'a> {
    peer: Option<&'a str>,
    endpoint: Option<&'a str>,
    sent_at_ms: Option<u64>,
    baggage: Allow<'a>,
    correlation_headers: Allow<'a>,
    tracestate: &'a [TraceStateEdit<'a>],
    kept_headers: &'a [&'a str],
    kept_formats: &'a [&'a str],
}

/// Which baggage keys or correlation headers may be sent.
///
/// # Examples
///
/// ```
/// use traceprop_core::Allow;
///
/// let allow = Allow::Only(&["X-Request-Id"]);
/// assert!(allow.allows_header("x-request-id") && !allow.allows_key("x-request-id"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Allow<'a> {
    /// Allows none. The default.
    #[default]
    None,
    /// Allows all.
    All,
    /// Allows these names. Letter case matters in baggage keys, and is ignored in header names.
    Only(&'a [&'a str]),
}

impl Allow<'_> {
    /// Returns `true` if the baggage key may be sent.
    pub fn allows_key(&self, key: &str) -> bool {
        self.allows(|allowed| allowed == key)
    }

    /// Returns `true` if the header may be sent. Letter case is ignored.
    pub fn allows_header(&self, name: &str) -> bool {
        self.allows(|allowed| allowed.eq_ignore_ascii_case(name))
    }

    /// Returns `true` if all names may be sent, or one for which `is_match` returns `true`.
    #[inline]
    pub(crate) fn allows(&self, is_match: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Only(names) => names.iter().any(|name| is_match(name)),
        }
    }
}

impl<'a> InjectOptions<'a> {
    /// Creates options that send trace context and nothing else.
    pub const fn new() -> Self {
        Self {
            peer: None,
            endpoint: None,
            sent_at_ms: None,
            baggage: Allow::None,
            correlation_headers: Allow::None,
            tracestate: &[],
            kept_headers: &[],
            kept_formats: &[],
        }
    }

    /// Creates options that send all baggage and correlation ids too. Use it between your own services.
    pub const fn everything() -> Self {
        Self { baggage: Allow::All, correlation_headers: Allow::All, ..Self::new() }
    }

    /// Sets the authority of the destination (`host:port`), which `sw8` contains.
    pub const fn peer(self, authority: &'a str) -> Self {
        Self { peer: Some(authority), ..self }
    }

    /// Sets the endpoint of the caller, such as a route, page or topic, which `sw8` contains.
    pub const fn endpoint(self, endpoint: &'a str) -> Self {
        Self { endpoint: Some(endpoint), ..self }
    }

    /// Sets the time of sending, in milliseconds since 1970. `sw8-x` contains it, for message queues.
    pub const fn sent_at_ms(self, milliseconds: u64) -> Self {
        Self { sent_at_ms: Some(milliseconds), ..self }
    }

    /// Sets which baggage keys are sent, in every format with baggage. Defaults to none.
    pub const fn allow_baggage(self, keys: Allow<'a>) -> Self {
        Self { baggage: keys, ..self }
    }

    /// Sets which correlation headers are sent. Defaults to none.
    pub const fn allow_correlation(self, names: Allow<'a>) -> Self {
        Self { correlation_headers: names, ..self }
    }

    /// Sets changes to the tracestate, such as the member of a vendor. They are made in this order.
    pub const fn edit_tracestate(self, edits: &'a [TraceStateEdit<'a>]) -> Self {
        Self { tracestate: edits, ..self }
    }

    /// Keeps headers that the outgoing request already has, whatever the trust. Nothing is written over them.
    ///
    /// Use it for headers of another library that writes before this one, such as `baggage` or `sentry-trace` of an SDK.
    /// Do not use it for a copy of a received request: what a caller sent would pass as the service's own.
    ///
    /// A header of a trace format keeps the format whole. All of its trace headers stay and none is written, because one
    /// of them alone would mix two traces. Baggage and correlation ids are kept header by header. Letter case is ignored.
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use traceprop_core::{Field, InjectOptions, SpanContext, SpanId, TraceId, presets};
    ///
    /// let span = SpanContext::new(TraceId::MIN, SpanId::MIN);
    /// let mut headers = vec![("baggage".to_owned(), "own=1".to_owned())];
    /// let options = InjectOptions::new().keep_headers(&["baggage"]);
    /// let propagator = presets::W3C.propagator();
    /// let report = propagator.inject(&span, &options, &mut headers);
    /// assert!(report.kept().iter().eq([Field::Baggage]));
    /// assert_eq!(headers[0].1, "own=1");
    /// # }
    /// ```
    pub const fn keep_headers(self, names: &'a [&'a str]) -> Self {
        Self { kept_headers: names, ..self }
    }

    /// Keeps the trace headers of formats that this call does not write, for a hop that is transparent in them.
    ///
    /// Use it in a gateway that forwards a copy of the request to services behind it, such as AWS X-Ray behind a gateway
    /// that writes W3C. `all` keeps every format. Baggage and correlation ids are never kept.
    ///
    /// It has no effect if the context is not from an extraction under [`Trust::Continue`](crate::Trust::Continue). The
    /// headers are then removed, and reported as omitted (`not-allowed`).
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use traceprop_core::{InjectOptions, SpanId, TraceId, Trust, presets};
    ///
    /// let propagator = presets::ALL_TO_W3C.propagator();
    /// let request = vec![("b3".to_owned(), "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1".to_owned())];
    /// let options = InjectOptions::new().keep_formats(&["b3"]);
    /// let forwarded = |trust| {
    ///     let mut headers = request.clone();
    ///     let span = propagator.extract_with_trust(&request, trust).span_with_ids(TraceId::MIN, SpanId::MIN);
    ///     propagator.inject(&span, &options, &mut headers);
    ///     headers.len()
    /// };
    /// assert_eq!((forwarded(Trust::Continue), forwarded(Trust::Restart)), (2, 1));
    /// # }
    /// ```
    pub const fn keep_formats(self, names: &'a [&'a str]) -> Self {
        Self { kept_formats: names, ..self }
    }

    /// Returns the headers that stay as they are in the outgoing request.
    pub const fn kept_headers(&self) -> &'a [&'a str] {
        self.kept_headers
    }

    /// Returns the formats whose trace headers stay in the outgoing request.
    pub const fn kept_formats(&self) -> &'a [&'a str] {
        self.kept_formats
    }

    /// Returns the authority of the destination, or `unknown` if none is set.
    pub fn peer_or(&self, unknown: &'a str) -> &'a str {
        self.peer.filter(|peer| !peer.is_empty()).unwrap_or(unknown)
    }

    /// Returns the endpoint of the caller, or `unknown` if none is set.
    pub fn endpoint_or(&self, unknown: &'a str) -> &'a str {
        self.endpoint.filter(|endpoint| !endpoint.is_empty()).unwrap_or(unknown)
    }

    /// Returns the time of sending in milliseconds since 1970, if it is set.
    pub const fn sent_at(&self) -> Option<u64> {
        self.sent_at_ms
    }

    /// Returns which baggage keys are sent.
    pub const fn allowed_baggage(&self) -> Allow<'a> {
        self.baggage
    }

    /// Returns which correlation headers are sent.
    pub const fn allowed_correlation(&self) -> Allow<'a> {
        self.correlation_headers
    }

    /// Returns the changes to the tracestate.
    pub const fn tracestate_edits(&self) -> &'a [TraceStateEdit<'a>] {
        self.tracestate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_new_options_allow_no_baggage_and_no_correlation_id() {
        let call = InjectOptions::new();
        assert!(
            !call.allowed_baggage().allows_key("tenant") && !call.allowed_correlation().allows_header("x-request-id")
        );
        assert!(InjectOptions::everything().allowed_baggage().allows_key("tenant"));
    }

    #[test]
    fn ok_keys_differ_in_case_headers_do_not() {
        let only = Allow::Only(&["X-Request-Id"]);
        assert!(only.allows_header("x-request-id") && !only.allows_key("x-request-id"));
    }
}
