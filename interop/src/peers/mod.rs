//! Tracers of other languages: small programs of ours around the unmodified packages.

mod cases;
mod compare;
mod directions;
mod ours;
mod plan;
mod process;

use std::process::{Command, Stdio};

use crate::Error;
use crate::groups::Group;
use crate::run::Run;
use directions::Partners;
use plan::{Config, Peer};

/// The peers of one language.
struct Language {
    name: String,
    title: String,
    peers: Vec<Peer>,
    /// The other ends of round trips, of any language.
    partners: Vec<(Peer, Config)>,
}

/// Returns a group for each language of `peers.toml`.
pub(crate) fn languages() -> Result<Vec<Box<dyn Group>>, Error> {
    let plan = plan::read()?;
    let partners = plan.partners()?;
    let language = |language: plan::Language| {
        let peers = plan.peers.iter().filter(|peer| peer.language == language.name).cloned().collect();
        let group = Language { name: language.name, title: language.title, peers, partners: partners.clone() };
        Box::new(group) as Box<dyn Group>
    };
    Ok(plan.languages.clone().into_iter().map(language).collect())
}

impl Group for Language {
    fn name(&self) -> &str {
        &self.name
    }

    fn title(&self) -> &str {
        &self.title
    }

    fn members(&self) -> Vec<&str> {
        self.peers.iter().map(|peer| peer.name.as_str()).collect()
    }

    fn is_quick(&self, member: &str) -> bool {
        self.peers.iter().any(|peer| peer.name == member && peer.quick)
    }

    fn run(&self, run: &mut Run) -> Result<(), Error> {
        let mut selected: Vec<&Peer> = self.peers.iter().collect();
        selected.retain(|peer| run.options.selects(self, &peer.name));
        if !install(run, &self.name, &selected)? {
            return Ok(());
        }
        let mut partners = Vec::new();
        if run.options.is_thorough() {
            for (peer, config) in &self.partners {
                if install(run, &peer.language, &[peer])? {
                    partners.push((peer.clone(), config.clone()));
                }
            }
        }
        let mut partners = Partners::new(partners);
        for peer in selected {
            for config in &peer.configs {
                directions::run(run, peer, config, &mut partners);
            }
        }
        Ok(())
    }
}

/// Installs what the peers of a language need, with the script of the language.
fn install(run: &mut Run, language: &str, peers: &[&Peer]) -> Result<bool, Error> {
    if peers.iter().all(|peer| run.installed.contains(&peer.name)) {
        return Ok(true);
    }
    let script = run.folder.join("peers").join(language).join("install");
    let mut command = Command::new(&script);
    if run.options.newest {
        command.arg("--newest");
    }
    command.args(peers.iter().map(|peer| &peer.name));
    // Its output is a diagnostic: stdout is for cells.
    command.stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr()));
    let status = command.status().map_err(|error| format!("{}: {error}", script.display()))?;
    if status.success() {
        run.installed.extend(peers.iter().map(|peer| peer.name.clone()));
    } else {
        run.leave_out(format!("{language}, whose packages could not be installed ({status})"));
    }
    Ok(status.success())
}
