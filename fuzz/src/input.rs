//! How bytes become a request: as text, so that inputs can be read, and made by hand.

use std::sync::atomic::{AtomicUsize, Ordering};

use traceprop_core::{Carrier, Field, SpanId, TraceId, carrier::Lookup, format::MAX_HEADER_LINES};

/// The lines of a request, names as they are spelled.
pub type Headers = Vec<(String, Vec<u8>)>;

/// Lines of one request. Servers stop at about a hundred.
const MAX_HEADERS: usize = 200;

/// The number of lookups per header that reading one field may cost. Each line of a field is found by a walk, and
/// usually the lines are read once or twice.
pub const READING: usize = MAX_HEADER_LINES * 4;

/// The number of lookups per header that writing once may cost.
///
/// The most expensive is a tracestate on many lines with a repeated key: the lines are read again for each of the 32
/// members, to find those that count.
pub const WRITING: usize = MAX_HEADER_LINES * 64;

/// Bytes that are read from the front: numbers first, then lines. What is missing is zero, or empty.
#[derive(Clone, Copy, Debug)]
pub struct Input<'d> {
    rest: &'d [u8],
}

impl<'d> Input<'d> {
    /// Creates an input from all of `data`.
    pub const fn new(data: &'d [u8]) -> Self {
        Self { rest: data }
    }

    /// Takes a byte.
    pub fn byte(&mut self) -> u8 {
        u8::from_be_bytes(self.bytes())
    }

    /// Takes some bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let (head, rest) = self.rest.split_at(self.rest.len().min(N));
        bytes[..head.len()].copy_from_slice(head);
        self.rest = rest;
        bytes
    }

    /// Takes a trace id of 16 bytes.
    pub fn trace_id(&mut self) -> TraceId {
        TraceId::from_bytes(self.bytes()).unwrap_or(TraceId::MIN)
    }

    /// Takes a span id of eight bytes.
    pub fn span_id(&mut self) -> SpanId {
        SpanId::from_bytes(self.bytes()).unwrap_or(SpanId::MIN)
    }

    /// Takes the bytes up to a line feed, the only byte that a line cannot hold.
    pub fn line(&mut self) -> &'d [u8] {
        let end = self.rest.iter().position(|&b| b == b'\n').unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        line
    }

    /// Takes a line as text.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.line()).into_owned()
    }

    /// Takes the remaining lines.
    pub fn lines(mut self) -> Vec<&'d [u8]> {
        let mut lines = Vec::new();
        while !self.rest.is_empty() && lines.len() < MAX_HEADERS {
            lines.push(self.line());
        }
        lines
    }

    /// Reads the remaining lines as headers: a name, a colon, a value. One blank after the colon is not part of it.
    pub fn headers(self) -> Headers {
        let lines = self.lines().into_iter().filter_map(|line| {
            let colon = line.iter().position(|&b| b == b':')?;
            let name = std::str::from_utf8(&line[..colon]).ok()?;
            let value = &line[colon + 1..];
            Some((name.to_owned(), value.strip_prefix(b" ").unwrap_or(value).to_vec()))
        });
        lines.collect()
    }
}

/// Returns the values under a name, in order.
pub fn values<'h>(headers: &'h Headers, name: &str) -> Vec<&'h [u8]> {
    headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice()).collect()
}

/// Returns the bytes of the lines of a field, joined by commas; names with a field's prefix included.
pub fn field_len(headers: &Headers, is_of_field: impl Fn(&str) -> bool) -> usize {
    let lines = headers.iter().filter(|(name, _)| is_of_field(name));
    lines.map(|(name, value)| name.len() + value.len() + 1).sum()
}

/// Headers that count how often one of them is looked at.
#[derive(Debug)]
pub struct Steps<'h> {
    headers: &'h Headers,
    taken: AtomicUsize,
    indexed: bool,
}

impl<'h> Steps<'h> {
    /// Looks at these headers are counted from here on.
    pub const fn new(headers: &'h Headers) -> Self {
        Self { headers, taken: AtomicUsize::new(0), indexed: false }
    }

    /// Creates a carrier that finds a name faster than by walking.
    pub const fn indexed(headers: &'h Headers) -> Self {
        Self { headers, taken: AtomicUsize::new(0), indexed: true }
    }

    /// Runs some work, and asserts that it looks at headers at most `most` times their number.
    #[track_caller]
    pub fn at_most<R>(&self, most: usize, work: impl FnOnce() -> R) -> R {
        let before = self.taken.load(Ordering::Relaxed);
        let done = work();
        let taken = self.taken.load(Ordering::Relaxed) - before;
        assert!(taken <= most * self.headers.len(), "{taken} looks at {} headers", self.headers.len());
        done
    }
}

impl Carrier for Steps<'_> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| {
            self.taken.fetch_add(1, Ordering::Relaxed);
            (name.as_str(), value.as_slice())
        })
    }

    fn lookup(&self, field: Field) -> Lookup<'_> {
        let Some(name) = field.name().filter(|_| self.indexed) else { return Lookup::Unsupported };
        let mut lines = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        match (lines.next(), lines.next()) {
            (None, _) => Lookup::Absent,
            (Some((_, line)), None) => Lookup::One(line),
            (Some((_, first)), Some(_)) => Lookup::Several(first),
        }
    }
}
