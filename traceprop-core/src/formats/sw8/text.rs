//! A text field of sw8: base64 on the wire, decoded on demand.

use core::fmt;

use crate::field::{Field, InvalidHeader};
use crate::wire::{self, AsciiSink, InvalidReason, ReasonAt, base64};

/// A text field of sw8: valid base64 of UTF-8. Displays and compares as the decoded text.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::sw8::Sw8Text;
///
/// let service = Sw8Text::parse(b"5bqT5a2Y")?;
/// assert_eq!(service, "库存");
/// assert_eq!((service.len(), service.encoded()), (6, "5bqT5a2Y"));
/// assert_eq!(service.decode(&mut [0; 16]), Some("库存"));
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy)]
pub struct Sw8Text<'c>(pub(super) &'c [u8]);

impl<'c> Sw8Text<'c> {
    /// Parses base64, padded or not.
    ///
    /// # Errors
    ///
    /// Returns `bad-base64`, `bad-utf8`, or `too-long` above 2,048 bytes.
    pub fn parse(encoded: &'c [u8]) -> Result<Self, InvalidHeader> {
        Self::read(encoded).map_err(|error| error.of(Field::Sw8))
    }

    pub(super) fn read(encoded: &'c [u8]) -> Result<Self, ReasonAt> {
        Self::judge(encoded)?;
        Ok(Self(encoded))
    }

    /// Checks for base64 of UTF-8.
    #[inline]
    pub(super) fn judge(encoded: &[u8]) -> Result<(), ReasonAt> {
        if encoded.len() > base64::MAX_ENCODED {
            return Err(InvalidReason::TooLong.at(base64::MAX_ENCODED));
        }
        match base64::is_ascii(encoded) {
            Ok(true) => Ok(()),
            Ok(false) => Self::read_with(encoded, |_| ()),
            Err(at) => Err(InvalidReason::BadBase64.at(at)),
        }
    }

    /// Calls `then` with the decoded text.
    pub(super) fn read_with<R>(encoded: &[u8], then: impl FnOnce(&[u8]) -> R) -> Result<R, ReasonAt> {
        if let Some(text) = base64::ascii_32(encoded) {
            return Ok(then(&text));
        }
        base64::with(encoded, |decoded| match decoded {
            Ok(text) if text.is_ascii || core::str::from_utf8(text.bytes).is_ok() => Ok(then(text.bytes)),
            Ok(_) => Err(InvalidReason::BadUtf8.at(0)),
            Err(at) => Err(InvalidReason::BadBase64.at(at)),
        })
    }

    /// Returns the encoded field as received.
    pub fn encoded(&self) -> &'c str {
        wire::ascii(self.0)
    }

    /// Writes the field as padded base64.
    pub(super) fn put(&self, sink: &mut impl AsciiSink) -> fmt::Result {
        match base64::is_canonical(self.0) {
            true => sink.put(self.0),
            false => self.with(|text| base64::Encoded(text.as_bytes()).put(sink)),
        }
    }

    /// Returns the number of bytes of the decoded text.
    pub fn len(&self) -> usize {
        base64::decoded_len(self.0)
    }

    /// Returns whether the text is empty.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Decodes the text into `buffer`, or returns `None` if it is shorter than [`Sw8Text::len`].
    pub fn decode<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b str> {
        core::str::from_utf8(base64::decode(self.0, buffer).ok()?.bytes).ok()
    }

    /// Calls `then` with the text in a buffer on the stack.
    pub(super) fn with<R>(&self, then: impl FnOnce(&str) -> R) -> R {
        // The field was checked when it was parsed.
        base64::with(self.0, |decoded| {
            then(decoded.map_or("", |it| core::str::from_utf8(it.bytes).unwrap_or_default()))
        })
    }
}

impl fmt::Display for Sw8Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|text| f.pad(text))
    }
}

impl fmt::Debug for Sw8Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|text| write!(f, "{text:?}"))
    }
}

impl PartialEq<str> for Sw8Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.with(|text| text == other)
    }
}

impl PartialEq<&str> for Sw8Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl PartialEq for Sw8Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.with(|text| other == text)
    }
}

impl Eq for Sw8Text<'_> {}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;
    use std::vec;

    #[test]
    fn ok_display_compare_and_count_decoded_text() {
        let text = Sw8Text::parse(b"c2hvcC11aTxicm93c2VyPg==").unwrap();
        assert_eq!((text, text.to_string().as_str(), text.len()), (text, "shop-ui<browser>", 16));
        assert_eq!(text.encoded(), "c2hvcC11aTxicm93c2VyPg==");
        assert_eq!(format!("{text:?} {text:>20}"), "\"shop-ui<browser>\"     shop-ui<browser>");
        assert_eq!(Sw8Text::parse(b"Zg").unwrap(), Sw8Text::parse(b"Zg==").unwrap());
        assert_ne!(Sw8Text::parse(b"Zg").unwrap(), text);
        let empty = Sw8Text::parse(b"").unwrap();
        assert_eq!((empty.len(), empty.is_empty(), text.is_empty()), (0, true, false));
    }

    #[test]
    fn ok_decode_into_enough_bytes_and_none_into_fewer() {
        let text = Sw8Text::parse(b"w6k=").unwrap();
        assert_eq!(text.decode(&mut [0; 2]), Some("é"));
        assert_eq!(text.decode(&mut [0; 1]), None);
    }

    #[test]
    fn err_invalid_base64_or_utf8_or_too_long() {
        let err = |encoded: &[u8]| Sw8Text::read(encoded).unwrap_err();
        assert_eq!(err(b"Zm-v"), InvalidReason::BadBase64.at(2));
        assert_eq!(err(b"//76"), InvalidReason::BadUtf8.at(0));
        assert!(Sw8Text::read(&[b'A'; 2048]).is_ok());
        assert_eq!(err(&vec![b'A'; 2049]), InvalidReason::TooLong.at(2048));
    }
}
