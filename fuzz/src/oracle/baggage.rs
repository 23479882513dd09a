//! W3C `baggage`.

use traceprop_core::baggage::BaggageLimits;

use super::{is_token, percent, split_once, text, trim};

/// What a baggage has to be read as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The members within the limits, as they are written.
    pub members: Vec<Member>,
    /// Something was malformed.
    pub malformed: bool,
    /// Whether there is data after a limit.
    pub beyond: bool,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key.
    pub key: String,
    /// The value, decoded.
    pub value: String,
    /// All of it, as it is written.
    pub written: String,
}

/// Reads the lines as one list.
pub fn expected(lines: &[&[u8]], limits: BaggageLimits) -> Expected {
    let mut expected = Expected { members: Vec::new(), malformed: false, beyond: lines.len() > 64 };
    if expected.beyond {
        return expected;
    }
    let mut end = 0;
    for raw in lines.join(&b',').split(|&b| b == b',') {
        end += raw.len();
        let is_empty = trim(raw).is_empty();
        let member = member(trim(raw));
        let over = end > limits.bytes || (member.is_some() && expected.members.len() == limits.members);
        match member {
            // Commas after the limit are not data, so nothing is lost.
            _ if over && is_empty => {}
            _ if over => {
                expected.beyond = true;
                break;
            }
            Some(member) => expected.members.push(member),
            None => expected.malformed |= !is_empty,
        }
        end += 1;
    }
    expected
}

/// Reads one member, if it is valid.
pub fn member(member: &[u8]) -> Option<Member> {
    let mut parts = member.split(|&b| b == b';').map(trim);
    let (key, value) = split_once(parts.next()?, b'=')?;
    let (key, value) = (trim(key), trim(value));
    let mut written = format!("{}={}", text(key), text(value));
    let mut legal = is_token(key) && is_octets(value);
    for property in parts.filter(|property| !property.is_empty()) {
        let (key, value) = match split_once(property, b'=') {
            Some((key, value)) => (trim(key), Some(trim(value))),
            None => (property, None),
        };
        legal &= is_token(key) && value.is_none_or(is_octets);
        written += &format!(";{}", text(key));
        written += &value.map(|value| format!("={}", text(value))).unwrap_or_default();
    }
    legal.then(|| Member { key: text(key), value: text(&percent(value).0), written })
}

fn is_octets(text: &[u8]) -> bool {
    text.iter().all(|&b| (b'!'..=b'~').contains(&b) && !b"\",;\\".contains(&b))
}
