//! A plain client: the headers that arrive at a server on loopback.

mod common;

use common::{Server, values};
use reqwest::{Client, RequestBuilder};
use traceprop_core::{
    Allow, InContext, InjectOptions, OwnedContext, Propagator, SpanContext, SpanId, TraceId,
    format::{CustomHeader, Format, FormatFields, Headers, InjectContext, Outcome, Parsed, Writer},
    presets,
};
use traceprop_reqwest::{Call, Propagate};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn propagator() -> Propagator {
    presets::W3C.propagator()
}

fn trace_id() -> TraceId {
    TRACE.parse().expect("an id")
}

fn span_id(hex: &str) -> SpanId {
    hex.parse().expect("an id")
}

/// Returns the context of a service that received these headers.
fn called_with(headers: &[(&str, &str)]) -> OwnedContext {
    let propagator = propagator();
    let headers: Vec<_> = headers.to_vec();
    let extraction = propagator.extract(&headers);
    let trace_id = extraction.context().map_or(trace_id(), |context| context.trace_id);
    OwnedContext::from_span(&extraction, &extraction.span_with_ids(trace_id, span_id("b7ad6b7169203331")))
}

fn caller() -> OwnedContext {
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    called_with(&[
        ("traceparent", &traceparent),
        ("tracestate", "rojo=1,congo=2"),
        ("baggage", "tenant=acme,session=secret"),
    ])
}

async fn send(request: RequestBuilder) {
    let response = request.send().await.expect("the server answers");
    assert_eq!(response.status(), 200);
}

/// Returns trace id, span id and flags of the only traceparent.
#[track_caller]
fn traceparent(headers: &axum::http::HeaderMap) -> (String, String, String) {
    let [value] = values(headers, "traceparent").try_into().expect("just one traceparent");
    let [version, trace_id, span_id, flags] = value.split('-').collect::<Vec<_>>().try_into().expect("four parts");
    assert_eq!(version, "00");
    (trace_id.into(), span_id.into(), flags.into())
}

#[tokio::test]
async fn ok_current_context_is_injected_as_a_child_with_its_own_id() {
    let server = Server::start().await;
    let client = Client::new();
    let work = async {
        send(client.get(server.url()).propagate(&propagator())).await;
        send(client.get(server.url()).propagate(&propagator())).await;
    };
    work.in_context(caller()).await;

    let [first, second] = server.requests().try_into().expect("two requests");
    let (first_trace, first_span, flags) = traceparent(&first);
    let (second_trace, second_span, _) = traceparent(&second);
    assert_eq!((first_trace.as_str(), second_trace.as_str(), flags.as_str()), (TRACE, TRACE, "01"));
    assert_ne!(first_span, second_span);
    assert!(![PARENT, "b7ad6b7169203331"].contains(&first_span.as_str()));
    assert_eq!(values(&first, "tracestate"), ["rojo=1,congo=2"]);
}

#[tokio::test]
async fn ok_nothing_is_written_or_removed_without_a_context() {
    let server = Server::start().await;
    send(Client::new().get(server.url()).header("tracestate", "mine=1").propagate(&propagator())).await;
    let request = server.request();
    assert_eq!((values(&request, "traceparent"), values(&request, "tracestate")), (vec![], vec!["mine=1"]));
    assert!(!request.contains_key("x-traceprop-probe"));
}

#[tokio::test]
async fn ok_span_of_a_tracer_is_sent_unchanged() {
    let server = Server::start().await;
    let span = SpanContext::new(trace_id(), span_id("0102030405060708"));
    send(Client::new().get(server.url()).propagate_span(&propagator(), &span)).await;
    let (trace, span, flags) = traceparent(&server.request());
    assert_eq!((trace.as_str(), span.as_str(), flags.as_str()), (TRACE, "0102030405060708", "00"));
}

#[tokio::test]
async fn ok_passthrough_forwards_what_is_received() {
    let server = Server::start().await;
    let received = format!("cc-{TRACE}-{PARENT}-01-later");
    let context = {
        let propagator = propagator();
        let request = [("traceparent", received.as_str())];
        OwnedContext::from_passthrough(&propagator.extract(&request))
    };
    send(Client::new().get(server.url()).propagate_context(&propagator(), &context)).await;
    assert_eq!(values(&server.request(), "traceparent"), [received.as_str()]);
}

#[tokio::test]
async fn ok_baggage_is_sent_only_where_the_call_allows_it() {
    let server = Server::start().await;
    let (client, context, propagator) = (Client::new(), caller(), propagator());
    send(client.get(server.url()).propagate_context(&propagator, &context)).await;
    let call = Call::new(&propagator).context(&context);
    let some = call.inject_options(InjectOptions::new().allow_baggage(Allow::Only(&["tenant"])));
    send(client.get(server.url()).propagate_with(&some)).await;
    send(client.get(server.url()).propagate_with(&call.inject_options(InjectOptions::everything()))).await;

    let requests = server.requests();
    let baggage: Vec<_> = requests.iter().map(|request| values(request, "baggage")).collect();
    assert_eq!(baggage, [vec![], vec!["tenant=acme"], vec!["tenant=acme,session=secret"]]);
}

#[tokio::test]
async fn ok_inject_says_what_was_omitted() {
    let (context, propagator) = (caller(), propagator());
    let call = Call::new(&propagator).context(&context);
    let mut request = Client::new().get("http://stock.internal/").build().expect("a request");
    let omitted = call.inject(&mut request);
    assert_eq!(omitted.to_string(), "baggage: 2 members omitted (not-allowed)");
}

#[tokio::test]
async fn ok_stale_headers_of_the_format_are_replaced_and_no_others() {
    let server = Server::start().await;
    let stale = format!("00-{}-{PARENT}-00", "f".repeat(32));
    let request = Client::new()
        .get(server.url())
        .header("traceparent", &stale)
        .header("x-mine", "1")
        .header("traceparent", &stale)
        .header("tracestate", "stale=1")
        .header("b3", "0")
        .header("x-mine", "2");
    let traceparent_line = format!("00-{TRACE}-{PARENT}-01");
    let context = called_with(&[("traceparent", &traceparent_line)]);
    send(request.propagate_context(&propagator(), &context)).await;

    let request = server.request();
    assert_eq!(traceparent(&request).0, TRACE);
    assert_eq!(values(&request, "tracestate"), [""; 0]);
    assert_eq!((values(&request, "b3"), values(&request, "x-mine")), (vec!["0"], vec!["1", "2"]));
}

#[tokio::test]
async fn ok_method_body_and_timeout_of_the_builder_stay() {
    let timeout = std::time::Duration::from_secs(7);
    let request = Client::new().post("http://stock.internal/").body("four").timeout(timeout);
    let request = request.propagate_context(&propagator(), &caller()).build().expect("a request");
    let body = request.body().and_then(reqwest::Body::as_bytes);
    assert_eq!(
        (request.method(), body, request.timeout()),
        (&reqwest::Method::POST, Some(&b"four"[..]), Some(&timeout))
    );
    assert_eq!(request.headers().len(), 2, "traceparent and tracestate");
}

#[tokio::test]
async fn err_send_tells_what_was_wrong_with_the_builder() {
    let client = Client::new();
    let request = |context: Option<&OwnedContext>| {
        let request = client.get("http://stock.internal/").header("x-mine", "line\nend");
        match context {
            Some(context) => request.propagate_context(&propagator(), context),
            None => request,
        }
    };
    let error = request(Some(&caller())).send().await.expect_err("a bad header");
    let without = request(None).send().await.expect_err("a bad header");
    assert!(error.is_builder());
    assert_eq!(format!("{error:?}"), format!("{without:?}"));
}

/// The leak that the crate's documentation describes: redirects of a plain client are not checked.
#[tokio::test]
async fn ok_redirect_of_a_plain_client_takes_the_headers_along() {
    let elsewhere = Server::start().await;
    let server = Server::redirecting_to(elsewhere.url()).await;
    let (context, propagator) = (caller(), propagator());
    let call = Call::new(&propagator).context(&context).inject_options(InjectOptions::new().allow_baggage(Allow::All));
    send(Client::new().get(server.url()).propagate_with(&call)).await;
    let (first, second) = (server.request(), elsewhere.request());
    assert_eq!(traceparent(&first), traceparent(&second));
    assert_eq!(values(&second, "baggage"), ["tenant=acme,session=secret"]);

    let careful = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let response = careful.get(server.url()).propagate_with(&call).send().await.expect("the server answers");
    assert_eq!((response.status().as_u16(), elsewhere.requests().len()), (307, 1));
}

/// Writes the peer, as sw8 does inside its value.
struct Peer;

const FIELD: CustomHeader = CustomHeader::from_static("x-peer");

impl Format for Peer {
    fn name(&self) -> &str {
        "peer"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::custom(&[FIELD])
    }

    fn extract(&self, _: &Headers<'_>) -> Parsed {
        Parsed::new(Outcome::Absent)
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        writer.write_custom(&FIELD, context.options().peer_or("unknown"));
    }
}

#[tokio::test]
async fn ok_peer_is_the_authority_of_the_url_unless_the_call_names_one() {
    let server = Server::start().await;
    let propagator = Propagator::builder().with_format(Peer).build().expect("one format");
    let span = SpanContext::new(trace_id(), span_id(PARENT));
    let client = Client::new();
    let url = format!("http://user:secret@{}/items", server.address);
    send(client.get(url).propagate_span(&propagator, &span)).await;
    let call = Call::new(&propagator).span(&span).inject_options(InjectOptions::new().peer("stock"));
    send(client.get(server.url()).propagate_with(&call)).await;

    let address = server.address.to_string();
    let requests = server.requests();
    let peers: Vec<_> = requests.iter().map(|request| values(request, "x-peer")).collect();
    assert_eq!(peers, [vec![address.as_str()], vec!["stock"]]);
}
