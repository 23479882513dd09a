//! `b3` and `X-B3-*`: the trace context of Zipkin.
//!
//! ```text
//! b3       = decision / trace-id "-" span-id [ "-" decision ] [ "-" parent ]      the single header
//! decision = "0" deny / "1" accept / "d" debug; none is deferred: the receiver decides
//! trace-id = 16 or 32 lower hex       span-id, parent = 16 lower hex       all zeros: invalid, or no parent
//!
//! b3: 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90
//!
//! X-B3-TraceId: 80f198ee56343ba864fe8b2a57d3eff7        several headers
//! X-B3-SpanId: e457b5a2e4d86bd1
//! X-B3-ParentSpanId: 05e3ac9a4f6e3b90
//! X-B3-Sampled: 1                                       "0" / "1"
//! X-B3-Flags: 1                                         debug, replaces X-B3-Sampled; other flags are ignored
//! ```
//!
//! Both encodings are read, whichever one is written. The single header has precedence. If it has only a decision, the ids
//! are those of the several headers: Envoy sends both. If it is invalid, it is reported and the several headers are used.
//! Of repeated lines or values the first counts.
//!
//! Some senders deviate from the specification, so these are read and never written:
//!
//! - ids in the several headers without their leading zeros (at least 8 digits),
//! - `true` and `false` in `X-B3-Sampled`,
//! - `X-B3-Sampled` in addition to `X-B3-Flags: 1`,
//! - `trace-span-parent` without a decision.
//!
//! An invalid `X-B3-ParentSpanId` or `X-B3-Sampled` is ignored, and the ids are used: some proxies send
//! `X-B3-ParentSpanId: -`.
//!
//! A service with a span of its own writes no parent; a [passthrough](crate::Extraction::passthrough) keeps the received
//! one. A trace id that was received with 16 digits is written with 16 digits.
//!
//! ```
//! use traceprop_core::{Propagator, Sampling, formats::b3::B3};
//!
//! let propagator = Propagator::builder().with_format(B3::single()).build()?;
//! let request = [("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-d")];
//! assert_eq!(propagator.extract(&request).sampling(), Sampling::Debug);
//! # Ok::<(), traceprop_core::ConfigError>(())
//! ```
//!
//! Spec: <https://github.com/openzipkin/b3-propagation>

mod ids;
mod multi;
mod single;

pub use ids::B3Ids;
pub use multi::B3Multi;
pub use single::B3Single;

use crate::carrier::Headers;
use crate::context::RemoteContext;
use crate::field::{Field, FieldSet, FormatKind, InvalidHeader};
use crate::format::{
    Format, FormatFields, InjectContext, Outcome, Parsed, Preserve, Writer, keep_decision, keep_deferred,
};
use crate::id::Sampling;
use crate::tracestate::preserve::{self, PreserveWriter};
use crate::wire::{self, InvalidReason, ReasonAt};

const SINGLE: FieldSet = FieldSet::of(&[Field::B3]);

const MULTI: FieldSet =
    FieldSet::of(&[Field::B3TraceId, Field::B3SpanId, Field::B3ParentSpanId, Field::B3Sampled, Field::B3Flags]);

/// The B3 format, which writes one encoding or both.
///
/// Each constructor gives a format that reads both encodings. Injecting removes stale headers of the encoding that is not
/// written.
///
/// # Examples
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
    sampled_beside_debug: bool,
}

impl B3 {
    /// Creates a format that writes `b3`. Its name is `b3`.
    pub const fn single() -> Self {
        Self { single: true, multi: false, sampled_beside_debug: false }
    }

    /// Creates a format that writes `X-B3-*`. Its name is `b3multi`.
    pub const fn multi() -> Self {
        Self { single: false, multi: true, sampled_beside_debug: false }
    }

    /// Creates a format that writes `b3` and `X-B3-*`, for a fleet that migrates between them. Its name is `b3`.
    pub const fn both() -> Self {
        Self { single: true, multi: true, sampled_beside_debug: false }
    }

    /// Writes `X-B3-Sampled: 1` in addition to `X-B3-Flags: 1`.
    ///
    /// The specification has the flags alone. The Jaeger clients of Go, Java and Python and OpenCensus read those as not
    /// sampled, and Datadog reads no decision. Every reader understands both headers together.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use traceprop_core::formats::b3::B3;
    /// use traceprop_core::{InjectOptions, Pairs, Propagator};
    ///
    /// let b3 = B3::multi().with_sampled_beside_debug();
    /// let propagator = Propagator::builder().with_format(b3).build()?;
    /// let request = [("b3", "d")];
    /// let mut headers = Pairs::new();
    /// propagator.inject(propagator.extract(&request).passthrough(), &InjectOptions::new(), &mut headers);
    /// assert_eq!((headers.get("x-b3-flags"), headers.get("x-b3-sampled")), (Some("1"), Some("1")));
    /// # }
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub const fn with_sampled_beside_debug(self) -> Self {
        Self { sampled_beside_debug: true, ..self }
    }

    fn inject_multi(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if let Some(single) = outgoing(context, Field::B3SpanId, writer) {
            let headers = B3Multi::from(single);
            let headers = if self.sampled_beside_debug { headers.with_sampled_beside_debug() } else { headers };
            headers.write(|field, value| writer.write_ascii(field, value.as_bytes()));
        }
    }
}

impl Format for B3 {
    fn name(&self) -> &str {
        if self.single { "b3" } else { "b3multi" }
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields { preserve: Some(self), ..FormatFields::of(FormatKind::B3) }
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        match headers.get(Field::B3) {
            Some(value) => match single::parse(value) {
                Ok(single) if single.ids().is_none() => joint_or_single(&single, headers),
                Ok(single) => single.parsed(),
                Err(error) => odd_single(value, error, headers),
            },
            None => match read_multi(headers) {
                Ok(Some(multi)) => multi.parsed(),
                Ok(None) => Parsed::absent(),
                Err(invalid) => Parsed::invalid(invalid).with_encoding("b3multi"),
            },
        }
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if self.single {
            inject_single(context, writer);
        }
        if self.multi {
            self.inject_multi(context, writer);
        }
    }

    // Two received encodings can contradict each other. Each is forwarded if it agrees with the context by itself.
    fn forward(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if forward_both(context, writer) {
            return;
        }
        if !forward_single(context, writer) && self.single {
            inject_single(context, writer);
        }
        if !forward_multi(context, writer) && self.multi {
            self.inject_multi(context, writer);
        }
    }

    // If the encodings are not read jointly, either of them or both are forwarded.
    fn forward_lines(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) -> bool {
        forward_both(context, writer) || forward_single(context, writer) | forward_multi(context, writer)
    }
}

impl Preserve for B3 {
    fn encoding(&self, name: &str) -> Option<&'static dyn Format> {
        static ENCODINGS: [B3; 2] = [B3::single(), B3::multi()];
        let format = ENCODINGS.iter().find(|format| format.name() == name)?;
        Some(format)
    }

    fn preserve(&self, context: &InjectContext<'_>, writer: &mut PreserveWriter) {
        match context.sampling() {
            Sampling::Debug => keep_decision(context, FormatKind::B3, preserve::DEBUG, writer),
            _ => keep_deferred(context, FormatKind::B3, writer),
        }
    }
}

/// Reads a valid single header. If it has only a decision and the several headers have ids, as Envoy 1.39 sends them, the
/// decision is that of their trace.
#[cold]
fn joint_or_single(single: &B3Single, headers: &Headers<'_>) -> Parsed {
    joint(single, headers).unwrap_or_else(|| single.parsed())
}

/// Returns the ids of the several headers with the decision of a single one that has no ids.
fn joint(single: &B3Single, headers: &Headers<'_>) -> Option<Parsed> {
    if single.ids().is_some() {
        return None;
    }
    let multi = read_multi(headers).ok()??;
    let Outcome::Context(context) = multi.parsed().outcome() else { return None };
    let outcome = Outcome::Context(RemoteContext { sampling: single.sampling(), ..context });
    Some(Parsed { outcome, ..multi.parsed() })
}

/// Forwards a decision and the ids that it is for.
fn forward_both(context: &InjectContext<'_>, writer: &mut Writer<'_>) -> bool {
    let headers = context.received();
    let joint = read_single(headers).and_then(Result::ok).and_then(|single| joint(&single, headers));
    let fields = FormatFields::built_in(SINGLE.union(MULTI));
    joint.is_some_and(|parsed| context.forward_verbatim(&without_blank_flags(parsed, headers), fields, writer))
}

fn forward_single(context: &InjectContext<'_>, writer: &mut Writer<'_>) -> bool {
    let received = read_single(context.received()).and_then(Result::ok).map(|single| single.parsed());
    received.is_some_and(|parsed| context.forward_verbatim(&parsed, FormatFields::built_in(SINGLE), writer))
}

fn forward_multi(context: &InjectContext<'_>, writer: &mut Writer<'_>) -> bool {
    let headers = context.received();
    let received = read_multi(headers).ok().flatten().map(|multi| without_blank_flags(multi.parsed(), headers));
    received.is_some_and(|parsed| context.forward_verbatim(&parsed, FormatFields::built_in(MULTI), writer))
}

/// Ignores a blank flags line, so it is not forwarded. A second flags line is not forwarded either: it did not count here,
/// but the next reader would use it.
fn without_blank_flags(mut parsed: Parsed, headers: &Headers<'_>) -> Parsed {
    if headers.get(Field::B3Flags).is_some_and(|flags| wire::trim(flags).is_empty()) {
        parsed.ignore_field(InvalidHeader::new(Field::B3Flags, InvalidReason::Empty, 0));
    }
    parsed
}

#[cold]
fn odd_single(value: &[u8], error: ReasonAt, headers: &Headers<'_>) -> Parsed {
    let single = single::parse_first_element(value, error);
    single.map_or_else(|invalid| multi_after(invalid, headers), |single| joint_or_single(&single, headers))
}

/// Reads the several headers after an invalid single one. If they are invalid too, the single one is the outcome.
#[cold]
fn multi_after(bad_single: InvalidHeader, headers: &Headers<'_>) -> Parsed {
    let single = Parsed::invalid(bad_single).with_encoding("b3");
    if !headers.contains_any(MULTI) {
        return single;
    }
    let (parsed, second) = match read_multi(headers) {
        Ok(Some(multi)) => (multi.parsed(), Some(bad_single)),
        other => (single, other.err()),
    };
    parsed.with_ignored(second)
}

fn read_single(headers: &Headers<'_>) -> Option<Result<B3Single, InvalidHeader>> {
    headers.get(Field::B3).map(B3Single::parse)
}

fn read_multi(headers: &Headers<'_>) -> Result<Option<B3Multi>, InvalidHeader> {
    B3Multi::parse(|field| headers.get(field))
}

fn inject_single(context: &InjectContext<'_>, writer: &mut Writer<'_>) {
    if let Some(single) = outgoing(context, Field::B3, writer) {
        writer.write_ascii(Field::B3, single.write_bytes(&mut [0; B3Single::MAX_LEN]));
    }
}

/// Returns the ids and the decision to write, in either encoding. `None` if there is nothing to write, which is reported
/// for `field` if the span id is missing.
fn outgoing(context: &InjectContext<'_>, field: Field, writer: &mut Writer<'_>) -> Option<B3Single> {
    let Some((trace_id, span_id)) = context.ids_or_omit(field, writer) else {
        // B3 has no form for a trace without a span. Receivers would apply a decision alone to a new trace.
        return if context.trace_id().is_none() { B3Single::from_sampling(context.sampling()) } else { None };
    };
    let mut ids = B3Ids::new(trace_id, span_id);
    // The span of a passthrough may have a parent. A span of this service needs only the width of the trace id.
    let matters = context.is_passthrough() || trace_id.high() == 0;
    let received = if matters { received_ids(context.received()) } else { None };
    if let Some(received) = received.filter(|received| received.trace_id() == trace_id) {
        if received.is_64_bit() {
            ids = ids.with_64_bit_trace_id();
        }
        // A span's own report has its parent, and OpenTelemetry's specification forbids sending it.
        if context.is_passthrough() && received.span_id() == span_id {
            ids = ids.with_parent_span_id(received.parent_span_id());
        }
    }
    Some(B3Single::new(ids, context.sampling()))
}

/// Returns the ids of the received B3 headers. Only these have the width of the trace id and the parent span id.
fn received_ids(headers: &Headers<'_>) -> Option<B3Ids> {
    let single = read_single(headers).and_then(Result::ok).and_then(|single| single.ids());
    single.or_else(|| read_multi(headers).ok().flatten().and_then(|multi| multi.ids()))
}
