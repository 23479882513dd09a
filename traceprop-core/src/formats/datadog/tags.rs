//! `_dd.p.*` tags: what Datadog's tracers set on every span of a trace.

use super::error::PropagationError;
use super::pairs::{Pairs, parse_tid};
use super::plain_tags::PlainTags;
use super::tag::{DatadogTag, DecisionMaker, MAX_TAGS_LEN, TAG_PREFIX, is_decision_maker};
use super::text::DatadogText;
use super::trace_state::Item;
use crate::carrier::HeaderLines;
use crate::field::{Field, InvalidHeader};
use crate::wire::{self, InvalidReason, ReasonAt, debug_as};

/// The tag that holds the upper half of the trace id. It is part of the id, so [`DatadogTags::iter`] skips it.
pub(super) const TID: &str = "tid";

/// The key of that tag.
const TID_KEY: &[u8] = b"_dd.p.tid";

/// The tag that names the maker of the sampling decision.
pub(super) const DECISION_MAKER: &str = "dm";

/// The key of that tag.
const DECISION_MAKER_KEY: &[u8] = b"_dd.p.dm";

/// Tags that belong to the decision as `dm` does: the rate of the sampler, and the products that keep the trace.
const OF_THE_DECISION: [&str; 2] = ["ksr", "ts"];

/// A tag of older tracers. No tracer reads it any more.
const UPSTREAM_SERVICES: &str = "upstream_services";

/// Tags that are given in code and written. The header cannot hold more: 52 of the shortest take 519 bytes.
pub(super) const MAX_GIVEN: usize = 64;

/// The tags of a context. They are read from the header each time, and never copied.
///
/// ```
/// use traceprop_core::formats::datadog::DatadogTags;
///
/// let tags = DatadogTags::parse(b"_dd.p.tid=66c1f3a000000000,_dd.p.dm=-4,team=core");
/// assert_eq!(tags.trace_id_high(), Some(0x66c1_f3a0_0000_0000));
/// assert_eq!(tags.get("dm").expect("the tag exists"), "-4");
/// assert_eq!(tags.iter().count(), 1);
/// ```
#[derive(Clone, Copy)]
pub struct DatadogTags<'c> {
    source: Source<'c>,
    decision_maker: DecisionMaker,
}

#[derive(Clone, Copy)]
enum Source<'c> {
    /// `x-datadog-tags`. Text that was given in code may hold what the header cannot, which the writer has to see.
    Header { lines: HeaderLines<'c>, is_received: bool },
    /// The `dd` member.
    Member(&'c str),
}

/// What a check of the tags finds.
#[derive(Clone, Copy, Default)]
pub(super) struct Checked<'c> {
    pub(super) trace_id_high: u64,
    pub(super) error: Option<PropagationError<'c>>,
    pub(super) invalid: Option<InvalidHeader>,
}

impl<'c> DatadogTags<'c> {
    /// No tags.
    pub const EMPTY: Self = Self::of(Source::Member(""));

    const fn of(source: Source<'c>) -> Self {
        Self { source, decision_maker: DecisionMaker::AsReceived }
    }

    /// Reads `x-datadog-tags` from a single line.
    ///
    /// Ignores a pair that breaks the grammar: see [`DatadogTags::propagation_error`].
    pub const fn parse(line: &'c [u8]) -> Self {
        Self::from_lines(HeaderLines::one(line))
    }

    /// Reads the lines of `x-datadog-tags` as one list.
    pub const fn from_lines(lines: HeaderLines<'c>) -> Self {
        Self::of(Source::Header { lines, is_received: true })
    }

    pub(super) const fn from_member(value: &'c str) -> Self {
        Self::of(Source::Member(value))
    }

    pub(super) const fn from_parts(lines: HeaderLines<'c>) -> Self {
        Self::of(Source::Header { lines, is_received: false })
    }

    pub(super) const fn with_decision_maker(self, decision_maker: DecisionMaker) -> Self {
        Self { decision_maker, ..self }
    }

    /// Returns the tags in order. If a name is repeated, its last tag counts. The upper half of the trace id is not
    /// among them.
    pub fn iter(&self) -> DatadogTagsIter<'c> {
        let raw = match self.source {
            Source::Header { lines, is_received: false } => RawTags::Header(Pairs::new(&lines, false)),
            Source::Header { lines, .. } => match PlainTags::of(&lines) {
                Some(tags) => RawTags::Plain(tags),
                None if excess(&lines).is_some() => RawTags::Member(""),
                None => RawTags::Header(Pairs::new(&lines, true)),
            },
            Source::Member(value) => RawTags::Member(value),
        };
        DatadogTagsIter { raw, decision_maker: self.decision_maker }
    }

    /// Returns the value of the tag with this name (without [`TAG_PREFIX`]).
    pub fn get(&self, name: &str) -> Option<DatadogText<'c>> {
        self.iter().find(|tag| tag.name == name).map(|tag| tag.value)
    }

    /// Returns whether there are no tags.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Returns the upper half of the trace id, if the header has it.
    pub fn trace_id_high(&self) -> Option<u64> {
        Some(self.check().trace_id_high).filter(|high| *high != 0)
    }

    /// Returns what is wrong with the received tags, if anything is.
    pub fn propagation_error(&self) -> Option<PropagationError<'c>> {
        self.check().error
    }

    /// Checks received tags. If several are invalid, the error is that of the upper half of the trace id, since that one
    /// splits the trace, or else the first.
    #[inline(always)]
    pub(super) fn check(&self) -> Checked<'c> {
        let Source::Header { lines, is_received: true } = self.source else {
            return Checked::default();
        };
        match PlainTags::of(&lines).and_then(PlainTags::trace_id_high) {
            Some(trace_id_high) => Checked { trace_id_high, ..Checked::default() },
            None => Self::check_pairs(lines),
        }
    }

    #[cold]
    fn check_pairs(lines: HeaderLines<'c>) -> Checked<'c> {
        let mut checked = Checked::default();
        let invalid = |error: ReasonAt| Some(error.of(Field::DatadogTags));
        if let Some(error) = excess(&lines) {
            return Checked { error: Some(PropagationError::ExtractMaxSize), invalid: invalid(error), ..checked };
        }
        let mut fault = None;
        let mut tid = None;
        let mut decision_maker = None;
        let mut pairs = Pairs::new(&lines, true);
        while let Some((at, pair)) = pairs.next() {
            match pairs.split(pair) {
                Ok((key, value)) if key == TID_KEY => tid = Some((value, at + key.len() + 1)),
                Ok((key, value)) if key == DECISION_MAKER_KEY => decision_maker = Some((value, at + key.len() + 1)),
                Ok(_) => {}
                Err(error) => fault = fault.or(Some(error.shifted_by(at))),
            }
        }
        if let Some((_, at)) = decision_maker.filter(|(value, _)| !is_decision_maker(value)) {
            fault = fault.or(Some(InvalidReason::BadValue.at(at)));
        }
        checked.error = fault.map(|_| PropagationError::DecodingError);
        if let Some((value, at)) = tid {
            match parse_tid(value) {
                Ok(high) => checked.trace_id_high = high,
                Err(error) => {
                    checked.error = Some(PropagationError::MalformedTid(wire::ascii(value)));
                    fault = Some(error.shifted_by(at));
                }
            }
        }
        checked.invalid = fault.and_then(invalid);
        checked
    }

    /// Returns whether code gave more tags than the header can hold.
    pub(super) fn is_over_limit(&self) -> bool {
        let Source::Header { lines, is_received: false } = self.source else { return false };
        let mut pairs = Pairs::new(&lines, false);
        core::iter::from_fn(|| pairs.next()).nth(MAX_GIVEN).is_some()
    }
}

/// Returns why received lines are not read at all: there are too many, or they are too long.
fn excess(lines: &HeaderLines<'_>) -> Option<ReasonAt> {
    if lines.is_over_limit() {
        return Some(InvalidReason::TooManyLines.at(0));
    }
    // One byte for the comma after each line but the last.
    let joined: usize = lines.iter().map(|line| wire::trim(line).len() + 1).sum();
    let len = joined.saturating_sub(1);
    (len > MAX_TAGS_LEN).then(|| InvalidReason::TooLong.at(len))
}

debug_as!(DatadogTags<'_>, |it| "{} tags", it.iter().count());

impl<'c> IntoIterator for DatadogTags<'c> {
    type Item = DatadogTag<'c>;
    type IntoIter = DatadogTagsIter<'c>;

    fn into_iter(self) -> DatadogTagsIter<'c> {
        self.iter()
    }
}

/// The value of `dm` after a decision replaces another one: no maker in particular.
const DEFAULT_DECISION_MAKER: DatadogText<'static> = DatadogText::verbatim("-0");

/// Iterator over the tags of a context, returned by [`DatadogTags::iter`].
///
/// ```
/// use traceprop_core::formats::datadog::DatadogTags;
///
/// let mut tags = DatadogTags::parse(b"_dd.p.dm=-4,_dd.p.team=core").iter();
/// assert_eq!(tags.next().map(|tag| tag.name), Some("dm"));
/// assert_eq!(tags.next().map(|tag| tag.name), Some("team"));
/// assert!(tags.next().is_none());
/// ```
#[derive(Clone)]
pub struct DatadogTagsIter<'c> {
    raw: RawTags<'c>,
    decision_maker: DecisionMaker,
}

impl core::fmt::Debug for DatadogTagsIter<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("DatadogTagsIter").finish_non_exhaustive()
    }
}

impl<'c> Iterator for DatadogTagsIter<'c> {
    type Item = DatadogTag<'c>;

    fn next(&mut self) -> Option<DatadogTag<'c>> {
        while let Some(tag) = self.raw.next() {
            if matches!(tag.name, TID | UPSTREAM_SERVICES) || self.raw.has(tag.name) {
                continue;
            }
            if tag.name != DECISION_MAKER {
                if self.decision_maker != DecisionMaker::AsReceived && OF_THE_DECISION.contains(&tag.name) {
                    continue;
                }
                return Some(tag);
            }
            match self.decision_maker {
                DecisionMaker::AsReceived if is_decision_maker(tag.value.raw.as_bytes()) => return Some(tag),
                DecisionMaker::AsReceived | DecisionMaker::Removed => {}
                DecisionMaker::Reset | DecisionMaker::ResetIfNamed => {
                    self.decision_maker = DecisionMaker::Removed;
                    return Some(DatadogTag { value: DEFAULT_DECISION_MAKER, ..tag });
                }
            }
        }
        let is_set = core::mem::replace(&mut self.decision_maker, DecisionMaker::Removed) == DecisionMaker::Reset;
        is_set.then_some(DatadogTag { name: DECISION_MAKER, value: DEFAULT_DECISION_MAKER })
    }
}

/// All well-formed tags in order, including repeated ones.
#[derive(Clone)]
enum RawTags<'c> {
    Plain(PlainTags<'c>),
    Header(Pairs<'c>),
    Member(&'c str),
}

impl<'c> RawTags<'c> {
    /// Inlined for plain tags, as nearly all tags are.
    #[inline(always)]
    fn next(&mut self) -> Option<DatadogTag<'c>> {
        match self {
            Self::Plain(tags) => tags.next_tag(),
            others => others.next_checked(),
        }
    }

    #[inline(never)]
    fn next_checked(&mut self) -> Option<DatadogTag<'c>> {
        match self {
            Self::Plain(_) => None,
            Self::Header(pairs) => loop {
                let (_, pair) = pairs.next()?;
                let Ok((key, _)) = pairs.split(pair) else { continue };
                // Received text is ASCII, and given text was a `str`.
                let (key, value) = core::str::from_utf8(pair).ok()?.split_at_checked(key.len())?;
                if let (Some(name), Some(value)) = (key.strip_prefix(TAG_PREFIX), value.get(1..)) {
                    if !name.is_empty() || !pairs.is_received {
                        return Some(DatadogTag { name, value: DatadogText::verbatim(value) });
                    }
                }
            },
            Self::Member(rest) => loop {
                if let Item::Tag(tag) = super::trace_state::next_item(rest)? {
                    return Some(tag);
                }
            },
        }
    }

    /// Returns whether a tag with this name follows.
    fn has(&self, name: &str) -> bool {
        match self {
            Self::Plain(tags) => tags.has(name.as_bytes()),
            Self::Header(_) | Self::Member(_) => {
                let mut others = self.clone();
                core::iter::from_fn(|| others.next_checked()).any(|later| later.name == name)
            }
        }
    }
}

/// Returns whether a tag is passed on as it is, unless a decision replaces the decision maker.
pub(super) fn is_passed_on(tag: &DatadogTag<'_>) -> bool {
    match tag.name {
        TID | UPSTREAM_SERVICES => false,
        DECISION_MAKER => is_decision_maker(tag.value.raw.as_bytes()),
        _ => true,
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn pairs(tags: DatadogTags<'_>) -> Vec<(&str, String)> {
        tags.iter().map(|tag| (tag.name, tag.value.to_string())).collect()
    }

    fn read(line: &str) -> Vec<(&str, String)> {
        pairs(DatadogTags::parse(line.as_bytes()))
    }

    /// The error, and where it was seen.
    fn err(line: &str) -> (Option<PropagationError<'_>>, Option<(InvalidReason, u32)>) {
        let checked = DatadogTags::parse(line.as_bytes()).check();
        (checked.error, checked.invalid.map(|invalid| (invalid.reason(), invalid.offset())))
    }

    #[test]
    fn ok_a_broken_tag_replaces_none_of_its_name() {
        assert_eq!(read("_dd.p.a=1,_dd.p.a=,_dd.p.ab=2,_dd.p.a"), [("a", "1".into()), ("ab", "2".into())]);
    }

    #[test]
    fn ok_order_is_kept_and_the_last_of_a_name_counts() {
        let tags = read("_dd.p.b=1,_dd.p.a=2,_dd.p.b=3,_dd.p.c=4");
        assert_eq!(tags, [("a", "2".into()), ("b", "3".into()), ("c", "4".into())]);
    }

    #[test]
    fn ok_a_tag_by_its_name() {
        let tags = DatadogTags::parse(b"_dd.p.a=1,_dd.p.b=2,_dd.p.tid=00000000000000ff");
        assert_eq!(tags.get("b"), Some(DatadogText::verbatim("2")));
        assert_eq!((tags.get("c"), tags.get("tid"), tags.is_empty()), (None, None, false));
        assert!(DatadogTags::parse(b"team=core,_dd.p.tid=00000000000000ff").is_empty());
    }

    #[test]
    fn err_debug_holds_no_text() {
        let tags = DatadogTags::parse(b"_dd.p.secret=secret");
        assert_eq!(std::format!("{tags:?} {:?}", tags.iter()), "DatadogTags(1 tags) DatadogTagsIter { .. }");
    }

    #[test]
    fn ok_only_tags_that_are_passed_on() {
        let line =
            "team=core,_dd.p.upstream_services=abc,_dd.p.usr.id=bWU==,_dd.p.=x,_dd.p.tid=00000000000000ff,_dd.any=1";
        assert_eq!(read(line), [("usr.id", "bWU==".into())]);
        assert_eq!(err(line), (None, None));
        assert_eq!(DatadogTags::parse(line.as_bytes()).trace_id_high(), Some(0xff));
    }

    #[test]
    fn ok_512_bytes_and_err_one_more() {
        let line = |len: usize| std::format!("_dd.p.a={}", "x".repeat(len - 8));
        assert_eq!(read(&line(512)).len(), 1);
        let longer = line(513);
        assert!(read(&longer).is_empty());
        assert_eq!(err(&longer), (Some(PropagationError::ExtractMaxSize), Some((InvalidReason::TooLong, 513))));
        // Blanks around the value are not part of it.
        assert_eq!(read(&std::format!(" {}\t", line(512))).len(), 1);
    }

    #[test]
    fn ok_bad_pair_costs_itself() {
        let error = |reason, at| (Some(PropagationError::DecodingError), Some((reason, at)));
        assert_eq!(read("_dd.p.usr,_dd.p.a=1,=2,_dd.p.b=,_dd.p.c=é"), [("a", "1".into())]);
        assert_eq!(err("_dd.p.a=1, _dd.p.usr"), error(InvalidReason::BadMember, 11));
        assert_eq!(err("_dd.p.a=1,=2"), error(InvalidReason::BadKey, 10));
        assert_eq!(err("_dd.p. a=1"), error(InvalidReason::BadKey, 6));
        assert_eq!(err("_dd.p.a="), error(InvalidReason::BadValue, 8));
        assert_eq!(err("_dd.p.a=x\ty"), error(InvalidReason::BadValue, 9));
        assert_eq!(err(" , _dd.p.a = 1"), error(InvalidReason::BadKey, 9));
    }

    #[test]
    fn ok_upper_half_of_the_id_or_an_error_with_its_text() {
        let high = |line: &str| DatadogTags::parse(line.as_bytes()).trace_id_high();
        assert_eq!(high("_dd.p.tid=66c1f3a000000000"), Some(0x66c1_f3a0_0000_0000));
        assert_eq!(high("_dd.p.tid=66c1f3a000000000,_dd.p.tid=x"), None);
        let error = |text, reason, at| (Some(PropagationError::MalformedTid(text)), Some((reason, at)));
        assert_eq!(err("_dd.p.tid=66c1f3a0"), error("66c1f3a0", InvalidReason::BadLength, 18));
        assert_eq!(err("_dd.p.tid=66C1f3a000000000"), error("66C1f3a000000000", InvalidReason::UppercaseHex, 12));
        assert_eq!(err("_dd.p.tid=+6c1f3a000000000"), error("+6c1f3a000000000", InvalidReason::BadHex, 10));
        assert_eq!(err("_dd.p.tid=0000000000000000"), error("0000000000000000", InvalidReason::ZeroTraceId, 10));
        assert_eq!(err("junk,_dd.p.tid=1,_dd.p.dm=4"), error("1", InvalidReason::BadLength, 16));
    }

    #[test]
    fn ok_decision_maker_is_a_minus_and_a_byte() {
        for maker in ["-0", "-4", "-255"] {
            assert_eq!(read(&std::format!("_dd.p.dm={maker}")), [("dm", maker.into())]);
        }
        for maker in ["4", "-256", "-", "--1", "-+1", "-1a", "- 1"] {
            let line = std::format!("_dd.p.dm={maker},_dd.p.x=1");
            assert_eq!(read(&line), [("x", "1".into())], "{maker}");
            assert_eq!(err(&line), (Some(PropagationError::DecodingError), Some((InvalidReason::BadValue, 9))));
        }
    }

    #[test]
    fn ok_decision_maker_after_another_decision() {
        let after = |line: &'static str, maker| pairs(DatadogTags::parse(line.as_bytes()).with_decision_maker(maker));
        let named = "_dd.p.dm=-4,_dd.p.x=1";
        assert_eq!(after(named, DecisionMaker::Reset), [("dm", "-0".into()), ("x", "1".into())]);
        assert_eq!(after(named, DecisionMaker::ResetIfNamed), [("dm", "-0".into()), ("x", "1".into())]);
        assert_eq!(after(named, DecisionMaker::Removed), [("x", "1".into())]);
        assert_eq!(after("_dd.p.x=1", DecisionMaker::Reset), [("x", "1".into()), ("dm", "-0".into())]);
        assert_eq!(after("_dd.p.x=1", DecisionMaker::ResetIfNamed), [("x", "1".into())]);
        let mut ended = DatadogTags::EMPTY.with_decision_maker(DecisionMaker::Reset).iter();
        assert!(ended.next().is_some() && ended.next().is_none() && ended.next().is_none());
    }

    #[test]
    fn ok_lines_are_one_list() {
        use crate::carrier::headers::{Headers, MAX_HEADER_LINES};
        use crate::field::{FieldNames, FieldSet};
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(&[Field::DatadogTags]));
        let scan = |lines: &[&str]| {
            let headers: Vec<_> = lines.iter().map(|line| ("x-datadog-tags", *line)).collect();
            let headers = Headers::collect(&headers, &names);
            let tags = DatadogTags::from_lines(headers.get_all(Field::DatadogTags));
            let pairs: Vec<_> = tags.iter().map(|tag| (String::from(tag.name), tag.value.to_string())).collect();
            (pairs, tags.check().invalid.map(|invalid| (invalid.reason(), invalid.offset())))
        };
        let tag = |name: &str, value: &str| (String::from(name), String::from(value));
        assert_eq!(scan(&["_dd.p.a=1 ", "", "\t_dd.p.b=2,"]), ([tag("a", "1"), tag("b", "2")].into(), None));
        assert_eq!(scan(&["_dd.p.a=1", "_dd.p.b"]), ([tag("a", "1")].into(), Some((InvalidReason::BadMember, 10))));
        let half = std::format!("_dd.p.a={}", "x".repeat(248));
        let rest = std::format!("_dd.p.b={}", "x".repeat(247));
        assert_eq!(scan(&[&half, &rest]).1, None);
        assert_eq!(scan(&[&half, &rest, ""]).1, Some((InvalidReason::TooLong, 513)));
        assert_eq!(scan(&[""; MAX_HEADER_LINES + 1]).1, Some((InvalidReason::TooManyLines, 0)));
    }
}
