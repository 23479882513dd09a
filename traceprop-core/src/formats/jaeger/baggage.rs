//! Jaeger's baggage: one line an item, or all of it in one list.

use core::fmt;

use super::item::{JaegerBaggageItem, PREFIX, Source};
use crate::carrier::headers::{HeaderLines, Headers};
use crate::field::invalid::InvalidHeader;
use crate::field::{Field, FieldSet};
use crate::wire::reason::InvalidReason;
use crate::wire::{split_once, trim};

const MAX_ITEMS: usize = 64;

/// The baggage of a request in Jaeger's words, borrowed from the carrier: what its `uberctx-*` lines say, and behind
/// them the members of `jaeger-baggage`. It is there with or without a trace.
///
/// Every key is there once: of several lines the last counts, of several members too, and a line before a member. A
/// member that is malformed is skipped. At most [`JaegerBaggage::MAX_ITEMS`] are read, of
/// [`JaegerBaggage::MAX_BYTES`] together.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{formats::jaeger::Jaeger, Propagator};
///
/// let propagator = Propagator::builder().with_format(Jaeger::new()).build()?;
/// let request = [("Uberctx-Tenant", "acme+inc"), ("jaeger-baggage", "user=alice, token=Zm9v==")];
/// let baggage = propagator.extract(&request).jaeger().baggage();
/// let items: Vec<_> = baggage.iter().map(|item| (item.key(), item.value())).collect();
/// assert_eq!(
///     items,
///     [("tenant".into(), "acme inc".into()), ("user".into(), "alice".into()), ("token".into(), "Zm9v==".into())],
/// );
/// # }
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct JaegerBaggage<'c> {
    /// None before the first item: the room for all of them takes longer to clear than most requests to read.
    items: Option<[Option<JaegerBaggageItem<'c>>; MAX_ITEMS]>,
    len: usize,
    /// Items read, those included that a later one has replaced.
    read: usize,
    /// Bytes read.
    bytes: usize,
    /// The first thing that was skipped, if anything was.
    skipped: Option<InvalidHeader>,
    /// A member of the list gave way to a line with its key.
    gave_way: bool,
}

impl<'c> JaegerBaggage<'c> {
    /// Items that are read and written. The OpenTelemetry Java propagator has the same limits since its
    /// GHSA-rcgg-9c38-7xpx.
    pub const MAX_ITEMS: usize = MAX_ITEMS;

    /// Bytes that are read and written: keys and values in wire form, commas included.
    pub const MAX_BYTES: usize = 8192;

    /// No baggage.
    pub const EMPTY: Self = Self::new();

    const fn new() -> Self {
        Self { items: None, len: 0, read: 0, bytes: 0, skipped: None, gave_way: false }
    }

    /// Reads the baggage of a request.
    pub fn from_lines(slots: &Headers<'c>) -> Self {
        if !slots.contains_any(const { FieldSet::of(&[Field::UberContext, Field::JaegerBaggage]) }) {
            // Not the constant, which would be copied with all of its room.
            return Self::new();
        }
        let mut baggage = Self::new();
        if slots.get(Field::UberContext).is_some() {
            baggage.read_lines(slots.get_all(Field::UberContext));
        }
        if slots.get(Field::JaegerBaggage).is_some() {
            baggage.read_list(slots.get_all(Field::JaegerBaggage));
        }
        baggage
    }

    /// The items in the order of the headers.
    pub fn iter(&self) -> impl Iterator<Item = JaegerBaggageItem<'c>> + Clone + '_ {
        self.items.iter().flatten().take(self.len).flatten().copied()
    }

    /// The item with this key, in any letter case.
    pub fn get(&self, key: &str) -> Option<JaegerBaggageItem<'c>> {
        self.iter().find(|item| item.has_key(key))
    }

    /// How many items there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no item.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first thing that was skipped, and why: malformed, or behind a limit.
    pub const fn ignored(&self) -> Option<InvalidHeader> {
        self.skipped
    }

    /// Whether the list says more than counts of it: a member gave way to a line with its key.
    pub(super) const fn is_shadowed(&self) -> bool {
        self.gave_way
    }

    fn read_lines(&mut self, lines: HeaderLines<'c>) {
        const FIELD: Field = Field::UberContext;
        if lines.is_over_limit() {
            self.skip(FIELD, InvalidReason::TooManyLines, 0);
        }
        for (name, value) in lines.with_names() {
            let at = self.bytes;
            let value = trim(value);
            // The matcher has found the prefix, and something behind it.
            let Some(key) = name.get(PREFIX.len()..) else { continue };
            self.bytes += key.len() + value.len();
            if self.bytes > Self::MAX_BYTES {
                return self.skip(FIELD, InvalidReason::TooLong, at);
            }
            if !self.put(JaegerBaggageItem::of_line(key, value)) {
                return self.skip(FIELD, InvalidReason::TooManyMembers, at);
            }
        }
    }

    fn read_list(&mut self, lines: HeaderLines<'c>) {
        const FIELD: Field = Field::JaegerBaggage;
        if lines.is_over_limit() {
            self.skip(FIELD, InvalidReason::TooManyLines, 0);
        }
        let mut at = 0;
        for line in lines {
            let mut rest = Some(line);
            while let Some(text) = rest {
                let Some(left) = Self::MAX_BYTES.checked_sub(self.bytes) else {
                    return self.skip(FIELD, InvalidReason::TooLong, at);
                };
                // One byte more than may be read shows whether the member ends within the limit.
                let visible = &text[..text.len().min(left + 1)];
                let raw = split_once(visible, b',').map_or(visible, |(raw, _)| raw);
                if raw.len() > left {
                    return self.skip(FIELD, InvalidReason::TooLong, at);
                }
                match JaegerBaggageItem::parse_member(trim(raw)) {
                    Ok(Some(item)) if !self.put(item) => return self.skip(FIELD, InvalidReason::TooManyMembers, at),
                    Ok(_) => {}
                    Err(reason) => self.skip(FIELD, reason, at),
                }
                rest = text.get(raw.len() + 1..);
                self.bytes += raw.len() + 1;
                at += raw.len() + 1;
            }
        }
    }

    /// False once there are as many as are read, and nothing was added then.
    pub(super) fn put(&mut self, item: JaegerBaggageItem<'c>) -> bool {
        if self.read == Self::MAX_ITEMS {
            return false;
        }
        self.read += 1;
        let items = self.items.get_or_insert([None; MAX_ITEMS]);
        let known = items[..self.len].iter_mut().flatten().find(|known| known.has_key(item.raw_key()));
        match known {
            Some(known) if known.source() == item.source() => *known = item,
            Some(_) => self.gave_way |= item.source() == Source::List,
            None => {
                items[self.len] = Some(item);
                self.len += 1;
            }
        }
        true
    }

    fn skip(&mut self, field: Field, reason: InvalidReason, at: usize) {
        self.skipped = self.skipped.or(Some(InvalidHeader::new(field, reason, at)));
    }
}

impl fmt::Debug for JaegerBaggage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JaegerBaggage").field("len", &self.len).field("skipped", &self.skipped).finish_non_exhaustive()
    }
}

/// The same entries as W3C baggage, for whoever asks for it: keys in lower case, no properties.
#[cfg(feature = "alloc")]
impl From<&JaegerBaggage<'_>> for crate::baggage::OwnedBaggage {
    fn from(baggage: &JaegerBaggage<'_>) -> Self {
        let mut owned = Self::new();
        for item in baggage.iter() {
            owned.push(crate::baggage::BaggageEntry {
                key: item.key().into_owned(),
                value: item.value().into_owned(),
                properties: alloc::string::String::new(),
            });
        }
        owned
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::baggage::OwnedBaggage;
    use crate::field::{FieldNames, FieldSet};
    use proptest::prelude::*;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn names() -> FieldNames {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(&[Field::UberTraceId, Field::UberContext, Field::JaegerBaggage]));
        names
    }

    fn with<R>(headers: &[(&str, &str)], check: impl FnOnce(JaegerBaggage<'_>) -> R) -> R {
        let headers = headers.to_vec();
        check(JaegerBaggage::from_lines(&Headers::collect(&headers, &names())))
    }

    fn items(headers: &[(&str, &str)]) -> Vec<(String, String)> {
        with(headers, |baggage| {
            baggage.iter().map(|item| (item.key().into_owned(), item.value().into_owned())).collect()
        })
    }

    fn skipped(headers: &[(&str, &str)]) -> Option<InvalidHeader> {
        with(headers, |baggage| baggage.ignored())
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn ok_read_lines_with_keys_in_lower_case() {
        let headers = [("Uberctx-My-Key", " a+b "), ("uberctx-load", "100%"), ("uberctx-empty", "")];
        assert_eq!(items(&headers), pairs(&[("my-key", "a b"), ("load", "100%"), ("empty", "")]));
        assert!(with(&headers, |baggage| !baggage.is_empty()) && with(&[], |baggage| baggage.is_empty()));
        assert_eq!(skipped(&headers), None);
    }

    #[test]
    fn ok_read_list_splits_at_commas_and_the_first_equals_sign() {
        let headers = [("jaeger-baggage", "k1=v1, k2 = v2 ,tok=Zm9v==,list=a%2Cb"), ("jaeger-baggage", "K3=")];
        let expected = [("k1", "v1"), ("k2", "v2"), ("tok", "Zm9v=="), ("list", "a,b"), ("k3", "")];
        assert_eq!(items(&headers), pairs(&expected));
    }

    #[test]
    fn ok_read_list_skips_what_is_malformed_and_says_so() {
        assert_eq!(items(&[("jaeger-baggage", "a=1,no-equals,,=x, b=2,")]), pairs(&[("a", "1"), ("b", "2")]));
        assert_eq!(
            skipped(&[("jaeger-baggage", "a=1,no-equals,=x")]),
            Some(InvalidHeader::new(Field::JaegerBaggage, InvalidReason::BadMember, 4))
        );
        assert_eq!(
            skipped(&[("jaeger-baggage", "a=1"), ("jaeger-baggage", "=x")]),
            Some(InvalidHeader::new(Field::JaegerBaggage, InvalidReason::BadKey, 4))
        );
    }

    #[test]
    fn ok_the_last_of_a_key_counts_and_a_line_before_a_member() {
        let headers = [("jaeger-baggage", "b=1,a=9,B=2"), ("uberctx-A", "1"), ("uberctx-c", "3"), ("uberctx-a", "2")];
        assert_eq!(items(&headers), pairs(&[("a", "2"), ("c", "3"), ("b", "2")]));
        with(&headers, |baggage| assert_eq!(baggage.get("C").map(|item| item.raw_value()), Some(&b"3"[..])));
    }

    #[test]
    fn ok_64_items_and_the_65th_is_skipped() {
        let list = |count: usize| (0..count).map(|i| format!("k{i}=v,")).collect::<String>();
        assert_eq!(items(&[("jaeger-baggage", &list(64))]).len(), 64);
        assert_eq!(skipped(&[("jaeger-baggage", &list(64))]), None);
        let headers = [("uberctx-a", "1"), ("jaeger-baggage", &list(64))];
        assert_eq!(items(&headers).len(), 64);
        let beyond = list(63).len();
        assert_eq!(
            skipped(&headers),
            Some(InvalidHeader::new(Field::JaegerBaggage, InvalidReason::TooManyMembers, beyond))
        );
    }

    #[test]
    fn ok_repeated_keys_count_as_often_as_they_are_read() {
        let list = |count: usize| (0..count).map(|i| format!("k={i},")).collect::<String>();
        assert_eq!(items(&[("jaeger-baggage", &list(64))]), pairs(&[("k", "63")]));
        assert_eq!(items(&[("jaeger-baggage", &list(65))]), pairs(&[("k", "63")]));
        let reject = InvalidHeader::new(Field::JaegerBaggage, InvalidReason::TooManyMembers, list(64).len());
        assert_eq!(skipped(&[("jaeger-baggage", &list(65))]), Some(reject));
    }

    #[test]
    fn ok_64_lines_and_the_65th_is_not_looked_at() {
        let lines: Vec<_> = (0..65).map(|i| (format!("uberctx-k{i}"), "v")).collect();
        let lines: Vec<_> = lines.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!((items(&lines[..64]).len(), skipped(&lines[..64])), (64, None));
        assert_eq!(items(&lines).len(), 64);
        assert_eq!(skipped(&lines), Some(InvalidHeader::new(Field::UberContext, InvalidReason::TooManyLines, 0)));
    }

    #[test]
    fn ok_8192_bytes_and_the_item_beyond_is_skipped_whole() {
        let value = "x".repeat(8192 - "ab".len() - 1);
        assert_eq!(items(&[("uberctx-a", &value), ("uberctx-b", "")]).len(), 2);
        let headers = [("uberctx-a", &*value), ("uberctx-b", "1")];
        assert_eq!((items(&headers).len(), skipped(&headers)), (2, None));
        let headers = [("uberctx-a", &*value), ("uberctx-b", "12")];
        assert_eq!(items(&headers).len(), 1);
        assert_eq!(skipped(&headers), Some(InvalidHeader::new(Field::UberContext, InvalidReason::TooLong, 8190)));

        let list = format!("a=1,b={}", "x".repeat(8192 - 6));
        assert_eq!(items(&[("jaeger-baggage", &list)]).len(), 2);
        let list = format!("a=1,b={}", "x".repeat(8192 - 5));
        assert_eq!(items(&[("jaeger-baggage", &list)]), pairs(&[("a", "1")]));
        let too_long = Some(InvalidHeader::new(Field::JaegerBaggage, InvalidReason::TooLong, 4));
        assert_eq!(skipped(&[("jaeger-baggage", &list)]), too_long);
    }

    #[test]
    fn ok_work_ends_at_the_byte_limit() {
        for member in [",", "=,", "x=y,"] {
            let list = member.repeat(100_000);
            let reject = skipped(&[("jaeger-baggage", &list)]).unwrap();
            assert!(reject.offset() <= 8193, "{member} {reject}");
        }
    }

    #[test]
    fn ok_become_w3c_baggage_where_that_is_asked_for() {
        let headers = [("uberctx-Who", "a+b,%c3%a9"), ("jaeger-baggage", "no token=1")];
        let owned = with(&headers, |baggage| OwnedBaggage::from(&baggage));
        assert_eq!((owned.get("who"), owned.get("no token")), (Some("a b,é"), Some("1")));
        assert_eq!(owned.to_string(), "who=a%20b%2C%C3%A9");
    }

    #[test]
    fn ok_debug_shows_no_value() {
        let shown = with(&[("uberctx-k", "secret")], |baggage| format!("{baggage:?} {:?}", baggage.get("k")));
        assert_eq!(shown, "JaegerBaggage { len: 1, skipped: None, .. } Some(JaegerBaggageItem(6 bytes))");
    }

    proptest! {
        #[test]
        fn ok_no_list_panics_and_bounds_hold(list: String) {
            with(&[("jaeger-baggage", &list)], |baggage| {
                assert!(baggage.len() <= JaegerBaggage::MAX_ITEMS);
                assert!(baggage.iter().all(|item| !item.raw_key().is_empty() && baggage.get(item.raw_key()) == Some(item)));
            });
        }
    }
}
