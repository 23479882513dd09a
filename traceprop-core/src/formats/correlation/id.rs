//! The value of a correlation id, and the mark that Envoy sets in it.

use core::fmt;

use super::uuid::{self, Spelling};
use crate::id::TraceId;
use crate::wire::{self, StackText, debug_as};

/// A correlation id: received text, byte for byte, or a trace id spelt as a UUID.
///
/// Displays as the header value: up to 1,024 letters, digits and punctuation characters of the caller's choice, without
/// blanks and quotes. `Debug` shows only the length.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::correlation::CorrelationId;
///
/// let id = CorrelationId::from_trace_id("d19931bbf2354dcb2e2fb9d31225d62e".parse()?);
/// assert_eq!(id.as_str(), "d19931bb-f235-4dcb-2e2f-b9d31225d62e");
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy)]
pub struct CorrelationId<'c>(Text<'c>);

#[derive(Clone, Copy)]
enum Text<'c> {
    Received(&'c str),
    Spelt(StackText<{ uuid::MAX_LEN }>),
}

impl<'c> CorrelationId<'c> {
    /// Creates the id for a trace without a received one: a hyphenated UUID in lower case.
    pub fn from_trace_id(trace_id: TraceId) -> Self {
        Self::spelt(Spelling::CANONICAL, trace_id.get())
    }

    pub(super) fn spelt(spelling: Spelling, id: u128) -> Self {
        Self(Text::Spelt(spelling.spell(id)))
    }

    pub(super) const fn received(text: &'c str) -> Self {
        Self(Text::Received(text))
    }

    /// Returns the header value.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Received(text) => text,
            Text::Spelt(text) => text.as_str(),
        }
    }

    /// Returns why Envoy traces the request, which it stores in one digit of `x-request-id`.
    ///
    /// The digit is the 15th of 36 characters. A UUID that Envoy did not mark has a meaning by accident: version 4
    /// reads as not traced.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::{formats::correlation::Correlation, formats::correlation::EnvoyReason, Propagator};
    ///
    /// static REQUEST_ID: Correlation = Correlation::from_static("x-request-id");
    ///
    /// let propagator = Propagator::builder().extract(&REQUEST_ID).inject_none().build()?;
    /// let request = [("x-request-id", "2996f8a3-26f8-90a5-a080-c74e911caddb")];
    /// let extraction = propagator.extract(&request);
    /// assert_eq!(extraction.correlation(&REQUEST_ID).and_then(|id| id.envoy_reason()), Some(EnvoyReason::Sampled));
    /// // The trace is the one that the request had before Envoy.
    /// let trace_id = extraction.context().map(|context| context.trace_id.to_string());
    /// assert_eq!(trace_id.as_deref(), Some("2996f8a326f840a5a080c74e911caddb"));
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn envoy_reason(&self) -> Option<EnvoyReason> {
        let text = self.as_str().as_bytes();
        match text.get(14).filter(|_| text.len() == 36)? {
            b'4' => Some(EnvoyReason::NotTraced),
            b'9' => Some(EnvoyReason::Sampled),
            b'a' => Some(EnvoyReason::ServerForced),
            b'b' => Some(EnvoyReason::ClientForced),
            _ => None,
        }
    }
}

/// Why Envoy traces a request.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::correlation::{CorrelationId, EnvoyReason};
///
/// let id = CorrelationId::from_trace_id("2996f8a326f890a5a080c74e911caddb".parse()?);
/// assert_eq!(id.envoy_reason(), Some(EnvoyReason::Sampled));
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EnvoyReason {
    /// Envoy does not trace it.
    NotTraced,
    /// The sampling rate selects it.
    Sampled,
    /// The proxy forces it.
    ServerForced,
    /// The client requests it (`x-client-trace-id`).
    ClientForced,
}

/// The place of the version in the bits of a UUID.
const VERSION: u32 = 76;

/// Returns the id of `text` before Envoy marked it. Envoy marks only UUIDs of 36 characters.
pub(super) const fn unmarked(text: &[u8], id: u128) -> u128 {
    match (id >> VERSION) & 0xf {
        0x9..=0xb if text.len() == wire::uuid::LEN && text[0] != b'|' => version_4(id),
        _ => id,
    }
}

/// Returns the id with version 4 and all other bits as they are.
pub(super) const fn version_4(id: u128) -> u128 {
    id & !(0xf << VERSION) | 0x4 << VERSION
}

impl PartialEq for CorrelationId<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for CorrelationId<'_> {}

impl fmt::Display for CorrelationId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

debug_as!(CorrelationId<'_>, |it| "{} bytes", it.as_str().len());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_envoy_reason_of_36_characters_only() {
        let reason = |text| CorrelationId::received(text).envoy_reason();
        assert_eq!(reason("2996f8a3-26f8-40a5-a080-c74e911caddb"), Some(EnvoyReason::NotTraced));
        assert_eq!(reason("2996f8a3-26f8-90a5-a080-c74e911caddb"), Some(EnvoyReason::Sampled));
        assert_eq!(reason("2996f8a3-26f8-a0a5-a080-c74e911caddb"), Some(EnvoyReason::ServerForced));
        assert_eq!(reason("2996f8a3-26f8-b0a5-a080-c74e911caddb"), Some(EnvoyReason::ClientForced));
        assert_eq!(reason("2996f8a3-26f8-70a5-a080-c74e911caddb"), None);
        assert_eq!(reason("2996f8a326f890a5a080c74e911caddb"), None);
    }

    #[test]
    fn ok_ids_compare_by_text() {
        assert_eq!(CorrelationId::received("a"), CorrelationId::received("a"));
        assert_ne!(CorrelationId::received("a"), CorrelationId::received("b"));
        let text = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
        let trace_id = TraceId::new(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736).unwrap();
        assert_eq!(CorrelationId::from_trace_id(trace_id), CorrelationId::received(text), "created or received");
    }

    #[cfg(feature = "std")]
    #[test]
    fn ok_debug_shows_only_the_length() {
        assert_eq!(std::format!("{:?}", CorrelationId::received("secret")), "CorrelationId(6 bytes)");
    }
}
