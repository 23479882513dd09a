//! The value of an `X-Amzn-Trace-Id`.
//!
//! ```text
//! Root=1-67891204-edfd17dba1f976ec9b1bf481;Parent=83c3ec2055daf222;Sampled=1;Lineage=1:f4ae5ad5:0;CalledFrom=app
//! ```

use crate::context::RemoteContext;
use crate::field::InvalidHeader;
use crate::format::{Outcome, Parsed};
use crate::id::{Sampling, SpanId, TraceId};
use crate::wire::hex::{self, Letters};
use crate::wire::{self, InvalidReason, ReasonAt, debug_as};

use super::FIELD;

/// The longest value that is read, in bytes.
const MAX_VALUE: usize = 2048;

/// The longest `Lineage` that is kept, in bytes.
pub(super) const MAX_LINEAGE: usize = 64;

/// A valid `X-Amzn-Trace-Id` value.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Sampling, formats::xray::XAmznTraceId};
///
/// let header = XAmznTraceId::parse(b"Root=1-67891204-edfd17dba1f976ec9b1bf481;Sampled=?;CalledFrom=app")?;
/// assert_eq!(header.trace_id().map(|id| id.low()), Some(0xa1f9_76ec_9b1b_f481));
/// assert!(header.sampling() == Sampling::Deferred && header.asks_for_decision());
/// assert!(header.fields().eq([("CalledFrom", "app")]));
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct XAmznTraceId<'c> {
    trace_id: Option<TraceId>,
    parent_id: Option<SpanId>,
    sampling: Sampling,
    asks_for_decision: bool,
    pub(super) is_joined: bool,
    /// Why the parent is invalid.
    bad_parent: Option<ReasonAt>,
    /// A field of the application was left out, at this offset.
    too_long: Option<ReasonAt>,
    /// The value, without what a comma joins to it.
    text: &'c [u8],
}

/// What a key means. Letter case matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Root,
    Parent,
    Sampled,
    Balancer,
    Lineage,
    Custom,
}

impl Key {
    pub(super) fn of(key: &[u8]) -> Self {
        match key {
            b"Root" => Self::Root,
            b"Parent" => Self::Parent,
            b"Sampled" => Self::Sampled,
            b"Self" => Self::Balancer,
            b"Lineage" => Self::Lineage,
            _ => Self::Custom,
        }
    }
}

/// A field of a value. Key and value are not empty.
#[derive(Clone, Copy)]
pub(super) struct Pair<'c> {
    pub(super) key: &'c [u8],
    pub(super) value: &'c [u8],
    /// The offset of the value.
    at: usize,
}

/// Splits a field. Returns `None` if the key or the value is missing.
pub(super) fn split(field: &[u8]) -> Option<Pair<'_>> {
    let (key, value) = wire::split_once(field, b'=')?;
    let at = key.len() + 1 + wire::lead(value);
    let (key, value) = (wire::trim(key), wire::trim(value));
    (!key.is_empty() && !value.is_empty()).then_some(Pair { key, value, at })
}

/// Returns the fields of a value.
fn pairs(text: &[u8]) -> impl Iterator<Item = Pair<'_>> + Clone {
    let mut end = 0;
    text.split(|&byte| byte == b';').filter_map(move |field| {
        let start = end;
        end += field.len() + 1;
        split(field).map(|pair| Pair { at: start + pair.at, ..pair })
    })
}

/// Returns the first value of a line with its offset, and whether a comma joins others to it.
///
/// A comma within a field of the application does not end a value.
fn first_value(line: &[u8]) -> (usize, &[u8], bool) {
    let begins_value = |text: &[u8]| {
        let keys: [&[u8]; 4] = [b"Root=", b"Parent=", b"Sampled=", b"Self="];
        keys.iter().any(|key| text.starts_with(key))
    };
    let mut start = 0;
    for (at, _) in line.iter().enumerate().filter(|(_, byte)| **byte == b',') {
        if begins_value(wire::trim_start(&line[at + 1..])) {
            if !wire::is_blank(&line[start..at]) {
                return (start, &line[start..at], true);
            }
            start = at + 1;
        }
    }
    (start, &line[start..], start > 0)
}

impl<'c> XAmznTraceId<'c> {
    /// The number of bytes of keys and values that [`fields`](Self::fields) returns, in addition to `Lineage`.
    ///
    /// The X-Ray SDK for Node.js has the same limit.
    pub const MAX_FIELD_BYTES: usize = 256;

    /// Parses one value. Only the first of several values that commas join is read.
    ///
    /// # Errors
    ///
    /// Returns `empty`, `too-long` for more than 2,048 bytes, and `repeated-field` if `Root`, `Parent` or `Sampled` occurs
    /// twice. For `Root` it returns `bad-version`, `bad-length`, `bad-delimiter`, `bad-hex` or `zero-trace-id`. Returns
    /// `missing-trace-id` if there is neither a `Root` nor a decision without a `Parent`.
    pub fn parse(value: &'c [u8]) -> Result<Self, InvalidHeader> {
        Self::parse_line(value).map_err(|error| error.of(FIELD))
    }

    fn parse_line(line: &'c [u8]) -> Result<Self, ReasonAt> {
        if wire::is_blank(line) {
            return Err(InvalidReason::Empty.at(0));
        }
        if wire::trim(line).len() > MAX_VALUE {
            return Err(InvalidReason::TooLong.at(MAX_VALUE));
        }
        let (start, text, is_joined) = first_value(line);
        Self::parse_value(text, is_joined).map_err(|error| error.shifted_by(start))
    }

    fn parse_value(text: &'c [u8], is_joined: bool) -> Result<Self, ReasonAt> {
        let (mut root, mut parent, mut sampled) = (None, None, None);
        let mut budget = Budget::new();
        let mut too_long = None;
        for Pair { key, value, at } in pairs(text) {
            let is_repeated = match Key::of(key) {
                Key::Root => root.replace(parse_root(value).map_err(|error| error.shifted_by(at))?).is_some(),
                Key::Parent => parent.replace(parse_parent(value).map_err(|error| error.shifted_by(at))).is_some(),
                Key::Sampled => sampled.replace(value).is_some(),
                Key::Balancer => false,
                kind => {
                    if !budget.takes(kind, key, value) && kind == Key::Custom {
                        too_long = too_long.or(Some(InvalidReason::TooLong.at(at)));
                    }
                    false
                }
            };
            if is_repeated {
                return Err(InvalidReason::RepeatedField.at(at));
            }
        }
        let has_parent = !matches!(parent, None | Some(Ok(None)));
        let trace_id = match root {
            // The X-Ray SDK for Go sends a root of zeros for what it does not sample.
            Some(None) if has_parent => return Err(InvalidReason::ZeroTraceId.at(0)),
            root => root.flatten(),
        };
        let decision = match sampled {
            Some(b"0") => Sampling::NotSampled,
            Some(b"1") => Sampling::Sampled,
            _ => Sampling::Deferred,
        };
        if trace_id.is_none() && (has_parent || decision == Sampling::Deferred) {
            let reason = if root.is_some() { InvalidReason::ZeroTraceId } else { InvalidReason::MissingTraceId };
            return Err(reason.at(0));
        }
        Ok(Self {
            trace_id,
            parent_id: parent.and_then(Result::ok).flatten(),
            sampling: decision,
            asks_for_decision: sampled == Some(b"?"),
            is_joined,
            bad_parent: parent.and_then(Result::err),
            too_long,
            text,
        })
    }

    /// Returns the trace id, or `None` if there is only a decision.
    pub const fn trace_id(&self) -> Option<TraceId> {
        self.trace_id
    }

    /// Returns the caller's span. `None` if it is absent, zero or invalid.
    pub const fn parent_id(&self) -> Option<SpanId> {
        self.parent_id
    }

    /// Returns the sampling decision.
    pub const fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Returns `true` for `Sampled=?`: the caller wants the decision in a header of the response.
    pub const fn asks_for_decision(&self) -> bool {
        self.asks_for_decision
    }

    /// Returns the `Lineage`, a counter with which AWS services detect endless loops.
    pub fn lineage(&self) -> Option<&'c str> {
        self.fields().find(|(key, _)| *key == "Lineage").map(|(_, value)| value)
    }

    /// Returns the `Lineage` and the fields of the application, in order.
    ///
    /// At most 64 bytes of `Lineage` and [`MAX_FIELD_BYTES`](Self::MAX_FIELD_BYTES) of fields are returned. A field that does
    /// not fit is left out. So is a field that is not visible ASCII and spaces.
    pub fn fields(&self) -> impl Iterator<Item = (&'c str, &'c str)> + Clone + use<'c> {
        let mut budget = Budget::new();
        let taken = pairs(self.text).filter(move |pair| budget.takes(Key::of(pair.key), pair.key, pair.value));
        taken.map(|pair| (wire::ascii(pair.key), wire::ascii(pair.value)))
    }

    /// Returns all parts between semicolons, as received.
    pub(super) fn parts(&self) -> impl Iterator<Item = &'c [u8]> + use<'c> {
        self.text.split(|&byte| byte == b';')
    }

    pub(super) fn parsed(&self) -> Parsed {
        let mut parsed = Parsed::new(match self.trace_id {
            Some(trace_id) => {
                let context = RemoteContext::new(trace_id, self.parent_id);
                Outcome::Context(RemoteContext { sampling: self.sampling, ..context })
            }
            None => Outcome::SamplingOnly(self.sampling),
        });
        for error in self.bad_parent.into_iter().chain(self.too_long) {
            parsed.ignore_member(error.of(FIELD));
        }
        parsed
    }
}

// Fields of an application can be personal data.
debug_as!(XAmznTraceId<'_>, |it| trace_id: it.trace_id, parent_id: it.parent_id, sampling: it.sampling);

/// The room for additional fields.
#[derive(Clone)]
struct Budget {
    left: usize,
    has_lineage: bool,
}

impl Budget {
    const fn new() -> Self {
        Self { left: XAmznTraceId::MAX_FIELD_BYTES, has_lineage: false }
    }

    /// Whether the field is kept. A small one can follow one that does not fit.
    fn takes(&mut self, kind: Key, key: &[u8], value: &[u8]) -> bool {
        if !wire::is_visible_text(key) || !wire::is_visible_text(value) {
            return false;
        }
        match kind {
            Key::Lineage if !self.has_lineage && value.len() <= MAX_LINEAGE => {
                self.has_lineage = true;
                true
            }
            Key::Custom => match self.left.checked_sub(key.len() + value.len()) {
                Some(left) => {
                    self.left = left;
                    true
                }
                None => false,
            },
            _ => false,
        }
    }
}

/// Parses `1-8hex-24hex`. Returns `None` for zeros.
fn parse_root(value: &[u8]) -> Result<Option<TraceId>, ReasonAt> {
    if !value.starts_with(b"1-") {
        return Err(InvalidReason::BadVersion.at(0));
    }
    let Ok(root) = <&[u8; 35]>::try_from(value) else {
        return Err(InvalidReason::BadLength.at(value.len()));
    };
    if root[10] != b'-' {
        return Err(InvalidReason::BadDelimiter.at(10));
    }
    let mut digits = [0; TraceId::HEX_LEN];
    digits[..8].copy_from_slice(&root[2..10]);
    digits[8..].copy_from_slice(&root[11..]);
    let id = hex::u128_32(&digits, Letters::AnyCase);
    id.map(TraceId::new).map_err(|error| error.shifted_by(if error.at < 8 { 2 } else { 3 }))
}

/// Parses 16 digits. Returns `None` for zeros.
fn parse_parent(value: &[u8]) -> Result<Option<SpanId>, ReasonAt> {
    let digits = value.try_into().map_err(|_| InvalidReason::BadLength.at(value.len()))?;
    hex::u64_16(digits, Letters::AnyCase).map(SpanId::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    const ROOT: &str = "Root=1-67891204-edfd17dba1f976ec9b1bf481";

    fn reason(value: &str) -> (InvalidReason, u32) {
        let invalid = XAmznTraceId::parse(value.as_bytes()).unwrap_err();
        (invalid.reason(), invalid.offset())
    }

    fn fields(value: &str) -> Vec<(&str, &str)> {
        XAmznTraceId::parse(value.as_bytes()).unwrap().fields().collect()
    }

    #[test]
    fn ok_parse_ids_decision_and_fields_in_any_order() {
        let value = std::format!("A=b ; Sampled=0; Parent=83C3EC2055DAF222 ;Self=x;{ROOT};Lineage=1:f4ae5ad5:0;");
        let header = XAmznTraceId::parse(value.as_bytes()).unwrap();
        assert_eq!(header.trace_id().unwrap().get(), 0x6789_1204_edfd_17db_a1f9_76ec_9b1b_f481);
        assert_eq!(header.parent_id().unwrap().get(), 0x83c3_ec20_55da_f222);
        assert_eq!((header.sampling(), header.asks_for_decision()), (Sampling::NotSampled, false));
        assert_eq!(header.lineage(), Some("1:f4ae5ad5:0"));
        assert!(header.fields().eq([("A", "b"), ("Lineage", "1:f4ae5ad5:0")]));
    }

    #[test]
    fn ok_parse_the_first_of_joined_values() {
        for (value, expected) in [
            (std::format!("{ROOT};A=1 , Root=1-x"), Some("1")),
            (std::format!(" ,{ROOT};A=1,Sampled=1"), Some("1")),
            (std::format!("{ROOT};A=1,2, 3"), Some("1,2, 3")),
            (std::format!("{ROOT},Self=y;A=1"), None),
        ] {
            let header = XAmznTraceId::parse(value.as_bytes()).unwrap();
            assert_eq!(header.trace_id().unwrap().low(), 0xa1f9_76ec_9b1b_f481);
            assert_eq!(header.fields().next().map(|(_, value)| value), expected, "{value}");
            assert_eq!(header.is_joined, expected != Some("1,2, 3"));
        }
    }

    #[test]
    fn ok_fields_within_their_limits() {
        let long = |len: usize| "x".repeat(len);
        let value = std::format!("{ROOT};a={};b={};c=12", long(253), long(200));
        assert_eq!(fields(&value).iter().map(|(key, _)| *key).collect::<String>(), "a");
        let value = std::format!("{ROOT};a={};b={};c=1", long(253), long(200));
        assert_eq!(fields(&value).iter().map(|(key, _)| *key).collect::<String>(), "ac");
        let parsed = XAmznTraceId::parse(value.as_bytes()).unwrap().parsed();
        assert_eq!(parsed.ignored().map(|invalid| invalid.reason()).collect::<Vec<_>>(), [InvalidReason::TooLong]);
        assert_eq!(fields(&std::format!("{ROOT};Lineage={};Lineage=2", long(64))), [("Lineage", &*long(64))]);
        assert_eq!(fields(&std::format!("{ROOT};Lineage={};Lineage=2", long(65))), [("Lineage", "2")]);
        assert_eq!(fields(&std::format!("{ROOT};a=\u{e9};\u{1}=b;t=1\t2;c=d")), [("c", "d")]);
    }

    #[test]
    fn ok_a_bad_parent_is_ignored() {
        for (parent, reason, at) in
            [("83c3ec2055daf2220", InvalidReason::BadLength, 65), ("83c3ec2055daf22g", InvalidReason::BadHex, 63)]
        {
            let value = std::format!("{ROOT};Parent={parent}");
            let header = XAmznTraceId::parse(value.as_bytes()).unwrap();
            assert_eq!(header.parent_id(), None);
            assert!(header.parsed().ignored().eq([InvalidHeader::new(FIELD, reason, at)]));
        }
    }

    #[test]
    fn ok_a_root_of_zeros_is_none_if_there_is_no_parent() {
        let zeros = "Root=1-00000000-000000000000000000000000";
        for parent in ["", ";Parent=0000000000000000", ";Parent="] {
            let value = std::format!("{zeros}{parent};Sampled=1");
            let header = XAmznTraceId::parse(value.as_bytes()).unwrap();
            assert_eq!((header.trace_id(), header.sampling()), (None, Sampling::Sampled));
        }
        for rest in ["", ";Sampled=?", ";Parent=83c3ec2055daf222;Sampled=1", ";Parent=x;Sampled=1"] {
            assert_eq!(reason(&std::format!("{zeros}{rest}")).0, InvalidReason::ZeroTraceId, "{rest}");
        }
    }

    #[test]
    fn err_parse_values_without_a_trace_or_with_two() {
        for (value, expected) in [
            ("", (InvalidReason::Empty, 0)),
            ("Root=2-67891204-edfd17dba1f976ec9b1bf481", (InvalidReason::BadVersion, 5)),
            ("Root=1-7891204-edfd17dba1f976ec9b1bf481", (InvalidReason::BadLength, 39)),
            ("Root=1-678912040edfd17dba1f976ec9b1bf481", (InvalidReason::BadDelimiter, 15)),
            ("Root= 1-6789120g-edfd17dba1f976ec9b1bf481", (InvalidReason::BadHex, 15)),
            ("Root=1-67891204-+dfd17dba1f976ec9b1bf481", (InvalidReason::BadHex, 16)),
            ("Root=;Sampled=?", (InvalidReason::MissingTraceId, 0)),
            ("root=1-67891204-edfd17dba1f976ec9b1bf481", (InvalidReason::MissingTraceId, 0)),
            ("Parent=83c3ec2055daf222;Sampled=1", (InvalidReason::MissingTraceId, 0)),
            ("Sampled=1;Sampled=1", (InvalidReason::RepeatedField, 18)),
            (&"x".repeat(2049), (InvalidReason::TooLong, 2048)),
        ] {
            assert_eq!(reason(value), expected, "{value}");
        }
    }

    #[test]
    fn err_debug_holds_no_field() {
        let value = std::format!("{ROOT};Sampled=1;UserId=alice");
        let shown = std::format!("{:?}", XAmznTraceId::parse(value.as_bytes()).unwrap());
        assert!(shown.contains("67891204edfd17dba1f976ec9b1bf481") && !shown.contains("alice"), "{shown}");
    }
}
