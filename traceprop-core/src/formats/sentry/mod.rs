//! `sentry-trace` and the `sentry-*` members of `baggage`: the trace context of Sentry's SDKs.
//!
//! ```text
//! sentry-trace = trace-id "-" span-id [ "-" [ decision ] ] / decision
//! trace-id     = 32 lower hex, not all zeros      span-id = 16 lower hex, not all zeros
//! decision     = "0" / "1"                        none is deferred
//! baggage      = "sentry-" key "=" value          percent-encoded, next to members of others
//!
//! sentry-trace: 2f90b30075b9669ae69a7feb163cc8e5-e57dddd84dceff9a-1
//! baggage: sentry-trace_id=2f90b30075b9669ae69a7feb163cc8e5,sentry-environment=prod,sentry-sample_rate=0.25
//! ```
//!
//! Of several lines, or of several values that a comma joins, the first counts. A decision alone is read and never made.
//!
//! The members are the dynamic sampling context. The head of a trace makes it, and it is frozen: it goes on as received, or
//! not at all. It is sent if [`InjectOptions::allow_baggage`](crate::InjectOptions::allow_baggage) allows each of its keys
//! and if it fits. It is dropped if it names another trace, and where the caller does not decide about sampling
//! ([`Trust`](crate::Trust)). A trace that begins here has none, which a receiver takes for a frozen empty one.
//!
//! Sentry's SDKs do not continue a trace of another organisation: see [`Sentry::org_id`].
//!
//! In the environment of a process the headers are `SENTRY_TRACE` and `SENTRY_BAGGAGE`. Both are read, and a child process
//! gets `SENTRY_TRACE` and `BAGGAGE`.
//!
//! Spec: <https://develop.sentry.dev/sdk/foundations/trace-propagation/>

mod dsc;
mod header;
mod view;

pub(crate) use dsc::{Outgoing, write_alone};
pub use dsc::{SamplingContext, SamplingContextMember};
pub use header::SentryTrace;
pub use view::SentryView;

use crate::carrier::Headers;
use crate::field::{Field, FieldSet, FormatKind};
use crate::format::{Format, FormatFields, InjectContext, Parsed, Preserve, Writer};
use crate::id::TraceId;
use crate::wire::InvalidReason;

/// The Sentry format, named `sentry`.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{InjectOptions, Pairs, Propagator, formats::sentry::Sentry};
///
/// let propagator = Propagator::builder().with_format(Sentry::new()).build()?;
/// let request = [
///     ("sentry-trace", "2f90b30075b9669ae69a7feb163cc8e5-e57dddd84dceff9a-1"),
///     ("baggage", "sentry-trace_id=2f90b30075b9669ae69a7feb163cc8e5,sentry-environment=prod"),
/// ];
/// let extraction = propagator.extract(&request);
/// let caller = extraction.context().ok_or("the request has a context")?;
///
/// let mut headers = Pairs::new();
/// let call = extraction.span_with_ids(caller.trace_id, "b7ad6b7169203331".parse()?);
/// propagator.inject(&call, &InjectOptions::everything(), &mut headers);
/// assert_eq!(headers.get("sentry-trace"), Some("2f90b30075b9669ae69a7feb163cc8e5-b7ad6b7169203331-1"));
/// assert_eq!(headers.get("baggage"), Some(request[1].1));
/// # }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sentry {
    org_id: Option<&'static str>,
    strict: bool,
}

impl Sentry {
    /// Creates the format without an organisation.
    pub const fn new() -> Self {
        Self { org_id: None, strict: false }
    }

    /// Sets the Sentry organisation of this service.
    ///
    /// A trace of another organisation is continued by no format: `sentry-trace` is invalid (`org-mismatch`). The
    /// caller's organisation is the member `sentry-org_id`. An empty text counts as absent.
    ///
    /// ```
    /// use traceprop_core::{Propagator, formats::sentry::Sentry};
    ///
    /// let propagator = Propagator::builder().with_format(Sentry::new().org_id("1")).build()?;
    /// let request = [
    ///     ("sentry-trace", "2f90b30075b9669ae69a7feb163cc8e5-e57dddd84dceff9a-1"),
    ///     ("baggage", "sentry-org_id=2"),
    /// ];
    /// assert_eq!(propagator.extract(&request).context(), None);
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub const fn org_id(self, org_id: &'static str) -> Self {
        Self { org_id: if org_id.is_empty() { None } else { Some(org_id) }, ..self }
    }

    /// Also starts a new trace if only one of caller and service has an organisation.
    pub const fn strict_trace_continuation(self) -> Self {
        Self { strict: true, ..self }
    }

    /// Whether the caller's organisation may be continued here.
    fn continues(&self, headers: &Headers<'_>, trace_id: TraceId) -> bool {
        if self.org_id.is_none() && !self.strict {
            return true;
        }
        let dsc = SamplingContext::from_headers(headers, trace_id);
        let caller = dsc.get("org_id").filter(|member| !member.raw_value().is_empty());
        match (self.org_id, caller) {
            (Some(own), Some(caller)) => caller.value_bytes().eq(own.bytes()),
            (None, None) => true,
            _ => !self.strict,
        }
    }
}

impl Format for Sentry {
    fn name(&self) -> &str {
        "sentry"
    }

    fn fields(&self) -> FormatFields<'_> {
        const SHARED: FieldSet = FieldSet::of(&[Field::Baggage]);
        let fields = FormatFields::of(FormatKind::Sentry);
        FormatFields { built_in: fields.built_in.union(SHARED), preserve: Some(self), ..fields }
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        Parsed::of(SentryTrace::read(headers), |header| match header.ids() {
            Some((trace_id, _)) if !self.continues(headers, trace_id) => {
                Parsed::invalid(InvalidReason::OrgMismatch.at(0).of(Field::SentryTrace))
            }
            _ => header.parsed(),
        })
    }

    // A decision without a trace is only forwarded.
    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let Some((trace_id, span_id)) = context.ids_or_omit(Field::SentryTrace, writer) else { return };
        let header = SentryTrace::new(trace_id, span_id, context.sampling());
        writer.write_ascii(Field::SentryTrace, header.write_bytes(&mut [0; SentryTrace::MAX_LEN]));
    }

    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        // Both share a header, and the writer of all baggage writes these members too. A passthrough forwards what is read.
        let is_read = context.is_passthrough() && context.source.received.read.contains(FormatKind::Baggage);
        if !context.injects(FormatKind::Baggage) && !is_read {
            write_alone(context, writer);
        }
    }
}

impl Preserve for Sentry {
    fn refused_trace(&self, headers: &Headers<'_>) -> Option<TraceId> {
        let (trace_id, _) = SentryTrace::read(headers)?.ok()?.ids()?;
        (!self.continues(headers, trace_id)).then_some(trace_id)
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests;
