//! `X-Amzn-Trace-Id`: the tracing header of AWS X-Ray.
//!
//! ```text
//! value = field *( ";" field )            field = key "=" value, blanks around both
//! Root=1-8hex-24hex                       the trace; by convention its first 32 bits are seconds since 1970
//! Parent=16hex                            the caller's span
//! Sampled="0" / "1" / "?"                 with "?" and without a value the receiver decides
//! Lineage=text                            counts the AWS services that an event passed; stops endless loops
//! Self=text                               the id of a load balancer
//!
//! X-Amzn-Trace-Id: Root=1-67891204-edfd17dba1f976ec9b1bf481;Parent=83c3ec2055daf222;Sampled=1
//! ```
//!
//! Load balancers and API Gateway send `Root` alone, so a trace without a parent is continued. An invalid `Parent` is
//! ignored. All other keys are fields of the application, which count as baggage: they are sent as far as
//! [`InjectOptions::allow_baggage`](crate::InjectOptions::allow_baggage) permits. `Lineage` needs no permission. Both are
//! kept in a new trace too, and are dropped under [`Trust::Ignore`](crate::Trust::Ignore). `Self` is forwarded only by a
//! [passthrough](crate::Extraction::passthrough).
//!
//! Of several lines, or of several values that a comma joins, the first counts.
//!
//! # Other carriers
//!
//! AWS has the same text in other places: the variable `_X_AMZN_TRACE_ID` and the header `Lambda-Runtime-Trace-Id` of a
//! Lambda invocation, the attribute `AWSTraceHeader` of an SQS message, `TraceHeader` of an EventBridge event. Give it to
//! a propagator under the name of the header. An attribute of a message has precedence over an HTTP header.
//!
//! ```
//! use traceprop_core::{Propagator, formats::xray::XRay};
//!
//! let propagator = Propagator::builder().with_format(XRay::new()).build()?;
//! let attribute = "Root=1-67891204-edfd17dba1f976ec9b1bf481;Parent=83c3ec2055daf222;Sampled=1";
//! let message = [("x-amzn-trace-id", attribute)];
//! let caller = propagator.extract(&message).context().expect("the message has a context");
//! assert_eq!(caller.trace_id.to_string(), "67891204edfd17dba1f976ec9b1bf481");
//! # Ok::<(), traceprop_core::ConfigError>(())
//! ```
//!
//! Injecting replaces the header. If an AWS SDK writes it with a `Lineage` too, inject before the SDK does.
//!
//! Spec: <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>

mod header;
#[cfg(feature = "std")]
mod ids;

pub use header::XAmznTraceId;
#[cfg(feature = "std")]
pub use ids::XRayIds;

use core::fmt;

use crate::carrier::Headers;
use crate::context::{Allow, OmitReason};
#[cfg(feature = "alloc")]
use crate::context::{FilteredLine, TextFilter, TextLine};
use crate::field::{Field, FormatKind, InvalidHeader};
use crate::format::{Format, FormatFields, InjectContext, Parsed, Writer};
use crate::id::{Sampling, SpanId, TraceId};
use crate::wire::{self, Shown};
use header::{Key, MAX_LINEAGE};

const FIELD: Field = Field::XAmznTraceId;

/// The X-Ray format, named `xray`.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{InjectOptions, Pairs, Propagator, formats::xray::XRay};
///
/// let propagator = Propagator::builder().with_format(XRay::new()).build()?;
/// let request = [("X-Amzn-Trace-Id", "Root=1-67891204-edfd17dba1f976ec9b1bf481;Lineage=1:f4ae5ad5:0")];
/// let extraction = propagator.extract(&request);
/// let caller = extraction.context().ok_or("the request has a context")?;
/// assert_eq!(caller.parent_id, None);
///
/// let mut headers = Pairs::new();
/// let call = extraction.span_with_ids(caller.trace_id, "b7ad6b7169203331".parse()?);
/// propagator.inject(&call, &InjectOptions::new(), &mut headers);
/// let expected = "Root=1-67891204-edfd17dba1f976ec9b1bf481;Parent=b7ad6b7169203331;Lineage=1:f4ae5ad5:0";
/// assert_eq!(headers.get("x-amzn-trace-id"), Some(expected));
/// # }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XRay {
    #[cfg(feature = "std")]
    lambda: bool,
}

impl XRay {
    /// Creates the format.
    pub const fn new() -> Self {
        Self {
            #[cfg(feature = "std")]
            lambda: false,
        }
    }

    /// Also reads the variable `_X_AMZN_TRACE_ID` of a Lambda function, for requests without the header.
    ///
    /// It names the trace of the current invocation, so a process must handle one invocation at a time. Without the
    /// header, its `Lineage` is written too. In environment variables, `xray-lambda` means a format with this setting.
    #[cfg(feature = "std")]
    pub const fn with_lambda_variable(self) -> Self {
        Self { lambda: true }
    }

    /// Passes on the value that counts, if there is one.
    fn with_value<T>(
        &self,
        headers: &Headers<'_>,
        then: impl FnOnce(Option<Result<XAmznTraceId<'_>, InvalidHeader>>) -> T,
    ) -> T {
        let received = read(headers);
        #[cfg(feature = "std")]
        if received.is_none() && self.lambda {
            let variable = std::env::var_os("_X_AMZN_TRACE_ID").unwrap_or_default();
            let variable = variable.as_encoded_bytes();
            return then((!wire::is_blank(variable)).then(|| XAmznTraceId::parse(variable)));
        }
        then(received)
    }
}

/// Returns the first value that is not blank.
pub(crate) fn read<'c>(headers: &Headers<'c>) -> Option<Result<XAmznTraceId<'c>, InvalidHeader>> {
    let line = headers.get_all(FIELD).iter().find(|line| !wire::is_blank(line))?;
    Some(XAmznTraceId::parse(line))
}

/// The canonical form of a value, with the received fields that are allowed.
pub(crate) struct Value<'c, F> {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) sampling: Sampling,
    pub(crate) fields: F,
    pub(crate) allow: Allow<'c>,
}

impl<'f, F: Iterator<Item = (&'f str, &'f str)> + Clone> fmt::Display for Value<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.trace_id.to_hex();
        let (seconds, rest) = digits.split_at(8);
        write!(f, "Root=1-{}-{}", wire::ascii(seconds), wire::ascii(rest))?;
        if let Some(span_id) = self.span_id {
            write!(f, ";Parent={span_id}")?;
        }
        if let Some(is_sampled) = self.sampling.decision() {
            write!(f, ";Sampled={}", u8::from(is_sampled))?;
        }
        for (key, value) in self.fields.clone().filter(|(key, _)| is_allowed(key.as_bytes(), self.allow)) {
            write!(f, ";{key}={value}")?;
        }
        Ok(())
    }
}

/// Whether a field may be sent. Only fields of the application need permission.
fn is_allowed(key: &[u8], allow: Allow<'_>) -> bool {
    Key::of(key) != Key::Custom || core::str::from_utf8(key).is_ok_and(|key| allow.allows_key(key))
}

/// Whether a part of a received value may be sent as it is. Text that is no field may if all fields may.
fn may_stay(part: &[u8], allow: Allow<'_>) -> bool {
    match header::split(part) {
        Some(pair) if Key::of(pair.key) == Key::Lineage => pair.value.len() <= MAX_LINEAGE,
        Some(pair) => is_allowed(pair.key, allow),
        None => allow == Allow::All || wire::is_blank(part) || part.ends_with(b"="),
    }
}

/// Removes the fields of the application that are not allowed from a line of ids.
#[cfg(feature = "alloc")]
pub(crate) fn filter_text<'l>(line: TextLine<'_, 'l>, filter: TextFilter<'_>) -> Option<FilteredLine<'l>> {
    (line.field == FIELD).then(|| FilteredLine::of_separated(line.value, b';', |part| may_stay(part, filter.allow)))
}

impl Format for XRay {
    fn name(&self) -> &str {
        "xray"
    }

    fn fields(&self) -> FormatFields<'_> {
        let fields = FormatFields::of(FormatKind::XRay);
        #[cfg(feature = "std")]
        let fields = FormatFields { reads_elsewhere: self.lambda, ..fields };
        fields
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        self.with_value(headers, |value| Parsed::of(value, |header| header.parsed()))
    }

    // A decision without a trace is only forwarded.
    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let Some(trace_id) = context.trace_id() else { return };
        let allow = context.options().allowed_baggage();
        self.with_value(context.received(), |received| {
            let received = received.and_then(Result::ok).filter(|_| context.source.received.keeps_text());
            let fields = received.iter().flat_map(XAmznTraceId::fields);
            let omitted = fields.clone().filter(|(key, _)| !is_allowed(key.as_bytes(), allow)).count();
            let (span_id, sampling) = (context.span_id(), context.sampling());
            writer.write(FIELD, Value { trace_id, span_id, sampling, fields, allow });
            if omitted > 0 {
                writer.omit(FIELD, OmitReason::NotAllowed, omitted as u32);
            }
        });
    }

    /// Writes the received line if all of its fields are allowed. If the format is only read, writes those that are.
    fn forward_lines(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) -> bool {
        let allow = context.options().allowed_baggage();
        read(context.received()).and_then(Result::ok).is_some_and(|header| {
            // A later value does not count here, but might elsewhere. Its fields were not checked.
            if context.received().is_repeated(FIELD) || header.is_joined {
                return false;
            }
            let removed = header.parts().filter(|part| !may_stay(part, allow)).count();
            if removed == 0 {
                return context.forward_verbatim(&header.parsed(), self.fields(), writer);
            }
            let rest = || header.parts().map(wire::trim).filter(|part| !part.is_empty() && may_stay(part, allow));
            let is_forwarded =
                context.is_read_only && context.forwards_lines_of(&header.parsed()) && rest().all(wire::is_header_text);
            if is_forwarded {
                let text = |f: &mut fmt::Formatter<'_>| wire::put_joined(rest().map(wire::ascii), ";", f);
                writer.write(FIELD, Shown(text));
                writer.omit(FIELD, OmitReason::NotAllowed, removed as u32);
            }
            is_forwarded
        })
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests;
