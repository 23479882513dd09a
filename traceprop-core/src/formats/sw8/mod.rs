//! `sw8`, `sw8-correlation` and `sw8-x`: the calling SkyWalking segment and its service.
//!
//! ```text
//! sw8    = sample "-" trace-id "-" segment-id "-" span "-" service "-" instance "-" endpoint "-" peer
//! sample = "0" / "1"             span = decimal, 0 to 2147483647      all others: base64 of UTF-8, at most 2048 bytes
//!
//! 1-NjEzMWQxNDhiYjY1MTE1ZDkxZjk5NzU2MGFjYThlNjc=-N2M4OWNkZWI2OGE5MTMyZWI0NzI2YWQzZGJhNThkNTA=-1-cmVjby1weQ==-
//!     cmVjby1weS01ZjdjOQ==-L3ByZWRpY3Q=-bW9kZWw6ODUwMQ==           (one line)
//! ```
//!
//! Trace and segment ids are free text and are kept byte for byte. [`trace_id_from_text`] and [`span_id_from_segment`]
//! return the numbers that other formats use for them. Agents differ, so base64 without padding and empty names
//! (browsers) are valid too.
//!
//! Of several values, on lines or joined by commas, the last is used, because gateways append theirs. An empty value
//! and `1-------` count as absent: agents send them for requests that they do not trace. Agents that never decide write
//! a sample of 1, so it does not fill in an undecided sampling of another format.
//!
//! A span is written as span 0 of segment `<16 hex of the span id>0000000000000000`, which maps back to the span id.
//! Debug and deferred are written as 1. Most agents record even if the sample is 0.
//!
//! Spec: <https://skywalking.apache.org/docs/main/next/en/api/x-process-propagation-headers-v3/>

mod correlation;
mod extension;
mod format;
mod header;
mod identity;
mod ids;
mod lines;
#[cfg(feature = "alloc")]
mod parts;
mod preserve;
#[cfg(feature = "std")]
#[cfg(test)]
mod tests;
mod text;
mod view;
mod write;

pub use correlation::Sw8Correlation;
#[cfg(feature = "alloc")]
pub(crate) use correlation::{filter_text, line_of as correlation_line};
pub use extension::Sw8Extension;
pub use header::Sw8Header;
#[cfg(feature = "alloc")]
pub use identity::Sw8Builder;
pub use identity::Sw8IdentityError;
#[cfg(feature = "alloc")]
pub use parts::Sw8Parts;
pub use text::Sw8Text;
pub use view::{Sw8View, trace_id_text};

use crate::field::{CustomHeader, Field, InvalidHeaderName};
use crate::id::{SpanId, TraceId};
use crate::wire::StackText;

use identity::{Identity, Name};

/// The headers, by their index in the arrays below.
const HEADER: usize = 0;
const EXTENSION: usize = 1;
const CORRELATION: usize = 2;

const FIELDS: [Field; 3] = [Field::Sw8, Field::Sw8Extension, Field::Sw8Correlation];

/// Returns the number that other formats use for a SkyWalking trace id, or `None` if it is zero.
///
/// 32 hex digits and hyphenated UUIDs map to their 16 bytes. `32hex.A.B` maps to those bytes with A and B mixed in, as
/// in the OpenTelemetry collector. Up to 39 decimal digits map to that number. Any other text is hashed with 128-bit
/// FNV-1a.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::sw8::trace_id_from_text;
///
/// let id = trace_id_from_text("de5980b8fce34a37aab9b4ac3af7eedd.1.16563474296430001").unwrap();
/// assert_eq!(id.to_string(), "de5980b8fde34a371be41bcd5e2fd4dd");
/// ```
pub fn trace_id_from_text(text: &str) -> Option<TraceId> {
    ids::trace_id(text.as_bytes())
}

/// Returns the span id that other formats use for a span of a SkyWalking segment.
///
/// The segment id maps to 16 bytes as in [`trace_id_from_text`]. The span number is mixed into them, and the two halves
/// are combined by XOR. A segment id that is free text is hashed with FNV-1a together with the span number.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::sw8::span_id_from_segment;
///
/// let id = span_id_from_segment("4f2f27748b8e44ecaf18fe0347194e86.33.16560607369950066", 123);
/// assert_eq!(id.to_string(), "e9c455a82542306a");
/// ```
pub fn span_id_from_segment(segment_id: &str, span_number: u32) -> SpanId {
    ids::span_id(segment_id.as_bytes(), span_number)
}

/// SkyWalking's format, named `sw8` in lists.
///
/// Reading needs no configuration. Writing needs an identity: a service and one of its instances.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::formats::sw8::Sw8;
/// use traceprop_core::{ConfigError, InjectOptions, Propagator};
///
/// static SW8: Sw8 = Sw8::new("cart", "cart-1");
///
/// let propagator = Propagator::builder().extract(&SW8).inject(&SW8).build()?;
/// let request = [("sw8", "1-dGlja2V0LTE=-c2VnbWVudA==-3-c2hvcA==-c2hvcC0x-L2NhcnQ=-Y2FydDo4MA==")];
/// let extraction = propagator.extract(&request);
/// let caller = extraction.context().unwrap();
/// let call = extraction.span_with_ids(caller.trace_id, "b7ad6b7169203331".parse().unwrap());
/// let mut headers: Vec<(String, String)> = Vec::new();
/// propagator.inject(&call, &InjectOptions::new().endpoint("/cart").peer("stock:80"), &mut headers);
/// assert_eq!(
///     headers[0].1,
///     "1-dGlja2V0LTE=-YjdhZDZiNzE2OTIwMzMzMTAwMDAwMDAwMDAwMDAwMDA=-0-Y2FydA==-Y2FydC0x-L2NhcnQ=-c3RvY2s6ODA=",
/// );
///
/// let error = Propagator::builder().extract_none().inject(Sw8::read_only()).build().unwrap_err();
/// assert!(matches!(error, ConfigError::CannotInject { .. }));
/// # }
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sw8 {
    identity: Option<Identity>,
    /// Custom names of the headers, in the order of `FIELDS`.
    names: Option<[CustomHeader; 3]>,
}

impl Sw8 {
    /// Creates a format that only reads.
    ///
    /// A propagator that injects it cannot be built.
    pub const fn read_only() -> Self {
        Self { identity: None, names: None }
    }

    /// Creates a format that writes the names of a service and of one of its instances.
    ///
    /// Both names must have 1 to 50 characters, which is checked when a propagator is built.
    pub const fn new(service: &'static str, instance: &'static str) -> Self {
        Self::with_identity(Identity { service: Name::Static(service), instance: Name::Static(instance) })
    }

    /// Returns a builder that takes the identity from code, the environment or a random number.
    #[cfg(feature = "alloc")]
    pub fn builder() -> Sw8Builder {
        Sw8Builder::default()
    }

    const fn with_identity(identity: Identity) -> Self {
        Self { identity: Some(identity), names: None }
    }

    /// Prefixes each header name with `namespace` and a dash, as the .NET agent does for a configured namespace.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidHeaderName`] if a resulting name is invalid or longer than [`CustomHeader::MAX_LEN`] bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::formats::sw8::Sw8;
    /// use traceprop_core::format::Format;
    ///
    /// let sw8 = Sw8::read_only().with_namespace("acme")?;
    /// assert!(sw8.fields().custom_headers().iter().any(|name| name.as_str() == "acme-sw8"));
    /// # Ok::<(), traceprop_core::format::InvalidHeaderName>(())
    /// ```
    pub fn with_namespace(mut self, namespace: &str) -> Result<Self, InvalidHeaderName> {
        let name = |field: Field| {
            let mut text = StackText::<{ CustomHeader::MAX_LEN }>::new();
            let pieces = [namespace, "-", field.name().unwrap_or_default()];
            let fits = !namespace.is_empty() && pieces.into_iter().try_for_each(|piece| text.push(piece)).is_ok();
            if fits { CustomHeader::new(text.as_str()) } else { Err(InvalidHeaderName::BadLength) }
        };
        let [header, extension, correlation] = FIELDS.map(name);
        self.names = Some([header?, extension?, correlation?]);
        Ok(self)
    }

    /// Returns the service name that is written.
    pub fn service(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.service.as_str())
    }

    /// Returns the instance name that is written.
    pub fn instance(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.instance.as_str())
    }
}
