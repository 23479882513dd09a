//! An order is put into a queue and processed minutes later, by another service: the context travels with the message,
//! and outlives the request that caused it.

use traceprop_core::{
    Allow, Carrier, IdBits, InContext, InjectOptions, OwnedContext, Pairs, Sampling, SpanId, TraceId, presets,
};

/// A message as a broker stores it.
struct Message {
    headers: Vec<(String, Vec<u8>)>,
    body: &'static str,
}

impl Message {
    /// Creates a message as a client library needs it: owned names, values as bytes.
    fn new(body: &'static str, headers: Pairs) -> Self {
        let content_type = ("content-type".to_owned(), b"text/plain".to_vec());
        let headers = headers.into_iter().map(|(name, value)| (name, value.into_bytes()));
        Self { headers: std::iter::once(content_type).chain(headers).collect(), body }
    }
}

impl Carrier for Message {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

const REQUEST: [(&str, &str); 3] = [
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"),
    ("tracestate", "rojo=1"),
    ("baggage", "tenant=shoes,secret=42"),
];

/// Runs the service that accepts the order: it puts a message into the queue for each line of it.
fn take_order() -> Vec<Message> {
    let propagator = presets::W3C.propagator();
    let extraction = propagator.extract(&REQUEST);
    let span = extraction.new_span(&|| IdBits::random(0x0b));
    let owned = OwnedContext::from_span(&extraction, &span);
    let sends = ["shoes", "hats"].into_iter().zip(1..).map(|(body, id)| {
        let send = owned.span().expect("a span").child(SpanId::new(0xc0 + id).expect("not zero"));
        let mut headers = Pairs::new();
        let outgoing = InjectOptions::new()
            .endpoint("orders")
            .sent_at_ms(1_700_000_000_000)
            .allow_baggage(Allow::Only(&["tenant"]));
        propagator.inject(&send, &outgoing, &mut headers);
        Message::new(body, headers)
    });
    sends.collect()
}

#[test]
fn ok_each_message_continues_the_trace_under_a_span_of_its_own() {
    let propagator = presets::W3C.propagator();
    let queue = take_order();
    let parents: Vec<_> = queue
        .iter()
        .map(|message| {
            let extraction = propagator.extract(message);
            let context = extraction.context().expect("a context");
            assert_eq!(context.trace_id, TraceId::new(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736).expect("not zero"));
            assert_eq!((context.sampling, context.random), (Sampling::Sampled, true));
            assert_eq!(extraction.tracestate().get("rojo"), Some("1"));
            assert_eq!(
                extraction.baggage().iter().map(|member| member.to_string()).collect::<Vec<_>>(),
                ["tenant=shoes"]
            );
            (message.body, context.parent_id.map(SpanId::get))
        })
        .collect();
    assert_eq!(parents, [("shoes", Some(0xc1)), ("hats", Some(0xc2))]);
}

#[test]
fn ok_a_broker_that_loses_letter_case_and_order_loses_no_trace() {
    let propagator = presets::W3C.propagator();
    let mut message = take_order().remove(0);
    message.headers.reverse();
    for (name, _) in &mut message.headers {
        *name = name.to_uppercase();
    }
    assert_eq!(propagator.extract(&message).context().and_then(|context| context.parent_id), SpanId::new(0xc1));
}

#[test]
fn ok_work_in_the_background_is_done_in_the_context_of_its_message() {
    let propagator = presets::W3C.propagator();
    let work: Vec<_> = take_order()
        .into_iter()
        .map(|message| {
            let extraction = propagator.extract(&message);
            let span = extraction.new_span(&|| IdBits::random(0x0f));
            let job = OwnedContext::from_span(&extraction, &span);
            // The message is gone before the work begins.
            drop(message);
            std::thread::spawn(
                job.wrap(|| OwnedContext::current().and_then(|context| context.parent_id()).map(SpanId::get)),
            )
        })
        .collect();
    let parents: Vec<_> = work.into_iter().map(|work| work.join().expect("no panic")).collect();
    assert_eq!(parents, [Some(0xc1), Some(0xc2)]);
    assert!(OwnedContext::current().is_none());
}

#[test]
fn ok_a_dead_letter_goes_back_unchanged() {
    let propagator = presets::W3C.propagator();
    let message = take_order().remove(1);
    let mut again = Pairs::new();
    propagator.inject(propagator.extract(&message).passthrough(), &InjectOptions::everything(), &mut again);
    assert_eq!(Message::new(message.body, again).headers, message.headers);
}

#[test]
fn ok_futures_carry_the_context_along() {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    let propagator = presets::W3C.propagator();
    let message = take_order().remove(0);
    let extraction = propagator.extract(&message);
    let owned = OwnedContext::from_passthrough(&extraction);
    let work =
        async { OwnedContext::current().and_then(|context| context.tracestate().get("rojo").map(str::to_owned)) };
    let mut work = pin!(work.in_context(owned));
    let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(polled, Poll::Ready(Some("1".to_owned())));
}
