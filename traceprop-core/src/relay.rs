//! Handing lines on as they came, where they still say what is being written.

use crate::carrier::{OutgoingName, OutgoingValue};
use crate::field::{Field, FieldName};
use crate::format::{FormatFields, Outbound, Reading, Writer};
use crate::text::is_header_text;

impl Outbound<'_> {
    /// Hands `fields` on as they came, if `reading`, which was made of them, says what is being written. False if not:
    /// nothing was written then, and the canonical form is due.
    ///
    /// Baggage is not among what is handed on: it is written apart, as far as it is allowed. Nor is what `reading` has
    /// turned down.
    pub fn hand_on(&self, reading: &Reading, fields: FormatFields<'_>, writer: &mut Writer<'_>) -> bool {
        // Lines that were made here are no text of the wire.
        if !self.is_just(reading) || !self.received.built.is_empty() {
            return false;
        }
        let slots = self.slots;
        let named = fields.names().iter().filter_map(|name| Some((slots.field_named(name)?, Some(name))));
        let built_in = fields.built_in_fields().built_in().map(|field| (field, None));
        let handed_on = |field: Field| !field.is_baggage() && !reading.refused_fields().contains(field);
        let all = || built_in.clone().chain(named.clone()).filter(|(field, _)| handed_on(*field));
        if all().any(|(field, _)| slots.lines(field).iter().any(|line| !is_header_text(line))) {
            return false;
        }
        for (field, known) in all() {
            let lines = slots.lines(field);
            // Lower case, whatever came; only a family does not know the names of its lines.
            let name = field.name().or(known.filter(|known| !known.is_family()).map(FieldName::as_str));
            match name {
                Some(name) => {
                    for line in lines.iter() {
                        writer.append(OutgoingName::new(field, name), OutgoingValue::ascii(line));
                    }
                }
                None => {
                    for (name, line) in lines.with_names() {
                        writer.append(OutgoingName::new(field, name), OutgoingValue::ascii(line));
                    }
                }
            }
        }
        true
    }
}
