#[cfg(feature = "tracing")]
use traceprop_core::report::ExtractReport;

use super::{Finding, finding};
use crate::extract::ExtractLayer;

/// Default limit of logged explanations per second.
#[cfg(feature = "tracing")]
const PER_SECOND: u32 = 10;

impl<G> ExtractLayer<G> {
    /// Logs an explanation of each request with an invalid or ignored header, or with formats that name different
    /// traces.
    ///
    /// Each explanation is a `tracing` event of level `DEBUG` and target `traceprop_tower::explain`. The message is the
    /// [`ExtractReport`](traceprop_core::report::ExtractReport) as text, which contains no byte of a header. At most ten events
    /// per second are logged. If earlier events were dropped, the field `suppressed` has their number.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_tower::{ExtractLayer, presets};
    ///
    /// let layer = ExtractLayer::new(presets::ALL_TO_W3C).log_problems();
    /// # let _ = layer;
    /// ```
    #[cfg(feature = "tracing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
    pub fn log_problems(self) -> Self {
        self.log_problems_at_most(PER_SECOND)
    }

    /// Logs explanations as [`log_problems`](Self::log_problems) does, but at most `per_second` events per second.
    ///
    /// All clones of the layer and all of their services share the limit.
    #[cfg(feature = "tracing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
    pub fn log_problems_at_most(self, per_second: u32) -> Self {
        let limit = super::limit::Limit::per_second(per_second);
        self.on_report(move |report| {
            let enabled = tracing::event_enabled!(target: "traceprop_tower::explain", tracing::Level::DEBUG);
            if enabled && needs_explaining(report) {
                if let Some(suppressed) = limit.admit() {
                    let suppressed = (suppressed > 0).then_some(suppressed);
                    tracing::debug!(target: "traceprop_tower::explain", suppressed, "{report}");
                }
            }
        })
    }

    /// Calls `on_finding` for each result of each format in each request.
    ///
    /// A counter labelled with the parts of a [`Finding`] shows which formats arrive, which are invalid, and why.
    /// Callbacks add up.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use traceprop_tower::explain::FindingOutcome;
    /// use traceprop_tower::{ExtractLayer, presets};
    ///
    /// static INVALID: AtomicU64 = AtomicU64::new(0);
    ///
    /// let layer = ExtractLayer::new(presets::ALL_TO_W3C).on_finding(|finding| {
    ///     if finding.outcome == FindingOutcome::Invalid {
    ///         INVALID.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// });
    /// # let _ = layer;
    /// ```
    pub fn on_finding(self, on_finding: impl Fn(&Finding<'_>) + Send + Sync + 'static) -> Self {
        self.on_report(move |report| finding::each(report, |finding| on_finding(&finding)))
    }
}

#[cfg(feature = "tracing")]
fn needs_explaining(report: &ExtractReport<'_>) -> bool {
    report.invalid_headers().next().is_some() || report.conflicting().next().is_some()
}
