//! Jaeger's baggage: one line per item, or a list.
//!
//! ```text
//! uberctx-KEY    = value                      percent-encoded, "+" is a space
//! jaeger-baggage = item *( "," item )         item = key "=" value, both percent-encoded
//!
//! uberctx-tenant: acme%20inc
//! ```
//!
//! Spec: <https://www.jaegertracing.io/sdk-migration/#propagation-format>

use super::item::{JaegerBaggageItem, PREFIX, Source};
use crate::carrier::{HeaderLines, Headers};
use crate::field::{Field, FieldSet, InvalidHeader};
use crate::wire::{InvalidReason, debug_as, split_once, trim};

const MAX_ITEMS: usize = 64;

/// The baggage of the `uberctx-*` and `jaeger-baggage` headers, borrowed from the carrier.
///
/// Keys are unique. The last of several lines with a key counts, and the last of several members; a line has precedence
/// over a member. Invalid members are ignored. At most [`JaegerBaggage::MAX_ITEMS`] items of
/// [`JaegerBaggage::MAX_BYTES`] in total are read. Baggage can be present without a trace.
///
/// # Examples
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
    /// `None` before the first item: clearing the array takes longer than reading most requests.
    items: Option<[Option<JaegerBaggageItem<'c>>; MAX_ITEMS]>,
    len: usize,
    /// The number of items read, including those that a later one replaced.
    read: usize,
    /// The number of bytes read.
    bytes: usize,
    /// The first error.
    ignored: Option<InvalidHeader>,
    /// A line has the key of a member of the list.
    pub(super) is_shadowed: bool,
}

impl<'c> JaegerBaggage<'c> {
    /// The number of items that are read and written.
    ///
    /// The OpenTelemetry Java propagator has the same limits since GHSA-rcgg-9c38-7xpx.
    pub const MAX_ITEMS: usize = MAX_ITEMS;

    /// The number of bytes that are read and written: keys and values in wire form, including commas.
    pub const MAX_BYTES: usize = 8192;

    /// Baggage without items.
    pub const EMPTY: Self = Self::new();

    const fn new() -> Self {
        Self { items: None, len: 0, read: 0, bytes: 0, ignored: None, is_shadowed: false }
    }

    /// Reads the baggage of a request.
    ///
    /// Reading stops at a limit. [`ignored`](Self::ignored) returns the first error.
    pub fn from_lines(headers: &Headers<'c>) -> Self {
        let uberctx = FieldSet::of(&[Field::UberContext]);
        // Returned at once: a local variable as large as this is copied.
        if !headers.contains_any(uberctx.with(Field::JaegerBaggage)) {
            return Self::new();
        }
        let mut baggage = Self::new();
        if headers.contains_any(uberctx) {
            baggage.read_lines(headers.get_all(Field::UberContext));
        }
        baggage.read_list(headers.get_all(Field::JaegerBaggage));
        baggage
    }

    /// Returns the items in the order of the headers.
    pub fn iter(&self) -> impl Iterator<Item = JaegerBaggageItem<'c>> + Clone + '_ {
        self.items.iter().flatten().take(self.len).flatten().copied()
    }

    /// Returns the item with this key, ignoring case.
    pub fn get(&self, key: &str) -> Option<JaegerBaggageItem<'c>> {
        self.iter().find(|item| item.has_key(key))
    }

    /// Returns the number of items.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if there are no items.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the first error: an invalid member, or an exceeded limit.
    pub const fn ignored(&self) -> Option<InvalidHeader> {
        self.ignored
    }

    fn read_lines(&mut self, lines: HeaderLines<'c>) {
        const FIELD: Field = Field::UberContext;
        if lines.is_over_limit() {
            self.ignore(FIELD, InvalidReason::TooManyLines, 0);
        }
        for (name, value) in lines.with_names() {
            let at = self.bytes;
            let value = trim(value);
            // The matcher only finds names that are longer than the prefix.
            let Some(key) = name.get(PREFIX.len()..) else { continue };
            self.bytes += key.len() + value.len();
            if self.bytes > Self::MAX_BYTES {
                return self.ignore(FIELD, InvalidReason::TooLong, at);
            }
            if !self.put(JaegerBaggageItem::of_line(key, value)) {
                return self.ignore(FIELD, InvalidReason::TooManyMembers, at);
            }
        }
    }

    fn read_list(&mut self, lines: HeaderLines<'c>) {
        const FIELD: Field = Field::JaegerBaggage;
        if lines.is_over_limit() {
            self.ignore(FIELD, InvalidReason::TooManyLines, 0);
        }
        let mut at = 0;
        for line in lines {
            let mut rest = Some(line);
            while let Some(text) = rest {
                let Some(left) = Self::MAX_BYTES.checked_sub(self.bytes) else {
                    return self.ignore(FIELD, InvalidReason::TooLong, at);
                };
                // One byte beyond the limit shows whether the member ends within it.
                let visible = &text[..text.len().min(left + 1)];
                let raw = split_once(visible, b',').map_or(visible, |(raw, _)| raw);
                if raw.len() > left {
                    return self.ignore(FIELD, InvalidReason::TooLong, at);
                }
                match JaegerBaggageItem::parse_member(trim(raw)) {
                    Ok(Some(item)) if !self.put(item) => return self.ignore(FIELD, InvalidReason::TooManyMembers, at),
                    Ok(_) => {}
                    Err(reason) => self.ignore(FIELD, reason, at),
                }
                rest = text.get(raw.len() + 1..);
                self.bytes += raw.len() + 1;
                at += raw.len() + 1;
            }
        }
    }

    /// Adds an item. Returns `false` without adding it if the limit is reached.
    pub(super) fn put(&mut self, item: JaegerBaggageItem<'c>) -> bool {
        if self.read == Self::MAX_ITEMS {
            return false;
        }
        self.read += 1;
        let items = self.items.get_or_insert([None; MAX_ITEMS]);
        let known = items[..self.len].iter_mut().flatten().find(|known| known.has_key_of(&item));
        match known {
            Some(known) if known.source == item.source => *known = item,
            Some(_) => self.is_shadowed |= item.source == Source::List,
            None => {
                items[self.len] = Some(item);
                self.len += 1;
            }
        }
        true
    }

    fn ignore(&mut self, field: Field, reason: InvalidReason, at: usize) {
        self.ignored = self.ignored.or(Some(InvalidHeader::new(field, reason, at)));
    }
}

debug_as!(JaegerBaggage<'_>, |it| len: it.len, ignored: it.ignored);

/// Converts the items to W3C baggage, with keys in lower case and without properties.
#[cfg(feature = "alloc")]
impl From<&JaegerBaggage<'_>> for crate::baggage::OwnedBaggage {
    fn from(baggage: &JaegerBaggage<'_>) -> Self {
        Self::of_pairs(baggage.iter().map(|item| (item.key().into_owned(), item.value().into_owned())))
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

    fn ignored(headers: &[(&str, &str)]) -> Option<InvalidHeader> {
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
        assert_eq!(ignored(&headers), None);
    }

    #[test]
    fn ok_read_list_splits_at_commas_and_the_first_equals_sign() {
        let headers = [("jaeger-baggage", "k1=v1, k2 = v2 ,tok=Zm9v==,list=a%2Cb"), ("jaeger-baggage", "K3=")];
        let expected = [("k1", "v1"), ("k2", "v2"), ("tok", "Zm9v=="), ("list", "a,b"), ("k3", "")];
        assert_eq!(items(&headers), pairs(&expected));
    }

    #[test]
    fn ok_read_list_ignores_and_reports_invalid_members() {
        assert_eq!(items(&[("jaeger-baggage", "a=1,no-equals,,=x, b=2,")]), pairs(&[("a", "1"), ("b", "2")]));
        assert_eq!(
            ignored(&[("jaeger-baggage", "a=1,no-equals,=x")]),
            Some(InvalidHeader::new(Field::JaegerBaggage, InvalidReason::BadMember, 4))
        );
        assert_eq!(
            ignored(&[("jaeger-baggage", "a=1"), ("jaeger-baggage", "=x")]),
            Some(InvalidHeader::new(Field::JaegerBaggage, InvalidReason::BadKey, 4))
        );
    }

    #[test]
    fn ok_the_last_of_a_key_counts_and_a_line_has_precedence_over_a_member() {
        let headers = [("jaeger-baggage", "b=1,a=9,B=2"), ("uberctx-A", "1"), ("uberctx-c", "3"), ("uberctx-a", "2")];
        assert_eq!(items(&headers), pairs(&[("a", "2"), ("c", "3"), ("b", "2")]));
        with(&headers, |baggage| assert_eq!(baggage.get("C").map(|item| item.raw_value()), Some(&b"3"[..])));
    }

    #[test]
    fn ok_64_items_and_the_65th_is_ignored() {
        let list = |count: usize| (0..count).map(|i| format!("k{i}=v,")).collect::<String>();
        assert_eq!(items(&[("jaeger-baggage", &list(64))]).len(), 64);
        assert_eq!(ignored(&[("jaeger-baggage", &list(64))]), None);
        let headers = [("uberctx-a", "1"), ("jaeger-baggage", &list(64))];
        assert_eq!(items(&headers).len(), 64);
        let beyond = list(63).len();
        assert_eq!(
            ignored(&headers),
            Some(InvalidHeader::new(Field::JaegerBaggage, InvalidReason::TooManyMembers, beyond))
        );
    }

    #[test]
    fn ok_repeated_keys_count_as_often_as_they_are_read() {
        let list = |count: usize| (0..count).map(|i| format!("k={i},")).collect::<String>();
        assert_eq!(items(&[("jaeger-baggage", &list(64))]), pairs(&[("k", "63")]));
        assert_eq!(items(&[("jaeger-baggage", &list(65))]), pairs(&[("k", "63")]));
        let invalid = InvalidHeader::new(Field::JaegerBaggage, InvalidReason::TooManyMembers, list(64).len());
        assert_eq!(ignored(&[("jaeger-baggage", &list(65))]), Some(invalid));
    }

    #[test]
    fn ok_64_lines_and_the_65th_is_not_read() {
        let lines: Vec<_> = (0..65).map(|i| (format!("uberctx-k{i}"), "v")).collect();
        let lines: Vec<_> = lines.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!((items(&lines[..64]).len(), ignored(&lines[..64])), (64, None));
        assert_eq!(items(&lines).len(), 64);
        assert_eq!(ignored(&lines), Some(InvalidHeader::new(Field::UberContext, InvalidReason::TooManyLines, 0)));
    }

    #[test]
    fn ok_8192_bytes_and_the_item_beyond_is_ignored_whole() {
        let value = "x".repeat(8192 - "ab".len() - 1);
        assert_eq!(items(&[("uberctx-a", &value), ("uberctx-b", "")]).len(), 2);
        let headers = [("uberctx-a", &*value), ("uberctx-b", "1")];
        assert_eq!((items(&headers).len(), ignored(&headers)), (2, None));
        let headers = [("uberctx-a", &*value), ("uberctx-b", "12")];
        assert_eq!(items(&headers).len(), 1);
        assert_eq!(ignored(&headers), Some(InvalidHeader::new(Field::UberContext, InvalidReason::TooLong, 8190)));

        let list = format!("a=1,b={}", "x".repeat(8192 - 6));
        assert_eq!(items(&[("jaeger-baggage", &list)]).len(), 2);
        let list = format!("a=1,b={}", "x".repeat(8192 - 5));
        assert_eq!(items(&[("jaeger-baggage", &list)]), pairs(&[("a", "1")]));
        let too_long = Some(InvalidHeader::new(Field::JaegerBaggage, InvalidReason::TooLong, 4));
        assert_eq!(ignored(&[("jaeger-baggage", &list)]), too_long);
    }

    #[test]
    fn ok_work_ends_at_the_byte_limit() {
        for member in [",", "=,", "x=y,"] {
            let list = member.repeat(100_000);
            let invalid = ignored(&[("jaeger-baggage", &list)]).unwrap();
            assert!(invalid.offset() <= 8193, "{member} {invalid}");
        }
    }

    #[test]
    fn ok_convert_to_w3c_baggage() {
        let headers = [("uberctx-Who", "a+b,%c3%a9"), ("jaeger-baggage", "no token=1")];
        let owned = with(&headers, |baggage| OwnedBaggage::from(&baggage));
        assert_eq!((owned.get("who"), owned.get("no token")), (Some("a b,é"), Some("1")));
        assert_eq!(owned.to_string(), "who=a%20b%2C%C3%A9");
    }

    #[test]
    fn ok_debug_shows_no_value() {
        let shown = with(&[("uberctx-k", "secret")], |baggage| format!("{baggage:?} {:?}", baggage.get("k")));
        assert_eq!(shown, "JaegerBaggage { len: 1, ignored: None, .. } Some(JaegerBaggageItem(6 bytes))");
    }

    #[test]
    fn ok_keys_of_a_list_are_decoded() {
        let list = [("jaeger-baggage", "kevin%20spacey=a, B%2Bc=d%20e,kevin+spacey=f,%=g")];
        assert_eq!(items(&list), pairs(&[("kevin spacey", "f"), ("b+c", "d e"), ("%", "g")]));
        with(&list, |baggage| {
            assert!(baggage.get("Kevin Spacey").is_some_and(|item| item.raw_key() == "kevin+spacey"));
            assert!(baggage.get("kevin%20spacey").is_none());
        });
        // A key in a header name is not encoded. It has precedence over a member with this name.
        let line = ("uberctx-a%20b", "1");
        assert_eq!(items(&[line]), pairs(&[("a%20b", "1")]));
        assert_eq!(items(&[line, ("jaeger-baggage", "a%2520b=2,a%20b=3")]), pairs(&[("a%20b", "1"), ("a b", "3")]));
    }

    proptest! {
        #[test]
        fn ok_no_list_panics_and_bounds_hold(list: String) {
            with(&[("jaeger-baggage", &list)], |baggage| {
                assert!(baggage.len() <= JaegerBaggage::MAX_ITEMS);
                let finds = |item: JaegerBaggageItem<'_>| baggage.get(&item.key()) == Some(item) || item.key().contains('\u{fffd}');
                assert!(baggage.iter().all(|item| !item.raw_key().is_empty() && finds(item)));
            });
        }
    }
}
