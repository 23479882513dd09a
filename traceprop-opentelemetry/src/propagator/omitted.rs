//! What becomes of a report of omissions.

use std::sync::Arc;
#[cfg(feature = "tracing")]
use std::sync::atomic::{AtomicBool, Ordering};

use traceprop_core::report::InjectReport;

type Call = dyn Fn(Option<&str>, &InjectReport<'_>) + Send + Sync;

#[derive(Clone)]
pub(super) enum OnOmitted {
    /// Logs the first omission. Losing baggage silently breaks routing that is based on it.
    LogFirst(#[cfg(feature = "tracing")] Arc<AtomicBool>),
    Call(Arc<Call>),
}

impl Default for OnOmitted {
    fn default() -> Self {
        Self::LogFirst(
            #[cfg(feature = "tracing")]
            Arc::default(),
        )
    }
}

impl OnOmitted {
    #[cold]
    pub(super) fn call(&self, destination: Option<&str>, report: &InjectReport<'_>) {
        match self {
            Self::Call(call) => call(destination, report),
            #[cfg(feature = "tracing")]
            Self::LogFirst(is_logged) => {
                if !is_logged.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        "not sent: {report}. OtelPropagator::allow_baggage and allow_correlation allow it for every \
                         destination, inject_options_fn for some. Later omissions are not logged"
                    );
                }
            }
            #[cfg(not(feature = "tracing"))]
            Self::LogFirst() => {}
        }
    }
}
