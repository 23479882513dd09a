//! Messages of AWS SQS, whose trace context is the system attribute `AWSTraceHeader`, handled in a Lambda function.
//!
//! The attribute has precedence over the trace of the invocation, which the runtime API sends with each event as
//! `Lambda-Runtime-Trace-Id`. Both hold the text of an `X-Amzn-Trace-Id` header.

#![allow(clippy::print_stdout, reason = "the example shows what it does")]

use traceprop_core::carrier::{FieldName, FieldValue};
use traceprop_core::formats::xray::{XRay, XRayIds};
use traceprop_core::{Carrier, CarrierMut, Field, InjectOptions, Propagator, RandomIds};

/// The system attribute of a message.
const ATTRIBUTE: &str = "AWSTraceHeader";

/// A message as a queue holds it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message {
    attributes: Vec<(String, String)>,
    body: String,
}

/// What the function is called with.
struct Event<'a> {
    message: &'a Message,
    /// The header `Lambda-Runtime-Trace-Id` of the runtime API. Each invocation has its own.
    invocation: Option<&'a str>,
}

/// The name of the header whose text the attribute and the invocation hold.
fn header() -> &'static str {
    Field::XAmznTraceId.name().unwrap_or_default()
}

impl Carrier for Event<'_> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let attributes = self.message.attributes.iter().filter(|(name, _)| name == ATTRIBUTE);
        // The first value that is not blank counts.
        let values = attributes.map(|(_, value)| value.as_str()).chain(self.invocation);
        values.map(|value| (header(), value.as_bytes()))
    }
}

impl CarrierMut for Message {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        // A message may have ten attributes of the application, and any number of headers in none of them.
        if name.as_str() == header() {
            self.attributes.push((ATTRIBUTE.to_owned(), value.to_string()));
        }
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        self.attributes.retain(|(name, _)| name != ATTRIBUTE || !stale(header()));
    }
}

/// Handles a message, and returns the message for the next queue.
fn handle(event: &Event<'_>, propagator: &Propagator) -> Message {
    let extraction = propagator.extract(event);
    // X-Ray expects the time in the first digits of the ids of new traces.
    let span = extraction.new_span(&XRayIds::new(RandomIds));
    let mut next = Message { body: event.message.body.to_uppercase(), ..Message::default() };
    propagator.inject(&span, &InjectOptions::new(), &mut next);
    next
}

fn main() -> Result<(), traceprop_core::ConfigError> {
    let propagator = Propagator::builder().with_format(XRay::new()).build()?;
    let attribute = "Root=1-67891204-edfd17dba1f976ec9b1bf481;Parent=83c3ec2055daf222;Sampled=1;Lineage=1:f4ae5ad5:0";
    let message =
        Message { attributes: vec![(ATTRIBUTE.to_owned(), attribute.to_owned())], body: "order 7".to_owned() };
    let event = Event { message: &message, invocation: Some("Root=1-6789abcd-0123456789abcdef01234567;Sampled=0") };
    println!("{:?}", handle(&event, &propagator));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "Root=1-67891204-edfd17dba1f976ec9b1bf481";
    const INVOCATION: &str = "Root=1-6789abcd-0123456789abcdef01234567;Sampled=0;Lineage=1:0b0b0b0b:3";

    /// Returns the attributes of the next message.
    fn next(attribute: Option<&str>, invocation: Option<&str>) -> Vec<(String, String)> {
        let propagator = Propagator::builder().with_format(XRay::new()).build().unwrap();
        let attributes = attribute.map(|value| (ATTRIBUTE.to_owned(), value.to_owned()));
        let mut message = Message { attributes: attributes.into_iter().collect(), body: "order 7".to_owned() };
        message.attributes.push(("SenderId".to_owned(), "cart".to_owned()));
        let sent = handle(&Event { message: &message, invocation }, &propagator);
        assert_eq!(sent.body, "ORDER 7");
        sent.attributes
    }

    #[test]
    fn ok_the_attribute_is_continued_with_its_lineage() {
        let attribute = format!("{TRACE};Parent=83c3ec2055daf222;Sampled=1;Lineage=1:f4ae5ad5:0");
        let [(name, value)] = &next(Some(&attribute), Some(INVOCATION))[..] else { panic!("one attribute") };
        assert_eq!(name, ATTRIBUTE);
        assert!(value.starts_with(&format!("{TRACE};Parent=")) && !value.contains("83c3ec2055daf222"), "{value}");
        assert!(value.ends_with(";Sampled=1;Lineage=1:f4ae5ad5:0"), "{value}");
    }

    #[test]
    fn ok_without_the_attribute_the_invocation_is_continued() {
        for attribute in [None, Some(" ")] {
            let [(_, value)] = &next(attribute, Some(INVOCATION))[..] else { panic!("one attribute") };
            assert!(value.starts_with("Root=1-6789abcd-0123456789abcdef01234567;Parent="), "{value}");
            assert!(value.ends_with(";Sampled=0;Lineage=1:0b0b0b0b:3"), "{value}");
        }
        let [(_, value)] = &next(None, None)[..] else { panic!("one attribute") };
        assert!(value.starts_with("Root=1-") && value.ends_with(";Sampled=1"), "{value}");
    }

    #[test]
    fn ok_an_older_attribute_is_replaced() {
        let propagator = Propagator::builder().with_format(XRay::new()).build().unwrap();
        let nothing: [(&str, &str); 0] = [];
        let span = propagator.extract(&nothing).new_span(&XRayIds::new(RandomIds));
        let attributes = [("SenderId", "cart"), (ATTRIBUTE, INVOCATION)];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut message = Message { attributes: attributes.into(), ..Message::default() };
        propagator.inject(&span, &InjectOptions::new(), &mut message);
        let names: Vec<_> = message.attributes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["SenderId", ATTRIBUTE]);
        assert!(!message.attributes[1].1.contains("Lineage"));
    }
}
