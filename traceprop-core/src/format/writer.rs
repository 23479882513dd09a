//! The writer of outgoing headers.

use core::fmt;

use crate::carrier::{CarrierMut, FieldName, FieldValue};
use crate::context::{InjectOptions, OmissionList, OmitReason};
use crate::field::{CustomHeader, Field, FieldNames, FieldSet};
use crate::wire::{StackText, debug_as};

/// Writes the headers of one format into a carrier.
///
/// Older headers of all formats were removed from the carrier, so that old and new ids are not mixed. If formats share a
/// header, as the encodings of B3 do, the first format writes it and later ones do not replace it. A header that
/// [`InjectOptions`](crate::InjectOptions) keep is not written.
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
    progress: &'w mut Progress,
    /// Fields that earlier formats have written, and those that are kept as they are.
    taken: FieldSet,
    has_written: bool,
    omissions: &'w mut OmissionList,
    names: &'w FieldNames,
    options: &'w InjectOptions<'w>,
}

/// The progress of an injection, over all its formats.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) written: FieldSet,
    /// Fields that stay in the carrier, and fields that may not be written next to them.
    pub(crate) taken: FieldSet,
    /// The headers that the options keep by name and that the carrier holds, as bits.
    pub(crate) kept_headers: u64,
    /// The carrier was not cleared, because there is no context. Each header that is written replaces only itself.
    pub(crate) replaces: bool,
}

/// Returns the bit of a header that the options keep by name, or 0. Names after the 63rd share one.
pub(crate) fn kept_header(options: &InjectOptions<'_>, name: &str) -> u64 {
    let place = options.kept_headers().iter().position(|kept| kept.eq_ignore_ascii_case(name));
    place.map_or(0, |place| 1 << place.min(63))
}

impl<'w> Writer<'w> {
    pub(crate) fn new(
        carrier: &'w mut dyn CarrierMut,
        progress: &'w mut Progress,
        omissions: &'w mut OmissionList,
        names: &'w FieldNames,
        options: &'w InjectOptions<'w>,
    ) -> Self {
        let taken = progress.written.union(progress.taken);
        Self { carrier, progress, taken, has_written: false, omissions, names, options }
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
        self.has_written = true;
        // Empty headers are never sent: some servers answer them with status 400.
        if self.taken.contains(name.field()) || value.is_empty() || self.is_kept(name.as_str()) {
            return;
        }
        if self.progress.replaces {
            self.remove(name.field());
        }
        self.progress.written = self.progress.written.with(name.field());
        self.carrier.append(name, value);
    }

    #[inline]
    fn is_kept(&self, name: &str) -> bool {
        self.progress.kept_headers != 0 && self.progress.kept_headers & kept_header(self.options, name) != 0
    }

    #[cold]
    fn remove(&mut self, field: Field) {
        if !self.progress.written.contains(field) {
            let names = self.names;
            self.carrier.remove_if(&mut |name| names.find(name) == Some(field));
        }
    }
}

debug_as!(Writer<'_>, |it| has_written: it.has_written);
