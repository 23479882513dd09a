//! OpenTelemetry's baggage, which programs change, and the received lines, which keep their form if it did not.

use opentelemetry::Context;
use opentelemetry::StringValue;
use opentelemetry::baggage::{Baggage as OtelBaggage, BaggageExt, BaggageMetadata, KeyValueMetadata};
use traceprop_core::baggage::{BaggageEntry, BaggageMember};
use traceprop_core::{Allow, Baggage, OwnedBaggage, OwnedContext};

/// Returns a context with the received members that are accepted.
pub(super) fn with_received(cx: &Context, received: &Baggage<'_>, accept: Allow<'_>) -> Context {
    let accepted = received.iter().filter(|member| accept.allows_key(member.key()));
    cx.with_baggage(accepted.map(|member| {
        let properties = member.properties();
        let properties = if properties.is_empty() { String::new() } else { properties.to_string() };
        KeyValueMetadata::new(member.key().to_owned(), member.value().into_owned(), properties)
    }))
}

/// Returns the context with the baggage of OpenTelemetry. The received lines stay if it says the same.
///
/// `accepted` is the number of received members that OpenTelemetry had.
pub(super) fn with_baggage(context: OwnedContext, baggage: &OtelBaggage, accepted: usize) -> OwnedContext {
    if is_unchanged(&context, baggage, accepted) {
        return context;
    }
    let changed = merge(&context.baggage(), baggage);
    context.with_baggage(&changed)
}

/// Returns whether OpenTelemetry has the received members. It accepted `accepted` of them.
pub(super) fn is_unchanged(received: &OwnedContext, baggage: &OtelBaggage, accepted: usize) -> bool {
    if accepted == 0 && baggage.is_empty() {
        // Nothing was there to change, whatever was received.
        return true;
    }
    let received = received.baggage();
    if received.len() == baggage.len() {
        return received
            .iter()
            .all(|member| baggage.get_with_metadata(member.key()).is_some_and(|own| is_same(&member, own)));
    }
    // OpenTelemetry has each key once, and a limit of its own.
    received.len() > baggage.len()
        && baggage.len() == accepted
        && baggage.iter().all(|(key, own)| received.get(key.as_str()).is_some_and(|member| is_same(&member, own)))
}

fn is_same(member: &BaggageMember<'_>, (value, metadata): &(StringValue, BaggageMetadata)) -> bool {
    let has_same_properties = match member.properties().is_empty() {
        true => metadata.as_str().is_empty(),
        false => metadata.as_str() == member.properties().to_string(),
    };
    has_same_properties && value.as_str() == member.value()
}

/// Returns the context with the members of OpenTelemetry added. They replace those with the same key.
pub(super) fn add(context: OwnedContext, baggage: &OtelBaggage) -> OwnedContext {
    if baggage.is_empty() {
        return context;
    }
    let mut added = OwnedBaggage::from(context.baggage());
    let mut members: Vec<_> = baggage.iter().collect();
    members.sort_unstable_by_key(|(key, _)| key.as_str());
    for (key, (value, metadata)) in members {
        added.remove(key.as_str());
        added.push(entry(key.as_str(), value, metadata));
    }
    context.with_baggage(&added)
}

fn entry(key: &str, value: &StringValue, metadata: &BaggageMetadata) -> BaggageEntry {
    BaggageEntry { key: key.to_owned(), value: value.as_str().to_owned(), properties: metadata.as_str().to_owned() }
}

/// Keys that were received keep their order. New ones follow, sorted, because OpenTelemetry has no order.
fn merge(received: &Baggage<'_>, baggage: &OtelBaggage) -> OwnedBaggage {
    let mut keys: Vec<&str> = Vec::with_capacity(baggage.len());
    for member in received.iter() {
        if baggage.get(member.key()).is_some() && !keys.contains(&member.key()) {
            keys.push(member.key());
        }
    }
    let mut added: Vec<&str> = baggage.iter().map(|(key, _)| key.as_str()).filter(|key| !keys.contains(key)).collect();
    added.sort_unstable();
    let mut merged = OwnedBaggage::new();
    for key in keys.into_iter().chain(added) {
        if let Some((value, metadata)) = baggage.get_with_metadata(key) {
            merged.push(entry(key, value, metadata));
        }
    }
    merged
}
