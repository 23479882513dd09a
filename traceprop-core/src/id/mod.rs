//! Trace and span ids: of fixed width and never zero.

pub(crate) mod generator;
#[cfg(feature = "rand")]
pub(crate) mod random;
pub(crate) mod sampling;
pub(crate) mod trace_id_match;

pub use generator::{IdBits, IdGenerator};
pub use sampling::Sampling;
pub use trace_id_match::TraceIdMatch;

use core::fmt;
use core::num::{NonZeroU64, NonZeroU128};
use core::str::FromStr;

use crate::field::{Field, InvalidHeader};
use crate::wire::hex::{self, Letters};
use crate::wire::{self, InvalidReason, ReasonAt};

/// The id of a trace: 128 bits, never zero. Zero means "no trace" in every format.
///
/// ```
/// use traceprop_core::TraceId;
///
/// let id: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse()?;
/// assert_eq!(id.low(), 0xa3ce_929d_0e0e_4736);
/// assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct TraceId(NonZeroU128);

/// The id of a span within a trace: 64 bits, never zero.
///
/// ```
/// use traceprop_core::SpanId;
///
/// let id: SpanId = "00f067aa0ba902b7".parse()?;
/// assert_eq!(id.get(), 0x00f0_67aa_0ba9_02b7);
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct SpanId(NonZeroU64);

/// An error of parsing an id: the reason, and the offset of the first invalid byte.
///
/// ```
/// use traceprop_core::{InvalidReason, SpanId};
///
/// let error = "00f067aa0ba902bG".parse::<SpanId>().unwrap_err();
/// assert_eq!((error.reason(), error.offset()), (InvalidReason::BadHex, 15));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseIdError(ReasonAt);

impl ParseIdError {
    /// Returns what is wrong: the length, a digit or a zero id.
    pub const fn reason(self) -> InvalidReason {
        self.0.reason
    }

    /// Returns the offset of the first invalid byte.
    pub const fn offset(self) -> u32 {
        self.0.at
    }

    /// Returns this error as the reason why the header `field` is invalid.
    ///
    /// ```
    /// use traceprop_core::{Field, InvalidHeader, InvalidReason, TraceId};
    ///
    /// let error = TraceId::from_hex(b"4bf9").unwrap_err();
    /// let invalid = error.in_field(Field::Custom(0));
    /// assert_eq!(invalid, InvalidHeader::new(Field::Custom(0), InvalidReason::BadLength, 4));
    /// ```
    pub const fn in_field(self, field: Field) -> InvalidHeader {
        InvalidHeader::new(field, self.0.reason, self.0.at as usize)
    }
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.0.reason, self.0.at)
    }
}

impl core::error::Error for ParseIdError {}

impl From<ReasonAt> for ParseIdError {
    fn from(error: ReasonAt) -> Self {
        Self(error)
    }
}

impl TraceId {
    /// Creates an id from its upper and lower 64 bits. Returns `None` for zero.
    pub const fn from_halves(high: u64, low: u64) -> Option<Self> {
        Self::new((high as u128) << 64 | low as u128)
    }

    /// Returns the upper 64 bits. They are zero if the id is from a 64-bit system.
    pub const fn high(self) -> u64 {
        (self.0.get() >> 64) as u64
    }

    /// Returns the lower 64 bits, which Datadog sends as `x-datadog-trace-id`.
    pub const fn low(self) -> u64 {
        self.0.get() as u64
    }
}

/// Defines what both ids have.
macro_rules! id {
    ($id:ident($non_zero:ident: $value:ident, $bytes:literal), $decode:ident, $encode:ident, $zero:ident) => {
        impl $id {
            /// The number of hex digits.
            pub const HEX_LEN: usize = 2 * $bytes;

            /// The smallest id, 1.
            pub const MIN: Self = Self($non_zero::MIN);

            /// Creates an id from its value. Returns `None` for zero.
            pub const fn new(value: $value) -> Option<Self> {
                match $non_zero::new(value) {
                    Some(id) => Some(Self(id)),
                    None => None,
                }
            }

            /// Parses [`HEX_LEN`](Self::HEX_LEN) lower-case hex digits.
            ///
            /// # Errors
            ///
            /// Returns `bad-length`, `bad-hex` or `uppercase-hex`, with the offset of the first invalid byte. For zeros it
            /// returns `zero-trace-id` or `zero-span-id`.
            pub fn from_hex(digits: &[u8]) -> Result<Self, ParseIdError> {
                let digits = digits.try_into().map_err(|_| InvalidReason::BadLength.at(digits.len()))?;
                let value = hex::$decode(digits, Letters::Lower)?;
                Self::new(value).ok_or(ParseIdError(InvalidReason::$zero.at(0)))
            }

            /// Parses up to [`HEX_LEN`](Self::HEX_LEN) hex digits in any letter case. Missing ones are zeros on the left.
            pub(crate) fn from_short_hex(digits: &[u8]) -> Result<Self, ParseIdError> {
                let value = hex::padded(digits, |digits| hex::$decode(digits, Letters::AnyCase))?;
                Self::new(value).ok_or(ParseIdError(InvalidReason::$zero.at(0)))
            }

            /// Returns the value.
            pub const fn get(self) -> $value {
                self.0.get()
            }

            /// Returns the lower-case hex digits.
            pub const fn to_hex(self) -> [u8; Self::HEX_LEN] {
                hex::$encode(self.0.get())
            }

            /// Returns the bytes, most significant first.
            pub const fn to_bytes(self) -> [u8; $bytes] {
                self.0.get().to_be_bytes()
            }

            /// Creates an id from its bytes, most significant first. Returns `None` for zeros.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Option<Self> {
                Self::new($value::from_be_bytes(bytes))
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(wire::ascii(&self.to_hex()))
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($id), "({})"), self)
            }
        }

        impl fmt::LowerHex for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $id {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                Self::from_hex(text.as_bytes())
            }
        }

        #[cfg(feature = "serde")]
        impl serde_core::Serialize for $id {
            fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde_core::Deserialize<'de> for $id {
            fn deserialize<D: serde_core::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Hex;

                impl serde_core::de::Visitor<'_> for Hex {
                    type Value = $id;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "{} lower-case hex digits, not all zero", $id::HEX_LEN)
                    }

                    fn visit_str<E: serde_core::de::Error>(self, text: &str) -> Result<$id, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Hex)
            }
        }

        #[cfg(feature = "hex")]
        impl ::hex::FromHex for $id {
            type Error = ParseIdError;

            fn from_hex<T: AsRef<[u8]>>(digits: T) -> Result<Self, ParseIdError> {
                $id::from_hex(digits.as_ref())
            }
        }

        #[cfg(feature = "hex")]
        impl ::hex::ToHex for $id {
            fn encode_hex<T: core::iter::FromIterator<char>>(&self) -> T {
                self.to_hex().iter().map(|&digit| char::from(digit)).collect()
            }

            fn encode_hex_upper<T: core::iter::FromIterator<char>>(&self) -> T {
                self.to_hex().iter().map(|digit| char::from(digit.to_ascii_uppercase())).collect()
            }
        }
    };
}

id!(TraceId(NonZeroU128: u128, 16), u128_32, encode_u128, ZeroTraceId);
id!(SpanId(NonZeroU64: u64, 8), u64_16, encode_u64, ZeroSpanId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn err_new_zero() {
        assert_eq!(TraceId::new(0), None);
        assert_eq!(SpanId::new(0), None);
        assert_eq!(TraceId::from_bytes([0; 16]), None);
    }

    #[test]
    fn err_parse_names_reason_and_place() {
        let error = |text: &str| {
            let error = text.parse::<TraceId>().unwrap_err();
            (error.reason(), error.offset())
        };
        assert_eq!(error("4bf92f3577b34da6a3ce929d0e0e473"), (InvalidReason::BadLength, 31));
        assert_eq!(error("4bf92f3577b34da6a3ce929d0e0e47366"), (InvalidReason::BadLength, 33));
        assert_eq!(error("4bf92f3577b34da6a3ce929d0e0e473G"), (InvalidReason::BadHex, 31));
        assert_eq!(error("4bf92f3577b34da6a3ce929d0e0e473A"), (InvalidReason::UppercaseHex, 31));
        assert_eq!(error("00000000000000000000000000000000"), (InvalidReason::ZeroTraceId, 0));
        let error = "4bf92f3577b34da6a3ce929d0e0e473A".parse::<TraceId>().unwrap_err();
        assert_eq!(std::format!("{error}"), "uppercase-hex at byte 31");
        let error = "0000000000000000".parse::<SpanId>().unwrap_err();
        assert_eq!((error.reason(), error.offset()), (InvalidReason::ZeroSpanId, 0));
    }

    #[test]
    fn ok_halves_and_bytes_make_the_same_id() {
        let id = TraceId::new(0x5ab3_c000_0000_0000_1f2e_3d4c_5b6a_7988).unwrap();
        assert_eq!(TraceId::from_halves(id.high(), id.low()), Some(id));
        assert_eq!(TraceId::from_bytes(id.to_bytes()), Some(id));
        let span = SpanId::new(0xff).unwrap();
        assert_eq!(SpanId::from_bytes(span.to_bytes()), Some(span));
        assert_eq!(&span.to_hex(), b"00000000000000ff");
    }

    #[cfg(feature = "std")]
    #[test]
    fn ok_debug_and_display_print_the_hex() {
        let id = TraceId::new(1).unwrap();
        assert_eq!(std::format!("{id:?}"), "TraceId(00000000000000000000000000000001)");
        assert_eq!(std::format!("{:>18}", SpanId::new(1).unwrap()), "  0000000000000001");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn ok_serde_reads_and_writes_hex() {
        let id: TraceId = serde_json::from_str("\"4bf92f3577b34da6a3ce929d0e0e4736\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"4bf92f3577b34da6a3ce929d0e0e4736\"");
        assert!(serde_json::from_str::<SpanId>("\"0000000000000000\"").is_err());
    }

    #[cfg(all(feature = "hex", feature = "std"))]
    #[test]
    fn ok_hex_traits_agree_with_display() {
        use ::hex::{FromHex, ToHex};
        let id = <SpanId as FromHex>::from_hex("00f067aa0ba902b7").unwrap();
        assert_eq!(id.encode_hex::<std::string::String>(), "00f067aa0ba902b7");
        assert_eq!(id.encode_hex_upper::<std::string::String>(), "00F067AA0BA902B7");
    }
}
