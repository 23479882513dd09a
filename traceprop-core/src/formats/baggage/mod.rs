//! W3C `baggage`: key-value pairs of the application that travel with a request.
//!
//! ```text
//! baggage = member *( "," member )       member = key "=" value *( ";" property )
//!
//! baggage: userId=alice,serverNode=DF%2028;secure
//! ```
//!
//! This module contains the format. [`Baggage`](crate::Baggage) is a received list.
//!
//! ```
//! use traceprop_core::presets;
//!
//! let propagator = presets::W3C.propagator();
//! let request = [("baggage", "userId=alice")];
//! let extraction = propagator.extract(&request);
//! assert_eq!(extraction.baggage().get("userId").map(|member| member.raw_value()), Some("alice"));
//! ```
//!
//! Spec: <https://www.w3.org/TR/baggage/>

#[cfg(feature = "alloc")]
mod filter;
mod write;

#[cfg(feature = "alloc")]
pub(crate) use filter::filter_text;

use crate::baggage::BaggageLimits;
use crate::carrier::Headers;
use crate::field::FormatKind;
use crate::format::{Format, FormatFields, InjectContext, Parsed, Writer};

/// The W3C `baggage` format, named `baggage`.
///
/// It contains no trace context: [`extract_first`](crate::PropagatorBuilder::extract_first) does not count it.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Propagator, baggage::BaggageLimits, formats::baggage::W3cBaggage};
///
/// static BAGGAGE: W3cBaggage = W3cBaggage::new().limits(BaggageLimits { members: 2, bytes: 8192 });
///
/// let propagator = Propagator::builder().with_format(&BAGGAGE).build()?;
/// let request = [("baggage", "tenant=acme,region=eu,user=7")];
/// assert_eq!(propagator.extract(&request).baggage().len(), 2);
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct W3cBaggage {
    limits: BaggageLimits,
}

impl W3cBaggage {
    /// Creates the format with [`BaggageLimits::W3C`].
    pub const fn new() -> Self {
        Self { limits: BaggageLimits::W3C }
    }

    /// Sets how much baggage is read and written. Members beyond the limits are ignored.
    pub const fn limits(self, limits: BaggageLimits) -> Self {
        Self { limits }
    }
}

impl Format for W3cBaggage {
    fn name(&self) -> &str {
        "baggage"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields { baggage_limits: Some(&self.limits), ..FormatFields::of(FormatKind::Baggage) }
    }

    // Baggage has no trace context. `Extraction::baggage` reads the members when they are needed.
    fn extract(&self, _: &Headers<'_>) -> Parsed {
        Parsed::absent()
    }

    fn inject(&self, _: &InjectContext<'_>, _: &mut Writer<'_>) {}

    fn forward(&self, _: &InjectContext<'_>, _: &mut Writer<'_>) {}

    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        write::write(context, self.limits, writer);
    }
}
