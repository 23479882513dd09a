//! `X-INSTANA-L`: whether tracing is on, and the correlation with a page view.
//!
//! ```text
//! level = "0" / "1"
//! level [ "," "correlationType=" text ";" "correlationId=" text ]        blanks around each part
//!
//! 1,correlationType=web;correlationId=cd9ffb6b0f2185e0
//! ```

use crate::carrier::Headers;
use crate::field::{Field, InvalidHeader};
use crate::wire::{self, InvalidReason, debug_as, trim};

/// The first value of the header that is not blank.
pub(super) struct Level<'c> {
    word: &'c [u8],
    at: usize,
    /// What follows the word in its line.
    rest: &'c [u8],
}

impl<'c> Level<'c> {
    /// `None` if the header is absent.
    pub(super) fn read(headers: &Headers<'c>) -> Option<Self> {
        let line = headers.first_filled_line(Field::InstanaLevel)?;
        let (at, word) = wire::first_value(line).unwrap_or_default();
        Some(Self { word, at, rest: &line[at + word.len()..] })
    }

    /// Returns `false` for 0 and `true` for 1.
    pub(super) fn is_on(&self) -> Result<bool, InvalidHeader> {
        match self.word {
            b"0" => Ok(false),
            b"1" => Ok(true),
            [] => Err(InvalidHeader::new(Field::InstanaLevel, InvalidReason::Empty, 0)),
            _ => Err(InvalidHeader::new(Field::InstanaLevel, InvalidReason::BadSampling, self.at)),
        }
    }

    /// Returns the correlation. A level of 0 has none.
    pub(super) fn correlation(&self) -> Option<InstanaCorrelation<'c>> {
        if self.word != b"1" {
            return None;
        }
        let part = |wanted: &str| {
            let parts =
                self.rest.split(|&byte| matches!(byte, b',' | b';')).filter_map(|part| wire::split_once(part, b'='));
            let mut named = parts.filter(|(key, _)| trim(key).eq_ignore_ascii_case(wanted.as_bytes()));
            let text = core::str::from_utf8(trim(named.next()?.1)).ok()?;
            Some(text).filter(|text| !text.is_empty())
        };
        Some(InstanaCorrelation { kind: part("correlationType")?, id: part("correlationId")? })
    }
}

/// The page view or app session that a request belongs to, as Instana's browser and mobile agents send it.
///
/// The id identifies a user's page view: do not log it.
///
/// ```
/// use traceprop_core::Propagator;
///
/// let propagator = Propagator::from_names("instana", "none")?;
/// let request = [("x-instana-l", "1,correlationType=web;correlationId=cd9ffb6b0f2185e0")];
/// let correlation = propagator.extract(&request).instana().correlation();
/// assert_eq!(correlation.map(|correlation| correlation.kind), Some("web"));
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InstanaCorrelation<'c> {
    /// The kind of agent, such as `web` or `mobile`.
    pub kind: &'c str,
    /// The id of the page view.
    pub id: &'c str,
}

debug_as!(InstanaCorrelation<'_>, |it| kind: it.kind);

/// Instana-specific data of a request. [`Extraction::instana`](crate::Extraction::instana) returns it.
///
/// ```
/// use traceprop_core::Propagator;
///
/// let propagator = Propagator::from_names("instana", "none")?;
/// let extraction = propagator.extract(&[("x-instana-synthetic", "1")]);
/// assert!(extraction.instana().is_synthetic());
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct InstanaView<'c> {
    pub(crate) headers: Headers<'c>,
    /// False if nothing of the caller's trace counts.
    pub(crate) counts: bool,
}

impl<'c> InstanaView<'c> {
    fn read(&self) -> Option<Level<'c>> {
        if self.counts { Level::read(&self.headers) } else { None }
    }

    /// Returns the level: `false` if the caller suppresses tracing. `None` if it is absent or invalid.
    pub fn level(&self) -> Option<bool> {
        self.read()?.is_on().ok()
    }

    /// Returns the correlation with a page view, for the span of this service. Correlations are never sent.
    pub fn correlation(&self) -> Option<InstanaCorrelation<'c>> {
        self.read()?.correlation()
    }

    /// Returns `true` if a synthetic test made the request.
    pub fn is_synthetic(&self) -> bool {
        self.counts && self.headers.first_value(Field::InstanaSynthetic).is_some_and(|(_, value)| value == b"1")
    }
}
