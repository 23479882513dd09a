//! The lines that an owned context keeps, in one buffer.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::carrier::table::Table;
use crate::carrier::{Headers, HeldNames, LineSource};
use crate::context::{Received, Trust};
use crate::field::{self, Field, FieldNames, FieldSet, FormatKind};
use crate::id::{Sampling, SpanId, TraceId};
use crate::owned::OwnedContext;
use crate::propagator::{Extraction, Link, LinkReason, Propagator};

/// The lines of a context in one buffer. Each line is the place of its field, the length of its name (0 if it is fixed),
/// the length of its value, then name and value.
#[derive(Clone)]
pub(crate) struct OwnedLines(pub(crate) Arc<[u8]>);

pub(crate) const HEAD: usize = 6;

/// In place of a field: a custom header that the request may hold, whether its lines are kept or not. It has no value.
/// Another propagator does not know the header, and has to remove it from a copy of the request.
const HELD: u8 = 0xfc;

/// A bit of [`HELD`]: the name is a prefix.
const PREFIX: u8 = 1;

/// A bit of [`HELD`]: the header holds baggage or a correlation id.
const TEXT: u8 = 2;

/// In place of a field: a link to another trace. Its name is that of the format.
const LINK: u8 = HELD - 1;

const _: () = assert!(Field::UNWATCHED.index() < LINK as usize);

/// A line, and the place of its field.
pub(crate) struct Entry<'c> {
    pub(crate) index: u8,
    pub(crate) name: &'c str,
    pub(crate) value: &'c [u8],
}

impl Entry<'_> {
    pub(crate) fn field(&self) -> Field {
        Field::at(usize::from(self.index))
    }

    fn len(&self) -> usize {
        HEAD + self.name.len() + self.value.len()
    }

    const fn is_held(&self) -> bool {
        self.index >= HELD
    }

    /// Whether the custom header with this entry has that name. `dashed` reads `_` as `-`.
    fn holds(&self, name: &str, dashed: bool) -> bool {
        let read = |byte: u8| if dashed { field::dashed(byte) } else { byte }.to_ascii_lowercase();
        let begins = name.bytes().map(read).take(self.name.len()).eq(self.name.bytes().map(read));
        begins && (name.len() > self.name.len()) == (self.index & PREFIX != 0)
    }
}

impl OwnedLines {
    /// Copies those lines of `present` that a context can still need.
    pub(crate) fn copy(extraction: &Extraction<'_>, received: &Received<'_>, present: FieldSet) -> Option<Self> {
        let headers = extraction.headers();
        let mut size = 0;
        let mut fields = FieldSet::EMPTY;
        for field in present.iter().filter(|field| is_needed(*field, headers, received, extraction)) {
            let mut bytes = 0;
            each_entry(headers, field, |entry| bytes += entry.len());
            if size + bytes <= OwnedContext::MAX_BYTES {
                fields = fields.with(field);
                size += bytes;
            }
        }
        // Most requests have no custom header and name one trace.
        let has_rest = extraction.has_links() || !held_fields(extraction, present).is_empty();
        if has_rest {
            each_of_the_rest(extraction, &mut |entry| size += entry.len());
        }
        if size == 0 {
            return None;
        }
        // An exact-size iterator fills the shared buffer in one allocation.
        let mut buffer: Arc<[u8]> = core::iter::repeat_n(0, size).collect();
        if let Some(mut room) = Arc::get_mut(&mut buffer) {
            for field in fields.iter() {
                each_entry(headers, field, |entry| put(&mut room, &entry));
            }
            if has_rest {
                each_of_the_rest(extraction, &mut |entry| put(&mut room, entry));
            }
        }
        Some(Self(buffer))
    }

    /// Returns the lines.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'_>> + Clone {
        self.all_entries().filter(|entry| entry.index < LINK)
    }

    /// Returns the links to other traces.
    pub(crate) fn links(&self) -> impl Iterator<Item = Link<'_>> {
        self.all_entries().filter(|entry| entry.index == LINK).filter_map(StoredLink::read)
    }

    /// Returns the custom headers that the request held.
    fn held(&self) -> impl Iterator<Item = Entry<'_>> {
        self.all_entries().filter(Entry::is_held)
    }

    /// Returns whether there is such an entry of a custom header.
    pub(super) fn holds(&self, entry: &Entry<'_>) -> bool {
        self.held().any(|held| held.index == entry.index && held.name == entry.name)
    }

    fn all_entries(&self) -> impl Iterator<Item = Entry<'_>> + Clone {
        let mut rest: &[u8] = &self.0;
        core::iter::from_fn(move || {
            let (head, tail) = rest.split_first_chunk::<HEAD>()?;
            let [index, name_len, len @ ..] = *head;
            let (name, tail) = tail.split_at_checked(usize::from(name_len))?;
            let (value, tail) = tail.split_at_checked(u32::from_le_bytes(len) as usize)?;
            rest = tail;
            // Names were `str` when they were copied. Most fields have none.
            let name = if name.is_empty() { "" } else { core::str::from_utf8(name).unwrap_or_default() };
            Some(Entry { index, name, value })
        })
    }
}

/// Calls `each` for the custom headers that the request held, and for the links.
///
/// The headers of other traces are parsed again, which is cheaper than an allocation.
#[inline(never)]
fn each_of_the_rest(extraction: &Extraction<'_>, each: &mut dyn FnMut(&Entry<'_>)) {
    let held = held_fields(extraction, extraction.headers().present());
    entries_without_lines(extraction.propagator, held).for_each(|entry| each(&entry));
    if extraction.has_links() {
        extraction.links().map(StoredLink::new).for_each(|link| each(&link.entry()));
    }
}

/// A link as the buffer holds it: the trace id, the span id, and a byte of flags.
struct StoredLink<'c> {
    format: &'c str,
    bytes: [u8; 25],
}

impl<'c> StoredLink<'c> {
    const SAMPLED: u8 = 1;
    const RESTARTED: u8 = 2;

    fn new(link: Link<'c>) -> Self {
        let mut bytes = [0; 25];
        bytes[..16].copy_from_slice(&link.trace_id.to_bytes());
        bytes[16..24].copy_from_slice(&link.span_id.to_bytes());
        bytes[24] = match link.reason {
            LinkReason::DifferentTrace => 0,
            LinkReason::Restarted => Self::RESTARTED,
        } | if link.sampled { Self::SAMPLED } else { 0 };
        // A byte counts the length of a name.
        let format = if link.format.len() <= usize::from(u8::MAX) { link.format } else { "" };
        Self { format, bytes }
    }

    const fn entry(&self) -> Entry<'_> {
        Entry { index: LINK, name: self.format, value: &self.bytes }
    }

    fn read(entry: Entry<'c>) -> Option<Link<'c>> {
        let (trace_id, rest) = entry.value.split_first_chunk()?;
        let (span_id, rest) = rest.split_first_chunk()?;
        let flags = *rest.first()?;
        Some(Link {
            trace_id: TraceId::from_bytes(*trace_id)?,
            span_id: SpanId::from_bytes(*span_id)?,
            sampled: flags & Self::SAMPLED != 0,
            reason: if flags & Self::RESTARTED != 0 { LinkReason::Restarted } else { LinkReason::DifferentTrace },
            format: entry.name,
        })
    }
}

/// Calls `each` for the lines of a field. Usually it has a fixed name and one line, which is in the table.
#[inline]
fn each_entry<'c>(headers: &Headers<'c>, field: Field, mut each: impl FnMut(Entry<'c>)) {
    let has_names = field.is_prefix() || matches!(field, Field::Custom(_));
    match headers.get(field) {
        Some(value) if !has_names && !headers.is_repeated(field) => {
            each(Entry { index: field.index() as u8, name: "", value });
        }
        _ => entries_of(headers, field).for_each(each),
    }
}

fn entries_of<'c>(headers: &Headers<'c>, field: Field) -> impl Iterator<Item = Entry<'c>> + use<'c> {
    let index = field.index() as u8;
    let named = field.name().is_none() || field.is_prefix();
    // No watched header has a longer name than a byte can count: custom headers and prefixes are shorter.
    let lines = headers.get_all(field).for_copy().filter(move |(name, _)| !named || name.len() <= usize::from(u8::MAX));
    lines.map(move |(name, value)| Entry { index, name: if named { name } else { "" }, value })
}

/// Returns the custom headers that a copy of the request may hold, for propagators that do not know them.
///
/// Unless the caller is trusted, these are all of the propagator: a line whose name has `_` in place of `-` was not read, but
/// counts as one of them.
#[inline]
pub(super) fn held_fields(extraction: &Extraction<'_>, present: FieldSet) -> FieldSet {
    const BUILT_IN: FieldSet = FieldSet::of(Field::ALL);
    match extraction.trust() {
        Trust::Continue => present.without(BUILT_IN),
        _ => extraction.headers().names.watched.without(BUILT_IN),
    }
}

/// Returns an entry without a line for each custom header of a propagator.
pub(super) fn custom_headers(propagator: &Propagator) -> impl Iterator<Item = Entry<'_>> {
    entries_without_lines(propagator, propagator.names.watched)
}

fn entries_without_lines(propagator: &Propagator, fields: FieldSet) -> impl Iterator<Item = Entry<'_>> {
    fields.iter().filter_map(move |field| {
        let header = propagator.names.custom(field)?;
        let prefix = if header.is_prefix() { PREFIX } else { 0 };
        let text = if propagator.custom_text.contains(field) { TEXT } else { 0 };
        Some(Entry { index: HELD | prefix | text, name: header.as_str(), value: &[] })
    })
}

/// Whether the lines of a field are still needed. Those of another trace are not, and invalid ones are not forwarded.
fn is_needed(field: Field, headers: &Headers<'_>, received: &Received<'_>, extraction: &Extraction<'_>) -> bool {
    if received.ignored.contains(field) {
        return false;
    }
    match field.format() {
        // Baggage and custom headers: their formats parse them again.
        _ if field.is_baggage() => received.keeps_text(),
        FormatKind::Custom => received.keeps_text(),
        // It belongs to no trace, and may have decided this one.
        _ if field.asks_for_trace() && extraction.trust() != Trust::Continue => false,
        kind if field.asks_for_trace() && !headers.present().intersects(kind.fields().first()) => true,
        // Ids of another trace are not forwarded, but the baggage next to them is.
        _ if field.can_hold_baggage() && received.keeps_text() => true,
        kind => match (extraction.context(), extraction.sampling()) {
            // A format that is only written parses its lines when it forwards them, and each of its encodings by itself.
            (Some(_), _) => {
                let is_present = |fields: FieldSet| headers.present().intersects(fields);
                let has_both_encodings = || kind.encodings().is_some_and(|fields| fields.into_iter().all(is_present));
                received.agrees.contains(kind) || has_both_encodings() || !extraction.has_read(kind)
            }
            (None, decision) => decision != Sampling::Deferred,
        },
    }
}

/// Writes an entry at the start of `room`, and shortens `room` to the rest.
#[inline]
fn put(room: &mut &mut [u8], entry: &Entry<'_>) {
    let (space, rest) = core::mem::take(room).split_at_mut(entry.len());
    let (head, text) = space.split_at_mut(HEAD);
    head[0] = entry.index;
    head[1] = entry.name.len() as u8;
    head[2..].copy_from_slice(&(entry.value.len() as u32).to_le_bytes());
    let (name, value) = text.split_at_mut(entry.name.len());
    name.copy_from_slice(entry.name.as_bytes());
    value.copy_from_slice(entry.value);
    *room = rest;
}

/// Collects lines one by one.
#[derive(Default)]
pub(crate) struct Builder(Vec<u8>);

impl Builder {
    /// Begins with the custom headers that the request held.
    pub(crate) fn with_held(lines: Option<&OwnedLines>) -> Self {
        let mut builder = Self::default();
        lines.into_iter().flat_map(OwnedLines::held).for_each(|entry| builder.entry(&entry));
        builder
    }

    /// Begins with what is not a line: the custom headers that the request held, and links.
    pub(crate) fn with_notes(lines: Option<&OwnedLines>) -> Self {
        let mut builder = Self::with_held(lines);
        lines.into_iter().flat_map(OwnedLines::links).for_each(|link| builder.link(link));
        builder
    }

    pub(crate) fn link(&mut self, link: Link<'_>) {
        self.entry(&StoredLink::new(link).entry());
    }

    pub(crate) fn entry(&mut self, entry: &Entry<'_>) {
        let start = self.0.len();
        self.0.resize(start + entry.len(), 0);
        put(&mut &mut self.0[start..], entry);
    }

    pub(crate) fn finish(self) -> Option<OwnedLines> {
        (!self.0.is_empty()).then(|| OwnedLines(self.0.into()))
    }
}

impl HeldNames for OwnedLines {
    fn contains(&self, name: &str, dashed: bool) -> bool {
        self.held().any(|held| held.holds(name, dashed))
    }

    fn holds_text(&self, name: &str) -> bool {
        let mut held = self.held().filter(|held| held.holds(name, false)).peekable();
        held.peek().is_some() && held.all(|held| held.index & TEXT != 0)
    }

    fn has_lines(&self) -> bool {
        self.entries().next().is_some()
    }

    fn are_within(&self, names: &FieldNames) -> bool {
        self.held().all(|held| names.has_custom(held.name, held.index & PREFIX != 0))
    }
}

impl LineSource for OwnedLines {
    fn holds_any(&self, fields: FieldSet) -> bool {
        self.entries().any(|entry| fields.contains(entry.field()))
    }

    fn held_names(&self) -> Option<&dyn HeldNames> {
        Some(self)
    }

    fn fill<'c>(&'c self, names: &FieldNames, table: &mut Table<'c>) {
        for entry in self.entries() {
            if let Some(field) = names.find_entry(entry.field(), entry.name) {
                table.add(field, entry.value);
            }
        }
    }

    fn present(&self, names: &FieldNames) -> FieldSet {
        let fields = self.entries().filter_map(|entry| names.find_entry(entry.field(), entry.name));
        fields.fold(FieldSet::EMPTY, FieldSet::with)
    }

    fn next_line<'c>(&'c self, names: &FieldNames, field: Field, from: usize) -> Option<(usize, &'c str, &'c [u8])> {
        let mut entries = self.entries().enumerate().skip(from);
        let is_of_field = |entry: &Entry<'_>| names.find_entry(entry.field(), entry.name) == Some(field);
        let (place, entry) = entries.find(|(_, entry)| is_of_field(entry))?;
        let name = if entry.name.is_empty() { field.name().unwrap_or_default() } else { entry.name };
        Some((place + 1, name, entry.value))
    }
}
