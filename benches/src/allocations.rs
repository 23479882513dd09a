//! A global allocator that counts, on demand.
//!
//! It is off while times are taken: an atomic addition for each allocation would penalize contenders that allocate.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

static ON: AtomicBool = AtomicBool::new(false);
static SO_FAR: AtomicU64 = AtomicU64::new(0);

/// The system allocator; each `alloc`, `alloc_zeroed` and `realloc` counts as one, `dealloc` as none.
pub struct Counting;

/// Returns the number of allocations so far; always 0 in a program that has not installed [`Counting`].
pub fn so_far() -> u64 {
    SO_FAR.load(Relaxed)
}

/// Counts while `work` runs. What counts is the whole process, so nothing else may run.
pub fn counted<T>(work: impl FnOnce() -> T) -> T {
    ON.store(true, Relaxed);
    let result = work();
    ON.store(false, Relaxed);
    result
}

#[inline]
fn one() {
    if ON.load(Relaxed) {
        SO_FAR.fetch_add(1, Relaxed);
    }
}

// SAFETY: every call goes to `System` with unchanged arguments; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        one();
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        one();
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        one();
        unsafe { System.realloc(block, layout, size) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}
