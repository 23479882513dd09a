//! The metrics of one `Server-Timing` line.
//!
//! ```text
//! line   = metric *( OWS "," OWS metric )      metric = name *( OWS ";" OWS param )
//! param  = name [ OWS "=" OWS value ]          value  = token / quoted-string
//! ```
//!
//! Lines are split as browsers split them: a comma or a semicolon inside of a quoted value separates nothing, a quote
//! anywhere else is an ordinary byte, and a value whose quote is never closed extends to the end of the line.
//! Spec: <https://www.w3.org/TR/server-timing/#parse-server-timing-header-algorithm>

use std::ops::Range;

/// One metric of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Metric<'l> {
    /// The range of its bytes in the line, with surrounding blanks and without commas.
    pub(super) place: Range<usize>,
    pub(super) name: &'l [u8],
    /// The first `desc`, without its quotes. Escapes are kept, since a traceparent has none.
    pub(super) description: Option<&'l [u8]>,
    /// Whether a quote is never closed, so that browsers read the next line as part of this metric.
    pub(super) is_open: bool,
}

impl Metric<'_> {
    /// Returns `true` if the metric has this name. The W3C draft ignores the case; browsers do not.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Returns the metrics of a line, in order. An empty metric has an empty name.
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
                // Text after the closing quote is ignored.
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

/// Returns the first offset from `from` on where `stop` is true, else the end.
fn end_of(line: &[u8], from: usize, stop: impl Fn(u8) -> bool) -> usize {
    let rest = line.get(from..).unwrap_or_default();
    rest.iter().position(|&byte| stop(byte)).map_or(line.len(), |place| from + place)
}

/// Returns the offset of the closing quote, else the end.
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

/// Returns the text in a range, without surrounding blanks.
fn text(line: &[u8], place: Range<usize>) -> &[u8] {
    trim(line.get(place).unwrap_or_default())
}

/// Removes spaces and tabs (RFC 9110 `OWS`) from both ends.
pub(super) const fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Returns every part of a line that some reader takes for a metric, with its name.
///
/// These are the metrics and, after a quote that is never closed, the texts between commas: a browser reads them as one
/// value, an agent that splits at commas does not.
pub(super) fn parts(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let parts = metrics(line).flat_map(move |metric| {
        let text = line.get(metric.place).unwrap_or_default();
        text.split(move |&byte| metric.is_open && byte == b',')
    });
    parts.map(named)
}

/// Returns every text between two commas, quoted or not, with its name.
///
/// After a line with a quote that is never closed, it depends on the reader which commas of this line are quoted.
pub(super) fn pieces(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    line.split(|&byte| byte == b',').map(named)
}

fn named(part: &[u8]) -> (&[u8], &[u8]) {
    (text(part, 0..end_of(part, 0, |byte| byte == b';')), part)
}

/// Returns `true` if browsers read the next line as part of this one.
pub(super) fn is_open(line: &[u8]) -> bool {
    metrics(line).any(|metric| metric.is_open)
}

/// Returns `true` if a part of the line has this name.
pub(super) fn names(line: &[u8], name: &str) -> bool {
    parts(line).any(|(part, _)| part.eq_ignore_ascii_case(name.as_bytes()))
}

/// Returns the line without the parts of this name. Other parts are unchanged. Empty if no other part has text.
pub(super) fn without(line: &[u8], name: &str) -> Vec<u8> {
    join(parts(line).filter(|(part, _)| !part.eq_ignore_ascii_case(name.as_bytes())), line.len())
}

/// Joins parts of a line of this length.
pub(super) fn join<'l>(parts: impl Iterator<Item = (&'l [u8], &'l [u8])>, len: usize) -> Vec<u8> {
    let mut kept = Vec::with_capacity(len);
    let mut has_text = false;
    for (place, (_, part)) in parts.enumerate() {
        if place > 0 {
            kept.push(b',');
        }
        has_text |= !trim(part).is_empty();
        kept.extend_from_slice(part);
    }
    // In HTTP/2 a value that begins or ends with a blank is malformed.
    if has_text { trim(&kept).to_vec() } else { Vec::new() }
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
    fn ok_quote_opens_a_value_only_at_its_start() {
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
    fn ok_open_quote_extends_to_the_end_of_the_line() {
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
    fn ok_without_keeps_other_metrics_unchanged() {
        let without = |line: &str| {
            let left = has_trace(line).then(|| without(line.as_bytes(), "trace"))?;
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
    fn ok_after_an_open_quote_each_comma_may_start_a_metric() {
        let left = |line: &str| String::from_utf8(without(line.as_bytes(), "trace")).unwrap();
        assert!(has_trace("a;desc=\"x, trace;desc=y") && !has_trace("a;desc=\"x, trace;desc=y\""));
        assert_eq!(left("b;desc=\"trace, trace\",a;desc=\"x, trace;desc=y,c"), "b;desc=\"trace, trace\",a;desc=\"x,c");
        assert_eq!(left("trace;desc=\"x, b"), "b");
    }

    fn has_trace(line: &str) -> bool {
        super::names(line.as_bytes(), "trace")
    }
}
