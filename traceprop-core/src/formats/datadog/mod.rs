//! `x-datadog-*`, and Datadog's `dd` member of a tracestate: the trace this request belongs to.
//!
//! ```text
//! x-datadog-trace-id           decimal, 1 to 2^64-1: the lower half      x-datadog-origin   printable ASCII
//! x-datadog-parent-id          decimal, 0 means no parent                x-datadog-tags     pair *( "," pair ), 512 bytes
//! x-datadog-sampling-priority  decimal of 32 bits; above 0 keeps         pair = "_dd.p." name "=" value
//! dd                           item *( ";" item ): s:priority, o:origin, p:last span, t.name:value
//!
//! x-datadog-trace-id: 8135627190345512087
//! x-datadog-parent-id: 4611686018427387905
//! x-datadog-sampling-priority: 2
//! x-datadog-origin: synthetics
//! x-datadog-tags: _dd.p.tid=66c1f3a000000000,_dd.p.dm=-4
//! tracestate: dd=s:2;o:synthetics;p:4000000000000001;t.dm:-4
//! ```
//!
//! There is no public specification. This module does what most tracers do, and takes the safer reading where they differ.
//! The tag `tid` is the upper half of the trace id. Without a priority the receiver decides.
//!
//! An invalid parent, priority or tag is ignored alone, since the trace id is what holds a trace together. An invalid trace
//! id makes the context invalid. Ids and priorities that are repeated or joined by a comma are invalid: two agents on a
//! page send such values. Blanks around numbers and pairs are ignored.
//! Docs: <https://docs.datadoghq.com/tracing/trace_collection/trace_context_propagation/>
//!
//! ```
//! use traceprop_core::Propagator;
//!
//! let propagator = Propagator::from_names("datadog", "datadog")?;
//! let request = [("x-datadog-trace-id", "8135627190345512087"), ("x-datadog-sampling-priority", "2")];
//! let extraction = propagator.extract(&request);
//! assert_eq!(extraction.context().expect("a trace id").trace_id.low(), 8135627190345512087);
//! assert_eq!(extraction.datadog().priority(), Some(2));
//! # Ok::<(), traceprop_core::ConfigError>(())
//! ```

mod error;
mod headers;
mod headers_write;
mod pairs;
#[cfg(feature = "alloc")]
mod parts;
mod plain_tags;
mod tag;
mod tags;
mod text;
mod trace_state;
mod trace_state_write;
mod view;

pub use error::PropagationError;
pub use headers::{DatadogHeaders, MAX_ORIGIN_LEN};
#[cfg(feature = "alloc")]
pub use parts::DatadogParts;
pub use tag::{DatadogTag, MAX_TAGS_LEN, TAG_PREFIX};
pub use tags::{DatadogTags, DatadogTagsIter};
pub use text::{DatadogLastSpan, DatadogText};
pub use trace_state::DatadogTraceState;
pub(crate) use view::CurrentContext;
pub use view::DatadogView;

use crate::carrier::Headers;
use crate::field::{Field, FormatKind};
use crate::format::{Format, FormatFields, InjectContext, Outcome, Parsed, Preserve, Writer, write_prefixed_baggage};
use crate::tracestate::preserve::PreserveWriter;

/// The Datadog format: its headers, and its `dd` member of a tracestate. Its name is `datadog`.
///
/// ```
/// use traceprop_core::formats::datadog::Datadog;
/// use traceprop_core::{InjectOptions, Pairs, Propagator, Sampling, SpanContext, SpanId, TraceId};
///
/// let propagator = Propagator::builder().extract_none().inject(Datadog::new().reports_spans()).build()?;
/// let span = SpanContext::new(TraceId::MIN, SpanId::MIN).with_sampling(Sampling::Sampled);
/// let mut headers = Pairs::new();
/// propagator.inject(&span, &InjectOptions::new(), &mut headers);
/// assert_eq!(headers.get("x-datadog-sampling-priority"), Some("1"));
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Datadog {
    max_tags_len: u16,
    keep_tid: bool,
    reports_spans: bool,
    ot_baggage: bool,
}

impl Datadog {
    /// Creates the format for a service that does not report its spans to Datadog.
    pub const fn new() -> Self {
        Self { max_tags_len: MAX_TAGS_LEN as u16, keep_tid: false, reports_spans: false, ot_baggage: false }
    }

    /// Limits `x-datadog-tags` to this many bytes; 0 omits it.
    ///
    /// Defaults to [`MAX_TAGS_LEN`], which is also the maximum, since no tracer reads more. The tracers call it
    /// `DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH`.
    pub const fn max_tags_len(self, bytes: usize) -> Self {
        Self { max_tags_len: if bytes < MAX_TAGS_LEN { bytes as u16 } else { MAX_TAGS_LEN as u16 }, ..self }
    }

    /// Keeps the upper half of the trace id and the decision maker if the other tags cannot be written.
    ///
    /// The tracers omit all tags then, which splits the trace in two.
    pub const fn keep_tid(self) -> Self {
        Self { keep_tid: true, ..self }
    }

    /// Declares that this service reports its spans to Datadog.
    ///
    /// The `dd` member then names its span as the last one reported. By default the member keeps the received span, so
    /// that Datadog finds the parent of later spans.
    pub const fn reports_spans(self) -> Self {
        Self { reports_spans: true, ..self }
    }

    /// Also writes `ot-baggage-*`: the received items, as far as [`InjectOptions`](crate::InjectOptions) allow them.
    ///
    /// The tracers of JavaScript and Go send these headers in every style. They are always read, see
    /// [`Extraction::ot_baggage`](crate::Extraction::ot_baggage).
    pub const fn with_ot_baggage(self) -> Self {
        Self { ot_baggage: true, ..self }
    }
}

impl Default for Datadog {
    fn default() -> Self {
        Self::new()
    }
}

impl Format for Datadog {
    fn name(&self) -> &str {
        "datadog"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields { preserve: Some(self), ..FormatFields::of(FormatKind::Datadog) }
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        let mut parsed = Parsed::new(Outcome::Absent);
        match DatadogHeaders::parse(headers, &mut parsed) {
            Ok(None) => parsed,
            Ok(Some(headers)) => Parsed { outcome: Outcome::Context(headers.context()), ..parsed },
            Err(invalid) => Parsed::invalid(invalid),
        }
    }

    /// Writes the received lines unless an invalid tag is among them: those are written anew, without it.
    fn forward_lines(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) -> bool {
        let parsed = self.extract(context.received());
        let is_whole = parsed.ignored().all(|invalid| parsed.ignored_fields().contains(invalid.field()));
        is_whole && context.forward_verbatim(&parsed, self.fields(), writer)
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        self.write_headers(context, writer);
    }

    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if self.ot_baggage {
            write_prefixed_baggage(context, Field::OtBaggage, writer);
        }
    }
}

impl Preserve for Datadog {
    fn adds_always(&self) -> bool {
        self.reports_spans
    }

    fn preserve(&self, context: &InjectContext<'_>, writer: &mut PreserveWriter) {
        self.write_member(context, writer);
    }
}
