//! `uber-trace-id`, `uberctx-*`, `jaeger-baggage` and `jaeger-debug-id`: trace context and baggage of Jaeger's clients.
//!
//! ```text
//! uber-trace-id  = trace-id ":" span-id ":" parent-id ":" flags
//! trace-id       = 1*32 hex, not all "0"      span-id = 1*16 hex, not all "0"      parent-id = deprecated, "0"
//! flags          = 1*2 hex: 1 sampled, 2 debug (only with sampled), 8 firehose
//! uberctx-KEY    = value                      one line per item, percent-encoded
//! jaeger-baggage = item *( "," item )         item = key "=" value
//! jaeger-debug-id = value                     only without a trace: requests a new debug trace
//!
//! uber-trace-id: 4ca67353d824b44b41c156cf264ca243:5688d53247ceefc7:0:1
//! uberctx-tenant: acme%20inc
//! ```
//!
//! Old clients deviate from the grammar, so these are read and never written:
//!
//! - uppercase hex digits,
//! - `%3A` for every colon (the Java client),
//! - any text in the deprecated field of the parent id.
//!
//! Short ids are valid: the Python and Node.js clients strip zeros on the left. A second value that differs, on a line of
//! its own or after a comma, makes the header invalid.
//!
//! Jaeger cannot express an undecided trace. `Deferred` is written as `0`, and a received `0` does not fill in a decision
//! that another format left open. W3C and Jaeger share only the sampled bit.
//!
//! ```
//! use traceprop_core::formats::jaeger::UberTraceId;
//!
//! let header = UberTraceId::parse(b"4ca67353d824b44b41c156cf264ca243:5688d53247ceefc7:0:1")?;
//! assert!(header.flags.is_sampled());
//! # Ok::<(), traceprop_core::InvalidHeader>(())
//! ```
//!
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
pub(crate) use write::{baggage_line, filter_text};

use crate::carrier::Headers;
use crate::field::{Field, FormatKind};
use crate::format::{Format, FormatFields, InjectContext, Parsed, Preserve, Writer};
use crate::id::Sampling;
use crate::tracestate::preserve::{self, PreserveWriter};
use crate::wire::StackText;
use outgoing::FLAGS_ITEM;

/// The Jaeger format, named `jaeger`.
///
/// [`JaegerBaggage`] reads its baggage. [`InjectOptions::allow_baggage`](crate::InjectOptions::allow_baggage) limits the
/// baggage that is written.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{formats::jaeger::Jaeger, InjectOptions, Propagator, Sampling};
///
/// static JAEGER: Jaeger = Jaeger::new();
/// let propagator = Propagator::builder().extract(&JAEGER).inject(&JAEGER).build()?;
///
/// // A trace id without leading zeros, and the flags sampled, debug and firehose.
/// let request = [("uber-trace-id", "41c156cf264ca243:5688d53247ceefc7:0:b")];
/// let extraction = propagator.extract(&request);
/// let caller = extraction.context().ok_or("the request has a context")?;
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
    /// Creates the format as the Jaeger clients implement it.
    pub const fn new() -> Self {
        Self { w3c_baggage: false }
    }

    /// Also writes the members of W3C `baggage` as `uberctx-*` lines, if the propagator reads or writes baggage.
    ///
    /// Keys become lower case, and properties are omitted. An item of Jaeger's own headers has precedence over a member
    /// with its key.
    pub const fn with_w3c_baggage(self) -> Self {
        Self { w3c_baggage: true }
    }
}

impl Format for Jaeger {
    fn name(&self) -> &str {
        "jaeger"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields { preserve: Some(self), ..FormatFields::of(FormatKind::Jaeger) }
    }

    // Baggage is not read here: it has no influence on the trace.
    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        match (UberTraceId::read(headers), JaegerDebugId::read(headers)) {
            // A sender without a decision writes 0 too.
            (Some(Ok(header)), _) => Parsed::context(header.context()).implicit_if(!header.flags.is_sampled()),
            (None, Some(Ok(_))) => Parsed::sampling_only(Sampling::Debug),
            (Some(Err(invalid)), _) | (None, Some(Err(invalid))) => Parsed::invalid(invalid),
            (None, None) => Parsed::absent(),
        }
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let Some((trace_id, span_id)) = context.ids_or_omit(Field::UberTraceId, writer) else {
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
        // A context that was created here has no source format, and none of its data was received in a header.
        let was_read = context.source.received.primary.is_some() && context.agrees(FormatKind::Jaeger);
        let preserved = if was_read { None } else { context.preserved() };
        let has = |letter| was_read || preserved.is_some_and(|tp| tp.item(letter).is_some());
        if has(FLAGS_ITEM) {
            let flags = outgoing::flags(context);
            if flags.has_more_than_sampled() {
                let mut digits = StackText::<2>::new();
                // Cannot fail: a byte has at most two digits.
                let _ = core::fmt::write(&mut digits, format_args!("{flags}"));
                writer.item(FLAGS_ITEM, digits.as_str());
            }
        }
        if context.sampling() == Sampling::Debug {
            let is_requested = matches!(JaegerDebugId::read(context.received()), Some(Ok(_)));
            if is_requested || has(FLAGS_ITEM) || has(preserve::DEBUG) {
                writer.item(preserve::DEBUG, "");
            }
        }
    }
}
