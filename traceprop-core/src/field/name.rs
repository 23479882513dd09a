//! Header names that are only known at run time.

use core::fmt;

use crate::wire;

/// A header name that is only known at run time: that of a correlation header, or one of a user's own format.
///
/// Held inline (at most [`CustomHeader::MAX_LEN`] bytes), in lower case.
///
/// ```
/// use traceprop_core::CustomHeader;
///
/// let name = CustomHeader::new("X-Plumbr-TransactionId")?;
/// assert_eq!(name.as_str(), "x-plumbr-transactionid");
/// assert!(name.matches("X-PLUMBR-TRANSACTIONID"));
///
/// const FAMILY: CustomHeader = CustomHeader::from_static("acmectx-").prefix();
/// assert_eq!(FAMILY.suffix("AcmeCtx-Tenant"), Some("Tenant"));
/// # Ok::<(), traceprop_core::InvalidHeaderName>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CustomHeader {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
    family: bool,
}

/// Why text cannot be a [`CustomHeader`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidHeaderName {
    /// Empty, or longer than [`CustomHeader::MAX_LEN`].
    BadLength,
    /// A byte that no header name may hold (RFC 9110 5.1 `token`), at this place.
    BadByte(usize),
    /// A built-in format reads and writes this header.
    Reserved {
        /// The name of the format.
        format: &'static str,
    },
}

impl fmt::Display for InvalidHeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadLength => write!(f, "not 1 to {} bytes long", CustomHeader::MAX_LEN),
            Self::BadByte(at) => write!(f, "invalid character at byte {at}"),
            Self::Reserved { format } => write!(f, "reserved for format `{format}`"),
        }
    }
}

impl core::error::Error for InvalidHeaderName {}

impl CustomHeader {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 62;

    /// A name from text in any letter case.
    ///
    /// # Errors
    /// When the text is empty, longer than [`CustomHeader::MAX_LEN`], or no token.
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
        Ok(Self { bytes, len: text.len() as u8, family: false })
    }

    /// A name from a literal, for constants.
    ///
    /// # Panics
    /// When it is no header name; in a constant that is a compile error.
    pub const fn from_static(name: &'static str) -> Self {
        match Self::new(name) {
            Ok(name) => name,
            Err(_) => panic!("not a header name of at most 62 bytes"),
        }
    }

    /// All names that begin with this one and go on: one header an item. What is in them counts as text of the user's,
    /// which is never handed on by itself; [`Format::inject_text`](crate::Format::inject_text) writes it.
    pub const fn prefix(mut self) -> Self {
        self.family = true;
        self
    }

    /// Whether this stands for all names that begin with it.
    pub const fn is_prefix(&self) -> bool {
        self.family
    }

    /// The name, in lower case.
    pub fn as_str(&self) -> &str {
        // Tokens are ASCII, so the other arm is never taken.
        core::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }

    /// Whether a header of this name, in any letter case, is meant.
    pub fn matches(&self, name: &str) -> bool {
        if self.family {
            return self.suffix(name).is_some();
        }
        name.len() == usize::from(self.len) && name.eq_ignore_ascii_case(self.as_str())
    }

    /// What a name of this family says behind the prefix, as it is spelt.
    pub fn suffix<'n>(&self, name: &'n str) -> Option<&'n str> {
        let head = name.get(..usize::from(self.len))?;
        let rest = name.get(usize::from(self.len)..)?;
        (!rest.is_empty() && head.eq_ignore_ascii_case(self.as_str())).then_some(rest)
    }
}

impl fmt::Debug for CustomHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CustomHeader({}{})", self.as_str(), if self.family { "*" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_names_are_shown_and_errors_say_what_to_do() {
        let name = CustomHeader::from_static("X-Tenant");
        assert_eq!(std::format!("{name:?} {:?}", name.prefix()), "CustomHeader(x-tenant) CustomHeader(x-tenant*)");
        assert_eq!(std::format!("{}", InvalidHeaderName::BadLength), "not 1 to 62 bytes long");
        assert_eq!(std::format!("{}", InvalidHeaderName::BadByte(1)), "invalid character at byte 1");
        let reserved = InvalidHeaderName::Reserved { format: "b3" };
        assert_eq!(std::format!("{reserved}"), "reserved for format `b3`");
    }

    #[test]
    fn err_field_name_that_is_none() {
        assert_eq!(CustomHeader::new(""), Err(InvalidHeaderName::BadLength));
        assert_eq!(CustomHeader::new("x y"), Err(InvalidHeaderName::BadByte(1)));
        assert_eq!(CustomHeader::new("é"), Err(InvalidHeaderName::BadByte(0)));
        let longest = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
        assert!(CustomHeader::new(&longest[..CustomHeader::MAX_LEN]).is_ok());
        assert_eq!(CustomHeader::new(longest), Err(InvalidHeaderName::BadLength));
    }
}
