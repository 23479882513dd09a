//! Writing baggage with a header for each item.

use core::fmt::{self, Write};

use super::{InjectContext, Writer};
use crate::baggage::prefixed::PrefixedBaggage;
use crate::context::OmitReason;
use crate::field::Field;
use crate::wire::{StackText, is_visible_text};

/// Writes the received items of a field whose name is a prefix, as far as the options allow them. Keys become lower case,
/// and values are written as received.
pub(crate) fn write_prefixed_baggage(context: &InjectContext<'_>, field: Field, writer: &mut Writer<'_>) {
    let lines = context.received().get_all(field);
    if lines.is_empty() || context.source.received.ignored.contains(field) {
        return;
    }
    let baggage = PrefixedBaggage::from_lines(lines, field);
    for (key, value) in baggage.iter() {
        if let Err(reason) = write_item(field, key, value, context, writer) {
            writer.omit(field, reason, 1);
        }
    }
}

fn write_item(
    field: Field,
    key: &str,
    value: &[u8],
    context: &InjectContext<'_>,
    writer: &mut Writer<'_>,
) -> Result<(), OmitReason> {
    if !context.options().allowed_baggage().allows_header(key) {
        return Err(OmitReason::NotAllowed);
    }
    // Empty values and control characters, also tabs, are never sent.
    let text = core::str::from_utf8(value).ok().filter(|text| !text.is_empty() && is_visible_text(value));
    let text = text.ok_or(OmitReason::BadValue)?;
    let mut name = StackText::<{ Writer::MAX_NAME_LEN }>::new();
    let prefix = field.name().unwrap_or_default();
    if prefix.len() + key.len() > Writer::MAX_NAME_LEN {
        return Err(OmitReason::TooLong);
    }
    for letter in key.chars() {
        // Cannot fail: the length was checked above.
        let _: fmt::Result = name.write_char(letter.to_ascii_lowercase());
    }
    let is_written = writer.write_prefixed(field, prefix, name.as_str(), text);
    if is_written { Ok(()) } else { Err(OmitReason::BadKey) }
}
