//! Header names that configuration or custom formats add to the built-in ones.

use core::fmt;

use super::reserved::purpose_of;
use crate::wire;

/// The most custom headers that one propagator can watch.
pub const MAX_CUSTOM_HEADERS: usize = 8;

/// The name of a correlation header, or of a header of a custom format.
///
/// It has at most [`CustomHeader::MAX_LEN`] bytes, held inline in lower case.
///
/// # Examples
///
/// ```
/// use traceprop_core::format::CustomHeader;
///
/// let name = CustomHeader::new("X-Plumbr-TransactionId")?;
/// assert_eq!(name.as_str(), "x-plumbr-transactionid");
/// assert!(name.matches("X-PLUMBR-TRANSACTIONID"));
///
/// const PREFIX: CustomHeader = CustomHeader::from_static("acmectx-").prefix();
/// assert_eq!(PREFIX.suffix("AcmeCtx-Tenant"), Some("Tenant"));
/// # Ok::<(), traceprop_core::format::InvalidHeaderName>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CustomHeader {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
    is_prefix: bool,
}

/// Why a text is not a valid [`CustomHeader`].
///
/// # Examples
///
/// ```
/// use traceprop_core::format::{CustomHeader, InvalidHeaderName};
///
/// let error = CustomHeader::new("x id").unwrap_err();
/// assert_eq!(error, InvalidHeaderName::BadByte(1));
/// assert_eq!(error.to_string(), "invalid character at byte 1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidHeaderName {
    /// The text is empty or longer than [`CustomHeader::MAX_LEN`].
    BadLength,
    /// The byte at this offset is not allowed in a header name (RFC 9110, section 5.6.2, `token`).
    BadByte(usize),
    /// A built-in format reads and writes this header.
    Reserved {
        /// The name of the format.
        format: &'static str,
    },
    /// HTTP or gRPC uses this header, so a trace header with its name would overwrite it.
    ReservedInHttp {
        /// What the header is for, such as `credentials`.
        purpose: &'static str,
    },
}

impl fmt::Display for InvalidHeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadLength => write!(f, "not 1 to {} bytes long", CustomHeader::MAX_LEN),
            Self::BadByte(at) => write!(f, "invalid character at byte {at}"),
            Self::Reserved { format } => write!(f, "reserved for format `{format}`"),
            Self::ReservedInHttp { purpose } => write!(f, "reserved in HTTP for {purpose}"),
        }
    }
}

impl core::error::Error for InvalidHeaderName {}

impl CustomHeader {
    /// The length of the longest name, in bytes.
    pub const MAX_LEN: usize = 62;

    /// Creates a name from text in any letter case.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidHeaderName`] if the text is empty, longer than [`CustomHeader::MAX_LEN`], not a token, or a name
    /// that HTTP or gRPC uses, such as `host`, `cookie` or `content-type`.
    ///
    /// ```
    /// use traceprop_core::format::CustomHeader;
    ///
    /// let error = CustomHeader::new("Authorization").unwrap_err();
    /// assert_eq!(error.to_string(), "reserved in HTTP for credentials");
    /// ```
    pub const fn new(name: &str) -> Result<Self, InvalidHeaderName> {
        let text = name.as_bytes();
        if text.is_empty() || text.len() > Self::MAX_LEN {
            return Err(InvalidHeaderName::BadLength);
        }
        let mut bytes = [0; Self::MAX_LEN];
        let mut i = 0;
        while i < text.len() {
            if !wire::is_token_byte(text[i]) {
                return Err(InvalidHeaderName::BadByte(i));
            }
            bytes[i] = text[i].to_ascii_lowercase();
            i += 1;
        }
        if let Some(purpose) = purpose_of(name, false) {
            return Err(InvalidHeaderName::ReservedInHttp { purpose });
        }
        Ok(Self { bytes, len: text.len() as u8, is_prefix: false })
    }

    /// Creates a name from a literal, for constants.
    ///
    /// # Panics
    ///
    /// Panics if [`CustomHeader::new`] returns an error. In a constant this is a compile error.
    pub const fn from_static(name: &'static str) -> Self {
        match Self::new(name) {
            Ok(name) => name,
            Err(_) => panic!("not a header name of at most 62 bytes that is free"),
        }
    }

    /// Makes the name a prefix. It means every longer name that starts with it, with one header for each item.
    ///
    /// Their values count as baggage: they are never forwarded verbatim, and
    /// [`Format::inject_text`](crate::format::Format::inject_text) writes them.
    pub const fn prefix(self) -> Self {
        Self { is_prefix: true, ..self }
    }

    /// Returns what HTTP uses a header for that begins with this prefix, or the header itself.
    pub(crate) fn purpose(&self) -> Option<&'static str> {
        purpose_of(self.as_str(), self.is_prefix)
    }

    /// Returns whether this is the prefix of several names.
    pub const fn is_prefix(&self) -> bool {
        self.is_prefix
    }

    /// Returns the name or prefix, in lower case.
    pub fn as_str(&self) -> &str {
        wire::ascii(&self.bytes[..usize::from(self.len)])
    }

    /// Returns whether a header with this name, in any letter case, is meant.
    pub fn matches(&self, name: &str) -> bool {
        if self.is_prefix {
            return self.suffix(name).is_some();
        }
        name.len() == usize::from(self.len) && name.eq_ignore_ascii_case(self.as_str())
    }

    /// Returns whether a header with this name is meant if `_` is read as `-`.
    pub(crate) fn matches_dashed(&self, name: &str) -> bool {
        super::matches_dashed(name, self.as_str(), self.is_prefix)
    }

    /// Returns the part of `name` after this prefix, with its letter case. Returns `None` if there is none.
    pub fn suffix<'n>(&self, name: &'n str) -> Option<&'n str> {
        let head = name.get(..usize::from(self.len))?;
        let rest = name.get(usize::from(self.len)..)?;
        (!rest.is_empty() && head.eq_ignore_ascii_case(self.as_str())).then_some(rest)
    }
}

impl fmt::Debug for CustomHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CustomHeader({}{})", self.as_str(), if self.is_prefix { "*" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_names_and_errors_are_shown() {
        let name = CustomHeader::from_static("X-Tenant");
        assert_eq!(std::format!("{name:?} {:?}", name.prefix()), "CustomHeader(x-tenant) CustomHeader(x-tenant*)");
        assert_eq!(std::format!("{}", InvalidHeaderName::BadLength), "not 1 to 62 bytes long");
        assert_eq!(std::format!("{}", InvalidHeaderName::BadByte(1)), "invalid character at byte 1");
        let reserved = InvalidHeaderName::Reserved { format: "b3" };
        assert_eq!(std::format!("{reserved}"), "reserved for format `b3`");
    }

    #[test]
    fn err_new_invalid_name() {
        assert_eq!(CustomHeader::new(""), Err(InvalidHeaderName::BadLength));
        assert_eq!(CustomHeader::new("x y"), Err(InvalidHeaderName::BadByte(1)));
        assert_eq!(CustomHeader::new("é"), Err(InvalidHeaderName::BadByte(0)));
        let longest = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
        assert!(CustomHeader::new(&longest[..CustomHeader::MAX_LEN]).is_ok());
        assert_eq!(CustomHeader::new(longest), Err(InvalidHeaderName::BadLength));
    }
}
