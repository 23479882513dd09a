//! `sw8`, `sw8-correlation` and `sw8-x`: which segment of SkyWalking's called, and who that was.
//!
//! ```text
//! sw8    = sample "-" trace-id "-" segment-id "-" span "-" service "-" instance "-" endpoint "-" peer
//! sample = "0" / "1"             span = decimal, 0 to 2147483647      all others: base64 of UTF-8, at most 2048 bytes
//!
//! 1-NjEzMWQxNDhiYjY1MTE1ZDkxZjk5NzU2MGFjYThlNjc=-N2M4OWNkZWI2OGE5MTMyZWI0NzI2YWQzZGJhNThkNTA=-1-cmVjby1weQ==-
//!     cmVjby1weS01ZjdjOQ==-L3ByZWRpY3Q=-bW9kZWw6ODUwMQ==           (one line)
//! ```
//!
//! Trace and segment ids are free text: they are kept byte for byte and written back, and [`trace_id_from_text`] and
//! [`span_id_from_segment`] give the numbers that other dialects know them by. Accepted beyond the grammar, since agents differ:
//! base64 without padding, and empty names (browsers). Of several values, on lines or joined by commas, the last counts,
//! because gateways append theirs. An empty value and `1-------` are what agents send for requests that they do not
//! trace: absent. A sample of 1 is what agents write that never decide, so it fills in for no other dialect.
//!
//! A span of ours is written as segment `<16 hex of the span id>0000000000000000`, span 0, which gives just its id back
//! everywhere. Debug and deferred are written 1; note that most agents record even where the sample is 0.
//! Text: <https://skywalking.apache.org/docs/main/next/en/api/x-process-propagation-headers-v3/>

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
pub(crate) use correlation::{allowed_baggage, line_of as correlation_line};
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
use crate::wire::buffer::StackText;

use identity::{Identity, Name};

/// The headers, by their place in the arrays below.
const HEADER: usize = 0;
const EXTENSION: usize = 1;
const CORRELATION: usize = 2;

const FIELDS: [Field; 3] = [Field::Sw8, Field::Sw8Extension, Field::Sw8Correlation];

/// The number that a trace id of SkyWalking's has in other dialects. None for text that maps to zero.
///
/// 32 hex digits and hyphenated UUIDs are their 16 bytes, `32hex.A.B` those bytes with A and B mixed in as the
/// OpenTelemetry collector does it, up to 39 decimal digits that number. Any other text is hashed: FNV-1a, 128 bits.
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

/// The number that a span of a segment has in other dialects: the segment's 16 bytes, found as with [`trace_id_from_text`],
/// XOR the span number, the upper half XOR the lower. Of other segments: FNV-1a over segment and number, folded.
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

/// SkyWalking's sw8. Name `sw8`.
///
/// Reading needs nothing. To write it says who calls: a service and its instance.
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
    /// Configured names of the headers, in the order of `FIELDS`.
    names: Option<[CustomHeader; 3]>,
}

impl Sw8 {
    /// The format without an identity: it reads, and a propagator that is to write it cannot be built.
    pub const fn read_only() -> Self {
        Self { identity: None, names: None }
    }

    /// The format of an instance of a service. Both names have 1 to 50 characters, which is checked when a propagator is
    /// built.
    pub const fn new(service: &'static str, instance: &'static str) -> Self {
        Self::with_identity(Identity { service: Name::Static(service), instance: Name::Static(instance) })
    }

    /// Finds out who we are: from names that are given, the environment and chance.
    #[cfg(feature = "alloc")]
    pub fn builder() -> Sw8Builder {
        Sw8Builder::default()
    }

    const fn with_identity(identity: Identity) -> Self {
        Self { identity: Some(identity), names: None }
    }

    /// The same under other header names: `namespace` and a dash stand before each, as the .NET agent does it for a
    /// configured namespace.
    ///
    /// ```
    /// use traceprop_core::formats::sw8::Sw8;
    /// use traceprop_core::Format;
    ///
    /// let sw8 = Sw8::read_only().with_namespace("acme")?;
    /// assert!(sw8.fields().custom_headers().iter().any(|name| name.as_str() == "acme-sw8"));
    /// # Ok::<(), traceprop_core::InvalidHeaderName>(())
    /// ```
    ///
    /// # Errors
    /// When the namespace makes no header names of at most [`CustomHeader::MAX_LEN`] bytes.
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

    /// The service that is written, if there is one.
    pub fn service(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.service.as_str())
    }

    /// The instance that is written, if there is one.
    pub fn instance(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.instance.as_str())
    }
}
