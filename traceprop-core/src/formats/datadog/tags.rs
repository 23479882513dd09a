//! `_dd.p.*` tags: what Datadog's tracers want to find again on every span of a trace.

use super::error::PropagationError;
use super::item::Item;
use super::pairs::{Pairs, parse_pair, parse_tid};
use super::plain_tags::PlainTags;
use super::tag::{DatadogTag, DecisionMaker, MAX_TAGS_LEN, TAG_PREFIX, is_decision_maker};
use super::text::DatadogText;
use crate::carrier::headers::HeaderLines;
use crate::field::Field;
use crate::field::invalid::InvalidHeader;
use crate::wire;
use crate::wire::reason::{InvalidReason, ReasonAt};
use core::fmt;

/// The tag with the upper half of the trace id. It is part of the id, so it is none of [`DatadogTags::iter`].
pub(super) const TID: &str = "tid";

/// The same with the prefix.
const TID_KEY: &[u8] = b"_dd.p.tid";

/// The tag that says who decided about sampling.
pub(super) const DECISION_MAKER: &str = "dm";

/// The same with the prefix.
const DECISION_MAKER_KEY: &[u8] = b"_dd.p.dm";

/// A tag of older tracers that is read by none any more.
pub(super) const UPSTREAM_SERVICES: &str = "upstream_services";

/// The tags of a request, read from it each time they are asked for: nothing is copied.
///
/// ```
/// use traceprop_core::formats::datadog::DatadogTags;
///
/// let tags = DatadogTags::parse(b"_dd.p.tid=66c1f3a000000000,_dd.p.dm=-4,team=core");
/// assert_eq!(tags.trace_id_high(), Some(0x66c1_f3a0_0000_0000));
/// assert_eq!(tags.get("dm").expect("it is there"), "-4");
/// assert_eq!(tags.iter().count(), 1);
/// ```
#[derive(Clone, Copy)]
pub struct DatadogTags<'c> {
    source: Source<'c>,
    trace_id_high: u64,
    error: Option<PropagationError<'c>>,
    decision_maker: DecisionMaker,
}

#[derive(Clone, Copy)]
enum Source<'c> {
    Plain(PlainTags<'c>),
    Header(HeaderLines<'c>),
    Member(&'c str),
    #[cfg(feature = "alloc")]
    Built(&'c [u8]),
}

impl<'c> DatadogTags<'c> {
    /// No tags.
    pub const EMPTY: Self = Self::of(Source::Plain(PlainTags::EMPTY));

    const fn of(source: Source<'c>) -> Self {
        Self { source, trace_id_high: 0, error: None, decision_maker: DecisionMaker::AsReceived }
    }

    /// Reads `x-datadog-tags` of one line. A pair that breaks the grammar costs itself: see
    /// [`DatadogTags::propagation_error`].
    pub fn parse(line: &'c [u8]) -> Self {
        Self::read(HeaderLines::one(line))
    }

    /// Reads the lines of `x-datadog-tags` as one list.
    pub fn read(lines: HeaderLines<'c>) -> Self {
        let plain = PlainTags::of(&lines).and_then(|tags| Some((tags, tags.trace_id_high()?)));
        match plain {
            Some((tags, trace_id_high)) => Self { trace_id_high, ..Self::of(Source::Plain(tags)) },
            None => Self::scan(lines).0,
        }
    }

    /// The same where nobody asks for what was turned down, nor for the upper half of the trace id.
    pub(super) fn unjudged(lines: HeaderLines<'c>) -> Self {
        match PlainTags::of(&lines) {
            Some(tags) => Self::of(Source::Plain(tags)),
            None if excess(&lines).is_some() => Self::EMPTY,
            None => Self::of(Source::Header(lines)),
        }
    }

    pub(super) const fn of_member(value: &'c str) -> Self {
        Self::of(Source::Member(value))
    }

    #[cfg(feature = "alloc")]
    pub(super) const fn built(line: &'c [u8]) -> Self {
        Self::of(Source::Built(line))
    }

    /// The tags of lines that have been read before, and what their `tid` said.
    pub(super) fn known(lines: HeaderLines<'c>, trace_id_high: u64) -> Self {
        let source = PlainTags::of(&lines).map_or(Source::Header(lines), Source::Plain);
        Self { trace_id_high, ..Self::of(source) }
    }

    /// The tags, and the first thing that was turned down.
    pub(super) fn scan(lines: HeaderLines<'c>) -> (Self, Option<InvalidHeader>) {
        let reject = |error: ReasonAt| Some(error.of(Field::DatadogTags));
        if let Some(error) = excess(&lines) {
            return (Self { error: Some(PropagationError::ExtractMaxSize), ..Self::EMPTY }, reject(error));
        }
        let mut fault = None;
        let mut tid = None;
        let mut decision_maker = None;
        for (at, pair) in Pairs::new(lines) {
            match parse_pair(pair) {
                Ok((key, value)) if key == TID_KEY => tid = Some((value, at + key.len() + 1)),
                Ok((key, value)) if key == DECISION_MAKER_KEY => decision_maker = Some((value, at + key.len() + 1)),
                Ok(_) => {}
                Err(error) => fault = fault.or(Some(error.behind(at))),
            }
        }
        if let Some((_, at)) = decision_maker.filter(|(value, _)| !is_decision_maker(value)) {
            fault = fault.or(Some(InvalidReason::BadValue.at(at)));
        }
        let mut tags =
            Self { error: fault.map(|_| PropagationError::DecodingError), ..Self::of(Source::Header(lines)) };
        // Of two errors the one about the id is told, since that one splits the trace.
        match tid.map(|(value, at)| (parse_tid(value), value, at)) {
            None => {}
            Some((Ok(high), ..)) => tags.trace_id_high = high,
            Some((Err(error), value, at)) => {
                // It is ASCII by now, so the other arm is never taken.
                tags.error = Some(PropagationError::MalformedTid(core::str::from_utf8(value).unwrap_or_default()));
                fault = Some(error.behind(at));
            }
        }
        (tags, fault.and_then(reject))
    }

    pub(super) const fn with_decision_maker(mut self, decision_maker: DecisionMaker) -> Self {
        self.decision_maker = decision_maker;
        self
    }

    /// The tags in order, of several with one name the last. The upper half of the trace id is none of them.
    pub fn iter(&self) -> DatadogTagsIter<'c> {
        let raw = match self.source {
            Source::Plain(tags) => RawTags::Plain(tags),
            Source::Header(lines) => RawTags::Header(Pairs::new(lines)),
            Source::Member(value) => RawTags::Member(value),
            #[cfg(feature = "alloc")]
            Source::Built(line) => RawTags::Built(super::built::BuiltTags::new(line)),
        };
        DatadogTagsIter::new(raw, self.decision_maker)
    }

    /// The value of the tag with this name (without [`TAG_PREFIX`]).
    pub fn get(&self, name: &str) -> Option<DatadogText<'c>> {
        self.iter().find(|tag| tag.name == name).map(|tag| tag.value)
    }

    /// Whether there is no tag.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The upper half of the trace id, if the header has it.
    pub const fn trace_id_high(&self) -> Option<u64> {
        if self.trace_id_high == 0 { None } else { Some(self.trace_id_high) }
    }

    /// What went wrong, if anything did.
    pub const fn propagation_error(&self) -> Option<PropagationError<'c>> {
        self.error
    }

    /// Whether it is known that a header can spell each of them.
    pub(super) const fn is_legal(&self) -> bool {
        matches!(self.source, Source::Plain(_))
    }

    /// Whether so many tags were given that the last ones are not looked at.
    pub(super) fn is_over_limit(&self) -> bool {
        match self.source {
            #[cfg(feature = "alloc")]
            Source::Built(line) => super::built::BuiltTags::is_over_limit(line),
            _ => false,
        }
    }
}

/// Whether there is more than is read.
fn excess(lines: &HeaderLines<'_>) -> Option<ReasonAt> {
    if lines.is_over_limit() {
        return Some(InvalidReason::TooManyLines.at(0));
    }
    // One byte for the comma behind each line, and none behind the last.
    let joined: usize = lines.iter().map(|line| wire::trim(line).len() + 1).sum();
    let len = joined.saturating_sub(1);
    (len > MAX_TAGS_LEN).then(|| InvalidReason::TooLong.at(len))
}

impl fmt::Debug for DatadogTags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatadogTags({} tags)", self.iter().count())
    }
}

impl<'c> IntoIterator for DatadogTags<'c> {
    type Item = DatadogTag<'c>;
    type IntoIter = DatadogTagsIter<'c>;

    fn into_iter(self) -> DatadogTagsIter<'c> {
        self.iter()
    }
}

/// What `dm` is set to when a decision replaces another: nobody in particular.
const DEFAULT_DECISION_MAKER: DatadogText<'static> = DatadogText::verbatim("-0");

/// Iterator over tags.
#[derive(Clone)]
pub struct DatadogTagsIter<'c> {
    raw: Option<RawTags<'c>>,
    decision_maker: DecisionMaker,
}

impl<'c> DatadogTagsIter<'c> {
    pub(super) const fn new(raw: RawTags<'c>, decision_maker: DecisionMaker) -> Self {
        Self { raw: Some(raw), decision_maker }
    }
}

impl fmt::Debug for DatadogTagsIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatadogTagsIter").finish_non_exhaustive()
    }
}

impl<'c> Iterator for DatadogTagsIter<'c> {
    type Item = DatadogTag<'c>;

    fn next(&mut self) -> Option<DatadogTag<'c>> {
        let raw = self.raw.as_mut()?;
        while let Some(tag) = raw.next() {
            if matches!(tag.name, TID | UPSTREAM_SERVICES) || raw.has(tag.name) {
                continue;
            }
            if tag.name != DECISION_MAKER {
                return Some(tag);
            }
            match self.decision_maker {
                DecisionMaker::AsReceived if is_decision_maker(tag.value.raw().as_bytes()) => return Some(tag),
                DecisionMaker::AsReceived | DecisionMaker::Removed => {}
                DecisionMaker::Reset | DecisionMaker::ResetIfNamed => {
                    self.decision_maker = DecisionMaker::Removed;
                    return Some(DatadogTag { value: DEFAULT_DECISION_MAKER, ..tag });
                }
            }
        }
        self.raw = None;
        let set = self.decision_maker == DecisionMaker::Reset;
        set.then_some(DatadogTag { name: DECISION_MAKER, value: DEFAULT_DECISION_MAKER })
    }
}

/// All well-formed tags in order, repeated ones included.
#[derive(Clone)]
pub(super) enum RawTags<'c> {
    Plain(PlainTags<'c>),
    Header(Pairs<'c>),
    Member(&'c str),
    #[cfg(feature = "alloc")]
    Built(super::built::BuiltTags<'c>),
}

impl<'c> RawTags<'c> {
    /// Inlined for the tags that nearly all are; for the others a call is the least of it.
    #[inline(always)]
    fn next(&mut self) -> Option<DatadogTag<'c>> {
        match self {
            Self::Plain(tags) => tags.next_tag(),
            others => others.next_judged(),
        }
    }

    #[inline(never)]
    fn next_judged(&mut self) -> Option<DatadogTag<'c>> {
        match self {
            Self::Plain(_) => None,
            Self::Header(pairs) => pairs.find_map(|(_, pair)| {
                let (key, _) = parse_pair(pair).ok()?;
                // It is ASCII by now.
                let (key, value) = core::str::from_utf8(pair).ok()?.split_at_checked(key.len())?;
                let name = key.strip_prefix(TAG_PREFIX).filter(|name| !name.is_empty())?;
                Some(DatadogTag { name, value: DatadogText::verbatim(value.get(1..)?) })
            }),
            Self::Member(rest) => loop {
                if let Item::Tag(tag) = super::item::next_item(rest)? {
                    return Some(tag);
                }
            },
            #[cfg(feature = "alloc")]
            Self::Built(tags) => tags.next(),
        }
    }

    /// Whether a tag with this name is still to come.
    fn has(&self, name: &str) -> bool {
        match self {
            Self::Plain(tags) => tags.has(name.as_bytes()),
            Self::Header(pairs) => {
                let mut pairs = pairs.clone();
                pairs.any(|(_, pair)| is_tag(pair, name) && parse_pair(pair).is_ok())
            }
            others => {
                let mut others = others.clone();
                core::iter::from_fn(|| others.next_judged()).any(|later| later.name == name)
            }
        }
    }
}

/// Whether a pair begins with the name of this tag.
fn is_tag(pair: &[u8], name: &str) -> bool {
    let value = pair.strip_prefix(TAG_PREFIX.as_bytes()).and_then(|tag| tag.strip_prefix(name.as_bytes()));
    matches!(value, Some([b'=', ..]))
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
        let (tags, reject) = DatadogTags::scan(HeaderLines::one(line.as_bytes()));
        (tags.propagation_error(), reject.map(|reject| (reject.reason(), reject.offset())))
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
        // Blanks around the value are none of its bytes.
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
            let slots = Headers::collect(&headers, &names);
            let (tags, reject) = DatadogTags::scan(slots.get_all(Field::DatadogTags));
            let pairs: Vec<_> = tags.iter().map(|tag| (String::from(tag.name), tag.value.to_string())).collect();
            (pairs, reject.map(|reject| (reject.reason(), reject.offset())))
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
