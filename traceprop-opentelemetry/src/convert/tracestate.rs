//! The tracestate.

use opentelemetry::trace as otel;
use traceprop_core::{OwnedContext, TraceState};

use super::ToOtel;

/// Keeps every member that OpenTelemetry accepts. It accepts a tracestate whole or not at all, and has a limit of 256
/// characters for a key and for a value.
impl ToOtel for TraceState<'_> {
    type Otel = otel::TraceState;

    fn to_otel(&self) -> otel::TraceState {
        if self.is_empty() {
            return otel::TraceState::NONE;
        }
        let members = || self.iter().map(|member| (member.key, member.value));
        otel::TraceState::from_key_value(members()).unwrap_or_else(|_| {
            let accepted = members().filter(|member| otel::TraceState::from_key_value([*member]).is_ok());
            otel::TraceState::from_key_value(accepted).unwrap_or_default()
        })
    }
}

/// Returns the context with a tracestate of OpenTelemetry, or unchanged if a member is invalid.
pub(crate) fn with_tracestate(context: OwnedContext, state: &otel::TraceState) -> OwnedContext {
    match context.clone().with_tracestate(state) {
        Ok(changed) => changed,
        Err(_) => context,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_members_keep_their_order() {
        let state = TraceState::parse(b"rojo=1, congo=t61").unwrap();
        assert_eq!(state.to_otel().header(), "rojo=1,congo=t61");
        assert_eq!(TraceState::EMPTY.to_otel(), otel::TraceState::NONE);
    }

    #[test]
    fn ok_a_member_that_opentelemetry_refuses_costs_only_itself() {
        // Level 2 of the specification has no limit for what follows the `@`.
        let state = TraceState::parse(b"good=1,tenant@a-vendor-with-a-long-name=2,fine=3").unwrap();
        assert_eq!(state.to_otel().header(), "good=1,fine=3");
    }

    #[test]
    fn err_a_tracestate_that_is_invalid_changes_nothing() {
        use traceprop_core::{SpanContext, SpanId, TraceId};

        let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
        let good = otel::TraceState::from_key_value([("rojo", "1")]).unwrap();
        assert_eq!(with_tracestate(context.clone(), &good).tracestate().to_string(), "rojo=1");
        let bad = otel::TraceState::from_key_value([("rojo", "\u{e9}")]).unwrap();
        assert!(with_tracestate(context, &bad).tracestate().is_empty());
    }
}
