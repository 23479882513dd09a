//! Tests of what a format receives, and of a format by reference.

use super::{Format, FormatFields, InjectContext, Outcome, Parsed, Writer};
use crate::carrier::Headers;
use crate::context::InjectOptions;
use crate::field::{CustomHeader, Field, FieldSet};
use crate::formats::jaeger::Jaeger;
use crate::formats::sw8::Sw8;
use crate::formats::tracecontext::W3cTraceContext;
use crate::id::IdBits;
use crate::propagator::{ConfigError, Propagator};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

static SW8: Sw8 = Sw8::new("cart", "cart-1");
static READER: Sw8 = Sw8::read_only();
static JAEGER: Jaeger = Jaeger::new();

type HeaderPairs = Vec<(String, String)>;

const REQUEST: [(&str, &str); 4] = [
    ("sw8", "1-dGlja2V0-c2VnbWVudA==-3-cw==-aQ==-Lw==-cA=="),
    ("sw8-correlation", "YQ==:MQ=="),
    ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:b"),
    ("uberctx-a", "1"),
];

/// What a child and a passthrough send.
fn sent(propagator: &Propagator) -> (HeaderPairs, HeaderPairs) {
    let (mut child, mut forwarded) = (HeaderPairs::new(), HeaderPairs::new());
    let extraction = propagator.extract(&REQUEST);
    let span = extraction.new_span(&|| IdBits::non_random(1));
    propagator.inject(&span, &InjectOptions::everything(), &mut child);
    propagator.inject(extraction.passthrough(), &InjectOptions::everything(), &mut forwarded);
    (child, forwarded)
}

#[test]
fn ok_a_format_by_reference_is_the_same() {
    let builder = || Propagator::builder().with_format(W3cTraceContext::new());
    let (sw8, jaeger): (&'static Sw8, &'static Jaeger) = (&SW8, &JAEGER);
    for (plain, referenced) in [
        (builder().with_format(SW8.clone()), builder().with_format(sw8)),
        (builder().with_format(Jaeger::new()), builder().with_format(jaeger)),
    ] {
        let (plain, referenced) = (plain.build().unwrap(), referenced.build().unwrap());
        assert!(
            referenced.extract_names().eq(plain.extract_names()) && referenced.inject_names().eq(plain.inject_names())
        );
        let (child, forwarded) = sent(&plain);
        // Its own header, its baggage, traceparent, and the data that the tracestate preserves.
        assert_eq!((child.len(), forwarded.len()), (4, 4), "{child:?} {forwarded:?}");
        assert_eq!(sent(&referenced), (child, forwarded));
    }
    let error = builder().inject(&READER).build().unwrap_err();
    assert!(matches!(error, ConfigError::CannotInject { .. }), "{error:?}");
}

/// Writes headers with a prefix, and reports which suffixes were accepted.
struct Family([CustomHeader; 1]);

impl Format for Family {
    fn name(&self) -> &str {
        "family"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::built_in(FieldSet::of(&[Field::UberContext])).with_custom(&self.0)
    }

    fn extract(&self, _: &Headers<'_>) -> Parsed {
        Parsed::new(Outcome::Absent)
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let longest = "k".repeat(Writer::MAX_NAME_LEN - "uberctx-".len());
        let longer = format!("{longest}k");
        let names = ["a", "", "a b", "x: 1\r\ny", "é", &longest, &longer];
        let written = names.map(|name| writer.write_prefixed(Field::UberContext, "uberctx-", name, "1"));
        writer.write_custom(&self.0[0], format!("{written:?}"));
        writer.write_custom(&self.0[0], format!("{context:?} {writer:?}"));
    }
}

#[test]
fn err_a_suffix_that_makes_an_invalid_name() {
    let family = Family([CustomHeader::from_static("x-written")]);
    let propagator = Propagator::builder().extract_none().inject(family).build().unwrap();
    let mut headers = HeaderPairs::new();
    let span = crate::context::SpanContext::root(&|| IdBits::non_random(1));
    propagator.inject(&span, &InjectOptions::everything(), &mut headers);
    let names: Vec<_> = headers.iter().map(|(name, _)| (name.len(), name.starts_with("uberctx-"))).collect();
    assert_eq!(names, [(9, true), (128, true), (9, false), (9, false)]);
    assert_eq!(headers[2].1, "[true, false, false, false, false, true, false]");
    let (id, parent) = (span.trace_id(), span.span_id());
    let context =
        format!("InjectContext {{ trace_id: Some({id:?}), span_id: Some({parent:?}), sampling: Sampled, .. }}");
    assert!(headers[3].1.starts_with(&context) && headers[3].1.contains(" Writer { has_written: "), "{}", headers[3].1);
    assert!(headers[3].1.contains("has_written: true") && !headers[3].1.contains(&"x-written".to_string()));
}
