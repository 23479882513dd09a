//! Header names as constants: a name that is known when the program is built costs no allocation.

use http::HeaderName;
use traceprop_core::Field;

/// The name of a built-in field. None for families and configured names, which are only known at run time.
pub(crate) fn of(field: Field) -> Option<HeaderName> {
    Some(HeaderName::from_static(match field {
        Field::TraceParent => "traceparent",
        Field::TraceState => "tracestate",
        Field::Baggage => "baggage",
        Field::B3 => "b3",
        Field::B3TraceId => "x-b3-traceid",
        Field::B3SpanId => "x-b3-spanid",
        Field::B3ParentSpanId => "x-b3-parentspanid",
        Field::B3Sampled => "x-b3-sampled",
        Field::B3Flags => "x-b3-flags",
        Field::DatadogTraceId => "x-datadog-trace-id",
        Field::DatadogParentId => "x-datadog-parent-id",
        Field::DatadogSamplingPriority => "x-datadog-sampling-priority",
        Field::DatadogOrigin => "x-datadog-origin",
        Field::DatadogTags => "x-datadog-tags",
        Field::UberTraceId => "uber-trace-id",
        Field::JaegerDebugId => "jaeger-debug-id",
        Field::Sw8 => "sw8",
        Field::Sw8Correlation => "sw8-correlation",
        Field::Sw8Extension => "sw8-x",
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_constant_is_the_name_of_its_field() {
        for &field in Field::BUILT_IN {
            if let Some(name) = of(field) {
                assert_eq!(Some(name.as_str()), field.name());
            }
        }
    }
}
