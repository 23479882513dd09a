#[cfg(feature = "tracing")]
use traceprop_core::ExtractReport;

use super::{Finding, finding};
use crate::extract::ExtractLayer;

/// Explanations a second, unless another number is given.
#[cfg(feature = "tracing")]
const PER_SECOND: u32 = 10;

impl<G> ExtractLayer<G> {
    /// Explains, in the log, each request in which a header was turned down or two formats name different traces: one
    /// `tracing` event of level `DEBUG` and target `traceprop_tower::explain`, at most ten a second.
    ///
    /// The message is the line of the [`ExtractReport`](traceprop_core::ExtractReport), which holds no byte of a header. Where events
    /// were left out since the last one, the field `left_out` says how many.
    #[cfg(feature = "tracing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
    pub fn log_problems(self) -> Self {
        self.log_problems_at_most(PER_SECOND)
    }

    /// The same with another limit. It holds for all clones of the layer and all their services together.
    #[cfg(feature = "tracing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
    pub fn log_problems_at_most(self, per_second: u32) -> Self {
        let limit = super::limit::Limit::per_second(per_second);
        self.on_report(move |report| {
            let enabled = tracing::event_enabled!(target: "traceprop_tower::explain", tracing::Level::DEBUG);
            if enabled && needs_explaining(report) {
                if let Some(left_out) = limit.admit() {
                    let left_out = (left_out > 0).then_some(left_out);
                    tracing::debug!(target: "traceprop_tower::explain", left_out, "{report}");
                }
            }
        })
    }

    /// Shows `count` what each format found in each request: a counter labelled with the parts of a [`Finding`] says
    /// which dialects arrive, and which of them cannot be read, and why.
    pub fn on_finding(self, count: impl Fn(&Finding<'_>) + Send + Sync + 'static) -> Self {
        self.on_report(move |report| finding::each(report, |finding| count(&finding)))
    }
}

#[cfg(feature = "tracing")]
fn needs_explaining(report: &ExtractReport<'_>) -> bool {
    report.rejects().next().is_some() || report.conflicting().next().is_some()
}
