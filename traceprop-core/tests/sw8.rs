//! sw8 is read, written, forwarded and shown without an allocation, whatever the length and the number of its values.
#![cfg(feature = "std")]

use std::fmt::{self, Write};

use allocation_counter::measure;
use traceprop_core::formats::sw8::{Sw8, trace_id_text};
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{
    Allow, CarrierMut, InjectOptions, Propagator, SpanId,
    carrier::{FieldName, FieldValue},
};

static SW8: Sw8 = Sw8::new("cart", "cart-1");
static W3C: W3cTraceContext = W3cTraceContext::new();

/// A carrier that holds its text in place.
struct Buffer {
    text: Box<[u8; 16 * 1024]>,
    len: usize,
}

impl Buffer {
    fn new() -> Self {
        Self { text: Box::new([0; 16 * 1024]), len: 0 }
    }
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.text.get_mut(self.len..self.len + text.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

impl CarrierMut for Buffer {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        writeln!(self, "{name}: {value}").expect("room for all lines");
    }

    fn remove_if(&mut self, _: &mut dyn FnMut(&str) -> bool) {}
}

const JAVA: &str = "1-NGFmYWE4YTYzNDFjNGFjMDg2OTYyYTM1M2E2MzI5MGUuODcuMTc0MjIxOTgxMDgzODM3NzQ=-c2VnbWVudA==-3-c2hvcA==-aTE=-L2NhcnQ=-Y2FydDo4MA==";

fn requests() -> Vec<Vec<(&'static str, String)>> {
    let long_id = format!("1-{}-c2VnbWVudA==-3-c2hvcA==-aTE=-L2NhcnQ=-Y2FydDo4MA==", "YWFh".repeat(300));
    let utf8 = format!("0-{}-c2VnbWVudA-3-6K6i5Y2V-6K6i5Y2V-6K6i5Y2V-6K6i5Y2V", "6K6i".repeat(80));
    let pairs = ("sw8-correlation", format!("YQ==:{},x,Yg:Mg,Yw==:Mw==", "YWFh".repeat(43)));
    vec![
        vec![("sw8", JAVA.into()), ("sw8-x", "1-7".into()), pairs.clone()],
        vec![("sw8", long_id), pairs.clone()],
        vec![("sw8", utf8), ("sw8-x", "1-x".into())],
        vec![("sw8", "1-YQ==-Yg==-0----".into()), ("sw8", format!("{JAVA}, 1-------")), pairs.clone(), pairs],
        vec![("sw8", "1-------".into()), ("sw8-correlation", "YQ==:MQ==".into())],
        vec![("sw8", "x".repeat(5000))],
        vec![("sw8", "1-YQ==-Yg==-0----".into()); 65],
    ]
}

#[test]
fn ok_nothing_is_allocated() {
    let builder = Propagator::builder().extract(&SW8).extract(W3C);
    let propagator = builder.inject(&SW8).inject(W3C).build().expect("an identity");
    let calls = [
        InjectOptions::new(),
        InjectOptions::everything().peer("stock:8080").endpoint("/cart").sent_at_ms(7),
        InjectOptions::new().allow_baggage(Allow::Only(&["b"])),
    ];
    for request in requests() {
        let mut buffer = Buffer::new();
        let count = measure(|| {
            let report = propagator.explain(&request);
            write!(buffer, "{report}").expect("room for the report");
            let extraction = propagator.extract(&request);
            if let Some(received) = extraction.sw8() {
                let pairs = received.correlation.iter().map(|(key, value)| key.len() + value.len());
                let len = received.header.trace_id().len() + pairs.sum::<usize>();
                write!(buffer, "{} {len}", received.header.service()).expect("room for the text");
            }
            std::hint::black_box(trace_id_text(request[0].1.as_bytes()));
            for call in &calls {
                let span = extraction.context().map(|context| extraction.span_with_ids(context.trace_id, SpanId::MIN));
                if let Some(span) = span {
                    propagator.inject(&span, call, &mut buffer);
                }
                propagator.inject(extraction.passthrough(), call, &mut buffer);
            }
        });
        assert_eq!(count.count_total, 0, "{:?}", request.first());
        assert!(buffer.len > 0);
    }
}

#[test]
fn regression_a_comma_after_the_value_is_not_part_of_it() {
    let propagator = Propagator::builder().with_format(SW8.clone()).build().expect("one format");
    let request = [("sw8", format!("{JAVA}, "))];
    let extraction = propagator.extract(&request);
    let peer = extraction.sw8().map(|received| received.header.peer().to_string());
    assert_eq!(peer.as_deref(), Some("cart:80"));
}
