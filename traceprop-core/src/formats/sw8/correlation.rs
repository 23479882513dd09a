//! `sw8-correlation`: the application's own pairs, which travel with the trace.
//!
//! ```text
//! sw8-correlation = pair *( "," pair )      at most 3 pairs
//! pair            = base64 ":" base64       key and value, neither empty; values of at most 128 bytes
//!
//! dGVuYW50:YWNtZS1ldQ==,Y2FuYXJ5:dHJ1ZQ==
//! ```
//!
//! An invalid pair is ignored alone. The specification says fewer than 3 pairs and values under 128 bytes, but agents
//! accept 3 and 128. An empty value is not a pair, since agents remove a key that way. Several lines are one list. The
//! last pair of a key counts, and only that one is written.
//!
//! Spec: <https://skywalking.apache.org/docs/main/next/en/api/x-process-correlation-headers-v1/>

use core::fmt;

use super::text::Sw8Text;
use crate::carrier::{HeaderLines, HeaderLinesIter};
use crate::context::Allow;
#[cfg(feature = "alloc")]
use crate::context::{FilteredLine, TextFilter, TextLine};
use crate::field::{Field, InvalidHeader};
use crate::wire::{self, InvalidReason, Shown};

/// The most valid pairs that are kept.
const MAX_PAIRS: usize = 3;

/// Bytes of the longest value that is written.
const MAX_VALUE: usize = 128;

/// The most bytes of all lines that are read, including a comma between lines.
const MAX_BYTES: usize = 2048;

/// The pairs of an `sw8-correlation`, borrowed from the carrier.
///
/// With feature `alloc` it converts into W3C baggage.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::sw8::Sw8Correlation;
///
/// let correlation = Sw8Correlation::parse(b"dGVuYW50:YWNtZS1ldQ==,nothing,Y2FuYXJ5:dHJ1ZQ==")?;
/// assert_eq!(correlation.len(), 2);
/// assert_eq!(correlation.get("canary").unwrap(), "true");
/// # #[cfg(feature = "alloc")]
/// assert_eq!(traceprop_core::OwnedBaggage::from(correlation).to_string(), "tenant=acme-eu,canary=true");
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Sw8Correlation<'c> {
    lines: HeaderLines<'c>,
    len: usize,
    ignored: Option<InvalidHeader>,
}

impl<'c> Sw8Correlation<'c> {
    /// No pairs.
    pub const EMPTY: Self = Self { lines: HeaderLines::none(), len: 0, ignored: None };

    /// Parses the pairs of one line.
    ///
    /// # Errors
    ///
    /// Returns `no-valid-member` if there are pairs and all are invalid.
    pub fn parse(line: &'c [u8]) -> Result<Self, InvalidHeader> {
        Self::from_lines(HeaderLines::one(line), Field::Sw8Correlation)
    }

    /// Parses lines that code gave.
    #[cfg(feature = "alloc")]
    pub(crate) fn of_lines(lines: HeaderLines<'c>) -> Self {
        Self::from_lines(lines, Field::Sw8Correlation).unwrap_or(Self::EMPTY)
    }

    pub(super) fn from_lines(lines: HeaderLines<'c>, field: Field) -> Result<Self, InvalidHeader> {
        if lines.is_over_limit() {
            return Err(InvalidHeader::new(field, InvalidReason::TooManyLines, 0));
        }
        let mut correlation = Self { lines, len: 0, ignored: None };
        for (reason, at) in Walk::new(lines).filter_map(Result::err) {
            correlation.ignored = correlation.ignored.or(Some(InvalidHeader::new(field, reason, at)));
        }
        correlation.len = correlation.iter().count();
        match correlation.ignored {
            Some(_) if correlation.len == 0 => Err(InvalidHeader::new(field, InvalidReason::NoValidMember, 0)),
            _ => Ok(correlation),
        }
    }

    /// Returns key and value of each pair, in order. Of several pairs with a key only the last is returned.
    pub fn iter(&self) -> impl Iterator<Item = (Sw8Text<'c>, Sw8Text<'c>)> + use<'c> {
        let mut pairs = [None; MAX_PAIRS];
        let mut len = 0;
        for pair in Walk::new(self.lines).filter_map(Result::ok) {
            let is_same = |known: &Option<(Sw8Text<'c>, _)>| known.is_some_and(|(key, _)| key == pair.0);
            if let Some(earlier) = pairs.iter().position(is_same) {
                pairs[earlier..len].rotate_left(1);
                len -= 1;
            }
            if let Some(place) = pairs.get_mut(len) {
                *place = Some(pair);
                len += 1;
            }
        }
        pairs.into_iter().take(len).flatten()
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<Sw8Text<'c>> {
        self.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// Returns the number of pairs.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there is no pair.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns why the first pair was ignored: it is invalid, or exceeds a limit.
    ///
    /// Limits are 3 pairs, 64 lines, and 2,048 bytes for all lines.
    pub const fn ignored(&self) -> Option<InvalidHeader> {
        self.ignored
    }

    /// Returns the pairs that are allowed.
    pub(super) fn allowed(&self, allow: Allow<'_>) -> impl Iterator<Item = (Sw8Text<'c>, Sw8Text<'c>)> {
        self.iter().filter(move |(key, _)| key.with(|key| allow.allows_key(key)))
    }

    /// Returns the allowed pairs that are short enough.
    pub(super) fn kept(&self, allow: Allow<'_>) -> impl Iterator<Item = (Sw8Text<'c>, Sw8Text<'c>)> {
        self.allowed(allow).filter(|(_, value)| fits(*value))
    }

    /// Displays the kept pairs as a header value.
    pub(super) fn list(&self, allow: Allow<'_>) -> impl fmt::Display {
        Shown(move |f: &mut fmt::Formatter<'_>| {
            for (i, (key, value)) in self.kept(allow).enumerate() {
                f.write_str(if i > 0 { "," } else { "" })?;
                key.put(f)?;
                f.write_str(":")?;
                value.put(f)?;
            }
            Ok(())
        })
    }

    /// Returns the received lines if all of their pairs may be written.
    pub(super) fn as_received(&self, allow: Allow<'_>) -> Option<impl Iterator<Item = &'c str> + use<'c>> {
        let is_repeated = || Walk::new(self.lines).filter(Result::is_ok).count() > self.len;
        let whole = allow == Allow::All
            && self.ignored.is_none()
            && self.iter().all(|(_, value)| fits(value))
            && !is_repeated();
        let lines = self.lines.iter().map(|line| wire::ascii(wire::trim(line)));
        whole.then(|| lines.filter(|line| !line.is_empty()))
    }
}

#[cfg(feature = "alloc")]
impl From<Sw8Correlation<'_>> for crate::baggage::OwnedBaggage {
    fn from(correlation: Sw8Correlation<'_>) -> Self {
        use alloc::string::ToString;

        Self::of_pairs(correlation.iter().map(|(key, value)| (key.to_string(), value.to_string())))
    }
}

/// Returns the line of the first pairs that can be written: neither side is empty, and the value has at most 128 bytes.
/// The last pair of a key counts.
#[cfg(feature = "alloc")]
pub(crate) fn line_of<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> alloc::string::String {
    use crate::wire::base64::Encoded;

    let can_be_written = |(key, value): &(&str, &str)| !key.is_empty() && (1..=MAX_VALUE).contains(&value.len());
    let mut line = alloc::string::String::new();
    let mut last = alloc::vec::Vec::new();
    for (key, value) in pairs.into_iter().filter(can_be_written) {
        last.retain(|(known, _)| *known != key);
        last.push((key, value));
    }
    for (key, value) in last.into_iter().take(MAX_PAIRS) {
        let comma = if line.is_empty() { "" } else { "," };
        // Writing to a string does not fail.
        let _ = fmt::write(&mut line, format_args!("{comma}{}:{}", Encoded(key.as_bytes()), Encoded(value.as_bytes())));
    }
    line
}

/// Returns the pairs of a line that stay, or `None` if it is a line of another field. There can be a namespace before the
/// name. The writer applies the limits.
#[cfg(feature = "alloc")]
pub(crate) fn filter_text<'l>(line: TextLine<'_, 'l>, filter: TextFilter<'_>) -> Option<FilteredLine<'l>> {
    if line.field != Field::Sw8Correlation && !is_correlation(line.name) {
        return None;
    }
    let allow = filter.allow;
    let is_allowed = |key: Sw8Text<'_>| key.with(|key| allow.allows_key(key));
    Some(FilteredLine::of_list(line.value, |pair| {
        allow == Allow::All || read_pair(pair).is_ok_and(|(key, _)| is_allowed(key))
    }))
}

#[cfg(feature = "alloc")]
fn is_correlation(name: &str) -> bool {
    const SUFFIX: &[u8] = b"sw8-correlation";
    let end = name.len().checked_sub(SUFFIX.len()).and_then(|start| name.as_bytes().get(start..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(SUFFIX))
}

fn fits(value: Sw8Text<'_>) -> bool {
    value.len() <= MAX_VALUE
}

/// An iterator over the pairs of all lines, up to the limits.
#[derive(Clone)]
struct Walk<'c> {
    lines: HeaderLinesIter<'c>,
    rest: Option<&'c [u8]>,
    at: usize,
    keys: [Option<Sw8Text<'c>>; MAX_PAIRS],
    done: bool,
}

impl<'c> Walk<'c> {
    fn new(lines: HeaderLines<'c>) -> Self {
        Self { lines: lines.iter(), rest: None, at: 0, keys: [None; MAX_PAIRS], done: false }
    }
}

impl<'c> Iterator for Walk<'c> {
    type Item = Result<(Sw8Text<'c>, Sw8Text<'c>), (InvalidReason, usize)>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            let rest = match self.rest.take() {
                Some(rest) => rest,
                None => self.lines.next()?,
            };
            // One byte more than the limit shows whether the pair ends within it.
            let left = MAX_BYTES.saturating_sub(self.at);
            let visible = &rest[..rest.len().min(left + 1)];
            let (raw, more) = match wire::split_once(visible, b',') {
                Some((raw, _)) => (raw, Some(&rest[raw.len() + 1..])),
                None => (visible, None),
            };
            let at = self.at;
            self.rest = more;
            self.at += raw.len() + 1;
            if raw.len() > left {
                self.done = true;
                return Some(Err((InvalidReason::TooLong, at)));
            }
            let pair = wire::trim(raw);
            if pair.is_empty() {
                continue;
            }
            let read = read_pair(pair).map_err(|reason| (reason, at));
            if let Ok((key, _)) = read {
                match self.keys.iter_mut().find(|known| known.is_none_or(|known| known == key)) {
                    Some(place) => *place = Some(key),
                    None => {
                        self.done = true;
                        return Some(Err((InvalidReason::TooManyMembers, at)));
                    }
                }
            }
            return Some(read);
        }
        None
    }
}

fn read_pair(pair: &[u8]) -> Result<(Sw8Text<'_>, Sw8Text<'_>), InvalidReason> {
    // A second colon is not base64.
    let read = |text| Sw8Text::read(text).map_err(|error| error.reason);
    match wire::split_once(pair, b':') {
        None => Err(InvalidReason::BadMember),
        Some(([], _)) => Err(InvalidReason::BadKey),
        Some((_, [])) => Err(InvalidReason::BadValue),
        Some((key, value)) => Ok((read(key)?, read(value)?)),
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::base64::Encoded;
    use proptest::prelude::*;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn pairs(line: &str) -> Vec<(String, String)> {
        let correlation = Sw8Correlation::parse(line.as_bytes()).unwrap();
        let pairs: Vec<_> = correlation.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        assert_eq!(pairs.len(), correlation.len());
        pairs
    }

    fn pair(key: &str, value: &str) -> String {
        format!("{}:{}", Encoded(key.as_bytes()), Encoded(value.as_bytes()))
    }

    fn written(line: &str, allow: Allow<'_>) -> (String, (usize, usize)) {
        let correlation = Sw8Correlation::parse(line.as_bytes()).unwrap();
        let counts = (correlation.allowed(allow).count(), correlation.kept(allow).count());
        (correlation.list(allow).to_string(), counts)
    }

    #[test]
    fn ok_pairs_in_order_and_last_value_of_a_key() {
        assert_eq!(pairs("YQ==:MQ==, YQ:Mg ,,"), [("a".into(), "2".into())]);
        // A key that is repeated takes no place of another: a, b, a, c, a.
        let several = pairs("YQ==:MQ==,Yg:Mg,YQ==:Mw==,Yw:NA,YQ==:NQ==");
        assert_eq!(several, [("b".into(), "2".into()), ("c".into(), "4".into()), ("a".into(), "5".into())]);
        let correlation = Sw8Correlation::parse(b"YQ==:MQ==,YQ:Mg").unwrap();
        assert_eq!(correlation.get("a").unwrap(), "2");
        assert_eq!((correlation.get("b"), correlation.ignored()), (None, None));
        assert!(Sw8Correlation::parse(b" ,").unwrap().is_empty());
    }

    #[test]
    fn ok_invalid_pairs_are_ignored_and_reported() {
        let invalid = [
            ("bm9jb2xvbg==", InvalidReason::BadMember),
            ("a:b:c", InvalidReason::BadBase64),
            (":MQ==", InvalidReason::BadKey),
            ("YQ==:", InvalidReason::BadValue),
            ("YQ==:/w==", InvalidReason::BadUtf8),
        ];
        for (pair, reason) in invalid {
            let line = format!("Yg==:Mg==,{pair},Yw==:Mw==");
            let correlation = Sw8Correlation::parse(line.as_bytes()).unwrap();
            assert_eq!(correlation.len(), 2, "{pair}");
            assert_eq!(correlation.ignored(), Some(InvalidHeader::new(Field::Sw8Correlation, reason, 10)), "{pair}");
            let error = Sw8Correlation::parse(pair.as_bytes()).unwrap_err();
            assert_eq!(error, InvalidHeader::new(Field::Sw8Correlation, InvalidReason::NoValidMember, 0));
        }
    }

    #[test]
    fn ok_three_pairs_and_the_fourth_is_ignored() {
        let three = "azE=:djE=,azI=:djI=,azM=:djM=";
        assert_eq!(Sw8Correlation::parse(three.as_bytes()).unwrap().ignored(), None);
        let four = format!("{three},x,azQ=:djQ=,azU=:djU=");
        assert_eq!(pairs(&four).len(), 3);
        let four = format!("{three},azQ=:djQ=");
        let ignored = Sw8Correlation::parse(four.as_bytes()).unwrap().ignored().unwrap();
        assert_eq!((ignored.reason(), ignored.offset()), (InvalidReason::TooManyMembers, 30));
    }

    #[test]
    fn ok_2048_bytes_and_the_next_pair_is_ignored() {
        let line = |commas: &str| format!("YQ==:MQ=={commas}Yg==:{}", "A".repeat(2032));
        let fits = line(",,");
        assert_eq!((fits.len(), pairs(&fits).len()), (2048, 2));
        let long = line(",,,");
        let correlation = Sw8Correlation::parse(long.as_bytes()).unwrap();
        assert_eq!(correlation.len(), 1);
        assert_eq!(correlation.ignored(), Some(InvalidHeader::new(Field::Sw8Correlation, InvalidReason::TooLong, 12)));
    }

    #[test]
    fn ok_write_allowed_pairs_of_128_bytes() {
        let (fits, long) = (pair("b", &"x".repeat(128)), pair("c", &"x".repeat(129)));
        let line = format!("YQ:MQ,{fits},{long}");
        assert_eq!(written(&line, Allow::All), (format!("YQ==:MQ==,{fits}"), (3, 2)));
        assert_eq!(written(&line, Allow::Only(&["b", "c"])), (fits.clone(), (2, 1)));
        assert_eq!(written(&line, Allow::None), (String::new(), (0, 0)));
    }

    #[test]
    fn ok_convert_into_w3c_baggage() {
        let owned = crate::baggage::OwnedBaggage::from(Sw8Correlation::parse(b"YQ:MQ,w6k=:ICw=").unwrap());
        assert_eq!((owned.get("a"), owned.get("é")), (Some("1"), Some(" ,")));
    }

    #[test]
    fn ok_lines_as_received_only_as_a_whole() {
        let as_received = |line: &'static str, allow| {
            let correlation = Sw8Correlation::parse(line.as_bytes()).unwrap();
            correlation.as_received(allow).map(|lines| lines.collect::<Vec<_>>())
        };
        assert_eq!(as_received(" YQ:MQ, Yg:Mg ", Allow::All), Some(std::vec!["YQ:MQ, Yg:Mg"]));
        assert_eq!(as_received("YQ:MQ", Allow::Only(&["a"])), None);
        assert_eq!(as_received("YQ:MQ,x", Allow::All), None);
    }

    proptest! {
        #[test]
        fn ok_no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Sw8Correlation::parse(&bytes);
        }

        #[test]
        fn ok_roundtrip_pairs(texts in proptest::collection::vec((".{1,20}", ".{1,20}"), 0..=3)) {
            let line = texts.iter().map(|(key, value)| pair(key, value)).collect::<Vec<_>>().join(",");
            let is_last = |at: usize| texts[at + 1..].iter().all(|(key, _)| *key != texts[at].0);
            let last: Vec<_> = (0..texts.len()).filter(|at| is_last(*at)).map(|at| texts[at].clone()).collect();
            let expected = last.iter().map(|(key, value)| pair(key, value)).collect::<Vec<_>>().join(",");
            prop_assert_eq!(pairs(&line), last);
            prop_assert_eq!(written(&line, Allow::All).0, expected);
        }
    }

    #[test]
    fn ok_namespaced_names_are_known() {
        for (name, known) in [("sw8-correlation", true), ("Eu-Sw8-Correlation", true), ("sw8-correlations", false)] {
            assert_eq!(is_correlation(name), known, "{name}");
        }
        assert!(!is_correlation("é8-correlation"));
    }
}
