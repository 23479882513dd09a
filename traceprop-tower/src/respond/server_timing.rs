//! One metric among those of a response: ours replaces any other of its name, and the rest stays byte for byte.

use http::header::{HeaderMap, HeaderValue};

use super::SERVER_TIMING;

/// Drops metrics of this name and adds one, on a line of its own.
pub(super) fn replace(headers: &mut HeaderMap, name: &str, metric: &[&[u8]]) {
    let has_one = |line: &HeaderValue| metrics(line.as_bytes()).any(|metric| is_named(metric, name));
    if headers.get_all(SERVER_TIMING).iter().any(has_one) {
        let lines: Vec<HeaderValue> = headers.get_all(SERVER_TIMING).iter().cloned().collect();
        headers.remove(SERVER_TIMING);
        for line in lines {
            let line = if has_one(&line) { without(line.as_bytes(), name) } else { Some(line) };
            append(headers, line);
        }
    }
    append(headers, HeaderValue::try_from(metric.concat()).ok());
}

fn append(headers: &mut HeaderMap, line: Option<HeaderValue>) {
    if let Some(line) = line {
        // A map that is full takes no more; the response is not to fail for it.
        let _ = headers.try_append(SERVER_TIMING, line);
    }
}

/// The other metrics of a line, if there are any.
fn without(line: &[u8], name: &str) -> Option<HeaderValue> {
    let others: Vec<&[u8]> = metrics(line).filter(|metric| !is_named(metric, name)).collect();
    let others = others.join(&b',');
    let others = others.trim_ascii();
    (!others.is_empty()).then(|| HeaderValue::from_bytes(others).ok()).flatten()
}

fn is_named(metric: &[u8], name: &str) -> bool {
    let end = metric.iter().position(|&byte| byte == b';').unwrap_or(metric.len());
    metric[..end].trim_ascii().eq_ignore_ascii_case(name.as_bytes())
}

/// The metrics of a line, with the blanks around them. Where a quote does not end, readers differ in what it hides; then
/// each comma counts, so that none of them finds a metric here that was not found.
fn metrics(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let closed = is_closed(line);
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let comma = if closed { unquoted(text, b',') } else { text.iter().position(|&byte| byte == b',') };
        rest = comma.map(|at| &text[at + 1..]);
        Some(&text[..comma.unwrap_or(text.len())])
    })
}

/// The first place of a byte that is not within quotes.
pub(super) fn unquoted(text: &[u8], wanted: u8) -> Option<usize> {
    let mut quotes = Quotes::default();
    text.iter().position(|&byte| !quotes.hides(byte) && byte == wanted)
}

fn is_closed(text: &[u8]) -> bool {
    let mut quotes = Quotes::default();
    for &byte in text {
        quotes.hides(byte);
    }
    !quotes.open
}

#[derive(Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

impl Quotes {
    /// Whether this byte is part of a quoted string.
    fn hides(&mut self, byte: u8) -> bool {
        let was_open = self.open;
        match (self.escaped, byte) {
            (true, _) => self.escaped = false,
            (false, b'\\') => self.escaped = was_open,
            (false, b'"') => self.open = !was_open,
            (false, _) => {}
        }
        was_open || self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(came: &[&'static str], left: &[&str]) {
        let mut headers = HeaderMap::new();
        for line in came {
            headers.append(SERVER_TIMING, HeaderValue::from_static(line));
        }
        replace(&mut headers, "traceparent", &[b"traceparent;", b"desc=1"]);
        let lines: Vec<_> = headers.get_all(SERVER_TIMING).iter().map(|line| line.to_str().expect("text")).collect();
        assert_eq!(lines, [left, &["traceparent;desc=1"]].concat(), "{came:?}");
    }

    #[test]
    fn ok_others_stay_as_they_are() {
        check(&[], &[]);
        for line in [
            "db;dur=53, app;dur=47.2",
            "db ;  dur = 53 ,,",
            "traceparents;dur=1",
            "x-traceparent, y;traceparent=1",
            "db;desc=\"a, traceparent;desc=b\"",
            "db;desc=\"a \\\", traceparent;\"",
        ] {
            check(&[line], &[line]);
        }
        check(&["b;dur=1", "a;dur=2", "b;dur=1"], &["b;dur=1", "a;dur=2", "b;dur=1"]);
    }

    #[test]
    fn ok_one_of_its_name_goes_wherever_it_is() {
        const OTHER: &str = "traceparent;desc=\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"";
        check(&[OTHER], &[]);
        check(&[OTHER, OTHER], &[]);
        check(&["a;dur=1", OTHER, "b;dur=2"], &["a;dur=1", "b;dur=2"]);
        check(&["a;dur=1, traceparent;desc=\"x, y\";dur=3 , b;desc=\"c, d\""], &["a;dur=1, b;desc=\"c, d\""]);
        check(&["traceparent;desc=x, b;dur=2"], &["b;dur=2"]);
        check(&["b;dur=2,TraceParent", "traceparent ; desc = z"], &["b;dur=2"]);
    }

    #[test]
    fn ok_quote_that_does_not_end_hides_nothing() {
        check(&["a;desc=\"x, traceparent;desc=y"], &["a;desc=\"x"]);
        check(&["a;desc=\"x\", b;desc=\"\\\", traceparent"], &["a;desc=\"x\", b;desc=\"\\\""]);
    }

    #[test]
    fn ok_odd_bytes_stay() {
        let mut headers = HeaderMap::new();
        let odd = HeaderValue::from_bytes(b"traceparent, a;desc=\"\xff\"").expect("a value");
        headers.append(SERVER_TIMING, odd);
        replace(&mut headers, "traceparent", &[b"traceparent"]);
        let lines: Vec<_> = headers.get_all(SERVER_TIMING).iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(lines, [&b"a;desc=\"\xff\""[..], b"traceparent"]);
    }
}
