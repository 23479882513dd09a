//! Why is the trace broken? Explains captured requests in a terminal.
//!
//! [`input`] reads captures: header lines, the output of `curl -v`, HAR files, answers of `/inspect`. [`hop`] says what
//! one request carries, [`breaks`] where the hops of a call stop agreeing, and [`mod@print`] shows both.

pub mod breaks;
pub mod hop;
pub mod input;
mod json;
pub mod options;
pub mod print;

use std::io::Read;

use hop::Hop;
use input::{Capture, InputError};
use options::Options;

/// Reads all files of the command line, or standard input without any.
///
/// # Errors
/// Returns [`InputError`] if a file cannot be read or has an unknown form.
pub fn captures(options: &Options) -> Result<Vec<Capture>, InputError> {
    let mut captures = Vec::new();
    for file in &options.files {
        let failed = |source| InputError::Read { file: file.clone(), source };
        let bytes = match file.as_str() {
            "-" => {
                let mut bytes = Vec::new();
                std::io::stdin().read_to_end(&mut bytes).map_err(failed)?;
                bytes
            }
            path => std::fs::read(path).map_err(failed)?,
        };
        captures.extend(input::parse(file, &String::from_utf8_lossy(&bytes))?);
    }
    Ok(captures)
}

/// What was found in all captures.
#[derive(Debug)]
pub struct Findings {
    /// The requests to show.
    pub hops: Vec<Hop>,
    /// Requests of HAR files that have no trace header, so they are only counted.
    pub without_headers: usize,
    /// What changed between consecutive hops, in order.
    pub breaks: Vec<breaks::Break>,
}

impl Findings {
    /// Explains all requests, and compares those that are hops of one call.
    pub fn new(captures: &[Capture], options: &Options) -> Self {
        let (mut hops, mut without_headers) = (Vec::new(), 0);
        for capture in captures {
            if capture.is_of_browser && !options.all && !hop::has_trace_header(capture, &options.propagator) {
                without_headers += 1;
            } else {
                hops.push(Hop::new(capture, &options.propagator));
            }
        }
        // The requests of a page are calls of their own.
        let are_hops = !options.separate && captures.iter().all(|capture| !capture.is_of_browser);
        let breaks = if are_hops { breaks::between(&hops) } else { Vec::new() };
        Self { hops, without_headers, breaks }
    }

    /// Whether a trace is lost: between two hops, or in a request with an invalid header and no context.
    pub fn is_broken(&self) -> bool {
        !self.breaks.is_empty() || self.hops.iter().any(Hop::is_lost)
    }
}
