use ::traceprop_core::Field;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::found::{Baggage, Fields, Found, Tracestate};

/// The other headers of a browser's request through a proxy. An outgoing request carries these too.
pub const OTHERS: [(&str, &str); 16] = [
    ("host", "shop.example.com"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"),
    ("accept", "application/json, text/plain, */*"),
    ("accept-language", "et-EE,et;q=0.9,en;q=0.7"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("content-type", "application/json"),
    ("content-length", "348"),
    ("origin", "https://www.example.com"),
    ("referer", "https://www.example.com/basket?step=2"),
    ("cookie", "sid=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=1%7C0%7C1; cart=c-20931"),
    ("cache-control", "no-cache"),
    ("x-forwarded-for", "203.0.113.61, 10.4.0.17"),
    ("x-forwarded-proto", "https"),
    ("x-request-id", "2f1b0a5e-7a53-4d0e-9d3c-0b1f6f1f9a77"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-site", "same-site"),
];

/// The header of the correlation id.
pub const CORRELATION: &str = "x-plumbr-transactionid";

/// The span of a participant, where it makes one. Making ids is not measured.
pub const CHILD: u64 = 0x53ce_929d_0e0e_4736;

/// Free places in an outgoing map: its growth is not part of the work.
const ROOM: usize = 8;

/// One request: its trace headers, what every contender has to find in them, and what it has to write.
#[derive(Debug)]
pub struct Input {
    pub name: &'static str,
    pub lines: &'static [(&'static str, &'static str)],
    pub found: Found,
    written: fn(&Input, u64) -> Vec<(&'static str, String)>,
}

impl Input {
    /// Creates an input after which the received lines are written, with the span id of the writer.
    pub const fn new(name: &'static str, lines: &'static [(&'static str, &'static str)], found: Found) -> Self {
        Self { name, lines, found, written: as_received }
    }

    /// Sets what a participant writes if it is something else: all lines, for its span id.
    pub const fn written(mut self, written: fn(&Input, u64) -> Vec<(&'static str, String)>) -> Self {
        self.written = written;
        self
    }

    /// Returns the request as a server gets it. Trace headers come last, where proxies append them.
    pub fn request(&self, others: usize) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in ordinary(others) {
            headers.append(name, value);
        }
        for &(name, value) in self.lines {
            // Copied, as a server's values are: a static one would be cheaper to clone.
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    /// Returns the value of a trace header, if the request has one.
    pub fn line(&self, name: &str) -> Option<&'static str> {
        self.lines.iter().find(|line| line.0 == name).map(|line| line.1)
    }

    /// Panics unless `found` is the right answer, read as deeply as the contender reads.
    #[track_caller]
    pub fn assert_found(&self, who: &str, found: Found) {
        let mut expected = self.found;
        if let (Tracestate::Text(_), Some(text)) = (found.tracestate, self.line("tracestate")) {
            expected.tracestate = Tracestate::Text(text.len());
        }
        if found.trace_id == Found::TEXT && expected.trace_id != 0 {
            expected.trace_id = Found::TEXT;
        }
        if found.span_id == Found::SEGMENT && expected.span_id != 0 {
            expected.span_id = Found::SEGMENT;
        }
        if found.baggage == Baggage::UNREAD && expected.baggage.members > 0 {
            expected.baggage = Baggage::UNREAD;
        }
        if found.fields == Fields::UNREAD && expected.fields.bytes > 0 {
            expected.fields = Fields::UNREAD;
        }
        assert_eq!(found, expected, "{who} on {}", self.name);
    }

    /// Panics unless `headers` is [`outgoing`] plus this context, with `span_id` if a child span was made.
    ///
    /// Removes the context from `headers` for the next write.
    #[track_caller]
    pub fn take_written(&self, who: &str, span_id: Option<u64>, headers: &mut HeaderMap) {
        for (name, expected) in (self.written)(self, span_id.unwrap_or(self.found.span_id)) {
            let value = headers.remove(name).map(|value| value.to_str().unwrap().to_owned());
            let found = value.map(|value| comparable(who, name, &value));
            assert_eq!(found, Some(comparable(who, name, &expected)), "{who}, {name} of {}", self.name);
        }
        // Asked for one header, this one writes several in addition; the case measures that too.
        if who == "opentelemetry" && self.line("b3").is_some() {
            for name in ["x-b3-traceid", "x-b3-spanid", "x-b3-sampled"] {
                headers.remove(name);
            }
        }
        // An empty tracestate is wrong, but it is what one peer sends; the case measures it all the same.
        if headers.get("tracestate").is_some_and(HeaderValue::is_empty) {
            headers.remove("tracestate");
        }
        let left = take_trace_headers(headers);
        assert!(left.is_empty() && headers.len() == OTHERS.len(), "{who} wrote more than {}: {left:?}", self.name);
    }
}

/// Removes every header that a format reads, and returns their names.
fn take_trace_headers(headers: &mut HeaderMap) -> Vec<HeaderName> {
    let is_trace = |name: &&HeaderName| Field::from_name(name.as_str()).is_some() || *name == CORRELATION;
    let names: Vec<_> = headers.keys().filter(is_trace).cloned().collect();
    for name in &names {
        headers.remove(name);
    }
    names
}

/// Returns the received lines, with another span id. Without a trace, baggage alone.
fn as_received(input: &Input, span_id: u64) -> Vec<(&'static str, String)> {
    let hex = |id: u64| format!("{id:016x}");
    let parent = input.found.span_id;
    let line = |&(name, value): &(&'static str, &str)| match name {
        "baggage" => Some((name, value.to_owned())),
        _ if input.found.trace_id == 0 => None,
        "traceparent"
        | "b3"
        | "x-b3-spanid"
        | "uber-trace-id"
        | "sentry-trace"
        | "x-instana-s"
        | "ot-tracer-spanid"
        | "x-amzn-trace-id"
        | "elastic-apm-traceparent" => Some((name, value.replace(&hex(parent), &hex(span_id)))),
        "x-datadog-parent-id" | "x-cloud-trace-context" => {
            Some((name, value.replace(&parent.to_string(), &span_id.to_string())))
        }
        _ => Some((name, value.to_owned())),
    };
    input.lines.iter().filter_map(line).collect()
}

/// Returns a value without what has no meaning.
///
/// That is the order of members that peers keep in a hash map, the upper half of a trace id if the whole id is also
/// there, and numbers that are drawn for each call.
fn comparable(who: &str, name: &str, value: &str) -> String {
    let sorted = |list: &str, by: char| {
        let mut members: Vec<_> = list.split(by).filter(|item| !item.starts_with("t.tid:")).collect();
        members.sort_unstable();
        members.join(&by.to_string())
    };
    match name {
        "baggage" | "x-datadog-tags" => sorted(value, ','),
        "tracestate" => {
            let member = |member: &str| match member.strip_prefix("dd=") {
                Some(items) => format!("dd={}", sorted(items, ';')),
                None => member.to_owned(),
            };
            value.split(',').map(member).collect::<Vec<_>>().join(",")
        }
        // Its segment has an id of its own, and its spans are numbered.
        "sw8" if who == "skywalking" => {
            let mut fields: Vec<_> = value.split('-').collect();
            assert!(fields.len() == 8 && !fields[2].is_empty(), "{value}");
            fields[2] = "segment";
            fields[3] = "number";
            fields.join("-")
        }
        _ => value.to_owned(),
    }
}

/// Returns an outgoing request: the ordinary headers, and room for what a contender writes.
pub fn outgoing() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(OTHERS.len() + ROOM);
    for (name, value) in ordinary(OTHERS.len()) {
        headers.append(name, value);
    }
    headers
}

/// Returns the first `count` ordinary headers, then made-up ones of many lengths, that of `traceparent` included.
fn ordinary(count: usize) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    const WORDS: [&str; 6] =
        ["x-a", "x-team", "x-tenant", "x-feature-flag", "x-customer-segment", "x-envoy-upstream-timeout"];
    let known = OTHERS.into_iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()));
    let made = (10..).map(|n: usize| {
        let name: HeaderName = format!("{}-{n}", WORDS[n % WORDS.len()]).parse().unwrap();
        (name, HeaderValue::from_str(&format!("value-{n}")).unwrap())
    });
    known.chain(made).take(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::w3c::{IDS, LUGGAGE, PACKED, SAMPLED};

    static INPUT: Input = Input::new("with-baggage", &[SAMPLED, LUGGAGE], Found { baggage: PACKED, ..IDS });

    #[test]
    fn ok_what_is_unread_need_not_be_right() {
        INPUT.assert_found("reader", INPUT.found);
        INPUT.assert_found("no reader", Found { baggage: Baggage::UNREAD, ..INPUT.found });
    }

    #[test]
    #[should_panic(expected = "reader on with-baggage")]
    fn err_found_one_member_too_few() {
        INPUT.assert_found("reader", Found { baggage: Baggage { members: 2, ..PACKED }, ..INPUT.found });
    }

    #[test]
    fn ok_only_meaningless_differences_are_overlooked() {
        let same =
            |who: &str, name: &str, one: &str, other: &str| comparable(who, name, one) == comparable(who, name, other);
        assert!(same("any", "baggage", "a=1,b=2", "b=2,a=1") && !same("any", "baggage", "a=1,b=2", "b=2,a=2"));
        assert!(same("any", "tracestate", "dd=s:1;o:rum,a=1", "dd=o:rum;s:1,a=1"));
        assert!(!same("any", "tracestate", "dd=s:1,a=1", "a=1,dd=s:1"));
        assert!(same("skywalking", "sw8", "1-T-x-1-s-i-e-p", "1-T-y-2-s-i-e-p"));
        assert!(!same("traceprop", "sw8", "1-T-x-1-s-i-e-p", "1-T-y-2-s-i-e-p"));
        assert!(!same("any", "b3", "1-2-1", "1-2-0"));
    }

    #[test]
    #[should_panic(expected = "opentelemetry, traceparent of with-baggage")]
    fn err_written_with_the_span_of_the_caller() {
        let mut headers = outgoing();
        for (name, value) in as_received(&INPUT, IDS.span_id) {
            headers.append(name, HeaderValue::from_str(&value).unwrap());
        }
        INPUT.take_written("opentelemetry", Some(CHILD), &mut headers);
    }

    #[test]
    fn ok_made_up_names_are_distinct() {
        let headers: HeaderMap = ordinary(100).collect();
        assert_eq!(headers.keys_len(), 100);
        assert!(headers.contains_key("cookie"));
        assert!(headers.keys().any(|name| name.as_str().len() == "traceparent".len()));
    }

    #[test]
    fn ok_outgoing_has_room() {
        let headers = outgoing();
        assert!(headers.capacity() >= headers.len() + ROOM);
    }
}
