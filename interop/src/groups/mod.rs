//! What can be run. A group is a section of the matrix.

mod browsers;
mod envoy;
mod queues;

use crate::Error;
use crate::peers;
use crate::run::Run;

/// A group of programs that are run in the same way.
pub(crate) trait Group {
    /// The name, for the command line and the matrix.
    fn name(&self) -> &str;

    /// The heading in the matrix.
    fn title(&self) -> &str;

    /// The members: names for the command line.
    fn members(&self) -> Vec<&str>;

    /// Returns whether the member is in the quick part.
    fn is_quick(&self, member: &str) -> bool;

    /// Runs the selected members. What this machine lacks is left out; an error ends the whole run.
    fn run(&self, run: &mut Run) -> Result<(), Error>;
}

/// All groups, in the order of the matrix: first the languages of `peers.toml`, then one row a group.
pub(crate) fn all() -> Result<Vec<Box<dyn Group>>, Error> {
    let mut groups = peers::languages()?;
    let ours: [Box<dyn Group>; 3] = [Box::new(envoy::Envoy), Box::new(queues::Queues), Box::new(browsers::Browsers)];
    groups.extend(ours);
    Ok(groups)
}
