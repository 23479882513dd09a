//! An injector of OpenTelemetry as a carrier.

use opentelemetry::propagation::Injector;
use traceprop_core::CarrierMut;
use traceprop_core::carrier::{FieldName, FieldValue};

/// Writes to an injector, which can set a name and cannot add a line: lines of one name become one list.
pub(super) struct Setter<'a> {
    injector: &'a mut dyn Injector,
    /// The last line, until the next one has another name.
    line: Option<(Name, String)>,
}

enum Name {
    BuiltIn(&'static str),
    Other(String),
}

impl Name {
    fn as_str(&self) -> &str {
        match self {
            Self::BuiltIn(name) => name,
            Self::Other(name) => name,
        }
    }
}

impl<'a> Setter<'a> {
    pub(super) fn new(injector: &'a mut dyn Injector) -> Self {
        Self { injector, line: None }
    }

    /// Sets the last line.
    pub(super) fn finish(&mut self) {
        if let Some((name, value)) = self.line.take() {
            self.injector.set(name.as_str(), value);
        }
    }
}

impl CarrierMut for Setter<'_> {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        match &mut self.line {
            Some((known, line)) if known.as_str() == name.as_str() => {
                line.push(',');
                push(line, value);
            }
            _ => {
                self.finish();
                let mut line = String::with_capacity(value.len());
                push(&mut line, value);
                let fixed = name.field().name().filter(|fixed| *fixed == name.as_str());
                let name = fixed.map_or_else(|| Name::Other(name.as_str().to_owned()), Name::BuiltIn);
                self.line = Some((name, line));
            }
        }
    }

    /// Removes nothing: an injector cannot.
    fn remove_if(&mut self, _: &mut dyn FnMut(&str) -> bool) {}
}

fn push(line: &mut String, value: FieldValue<'_>) {
    use std::fmt::Write;

    match value.as_str() {
        Some(text) => line.push_str(text),
        None => {
            // A string accepts all text.
            let _ = write!(line, "{value}");
        }
    }
}
