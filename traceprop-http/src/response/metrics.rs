//! The metrics of one `Server-Timing` line.
//!
//! ```text
//! line   = metric *( OWS "," OWS metric )      metric = name *( OWS ";" OWS param )
//! param  = name [ OWS "=" OWS value ]          value  = token / quoted-string
//! ```
//!
//! Split as browsers split it: a comma or a semicolon inside a quoted value separates nothing, a quote anywhere else is
//! a byte like others, and a value whose quote is never closed takes all that follows.
//! Spec: <https://www.w3.org/TR/server-timing/#parse-server-timing-header-algorithm>

use std::ops::Range;

/// One metric, as it stands in its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Metric<'l> {
    /// Its bytes in the line, blanks around it included, commas not.
    pub(super) place: Range<usize>,
    pub(super) name: &'l [u8],
    /// The first `desc`, without its quotes. An escape stays as it is: what is looked for has none.
    pub(super) description: Option<&'l [u8]>,
    /// A quote in it is never closed, so a browser reads the next line as part of this metric.
    pub(super) is_open: bool,
}

impl Metric<'_> {
    /// Whether this is the metric of that name. Browsers match names byte by byte; the draft of the W3C does not.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The metrics of a line, in order. Empty ones have an empty name.
pub(super) fn metrics(line: &[u8]) -> impl Iterator<Item = Metric<'_>> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let metric = read(line, start);
        next = (metric.place.end < line.len()).then_some(metric.place.end + 1);
        Some(metric)
    })
}

fn read(line: &[u8], start: usize) -> Metric<'_> {
    let mut at = end_of(line, start, |byte| matches!(byte, b';' | b','));
    let mut metric = Metric { place: start..at, name: text(line, start..at), description: None, is_open: false };
    while line.get(at) == Some(&b';') {
        let from = at + 1;
        at = end_of(line, from, |byte| matches!(byte, b';' | b',' | b'='));
        let name = text(line, from..at);
        let mut value: &[u8] = b"";
        if line.get(at) == Some(&b'=') {
            let from = end_of(line, at + 1, |byte| !matches!(byte, b' ' | b'\t'));
            if line.get(from) == Some(&b'"') {
                let close = end_of_quoted(line, from + 1);
                value = line.get(from + 1..close).unwrap_or_default();
                metric.is_open = close == line.len();
                // What stands behind the closing quote belongs to nothing.
                at = end_of(line, (close + 1).min(line.len()), |byte| matches!(byte, b';' | b','));
            } else {
                at = end_of(line, from, |byte| matches!(byte, b';' | b','));
                value = text(line, from..at);
            }
        }
        if metric.description.is_none() && name.eq_ignore_ascii_case(b"desc") {
            metric.description = Some(value);
        }
    }
    metric.place.end = at;
    metric
}

/// The first place from `from` on where `stop` holds, else the end.
fn end_of(line: &[u8], from: usize, stop: impl Fn(u8) -> bool) -> usize {
    let rest = line.get(from..).unwrap_or_default();
    rest.iter().position(|&byte| stop(byte)).map_or(line.len(), |place| from + place)
}

/// The closing quote; the end if there is none.
fn end_of_quoted(line: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        match line.get(at) {
            Some(b'"') => return at,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return line.len(),
        }
    }
}

/// The text at a place, without the blanks around it.
fn text(line: &[u8], place: Range<usize>) -> &[u8] {
    trim(line.get(place).unwrap_or_default())
}

/// Strips space and tab (RFC 9110 `OWS`), and nothing else.
pub(super) const fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The parts of a line that may be a metric to somebody, with their names: each metric, and where its quote is never
/// closed, what stands between commas behind that. A browser reads those as one value, an agent that splits at commas
/// does not.
pub(super) fn parts(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let parts = metrics(line).flat_map(move |metric| {
        let text = line.get(metric.place).unwrap_or_default();
        text.split(move |&byte| metric.is_open && byte == b',')
    });
    parts.map(|part| (text(part, 0..end_of(part, 0, |byte| byte == b';')), part))
}

/// Whether a browser reads the next line as part of this one.
pub(super) fn is_open(line: &[u8]) -> bool {
    metrics(line).any(|metric| metric.is_open)
}

/// Whether a part of the line has this name.
pub(super) fn names(line: &[u8], name: &str) -> bool {
    parts(line).any(|(part, _)| part.eq_ignore_ascii_case(name.as_bytes()))
}

/// The line without its parts of that name, all others byte for byte; empty if it has nothing else.
pub(super) fn without(line: &[u8], name: &str) -> Vec<u8> {
    let mut kept = Vec::with_capacity(line.len());
    let mut says_anything = false;
    let others = parts(line).filter(|(part, _)| !part.eq_ignore_ascii_case(name.as_bytes()));
    for (place, (_, part)) in others.enumerate() {
        if place > 0 {
            kept.push(b',');
        }
        says_anything |= !trim(part).is_empty();
        kept.extend_from_slice(part);
    }
    // HTTP/2 calls a value malformed that begins or ends with a blank.
    if says_anything { trim(&kept).to_vec() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<&str> {
        metrics(line.as_bytes()).map(|metric| std::str::from_utf8(metric.name).unwrap()).collect()
    }

    fn description(line: &str) -> Option<&str> {
        metrics(line.as_bytes()).next().unwrap().description.map(|text| std::str::from_utf8(text).unwrap())
    }

    #[test]
    fn ok_names_are_split_at_commas_outside_of_quotes() {
        assert_eq!(names("a"), ["a"]);
        assert_eq!(names("a, b;dur=1 ,\tc"), ["a", "b", "c"]);
        assert_eq!(names(r#"a;desc="x, y;z",b"#), ["a", "b"]);
        assert_eq!(names(r#"a;desc="x\", y",b"#), ["a", "b"]);
        assert_eq!(names("a,,b,"), ["a", "", "b", ""]);
        assert_eq!(names(""), [""]);
    }

    #[test]
    fn ok_a_quote_counts_only_where_a_value_begins() {
        assert_eq!(names(r#"a",b;x"y,c;d=e"f,g"#), ["a\"", "b", "c", "g"]);
        assert_eq!(names(r#"a;desc="x" y"z",b"#), ["a", "b"]);
    }

    #[test]
    fn ok_descriptions_with_and_without_quotes() {
        for line in ["a;desc=x", "a;desc=\"x\"", "a ; DESC = \"x\" ; dur=1", "a;dur=1;desc=x;desc=y", "a;e;desc= x ,b"]
        {
            assert_eq!(description(line), Some("x"), "{line}");
        }
        assert_eq!(description("a;desc"), Some(""));
        assert_eq!(description("a;description=x"), None);
    }

    #[test]
    fn ok_an_open_quote_takes_the_rest_and_says_so() {
        for (line, open) in [
            ("a;desc=\"x,b", true),
            ("a;desc=\"x\\", true),
            ("a;desc=\"x\\\"", true),
            ("a;desc=\"", true),
            ("a;desc=\"\"", false),
        ] {
            let all: Vec<_> = metrics(line.as_bytes()).collect();
            assert_eq!((all.len(), all[0].is_open, all[0].place.clone()), (1, open, 0..line.len()), "{line}");
        }
    }

    #[test]
    fn ok_without_keeps_the_others_as_they_are() {
        let without = |line: &str| {
            let left = names_it(line).then(|| without(line.as_bytes(), "trace"))?;
            Some(String::from_utf8(left).unwrap())
        };
        assert_eq!(without("a;dur=1, b"), None);
        assert_eq!(without("traces, a;desc=trace;trace=1"), None);
        assert_eq!(without("trace;desc=x"), Some(String::new()));
        assert_eq!(without(" , Trace;desc=x,"), Some(String::new()));
        assert_eq!(without("trace;desc=x, a;dur=1 ,\tb"), Some("a;dur=1 ,\tb".to_owned()));
        assert_eq!(without("a ;dur=1, trace, b;desc=\"x, trace\""), Some("a ;dur=1, b;desc=\"x, trace\"".to_owned()));
        assert_eq!(without("a ,trace;desc=x,trace"), Some("a".to_owned()));
        assert_eq!(without("trace,;dur=1"), Some(";dur=1".to_owned()));
    }

    #[test]
    fn ok_behind_an_open_quote_every_comma_may_begin_one() {
        let left = |line: &str| String::from_utf8(without(line.as_bytes(), "trace")).unwrap();
        assert!(names_it("a;desc=\"x, trace;desc=y") && !names_it("a;desc=\"x, trace;desc=y\""));
        assert_eq!(left("b;desc=\"trace, trace\",a;desc=\"x, trace;desc=y,c"), "b;desc=\"trace, trace\",a;desc=\"x,c");
        assert_eq!(left("trace;desc=\"x, b"), "b");
    }

    fn names_it(line: &str) -> bool {
        super::names(line.as_bytes(), "trace")
    }
}
