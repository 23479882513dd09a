//! Sentry-specific data of a context.

use super::dsc::SamplingContext;
use super::header::SentryTrace;
use crate::carrier::Headers;

/// Sentry-specific data of a request or of an owned context.
///
/// [`Extraction::sentry`](crate::Extraction::sentry) and [`OwnedContext::sentry`](crate::OwnedContext::sentry) return it.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Propagator, formats::sentry::Sentry};
///
/// let propagator = Propagator::builder().with_format(Sentry::new()).build()?;
/// let request = [("sentry-trace", "2f90b30075b9669ae69a7feb163cc8e5-e57dddd84dceff9a-1")];
/// let sentry = propagator.extract(&request).sentry().expect("the request has the header");
/// assert!(sentry.header().ids().is_some() && sentry.sampling_context().is_empty());
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SentryView<'c> {
    header: SentryTrace,
    sampling_context: SamplingContext<'c>,
}

impl<'c> SentryView<'c> {
    pub(crate) fn read(headers: &Headers<'c>, keeps_members: bool) -> Option<Self> {
        let header = SentryTrace::read(headers)?.ok()?;
        let sampling_context = match header.ids().filter(|_| keeps_members) {
            Some((trace_id, _)) => SamplingContext::from_headers(headers, trace_id),
            None => SamplingContext::EMPTY,
        };
        Some(Self { header, sampling_context })
    }

    /// Returns `sentry-trace`.
    pub const fn header(&self) -> SentryTrace {
        self.header
    }

    /// Returns the dynamic sampling context.
    ///
    /// Empty if there is none, if it names another trace, and if the caller does not decide about sampling
    /// ([`Trust`](crate::Trust)).
    pub const fn sampling_context(&self) -> SamplingContext<'c> {
        self.sampling_context
    }
}
