//! Finds mistakes of the setup that are silent otherwise.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::{Context, global};

/// A mistake of the setup that [`self_check`] found. Its text says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SetupProblem {
    /// [`install`](crate::install) was not called, or another tracer was connected before.
    NotInstalled,
    /// The global propagator of this release of OpenTelemetry is not an [`OtelPropagator`](crate::OtelPropagator).
    ForeignPropagator,
    /// The global subscriber has no layer of this release of tracing-opentelemetry.
    NoTracingLayer,
    /// The layer of tracing-opentelemetry does not make its spans OpenTelemetry's active ones.
    NoContextActivation,
}

impl fmt::Display for SetupProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotInstalled => {
                "traceprop does not use OpenTelemetry's active span: call traceprop_opentelemetry::install() at start-up, \
                 before any other tracer is connected"
            }
            Self::ForeignPropagator => {
                "the global propagator of opentelemetry 0.33 is not an OtelPropagator: call \
                 opentelemetry::global::set_text_map_propagator(OtelPropagator::new(..)); if you did, `cargo tree -d` \
                 shows two releases of opentelemetry, or something has replaced it since"
            }
            Self::NoTracingLayer => {
                "the subscriber has no layer of tracing-opentelemetry 0.34: add one; if you did, `cargo tree -d` shows two \
                 releases of tracing-opentelemetry, or a reload layer hides it"
            }
            Self::NoContextActivation => {
                "the layer of tracing-opentelemetry is built with_context_activation(false): log lines of WithOtelIds have \
                 no ids, and OpenTelemetry's own instrumentation does not see the spans"
            }
        })
    }
}

impl std::error::Error for SetupProblem {}

/// Looks for mistakes of the setup that are silent otherwise, such as two releases of OpenTelemetry in one program.
///
/// Call it once, after everything is set up. It exports no span. The layer is only looked for with the feature `tracing`,
/// and in the subscriber of this thread; nothing is found if that subscriber disables spans of level INFO with the target
/// `traceprop_opentelemetry`.
///
/// ```
/// use opentelemetry::global;
/// use traceprop_core::presets;
/// use traceprop_opentelemetry::{OtelPropagator, SetupProblem, install, self_check};
///
/// assert!(self_check().contains(&SetupProblem::NotInstalled));
///
/// global::set_text_map_propagator(OtelPropagator::new(presets::W3C));
/// install();
/// for problem in self_check() {
///     eprintln!("{problem}"); // or tracing::warn!
///     # assert_eq!(problem, SetupProblem::NoTracingLayer);
/// }
/// ```
pub fn self_check() -> Vec<SetupProblem> {
    let mut problems = Vec::new();
    if !crate::active::is_installed() {
        problems.push(SetupProblem::NotInstalled);
    }
    if !has_propagator() {
        problems.push(SetupProblem::ForeignPropagator);
    }
    #[cfg(feature = "tracing")]
    problems.extend(tracing_problem());
    problems
}

/// A value of a context. What injects or sees the context says so.
#[derive(Clone, Default)]
pub(crate) struct Probe(Arc<AtomicBool>);

impl Probe {
    pub(crate) fn answer(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Returns whether the global propagator is ours, or has ours in it.
fn has_propagator() -> bool {
    let probe = Probe::default();
    let cx = Context::new().with_value(probe.clone());
    let mut headers = std::collections::HashMap::<String, String>::new();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&cx, &mut headers));
    probe.0.load(Ordering::Relaxed)
}

#[cfg(feature = "tracing")]
fn tracing_problem() -> Option<SetupProblem> {
    use tracing_opentelemetry::{OpenTelemetrySpanExt, SetParentError};

    let span = tracing::info_span!(target: "traceprop_opentelemetry", "self_check");
    // A tracer makes no span where telemetry is suppressed.
    let parent = Context::new().with_telemetry_suppressed().with_value(Probe::default());
    match span.set_parent(parent) {
        Ok(()) => {
            let is_active = span.in_scope(|| Context::map_current(|cx| cx.get::<Probe>().is_some()));
            // Not if the filter of the layer disables the span.
            let is_seen = span.context().get::<Probe>().is_some();
            (is_seen && !is_active).then_some(SetupProblem::NoContextActivation)
        }
        Err(SetParentError::LayerNotFound) => Some(SetupProblem::NoTracingLayer),
        // Nothing is known.
        Err(_) if !tracing::dispatcher::has_been_set() => Some(SetupProblem::NoTracingLayer),
        Err(_) => None,
    }
}
