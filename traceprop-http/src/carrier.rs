//! `HeaderMap` as a carrier, for reading and writing.

use std::fmt::Write;

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};
use traceprop_core::{
    Carrier, CarrierMut, Field,
    carrier::{FieldName, FieldValue, Lookup, StaleFields},
    format::FieldSet,
};

use crate::names;

/// [`Carrier`] that reads a [`HeaderMap`].
///
/// Values are read as bytes, so a value that is not ASCII is reported as invalid and not treated as absent.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use traceprop_core::presets;
/// use traceprop_http::HeaderCarrier;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("b3", HeaderValue::from_static("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"));
/// let carrier = HeaderCarrier::new(&headers);
/// let propagator = presets::ALL_TO_W3C.propagator();
/// let context = propagator.extract(&carrier).context().expect("a valid header");
/// assert_eq!(context.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HeaderCarrier<'h>(&'h HeaderMap);

impl<'h> HeaderCarrier<'h> {
    /// Creates a carrier that reads `headers`.
    pub const fn new(headers: &'h HeaderMap) -> Self {
        Self(headers)
    }
}

/// Names and values as text and bytes.
struct Fields<'h>(http::header::Iter<'h, HeaderValue>);

impl<'h> Iterator for Fields<'h> {
    type Item = (&'h str, &'h [u8]);

    // Called for each header of each request. Without the attribute the compiler does not inline it.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.0.next()?;
        Some((name.as_str(), value.as_bytes()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl Carrier for HeaderCarrier<'_> {
    #[inline]
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        Fields(self.0.iter())
    }

    // Called in two places. Without the attribute the compiler does not inline it.
    #[inline(always)]
    fn lookup(&self, field: Field) -> Lookup<'_> {
        let Some(name) = names::of(field) else { return Lookup::Unsupported };
        // As many names as values: none is repeated, so the cheaper lookup is enough.
        if self.0.len() == self.0.keys_len() {
            return self.0.get(name).map_or(Lookup::Absent, |value| Lookup::One(value.as_bytes()));
        }
        let mut values = self.0.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Lookup::Absent,
            (Some(value), None) => Lookup::One(value.as_bytes()),
            (Some(value), Some(_)) => Lookup::Several(value.as_bytes()),
        }
    }
}

/// [`CarrierMut`] that writes into a [`HeaderMap`].
///
/// Each line takes one allocation, for its value. A name that is known only at run time takes another.
///
/// # Examples
///
/// ```
/// use http::HeaderMap;
/// use traceprop_core::{InjectOptions, SpanContext, presets};
/// use traceprop_http::HeaderCarrierMut;
///
/// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
/// let mut headers = HeaderMap::new();
/// let propagator = presets::W3C.propagator();
/// propagator.inject(&span, &InjectOptions::new(), &mut HeaderCarrierMut::new(&mut headers));
/// assert_eq!(headers["traceparent"], "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Debug)]
pub struct HeaderCarrierMut<'h>(&'h mut HeaderMap);

impl<'h> HeaderCarrierMut<'h> {
    /// Creates a carrier that writes into `headers`.
    pub const fn new(headers: &'h mut HeaderMap) -> Self {
        Self(headers)
    }
}

impl CarrierMut for HeaderCarrierMut<'_> {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        let name = names::owned(name.field()).or_else(|| HeaderName::from_bytes(name.as_str().as_bytes()).ok());
        if let (Some(name), Some(value)) = (name, header_value(value)) {
            // A full map (32,768 names) takes no more names. The request must not fail for it.
            let _ = self.0.try_append(name, value);
        }
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        // Known names are removed by their constant. Only other names have to be copied.
        let mut known = FieldSet::EMPTY;
        let mut others: Vec<HeaderName> = Vec::new();
        for name in self.0.keys().filter(|name| stale(name.as_str())) {
            match Field::from_name(name.as_str()) {
                Some(field) if names::of(field).is_some() => known = known.with(field),
                _ => others.push(name.clone()),
            }
        }
        for name in known.built_in().filter_map(names::of) {
            self.0.remove(name);
        }
        for name in others {
            self.0.remove(name);
        }
    }

    fn contains_any(&mut self, fields: &StaleFields<'_>) -> bool {
        match fields.built_in() {
            // A lookup costs about as much as the comparison with four headers.
            Some(fixed) if fixed.len() * 4 <= self.0.keys_len() => {
                fixed.built_in().filter_map(names::of).any(|name| self.0.contains_key(name))
            }
            _ => self.0.keys().any(|name| fields.contains(name.as_str())),
        }
    }
}

/// Converts a value with one allocation.
fn header_value(value: FieldValue<'_>) -> Option<HeaderValue> {
    if let Some(bytes) = value.as_bytes() {
        return HeaderValue::from_bytes(bytes).ok();
    }
    let mut bytes = BytesMut::with_capacity(value.len());
    write!(bytes, "{value}").ok()?;
    HeaderValue::from_maybe_shared(bytes.freeze()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::{InjectOptions, OwnedBaggage, OwnedContext, SpanContext, baggage::BaggageEntry, presets};

    fn span() -> SpanContext<'static> {
        let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        SpanContext::new(trace_id, "00f067aa0ba902b7".parse().unwrap())
    }

    #[test]
    fn ok_repeated_names_have_every_value_in_order() {
        let mut headers = HeaderMap::new();
        headers.append("tracestate", HeaderValue::from_static("a=1"));
        headers.append("host", HeaderValue::from_static("h"));
        headers.append("tracestate", HeaderValue::from_bytes(b"b=\xff").unwrap());
        let carrier = HeaderCarrier::new(&headers);
        let lines: Vec<_> = carrier.fields().map(|(name, value)| (name, value.to_vec())).collect();
        assert_eq!(
            lines,
            [("tracestate", b"a=1".to_vec()), ("tracestate", b"b=\xff".to_vec()), ("host", b"h".to_vec())]
        );
    }

    #[test]
    fn ok_lookup_distinguishes_one_line_from_several() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", HeaderValue::from_static("p"));
        assert_eq!(HeaderCarrier::new(&headers).lookup(Field::TraceState), Lookup::Absent);
        headers.append("tracestate", HeaderValue::from_static("a=1"));
        assert_eq!(HeaderCarrier::new(&headers).lookup(Field::TraceState), Lookup::One(b"a=1"));
        headers.append("tracestate", HeaderValue::from_static("b=2"));
        assert_eq!(HeaderCarrier::new(&headers).lookup(Field::TraceState), Lookup::Several(b"a=1"));
        assert_eq!(HeaderCarrier::new(&headers).lookup(Field::TraceParent), Lookup::One(b"p"));
        assert_eq!(HeaderCarrier::new(&headers).lookup(Field::UberContext), Lookup::Unsupported);
    }

    #[test]
    fn ok_tracestate_alone_is_no_context() {
        let mut headers = HeaderMap::new();
        headers.append("tracestate", HeaderValue::from_static("a=1"));
        let carrier = HeaderCarrier::new(&headers);
        let propagator = presets::W3C.propagator();
        let extraction = propagator.extract(&carrier);
        assert!(extraction.context().is_none() && extraction.tracestate().is_empty());
        let mut out = HeaderMap::new();
        let omitted = propagator.inject(
            extraction.passthrough(),
            &InjectOptions::everything(),
            &mut HeaderCarrierMut::new(&mut out),
        );
        assert!(omitted.is_complete() && out.is_empty());
    }

    #[test]
    fn ok_inject_replaces_stale_fields_and_no_others() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", HeaderValue::from_static("old"));
        headers.append("tracestate", HeaderValue::from_static("old=1"));
        headers.append("tracestate", HeaderValue::from_static("old=2"));
        headers.append("b3", HeaderValue::from_static("0"));
        let propagator = presets::W3C.propagator();
        let omitted = propagator.inject(&span(), &InjectOptions::new(), &mut HeaderCarrierMut::new(&mut headers));
        assert!(omitted.is_complete());
        assert_eq!(headers["traceparent"], "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        assert_eq!((headers.len(), headers.contains_key("tracestate")), (2, false));
    }

    #[test]
    fn ok_values_in_pieces_are_joined() {
        let mut baggage = OwnedBaggage::new();
        for key in ["a", "b", "c"] {
            baggage.push(BaggageEntry { key: key.into(), value: "x y".repeat(300), properties: String::new() });
        }
        let context = OwnedContext::new(span()).with_baggage(&baggage);
        let mut headers = HeaderMap::new();
        let outgoing = InjectOptions::new().allow_baggage(traceprop_core::Allow::Only(&["a", "c"]));
        let propagator = presets::W3C.propagator();
        let omitted = propagator.inject(&context.span().unwrap(), &outgoing, &mut HeaderCarrierMut::new(&mut headers));
        assert_eq!(omitted.to_string(), "baggage: 1 member omitted (not-allowed)");
        let value = "x%20y".repeat(300);
        assert_eq!(headers["baggage"].to_str().unwrap(), format!("a={value},c={value}"));
    }
}
