//! Requests with distinct ids and baggage.

use std::fmt;

use traceprop_core::{OwnedContext, Sampling, SpanId, TraceId};

/// The baggage key whose value is the number of the request.
const KEY: &str = "load";

/// One request. Its trace id, span id and baggage derive from its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load(u64);

/// A difference between a context and its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    NoContext,
    Trace(Option<TraceId>),
    Baggage(Option<String>),
    NotSampled(Sampling),
    NoParent,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContext => f.write_str("there is no context"),
            Self::Trace(Some(other)) => write!(f, "the trace is {other}"),
            Self::Trace(None) => f.write_str("there is no trace"),
            Self::Baggage(Some(other)) => write!(f, "the baggage is {other:?}"),
            Self::Baggage(None) => f.write_str("there is no baggage"),
            Self::NotSampled(other) => write!(f, "the decision is {other}"),
            Self::NoParent => f.write_str("there is no parent, or no span"),
        }
    }
}

/// Spreads the bits of a number over all positions.
const fn mixed(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

impl Load {
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    pub const fn number(self) -> u64 {
        self.0
    }

    pub fn trace_id(self) -> TraceId {
        TraceId::from_halves(mixed(self.0), mixed(!self.0) | 1).unwrap_or(TraceId::MIN)
    }

    fn span_id(self) -> SpanId {
        SpanId::new(mixed(self.0.rotate_left(32)) | 1).unwrap_or(SpanId::MIN)
    }

    /// Returns the header lines of the request. The format depends on the number.
    pub fn headers(self) -> Vec<(&'static str, String)> {
        let (trace, span) = (self.trace_id(), self.span_id());
        let mut lines = match self.0 % 13 {
            0 => vec![("traceparent", format!("00-{trace}-{span}-01")), ("tracestate", format!("load={}", self.0))],
            1 => vec![("b3", format!("{trace}-{span}-1"))],
            2 => vec![
                ("x-datadog-trace-id", trace.low().to_string()),
                ("x-datadog-parent-id", span.get().to_string()),
                ("x-datadog-sampling-priority", "1".to_owned()),
                ("x-datadog-origin", format!("load{}", self.0)),
                ("x-datadog-tags", format!("_dd.p.tid={:016x},_dd.p.dm=-4", trace.high())),
            ],
            3 => vec![("uber-trace-id", format!("{trace}:{span}:0:1"))],
            10 => vec![("x-cloud-trace-context", format!("{trace}/{};o=1", span.get()))],
            11 => {
                let ids = format!(r#""id":"{span}","tr":"{trace}""#);
                let data = format!(r#""ty":"App","ac":"{}","ap":"1",{ids},"sa":true,"ti":1"#, self.0 + 1);
                vec![("newrelic", format!(r#"{{"v":[0,1],"d":{{{data}}}}}"#))]
            }
            6 => vec![("sentry-trace", format!("{trace}-{span}-1"))],
            4 => vec![("elastic-apm-traceparent", format!("00-{trace}-{span}-01"))],
            5 => {
                let (seconds, rest) = (trace.high() >> 32, trace.get() & (u128::MAX >> 32));
                vec![("x-amzn-trace-id", format!("Root=1-{seconds:08x}-{rest:024x};Parent={span};Sampled=1"))]
            }
            7 => vec![
                ("x-instana-t", trace.to_string()),
                ("x-instana-s", span.to_string()),
                ("x-instana-l", "1".to_owned()),
            ],
            8 => vec![
                ("ot-tracer-traceid", trace.to_string()),
                ("ot-tracer-spanid", span.to_string()),
                ("ot-tracer-sampled", "true".to_owned()),
            ],
            9 => {
                let (trace, span) = (trace.get().to_be_bytes(), span.get().to_be_bytes());
                let fields = [&[0, 0], &trace[..], &[1], &span[..], &[2, 1]].concat();
                vec![("grpc-trace-bin", base64(&fields))]
            }
            _ => {
                let (trace, span) = (base64(trace.to_string().as_bytes()), base64(span.to_string().as_bytes()));
                vec![("sw8", format!("1-{trace}-{span}-0-bG9hZA==-MQ==-Lw==-ZWRnZQ=="))]
            }
        };
        lines.push(("baggage", format!("{KEY}={}", self.0)));
        lines
    }

    /// Checks the context of a task that serves this request.
    ///
    /// # Errors
    /// Returns [`Fault`] if the context is not that of the request.
    pub fn judge(self, context: Option<&OwnedContext>) -> Result<(), Fault> {
        let context = context.ok_or(Fault::NoContext)?;
        if context.trace_id() != Some(self.trace_id()) {
            return Err(Fault::Trace(context.trace_id()));
        }
        let named = context.baggage().get(KEY).map(|member| member.value().into_owned());
        if named.as_deref() != Some(self.0.to_string().as_str()) {
            return Err(Fault::Baggage(named));
        }
        if !context.sampling().is_sampled() {
            return Err(Fault::NotSampled(context.sampling()));
        }
        if context.parent_id().is_none() || context.span_id().is_none() {
            return Err(Fault::NoParent);
        }
        Ok(())
    }
}

/// Encodes bytes as base64: SkyWalking's agents send the text of ids so, gRPC sends binary fields so.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * place) & 63) as usize];
            encoded.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::{Propagator, RandomIds, presets};

    fn served(load: Load, headers: &[(&'static str, String)]) -> Result<(), Fault> {
        let propagator = presets::ALL_TO_W3C.propagator();
        let extraction = propagator.extract(&headers);
        load.judge(Some(&OwnedContext::from_span(&extraction, &extraction.new_span(&RandomIds))))
    }

    #[test]
    fn ok_every_format_carries_what_the_request_is() {
        for number in 1..500 {
            let load = Load::new(number);
            assert_eq!(served(load, &load.headers()), Ok(()), "{number}");
        }
    }

    #[test]
    fn ok_each_format_of_all_is_sent() {
        for format in Propagator::from_names("all", "none").unwrap().extract_names() {
            let alone = Propagator::from_names(format, "none").unwrap();
            let is_sent = (0..100).any(|number| {
                let headers = Load::new(number).headers();
                let extraction = alone.extract(&headers);
                extraction.context().is_some() || !extraction.baggage().is_empty()
            });
            assert!(is_sent, "no request in {format}");
        }
    }

    #[test]
    fn err_what_is_of_another_request_is_told() {
        let (load, other) = (Load::new(13), Load::new(26));
        assert_eq!(load.judge(None), Err(Fault::NoContext));
        assert_eq!(served(load, &other.headers()), Err(Fault::Trace(Some(other.trace_id()))));
        let mut headers = load.headers();
        headers[2] = other.headers()[2].clone();
        assert_eq!(served(load, &headers), Err(Fault::Baggage(Some("26".to_owned()))));
        headers.truncate(2);
        assert_eq!(served(load, &headers), Err(Fault::Baggage(None)));
        let mut headers = load.headers();
        headers[0].1.replace_range(53.., "00");
        assert_eq!(served(load, &headers), Err(Fault::NotSampled(Sampling::NotSampled)));
    }
}
