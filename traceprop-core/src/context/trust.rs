//! How far a listener trusts its callers.

/// What a service does with a received context. It is a setting of each listener, not of the process.
///
/// Values are ordered by strictness: `Continue < Resample < Restart < Ignore`. SECURITY.md has a table of what becomes of each
/// part of a context.
///
/// Text that this service sets itself, such as [`OwnedContext::with_baggage`](crate::OwnedContext::with_baggage), is not the
/// caller's. It is sent under every trust, where [`InjectOptions`](crate::InjectOptions) allow it.
///
/// ```
/// use traceprop_core::{Trust, presets};
///
/// let propagator = presets::W3C.propagator().with_trust(Trust::Restart);
/// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
/// let extraction = propagator.extract(&request);
/// assert_eq!((extraction.context(), extraction.links().count()), (None, 1));
/// assert!(Trust::Continue < Trust::Resample && Trust::Restart < Trust::Ignore);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// Continues the trace: callers are trusted.
    ///
    /// Callers choose the sampling decision. [`sampler::RateLimited`](crate::sampler) limits how much they can have recorded.
    #[default]
    Continue,
    /// Continues the trace and decides on sampling again, as an edge for browsers does.
    ///
    /// The received decision has no effect, and a decision without ids is ignored. Nothing that describes it is sent, even if
    /// the new decision is the same:
    ///
    /// - Datadog's priority becomes 1 or 0. The tags `dm`, `ksr` and `ts` are dropped.
    /// - Debug, Jaeger's other flags and the mode of `sw8-x` are dropped.
    /// - `th` and `rv` in the `ot` member are those of this service.
    /// - Members of vendors that carry a decision are dropped: `es`, `sw`, `*@nr` and `*@dt`, and `sentry-*` of baggage.
    ///
    /// The caller still chooses the trace id. So [ratio samplers](crate::sampler) decide by randomness of this service.
    ///
    /// A passthrough leaves the decision open. A format that cannot say so keeps the sampled bit that was received.
    Resample,
    /// Starts a new trace and links the received one, as an edge does. Baggage and correlation ids are kept.
    ///
    /// `sentry-*` members of baggage are dropped, because they carry a decision. A passthrough forwards no trace context.
    Restart,
    /// Starts a new trace and ignores all received headers, including baggage and correlation ids. There is no link.
    ///
    /// A passthrough forwards nothing of the request.
    Ignore,
}

impl Trust {
    /// Returns the stricter of two settings.
    pub(crate) const fn stricter(self, other: Self) -> Self {
        if self as u8 >= other as u8 { self } else { other }
    }

    /// Whether the trace of the caller is continued.
    pub(crate) const fn continues_trace(self) -> bool {
        matches!(self, Self::Continue | Self::Resample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_order_is_from_trusting_to_strict() {
        let all = [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore];
        assert!(all.is_sorted());
        for (place, one) in all.into_iter().enumerate() {
            for (other_place, other) in all.into_iter().enumerate() {
                assert_eq!(one.stricter(other), all[place.max(other_place)]);
                assert_eq!(one.stricter(other), one.max(other));
            }
        }
    }
}
