//! Linker arguments for a program without Rust's runtime.

fn main() {
    // The C runtime calls `main`. rustc does not link libc unless a crate asks for it.
    println!("cargo::rustc-link-arg-bins=-lc");
    // The precompiled `core` supports unwinding and refers to the personality routine of `std`. This program aborts, so
    // the routine is never called.
    println!("cargo::rustc-link-arg-bins=-Wl,--defsym=rust_eh_personality=0");
    println!("cargo::rerun-if-changed=build.rs");
}
