//! Where a format writes.

use core::fmt;

use crate::carrier::{CarrierMut, FieldName, FieldValue};
use crate::context::inject_options::{OmissionList, OmitReason};
use crate::field::{CustomHeader, Field, FieldNames, FieldSet};
use crate::wire::buffer::StackText;

/// Where a format writes its lines.
///
/// The first line that a format writes removes what the carrier held of that format before: a new decision must not
/// stand beside an old one. A format that writes nothing leaves everything as it was. Formats may share fields, as the
/// encodings of B3 do: what one has written is neither removed nor written again by those behind it.
pub struct Writer<'w> {
    carrier: &'w mut dyn CarrierMut,
    fields: FieldSet,
    progress: &'w mut Progress,
    /// What formats before this one have written.
    taken: FieldSet,
    has_written: bool,
    omissions: &'w mut OmissionList,
    names: &'w FieldNames,
}

/// How far an injection is, over all its formats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Fields that the carrier may have held at the start, and may still hold.
    stale: FieldSet,
    written: FieldSet,
}

impl Progress {
    pub(crate) const fn new(stale: FieldSet) -> Self {
        Self { stale, written: FieldSet::EMPTY }
    }
}

impl<'w> Writer<'w> {
    pub(crate) fn new(
        carrier: &'w mut dyn CarrierMut,
        fields: FieldSet,
        progress: &'w mut Progress,
        omissions: &'w mut OmissionList,
        names: &'w FieldNames,
    ) -> Self {
        let taken = progress.written;
        Self { carrier, fields, progress, taken, has_written: false, omissions, names }
    }

    /// Writes a header with a built-in name.
    ///
    /// A value that is empty or blank is not written.
    pub fn write(&mut self, field: Field, value: impl fmt::Display) {
        if let Some(name) = field.name() {
            self.append(FieldName::new(field, name), FieldValue::pieces(&value));
        }
    }

    /// Writes a header with a built-in name and an ASCII value: carriers copy it without formatting.
    #[inline]
    pub(crate) fn write_ascii(&mut self, field: Field, value: &[u8]) {
        if let Some(name) = field.name() {
            self.append(FieldName::new(field, name), FieldValue::ascii(value));
        }
    }

    /// Writes a header with a custom name.
    ///
    /// A value that is empty or blank is not written.
    pub fn write_custom(&mut self, header: &CustomHeader, value: impl fmt::Display) {
        self.append(FieldName::new(self.field(header), header.as_str()), FieldValue::pieces(&value));
    }

    /// Writes a header with a custom name and an ASCII value: carriers copy it without formatting.
    pub(crate) fn write_custom_ascii(&mut self, header: &CustomHeader, value: &[u8]) {
        self.append(FieldName::new(self.field(header), header.as_str()), FieldValue::ascii(value));
    }

    fn field(&self, header: &CustomHeader) -> Field {
        self.names.configured(header).unwrap_or(Field::UNWATCHED)
    }

    /// Writes a header of a family. Its name is `prefix` and `suffix`, at most [`Writer::MAX_NAME_LEN`] bytes.
    ///
    /// Returns `false` and writes nothing if the name is longer, or if `suffix` is empty or not a token.
    pub fn write_prefixed(&mut self, field: Field, prefix: &str, suffix: &str, value: impl fmt::Display) -> bool {
        let mut name = StackText::<{ Writer::MAX_NAME_LEN }>::new();
        let token = suffix.bytes().all(crate::wire::is_token_byte);
        if suffix.is_empty() || !token || name.push(prefix).is_err() || name.push(suffix).is_err() {
            return false;
        }
        self.append(FieldName::new(field, name.as_str()), FieldValue::pieces(&value));
        true
    }

    /// The longest name that is put together at run time, in bytes.
    pub const MAX_NAME_LEN: usize = 128;

    /// Says that something was not written, and why.
    pub fn omit(&mut self, field: Field, reason: OmitReason, count: u32) {
        self.omissions.add(field, reason, count);
    }

    /// Whether anything was written so far.
    pub const fn has_written(&self) -> bool {
        self.has_written
    }

    #[inline]
    pub(crate) fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        // No empty header is ever sent: some servers answer 400 to one.
        let is_empty = value.is_empty();
        if self.begin(name.field()) && !is_empty {
            self.progress.written = self.progress.written.with(name.field());
            self.carrier.append(name, value);
        }
    }

    /// Makes room for a line. False if another format has written this field.
    fn begin(&mut self, field: Field) -> bool {
        if !self.has_written {
            self.has_written = true;
            // Mostly there is nothing, and then the names need not be looked up.
            if !self.progress.stale.is_empty() {
                self.remove_stale();
            }
        }
        !self.taken.contains(field)
    }

    #[cold]
    fn remove_stale(&mut self) {
        let names = self.names;
        let due = self.progress.stale.intersection(self.fields);
        if !due.is_empty() {
            self.carrier.remove_if(&mut |name| names.find(name).is_some_and(|field| due.contains(field)));
            self.progress.stale = self.progress.stale.without(due);
        }
    }
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("fields", &self.fields)
            .field("has_written", &self.has_written)
            .finish_non_exhaustive()
    }
}
