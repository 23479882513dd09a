//! What writing the headers of one call allocates.

use allocation_counter::measure;
use reqwest::{Method, Request};
use traceprop_core::{OwnedContext, SpanContext, presets};
use traceprop_reqwest::Call;

#[test]
fn ok_inject_takes_one_allocation_a_line() {
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
    let span = SpanContext::new(trace_id, "00f067aa0ba902b7".parse().unwrap());
    let context = OwnedContext::new(span).with_tracestate([("rojo", "1"), ("congo", "2")]).unwrap();
    let propagator = presets::W3C.propagator();
    let mut request = Request::new(Method::GET, "http://stock.internal:8080/items".parse().unwrap());
    // Room for the lines, and the thread's random generator, are there before the count begins.
    request.headers_mut().reserve(4);
    let call = Call::new(&propagator).context(&context);
    let _ = call.inject(&mut Request::new(Method::GET, "http://stock.internal/".parse().unwrap()));

    let count = measure(|| {
        let _ = call.inject(&mut request);
    });
    assert_eq!(request.headers().len(), 2);
    assert_eq!(count.count_total, 2);
}
