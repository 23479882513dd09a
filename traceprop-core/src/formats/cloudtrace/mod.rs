//! `X-Cloud-Trace-Context`: the trace context of Google Cloud's load balancers and serverless platforms.
//!
//! ```text
//! value  = trace [ "/" span ] [ ";o=" option ]
//! trace  = 32 hex, not all zeros
//! span   = 1*20 DIGIT of 64 bits, "0" is none
//! option = 1*3 DIGIT up to 255; its lowest bit is the decision, without an option it is deferred
//!
//! X-Cloud-Trace-Context: a958602b76b39d62888bf010bf907b5b/4669786527834817308;o=1
//! ```
//!
//! If there are several lines, or several values with commas between them, the first one is used.
//!
//! A load balancer starts a trace of its own for each request, even if the request already has one. Nobody reports the
//! balancer's span. So if another format has a different trace, this header makes no link and no conflict;
//! [`CloudTrace::with_links`] changes that.
//!
//! Google deprecates the header in favor of W3C trace context. It is usually only read.
//!
//! ```
//! use traceprop_core::{Propagator, Sampling};
//!
//! let propagator = Propagator::from_names("cloudtrace", "tracecontext")?;
//! let request = [("x-cloud-trace-context", "a958602b76b39d62888bf010bf907b5b/77;o=1")];
//! let caller = propagator.extract(&request).context().expect("the request has a context");
//! assert_eq!((caller.parent_id.map(|id| id.get()), caller.sampling), (Some(77), Sampling::Sampled));
//! # Ok::<(), traceprop_core::ConfigError>(())
//! ```
//!
//! Spec: <https://cloud.google.com/trace/docs/trace-context#legacy-http-header>

use core::fmt;

use crate::carrier::Headers;
use crate::context::RemoteContext;
use crate::field::{Field, FormatKind, InvalidHeader};
use crate::format::{Format, FormatFields, InjectContext, Parsed, Writer};
use crate::id::{Sampling, SpanId, TraceId};
use crate::wire::hex::{self, Letters};
use crate::wire::{self, InvalidReason, ReasonAt, decimal};

const FIELD: Field = Field::XCloudTraceContext;

/// The Cloud Trace format, named `cloudtrace`.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Propagator, formats::cloudtrace::CloudTrace};
///
/// let propagator = Propagator::builder().extract(CloudTrace::new()).inject_none().build()?;
/// let request = [("x-cloud-trace-context", "a958602b76b39d62888bf010bf907b5b")];
/// assert!(propagator.extract(&request).context().is_some());
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloudTrace {
    links: bool,
}

impl CloudTrace {
    /// Creates the format.
    pub const fn new() -> Self {
        Self { links: false }
    }

    /// Makes a link, and a conflict in reports, of a span in another trace than the one that is continued.
    ///
    /// Use it where the callers are services and not load balancers.
    pub const fn with_links(self) -> Self {
        Self { links: true }
    }
}

/// A valid `X-Cloud-Trace-Context` value.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Sampling, formats::cloudtrace::XCloudTraceContext};
///
/// let header = XCloudTraceContext::parse(b"a958602b76b39d62888bf010bf907b5b/0;o=1")?;
/// assert_eq!((header.span_id, header.sampling), (None, Sampling::Sampled));
/// assert_eq!(header.to_string(), "a958602b76b39d62888bf010bf907b5b;o=1");
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct XCloudTraceContext {
    /// The trace id.
    pub trace_id: TraceId,
    /// The caller's span.
    pub span_id: Option<SpanId>,
    /// The sampling decision.
    pub sampling: Sampling,
}

impl XCloudTraceContext {
    /// Parses one value: the first of those that commas join, without spaces and tabs around it.
    ///
    /// # Errors
    ///
    /// Returns `empty`, `bad-length`, `bad-hex`, `zero-trace-id`, `bad-decimal` or `bad-flags`, with the offset of the byte at
    /// fault.
    pub fn parse(value: &[u8]) -> Result<Self, InvalidHeader> {
        let (at, text) = wire::first_value(value).ok_or(InvalidReason::Empty.at(0).of(FIELD))?;
        parse(text).map_err(|error| error.shifted_by(at).of(FIELD))
    }
}

fn parse(text: &[u8]) -> Result<XCloudTraceContext, ReasonAt> {
    let (ids, option) = match wire::split_once(text, b';') {
        Some((ids, option)) => (ids, Some(option)),
        None => (text, None),
    };
    let (trace, span) = match wire::split_once(ids, b'/') {
        Some((trace, span)) => (trace, Some(span)),
        None => (ids, None),
    };
    let digits = trace.try_into().map_err(|_| {
        let bad = trace.iter().position(|byte| !byte.is_ascii_hexdigit());
        bad.map_or(InvalidReason::BadLength.at(trace.len()), |at| InvalidReason::BadHex.at(at))
    })?;
    let trace_id = hex::u128_32(digits, Letters::AnyCase)?;
    let trace_id = TraceId::new(trace_id).ok_or(InvalidReason::ZeroTraceId.at(0))?;
    let span_id = match span {
        None => None,
        Some(digits) => {
            let number = if digits.len() <= 20 { decimal::unsigned(digits).ok() } else { None };
            SpanId::new(number.ok_or(InvalidReason::BadDecimal.at(trace.len() + 1))?)
        }
    };
    let sampling = match option {
        None => Sampling::Deferred,
        Some(option) => {
            let digits = option.strip_prefix(b"o=").filter(|digits| digits.len() <= 3);
            let number = digits.and_then(|digits| decimal::unsigned(digits).ok()).filter(|number| *number <= 255);
            Sampling::from_flag(number.ok_or(InvalidReason::BadFlags.at(ids.len() + 1))? & 1 == 1)
        }
    };
    Ok(XCloudTraceContext { trace_id, span_id, sampling })
}

impl fmt::Display for XCloudTraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.trace_id)?;
        if let Some(span_id) = self.span_id {
            write!(f, "/{}", span_id.get())?;
        }
        match self.sampling.decision() {
            Some(is_sampled) => write!(f, ";o={}", u8::from(is_sampled)),
            None => Ok(()),
        }
    }
}

impl Format for CloudTrace {
    fn name(&self) -> &str {
        "cloudtrace"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::of(FormatKind::CloudTrace)
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        let read = headers.first_filled_line(FIELD).map(XCloudTraceContext::parse);
        let parsed = Parsed::of(read, |header| {
            let XCloudTraceContext { trace_id, span_id, sampling } = header;
            Parsed::context(RemoteContext { sampling, ..RemoteContext::new(trace_id, span_id) })
        });
        Parsed { makes_link: self.links, ..parsed }
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if let Some((trace_id, span_id)) = context.ids_or_omit(FIELD, writer) {
            let sampling = context.sampling();
            writer.write(FIELD, XCloudTraceContext { trace_id, span_id: Some(span_id), sampling });
        }
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagator::Propagator;
    use std::string::ToString;

    const TRACE: &str = "a958602b76b39d62888bf010bf907b5b";

    #[test]
    fn ok_each_part_but_the_trace_is_optional() {
        for (rest, written, span, sampling) in [
            ("", "", None, Sampling::Deferred),
            ("/0", "", None, Sampling::Deferred),
            ("/00000000000000000077;o=3", "/77;o=1", Some(77), Sampling::Sampled),
            ("/18446744073709551615;o=254", "/18446744073709551615;o=0", Some(u64::MAX), Sampling::NotSampled),
            (";o=1 ,x", ";o=1", None, Sampling::Sampled),
        ] {
            let header =
                XCloudTraceContext::parse(std::format!(" ,{}{rest}", TRACE.to_uppercase()).as_bytes()).unwrap();
            assert_eq!((header.span_id.map(SpanId::get), header.sampling), (span, sampling), "{rest}");
            assert_eq!(header.to_string(), std::format!("{TRACE}{written}"));
        }
    }

    #[test]
    fn err_parse_anything_else() {
        for (value, reason, at) in [
            (" , ", InvalidReason::Empty, 0),
            (&TRACE[1..], InvalidReason::BadLength, 31),
            (&TRACE.replace('5', " "), InvalidReason::BadHex, 2),
            ("00000000000000000000000000000000/1", InvalidReason::ZeroTraceId, 0),
            (&std::format!("{TRACE}/"), InvalidReason::BadDecimal, 33),
            (&std::format!("{TRACE}/+1"), InvalidReason::BadDecimal, 33),
            (&std::format!("{TRACE}/000000000000000000001"), InvalidReason::BadDecimal, 33),
            (&std::format!("{TRACE}/1;"), InvalidReason::BadFlags, 35),
            (&std::format!("{TRACE}/1;o=1;x=2"), InvalidReason::BadFlags, 35),
            (&std::format!("{TRACE}/1;O=1"), InvalidReason::BadFlags, 35),
            (&std::format!("{TRACE}/1;o=256"), InvalidReason::BadFlags, 35),
            (&std::format!("{TRACE}/1;o=0001"), InvalidReason::BadFlags, 35),
        ] {
            assert_eq!(
                XCloudTraceContext::parse(value.as_bytes()),
                Err(InvalidHeader::new(FIELD, reason, at)),
                "{value}"
            );
        }
    }

    #[test]
    fn ok_another_trace_is_a_link_only_if_asked_for() {
        let request = [
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("x-cloud-trace-context", &*std::format!("{TRACE}/77;o=1")),
        ];
        for (format, count, shown) in [
            (CloudTrace::new(), 0, "cloudtrace: passed on".to_string()),
            (CloudTrace::new().with_links(), 1, std::format!("cloudtrace: different trace {TRACE}")),
        ] {
            let builder = Propagator::builder().define(format).names("tracecontext,cloudtrace", "none").unwrap();
            let propagator = builder.build().unwrap();
            let report = propagator.explain(&request);
            assert_eq!((report.conflicting().count(), report.extraction().links().count()), (count, count));
            assert!(report.to_string().contains(&shown), "{report}");
        }
    }
}
