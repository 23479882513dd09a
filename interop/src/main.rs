//! Runs traceprop against other tracers, and says where one of both misunderstands the other.

mod cell;
mod groups;
mod hops;
mod known;
mod matrix;
mod options;
mod peers;
mod run;
mod servers;
mod spans;

use std::process::ExitCode;

use options::Options;
use run::Run;

/// Any error that ends the run. A misunderstanding is no error: it is a cell.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Returns the exit code: 1 if something failed, 3 if nothing could be run here.
fn run() -> Result<u8, Error> {
    let options = Options::from_args(std::env::args().skip(1))?;
    let groups = groups::all()?;
    if options.lists {
        for group in &groups {
            println!("{}: {}", group.name(), group.members().join(" "));
        }
        return Ok(0);
    }
    options.check_names(&groups)?;
    let mut run = Run::new(options)?;
    for group in &groups {
        if run.options.selects_group(group.as_ref()) {
            println!("\n=== {}", group.name());
            group.run(&mut run)?;
        }
    }
    run.finish(&groups)
}
