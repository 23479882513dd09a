//! The tags in order: of several with one name the last, and `dm` as far as the decision stands.

use core::fmt;

use super::member::{self, Item};
use super::pairs::{Pairs, parse_pair};
use super::plain_tags::PlainTags;
use super::tags::{DECISION_MAKER, DatadogTag, DecisionMaker, TAG_PREFIX, TID, UPSTREAM_SERVICES, is_decision_maker};
use super::text::DatadogText;

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
                if let Item::Tag(tag) = member::next_item(rest)? {
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
