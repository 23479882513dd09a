//! `uber-trace-id`, `uberctx-*`, `jaeger-baggage` and `jaeger-debug-id`: which trace this request belongs to, and what
//! travels with it, in Jaeger's words.
//!
//! ```text
//! uber-trace-id  = trace-id ":" span-id ":" parent-id ":" flags
//! trace-id       = 1*32 hex, not all "0"      span-id = 1*16 hex, not all "0"      parent-id = deprecated, "0"
//! flags          = 1*2 hex: 1 sampled, 2 debug (only with sampled), 8 firehose
//! uberctx-KEY    = value                      one line an item, percent-encoded
//! jaeger-baggage = item *( "," item )         item = key "=" value
//! jaeger-debug-id = value                     only where there is no trace: asks for a debug root
//!
//! uber-trace-id: 4ca67353d824b44b41c156cf264ca243:5688d53247ceefc7:0:1
//! uberctx-tenant: acme%20inc
//! ```
//!
//! Beyond the grammar these are read, because clients in old fleets write them: capitals; `%3A` for every colon (Java);
//! anything in the field of the parent id, which says nothing any more. Short ids are no mistake: the Python and Node
//! clients strip zeros on the left. A second value, on a line of its own or behind a comma, makes the header invalid.
//!
//! Jaeger has no word for "nobody has decided": it is written `0`, and a `0` does not fill in a decision that another
//! format left open. Between W3C and Jaeger only the sampled bit maps.
//! Spec: <https://www.jaegertracing.io/sdk-migration/#propagation-format>

mod baggage;
mod debug_id;
mod flags;
mod header;
mod item;
mod outgoing;
mod view;
mod write;

pub use baggage::JaegerBaggage;
pub use debug_id::JaegerDebugId;
pub use flags::JaegerFlags;
pub use header::UberTraceId;
pub use item::JaegerBaggageItem;
pub use view::JaegerView;
#[cfg(feature = "alloc")]
pub(crate) use write::{allowed_baggage, baggage_line};

use crate::carrier::headers::Headers;
use crate::context::inject_options::OmitReason;
use crate::field::{Field, FormatKind};
use crate::format::{Format, FormatFields, InjectContext, Parsed, Preserve, Writer};
use crate::id::sampling::Sampling;
use crate::tracestate::preserve::{self, PreserveWriter};
use crate::wire::buffer::StackText;
use outgoing::FLAGS_ITEM;

/// Jaeger: `uber-trace-id`, `uberctx-*`, `jaeger-baggage`, `jaeger-debug-id`. Name `jaeger`.
///
/// Its baggage is read through [`JaegerBaggage`], and goes out as far as
/// [`InjectOptions::allow_baggage`](crate::InjectOptions::allow_baggage) lets it.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{formats::jaeger::Jaeger, InjectOptions, Propagator, Sampling};
///
/// static JAEGER: Jaeger = Jaeger::new();
/// let propagator = Propagator::builder().extract(&JAEGER).inject(&JAEGER).build()?;
///
/// // A short id, and flags that say sampled, debug and firehose.
/// let request = [("uber-trace-id", "41c156cf264ca243:5688d53247ceefc7:0:b")];
/// let extraction = propagator.extract(&request);
/// let caller = extraction.context().ok_or("a context came")?;
/// assert_eq!(caller.sampling, Sampling::Debug);
///
/// let mut headers: Vec<(String, String)> = Vec::new();
/// let call = extraction.span_with_ids(caller.trace_id, "b7ad6b7169203331".parse()?);
/// propagator.inject(&call, &InjectOptions::new(), &mut headers);
/// assert_eq!(headers[0].1, "000000000000000041c156cf264ca243:b7ad6b7169203331:0:b");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Jaeger {
    w3c_baggage: bool,
}

impl Jaeger {
    /// The format as the clients speak it.
    pub const fn new() -> Self {
        Self { w3c_baggage: false }
    }

    /// Writes the members of a W3C `baggage` as `uberctx-*` lines too, where the propagator reads or writes baggage.
    ///
    /// Keys lose their letter case on the way, and members their properties. An item that came in Jaeger's own headers
    /// stands before a member with its key.
    pub const fn with_w3c_baggage(mut self) -> Self {
        self.w3c_baggage = true;
        self
    }
}

impl Format for Jaeger {
    fn name(&self) -> &str {
        "jaeger"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::of(FormatKind::Jaeger).preserved_by(self)
    }

    /// Baggage is not looked at: it never decides what becomes of the trace.
    fn extract(&self, slots: &Headers<'_>) -> Parsed {
        match (UberTraceId::read(slots), JaegerDebugId::read(slots)) {
            (Some(Ok(header)), _) => {
                let reading = Parsed::context(header.context());
                // 0 is also what a sender writes that has not decided.
                if header.flags.is_sampled() { reading } else { reading.implicit_sampling() }
            }
            (None, Some(Ok(_))) => Parsed::sampling_only(Sampling::Debug),
            (Some(Err(reject)), _) | (None, Some(Err(reject))) => Parsed::invalid(reject),
            (None, None) => Parsed::absent(),
        }
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let Some((trace_id, span_id)) = context.ids() else {
            if context.trace_id().is_some() {
                writer.omit(Field::UberTraceId, OmitReason::NoSpanId, 1);
            }
            return;
        };
        let header = UberTraceId::new(trace_id, span_id, outgoing::flags(context));
        writer.write_ascii(Field::UberTraceId, header.write_bytes(&mut [0; UberTraceId::MAX_LEN]));
    }

    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        write::baggage(context, self.w3c_baggage, writer);
    }
}

impl Preserve for Jaeger {
    fn preserve(&self, context: &InjectContext<'_>, writer: &mut PreserveWriter) {
        // A context that was put together here has no supplier, and none of its words came in a header.
        let was_read = context.source.received.primary.is_some() && context.agrees(FormatKind::Jaeger);
        let crossed = if was_read { None } else { context.preserved() };
        let has = |letter| was_read || crossed.is_some_and(|tp| tp.item(letter).is_some());
        if has(FLAGS_ITEM) {
            let flags = outgoing::flags(context);
            if flags.says_more_than_sampled() {
                let mut digits = StackText::<2>::new();
                // A byte has two digits at most.
                let _ = core::fmt::write(&mut digits, format_args!("{flags}"));
                writer.item(FLAGS_ITEM, digits.as_str());
            }
        }
        if context.sampling() == Sampling::Debug {
            let wished = matches!(JaegerDebugId::read(context.received()), Some(Ok(_)));
            if wished || has(FLAGS_ITEM) || has(preserve::DEBUG) {
                writer.item(preserve::DEBUG, "");
            }
        }
    }
}
