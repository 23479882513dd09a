//! A format under test, and in what it may differ from the others.

use std::fmt::Debug;

use traceprop_core::{
    InjectOptions, InvalidReason, Pairs, Propagator, RemoteContext, Sampling, SpanContext, SpanId, TraceId,
    format::{Format, Outcome},
};

pub(crate) const TRACE: TraceId = match TraceId::new(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736) {
    Some(id) => id,
    None => TraceId::MIN,
};
pub(crate) const SPAN: SpanId = match SpanId::new(0x00f0_67aa_0ba9_02b7) {
    Some(id) => id,
    None => SpanId::MIN,
};
pub(crate) const OWN_SPAN: SpanId = match SpanId::new(0xb7ad_6b71_6920_3331) {
    Some(id) => id,
    None => SpanId::MIN,
};

/// Lines of a request.
pub(crate) type Lines = Vec<(String, String)>;

/// What a second value of the main field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Second {
    FirstCounts,
    LastCounts,
    Invalid(InvalidReason),
}

/// What an empty main field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Empty {
    Absent,
    Invalid(InvalidReason),
}

/// What is longer than it may be.
pub(crate) struct TooLong {
    /// The longest value of the main field that is read.
    pub(crate) longest: Vec<String>,
    /// Values that are one byte longer, or more, and why they are invalid.
    pub(crate) longer: Vec<(String, InvalidReason)>,
}

/// A format, and what is particular to it.
pub(crate) struct Subject {
    pub(crate) format: &'static dyn Format,
    /// The field that names the trace: [`TRACE`] by [`SPAN`], and the same value for another trace.
    pub(crate) main: &'static str,
    pub(crate) value: String,
    pub(crate) other_value: String,
    /// Positions of that value without a meaning, where any byte is allowed.
    pub(crate) says_nothing: std::ops::Range<usize>,
    /// Lines that complete the context if the main field alone is not one.
    pub(crate) others: Lines,
    /// Requests that are there and say nothing.
    pub(crate) husks: Vec<Lines>,
    pub(crate) empty: Empty,
    pub(crate) two_lines: Second,
    pub(crate) joined: Second,
    /// Fields that are lists: two values which mean the same on two lines and joined by a comma.
    pub(crate) lists: Vec<(&'static str, &'static str, &'static str)>,
    pub(crate) too_long: TooLong,
    /// What each decision comes back as.
    pub(crate) says: fn(Sampling) -> Sampling,
    /// Whether a span id is written, and needed to write anything.
    pub(crate) names_span: bool,
    /// Whether the promise of a random trace id is written.
    pub(crate) says_random: bool,
    /// Whether the low half of a trace id must not be zero.
    pub(crate) needs_low: bool,
    /// Whether only the low half of a trace id is written.
    pub(crate) has_low_half: bool,
    /// Fields that are written in addition to the received ones: the other encoding.
    pub(crate) also_writes: &'static [&'static str],
    /// How a span id is spelled in the written lines.
    pub(crate) spell: fn(SpanId) -> String,
}

impl Subject {
    pub(crate) fn name(&self) -> &str {
        self.format.name()
    }

    /// Returns whether nothing writes the format.
    pub(crate) fn is_read_only(&self) -> bool {
        self.format.check_inject().is_err()
    }

    /// Returns whether the format is a correlation id, which no passthrough makes.
    pub(crate) fn is_correlation(&self) -> bool {
        self.name().starts_with("correlation:")
    }

    /// Creates a propagator that reads this format alone, and writes it unless it is only read.
    pub(crate) fn propagator(&self) -> Propagator {
        let builder = Propagator::builder().extract(self.format);
        let builder = if self.is_read_only() { builder.inject_none() } else { builder.inject(self.format) };
        builder.build().expect("one format")
    }

    /// Returns a request with this value of the main field.
    pub(crate) fn request(&self, value: &str) -> Lines {
        let mut lines = vec![(self.main.to_owned(), value.to_owned())];
        lines.extend(self.others.iter().cloned());
        lines
    }

    /// Returns what a reader must read of a written context.
    pub(crate) fn comes_back(&self, span: &SpanContext<'_>) -> RemoteContext {
        let low = TraceId::from_halves(0, span.trace_id().low()).filter(|_| self.has_low_half);
        RemoteContext {
            trace_id: low.unwrap_or(span.trace_id()),
            parent_id: self.names_span.then_some(span.span_id()),
            sampling: (self.says)(span.sampling()),
            random: span.is_random() && self.says_random,
        }
    }

    /// Returns whether `name` is one of the fields of the format.
    pub(crate) fn owns(&self, name: &str) -> bool {
        let fields = self.format.fields();
        let built_in = fields.built_in_fields().built_in().filter_map(|field| field.name());
        built_in.into_iter().any(|known| is_in(known, name))
            || fields.custom_headers().iter().any(|known| known.matches(name))
    }
}

/// Returns whether a header is this field, or has its prefix.
pub(crate) fn is_in(field: &str, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == field || (field.ends_with('-') && name.starts_with(field) && name.len() > field.len())
}

pub(crate) fn lines(pairs: &[(&str, &str)]) -> Lines {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Returns the outcome of a request, and checks that a passthrough and a span of it are written in good form.
#[track_caller]
pub(crate) fn outcome<V: AsRef<[u8]> + Sync + Debug>(subject: &Subject, request: &[(String, V)]) -> Outcome {
    let propagator = subject.propagator();
    let report = propagator.explain(&request);
    let entry = report.entries().next().expect("the only format");
    let outcome = entry.parsed.outcome();
    let extraction = propagator.extract(&request);
    match outcome {
        Outcome::Context(context) => assert_eq!(extraction.context(), Some(context), "{request:?}"),
        _ => assert_eq!(extraction.context(), None, "{request:?}"),
    }
    for headers in [inject_span(&propagator, &request), forward(&propagator, &request)] {
        in_good_form(&headers);
    }
    outcome
}

/// Checks that no written header is empty, breaks into another one, or is more than a carrier of text can hold.
#[track_caller]
pub(crate) fn in_good_form(headers: &Pairs) {
    for (name, value) in headers.iter() {
        let is_token = |b: u8| b.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&b) && !b.is_ascii_uppercase();
        assert!(!name.is_empty() && name.bytes().all(is_token), "{name:?}");
        assert!(!value.trim_matches([' ', '\t']).is_empty(), "{name} is empty");
        assert!(value.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t')), "{name}: {value:?}");
    }
}

/// Returns what a participant with [`OWN_SPAN`] as its span writes; nothing if no trace was received.
pub(crate) fn inject_span<V: AsRef<[u8]> + Sync>(propagator: &Propagator, request: &&[(String, V)]) -> Pairs {
    let mut headers = Pairs::new();
    let extraction = propagator.extract(request);
    if let Some(context) = extraction.context() {
        let span = extraction.span_with_ids(context.trace_id, OWN_SPAN);
        propagator.inject(&span, &InjectOptions::everything(), &mut headers);
    }
    headers
}

/// Returns what a service without spans forwards.
pub(crate) fn forward<V: AsRef<[u8]> + Sync>(propagator: &Propagator, request: &&[(String, V)]) -> Pairs {
    let mut headers = Pairs::new();
    propagator.inject(propagator.extract(request).passthrough(), &InjectOptions::everything(), &mut headers);
    headers
}

/// Creates a local span.
pub(crate) fn span(sampling: Sampling) -> SpanContext<'static> {
    SpanContext::new(TRACE, SPAN).with_sampling(sampling)
}
