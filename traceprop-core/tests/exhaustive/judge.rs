//! The grammars once more, as shapes: a letter for each byte. Written from the specifications.

/// Returns whether a value has a shape: `h` is a digit of lower-case hex, `D` a decision of B3, all else is literal.
pub(crate) fn fits(value: &[u8], shape: &str) -> bool {
    let same = |(byte, letter): (&u8, u8)| match letter {
        b'h' => b"0123456789abcdef".contains(byte),
        b'D' => b"01d".contains(byte),
        letter => *byte == letter,
    };
    value.len() == shape.len() && value.iter().zip(shape.bytes()).all(same)
}

pub(crate) fn trim(value: &[u8]) -> &[u8] {
    let text = |b: &u8| !b" \t".contains(b);
    let start = value.iter().position(text).unwrap_or(value.len());
    let end = value.iter().rposition(text).map_or(start, |last| last + 1);
    &value[start..end]
}

pub(crate) fn text(value: &[u8]) -> String {
    String::from_utf8(value.to_vec()).expect("ASCII was asked for")
}

fn number(digits: &[u8]) -> Option<u128> {
    let hex = !digits.is_empty() && digits.len() <= 32 && digits.iter().all(u8::is_ascii_hexdigit);
    hex.then(|| u128::from_str_radix(&text(digits), 16).expect("hex"))
}

fn is_zero(digits: &[u8]) -> bool {
    digits.iter().all(|&b| b == b'0')
}

/// Reads version, trace, parent and flags of a traceparent, as digits.
pub(crate) fn traceparent(value: &[u8]) -> Option<[String; 4]> {
    const SHAPE: &str = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
    let value = trim(value);
    let (head, tail) = value.split_at_checked(SHAPE.len())?;
    let goes_on = tail.is_empty() || (tail[0] == b'-' && !tail.contains(&b',') && &head[..2] != b"00");
    let legal =
        fits(head, SHAPE) && goes_on && &head[..2] != b"ff" && !is_zero(&head[3..35]) && !is_zero(&head[36..52]);
    legal.then(|| [&head[..2], &head[3..35], &head[36..52], &head[53..]].map(text))
}

/// Reads trace, span, decision and parent of a `b3` value, each empty if it is absent.
pub(crate) fn b3(value: &[u8]) -> Option<[String; 4]> {
    // Of a list the first element counts.
    let value = trim(value.split(|&b| b == b',').next()?);
    if fits(value, "D") {
        return Some([String::new(), String::new(), text(value), String::new()]);
    }
    let span = "hhhhhhhhhhhhhhhh";
    for trace in ["hhhhhhhhhhhhhhhh", "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"] {
        for rest in ["", "-D", "-hhhhhhhhhhhhhhhh", "-D-hhhhhhhhhhhhhhhh"] {
            if !fits(value, &format!("{trace}-{span}{rest}")) {
                continue;
            }
            let (ids, rest) = value.split_at(trace.len() + 1 + span.len());
            let (trace, span) = (&ids[..trace.len()], &ids[trace.len() + 1..]);
            if is_zero(trace) || is_zero(span) {
                return None;
            }
            let (decision, parent) = match rest.len() {
                0 => (&rest[..0], &rest[..0]),
                2 => (&rest[1..], &rest[..0]),
                17 => (&rest[..0], &rest[1..]),
                _ => (&rest[1..2], &rest[3..]),
            };
            // Zeros are not an id, and a parent may be missing.
            let parent = if is_zero(parent) { &rest[..0] } else { parent };
            return Some([trace, span, decision, parent].map(text));
        }
    }
    None
}

/// Reads trace, span and flags of an `uber-trace-id`.
pub(crate) fn uber(value: &[u8]) -> Option<(u128, u128, u128)> {
    let value = trim(value);
    if value.len() > 256 || value.contains(&b',') {
        return None;
    }
    // Some clients write the colons percent-encoded, and then all of them.
    let plain = match value.contains(&b':') {
        true => value.to_vec(),
        false => {
            let text: String = value.iter().map(|&b| char::from(b)).collect();
            text.replace("%3A", ":").replace("%3a", ":").chars().map(|c| c as u8).collect()
        }
    };
    let fields: Vec<_> = plain.split(|&b| b == b':').collect();
    let [trace, span, _, flags] = fields[..] else { return None };
    let (trace_id, span_id, flag) = (number(trace)?, number(span)?, number(flags)?);
    (span.len() <= 16 && flags.len() <= 2 && trace_id != 0 && span_id != 0).then_some((trace_id, span_id, flag))
}

/// The fields of an `sw8`: sample and span number as text, the others decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) sampled: bool,
    pub(crate) span: u32,
    /// Trace, segment, service, instance, endpoint, peer.
    pub(crate) text: [String; 6],
}

pub(crate) fn sw8(value: &[u8]) -> Option<Fields> {
    let value = trim(value);
    let fields: Vec<_> = value.split(|&b| b == b'-').collect();
    let [sample, trace, segment, span, service, instance, endpoint, peer] = fields[..] else { return None };
    let digits = !span.is_empty() && span.len() <= 64 && span.iter().all(u8::is_ascii_digit);
    let span = if digits { text(span).parse::<i32>().ok()? } else { return None };
    let mut decoded = Vec::new();
    for field in [trace, segment, service, instance, endpoint, peer] {
        decoded.push(base64(field)?);
    }
    // Ids may be numbers in decimal or hex, and a trace of zeros is not a trace.
    let is_zero = is_zero(decoded[0].as_bytes()) && decoded[0].len() <= 39;
    let legal = [&b"0"[..], b"1"].contains(&sample) && !is_zero && !decoded[1].is_empty();
    let fields = Fields { sampled: sample == b"1", span: span as u32, text: decoded.try_into().ok()? };
    (legal && value.len() <= 2048).then_some(fields)
}

/// Decodes text in base64, bit by bit; padding may be missing, and surplus bits are ignored.
fn base64(encoded: &[u8]) -> Option<String> {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = encoded.strip_suffix(b"==").or(encoded.strip_suffix(b"=")).unwrap_or(encoded);
    let padded = digits.len() < encoded.len();
    if digits.len() % 4 == 1 || (padded && encoded.len() % 4 != 0) {
        return None;
    }
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for digit in digits {
        let value = letters.iter().position(|letter| letter == digit)?;
        bits = bits << 6 | value as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Reads the members of a tracestate, the first of each key, in order.
pub(crate) fn tracestate(line: &[u8]) -> Option<Vec<(String, String)>> {
    let mut kept: Vec<(String, String)> = Vec::new();
    let members = line.split(|&b| b == b',').map(trim).filter(|member| !member.is_empty());
    for (place, member) in members.enumerate() {
        let at = member.iter().position(|&b| b == b'=')?;
        let (key, value) = (&member[..at], &member[at + 1..]);
        let small = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let legal = key.first().is_some_and(small)
            && key.iter().all(|b| small(b) || b"_-*/@".contains(b))
            && value.iter().all(|b| (b' '..=b'~').contains(b) && !b",=".contains(b))
            && value.last().is_some_and(|&b| b != b' ')
            && key.len() <= 256
            && value.len() <= 256
            && place < 32;
        if !legal {
            return None;
        }
        if kept.iter().all(|(known, _)| known.as_bytes() != key) {
            kept.push((text(key), text(value)));
        }
    }
    Some(kept)
}
