//! The list of what is a peer's fault, each entry with its reason.

use std::path::Path;

use serde::Deserialize;

use crate::Error;
use crate::cell::{Cell, Place, Verdict};

/// One text or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Several(Vec<String>),
}

/// One fault of a peer. What is not named matches everything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    peer: Texts,
    config: Option<Texts>,
    direction: Option<Texts>,
    case: Option<Texts>,
    thing: Option<Texts>,
    /// Why the peer is at fault, for a reader of the matrix.
    pub(crate) reason: String,
    /// The versions in which this was seen.
    pub(crate) versions: String,
}

/// All entries.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    #[serde(default, rename = "known")]
    pub(crate) entries: Vec<Entry>,
}

impl Texts {
    fn contains(&self, text: &str) -> bool {
        match self {
            Self::One(one) => one == text,
            Self::Several(several) => several.iter().any(|one| one == text),
        }
    }
}

impl Entry {
    fn matches(&self, place: &Place) -> bool {
        let fits = |texts: &Option<Texts>, text: &str| texts.as_ref().is_none_or(|texts| texts.contains(text));
        self.peer.contains(&place.peer)
            && fits(&self.config, &place.config)
            && fits(&self.direction, place.direction)
            && fits(&self.case, &place.case)
            && fits(&self.thing, &place.thing)
    }
}

impl Known {
    /// Reads the list from a file in TOML.
    pub(crate) fn read(file: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", file.display()).into())
    }

    fn parse(text: &str) -> Result<Self, Error> {
        Ok(toml::from_str(text)?)
    }

    /// Marks the failed cells that an entry explains.
    pub(crate) fn mark(&self, cells: &mut [Cell]) {
        for cell in cells {
            let Verdict::Failed(text) = &cell.verdict else { continue };
            if let Some(index) = self.entries.iter().position(|entry| entry.matches(&cell.place)) {
                cell.verdict = Verdict::Known(index, text.clone());
            }
        }
    }

    /// Returns the entries that explain no cell, each with a cell that it names and that passed.
    pub(crate) fn outdated<'c>(&self, cells: &'c [Cell]) -> Vec<(usize, Option<&'c Place>)> {
        let is_used = |index| cells.iter().any(|cell| matches!(cell.verdict, Verdict::Known(used, _) if used == index));
        let example = |entry: &Entry| cells.iter().map(|cell| &cell.place).find(|place| entry.matches(place));
        let entries = self.entries.iter().enumerate().filter(|(index, _)| !is_used(*index));
        entries.map(|(index, entry)| (index, example(entry))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"
        [[known]]
        peer = "ddtrace"
        case = ["text", "span"]
        thing = "baggage"
        reason = "it reads a plus as a space"
        versions = "4.16"
    "#;

    fn cell(case: &str, verdict: Verdict) -> Cell {
        let text = str::to_owned;
        let (case, thing, version) = (text(case), text("baggage"), text("4.16.0"));
        let (group, peer, config) = (text("python"), text("ddtrace"), text("w3c"));
        Cell { place: Place { group, peer, version, config, direction: "ours to peer", case, thing }, verdict }
    }

    #[test]
    fn ok_marks_what_an_entry_explains() {
        let known = Known::parse(LIST).unwrap();
        let failed = || Verdict::Failed("a b".to_owned());
        let mut cells = [cell("text", failed()), cell("debug", failed()), cell("span", Verdict::Passed)];
        known.mark(&mut cells);
        let verdicts = cells.clone().map(|cell| cell.verdict);
        assert_eq!(verdicts, [Verdict::Known(0, "a b".to_owned()), failed(), Verdict::Passed]);
        assert!(known.outdated(&cells).is_empty());
    }

    #[test]
    fn ok_finds_an_entry_that_no_longer_applies() {
        let known = Known::parse(LIST).unwrap();
        assert_eq!(known.outdated(&[cell("debug", Verdict::Passed)]), [(0, None)]);
        let cells = [cell("text", Verdict::Passed)];
        assert_eq!(known.outdated(&cells), [(0, Some(&cells[0].place))]);
    }

    #[test]
    fn err_rejects_an_entry_without_a_reason() {
        let error = Known::parse("[[known]]\npeer = \"ddtrace\"\nversions = \"4\"").unwrap_err();
        assert!(error.to_string().contains("missing field `reason`"), "{error}");
    }
}
