//! `peers.toml`: which peers there are, and what each configuration of them speaks.

use serde::Deserialize;

use crate::Error;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    #[serde(rename = "language")]
    pub(super) languages: Vec<Language>,
    #[serde(rename = "peer")]
    pub(super) peers: Vec<Peer>,
    /// The other ends of round trips: `peer/config`.
    partners: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Language {
    pub(super) name: String,
    pub(super) title: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Peer {
    pub(super) name: String,
    pub(super) language: String,
    /// Whether the peer is in the quick part.
    #[serde(default)]
    pub(super) quick: bool,
    #[serde(rename = "config")]
    pub(super) configs: Vec<Config>,
}

/// One configuration of a peer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) name: String,
    /// The formats that the peer reads, in traceprop's names, the most preferred one first.
    reads: Option<String>,
    /// The formats that it writes.
    writes: Option<String>,
    /// Both, where they are the same.
    formats: Option<String>,
    /// What its `extract` tells, in addition to `trace_id`, `span_id` and `sampled`: `baggage`, `priority`, `origin`,
    /// `tags`, `debug`, `correlation`.
    #[serde(default)]
    pub(super) tells: Vec<String>,
    /// What its `inject` cannot be asked for (`not-sampled`, `baggage`), cases that mean nothing to it (`deferred`), and
    /// that it knows no sampling `decision`.
    #[serde(default)]
    pub(super) cannot: Vec<String>,
    /// The bits of a trace id that the format or the peer keeps: 64 or 128.
    #[serde(default = "whole_trace_id")]
    pub(super) trace_id_bits: u32,
    /// The directions that exist: `out` (the peer writes), `in` (it reads), `through`. Default: all.
    #[serde(default)]
    pub(super) directions: Vec<String>,
}

fn whole_trace_id() -> u32 {
    128
}

impl Config {
    pub(super) fn reads(&self) -> &str {
        self.reads.as_deref().or(self.formats.as_deref()).unwrap_or_default()
    }

    pub(super) fn writes(&self) -> &str {
        self.writes.as_deref().or(self.formats.as_deref()).unwrap_or_default()
    }

    pub(super) fn has(&self, direction: &str) -> bool {
        self.directions.is_empty() || self.directions.iter().any(|one| one == direction)
    }

    pub(super) fn tells(&self, thing: &str) -> bool {
        matches!(thing, "trace_id" | "span_id")
            || (thing == "sampled" && self.can("decision"))
            || self.tells.iter().any(|one| one == thing)
    }

    pub(super) fn can(&self, thing: &str) -> bool {
        !self.cannot.iter().any(|one| one == thing)
    }
}

impl Plan {
    /// Returns the peers and configurations of `partners`.
    pub(super) fn partners(&self) -> Result<Vec<(Peer, Config)>, Error> {
        let find = |name: &String| {
            let (peer, config) = name.split_once('/')?;
            let peer = self.peers.iter().find(|one| one.name == peer)?;
            let config = peer.configs.iter().find(|one| one.name == config)?;
            Some((peer.clone(), config.clone()))
        };
        let each = self.partners.iter();
        each.map(|name| find(name).ok_or_else(|| format!("peers.toml: no partner {name}").into())).collect()
    }
}

/// Reads `peers.toml`, which is part of this program.
pub(super) fn read() -> Result<Plan, Error> {
    let plan: Plan = toml::from_str(include_str!("../../peers.toml"))?;
    for peer in &plan.peers {
        if !plan.languages.iter().any(|language| language.name == peer.language) {
            return Err(format!("peers.toml: peer {} has an unknown language", peer.name).into());
        }
        for config in &peer.configs {
            if config.reads().is_empty() && config.writes().is_empty() {
                return Err(format!("peers.toml: {} {} speaks no format", peer.name, config.name).into());
            }
        }
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    #[test]
    fn ok_the_plan_can_be_read() {
        let plan = super::read().unwrap();
        assert!(!plan.partners().unwrap().is_empty());
    }
}
