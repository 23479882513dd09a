//! A scanner of JSON text, which copies nothing. Escapes in strings are checked and not decoded.
//!
//! Spec: <https://www.rfc-editor.org/rfc/rfc8259>

/// White space between tokens.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// Calls `each` with the members of an object: the key without quotes, and the text of the value.
///
/// Returns `None` if the text is not JSON, not an object, or deeper than `depth` levels.
pub(super) fn members<'j>(object: &'j str, depth: usize, each: &mut dyn FnMut(&'j str, &'j str)) -> Option<()> {
    let mut rest = object.trim_matches(BLANKS);
    let is_object = rest.starts_with('{');
    take_value(&mut rest, depth, each)?;
    (is_object && rest.is_empty()).then_some(())
}

/// Takes a value off the front and returns its text. `each` gets the members if it is an object.
fn take_value<'j>(rest: &mut &'j str, depth: usize, each: &mut dyn FnMut(&'j str, &'j str)) -> Option<&'j str> {
    let start = rest.trim_start_matches(BLANKS);
    *rest = start;
    match start.bytes().next()? {
        b'"' => _ = take_string(rest)?,
        b'{' => take_list(rest, '}', depth.checked_sub(1)?, each)?,
        b'[' => take_list(rest, ']', depth.checked_sub(1)?, each)?,
        _ => {
            let end = start.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(start.len());
            let (word, tail) = start.split_at(end);
            *rest = tail;
            (matches!(word, "true" | "false" | "null") || is_number(word)).then_some(())?;
        }
    }
    start.strip_suffix(*rest)
}

/// Takes an object or an array off the front, whose end is `close`.
fn take_list<'j>(rest: &mut &'j str, close: char, depth: usize, each: &mut dyn FnMut(&'j str, &'j str)) -> Option<()> {
    let mut tail = rest.get(1..)?.trim_start_matches(BLANKS);
    let mut is_first = true;
    while !tail.starts_with(close) {
        if !is_first {
            tail = tail.strip_prefix(',')?.trim_start_matches(BLANKS);
        }
        is_first = false;
        if close == '}' {
            let key = take_string(&mut tail)?;
            tail = tail.trim_start_matches(BLANKS).strip_prefix(':')?;
            each(key, take_value(&mut tail, depth, &mut |_, _| ())?);
        } else {
            take_value(&mut tail, depth, &mut |_, _| ())?;
        }
        tail = tail.trim_start_matches(BLANKS);
    }
    *rest = tail.strip_prefix(close)?;
    Some(())
}

/// Takes a string off the front and returns its text without the quotes.
fn take_string<'j>(rest: &mut &'j str) -> Option<&'j str> {
    let text = rest.strip_prefix('"')?;
    let mut at = 0;
    loop {
        let tail = text.as_bytes().get(at..)?;
        at += match tail {
            [b'"', ..] => break,
            [b'\\', b'u', digits @ ..] if digits.get(..4)?.iter().all(u8::is_ascii_hexdigit) => 6,
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'\\' | ..0x20, ..] | [] => return None,
            _ => 1,
        };
    }
    *rest = text.get(at + 1..)?;
    text.get(..at)
}

fn is_number(word: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (number, exponent) = word.split_once(['e', 'E']).unwrap_or((word, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let has_one_zero = whole == "0" || !whole.starts_with('0');
    has_one_zero && [whole, fraction, exponent].into_iter().all(is_digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn read(text: &str) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        members(text, 8, &mut |key, value| found.push((key.to_string(), value.to_string())))?;
        Some(found)
    }

    #[test]
    fn ok_members_of_the_outer_object_alone() {
        let text = " { \"a\" : [1, {\"b\":2}] ,\"c\":{ \"d\" : null },\"\":\"\\\"}\\u00fF\" }\r\n";
        let expected = [("a", "[1, {\"b\":2}]"), ("c", "{ \"d\" : null }"), ("", "\"\\\"}\\u00fF\"")];
        assert_eq!(read(text).unwrap(), expected.map(|(key, value)| (key.to_string(), value.to_string())));
        assert_eq!((read("{}"), read("{ \t}")), (Some(Vec::new()), Some(Vec::new())));
    }

    #[test]
    fn ok_every_kind_of_scalar() {
        for value in ["true", "false", "null", "0", "-0", "-1.50", "10e+5", "1.0E-05", "\"é\"", "[ ]", "[[],{}]"] {
            assert_eq!(read(&format!("{{\"a\":{value}}}")).unwrap()[0].1, value);
        }
    }

    #[test]
    fn err_text_that_is_not_json() {
        for value in [
            "",
            "tru",
            "True",
            "nan",
            "01",
            "-",
            "+1",
            ".5",
            "1.",
            "1e",
            "1e+",
            "1.e1",
            "- 1",
            "\"",
            "\"\\x\"",
            "\"\\u00g0\"",
            "\"\n\"",
            "[",
            "[1",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1}",
            "{",
            "{\"b\"}",
            "{\"b\":}",
            "{b:1}",
            "{\"b\":1,}",
            "'b'",
        ] {
            assert_eq!(read(&format!("{{\"a\":{value}}}")), None, "{value}");
        }
        for text in ["", "{", "[]", "1", "{}}", "{} {}", "{,}", "x{}"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn err_an_object_that_is_too_deep() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(read(&nested(8)).is_some());
        assert_eq!(read(&nested(9)), None);
    }
}
