//! `x-datadog-*`, and Datadog's `dd` member of a tracestate: which trace this request belongs to, in Datadog's words.
//!
//! ```text
//! x-datadog-trace-id           decimal, 1 to 2^64-1: the lower half      x-datadog-origin   printable ASCII
//! x-datadog-parent-id          decimal, 0 is none                        x-datadog-tags     pair *( "," pair ), 512 bytes
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
//! There is no public specification: this is what most of the tracers do, and the safer reading where they differ. The
//! tag `tid` is the upper half of the trace id. Without a priority the receiver decides. An unreadable parent, priority
//! or tag costs itself, since the id is what holds a trace together; an unreadable trace id is the end of the context.
//! Ids and priorities that are repeated or joined by a comma (two agents on a page do that) are no numbers. Blanks
//! around numbers and pairs are cut off.
//! Docs: <https://docs.datadoghq.com/tracing/trace_collection/trace_context_propagation/>

mod error;
mod headers;
mod item;
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
mod write;

pub use error::PropagationError;
pub use headers::{DatadogHeaders, MAX_ORIGIN_LEN};
#[cfg(feature = "alloc")]
pub use parts::DatadogParts;
pub use tag::{DatadogTag, MAX_TAGS_LEN, TAG_PREFIX};
pub use tags::{DatadogTags, DatadogTagsIter};
pub use text::{DatadogLastSpan, DatadogText};
pub use trace_state::DatadogTraceState;
pub use view::DatadogView;
pub(crate) use view::Now;

use crate::carrier::headers::Headers;
use crate::field::FormatKind;
use crate::format::{Format, FormatFields, InjectContext, Outcome, Parsed, Writer};
use crate::tracestate::preserve::BridgeWriter;

/// Datadog's headers, and its member of a tracestate. Name `datadog`.
#[derive(Clone, Copy, Debug)]
pub struct Datadog {
    max_tags_len: u16,
    keep_tid: bool,
    reports_spans: bool,
}

impl Datadog {
    /// The format as the tracers have it, for a service that reports its spans elsewhere or nowhere.
    pub const fn new() -> Self {
        Self { max_tags_len: MAX_TAGS_LEN as u16, keep_tid: false, reports_spans: false }
    }

    /// Writes an `x-datadog-tags` of at most this many bytes; 0 writes none. More than [`MAX_TAGS_LEN`] counts as
    /// that, since no tracer reads more. The tracers call it `DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH`.
    pub const fn max_tags_len(mut self, bytes: usize) -> Self {
        self.max_tags_len = if bytes < MAX_TAGS_LEN { bytes as u16 } else { MAX_TAGS_LEN as u16 };
        self
    }

    /// Where the tags cannot go out whole, lets the upper half of the trace id and the decision maker go out alone. The
    /// tracers write nothing then, which splits the trace in two.
    pub const fn keep_tid(mut self) -> Self {
        self.keep_tid = true;
        self
    }

    /// Says that the spans of this service are reported to Datadog. The `dd` member then names them as the last ones
    /// there; else it keeps the one that it named, so that Datadog finds the parent of what comes after.
    pub const fn reports_spans(mut self) -> Self {
        self.reports_spans = true;
        self
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
        FormatFields::of(FormatKind::Datadog)
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        let mut parsed = Parsed::new(Outcome::Absent);
        match DatadogHeaders::parse(headers, &mut parsed) {
            Ok(None) => parsed,
            Ok(Some(headers)) => parsed.with_outcome(Outcome::Context(headers.context())).plain(),
            Err(invalid) => Parsed::invalid(invalid),
        }
    }

    fn forward(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let reading = self.extract(context.received());
        let whole = reading.ignored().all(|reject| reading.ignored_fields().contains(reject.field()));
        // Tags of which one was turned down go on without it.
        if !whole || !context.forward_verbatim(&reading, self.fields(), writer) {
            self.inject(context, writer);
        }
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        self.write_headers(context, writer);
    }

    fn bridge(&self, context: &InjectContext<'_>, bridge: &mut BridgeWriter) {
        self.write_member(context, bridge);
    }
}
