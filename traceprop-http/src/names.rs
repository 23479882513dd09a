//! Header names as constants: a name that is known when the program is built costs no allocation and no check.

use http::HeaderName;
use traceprop_core::Field;

macro_rules! names {
    ($($field:ident = $text:literal,)+) => {
        /// The name of a built-in field. None for families and configured names, which are only known at run time.
        pub(crate) fn of(field: Field) -> Option<&'static HeaderName> {
            match field {
                $(Field::$field => {
                    static NAME: HeaderName = HeaderName::from_static($text);
                    Some(&NAME)
                })+
                _ => None,
            }
        }

        /// The same to own: a copy of a constant, where a clone would have to ask how.
        pub(crate) fn owned(field: Field) -> Option<HeaderName> {
            match field {
                $(Field::$field => Some(const { HeaderName::from_static($text) }),)+
                _ => None,
            }
        }
    };
}

names! {
    TraceParent = "traceparent",
    TraceState = "tracestate",
    Baggage = "baggage",
    B3 = "b3",
    B3TraceId = "x-b3-traceid",
    B3SpanId = "x-b3-spanid",
    B3ParentSpanId = "x-b3-parentspanid",
    B3Sampled = "x-b3-sampled",
    B3Flags = "x-b3-flags",
    DatadogTraceId = "x-datadog-trace-id",
    DatadogParentId = "x-datadog-parent-id",
    DatadogSamplingPriority = "x-datadog-sampling-priority",
    DatadogOrigin = "x-datadog-origin",
    DatadogTags = "x-datadog-tags",
    UberTraceId = "uber-trace-id",
    JaegerBaggage = "jaeger-baggage",
    JaegerDebugId = "jaeger-debug-id",
    Sw8 = "sw8",
    Sw8Correlation = "sw8-correlation",
    Sw8Extension = "sw8-x",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_field_with_a_fixed_name_has_its_constant() {
        for &field in Field::BUILT_IN {
            let fixed = field != Field::UberContext;
            assert_eq!(of(field).map(HeaderName::as_str), field.name().filter(|_| fixed));
            assert_eq!(owned(field).as_ref(), of(field));
        }
        assert_eq!(of(Field::Configured(0)), None);
    }
}
