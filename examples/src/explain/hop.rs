//! What one request carries.

use traceprop_core::format::Outcome;
use traceprop_core::{Propagator, Sampling, TraceId};

use super::input::Capture;
use crate::lines;

/// A request, explained.
#[derive(Clone, Debug)]
pub struct Hop {
    pub label: String,
    /// The line of `Propagator::explain`.
    pub explain: String,
    pub trace_id: Option<TraceId>,
    pub sampling: Sampling,
    /// The header that the context was read from.
    pub header: Option<String>,
    /// Every header that names a trace, with the trace.
    pub named: Vec<(String, TraceId)>,
    /// Datadog's priority, where it says more than the sampling decision: kept or dropped by a user.
    pub priority: Option<i32>,
    pub origin: Option<String>,
    /// The keys of the W3C baggage.
    pub baggage: Vec<String>,
    /// Whether a header is invalid.
    pub has_invalid: bool,
}

impl Hop {
    /// Explains a request.
    pub fn new(capture: &Capture, propagator: &Propagator) -> Self {
        let report = propagator.explain(&capture.headers);
        let extraction = report.extraction();
        let named = report.entries().filter_map(|entry| {
            let Outcome::Context(context) = entry.parsed.outcome() else { return None };
            Some((first_header(capture, entry.format)?, context.trace_id))
        });
        let datadog = extraction.datadog();
        let is_debug = extraction.sampling() == Sampling::Debug;
        Self {
            label: capture.label.clone(),
            explain: report.to_string(),
            trace_id: extraction.context().map(|context| context.trace_id),
            sampling: extraction.sampling(),
            header: extraction.source_format().and_then(|format| first_header(capture, format)),
            named: named.collect(),
            priority: datadog.priority().filter(|priority| !is_debug && !(0..=1).contains(priority)),
            origin: datadog.origin().map(|origin| origin.to_string()),
            baggage: extraction.baggage().iter().map(|member| member.key().to_owned()).collect(),
            has_invalid: report.invalid_headers().next().is_some(),
        }
    }

    /// Whether headers of a trace are there and none of them is valid.
    pub fn is_lost(&self) -> bool {
        self.trace_id.is_none() && self.sampling == Sampling::Deferred && self.has_invalid
    }
}

/// Returns whether the request has a trace header, read or not.
pub fn has_trace_header(capture: &Capture, propagator: &Propagator) -> bool {
    let custom = |name: &str| propagator.extract_fields().any(|field| field == name);
    let is_of_traces = |name: &str| lines::is_of_traces(name, propagator) || custom(name);
    capture.headers.iter().any(|(name, _)| is_of_traces(&name.to_ascii_lowercase()))
}

/// The name of the first header that a format reads.
fn first_header(capture: &Capture, format: &str) -> Option<String> {
    let reader = Propagator::from_names(format, "none").ok()?;
    let reads = |name: &str| reader.extract_fields().any(|field| field.eq_ignore_ascii_case(name));
    capture.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).find(|name| reads(name))
}

/// A hop of a test.
#[cfg(test)]
pub(super) fn hop(label: &str, headers: &[(&str, &str)]) -> Hop {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let capture = Capture { label: label.to_owned(), headers, is_of_browser: false };
    Hop::new(&capture, &Propagator::from_names("all,correlation:x-request-id", "none").unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_hop_names_every_header_of_a_trace() {
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let hop = hop(
            "cart",
            &[("B3", "80e1-1"), ("X-B3-TraceId", "7"), ("Traceparent", traceparent), ("baggage", "a=1,b=2")],
        );
        let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        assert_eq!((hop.trace_id, hop.header.as_deref()), (Some(trace_id), Some("traceparent")));
        assert_eq!((hop.named, hop.baggage), (vec![("traceparent".into(), trace_id)], vec!["a".into(), "b".into()]));
        assert!(hop.has_invalid);
    }

    #[test]
    fn ok_a_trace_is_lost_if_only_invalid_headers_are_there() {
        assert!(hop("a", &[("traceparent", "00-1")]).is_lost());
        assert!(!hop("a", &[("accept", "*/*")]).is_lost());
        assert!(!hop("a", &[("traceparent", "00-1"), ("b3", "0")]).is_lost());
    }
}
