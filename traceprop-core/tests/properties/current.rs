//! Guards, scopes and futures in any order leave the current context as a simple model says.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use traceprop_core::{ContextGuard, InContext, OwnedContext, SpanContext, SpanId, TraceId};

#[derive(Clone, Debug)]
enum Step {
    Enter,
    DropGuard(usize),
    Scope(Vec<Step>),
    Poll(usize, Vec<Step>),
    DropFuture(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        3 => Just(Step::Enter),
        3 => (0..8_usize).prop_map(Step::DropGuard),
        1 => (0..FUTURES).prop_map(Step::DropFuture),
    ];
    let step = leaf.prop_recursive(3, 32, 6, |inner| {
        let inner = prop::collection::vec(inner, 0..6);
        prop_oneof![
            inner.clone().prop_map(Step::Scope),
            (0..FUTURES, inner).prop_map(|(at, steps)| Step::Poll(at, steps))
        ]
    });
    prop::collection::vec(step, 0..16)
}

const FUTURES: usize = 3;

type BoxFuture = Pin<Box<dyn Future<Output = ()>>>;

/// The guards and futures of a run, and the model: the spans that are entered, each only once.
#[derive(Default)]
struct World {
    model: RefCell<Vec<u64>>,
    last_span: Cell<u64>,
    guards: RefCell<Vec<(u64, ContextGuard)>>,
    futures: RefCell<Vec<Option<(u64, BoxFuture)>>>,
    in_poll: RefCell<Vec<Step>>,
    drops: Cell<usize>,
}

/// Checks the current context while a future is dropped.
struct Checks(Rc<World>);

impl Drop for Checks {
    fn drop(&mut self) {
        self.0.check();
        self.0.drops.set(self.0.drops.get() + 1);
    }
}

impl World {
    fn check(&self) {
        let current = OwnedContext::current().and_then(|context| context.span_id()).map(SpanId::get);
        assert_eq!(current, self.model.borrow().last().copied());
    }

    /// Returns a context that no other has, and its span.
    fn context(&self) -> (u64, OwnedContext) {
        self.last_span.set(self.last_span.get() + 1);
        let span = self.last_span.get();
        let span_id = SpanId::new(span).expect("not zero");
        (span, OwnedContext::new(SpanContext::new(TraceId::MIN, span_id)))
    }

    fn future(self: &Rc<Self>) -> (u64, BoxFuture) {
        let (span, context) = self.context();
        let checks = Checks(Rc::clone(self));
        let work = poll_fn(move |_| {
            checks.0.run(&checks.0.in_poll.take());
            Poll::Pending
        });
        (span, Box::pin(work.in_context(context)))
    }

    /// Runs `f`, which enters a context with this span for its time.
    fn scope(&self, span: u64, f: impl FnOnce()) {
        self.model.borrow_mut().push(span);
        f();
        let mut model = self.model.borrow_mut();
        let place = model.iter().position(|entered| *entered == span).expect("only its scope takes it out");
        model.truncate(place);
    }

    fn run(self: &Rc<Self>, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Enter => {
                    let (span, context) = self.context();
                    self.guards.borrow_mut().push((span, context.enter()));
                    self.model.borrow_mut().push(span);
                }
                Step::DropGuard(at) => self.drop_guard(*at),
                Step::Scope(steps) => {
                    let (span, context) = self.context();
                    self.scope(span, || context.scope(|| self.run(steps)));
                }
                Step::Poll(at, steps) => {
                    // A future that polls itself is not there.
                    let Some((span, mut future)) = self.futures.borrow_mut()[*at].take() else { continue };
                    self.in_poll.replace(steps.clone());
                    self.scope(span, || {
                        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
                    });
                    self.futures.borrow_mut()[*at] = Some((span, future));
                }
                Step::DropFuture(at) => {
                    let Some((span, future)) = self.futures.borrow_mut()[*at].take() else { continue };
                    self.scope(span, || drop(future));
                }
            }
            self.check();
        }
    }

    fn drop_guard(&self, at: usize) {
        let mut guards = self.guards.borrow_mut();
        if guards.is_empty() {
            return;
        }
        let place = at % guards.len();
        let (span, guard) = guards.swap_remove(place);
        drop(guard);
        self.model.borrow_mut().retain(|entered| *entered != span);
    }
}

proptest! {
    #![proptest_config(super::cases(400))]

    #[test]
    fn ok_guards_scopes_and_futures_in_any_order(steps in steps(), order in prop::collection::vec(0..100_usize, 0..100)) {
        let world = Rc::new(World::default());
        let futures = (0..FUTURES).map(|_| Some(world.future())).collect();
        world.futures.replace(futures);
        world.check();
        world.run(&steps);
        let remaining = world.guards.borrow().len();
        for at in order.into_iter().chain(std::iter::repeat_n(0, remaining)) {
            world.drop_guard(at);
            world.check();
        }
        world.run(&[Step::DropFuture(0), Step::DropFuture(1), Step::DropFuture(2)]);
        prop_assert_eq!(world.drops.get(), FUTURES);
        prop_assert!(world.guards.borrow().is_empty() && OwnedContext::current().is_none());
    }
}
