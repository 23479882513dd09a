//! `self_check`, step by step: it looks at what is set for the whole process, so this is one test.
#![cfg(feature = "tracing")]

use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use traceprop_core::presets;
use traceprop_opentelemetry::SetupProblem::{ForeignPropagator, NoContextActivation, NoTracingLayer, NotInstalled};
use traceprop_opentelemetry::{OtelPropagator, install, self_check};
use tracing_subscriber::layer::SubscriberExt;

#[test]
fn ok_each_mistake_is_named_until_it_is_corrected() {
    assert_eq!(self_check(), [NotInstalled, ForeignPropagator, NoTracingLayer]);

    assert!(install());
    assert!(!install());
    assert_eq!(self_check(), [ForeignPropagator, NoTracingLayer]);

    let w3c = opentelemetry_sdk::propagation::TraceContextPropagator::new;
    global::set_text_map_propagator(w3c());
    assert_eq!(self_check(), [ForeignPropagator, NoTracingLayer]);

    // It is found within a composite.
    let ours = OtelPropagator::new(presets::W3C);
    let both = opentelemetry::propagation::TextMapCompositePropagator::new(vec![Box::new(w3c()), Box::new(ours)]);
    global::set_text_map_propagator(both);
    assert_eq!(self_check(), [NoTracingLayer]);

    // A subscriber without the layer.
    tracing::subscriber::with_default(tracing_subscriber::registry(), || {
        assert_eq!(self_check(), [NoTracingLayer]);
    });

    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    for (activation, expected) in [(false, &[NoContextActivation][..]), (true, &[])] {
        let layer =
            tracing_opentelemetry::layer().with_tracer(provider.tracer("test")).with_context_activation(activation);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            assert_eq!(self_check(), expected);
        });
    }
    assert!(exporter.get_finished_spans().is_ok_and(|spans| spans.is_empty()));

    let texts =
        [NotInstalled, ForeignPropagator, NoTracingLayer, NoContextActivation].map(|problem| problem.to_string());
    assert!(texts.iter().all(|text| text.contains(": ") && !text.contains("  ")), "{texts:?}");
}
