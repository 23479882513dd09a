use http::{HeaderMap, HeaderName, HeaderValue};

/// What a browser behind a proxy sends anyway. An outgoing request carries these too.
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

/// The headers that a contender may write; one that writes another fails its check.
const OWNED: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// Free places in an outgoing map: its growth is no contender's work.
const ROOM: usize = 8;

/// What an extract came back with. All zero and empty where it found nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub trace_id: u128,
    pub span_id: u64,
    pub sampled: bool,
    pub tracestate: Tracestate,
    pub baggage: Baggage,
}

/// How much of a tracestate was understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracestate {
    #[default]
    Absent,
    /// Read: so many members.
    Members(usize),
    /// Kept as one text of so many bytes, unread.
    Text(usize),
}

/// The bytes are those of all keys and decoded values: whoever did not decode comes to another sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Baggage {
    pub members: usize,
    pub bytes: usize,
}

/// One request: its trace headers, and what every contender has to find in them.
#[derive(Debug)]
pub struct Input {
    pub name: &'static str,
    pub lines: &'static [(&'static str, &'static str)],
    pub found: Found,
}

impl Input {
    /// The request as a server gets it. Trace headers come last, where proxies append them.
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

    /// The value of a trace header, if the request has one.
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
        assert_eq!(found, expected, "{who} on {}", self.name);
    }

    /// Panics unless `headers` is [`outgoing`] plus this context, with `span_id` where a child was made. Leaves `headers`
    /// without it, ready for the next write.
    #[track_caller]
    pub fn take_written(&self, who: &str, span_id: Option<u64>, headers: &mut HeaderMap) {
        let [traceparent, tracestate, baggage] = OWNED.map(|name| headers.remove(name));
        let text = |value: &Option<HeaderValue>| value.as_ref().map(|v| v.to_str().unwrap().to_owned());

        let id = span_id.unwrap_or(self.found.span_id);
        let expected = (self.found.trace_id != 0)
            .then(|| format!("00-{:032x}-{id:016x}-{:02x}", self.found.trace_id, u8::from(self.found.sampled)));
        assert_eq!(text(&traceparent), expected, "{who}, traceparent of {}", self.name);

        // An empty tracestate is wrong, but it is what one peer sends; the case measures it all the same.
        let state = text(&tracestate).filter(|text| !text.is_empty());
        assert_eq!(state.as_deref(), self.line("tracestate"), "{who}, tracestate of {}", self.name);

        // The order of baggage means nothing, and a hash map may change it.
        let members = |list: Option<String>| {
            let mut members: Vec<_> = list.unwrap_or_default().split(',').map(str::to_owned).collect();
            members.sort();
            members
        };
        let expected = members(self.line("baggage").map(str::to_owned));
        assert_eq!(members(text(&baggage)), expected, "{who}, baggage of {}", self.name);
        assert_eq!(headers.len(), OTHERS.len(), "{who} wrote more than {OWNED:?}");
    }
}

/// A request on its way out: the ordinary headers, and room for what a contender writes.
pub fn outgoing() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(OTHERS.len() + ROOM);
    for (name, value) in ordinary(OTHERS.len()) {
        headers.append(name, value);
    }
    headers
}

/// The first `count` ordinary headers; beyond the sixteen, made-up ones of many lengths, that of `traceparent` among them.
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
