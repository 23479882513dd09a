//! A context goes on in the format that it was received in.

use proptest::prelude::*;
use traceprop_core::formats::jaeger::Jaeger;
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{
    Carrier, IdBits, InjectOptions, OwnedContext, Pairs, Propagator, PropagatorBuilder, Sampling, SpanContext,
    format::InjectSource,
};

use crate::cases;
use crate::input::*;

fn builder(extract: &str, inject: &str) -> PropagatorBuilder {
    Propagator::builder().define(Sw8::new("cart", "cart-1")).names(extract, inject).expect("built-in names")
}

/// The names of all formats that write a context, each encoding of its own.
fn writers() -> Vec<String> {
    let all = builder("all", "none").build().expect("built-in formats");
    let names = all.extract_names().chain(["b3multi"]).filter(|name| *name != "baggage").map(str::to_owned);
    names.filter(|name| builder("none", name).build().is_ok()).collect()
}

fn written<'a>(propagator: &Propagator, source: impl Into<InjectSource<'a>>, options: &InjectOptions<'_>) -> Pairs {
    let mut headers = Pairs::new();
    propagator.inject(source, options, &mut headers);
    headers
}

/// What a request makes a propagator write: for a span and for a passthrough, from a borrowed and from an owned context.
fn forwarded(propagator: &Propagator, request: &impl Carrier, options: &InjectOptions<'_>) -> [Pairs; 4] {
    let extraction = propagator.extract(request);
    let span = extraction.new_span(&|| IdBits::random(0xb7ad_6b71_6920_3331));
    [
        written(propagator, &span, options),
        written(propagator, &OwnedContext::from_span(&extraction, &span), options),
        written(propagator, extraction.passthrough(), options),
        written(propagator, &OwnedContext::from_passthrough(&extraction), options),
    ]
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn ok_what_is_read_in_a_format_is_written_in_it(
        ids in (trace_id(), span_id()),
        sampling in prop_oneof![Just(Sampling::Sampled), Just(Sampling::NotSampled), Just(Sampling::Debug)],
    ) {
        let span = SpanContext::new(ids.0, ids.1).with_sampling(sampling);
        for name in writers() {
            let request = written(&builder("none", &name).build().expect("it writes"), &span, &InjectOptions::everything());
            let alone = builder("all", &name).build().expect("it writes");
            let with_text = builder("all", &format!("{name},baggage")).build().expect("it writes");
            let builder = || builder("all", "none");
            for gateway in [builder().inject_received(W3cTraceContext::new()), builder().inject_received(Jaeger::new())] {
                let gateway = gateway.build().expect("built-in formats");
                prop_assert!(gateway.extract(&request).context().is_some(), "{}", name);
                let trace_context = InjectOptions::new();
                prop_assert_eq!(
                    forwarded(&gateway, &request, &trace_context), forwarded(&alone, &request, &trace_context), "{}", name
                );
                let everything = InjectOptions::everything();
                prop_assert_eq!(
                    forwarded(&gateway, &request, &everything), forwarded(&with_text, &request, &everything), "{}", name
                );
            }
        }
    }

    #[test]
    fn ok_a_trace_without_a_received_context_is_written_in_the_default(ids in (trace_id(), span_id())) {
        let gateway = builder("all", "none").inject_received(Jaeger::new()).build().expect("built-in formats");
        let jaeger = builder("all", "jaeger").build().expect("a built-in format");
        let options = InjectOptions::new();
        let root = SpanContext::new(ids.0, ids.1);
        prop_assert_eq!(written(&gateway, &root, &options), written(&jaeger, &root, &options));
        // A decision alone is no format of a new trace.
        let request = [("b3", "0")];
        let [span, owned, passthrough, owned_passthrough] = forwarded(&gateway, &request, &options);
        let [expected, ..] = forwarded(&jaeger, &request, &options);
        prop_assert_eq!([&span, &owned], [&expected; 2]);
        for sent in [passthrough, owned_passthrough] {
            prop_assert!(sent.iter().eq([("b3", "0")]));
        }
    }
}
