//! The two ways out of a request: a passthrough forwards what was received, a span changes only the ids.

use traceprop_core::{InjectOptions, OwnedContext, Pairs, format::Outcome};

use crate::formats::{SUBJECTS, base64, writers};
use crate::requests::{broken, canonical, full, invalid, odd};
use crate::subject::{Lines, OWN_SPAN, SPAN, Subject, forward, inject_span, lines, outcome};

/// Returns the lines of each name, in order. The format chooses the order of the names.
fn by_name(headers: &[(String, String)]) -> Lines {
    let mut headers: Lines = headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    headers.sort_by(|(a, _), (b, _)| a.cmp(b));
    headers
}

/// Returns the received lines of a format. Those of a tracestate are joined.
fn received(subject: &Subject, request: &Lines) -> Lines {
    let mut received = Lines::new();
    for (name, value) in by_name(request).into_iter().filter(|(name, _)| subject.owns(name)) {
        match received.last_mut() {
            Some((last, joined)) if *last == name && name == "tracestate" => {
                *joined = [joined.trim(), value.trim()].join(",");
            }
            _ => received.push((name, value)),
        }
    }
    received
}

/// Returns what was written, without the encoding that was not received.
fn written(subject: &Subject, headers: &Pairs) -> Lines {
    let headers = headers.iter().filter(|(name, _)| !subject.also_writes.contains(name));
    by_name(&headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>())
}

#[test]
fn ok_a_passthrough_forwards_valid_lines_byte_for_byte() {
    for subject in SUBJECTS.iter() {
        let propagator = subject.propagator();
        for request in [canonical(subject), odd(subject)].concat() {
            let got = written(subject, &forward(&propagator, &request.as_slice()));
            assert_eq!(got, received(subject, &request), "{}", subject.name());
        }
    }
}

#[test]
fn ok_an_owned_context_forwards_what_the_request_does() {
    for subject in SUBJECTS.iter() {
        let propagator = subject.propagator();
        for request in [canonical(subject), odd(subject), full(subject), broken(subject)].concat() {
            let extraction = propagator.extract(&request);
            let owned = OwnedContext::from_passthrough(&extraction);
            for call in [InjectOptions::everything(), InjectOptions::new()] {
                let (mut direct, mut copied) = (Pairs::new(), Pairs::new());
                propagator.inject(extraction.passthrough(), &call, &mut direct);
                propagator.inject(&owned, &call, &mut copied);
                assert_eq!(direct, copied, "{}: {request:?}", subject.name());
            }
            if let Some(context) = extraction.context() {
                let span = extraction.span_with_ids(context.trace_id, OWN_SPAN);
                let owned = OwnedContext::from_span(&extraction, &span);
                let (mut direct, mut copied) = (Pairs::new(), Pairs::new());
                propagator.inject(&span, &InjectOptions::everything(), &mut direct);
                propagator.inject(&owned.span().expect("a span"), &InjectOptions::everything(), &mut copied);
                assert_eq!(direct, copied, "{}: {request:?}", subject.name());
            }
        }
    }
}

#[test]
fn err_what_cannot_be_read_is_not_forwarded() {
    for subject in SUBJECTS.iter() {
        let propagator = subject.propagator();
        for request in broken(subject) {
            assert!(matches!(outcome(subject, &request), Outcome::Invalid(_)), "{}: {request:?}", subject.name());
            let headers = forward(&propagator, &request.as_slice());
            assert!(headers.is_empty(), "{}: {headers:?} of {request:?}", subject.name());
        }
    }
}

/// Only the invalid line is lost: it is reported and not forwarded, the others are forwarded.
#[test]
fn err_an_invalid_line_is_not_forwarded() {
    for subject in SUBJECTS.iter() {
        let propagator = subject.propagator();
        for (request, name) in invalid(subject) {
            assert!(matches!(outcome(subject, &request), Outcome::Context(_)), "{}: {request:?}", subject.name());
            assert_eq!(propagator.explain(&request).invalid_headers().count(), 1, "{}: {request:?}", subject.name());
            let mut expected = received(subject, &request);
            expected.retain(|(known, _)| known != name);
            let got = written(subject, &forward(&propagator, &request.as_slice()));
            assert_eq!(got, expected, "{}: {request:?}", subject.name());
            let injected = inject_span(&propagator, &request.as_slice());
            // Readers of OpenTracing's headers need a decision, and Instana's is never missing.
            let replaced = injected.get(name).filter(|_| !["ot-tracer-sampled", "x-instana-l"].contains(&name));
            assert!(replaced.is_none(), "{}: {injected:?}", subject.name());
        }
    }
}

#[test]
fn ok_a_span_after_canonical_lines_changes_the_ids_alone() {
    for subject in writers() {
        let propagator = subject.propagator();
        for request in canonical(subject) {
            let (own, new) = ((subject.spell)(SPAN), (subject.spell)(OWN_SPAN));
            let expected = received(subject, &request).into_iter().map(|(name, value)| match name.as_str() {
                // What members there say about spans is not ours to change.
                "tracestate" => (name, value),
                _ => (name, value.replacen(&own, &new, 1)),
            });
            let expected: Lines = expected.collect();
            let got = written(subject, &inject_span(&propagator, &request.as_slice()));
            assert_eq!(got, expected, "{}: {request:?}", subject.name());
        }
    }
}

#[test]
fn ok_a_span_after_sw8_changes_what_names_the_caller() {
    let fields = |value: &str| value.split('-').map(str::to_owned).collect::<Vec<_>>();
    for subject in SUBJECTS.iter().filter(|subject| subject.name() == "sw8") {
        let parts = ["shop", "shop-1", "/cart", "cart:80"].map(base64).join("-");
        for (sample, trace) in [("1", "4afaa8a6341c4ac086962a353a63290e.87.17422198108383774"), ("0", "ticket/é")] {
            let received = format!("{sample}-{}-{}-3-{parts}", base64(trace), base64("segment"));
            let propagator = subject.propagator();
            let request = lines(&[(subject.main, &received)]);
            let extraction = propagator.extract(&request);
            let context = extraction.context().expect("it is valid");
            let mut headers = Pairs::new();
            let call = InjectOptions::new().endpoint("/pay").peer("bank:443");
            propagator.inject(&extraction.span_with_ids(context.trace_id, OWN_SPAN), &call, &mut headers);
            let got = fields(headers.get(subject.main).expect("an sw8"));
            let ours = ["cart", "cart-1", "/pay", "bank:443"].map(base64);
            assert_eq!(got[..2], fields(&received)[..2]);
            assert_eq!(got[2], (subject.spell)(OWN_SPAN));
            assert_eq!(got[3], "0");
            assert_eq!(got[4..], ours);
        }
    }
}

/// A span writes odd lines in the canonical form, which then stays.
#[test]
fn ok_a_span_writes_the_canonical_form() {
    for subject in writers() {
        let propagator = subject.propagator();
        for request in [odd(subject), full(subject), canonical(subject)].concat() {
            let once = written(subject, &inject_span(&propagator, &request.as_slice()));
            let twice = written(subject, &inject_span(&propagator, &once.as_slice()));
            assert_eq!(twice, once, "{}: {request:?}", subject.name());
            let forwarded = written(subject, &forward(&propagator, &once.as_slice()));
            assert_eq!(forwarded, once, "{}: {request:?}", subject.name());
        }
    }
}

/// Baggage is not sent unless the options of the call allow it.
#[test]
fn ok_baggage_does_not_leave_unasked() {
    for subject in SUBJECTS.iter() {
        let propagator = subject.propagator();
        for request in [full(subject), canonical(subject), odd(subject)].concat() {
            let extraction = propagator.extract(&request);
            let mut headers = Pairs::new();
            propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut headers);
            if let Some(context) = extraction.context() {
                let span = extraction.span_with_ids(context.trace_id, OWN_SPAN);
                propagator.inject(&span, &InjectOptions::new(), &mut headers);
            }
            let is_text = |name: &str| {
                let baggage = ["uberctx-", "jaeger-baggage", "sw8-correlation", "ot-baggage-"]
                    .iter()
                    .any(|field| name.contains(field));
                baggage || subject.name().starts_with("correlation:")
            };
            let leaked = headers.iter().find(|(name, _)| is_text(name));
            assert_eq!(leaked, None, "{}: {request:?}", subject.name());
        }
    }
}
