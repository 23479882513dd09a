//! Handing lines on as they came, where they still say what is being written.

use crate::carrier::{FieldName, FieldValue};
use crate::field::Field;
use crate::format::{FormatFields, InjectContext, Parsed, Writer};
use crate::wire::is_header_text;

impl InjectContext<'_> {
    /// Hands `fields` on as they came, if `reading`, which was made of them, says what is being written. False if not:
    /// nothing was written then, and the canonical form is due.
    ///
    /// Baggage is not among what is handed on, nor is a family of configured names: they are written apart, as far as
    /// they are allowed ([`Format::inject_text`](crate::Format::inject_text)). Nor is what `reading` has turned
    /// down.
    pub fn forward_verbatim(&self, reading: &Parsed, fields: FormatFields<'_>, writer: &mut Writer<'_>) -> bool {
        // Lines that were made here are no text of the wire.
        if !self.is_just(reading) || !self.source.received.built.is_empty() {
            return false;
        }
        let slots = self.slots;
        let single = fields.custom_headers().iter().filter(|name| !name.is_prefix());
        let named = single.map(|name| (slots.field(name), name.as_str()));
        let built_in = fields.built_in_fields().built_in().filter_map(|field| Some((field, field.name()?)));
        let handed_on = |field: Field| !field.is_baggage() && !reading.ignored_fields().contains(field);
        let all = || built_in.clone().chain(named.clone()).filter(|(field, _)| handed_on(*field));
        if all().any(|(field, _)| slots.get_all(field).iter().any(|line| !is_header_text(line))) {
            return false;
        }
        for (field, name) in all() {
            for line in slots.get_all(field).iter() {
                // The name in lower case, whatever came.
                writer.append(FieldName::new(field, name), FieldValue::ascii(line));
            }
        }
        true
    }
}
