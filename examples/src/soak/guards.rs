//! Guards that are dropped in random order, as those of a struct or a `Vec` are.

use traceprop_core::{OwnedContext, RandomIds, presets};

use super::load::Load;
use super::watch::Watch;

/// The number of contexts that are entered at once.
const NESTED: u64 = 5;

/// Enters contexts, and leaves them in random order. After each step the current context is the one that was entered last
/// of those that are left, or else `own`, the one of the request that is served.
pub fn shuffle(watch: &Watch, own: Option<Load>) {
    let look = |load: Option<Load>| match load {
        Some(load) => watch.look_here("guards", load),
        None => watch.none_here(Load::new(0)),
    };
    let first = own.map_or(1, Load::number);
    let mut entered = Vec::new();
    for load in (first..first + NESTED).map(Load::new) {
        entered.push((load, context(load).enter()));
        look(Some(load));
    }
    while !entered.is_empty() {
        let place = random_below(entered.len());
        drop(entered.remove(place));
        look(entered.last().map(|(load, _)| *load).or(own));
    }
}

/// Returns the context of a service that serves this request.
fn context(load: Load) -> OwnedContext {
    let propagator = presets::ALL_TO_W3C.propagator();
    let headers = load.headers();
    let extraction = propagator.extract(&headers);
    OwnedContext::from_span(&extraction, &extraction.new_span(&RandomIds))
}

fn random_below(bound: usize) -> usize {
    use traceprop_core::IdGenerator;

    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    usize::try_from(RandomIds.new_span_id().get() % bound).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_each_step_of_each_round_is_checked() {
        let watch = Watch::default();
        for _ in 0..100 {
            shuffle(&watch, None);
        }
        let own = Load::new(7);
        let guard = context(own).enter();
        for _ in 0..100 {
            shuffle(&watch, Some(own));
        }
        drop(guard);
        assert_eq!(watch.figures(), (200 * 2 * NESTED, 0, vec![]));
    }

    #[test]
    fn err_a_context_that_stays_is_a_fault() {
        let watch = Watch::default();
        let _left = context(Load::new(9)).enter();
        shuffle(&watch, None);
        let (_, faults, told) = watch.figures();
        assert_eq!((faults, told.len()), (1, 1));
    }
}
