//! A listener with a trust, and what it sends for a request: for a span of its own and as a passthrough, with a context that
//! borrows the request and with one that owns its lines.

use traceprop_core::formats::sw8::Sw8;
use traceprop_core::sampler::Sampler;
use traceprop_core::{IdBits, InjectOptions, OwnedContext, Pairs, Propagator, Trust};

pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const PARENT: &str = "00f067aa0ba902b7";

/// The ids that the service draws: each half of a trace id, and each span id.
pub(crate) const OURS: &str = "0b0b0b0b0b0b0b0b";

/// All formats with fields of their own in the table, and a correlation header. Sentry would make `sentry-*` members of
/// baggage its own.
pub(crate) const ALL: &str = "tracecontext,baggage,b3,datadog,jaeger,instana,elastic,grpc-trace-bin,ottrace,xray,cloudtrace,correlation:x-request-id";

/// The same with Sentry.
pub(crate) const ALL_AND_SENTRY: &str = "tracecontext,baggage,b3,datadog,jaeger,sentry,instana,elastic,grpc-trace-bin,\
                                         ottrace,xray,cloudtrace,correlation:x-request-id";

pub(crate) type Request<'a> = [(&'a str, &'a str)];

pub(crate) fn ids() -> IdBits {
    IdBits::random(0x0b0b_0b0b_0b0b_0b0b)
}

/// A W3C traceparent of the caller.
pub(crate) fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

/// A payload of New Relic of the caller.
pub(crate) fn newrelic(decision: &str) -> String {
    let ids = format!(r#""id":"{PARENT}","tr":"{TRACE}""#);
    format!(r#"{{"v":[0,1],"d":{{"ty":"App","ac":"33","ap":"2",{ids},"sa":{decision},"ti":1}}}}"#)
}

/// Returns whether the trace of the caller goes on.
pub(crate) fn continues(trust: Trust) -> bool {
    matches!(trust, Trust::Continue | Trust::Resample)
}

/// Reads and writes `names`, and sw8. Reads New Relic, too.
pub(crate) fn propagator(trust: Trust, names: &str) -> Propagator {
    let builder = Propagator::builder().names(&format!("{names},newrelic"), names).expect("known names");
    builder.with_format(Sw8::new("shop", "shop-1")).trust(trust).build().expect("it is right")
}

/// Returns what a span of the service sends to a destination that may have everything.
#[track_caller]
pub(crate) fn span(trust: Trust, names: &str, request: &Request<'_>, sampler: &(impl Sampler + ?Sized)) -> Pairs {
    let propagator = propagator(trust, names);
    let request = request.to_vec();
    let extraction = propagator.extract(&request);
    let span = extraction.new_span_with(&ids, sampler);
    let owned = OwnedContext::from_span(&extraction, &span);
    let (mut borrowed, mut buffered) = (Pairs::new(), Pairs::new());
    propagator.inject(&span, &InjectOptions::everything(), &mut borrowed);
    propagator.inject(&owned, &InjectOptions::everything(), &mut buffered);
    assert_eq!(borrowed, buffered);
    borrowed
}

/// Returns what the service forwards to such a destination, if it makes no span.
#[track_caller]
pub(crate) fn passthrough(trust: Trust, names: &str, request: &Request<'_>) -> Pairs {
    let propagator = propagator(trust, names);
    let request = request.to_vec();
    let extraction = propagator.extract(&request);
    let (mut borrowed, mut buffered) = (Pairs::new(), Pairs::new());
    propagator.inject(extraction.passthrough(), &InjectOptions::everything(), &mut borrowed);
    propagator.inject(&OwnedContext::from_passthrough(&extraction), &InjectOptions::everything(), &mut buffered);
    assert_eq!(borrowed, buffered);
    borrowed
}

/// Asserts that no header of a trace is among them.
#[track_caller]
pub(crate) fn has_no_trace(sent: &Pairs) {
    let is_text = |name: &str| {
        ["baggage", "x-request-id", "sw8-correlation", "jaeger-baggage"].contains(&name)
            || name.starts_with("uberctx-")
            || name.starts_with("ot-baggage-")
    };
    assert!(sent.iter().all(|(name, _)| is_text(name)), "{sent:?}");
}
