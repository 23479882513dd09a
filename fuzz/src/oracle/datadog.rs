//! The `x-datadog-*` headers.

use traceprop_core::{RemoteContext, Sampling, SpanId, TraceId};

use super::{Expected, decimal, equal_copies, lower_hex, split_once, text, trim};
use crate::input::{Headers, values};

/// What the headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The trace, its upper half from the tags.
    pub trace_id: TraceId,
    /// The sender's span.
    pub parent_id: Option<SpanId>,
    /// The priority.
    pub priority: Option<i32>,
    /// The origin.
    pub origin: Option<String>,
    /// Names without `_dd.p.` and values, without the upper half of the trace id.
    pub tags: Vec<(String, String)>,
    /// Whether nothing is invalid.
    pub is_clean: bool,
}

impl Fields {
    /// Returns the decision of the priority.
    pub fn sampling(&self) -> Sampling {
        match self.priority {
            None => Sampling::Deferred,
            Some(1..) => Sampling::Sampled,
            Some(_) => Sampling::NotSampled,
        }
    }
}

/// Reads the number of a field, if it exists and is valid.
fn number(headers: &Headers, name: &str, minus: bool) -> Option<Option<i128>> {
    let lines = values(headers, name);
    if lines.is_empty() {
        return None;
    }
    let Some(line) = equal_copies(&lines) else { return Some(None) };
    let digits = line.strip_prefix(b"-").filter(|_| minus).unwrap_or(line);
    let value = decimal(digits).map(|value| i128::try_from(value).unwrap_or(i128::MAX));
    Some(value.map(|value| if digits.len() < line.len() { -value } else { value }))
}

/// Reads the headers. Returns `None` without a trace id, and an empty result if that is not a number.
pub fn read(headers: &Headers) -> Option<Option<Fields>> {
    let low = number(headers, "x-datadog-trace-id", false)?;
    let Some(low) = low.and_then(|low| u64::try_from(low).ok()).filter(|low| *low > 0) else { return Some(None) };
    let mut is_clean = true;
    let mut optional = |name, minus, fits: fn(i128) -> bool| match number(headers, name, minus) {
        None => None,
        Some(value) => {
            let value = value.filter(|value| fits(*value));
            is_clean &= value.is_some();
            value
        }
    };
    let parent = optional("x-datadog-parent-id", false, |id| u64::try_from(id).is_ok());
    let priority = optional("x-datadog-sampling-priority", true, |n| i32::try_from(n).is_ok());
    let line = values(headers, "x-datadog-origin").first().map(|line| trim(line));
    let legal = |line: &&[u8]| (1..=8192).contains(&line.len()) && line.iter().all(|b| (b' '..=b'~').contains(b));
    let origin = line.filter(legal).map(text);
    let tags = tags(&values(headers, "x-datadog-tags"));
    is_clean &= line.is_some() == origin.is_some() && tags.is_clean;
    Some(Some(Fields {
        trace_id: TraceId::from_halves(tags.high, low).expect("not zero"),
        parent_id: parent.and_then(|id| SpanId::new(id as u64)),
        priority: priority.map(|priority| priority as i32),
        origin,
        tags: tags.tags,
        is_clean,
    }))
}

/// Tags of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags {
    /// The upper half of the trace id, or zero.
    pub high: u64,
    /// Names without `_dd.p.` and values; of equal names, the last.
    pub tags: Vec<(String, String)>,
    /// Whether nothing is invalid.
    pub is_clean: bool,
}

/// Reads the lines of the tags.
pub fn tags(lines: &[&[u8]]) -> Tags {
    let lines: Vec<_> = lines.iter().map(|line| trim(line)).collect();
    let mut tags = Tags { high: 0, tags: Vec::new(), is_clean: true };
    let line = lines.join(&b',');
    if lines.len() > 64 || line.len() > 512 {
        tags.is_clean = false;
        return tags;
    }
    let mut tid = None;
    let mut dm = None;
    for pair in line.split(|&b| b == b',').map(trim).filter(|pair| !pair.is_empty()) {
        let legal = split_once(pair, b'=').filter(|(key, value)| {
            let key_is_legal = key.iter().all(|b| (b'!'..=b'~').contains(b));
            key_is_legal && !key.is_empty() && !value.is_empty() && value.iter().all(|b| (b' '..=b'~').contains(b))
        });
        let Some((key, value)) = legal else {
            tags.is_clean = false;
            continue;
        };
        let (key, value) = (text(key), text(value));
        match key.strip_prefix("_dd.p.") {
            None | Some("" | "upstream_services") => {}
            Some("tid") => tid = Some(value),
            Some(name) => {
                if name == "dm" {
                    dm = Some(value.clone());
                }
                tags.tags.retain(|(known, _)| known != name);
                tags.tags.push((name.to_owned(), value));
            }
        }
    }
    if let Some(tid) = tid {
        tags.high = lower_hex(tid.as_bytes(), |len| len == 16).unwrap_or(0) as u64;
        tags.is_clean &= tags.high > 0;
    }
    if dm.is_some_and(|dm| !is_decision_maker(&dm)) {
        tags.tags.retain(|(name, _)| name != "dm");
        tags.is_clean = false;
    }
    tags
}

/// Returns whether text is a minus and a number of one byte, perhaps after a hash of ten digits.
pub fn is_decision_maker(text: &str) -> bool {
    let hash = text.split_once('-').map_or("", |(hash, _)| hash);
    let is_hash = hash.is_empty() || lower_hex(hash.as_bytes(), |len| len == 10).is_some();
    let number = text[hash.len()..].strip_prefix('-').filter(|_| is_hash);
    let number = number.and_then(|digits| decimal(digits.as_bytes()));
    number.is_some_and(|number| number <= 255)
}

/// Returns what the format must make of a request.
pub fn expected(headers: &Headers) -> Expected {
    match read(headers) {
        None => Expected::Absent,
        Some(None) => Expected::Invalid,
        Some(Some(fields)) => Expected::Context(RemoteContext {
            sampling: fields.sampling(),
            ..RemoteContext::new(fields.trace_id, fields.parent_id)
        }),
    }
}

/// Reads the items of a `dd` member: key and value of those that are valid.
pub fn items(member: &str) -> Vec<(&str, &str)> {
    let items = member.split(';').filter_map(|item| item.split_once(':'));
    items.filter(|(key, value)| !key.is_empty() && !value.is_empty()).collect()
}
