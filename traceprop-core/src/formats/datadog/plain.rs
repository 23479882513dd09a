//! Headers of which nothing is turned down, and of which that is plain to see: nearly all are. Where no fault is looked
//! for, reading takes half the time.

use super::headers::{MAX_ORIGIN_LEN, sampling};
use super::plain_tags::PlainTags;
use crate::carrier::headers::Headers;
use crate::context::RemoteContext;
use crate::field::Field;
use crate::id::{SpanId, TraceId};
use crate::wire;
use crate::wire::decimal;

/// The context. `None` where the headers need a closer look, which costs time and nothing else.
pub(super) fn context(slots: &Headers<'_>) -> Option<RemoteContext> {
    let low = number(slots, Field::DatadogTraceId, decimal::value)?.filter(|low| *low != 0)?;
    let parent_id = number(slots, Field::DatadogParentId, decimal::value)?.and_then(SpanId::new);
    let priority = number(slots, Field::DatadogSamplingPriority, decimal::signed_value)?;
    if slots.get(Field::DatadogOrigin).is_some_and(|origin| !is_plain_origin(origin)) {
        return None;
    }
    let tags = PlainTags::of(&slots.get_all(Field::DatadogTags))?;
    let trace_id = TraceId::from_halves(tags.trace_id_high()?, low)?;
    Some(RemoteContext { trace_id, parent_id, sampling: sampling(priority), random: false })
}

/// A field that is one number without blanks around it, or is not there.
#[inline]
pub(super) fn number<T>(slots: &Headers<'_>, field: Field, value: impl Fn(&[u8]) -> Option<T>) -> Option<Option<T>> {
    match slots.get(field) {
        Some(line) if !slots.is_repeated(field) => value(line).map(Some),
        Some(_) => None,
        None => Some(None),
    }
}

/// Whether an origin has no blanks, neither in it nor around it.
#[inline]
pub(super) fn is_plain_origin(origin: &[u8]) -> bool {
    !origin.is_empty() && origin.len() <= MAX_ORIGIN_LEN && wire::is_visible(origin, b'!', [])
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{FieldNames, FieldSet};

    /// That such a context is what the headers say is checked with each test that reads headers.
    #[test]
    fn ok_usual_headers_are_plain_to_see() {
        let is_plain = |headers: &[(&'static str, &'static str)]| {
            let mut names = FieldNames::new();
            names.watch(FieldSet::of(Field::BUILT_IN));
            let headers = headers.to_vec();
            context(&Headers::collect(&headers, &names)).is_some()
        };
        let trace = ("x-datadog-trace-id", "8135627190345512087");
        let parent = ("x-datadog-parent-id", "0");
        let priority = ("x-datadog-sampling-priority", "-1");
        let origin = ("x-datadog-origin", "rum");
        let tags = ("x-datadog-tags", "_dd.p.dm=-4,_dd.p.tid=66c1f3a000000000");
        assert!(is_plain(&[trace]) && is_plain(&[trace, parent, priority, origin, origin, tags]));
        assert!(!is_plain(&[]) && !is_plain(&[parent, tags]));
        for odd in [
            trace,
            ("x-datadog-parent-id", " 1"),
            ("x-datadog-sampling-priority", "keep"),
            ("x-datadog-origin", "a b"),
            ("x-datadog-tags", "_dd.p.dm=4"),
        ] {
            assert!(!is_plain(&[trace, odd]), "{odd:?}");
        }
        assert!(!is_plain(&[trace, priority, priority]) && !is_plain(&[trace, tags, tags]));
    }
}
