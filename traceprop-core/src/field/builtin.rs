//! The built-in formats, a row each.
//!
//! A row holds, in this order:
//! - its kind;
//! - its header fields. `Trace` marks ids, decisions and what belongs to them, `List` the same if several lines are one
//!   list, `NewTrace` a wish for a new trace. `Text` marks baggage, which is written only where
//!   [`InjectOptions`](crate::InjectOptions) allow it, `TextWithIds` baggage that counts only next to ids of the row, and
//!   `TraceAndText` a header with both. Names are in lower case; one that ends in `-` is a prefix;
//! - `also`: fields of other rows that it reads and writes as well, if there are any;
//! - `first_field`: what its first field says about the others, if anything, see
//!   [`FirstField`](super::kind::FirstField);
//! - its names in configuration. The first of them is the one that `all` means, as far as `in_all` says;
//! - `letter`: the letter of its own items in our tracestate member, if it has one, see
//!   [`crate::tracestate::preserve`];
//! - `preserves`: what it keeps in the tracestate, if anything, see [`Preserves`](super::Preserves);
//! - `set_by: Infrastructure` if load balancers set its headers too.
//!
//! The order of the rows is the order of `all`, of `Field`, and of what an owned context keeps first.
//!
//! `unread` holds headers that no format here reads. `Text` marks baggage there too. They are only removed, have no place in the table of headers, and
//! reserve nothing: a custom header may have their name, and is then what is meant.

/// Hands the table to the macro of this name.
macro_rules! builtin_formats {
    ($use_table:ident) => {
        $use_table! {
            formats {
                TraceContext {
                    fields: {
                        /// W3C `traceparent`.
                        TraceParent: Trace = "traceparent",
                        /// W3C `tracestate`.
                        TraceState: List = "tracestate",
                    }
                    first_field: Required, names: ["tracecontext"], in_all: ReadAndWrite,
                }
                B3 {
                    fields: {
                        /// B3 in one header, `b3`.
                        B3: Trace = "b3",
                        /// `X-B3-TraceId`.
                        B3TraceId: Trace = "x-b3-traceid",
                        /// `X-B3-SpanId`.
                        B3SpanId: Trace = "x-b3-spanid",
                        /// `X-B3-ParentSpanId`.
                        B3ParentSpanId: Trace = "x-b3-parentspanid",
                        /// `X-B3-Sampled`.
                        B3Sampled: Trace = "x-b3-sampled",
                        /// `X-B3-Flags`.
                        B3Flags: Trace = "x-b3-flags",
                    }
                    first_field: Sufficient, names: ["b3", "b3multi"], in_all: ReadAndWrite, preserves: Decision,
                }
                Datadog {
                    fields: {
                        /// `x-datadog-trace-id`.
                        DatadogTraceId: Trace = "x-datadog-trace-id",
                        /// `x-datadog-parent-id`.
                        DatadogParentId: Trace = "x-datadog-parent-id",
                        /// `x-datadog-sampling-priority`.
                        DatadogSamplingPriority: Trace = "x-datadog-sampling-priority",
                        /// `x-datadog-origin`.
                        DatadogOrigin: Trace = "x-datadog-origin",
                        /// `x-datadog-tags`.
                        DatadogTags: Trace = "x-datadog-tags",
                    }
                    also: [OtBaggage],
                    names: ["datadog"], in_all: ReadAndWrite, preserves: Member,
                }
                Jaeger {
                    fields: {
                        /// Jaeger's `uber-trace-id`.
                        UberTraceId: Trace = "uber-trace-id",
                        /// Jaeger's baggage, one header an item: all names that begin with `uberctx-`.
                        UberContext: Text = "uberctx-",
                        /// `jaeger-baggage`.
                        JaegerBaggage: Text = "jaeger-baggage",
                        /// `jaeger-debug-id`.
                        JaegerDebugId: NewTrace = "jaeger-debug-id",
                    }
                    names: ["jaeger"], in_all: ReadAndWrite, letter: Some('j'), preserves: Flags,
                }
                Sw8 {
                    fields: {
                        /// SkyWalking's `sw8`.
                        Sw8: Trace = "sw8",
                        /// `sw8-correlation`.
                        Sw8Correlation: Text = "sw8-correlation",
                        /// `sw8-x`.
                        Sw8Extension: Trace = "sw8-x",
                    }
                    names: ["sw8"], in_all: ReadAndWrite, letter: Some('s'), preserves: Items,
                }
                Sentry {
                    fields: {
                        /// Sentry's `sentry-trace`.
                        SentryTrace: Trace = "sentry-trace",
                    }
                    first_field: Required, names: ["sentry"], in_all: Read, preserves: Decision,
                }
                Instana {
                    fields: {
                        /// Instana's `X-INSTANA-T`.
                        InstanaTraceId: Trace = "x-instana-t",
                        /// Instana's `X-INSTANA-S`.
                        InstanaSpanId: Trace = "x-instana-s",
                        /// Instana's `X-INSTANA-L`.
                        InstanaLevel: Trace = "x-instana-l",
                        /// Instana's `X-INSTANA-SYNTHETIC`.
                        InstanaSynthetic: Trace = "x-instana-synthetic",
                    }
                    names: ["instana"], in_all: Read,
                }
                NewRelic {
                    fields: {
                        /// New Relic's `newrelic`.
                        NewRelic: Trace = "newrelic",
                    }
                    first_field: Required, names: ["newrelic"], in_all: Read, preserves: Decision,
                }
                Elastic {
                    fields: {
                        /// Elastic APM's `elastic-apm-traceparent`.
                        ElasticTraceParent: Trace = "elastic-apm-traceparent",
                    }
                    names: ["elastic"], in_all: Read,
                }
                GrpcTraceBin {
                    fields: {
                        /// OpenCensus in gRPC: `grpc-trace-bin`.
                        GrpcTraceBin: Trace = "grpc-trace-bin",
                    }
                    names: ["grpc-trace-bin"], in_all: Read, preserves: Decision,
                }
                OtTrace {
                    fields: {
                        /// OpenTracing's `ot-tracer-traceid`.
                        OtTracerTraceId: Trace = "ot-tracer-traceid",
                        /// OpenTracing's `ot-tracer-spanid`.
                        OtTracerSpanId: Trace = "ot-tracer-spanid",
                        /// OpenTracing's `ot-tracer-sampled`.
                        OtTracerSampled: Trace = "ot-tracer-sampled",
                        /// OpenTracing's baggage, one header an item: all names that begin with `ot-baggage-`.
                        OtBaggage: TextWithIds = "ot-baggage-",
                    }
                    names: ["ottrace"], in_all: Read, preserves: Decision,
                }
                XRay {
                    fields: {
                        /// AWS X-Ray's `X-Amzn-Trace-Id`.
                        XAmznTraceId: TraceAndText = "x-amzn-trace-id",
                    }
                    names: ["xray"], in_all: Read, preserves: Decision, set_by: Infrastructure,
                }
                CloudTrace {
                    fields: {
                        /// Google's `X-Cloud-Trace-Context`.
                        XCloudTraceContext: Trace = "x-cloud-trace-context",
                    }
                    names: ["cloudtrace"], in_all: Read, preserves: Decision, set_by: Infrastructure,
                }
                Correlation {
                    fields: {}
                    names: ["correlation:HEADER"], in_all: No, letter: Some('c'), preserves: Text,
                }
                Baggage {
                    fields: {
                        /// W3C `baggage`.
                        Baggage: Text = "baggage",
                    }
                    names: ["baggage"], in_all: ReadAndWrite,
                }
            }
            unread {
                /// AppDynamics, Lightstep and others before W3C: `x-ot-span-context`.
                OtSpanContext = "x-ot-span-context",
                /// `x-dynatrace`.
                Dynatrace = "x-dynatrace",
                /// `x-honeycomb-trace`.
                HoneycombTrace = "x-honeycomb-trace",
                /// SolarWinds' `x-trace`.
                SolarWinds = "x-trace",
                /// SolarWinds' `x-trace-options`.
                SolarWindsOptions = "x-trace-options",
                /// Application Insights' `request-context`.
                RequestContext = "request-context",
                /// Application Insights' `correlation-context`.
                CorrelationContext: Text = "correlation-context",
                /// Envoy's `x-client-trace-id`.
                ClientTraceId = "x-client-trace-id",
                /// Envoy's `x-envoy-force-trace`.
                EnvoyForceTrace = "x-envoy-force-trace",
            }
        }
    };
}
