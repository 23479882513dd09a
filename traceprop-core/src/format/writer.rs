//! The writer of outgoing headers.

use core::fmt;

use crate::carrier::{CarrierMut, FieldName, FieldValue};
use crate::context::inject_options::{OmissionList, OmitReason};
use crate::field::{CustomHeader, Field, FieldNames, FieldSet};
use crate::wire::buffer::StackText;

/// Writes the headers of one format into a carrier.
///
/// Before its first header, the writer removes older headers of the format from the carrier, so that old and new ids are
/// not mixed. A format that writes nothing changes nothing. If formats share a header, as the encodings of B3 do, the
/// first format writes it and later ones do not replace it.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{
///     InjectOptions, Pairs, format::{CustomHeader, Format, FormatFields, Headers, InjectContext, Parsed},
/// };
/// use traceprop_core::{Propagator, SpanContext, format::Writer};
///
/// struct Acme;
///
/// const TRACE: CustomHeader = CustomHeader::from_static("x-acme-trace");
///
/// impl Format for Acme {
/// #   fn name(&self) -> &str { "acme" }
/// #   fn fields(&self) -> FormatFields<'_> { FormatFields::custom(&[TRACE]) }
/// #   fn extract(&self, _: &Headers<'_>) -> Parsed { Parsed::absent() }
///     // .. name, fields and extract
///     fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
///         if let Some(trace_id) = context.trace_id() {
///             writer.write_custom(&TRACE, trace_id);
///         }
///     }
/// }
///
/// let propagator = Propagator::builder().extract_none().inject(Acme).build()?;
/// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
/// let mut headers = Pairs::new();
/// propagator.inject(&span, &InjectOptions::new(), &mut headers);
/// assert_eq!(headers.get("x-acme-trace"), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
/// # }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct Writer<'w> {
    carrier: &'w mut dyn CarrierMut,
    fields: FieldSet,
    progress: &'w mut Progress,
    /// Fields that earlier formats have written.
    taken: FieldSet,
    has_written: bool,
    omissions: &'w mut OmissionList,
    names: &'w FieldNames,
}

/// The progress of an injection, over all its formats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Fields of earlier headers that the carrier may still contain.
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

    /// Writes a header whose name is `prefix` and `suffix`, such as `uberctx-tenant`.
    ///
    /// Returns `false` and writes nothing if the name is longer than [`MAX_NAME_LEN`](Self::MAX_NAME_LEN), or if `suffix`
    /// is empty or not a token.
    pub fn write_prefixed(&mut self, field: Field, prefix: &str, suffix: &str, value: impl fmt::Display) -> bool {
        let mut name = StackText::<{ Writer::MAX_NAME_LEN }>::new();
        let token = suffix.bytes().all(crate::wire::is_token_byte);
        if suffix.is_empty() || !token || name.push(prefix).is_err() || name.push(suffix).is_err() {
            return false;
        }
        self.append(FieldName::new(field, name.as_str()), FieldValue::pieces(&value));
        true
    }

    /// The maximum length of a name that is made of prefix and suffix, in bytes.
    pub const MAX_NAME_LEN: usize = 128;

    /// Reports that something was not written: `count` members of a list, or 1 for a whole header.
    pub fn omit(&mut self, field: Field, reason: OmitReason, count: u32) {
        self.omissions.add(field, reason, count);
    }

    /// Returns `true` if this format has written a header.
    pub const fn has_written(&self) -> bool {
        self.has_written
    }

    #[inline]
    pub(crate) fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        // Empty headers are never sent: some servers answer them with status 400.
        let is_empty = value.is_empty();
        if self.begin(name.field()) && !is_empty {
            self.progress.written = self.progress.written.with(name.field());
            self.carrier.append(name, value);
        }
    }

    /// Removes older headers before the first line. Returns `false` if another format has written this field.
    fn begin(&mut self, field: Field) -> bool {
        if !self.has_written {
            self.has_written = true;
            // Carriers usually contain no older headers. Then the names need no look-up.
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
