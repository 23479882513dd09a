/// The result of an extract. All zero and empty if it found nothing.
///
/// Each part is compared as deeply as the contender reads it: it marks what it returns unread, and that is not checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub trace_id: u128,
    pub span_id: u64,
    pub sampled: bool,
    pub tracestate: Tracestate,
    pub baggage: Baggage,
    pub fields: Fields,
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

/// The bytes are those of all keys and decoded values: without decoding, the sum is another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Baggage {
    pub members: usize,
    pub bytes: usize,
}

/// The size of format-specific data in bytes: origin and tags of Datadog, the four names of sw8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    pub bytes: usize,
}

impl Found {
    /// Replaces the trace id of a contender that returns text, from which others make an id.
    pub const TEXT: u128 = u128::MAX;

    /// Replaces the span id of a contender that returns a segment's text, from which others make an id.
    pub const SEGMENT: u64 = u64::MAX;
}

impl Baggage {
    /// Received baggage that the contender does not read.
    pub const UNREAD: Self = Self { members: usize::MAX, bytes: 0 };
}

impl Fields {
    /// Received fields that the contender does not read.
    pub const UNREAD: Self = Self { bytes: usize::MAX };
}
