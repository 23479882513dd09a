//! What only the call knows when a context is injected, and what was left out of it.

use core::fmt;

use crate::field::{Field, FieldNames, Named};
use crate::tracestate::TraceStateEdit;

/// What only the call knows: who is called, and what may go there.
///
/// A new one allows trace context and nothing else: baggage and correlation ids are text of the user's, and go only to
/// destinations that were allowed.
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
}

/// Which keys may leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Allow<'a> {
    /// None of them.
    #[default]
    None,
    /// All of them.
    All,
    /// Those with one of these names. Baggage keys differ in case, header names do not.
    Only(&'a [&'a str]),
}

impl Allow<'_> {
    /// Whether this baggage key may leave.
    pub fn allows_key(&self, key: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Only(keys) => keys.contains(&key),
        }
    }

    /// The same of a key that is bytes still.
    pub(crate) fn raw_key(&self, key: &[u8]) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Only(keys) => keys.iter().any(|allowed| allowed.as_bytes() == key),
        }
    }

    /// Whether the header of this name may leave.
    pub fn allows_header(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Only(names) => names.iter().any(|known| known.eq_ignore_ascii_case(name)),
        }
    }
}

impl<'a> InjectOptions<'a> {
    /// A call of which nothing is known, to a destination that gets trace context alone.
    pub const fn new() -> Self {
        Self {
            peer: None,
            endpoint: None,
            sent_at_ms: None,
            baggage: Allow::None,
            correlation_headers: Allow::None,
            tracestate: &[],
        }
    }

    /// A call inside the fleet: baggage and correlation ids go along.
    pub const fn everything() -> Self {
        Self { baggage: Allow::All, correlation_headers: Allow::All, ..Self::new() }
    }

    /// The authority that is called (`host:port`); sw8 names it.
    pub const fn peer(mut self, authority: &'a str) -> Self {
        self.peer = Some(authority);
        self
    }

    /// The endpoint of the caller (a route, a page, a topic); sw8 names it.
    pub const fn endpoint(mut self, endpoint: &'a str) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    /// The time of sending, in milliseconds since 1970; sw8-x carries it for message queues.
    pub const fn sent_at_ms(mut self, milliseconds: u64) -> Self {
        self.sent_at_ms = Some(milliseconds);
        self
    }

    /// The baggage keys that may go to this destination, in every format that carries baggage.
    pub const fn allow_baggage(mut self, keys: Allow<'a>) -> Self {
        self.baggage = keys;
        self
    }

    /// The correlation headers that may go to this destination.
    pub const fn allow_correlation(mut self, names: Allow<'a>) -> Self {
        self.correlation_headers = names;
        self
    }

    /// Changes to the tracestate, done in this order: a vendor's own member.
    pub const fn edit_tracestate(mut self, edits: &'a [TraceStateEdit<'a>]) -> Self {
        self.tracestate = edits;
        self
    }

    /// The authority, or what stands for it.
    pub fn peer_or(&self, unknown: &'a str) -> &'a str {
        self.peer.filter(|peer| !peer.is_empty()).unwrap_or(unknown)
    }

    /// The endpoint, or what stands for it.
    pub fn endpoint_or(&self, unknown: &'a str) -> &'a str {
        self.endpoint.filter(|endpoint| !endpoint.is_empty()).unwrap_or(unknown)
    }

    /// The time of sending in milliseconds since 1970, where it was given.
    pub const fn sent_at(&self) -> Option<u64> {
        self.sent_at_ms
    }

    /// The baggage keys that may leave.
    pub const fn allowed_baggage(&self) -> Allow<'a> {
        self.baggage
    }

    /// The correlation headers that may leave.
    pub const fn allowed_correlation(&self) -> Allow<'a> {
        self.correlation_headers
    }

    /// The changes to the tracestate.
    pub const fn tracestate_edits(&self) -> &'a [TraceStateEdit<'a>] {
        self.tracestate
    }
}

/// Why something was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OmitReason {
    /// The destination may not have it.
    NotAllowed,
    /// The context has no span id, and the format needs one.
    NoSpanId,
    /// More members than the limit: the last ones went.
    TooManyMembers,
    /// Longer than the limit.
    TooLong,
    /// A key that the format cannot spell.
    BadKey,
    /// A value that the format cannot spell.
    BadValue,
    /// The header is switched off.
    Disabled,
}

impl OmitReason {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAllowed => "not-allowed",
            Self::NoSpanId => "no-span-id",
            Self::TooManyMembers => "too-many-members",
            Self::TooLong => "too-long",
            Self::BadKey => "bad-key",
            Self::BadValue => "bad-value",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for OmitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that was not written: a header, or members of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Omitted {
    /// The field that lacks something, or is not there at all.
    pub field: Field,
    /// Why.
    pub reason: OmitReason,
    /// How many members (1 for a whole header).
    pub count: u32,
}

impl fmt::Display for Omitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(None, f)
    }
}

impl Omitted {
    fn show(&self, names: Option<&FieldNames>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Named(names, self.field);
        // A header of ids is written or omitted as a whole. Members are counted where a header is a list of them.
        let is_list = self.field.is_baggage() || self.field == Field::TraceState || self.count > 1;
        match (is_list, self.count) {
            (false, _) => write!(f, "{name}: omitted ({})", self.reason),
            (true, 1) => write!(f, "{name}: 1 member omitted ({})", self.reason),
            (true, count) => write!(f, "{name}: {count} members omitted ({})", self.reason),
        }
    }
}

/// What an injection left out, and why, with the names that the propagator has for its headers.
///
/// At most [`InjectReport::MAX`] pairs of field and reason; nothing is kept beyond, but [`InjectReport::is_truncated`] says so.
#[derive(Clone, Debug, Default)]
pub struct InjectReport<'p> {
    list: OmissionList,
    names: Option<&'p FieldNames>,
}

/// What formats have left out so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct OmissionList {
    list: [Option<Omitted>; InjectReport::MAX],
    dropped: bool,
}

impl OmissionList {
    pub(crate) fn add(&mut self, field: Field, reason: OmitReason, count: u32) {
        for slot in &mut self.list {
            match slot {
                Some(known) if known.field == field && known.reason == reason => {
                    known.count = known.count.saturating_add(count);
                    return;
                }
                Some(_) => {}
                None => {
                    *slot = Some(Omitted { field, reason, count });
                    return;
                }
            }
        }
        self.dropped = true;
    }

    /// What a user gets. A new list where it is empty: a copy of the one that was made a moment ago would wait for the
    /// cache.
    pub(crate) fn of<'p>(self, names: &'p FieldNames) -> InjectReport<'p> {
        let list = if self.list[0].is_none() { Self::default() } else { self };
        InjectReport { list, names: Some(names) }
    }
}

impl<'p> InjectReport<'p> {
    /// Pairs of field and reason that are kept.
    pub const MAX: usize = 8;

    /// The name of a header that something was left out of. None for a configured one of another propagator.
    pub fn name_of(&self, field: Field) -> Option<&'p str> {
        self.names.map_or_else(|| field.name(), |names| names.name_of(field))
    }

    /// The same without the propagator's names, to keep it for longer than that.
    pub fn without_names(self) -> InjectReport<'static> {
        InjectReport { list: self.list, names: None }
    }

    /// What was left out.
    pub fn iter(&self) -> impl Iterator<Item = &Omitted> {
        self.list.list.iter().flatten()
    }

    /// Returns `true` if nothing was omitted.
    pub const fn is_complete(&self) -> bool {
        self.list.list[0].is_none()
    }

    /// Returns `true` if more was omitted than the report has room for. See [`InjectReport::MAX`].
    pub const fn is_truncated(&self) -> bool {
        self.list.dropped
    }
}

impl fmt::Display for InjectReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_complete() {
            return f.write_str("nothing omitted");
        }
        for (i, omission) in self.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            omission.show(self.names, f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn ok_a_new_call_allows_nothing_of_the_users() {
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

    #[test]
    fn ok_members_are_counted_and_whole_headers_are_not() {
        let shown = |field, count| Omitted { field, reason: OmitReason::NotAllowed, count }.to_string();
        assert_eq!(shown(Field::Baggage, 1), "baggage: 1 member omitted (not-allowed)");
        assert_eq!(shown(Field::Baggage, 2), "baggage: 2 members omitted (not-allowed)");
        assert_eq!(shown(Field::TraceParent, 1), "traceparent: omitted (not-allowed)");
        assert_eq!(InjectReport::default().to_string(), "nothing omitted");
    }

    #[test]
    fn ok_omissions_add_up_and_stay_bounded() {
        let names = FieldNames::new();
        let mut list = OmissionList::default();
        list.add(Field::Baggage, OmitReason::BadKey, 1);
        list.add(Field::Baggage, OmitReason::BadKey, 2);
        let omissions = list.clone().of(&names);
        assert_eq!(
            omissions.iter().copied().next(),
            Some(Omitted { field: Field::Baggage, reason: OmitReason::BadKey, count: 3 })
        );
        assert!(!omissions.is_complete() && !omissions.is_truncated());
        for place in 0..8 {
            list.add(Field::Custom(place), OmitReason::NotAllowed, 1);
        }
        let omissions = list.of(&names);
        assert_eq!(omissions.iter().count(), InjectReport::MAX);
        assert!(omissions.is_truncated());
    }
}
