//! Counts checked contexts and faults.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use traceprop_core::OwnedContext;

use super::load::Load;

/// The limit of faults with a kept message. All faults are counted.
const TOLD: usize = 10;

/// The counters of all tasks.
#[derive(Debug, Default)]
pub struct Watch {
    contexts: AtomicU64,
    faults: AtomicU64,
    told: Mutex<Vec<String>>,
}

impl Watch {
    /// Checks the context of a task that serves this request.
    pub fn look(&self, place: &str, load: Load, context: Option<&OwnedContext>) {
        self.contexts.fetch_add(1, Ordering::Relaxed);
        if let Err(fault) = load.judge(context) {
            self.fault(format!("request {}, {place}: {fault}", load.number()));
        }
    }

    /// Checks the current context.
    pub fn look_here(&self, place: &str, load: Load) {
        self.look(place, load, OwnedContext::current().as_ref());
    }

    /// Checks that a task without a request has no current context.
    pub fn none_here(&self, load: Load) {
        self.contexts.fetch_add(1, Ordering::Relaxed);
        if let Some(left) = OwnedContext::current() {
            let trace = left.trace_id().map(|id| id.to_string());
            self.fault(format!("request {}: {} is still current", load.number(), trace.unwrap_or_default()));
        }
    }

    /// Records a fault.
    pub fn fault(&self, message: String) {
        self.faults.fetch_add(1, Ordering::Relaxed);
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if told.len() < TOLD {
            told.push(message);
        }
    }

    /// Returns the number of checked contexts, the number of faults, and the first messages.
    pub fn figures(&self) -> (u64, u64, Vec<String>) {
        let told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        (self.contexts.load(Ordering::Relaxed), self.faults.load(Ordering::Relaxed), told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::{RandomIds, SpanContext};

    #[test]
    fn err_a_context_of_another_and_a_leftover_one_are_faults() {
        let watch = Watch::default();
        watch.none_here(Load::new(1));
        assert_eq!(watch.figures(), (1, 0, vec![]));
        let other = OwnedContext::new(SpanContext::root(&RandomIds));
        let _guard = other.enter();
        watch.none_here(Load::new(1));
        watch.look_here("edge", Load::new(1));
        for _ in 0..20 {
            watch.look("edge", Load::new(2), None);
        }
        let (contexts, faults, told) = watch.figures();
        assert_eq!((contexts, faults, told.len()), (23, 22, TOLD));
        assert_eq!(told[2], "request 2, edge: there is no context");
    }
}
