//! What the linker must know about a program that does without Rust's own runtime.

fn main() {
    // The C runtime calls `main`. rustc leaves libc out when nothing asks for it.
    println!("cargo::rustc-link-arg-bins=-lc");
    // The precompiled `core` was made for unwinding and names the personality routine of `std`.
    // This program aborts, so nothing ever calls it.
    println!("cargo::rustc-link-arg-bins=-Wl,--defsym=rust_eh_personality=0");
    println!("cargo::rerun-if-changed=build.rs");
}
