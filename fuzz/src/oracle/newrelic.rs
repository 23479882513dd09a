//! `newrelic`: base64 of JSON, as a tree of values.

use std::collections::BTreeMap;

use traceprop_core::{RemoteContext, Sampling, SpanId, TraceId};

use super::grpc_trace_bin::decoded;
use super::{Expected, any_hex, is_digits, trim, yes_or_no};
use crate::input::{Headers, values};

/// A JSON value. Strings are as they are written, with their escapes.
#[derive(Clone, Debug)]
enum Json {
    Word(String),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

/// Characters that are still to be read.
struct Reader<'t>(std::iter::Peekable<std::str::Chars<'t>>);

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        while self.0.next_if(|c| " \t\r\n".contains(*c)).is_some() {}
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        self.skip_blanks();
        self.0.next_if_eq(&wanted).map(|_| ())
    }

    fn string(&mut self) -> Option<String> {
        self.take('"')?;
        let mut text = String::new();
        loop {
            let c = self.0.next()?;
            match c {
                '"' => return Some(text),
                '\0'..='\x1f' => return None,
                '\\' => {
                    let escape = self.0.next()?;
                    text.extend([c, escape]);
                    if escape == 'u' {
                        for _ in 0..4 {
                            text.push(self.0.next().filter(char::is_ascii_hexdigit)?);
                        }
                    } else if !"\"\\/bfnrt".contains(escape) {
                        return None;
                    }
                }
                _ => text.push(c),
            }
        }
    }

    /// Reads what separates the items of a list, and each item with `item`.
    fn items(&mut self, close: char, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if self.take(close).is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            if self.take(close).is_some() {
                return Some(());
            }
            self.take(',')?;
        }
    }

    fn value(&mut self, levels: usize) -> Option<Json> {
        self.skip_blanks();
        match self.0.peek()? {
            '"' => self.string().map(Json::Text),
            '[' if levels > 0 => {
                let mut list = Vec::new();
                self.0.next();
                self.items(']', |reader| reader.value(levels - 1).map(|value| list.push(value)))?;
                Some(Json::List(list))
            }
            '{' if levels > 0 => {
                let mut object = BTreeMap::new();
                self.0.next();
                self.items('}', |reader| {
                    let key = reader.string()?;
                    reader.take(':')?;
                    object.insert(key, reader.value(levels - 1)?);
                    Some(())
                })?;
                Some(Json::Object(object))
            }
            _ => {
                let mut word = String::new();
                while let Some(c) = self.0.next_if(|c| c.is_ascii_alphanumeric() || "+-.".contains(*c)) {
                    word.push(c);
                }
                match word.as_str() {
                    "true" | "false" | "null" => Some(Json::Word(word)),
                    _ => is_number(&word).then_some(Json::Number(word)),
                }
            }
        }
    }
}

/// Checks the grammar of a number by states, a byte at a time.
fn is_number(word: &str) -> bool {
    let mut state = 's';
    for byte in word.bytes() {
        state = match (state, byte) {
            ('s', b'-') => '-',
            ('s' | '-', b'0') => '0',
            ('s' | '-', b'1'..=b'9') => 'i',
            ('i', b'0'..=b'9') => 'i',
            ('0' | 'i', b'.') => '.',
            ('.' | 'f', b'0'..=b'9') => 'f',
            ('0' | 'i' | 'f', b'e' | b'E') => 'e',
            ('e', b'+' | b'-') => '+',
            ('e' | '+' | 'x', b'0'..=b'9') => 'x',
            _ => return false,
        };
    }
    "0ifx".contains(state)
}

fn object(text: &str) -> Option<BTreeMap<String, Json>> {
    let mut reader = Reader(text.chars().peekable());
    let value = reader.value(8)?;
    reader.skip_blanks();
    match value {
        Json::Object(object) if reader.0.next().is_none() => Some(object),
        _ => None,
    }
}

/// Reads a value: the context, and the account that must be trusted.
pub fn value(value: &[u8]) -> Option<(RemoteContext, String)> {
    let bytes = if value.starts_with(b"{") { value.to_vec() } else { decoded(value)? };
    if value.len() > 4096 {
        return None;
    }
    let payload = object(std::str::from_utf8(&bytes).ok()?)?;
    let Some(Json::List(version)) = payload.get("v") else { return None };
    match &version[..] {
        [Json::Number(major), Json::Number(minor)] if major == "0" && is_digits(minor.as_bytes()) => {}
        _ => return None,
    }
    let Some(Json::Object(data)) = payload.get("d") else { return None };
    let text = |key: &str| match data.get(key) {
        Some(Json::Text(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    let text_or_number = |key: &str| match data.get(key) {
        Some(Json::Number(number)) => Some(number.clone()),
        _ => text(key),
    };
    let (_, account, _) = (text("ty")?, text_or_number("ac")?, text_or_number("ap")?);
    let trace_id = TraceId::new(any_hex(text("tr")?.as_bytes(), |len| (1..=32).contains(&len))?)?;
    match data.get("ti") {
        Some(Json::Number(time)) if is_digits(time.as_bytes()) && time.parse::<u64>().is_ok_and(|time| time > 0) => {}
        _ => return None,
    }
    if text("id").is_none() && text("tx").is_none() {
        return None;
    }
    let span = text("id").and_then(|id| any_hex(id.as_bytes(), |len| len == 16));
    let sampling = match data.get("sa") {
        Some(Json::Word(word)) if word != "null" => yes_or_no(word == "true"),
        _ => Sampling::Deferred,
    };
    let context = RemoteContext::new(trace_id, span.and_then(|span| SpanId::new(span as u64)));
    Some((RemoteContext { sampling, ..context }, text_or_number("tk").unwrap_or(account)))
}

/// Returns the value that counts.
pub fn first(headers: &Headers) -> Option<Vec<u8>> {
    let lines = values(headers, "newrelic");
    let line = lines.iter().take(64).map(|line| trim(line)).find(|line| !line.is_empty())?;
    let first = line.split(|&b| b == b',').map(trim).find(|value| !value.is_empty());
    if line.starts_with(b"{") { Some(line.to_vec()) } else { first.map(<[u8]>::to_vec) }
}

/// Returns what the format must make of a request.
pub fn expected(headers: &Headers) -> Expected {
    match first(headers) {
        None => Expected::Absent,
        Some(first) => value(&first).map_or(Expected::Invalid, |(context, _)| Expected::Context(context)),
    }
}
