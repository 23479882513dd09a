//! What must hold for everything that is written, and for every invalid header.

use std::fmt;

use traceprop_core::{
    Carrier, CarrierMut, Extraction, Field, IdBits, InjectOptions, InvalidHeader, OwnedContext, Propagator, Sampling,
    SpanContext,
    carrier::{FieldName, FieldValue},
    format::{InjectSource, Passthrough},
    report::InjectReport,
};

use crate::input::Headers;

/// The span that targets make.
pub const SPAN: u64 = 0xb7ad_6b71_6920_3331;

/// Returns the source of ids.
pub const fn ids() -> IdBits {
    IdBits::random(SPAN)
}

/// Returns whether a value says nothing.
pub fn is_blank(value: &[u8]) -> bool {
    value.iter().all(|b| b" \t".contains(b))
}

/// Asserts that an error points into a value of this length, or to its end.
#[track_caller]
pub fn within(reject: InvalidHeader, len: usize) {
    assert!(reject.offset() as usize <= len, "{reject} in {len} bytes");
}

/// Headers on their way out. Each is judged as it comes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sink(pub Headers);

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.iter().map(|(name, value)| format!("{name}: {}", value.escape_ascii()));
        f.debug_list().entries(lines).finish()
    }
}

impl Sink {
    /// Returns the values under a lower-case name.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let named = self.0.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| std::str::from_utf8(value).expect("header text")).collect()
    }

    /// Returns the only value under a lower-case name.
    #[track_caller]
    pub fn value(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() <= 1, "{name} is written {} times", values.len());
        values.first().copied()
    }

    /// Returns whether there is a header with this lower-case name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }
}

impl CarrierMut for Sink {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        let text = value.to_string();
        let (name, field) = (name.as_str(), name.field());
        assert!(text.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b)), "{name}: no header text");
        assert!(!is_blank(text.as_bytes()) && !value.is_empty(), "{name}: empty");
        assert_eq!(value.len(), text.len(), "{name}: announced with another length");
        assert!(value.as_str().is_none_or(|whole| whole == text), "{name}: two texts");
        assert!(value.as_bytes().is_none_or(|whole| whole == text.as_bytes()), "{name}: two texts");
        let token = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b);
        assert!(!name.is_empty() && name.bytes().all(token), "{name}: no lower-case name");
        assert!(matches!(field, Field::Custom(_)) || Field::from_name(name) == Some(field), "{name} is not {field}");
        self.0.push((name.to_owned(), text.into_bytes()));
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        self.0.retain(|(name, _)| !stale(name));
    }
}

impl Carrier for Sink {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

/// Reads a request, and asserts that reading it needs no memory.
#[track_caller]
pub fn extract<'c, C: Carrier>(propagator: &'c Propagator, carrier: &'c C) -> Extraction<'c> {
    let mut extraction = None;
    let count = allocation_counter::measure(|| extraction = Some(propagator.extract(carrier)));
    assert_eq!(count.count_total, 0, "reading allocates");
    extraction.expect("it was read")
}

/// Returns what `span` writes, and checks that it is repeatable and that names that must not repeat have one line.
#[track_caller]
pub fn written_by_span<'p>(
    propagator: &'p Propagator,
    span: &SpanContext<'_>,
    outgoing: &InjectOptions<'_>,
) -> (Sink, InjectReport<'p>) {
    let mut sink = Sink::default();
    let omitted = propagator.inject(span, outgoing, &mut sink);
    let mut again = Sink::default();
    propagator.inject(span, outgoing, &mut again);
    assert_eq!(sink, again, "written twice, and not the same");
    // A span writes one form, in which every name occurs once.
    for (place, (name, value)) in sink.0.iter().enumerate() {
        assert!(sink.0[..place].iter().all(|(known, _)| known != name), "{name} is repeated");
        assert!(!value.starts_with(b" ") && !value.ends_with(b" "), "{name}: blanks around");
        assert!(!value.contains(&b'\t'), "{name}: a tab");
    }
    (sink, omitted)
}

/// Returns what a service without spans forwards.
#[track_caller]
pub fn written_by_passthrough<'p>(
    propagator: &'p Propagator,
    passthrough: &Passthrough<'_>,
    outgoing: &InjectOptions<'_>,
) -> (Sink, InjectReport<'p>) {
    let is_nothing = passthrough.context().is_none() && passthrough.sampling() == Sampling::Deferred;
    forwarded(propagator, passthrough.into(), is_nothing, outgoing)
}

/// Returns what an owned context sends: its span, or what it forwards.
#[track_caller]
pub fn written_by_owned<'p>(
    propagator: &'p Propagator,
    context: &OwnedContext,
    outgoing: &InjectOptions<'_>,
) -> (Sink, InjectReport<'p>) {
    match context.span() {
        Some(span) => written_by_span(propagator, &span, outgoing),
        None => {
            let is_nothing = context.trace_id().is_none() && context.sampling() == Sampling::Deferred;
            forwarded(propagator, context.into(), is_nothing, outgoing)
        }
    }
}

#[track_caller]
fn forwarded<'p>(
    propagator: &'p Propagator,
    source: InjectSource<'_>,
    is_nothing: bool,
    outgoing: &InjectOptions<'_>,
) -> (Sink, InjectReport<'p>) {
    let mut sink = Sink::default();
    let omitted = propagator.inject(source, outgoing, &mut sink);
    if is_nothing {
        assert!(!sink.has("traceparent") && !sink.has("b3") && !sink.has("x-b3-sampled"), "of nothing comes nothing");
    }
    (sink, omitted)
}
