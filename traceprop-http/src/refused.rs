//! Taking refused headers out of a `HeaderMap`.

use http::header::{HeaderMap, HeaderName, HeaderValue, OccupiedEntry};
use traceprop_core::Field;
use traceprop_core::format::FieldSet;
use traceprop_core::refusals::{Refusals, Verdict};

use crate::names;

/// What a listener refused of a request: fields and counts, no text.
///
/// # Examples
///
/// ```
/// use traceprop_core::Field;
/// use traceprop_http::Refused;
///
/// let refused = Refused::default();
/// assert!(refused.is_empty() && !refused.fields.contains(Field::TraceParent));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// The fields that were refused, whole or in part.
    pub fields: FieldSet,
    /// The number of header lines that were refused whole.
    pub headers: u32,
    /// The number of members that were refused in other lines.
    pub members: u32,
}

impl Refused {
    /// Returns whether nothing was refused.
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn add(&mut self, field: Field, headers: usize, members: usize) {
        if headers + members > 0 {
            self.fields = self.fields.with(field);
        }
        self.headers = self.headers.saturating_add(u32::try_from(headers).unwrap_or(u32::MAX));
        self.members = self.members.saturating_add(u32::try_from(members).unwrap_or(u32::MAX));
    }
}

/// Removes from `headers` what `refusals` refuses.
///
/// Values that stay keep their bytes and their order, and so do the members of a list that stay. A header without a
/// member that is allowed is removed. Call it after the context is extracted, and before a handler sees the request.
///
/// The headers are walked once. Nothing is allocated unless a list loses members, or a name is not a built-in one.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use traceprop_core::{Allow, Trust, presets};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("traceparent", HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
/// headers.insert("b3", HeaderValue::from_static("0"));
/// headers.insert("baggage", HeaderValue::from_static("tenant=acme, user=alice"));
///
/// let propagator = presets::W3C.propagator();
/// let refused = traceprop_http::remove_refused(&mut headers, &propagator.refusals(Trust::Restart, Allow::Only(&["tenant"])));
/// assert_eq!((refused.headers, refused.members), (2, 1));
/// assert_eq!((headers.len(), headers["baggage"].as_bytes()), (1, &b"tenant=acme"[..]));
/// ```
pub fn remove_refused(headers: &mut HeaderMap, refusals: &Refusals<'_>) -> Refused {
    let mut refused = Refused::default();
    if refusals.is_empty() {
        return refused;
    }
    let found = Found::in_headers(headers, refusals);
    for (field, name) in found.built_in.built_in().filter_map(|field| Some((field, names::of(field)?))) {
        remove(headers, field, name, &mut refused);
    }
    for (field, name) in &found.others {
        remove(headers, *field, name, &mut refused);
    }
    for (field, name) in found.lists {
        if let http::header::Entry::Occupied(lines) = headers.entry(&name) {
            filter(lines, field, refusals, &mut refused);
        }
    }
    refused
}

/// Counts what `refusals` refuses, and leaves it in `headers`.
///
/// Use it for handlers that verify a signature over headers, or audit them.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use traceprop_core::{Allow, Trust, presets};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("b3", HeaderValue::from_static("0"));
/// let propagator = presets::W3C.propagator();
/// let refused = traceprop_http::count_refused(&headers, &propagator.refusals(Trust::Ignore, Allow::All));
/// assert_eq!((refused.headers, headers.len()), (1, 1));
/// ```
pub fn count_refused(headers: &HeaderMap, refusals: &Refusals<'_>) -> Refused {
    let mut refused = Refused::default();
    if refusals.is_empty() {
        return refused;
    }
    for (name, value) in headers {
        match refusals.of_header(name.as_str()) {
            Verdict::Stays => {}
            Verdict::Refused(field) => refused.add(field, 1, 0),
            Verdict::Members(field) => {
                let (_, removed) = refusals.of_members(field, name.as_str(), value.as_bytes());
                refused.add(field, 0, removed);
            }
        }
    }
    refused
}

/// The names that one walk found.
#[derive(Default)]
struct Found {
    /// Refused fields with a built-in name.
    built_in: FieldSet,
    /// Other names that are refused.
    others: Vec<(Field, HeaderName)>,
    /// Names whose lines lose members.
    lists: Vec<(Field, HeaderName)>,
}

impl Found {
    fn in_headers(headers: &HeaderMap, refusals: &Refusals<'_>) -> Self {
        let mut found = Self::default();
        // All lines of a name come together.
        for (name, value) in headers {
            match refusals.of_header(name.as_str()) {
                Verdict::Stays => {}
                Verdict::Refused(field) if names::of(field) == Some(name) => {
                    found.built_in = found.built_in.with(field);
                }
                Verdict::Refused(field) => add(&mut found.others, field, name),
                Verdict::Members(field) => {
                    if refusals.of_members(field, name.as_str(), value.as_bytes()).1 > 0 {
                        add(&mut found.lists, field, name);
                    }
                }
            }
        }
        found
    }
}

fn add(found: &mut Vec<(Field, HeaderName)>, field: Field, name: &HeaderName) {
    if found.last().is_none_or(|(_, last)| last != name) {
        found.push((field, name.clone()));
    }
}

fn remove(headers: &mut HeaderMap, field: Field, name: &HeaderName, refused: &mut Refused) {
    if let http::header::Entry::Occupied(lines) = headers.entry(name) {
        let (_, values) = lines.remove_entry_mult();
        refused.add(field, values.count(), 0);
    }
}

/// Removes members from all lines of a name. The lines that stay keep their order.
fn filter(mut lines: OccupiedEntry<'_, HeaderValue>, field: Field, refusals: &Refusals<'_>, refused: &mut Refused) {
    let mut members = 0;
    let name = lines.key().clone();
    let filtered = lines.iter().filter_map(|value| {
        let (rest, removed) = refusals.of_members(field, name.as_str(), value.as_bytes());
        members += removed;
        if removed == 0 {
            return Some(value.clone());
        }
        // A part of a value is a value, so this fails only for an empty rest.
        let mut rest = HeaderValue::from_bytes(&rest).ok().filter(|rest| !rest.is_empty())?;
        rest.set_sensitive(value.is_sensitive());
        Some(rest)
    });
    let filtered: Vec<_> = filtered.collect();
    refused.add(field, 0, members);
    let mut filtered = filtered.into_iter();
    match filtered.next() {
        None => {
            lines.remove_entry_mult();
        }
        Some(first) => {
            // Not `insert_mult`: it panics if the name has three lines or more (http 1.5.0).
            lines.insert(first);
            filtered.for_each(|value| lines.append(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::{Allow, Propagator, Trust};

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        headers
    }

    fn lines(headers: &HeaderMap) -> Vec<(&str, &str)> {
        let mut lines: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        // Names may move, values of a name may not.
        lines.sort_by_key(|(name, _)| *name);
        lines
    }

    const RECEIVED: &[(&str, &str)] = &[
        ("accept", "a"),
        ("accept", "b"),
        ("b3", "0"),
        ("baggage", "a=1, b=2"),
        ("baggage", " c=3 ;p"),
        ("baggage", "b=4"),
        ("baggage", "a=5,sentry-sampled=true"),
        ("traceparent", "x"),
        ("traceparent", "y"),
        ("uberctx-a", "6"),
        ("uberctx-b", "7"),
        ("x-request-id", "8"),
        ("x_b3_traceid", "9"),
    ];

    #[track_caller]
    fn check(trust: Trust, allow: Allow<'_>, left: &[(&str, &str)], headers_and_members: (u32, u32)) {
        let propagator = Propagator::from_names("tracecontext,baggage,correlation:x-request-id", "none").unwrap();
        let refusals = propagator.refusals(trust, allow);
        let mut map = headers(RECEIVED);
        let counted = count_refused(&map, &refusals);
        assert_eq!(map, headers(RECEIVED));
        let refused = remove_refused(&mut map, &refusals);
        assert_eq!(lines(&map), left);
        assert_eq!((refused.headers, refused.members), headers_and_members);
        assert_eq!(counted, refused);
        assert_eq!(remove_refused(&mut map, &refusals), Refused::default());
    }

    #[test]
    fn ok_nothing_is_refused_of_a_trusted_caller() {
        check(Trust::Continue, Allow::All, RECEIVED, (0, 0));
    }

    #[test]
    fn ok_values_that_stay_keep_their_bytes_and_order() {
        let mut left = RECEIVED.to_vec();
        left.splice(3..7, [("baggage", "a=1"), ("baggage", " c=3 ;p"), ("baggage", "a=5")]);
        left.retain(|(name, _)| *name != "uberctx-b");
        check(Trust::Continue, Allow::Only(&["a", "c"]), &left, (0, 4));
    }

    #[test]
    fn ok_resampling_removes_decisions_in_baggage_and_names_that_are_read_otherwise() {
        let mut left = RECEIVED.to_vec();
        left[6] = ("baggage", "a=5");
        left.pop();
        check(Trust::Resample, Allow::All, &left, (1, 1));
    }

    #[test]
    fn ok_restart_and_ignore_remove_all_trace_headers() {
        let left: Vec<_> = [0, 1, 3, 4, 5, 6, 9, 10, 11].map(|place| RECEIVED[place]).into();
        let mut restarted = left.clone();
        restarted[5] = ("baggage", "a=5");
        check(Trust::Restart, Allow::All, &restarted, (4, 1));
        check(Trust::Restart, Allow::None, &[left[0], left[1], left[8]], (4, 8));
        check(Trust::Ignore, Allow::All, &left[..2], (11, 0));
    }

    #[test]
    fn ok_fields_are_told_and_sensitive_values_stay_sensitive() {
        let propagator = Propagator::from_names("baggage", "none").unwrap();
        let mut map = headers(&[("baggage", "a=1,b=2")]);
        map.get_mut("baggage").unwrap().set_sensitive(true);
        let refused = remove_refused(&mut map, &propagator.refusals(Trust::Continue, Allow::Only(&["a"])));
        assert_eq!(refused.fields, FieldSet::of(&[Field::Baggage]));
        assert!(map["baggage"].is_sensitive() && map["baggage"] == "a=1");
    }

    #[test]
    fn ok_bytes_that_are_not_ascii_stay() {
        let propagator = Propagator::from_names("baggage", "none").unwrap();
        let mut map = HeaderMap::new();
        map.append("jaeger-baggage", HeaderValue::from_bytes(b"a=\xff, b=2").unwrap());
        remove_refused(&mut map, &propagator.refusals(Trust::Continue, Allow::Only(&["a"])));
        assert_eq!(map["jaeger-baggage"].as_bytes(), b"a=\xff");
    }
}
