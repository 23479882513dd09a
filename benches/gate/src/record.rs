//! The counts to compare with, and the file that they are kept in.

use std::fmt::{self, Display, Formatter};
use std::{fs, io};

use crate::{C_LIBRARY, MARGIN_PERCENT};

const RUSTC: &str = env!("COUNTS_RUSTC");
const TARGET: &str = env!("COUNTS_TARGET");

/// Counts, and what they were taken with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    rustc: String,
    target: String,
    counts: Vec<(String, u64)>,
}

/// What becomes of one count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Within the margin.
    Same {
        before: u64,
        now: u64,
    },
    Grown {
        before: u64,
        now: u64,
    },
    Fallen {
        before: u64,
        now: u64,
    },
    Unknown {
        now: u64,
    },
}

impl Record {
    pub(crate) fn of_this_compiler() -> Self {
        Self { rustc: RUSTC.to_owned(), target: TARGET.to_owned(), counts: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: &str, count: u64) {
        self.counts.push((name.to_owned(), count));
    }

    pub(crate) fn read(file: &str) -> Result<Self, String> {
        let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        Self::parse(&text).ok_or_else(|| format!("{file} is not as --write makes it"))
    }

    /// Writes the file. It says which `command` wrote it.
    pub(crate) fn write(&self, file: &str, command: &str) -> io::Result<()> {
        let head = "# Instructions that one call takes, with this compiler. Made by a program, not by hand:";
        fs::write(file, format!("{head}\n# {command}\n{self}"))
    }

    pub(crate) fn into_counts(self) -> Vec<(String, u64)> {
        self.counts
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let rustc = lines.next()?.to_owned();
        let target = lines.next()?.strip_prefix("target ")?.to_owned();
        let counts = lines.map(|line| {
            let (name, count) = line.split_once(' ')?;
            Some((name.to_owned(), count.trim().parse().ok()?))
        });
        Some(Self { rustc, target, counts: counts.collect::<Option<_>>()? })
    }

    fn count(&self, name: &str) -> Option<u64> {
        self.counts.iter().find(|(known, _)| known == name).map(|(_, count)| *count)
    }

    /// Returns why these counts do not apply to this program, if so: another compiler, or another target.
    pub(crate) fn taken_otherwise(&self) -> Option<String> {
        let here = Self::of_this_compiler();
        let same = self.rustc == here.rustc && self.target == here.target;
        let what = |record: &Self| format!("{} for {}", record.rustc, record.target);
        (!same).then(|| format!("the counts are those of {}, and this is {}", what(self), what(&here)))
    }

    /// Returns a message if the C library is another one, by its count for constant work.
    pub(crate) fn other_library(&self, now: u64) -> Option<String> {
        match self.judge(C_LIBRARY.0, now, MARGIN_PERCENT) {
            Judgement::Same { .. } => None,
            other => Some(format!("another C library: its own work takes (before, now, change) {other}")),
        }
    }

    /// Compares `now` with the recorded count, which may change by `margin_percent`.
    pub(crate) fn judge(&self, name: &str, now: u64, margin_percent: u64) -> Judgement {
        let Some(before) = self.count(name) else {
            return Judgement::Unknown { now };
        };
        // In hundredths of a count, which are exact.
        let (least, most) = (before * (100 - margin_percent), before * (100 + margin_percent));
        match now * 100 {
            now_exactly if now_exactly > most => Judgement::Grown { before, now },
            now_exactly if now_exactly < least => Judgement::Fallen { before, now },
            _ => Judgement::Same { before, now },
        }
    }
}

impl Judgement {
    /// Returns the change in percent, if there was a count to compare with.
    pub(crate) fn change(self) -> Option<f64> {
        match self {
            Self::Same { before, now } | Self::Grown { before, now } | Self::Fallen { before, now } => {
                Some(change_percent(before, now))
            }
            Self::Unknown { .. } => None,
        }
    }
}

fn change_percent(before: u64, now: u64) -> f64 {
    (now as f64 / before as f64 - 1.0) * 100.0
}

impl Display for Record {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}\ntarget {}\n", self.rustc, self.target)?;
        self.counts.iter().try_for_each(|(name, count)| writeln!(f, "{name} {count}"))
    }
}

impl Display for Judgement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (before, now, verdict) = match *self {
            Self::Same { before, now } => (before, now, ""),
            Self::Grown { before, now } => (before, now, "  MORE"),
            Self::Fallen { before, now } => (before, now, "  less"),
            Self::Unknown { now } => return f.pad(&format!("{:>7} {now:>7}  not in the file", "-")),
        };
        f.pad(&format!("{before:>7} {now:>7} {:>+6.1} %{verdict}", change_percent(before, now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let mut record = Record::of_this_compiler();
        record.add("extract/b3", 1000);
        record
    }

    #[test]
    fn ok_roundtrip() {
        assert_eq!(Record::parse(&record().to_string()), Some(record()));
    }

    #[test]
    fn err_parse_what_no_program_wrote() {
        for text in ["", "rustc 1.95.0\n", "rustc 1.95.0\ntarget x\nextract/b3\n", "rustc 1.95.0\ntarget x\na b c\n"] {
            assert_eq!(Record::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn ok_judge_at_the_margin() {
        let judge = |now| record().judge("extract/b3", now, 3);
        assert_eq!(judge(1030), Judgement::Same { before: 1000, now: 1030 });
        assert_eq!(judge(1031), Judgement::Grown { before: 1000, now: 1031 });
        assert_eq!(judge(970), Judgement::Same { before: 1000, now: 970 });
        assert_eq!(judge(969), Judgement::Fallen { before: 1000, now: 969 });
        assert_eq!(record().judge("extract/b4", 1, 3), Judgement::Unknown { now: 1 });
        assert_eq!(judge(1040).to_string(), "   1000    1040   +4.0 %  MORE");
    }

    #[test]
    fn err_compare_with_another_compiler() {
        assert_eq!(record().taken_otherwise(), None);
        let other = Record { rustc: "rustc 1.85.1".to_owned(), ..record() };
        assert!(other.taken_otherwise().is_some_and(|reason| reason.contains("those of rustc 1.85.1 for")));
    }

    #[test]
    fn err_compare_with_another_library() {
        let mut record = record();
        record.add(C_LIBRARY.0, 500);
        assert_eq!(record.other_library(510), None);
        assert!(record.other_library(516).is_some() && record.other_library(484).is_some());
    }
}
