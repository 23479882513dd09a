//! The contexts that are entered on a thread. The current one is the last.

use alloc::vec::Vec;
use core::cell::RefCell;
use core::marker::PhantomData;

use crate::owned::OwnedContext;

std::thread_local! {
    static STACK: RefCell<Stack> = const { RefCell::new(Stack { entries: Vec::new(), last_id: 0 }) };
}

/// The entries, in the order of their ids. Room for them is allocated once a thread.
struct Stack {
    entries: Vec<Entry>,
    last_id: u64,
}

struct Entry {
    id: u64,
    context: OwnedContext,
}

impl Stack {
    #[inline]
    fn enter(&mut self, context: OwnedContext) -> u64 {
        self.last_id += 1;
        self.entries.push(Entry { id: self.last_id, context });
        self.last_id
    }

    /// Takes out one entry, and leaves those above it.
    #[inline]
    fn remove(&mut self, id: u64) -> Option<Entry> {
        match self.entries.last() {
            Some(last) if last.id == id => self.entries.pop(),
            _ => self.place(id).map(|place| self.entries.remove(place)),
        }
    }

    /// Moves the context of one entry into `slot`, and drops the entries above it.
    #[inline]
    fn remove_with_above(&mut self, id: u64, slot: &mut Option<OwnedContext>) {
        if self.entries.last().is_some_and(|last| last.id != id) {
            let end = self.place(id).map_or(self.entries.len(), |place| place + 1);
            self.entries.truncate(end);
        }
        if let Some(entry) = self.entries.pop() {
            *slot = Some(entry.context);
        }
    }

    #[cold]
    fn place(&self, id: u64) -> Option<usize> {
        self.entries.iter().rposition(|entry| entry.id == id)
    }
}

/// Runs `f` with the stack of this thread. Returns `None` while the thread ends, when there is no stack any more.
#[inline]
fn with_stack<R>(f: impl FnOnce(&mut Stack) -> R) -> Option<R> {
    // The stack is borrowed already if a global allocator asks for it. An allocator must not panic.
    STACK.try_with(|stack| stack.try_borrow_mut().ok().map(|mut stack| f(&mut stack))).ok()?
}

pub(super) fn entered() -> Option<OwnedContext> {
    with_stack(|stack| Some(stack.entries.last()?.context.clone()))?
}

/// Keeps a context current until it is dropped.
///
/// The context that was entered last is the current one. Guards can be dropped in any order: each takes out its own
/// context.
///
/// A guard belongs to its thread. Do not hold it across an await: wrap the future with
/// [`InContext::in_context`](crate::InContext::in_context). The end of a poll or a
/// [scope](OwnedContext::scope) leaves the contexts that were entered in it, whether or not their guards are dropped.
///
/// ```
/// use traceprop_core::{ContextGuard, OwnedContext, SpanContext, SpanId, TraceId};
///
/// let enter = || -> ContextGuard { OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN)).enter() };
/// // A vector drops its first element first.
/// let guards = vec![enter(), enter()];
/// drop(guards);
/// assert!(OwnedContext::current().is_none());
/// ```
#[derive(Debug)]
#[must_use = "the context is current only while the guard lives"]
pub struct ContextGuard {
    /// `None` if the thread ends and the context could not be entered.
    id: Option<u64>,
    /// Not `Send`: the entry is on the stack of this thread.
    stays: PhantomData<*const ()>,
}

impl ContextGuard {
    #[inline]
    pub(super) fn new(context: OwnedContext) -> Self {
        Self { id: with_stack(|stack| stack.enter(context)), stays: PhantomData }
    }
}

impl Drop for ContextGuard {
    #[inline]
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // Dropped here, when the stack is not borrowed any more.
            drop(with_stack(|stack| stack.remove(id)));
        }
    }
}

/// Makes the context in a slot the current one, and moves it back at the end, also after a panic.
pub(super) struct Scope<'a> {
    slot: &'a mut Option<OwnedContext>,
    id: Option<u64>,
}

impl<'a> Scope<'a> {
    #[inline]
    pub(super) fn enter(slot: &'a mut Option<OwnedContext>) -> Self {
        // Taken only if there is a stack, so that the slot keeps its context otherwise.
        let id = with_stack(|stack| slot.take().map(|context| stack.enter(context))).flatten();
        Self { slot, id }
    }
}

impl Drop for Scope<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(id) = self.id {
            with_stack(|stack| stack.remove_with_above(id, self.slot));
        }
    }
}
