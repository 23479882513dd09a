//! The two ways out of a request: a passthrough forwards what came, a child changes the ids alone.

use traceprop_core::{InjectOptions, OwnedContext, Pairs, format::Outcome};

use crate::formats::{SUBJECTS, base64};
use crate::requests::{broken, canonical, full, odd, refused};
use crate::subject::{CHILD, Lines, SPAN, Subject, child, forward, lines, outcome};

/// The lines of each name, in order. Which name stands first is the format's to say.
fn by_name(headers: &[(String, String)]) -> Lines {
    let mut headers: Lines = headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    headers.sort_by(|(a, _), (b, _)| a.cmp(b));
    headers
}

fn came(subject: &Subject, request: &Lines) -> Lines {
    by_name(request).into_iter().filter(|(name, _)| subject.owns(name)).collect()
}

/// What was written, without the encoding that did not come.
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
            assert_eq!(got, came(subject, &request), "{}", subject.name());
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
                let span = extraction.span_with_ids(context.trace_id, CHILD);
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
fn err_what_cannot_be_read_is_not_passed_on() {
    for subject in SUBJECTS.iter() {
        let propagator = subject.propagator();
        for request in broken(subject) {
            assert!(matches!(outcome(subject, &request), Outcome::Invalid(_)), "{}: {request:?}", subject.name());
            let headers = forward(&propagator, &request.as_slice());
            assert!(headers.is_empty(), "{}: {headers:?} of {request:?}", subject.name());
        }
    }
}

/// A line that was refused costs itself: it is reported, it is not handed on, and the others are.
#[test]
fn err_an_invalid_line_is_not_forwarded() {
    for subject in SUBJECTS.iter() {
        let propagator = subject.propagator();
        for (request, name) in refused(subject) {
            assert!(matches!(outcome(subject, &request), Outcome::Context(_)), "{}: {request:?}", subject.name());
            assert_eq!(propagator.explain(&request).invalid_headers().count(), 1, "{}: {request:?}", subject.name());
            let mut expected = came(subject, &request);
            expected.retain(|(known, _)| known != name);
            let got = written(subject, &forward(&propagator, &request.as_slice()));
            assert_eq!(got, expected, "{}: {request:?}", subject.name());
            let child = child(&propagator, &request.as_slice());
            assert!(child.get(name).is_none(), "{}: {child:?}", subject.name());
        }
    }
}

#[test]
fn ok_a_child_of_canonical_lines_changes_the_ids_alone() {
    for subject in SUBJECTS.iter() {
        let propagator = subject.propagator();
        for request in canonical(subject) {
            let (own, new) = ((subject.spell)(SPAN), (subject.spell)(CHILD));
            let expected = came(subject, &request).into_iter().map(|(name, value)| match name.as_str() {
                // What members there say about spans is not ours to change.
                "tracestate" => (name, value),
                _ => (name, value.replacen(&own, &new, 1)),
            });
            let expected: Lines = expected.collect();
            let got = written(subject, &child(&propagator, &request.as_slice()));
            assert_eq!(got, expected, "{}: {request:?}", subject.name());
        }
    }
}

#[test]
fn ok_a_child_of_sw8_changes_what_names_the_caller() {
    let fields = |value: &str| value.split('-').map(str::to_owned).collect::<Vec<_>>();
    for subject in SUBJECTS.iter().filter(|subject| subject.name() == "sw8") {
        let parts = ["shop", "shop-1", "/cart", "cart:80"].map(base64).join("-");
        for (sample, trace) in [("1", "4afaa8a6341c4ac086962a353a63290e.87.17422198108383774"), ("0", "ticket/é")] {
            let came = format!("{sample}-{}-{}-3-{parts}", base64(trace), base64("segment"));
            let propagator = subject.propagator();
            let request = lines(&[(subject.main, &came)]);
            let extraction = propagator.extract(&request);
            let context = extraction.context().expect("it is valid");
            let mut headers = Pairs::new();
            let call = InjectOptions::new().endpoint("/pay").peer("bank:443");
            propagator.inject(&extraction.span_with_ids(context.trace_id, CHILD), &call, &mut headers);
            let got = fields(headers.get(subject.main).expect("an sw8"));
            let ours = ["cart", "cart-1", "/pay", "bank:443"].map(base64);
            assert_eq!(got[..2], fields(&came)[..2]);
            assert_eq!(got[2], (subject.spell)(CHILD));
            assert_eq!(got[3], "0");
            assert_eq!(got[4..], ours);
        }
    }
}

/// Odd lines go out of a child in the form of canonical ones, which then stays.
#[test]
fn ok_a_child_writes_the_canonical_form() {
    for subject in SUBJECTS.iter() {
        let propagator = subject.propagator();
        for request in [odd(subject), full(subject), canonical(subject)].concat() {
            let once = written(subject, &child(&propagator, &request.as_slice()));
            let twice = written(subject, &child(&propagator, &once.as_slice()));
            assert_eq!(twice, once, "{}: {request:?}", subject.name());
            let forwarded = written(subject, &forward(&propagator, &once.as_slice()));
            assert_eq!(forwarded, once, "{}: {request:?}", subject.name());
        }
    }
}

/// Text of the user's stays here, unless the call says that it may leave.
#[test]
fn ok_baggage_does_not_leave_unasked() {
    for subject in SUBJECTS.iter() {
        let propagator = subject.propagator();
        for request in [full(subject), canonical(subject), odd(subject)].concat() {
            let extraction = propagator.extract(&request);
            let mut headers = Pairs::new();
            propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut headers);
            if let Some(context) = extraction.context() {
                let span = extraction.span_with_ids(context.trace_id, CHILD);
                propagator.inject(&span, &InjectOptions::new(), &mut headers);
            }
            let is_text = |name: &str| {
                let baggage =
                    ["uberctx-", "jaeger-baggage", "sw8-correlation"].iter().any(|field| name.contains(field));
                baggage || subject.name().starts_with("correlation:")
            };
            let leaked = headers.iter().find(|(name, _)| is_text(name));
            assert_eq!(leaked, None, "{}: {request:?}", subject.name());
        }
    }
}
