//! The value of a `sentry-trace`.

use core::fmt;

use crate::carrier::Headers;
use crate::context::RemoteContext;
use crate::field::{Field, InvalidHeader};
use crate::format::Parsed;
use crate::id::{ParseIdError, Sampling, SpanId, TraceId};
use crate::wire::{self, InvalidReason, ReasonAt};

/// A valid `sentry-trace` value.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Sampling, formats::sentry::SentryTrace};
///
/// let header = SentryTrace::parse(b"2f90b30075b9669ae69a7feb163cc8e5-e57dddd84dceff9a")?;
/// assert_eq!(header.sampling(), Sampling::Deferred);
/// assert_eq!(header.to_string(), "2f90b30075b9669ae69a7feb163cc8e5-e57dddd84dceff9a");
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SentryTrace {
    ids: Option<(TraceId, SpanId)>,
    sampling: Sampling,
}

impl SentryTrace {
    /// The length of the longest value that is written, in bytes.
    pub const MAX_LEN: usize = "2f90b30075b9669ae69a7feb163cc8e5-e57dddd84dceff9a-1".len();

    /// Creates a value from ids and a decision. [`Sampling::Debug`] becomes [`Sampling::Sampled`].
    pub const fn new(trace_id: TraceId, span_id: SpanId, sampling: Sampling) -> Self {
        let sampling = match sampling.decision() {
            Some(is_sampled) => Sampling::from_flag(is_sampled),
            None => Sampling::Deferred,
        };
        Self { ids: Some((trace_id, span_id)), sampling }
    }

    /// Parses one value: the first of those that commas join, without spaces and tabs around it.
    ///
    /// # Errors
    ///
    /// Returns `empty`, `field-count`, `bad-length`, `bad-hex`, `uppercase-hex`, `zero-trace-id`, `zero-span-id` or
    /// `bad-sampling`, with the offset of the byte at fault.
    pub fn parse(value: &[u8]) -> Result<Self, InvalidHeader> {
        let (at, text) = wire::first_value(value).ok_or(InvalidReason::Empty.at(0).of(Field::SentryTrace))?;
        parse(text).map_err(|error| error.shifted_by(at).of(Field::SentryTrace))
    }

    /// Parses the first line that is not blank. A header of blank lines is invalid.
    pub(crate) fn read(headers: &Headers<'_>) -> Option<Result<Self, InvalidHeader>> {
        headers.first_filled_line(Field::SentryTrace).map(Self::parse)
    }

    /// Returns the trace id and the span id, or `None` if there is only a decision.
    pub const fn ids(&self) -> Option<(TraceId, SpanId)> {
        self.ids
    }

    /// Returns the sampling decision.
    pub const fn sampling(&self) -> Sampling {
        self.sampling
    }

    pub(super) const fn parsed(&self) -> Parsed {
        match self.ids {
            Some((trace_id, span_id)) => {
                let context = RemoteContext::new(trace_id, Some(span_id));
                Parsed::context(RemoteContext { sampling: self.sampling, ..context })
            }
            None => Parsed::sampling_only(self.sampling),
        }
    }

    pub(crate) fn write_bytes<'b>(&self, buffer: &'b mut [u8; Self::MAX_LEN]) -> &'b [u8] {
        let mut start = 0;
        if let Some((trace_id, span_id)) = self.ids {
            buffer[..32].copy_from_slice(&trace_id.to_hex());
            buffer[32] = b'-';
            buffer[33..49].copy_from_slice(&span_id.to_hex());
            buffer[49] = b'-';
            start = 50;
        }
        match self.sampling.decision() {
            Some(is_sampled) => {
                buffer[start] = b'0' + u8::from(is_sampled);
                &buffer[..=start]
            }
            None => &buffer[..start.saturating_sub(1)],
        }
    }
}

impl fmt::Display for SentryTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(wire::ascii(self.write_bytes(&mut [0; Self::MAX_LEN])))
    }
}

fn parse(text: &[u8]) -> Result<SentryTrace, ReasonAt> {
    if let Some(sampling) = Sampling::from_digit(text) {
        return Ok(SentryTrace { ids: None, sampling });
    }
    let mut fields = text.split(|&byte| byte == b'-');
    let (Some(trace), Some(span), sampled, None) = (fields.next(), fields.next(), fields.next(), fields.next()) else {
        return Err(InvalidReason::FieldCount.at(text.len()));
    };
    let at = |error: ParseIdError, start: usize| error.reason().at(error.offset() as usize + start);
    let trace_id = TraceId::from_hex(trace).map_err(|error| at(error, 0))?;
    let span_id = SpanId::from_hex(span).map_err(|error| at(error, trace.len() + 1))?;
    let sampling = match sampled {
        // Some SDKs write the hyphen without a decision.
        None | Some(b"") => Sampling::Deferred,
        Some(word) => Sampling::from_digit(word).ok_or(InvalidReason::BadSampling.at(trace.len() + span.len() + 2))?,
    };
    Ok(SentryTrace { ids: Some((trace_id, span_id)), sampling })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    const IDS: &str = "2f90b30075b9669ae69a7feb163cc8e5-e57dddd84dceff9a";

    #[test]
    fn ok_parse_and_write_every_decision() {
        for (rest, written, sampling) in [
            ("", "", Sampling::Deferred),
            ("-", "", Sampling::Deferred),
            ("-0", "-0", Sampling::NotSampled),
            ("-1", "-1", Sampling::Sampled),
        ] {
            let header = SentryTrace::parse(std::format!("{IDS}{rest}").as_bytes()).unwrap();
            assert_eq!(header.sampling(), sampling);
            assert_eq!(header.to_string(), std::format!("{IDS}{written}"));
        }
        for word in ["0", "1"] {
            let header = SentryTrace::parse(word.as_bytes()).unwrap();
            assert_eq!((header.ids(), header.to_string()), (None, word.into()));
        }
    }

    #[test]
    fn ok_parse_the_first_element() {
        let header = SentryTrace::parse(std::format!(" ,\t{IDS}-1 , x").as_bytes()).unwrap();
        assert_eq!(header.to_string(), std::format!("{IDS}-1"));
    }

    #[test]
    fn err_parse_what_the_grammar_does_not_have() {
        let trace = "2f90b30075b9669ae69a7feb163cc8e5";
        for (value, reason, at) in [
            (", ", InvalidReason::Empty, 0),
            (trace, InvalidReason::FieldCount, 32),
            (&std::format!(" {IDS}-1-1"), InvalidReason::FieldCount, 54),
            ("2f90-e57dddd84dceff9a", InvalidReason::BadLength, 4),
            (&std::format!("{trace}-e57d"), InvalidReason::BadLength, 37),
            (&IDS.replace("e5-", "E5-"), InvalidReason::UppercaseHex, 30),
            (&IDS.replace("9ae6", "9ge6"), InvalidReason::BadHex, 15),
            (&std::format!("{trace}-0000000000000000"), InvalidReason::ZeroSpanId, 33),
            (&std::format!("{IDS}-true"), InvalidReason::BadSampling, 50),
            ("-1", InvalidReason::BadLength, 0),
            ("d", InvalidReason::FieldCount, 1),
        ] {
            let expected = InvalidHeader::new(Field::SentryTrace, reason, at);
            assert_eq!(SentryTrace::parse(value.as_bytes()), Err(expected), "{value}");
        }
    }
}
