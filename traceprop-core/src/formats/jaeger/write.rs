//! Writing baggage: the received items that `InjectOptions` allows, within the limits.

use core::fmt;

use super::baggage::JaegerBaggage;
use super::item::{JaegerBaggageItem, PREFIX, Source};
use crate::baggage::{Baggage, BaggageLimits};
use crate::carrier::HeaderLines;
use crate::context::{Allow, OmitReason};
#[cfg(feature = "alloc")]
use crate::context::{FilteredLine, TextFilter, TextLine};
use crate::field::{Field, FieldSet};
use crate::format::{InjectContext, Writer};
use crate::wire::percent::{Decoded, Encoded, is_unreserved};
use crate::wire::{StackText, is_header_text, is_token_byte, trim};

const FIELDS: FieldSet = FieldSet::of(&[Field::UberContext, Field::JaegerBaggage]);

/// Writes the allowed baggage items.
///
/// A passthrough forwards values verbatim. Otherwise all items are written in canonical form, as `uberctx-*` lines: the
/// clients read `jaeger-baggage` only at the start of a trace.
pub(super) fn baggage(context: &InjectContext<'_>, with_w3c: bool, writer: &mut Writer<'_>) {
    let headers = context.received();
    let w3c = if with_w3c && !context.is_read_only { headers.get(Field::Baggage) } else { None };
    if !headers.contains_any(FIELDS) && w3c.is_none() {
        return;
    }
    let mut baggage = JaegerBaggage::from_lines(headers);
    if w3c.is_some() {
        let keeps_decisions = context.source.received.keeps_decisions_in_text();
        let members = Baggage::received(headers.get_all(Field::Baggage), BaggageLimits::W3C, keeps_decisions);
        let members = members.unwrap_or(Baggage::EMPTY);
        let items = members.iter().map(|member| JaegerBaggageItem::of_w3c(member.key(), member.raw_value()));
        let beyond = items.filter(|item| !baggage.put(*item)).count();
        if beyond > 0 {
            writer.omit(Field::UberContext, OmitReason::TooManyMembers, beyond as u32);
        }
    }
    let list = as_received(context, &baggage);
    let mut left = JaegerBaggage::MAX_BYTES;
    for item in baggage.iter().filter(|item| list.is_none() || item.source != Source::List) {
        if let Err(reason) = write_item(&item, context, &mut left, writer) {
            writer.omit(Field::UberContext, reason, 1);
        }
    }
    for line in list.into_iter().flatten().map(trim).filter(|line| !line.is_empty()) {
        writer.write_ascii(Field::JaegerBaggage, line);
    }
}

/// Returns the lines of the list if they can be forwarded verbatim: all items are allowed and none was ignored.
///
/// A line that shadows a member prevents it: if that line cannot be written, the member would count again.
fn as_received<'c>(context: &InjectContext<'c>, baggage: &JaegerBaggage<'_>) -> Option<HeaderLines<'c>> {
    let lines = context.received().get_all(Field::JaegerBaggage);
    let allowed = context.is_passthrough() && context.options().allowed_baggage() == Allow::All;
    let whole =
        baggage.ignored().is_none() && !baggage.is_shadowed && lines.iter().all(|line| is_header_text(trim(line)));
    (allowed && whole).then_some(lines)
}

/// Returns what remains of a line of baggage, or `None` if it is a line of another field.
#[cfg(feature = "alloc")]
pub(crate) fn filter_text<'l>(line: TextLine<'_, 'l>, filter: TextFilter<'_>) -> Option<FilteredLine<'l>> {
    let allow = filter.allow;
    match line.field {
        Field::JaegerBaggage => Some(FilteredLine::of_list(line.value, |member| {
            let item = JaegerBaggageItem::parse_member(member).ok().flatten();
            allow == Allow::All || item.is_some_and(|item| allow.allows(|key| item.has_key(key)))
        })),
        Field::UberContext => {
            let key = line.name.get(PREFIX.len()..).unwrap_or_default();
            Some(FilteredLine::whole(line.value, allow.allows_header(key)))
        }
        _ => None,
    }
}

fn write_item(
    item: &JaegerBaggageItem<'_>,
    context: &InjectContext<'_>,
    left: &mut usize,
    writer: &mut Writer<'_>,
) -> Result<(), OmitReason> {
    let allow = context.options().allowed_baggage();
    let allowed = match item.source {
        Source::Line | Source::List => allow.allows(|key| item.has_key(key)),
        Source::W3c => allow.allows_key(item.raw_key()),
    };
    let raw = item.raw_value();
    let as_received = context.is_passthrough() && item.source == Source::Line && is_header_text(raw);
    let value = match core::str::from_utf8(raw) {
        Ok(text) if as_received => Value::AsReceived(text),
        _ => Value::Canonical(Encoded::new(item.decoded(), is_unreserved)),
    };
    let key_len = item.key_bytes().count();
    if !allowed {
        return Err(OmitReason::NotAllowed);
    }
    if !item.key_bytes().all(is_token_byte) {
        return Err(OmitReason::BadKey);
    }
    // An item without a value is never sent.
    if value.len() == 0 {
        return Err(OmitReason::BadValue);
    }
    if PREFIX.len() + key_len > Writer::MAX_NAME_LEN {
        return Err(OmitReason::TooLong);
    }
    // Once an item does not fit, all later ones are omitted too.
    let Some(rest) = left.checked_sub(key_len + value.len()) else {
        *left = 0;
        return Err(OmitReason::TooLong);
    };
    *left = rest;
    let mut name = StackText::<{ Writer::MAX_NAME_LEN }>::new();
    for byte in item.key_bytes() {
        // Cannot fail: the length was checked above.
        let _ = fmt::Write::write_char(&mut name, byte.into());
    }
    let is_written = writer.write_prefixed(Field::UberContext, PREFIX, name.as_str(), value);
    if is_written { Ok(()) } else { Err(OmitReason::BadKey) }
}

/// A value to write.
enum Value<'c> {
    AsReceived(&'c str),
    Canonical(Encoded<Decoded<'c>>),
}

impl Value<'_> {
    fn len(&self) -> usize {
        match self {
            Self::AsReceived(text) => text.len(),
            Self::Canonical(encoded) => encoded.len(),
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsReceived(text) => f.write_str(text),
            Self::Canonical(encoded) => encoded.fmt(f),
        }
    }
}

/// Returns the name and the value of the line for an item. `None` if the key cannot be part of a header name.
#[cfg(feature = "alloc")]
pub(crate) fn baggage_line(key: &str, value: &str) -> Option<(alloc::string::String, alloc::string::String)> {
    use alloc::string::ToString;
    if key.is_empty() || !key.bytes().all(is_token_byte) {
        return None;
    }
    let name = [PREFIX, &key.to_ascii_lowercase()].concat();
    Some((name, Encoded::new(value.bytes(), is_unreserved).to_string()))
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_allowed_members_of_a_line_are_verbatim() {
        let line = b"a=1+2, B=%2F ,c,=d,e=";
        let filtered = |allow| {
            let line = TextLine { field: Field::JaegerBaggage, name: "", value: line };
            let filtered = filter_text(line, TextFilter::by_key(allow)).unwrap();
            (filtered.rest.into_owned(), filtered.removed)
        };
        assert_eq!(filtered(Allow::All), (line.to_vec(), 0));
        assert_eq!(filtered(Allow::Only(&["b", "e"])), (b"B=%2F,e=".to_vec(), 3));
        assert_eq!(filtered(Allow::Only(&["c"])), (b"".to_vec(), 5));
    }

    #[test]
    fn ok_a_line_of_one_item_is_allowed_by_its_name() {
        let filter = TextFilter::by_key(Allow::Only(&["tenant"]));
        let line = |field, name| TextLine { field, name, value: b"a" };
        let removed = |name| filter_text(line(Field::UberContext, name), filter).map(|filtered| filtered.removed);
        assert_eq!([removed("Uberctx-Tenant"), removed("uberctx-user")], [Some(0), Some(1)]);
        assert_eq!(filter_text(line(Field::Baggage, ""), filter), None);
    }
}
