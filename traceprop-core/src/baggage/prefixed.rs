//! Baggage with a header for each item: the key is a part of the header's name, and the value is raw text.
//!
//! ```text
//! ot-baggage-KEY = value
//!
//! ot-baggage-tenant: acme
//! ```

use core::fmt;

use crate::carrier::HeaderLines;
use crate::field::{Field, InvalidHeader};
use crate::wire::{InvalidReason, trim};

const MAX_ITEMS: usize = 64;

/// A key as received, and its value.
type Item<'c> = (&'c str, &'c [u8]);

/// The baggage of `ot-baggage-*` headers, borrowed from the carrier.
///
/// Keys ignore case, since they are parts of header names. If a key has several lines, the last one counts. Values are not
/// percent-decoded. At most [`MAX_ITEMS`](Self::MAX_ITEMS) lines of [`MAX_BYTES`](Self::MAX_BYTES) in total are read.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{Propagator, formats::ottrace::OtTrace};
///
/// let propagator = Propagator::builder().with_format(OtTrace::new()).build()?;
/// let request = [
///     ("ot-tracer-traceid", "4e472eabeb7a76fe"),
///     ("ot-tracer-spanid", "a8fb4e7bd67292ee"),
///     ("Ot-Baggage-Tenant", "a%20b"),
/// ];
/// let baggage = propagator.extract(&request).ot_baggage();
/// assert!(baggage.iter().eq([("Tenant", &b"a%20b"[..])]));
/// assert_eq!(baggage.get("tenant"), Some(&b"a%20b"[..]));
/// # }
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct PrefixedBaggage<'c> {
    /// The items in the order of their lines; those that a later line replaces are `None`. `None` before the first item:
    /// clearing the array takes longer than reading most requests.
    items: Option<[Option<Item<'c>>; MAX_ITEMS]>,
    ignored: Option<InvalidHeader>,
}

impl<'c> PrefixedBaggage<'c> {
    /// The number of lines that are read and written: the limit of OpenTelemetry's Java propagator.
    pub const MAX_ITEMS: usize = MAX_ITEMS;

    /// The number of bytes that are read and written, keys and values.
    pub const MAX_BYTES: usize = 8192;

    /// Baggage without items.
    pub const EMPTY: Self = Self { items: None, ignored: None };

    /// Reads the lines of a field whose name is a prefix.
    pub(crate) fn from_lines(lines: HeaderLines<'c>, field: Field) -> Self {
        let mut baggage = Self::EMPTY;
        if lines.is_empty() {
            return baggage;
        }
        let prefix_len = field.name().unwrap_or_default().len();
        let items = baggage.items.insert([None; MAX_ITEMS]);
        let mut bytes = 0;
        for (place, (name, value)) in lines.with_names().take(MAX_ITEMS).enumerate() {
            // The matcher only finds names that are longer than the prefix.
            let (key, value) = (name.get(prefix_len..).unwrap_or_default(), trim(value));
            let start = bytes;
            bytes += key.len() + value.len();
            if bytes > Self::MAX_BYTES {
                baggage.ignored = Some(InvalidHeader::new(field, InvalidReason::TooLong, start));
                return baggage;
            }
            let is_known =
                |item: &&mut Option<Item<'_>>| item.is_some_and(|(known, _)| known.eq_ignore_ascii_case(key));
            if let Some(known) = items[..place].iter_mut().find(is_known) {
                *known = None;
            }
            items[place] = Some((key, value));
        }
        if lines.is_over_limit() {
            baggage.ignored = Some(InvalidHeader::new(field, InvalidReason::TooManyLines, 0));
        }
        baggage
    }

    /// Returns the key as received and the value of each item, in the order of the lines that count.
    pub fn iter(&self) -> impl Iterator<Item = (&'c str, &'c [u8])> + Clone + '_ {
        self.items.iter().flatten().flatten().copied()
    }

    /// Returns the value of the item with this key, ignoring case.
    pub fn get(&self, key: &str) -> Option<&'c [u8]> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    }

    /// Returns the number of items.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns `true` if there are no items.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Returns the limit that was exceeded, if any.
    pub const fn ignored(&self) -> Option<InvalidHeader> {
        self.ignored
    }
}

impl fmt::Debug for PrefixedBaggage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values can be personal data, which does not belong in logs.
        f.debug_struct("OtBaggage").field("len", &self.len()).field("ignored", &self.ignored).finish_non_exhaustive()
    }
}
