//! Tells the program which compiler made it: a count is one of a compiler.

use std::env;
use std::process::Command;

fn main() {
    let rustc = env::var_os("RUSTC").expect("cargo says which compiler it uses");
    let output = Command::new(rustc).arg("--version").output().expect("a compiler that tells its version");
    let version = String::from_utf8(output.stdout).expect("a version in UTF-8");
    println!("cargo::rustc-env=COUNTS_RUSTC={}", version.trim());
    println!("cargo::rustc-env=COUNTS_TARGET={}", env::var("TARGET").expect("cargo says what it builds for"));
    println!("cargo::rerun-if-changed=build.rs");
}
