//! The first omission is logged, and names what allows it.
#![cfg(feature = "tracing")]

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use opentelemetry::Context;
use opentelemetry::KeyValue;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use traceprop_core::{Allow, presets};
use traceprop_opentelemetry::OtelPropagator;

#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logs {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(propagators: &[OtelPropagator]) -> String {
    let logs = Logs::default();
    let sink = logs.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || sink.clone()).with_ansi(false).finish();
    tracing::subscriber::with_default(subscriber, || {
        let cx = Context::new().with_baggage([KeyValue::new("tenant", "secret")]);
        for propagator in propagators {
            propagator.inject_context(&cx, &mut HashMap::<String, String>::new());
        }
    });
    let bytes = logs.0.lock().expect("no panic").clone();
    String::from_utf8(bytes).expect("text")
}

#[test]
fn ok_the_first_omission_is_logged_at_warn_and_names_what_allows_it() {
    let propagator = OtelPropagator::new(presets::W3C);
    // Clones share it.
    let text = logged(&[propagator.clone(), propagator.clone(), propagator]);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("WARN") && text.contains("baggage: 1 member omitted (not-allowed)"), "{text}");
    assert!(text.contains("OtelPropagator::allow_baggage") && !text.contains("secret"), "{text}");
}

#[test]
fn ok_nothing_is_logged_if_nothing_is_omitted_or_someone_listens() {
    assert_eq!(logged(&[OtelPropagator::new(presets::W3C).allow_baggage(Allow::All)]), "");
    assert_eq!(logged(&[OtelPropagator::new(presets::W3C).on_omitted(|_, _| {})]), "");
}
