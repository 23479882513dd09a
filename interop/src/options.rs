//! What the command line asks for.

use crate::Error;
use crate::groups::Group;

/// The parsed command line.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// Everything, instead of the quick part.
    pub(crate) all: bool,
    /// Write `docs/interop-matrix.md`.
    pub(crate) writes_matrix: bool,
    /// Install the newest versions instead of the pinned ones.
    pub(crate) newest: bool,
    /// Print the names of groups and peers, and end.
    pub(crate) lists: bool,
    /// Print each cell, also those that passed.
    pub(crate) verbose: bool,
    /// Names of groups and of their members.
    names: Vec<String>,
}

impl Options {
    pub(crate) fn from_args(args: impl IntoIterator<Item = String>) -> Result<Self, Error> {
        let mut options = Self::default();
        for arg in args {
            match arg.as_str() {
                "--all" => options.all = true,
                "--write" => options.writes_matrix = true,
                "--newest" => options.newest = true,
                "--list" => options.lists = true,
                "--verbose" => options.verbose = true,
                flag if flag.starts_with('-') => return Err(format!("unknown option {flag}").into()),
                name => options.names.push(name.to_owned()),
            }
        }
        Ok(options)
    }

    /// Returns an error for a name that means nothing.
    pub(crate) fn check_names(&self, groups: &[Box<dyn Group>]) -> Result<(), Error> {
        let known = |name: &str| groups.iter().any(|group| group.name() == name || group.members().contains(&name));
        match self.names.iter().find(|name| !known(name)) {
            Some(name) => Err(format!("no group or peer is called {name}; see --list").into()),
            None => Ok(()),
        }
    }

    /// Returns whether any member of the group is to be run.
    pub(crate) fn selects_group(&self, group: &dyn Group) -> bool {
        group.members().into_iter().any(|member| self.selects(group, member))
    }

    /// Returns whether this member is to be run.
    pub(crate) fn selects(&self, group: &dyn Group, member: &str) -> bool {
        match self.names.as_slice() {
            [] => self.all || group.is_quick(member),
            names => names.iter().any(|name| name == member || name == group.name()),
        }
    }

    /// Returns whether every group is to be run.
    pub(crate) fn is_whole(&self) -> bool {
        self.all && self.names.is_empty()
    }

    /// Returns whether directions that only the whole run has are to be run. Named groups are run as a whole.
    pub(crate) fn is_thorough(&self) -> bool {
        self.all || !self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn err_rejects_an_unknown_option() {
        let error = Options::from_args(["--everything".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "unknown option --everything");
    }

    #[test]
    fn ok_is_thorough_for_names() {
        assert!(!Options::from_args([]).unwrap().is_thorough());
        assert!(Options::from_args(["python".to_owned()]).unwrap().is_thorough());
    }
}
