//! A run: its cells, what was left out, and how it ends.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use crate::Error;
use crate::cell::{Cell, Place, Verdict};
use crate::groups::Group;
use crate::known::Known;
use crate::matrix;
use crate::options::Options;

/// What a group works with.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) options: Options,
    /// The folder `interop`.
    pub(crate) folder: PathBuf,
    cells: Vec<Cell>,
    left_out: Vec<String>,
    started: Instant,
    /// What has been installed in this run, by names that the groups choose.
    pub(crate) installed: BTreeSet<String>,
}

impl Run {
    pub(crate) fn new(options: Options) -> Result<Self, Error> {
        let folder = env!("CARGO_MANIFEST_DIR").into();
        let run = Self {
            options,
            folder,
            cells: Vec::new(),
            left_out: Vec::new(),
            started: Instant::now(),
            installed: BTreeSet::new(),
        };
        for name in ["logs", "captures"] {
            std::fs::create_dir_all(run.cache().join(name))?;
        }
        Ok(run)
    }

    /// The folder for what is installed and for logs. It is not part of the repository.
    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.join(".cache")
    }

    /// Adds a cell. An error is what was understood instead.
    pub(crate) fn check(&mut self, place: Place, result: Result<(), String>) {
        if self.options.verbose {
            println!("{place}: {}", result.as_ref().err().map_or("passed", String::as_str));
        }
        let verdict = result.map_or_else(Verdict::Failed, |()| Verdict::Passed);
        self.cells.push(Cell { place, verdict });
    }

    /// Notes what this machine cannot run. It is told at once, and again at the end.
    pub(crate) fn leave_out(&mut self, what: impl Into<String>) {
        let what = what.into();
        println!("WARNING: LEFT OUT: {what}");
        self.left_out.push(what);
    }

    /// Tells the results, and returns the exit code of the program.
    pub(crate) fn finish(mut self, groups: &[Box<dyn Group>]) -> Result<u8, Error> {
        let known = Known::read(&self.folder.join("KNOWN.toml"))?;
        known.mark(&mut self.cells);
        // The quick part lacks cells that an entry may be about, and so does a run that left something out.
        let mut outdated = if self.options.is_thorough() { known.outdated(&self.cells) } else { Vec::new() };
        let is_whole = self.options.is_whole() && self.left_out.is_empty();
        outdated.retain(|(_, place)| is_whole || place.is_some());
        let mut counts = [0usize; 3];
        println!();
        for cell in &self.cells {
            match &cell.verdict {
                Verdict::Passed => counts[0] += 1,
                Verdict::Known(..) => counts[1] += 1,
                Verdict::Failed(text) => {
                    counts[2] += 1;
                    println!("FAILED: {}: {text}", cell.place);
                }
            }
        }
        for (index, place) in &outdated {
            let reason = &known.entries[*index].reason;
            let example = place.map_or("it names no cell".to_owned(), ToString::to_string);
            println!("FAILED: KNOWN.toml, entry {}: no longer applies, see {example} ({reason})", index + 1);
        }
        for what in &self.left_out {
            println!("WARNING: LEFT OUT: {what}");
        }
        if self.options.writes_matrix {
            matrix::write(&self.folder.join("../docs/interop-matrix.md"), groups, &self.cells, &known)?;
        }
        let [passed, explained, failed] = counts;
        let failed = failed + outdated.len();
        let seconds = self.started.elapsed().as_secs();
        println!("{explained} known faults of peers, {} left out, {seconds} s", self.left_out.len());
        println!("{passed} passed, {failed} failed");
        Ok(match (passed, failed) {
            (0, 0) => 3,
            (_, 0) => 0,
            _ => 1,
        })
    }
}
