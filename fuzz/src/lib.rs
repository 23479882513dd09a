//! What the fuzz targets share: how bytes become a request, and what must hold of everything that goes out.
//!
//! A target is a function of bytes that panics where something does not hold. Under `cfg(fuzzing)` the fuzzer calls it;
//! without it, it is a program that calls it for each file named on its command line.

mod check;
mod hop;
mod input;
pub mod oracle;
pub mod peer;
pub mod wire;

use std::fs;
use std::path::{Path, PathBuf};

pub use check::{
    SPAN, Sink, extract, ids, is_blank, within, written_by_owned, written_by_passthrough, written_by_span,
};
pub use hop::w3c_only;
pub use input::{Headers, Input, READING, Steps, WRITING, field_len, values};
#[cfg(fuzzing)]
pub use libfuzzer_sys;

/// Makes a target of a function of bytes.
#[macro_export]
macro_rules! target {
    ($run:path) => {
        #[cfg(fuzzing)]
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| $run(data));

        #[cfg(not(fuzzing))]
        fn main() {
            $crate::replay($run);
        }
    };
}

/// Runs a target over every file, and every file of every folder, that the command line names.
///
/// # Panics
/// Where the target does, and where a file cannot be read or none is named: nothing tried is not a success.
pub fn replay(run: fn(&[u8])) {
    let mut tried = 0;
    for path in std::env::args_os().skip(1).map(PathBuf::from) {
        for file in files(&path) {
            let data = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let _named = Named(&file);
            run(&data);
            tried += 1;
        }
    }
    assert!(tried > 0, "name files or folders with inputs");
    println!("{tried} inputs, nothing found");
}

/// Names the input that found something.
struct Named<'p>(&'p Path);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("found by {}", self.0.display());
        }
    }
}

fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}
