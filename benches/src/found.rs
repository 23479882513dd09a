/// What an extract came back with. All zero and empty where it found nothing.
///
/// Each part is compared as deeply as the contender reads it: what it hands over unread, it says so, and the check asks for
/// no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub trace_id: u128,
    pub span_id: u64,
    pub sampled: bool,
    pub tracestate: Tracestate,
    pub baggage: Baggage,
    pub words: Words,
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

/// The size of format-specific data in bytes: origin and tags of Datadog, the four names of sw8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub bytes: usize,
}

impl Found {
    /// In place of a trace id, from whoever hands over text, of which others make one.
    pub const TEXT: u128 = u128::MAX;

    /// In place of a span id, from whoever hands over a segment's text, of which others make one.
    pub const SEGMENT: u64 = u64::MAX;
}

impl Baggage {
    /// Baggage that came and that the contender does not read.
    pub const UNREAD: Self = Self { members: usize::MAX, bytes: 0 };
}

impl Words {
    /// Words that came and that the contender does not read.
    pub const UNREAD: Self = Self { bytes: usize::MAX };
}
