//! `b3` and `X-B3-*`: which trace this request belongs to, in Zipkin's words.
//!
//! ```text
//! b3       = decision / trace-id "-" span-id [ "-" decision ] [ "-" parent ]      the single header
//! decision = "0" deny / "1" accept / "d" debug; none is deferred: the receiver decides
//! trace-id = 16 or 32 lower hex       span-id, parent = 16 lower hex       zeros are no id
//!
//! b3: 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90
//!
//! X-B3-TraceId: 80f198ee56343ba864fe8b2a57d3eff7        the same in several headers
//! X-B3-SpanId: e457b5a2e4d86bd1
//! X-B3-ParentSpanId: 05e3ac9a4f6e3b90
//! X-B3-Sampled: 1                                       "0" / "1"
//! X-B3-Flags: 1                                         debug, and then no X-B3-Sampled; others are ignored
//! ```
//!
//! Both encodings are read, whichever is written. The single header comes first, a bare decision in it included; one
//! that is malformed is reported, and the others count. Of lines or values that repeat, the first counts.
//!
//! Read and never written, since real senders use them: ids of the several headers whose leading zeros went (8 digits at
//! least), `true` and `false` in `X-B3-Sampled` (older than the text), `X-B3-Sampled` beside `X-B3-Flags: 1`, and
//! `trace-span-parent`. In the several headers a bad `X-B3-ParentSpanId` or `X-B3-Sampled` costs itself, not the trace:
//! a proxy that sent `X-B3-ParentSpanId: -` is known.
//!
//! A service with a span writes no parent of it; a [relay](crate::Propagator::relay) keeps the one that came. A trace id
//! that came in 16 digits goes on in 16.
//! Spec: <https://github.com/openzipkin/b3-propagation>

mod ids;
mod multi;
mod single;

pub use ids::B3Ids;
pub use multi::B3Multi;
pub use single::B3Single;

use crate::carrier::headers::Headers;
use crate::context::inject_options::OmitReason;
use crate::field::invalid::InvalidHeader;
use crate::field::{Field, FieldSet, FormatKind};
use crate::format::{Format, FormatFields, InjectContext, Parsed, Preserve, Writer};
use crate::id::sampling::Sampling;
use crate::tracestate::preserve::{self, PreserveWriter};
use crate::wire;
use crate::wire::reason::{InvalidReason, ReasonAt};

const SINGLE: FieldSet = FieldSet::of(&[Field::B3]);

const MULTI: FieldSet =
    FieldSet::of(&[Field::B3TraceId, Field::B3SpanId, Field::B3ParentSpanId, Field::B3Sampled, Field::B3Flags]);

/// B3, as Zipkin and its relatives speak it.
///
/// Each of the three reads both encodings; they differ in what they write. Whatever they write, a stale header of the
/// other encoding goes.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::formats::b3::B3;
/// use traceprop_core::{IdBits, InjectOptions, Pairs, Propagator};
///
/// let propagator = Propagator::builder().extract(B3::single()).inject(B3::multi()).build()?;
/// let request = [("b3", "80e6b5d0a9d93650-8a0ac984f71ab247-d")];
/// let span = propagator.extract(&request).new_span(&|| IdBits::random(0xb7ad_6b71_6920_3331));
///
/// let mut call = Pairs::new();
/// propagator.inject(&span, &InjectOptions::new(), &mut call);
/// assert_eq!(call.get("x-b3-traceid"), Some("80e6b5d0a9d93650"));
/// assert_eq!(call.get("x-b3-spanid"), Some("b7ad6b7169203331"));
/// assert_eq!(call.get("x-b3-flags"), Some("1"));
/// # }
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct B3 {
    single: bool,
    multi: bool,
}

impl B3 {
    /// Writes `b3`. Name `b3`.
    pub const fn single() -> Self {
        Self { single: true, multi: false }
    }

    /// Writes `X-B3-*`. Name `b3multi`.
    pub const fn multi() -> Self {
        Self { single: false, multi: true }
    }

    /// Writes both, for a fleet that is on its way from one to the other. Name `b3`.
    pub const fn both() -> Self {
        Self { single: true, multi: true }
    }
}

impl Format for B3 {
    fn name(&self) -> &str {
        if self.single { "b3" } else { "b3multi" }
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::of(FormatKind::B3).preserved_by(self)
    }

    fn extract(&self, slots: &Headers<'_>) -> Parsed {
        match slots.get(Field::B3) {
            Some(value) => match single::parse(value) {
                Ok(single) => single.reading(),
                Err(error) => odd_single(value, error, slots),
            },
            None => match read_multi(slots) {
                Ok(Some(multi)) => multi.reading(),
                Ok(None) => Parsed::absent(),
                Err(reject) => Parsed::invalid(reject).with_encoding("b3multi"),
            },
        }
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if self.single {
            inject_single(context, writer);
        }
        if self.multi {
            inject_multi(context, writer);
        }
    }

    /// Each encoding is handed on if it says by itself what is being written: of two that contradict each other only
    /// one does, and the name in the inject list chose which of them the receiver understands.
    fn forward(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let slots = context.received();
        if self.single {
            let fields = FormatFields::built_in(SINGLE);
            let received = read_single(slots).and_then(Result::ok).map(|single| single.reading());
            if !received.is_some_and(|reading| context.forward_verbatim(&reading, fields, writer)) {
                inject_single(context, writer);
            }
        }
        if self.multi {
            let fields = FormatFields::built_in(MULTI);
            let received = read_multi(slots).ok().flatten().map(|multi| {
                let mut reading = multi.reading();
                // A blank line of flags says nothing, and is not sent; one behind it does not count, and must not then.
                if slots.get(Field::B3Flags).is_some_and(|flags| wire::trim(flags).is_empty()) {
                    reading.ignore_field(InvalidHeader::new(Field::B3Flags, InvalidReason::Empty, 0));
                }
                reading
            });
            if !received.is_some_and(|reading| context.forward_verbatim(&reading, fields, writer)) {
                inject_multi(context, writer);
            }
        }
    }
}

impl Preserve for B3 {
    fn preserve(&self, context: &InjectContext<'_>, bridge: &mut PreserveWriter) {
        let letter = match context.sampling() {
            Sampling::Debug => preserve::DEBUG,
            Sampling::Deferred => preserve::DEFERRED,
            Sampling::Sampled | Sampling::NotSampled => return,
        };
        let came = || context.preserved().is_some_and(|tp| tp.item(letter).is_some());
        if context.agrees(FormatKind::B3) || came() {
            // Where longer items took all the room, the decision crosses as the flag that is nearest to it.
            let _ = bridge.item(letter, "");
        }
    }
}

#[cold]
fn odd_single(value: &[u8], error: ReasonAt, headers: &Headers<'_>) -> Parsed {
    match single::parse_first_element(value, error) {
        Ok(single) => single.reading(),
        Err(reject) => multi_behind(reject, headers),
    }
}

/// What the several headers say behind a single one that cannot be read. One reject is the outcome, another stands beside.
#[cold]
fn multi_behind(bad_single: InvalidHeader, slots: &Headers<'_>) -> Parsed {
    if !slots.contains_any(MULTI) {
        return Parsed::invalid(bad_single).with_encoding("b3");
    }
    let (mut reading, beside) = match read_multi(slots) {
        Ok(Some(multi)) => (multi.reading(), Some(bad_single)),
        Ok(None) => (Parsed::invalid(bad_single).with_encoding("b3"), None),
        Err(multi) => (Parsed::invalid(bad_single).with_encoding("b3"), Some(multi)),
    };
    if let Some(reject) = beside {
        reading.ignore_field(reject);
    }
    reading
}

fn read_single(slots: &Headers<'_>) -> Option<Result<B3Single, InvalidHeader>> {
    slots.get(Field::B3).map(B3Single::parse)
}

fn read_multi(slots: &Headers<'_>) -> Result<Option<B3Multi>, InvalidHeader> {
    B3Multi::parse(|field| slots.get(field))
}

fn inject_single(context: &InjectContext<'_>, writer: &mut Writer<'_>) {
    match due(context) {
        Some(single) => writer.write_ascii(Field::B3, single.write_bytes(&mut [0; B3Single::MAX_LEN])),
        None => omit(context, Field::B3, writer),
    }
}

fn inject_multi(context: &InjectContext<'_>, writer: &mut Writer<'_>) {
    match due(context) {
        Some(single) => B3Multi::from(single).write(|field, value| writer.write_ascii(field, value.as_bytes())),
        None => omit(context, Field::B3SpanId, writer),
    }
}

/// What is to be said in the canonical form, whichever encoding it goes out in.
fn due(context: &InjectContext<'_>) -> Option<B3Single> {
    let Some((trace_id, span_id)) = context.ids() else {
        // A trace without a span cannot be said, and a decision beside it would be taken for one on a new trace.
        return if context.trace_id().is_none() { B3Single::from_sampling(context.sampling()) } else { None };
    };
    let mut ids = B3Ids::new(trace_id, span_id);
    // Nothing that came can matter to the child of a trace id that needs all of its digits.
    let matters = context.is_passthrough() || trace_id.high() == 0;
    let received = if matters { received_ids(context.received()) } else { None };
    if let Some(received) = received.filter(|received| received.trace_id() == trace_id) {
        if received.is_64_bit() {
            ids = ids.with_64_bit_trace_id();
        }
        // The parent of a span made here is in that span's own report; OpenTelemetry's text forbids to send it along.
        if context.is_passthrough() && received.span_id() == span_id {
            ids = ids.with_parent_span_id(received.parent_span_id());
        }
    }
    Some(B3Single::new(ids, context.sampling()))
}

/// The ids in B3's own lines: only there stands how wide a trace id was, and who is the parent of the sender's span.
fn received_ids(slots: &Headers<'_>) -> Option<B3Ids> {
    match read_single(slots) {
        Some(Ok(single)) => single.ids(),
        _ => read_multi(slots).ok().flatten().and_then(|multi| multi.ids()),
    }
}

fn omit(context: &InjectContext<'_>, field: Field, writer: &mut Writer<'_>) {
    if context.trace_id().is_some() {
        writer.omit(field, OmitReason::NoSpanId, 1);
    }
}
