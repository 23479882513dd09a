//! Runs `traceprop-core` in a program that has neither `std` nor an allocator.
//!
//! The C runtime calls `main`; the exit code is 0 if every check held.

#![no_std]
#![no_main]

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use traceprop_core as _;

/// Text on the stack: what does not fit is an error, as for every `fmt::Write`.
struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    const fn new() -> Self {
        Self {
            bytes: [0; N],
            len: 0,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// `core::fmt` is what drags in most of `core`: if this links and runs, so does what builds on it.
fn format() -> bool {
    let mut text = Text::<16>::new();
    let fits = write!(text, "{:016x}", 0x00f0_67aa_0ba9_02b7_u64);
    let full = text.write_char('!');
    fits.is_ok() && full.is_err() && text.as_bytes() == b"00f067aa0ba902b7"
}

/// Reads a context from a slice of headers and writes it back, in every format.
fn extract_and_inject() -> bool {
    // To be filled with the public API of `traceprop-core`.
    true
}

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    if !format() {
        return 1;
    }
    if !extract_and_inject() {
        return 2;
    }
    0
}

unsafe extern "C" {
    /// Ends the process with SIGABRT: a panic must not look like a success, nor hang.
    safe fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}
