//! gRPC with tonic, both sides: a unary method without generated code, on a real socket.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::{Buf, BufMut};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};
use tower::{Service, ServiceBuilder, service_fn};
use traceprop_core::{RandomIds, SpanContext};
use traceprop_tower::{Allow, ExtractLayer, InjectLayer, InjectOptions, OwnedContext, Rule, Rules, presets};

const COUNT: &str = "/stock.Stock/Count";

/// Encodes messages as plain text.
#[derive(Clone, Default)]
struct Text;

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| Status::internal("no text"))
    }
}

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

/// The service as generated code defines it.
#[derive(Clone)]
struct Stock;

impl NamedService for Stock {
    const NAME: &'static str = "stock.Stock";
}

impl Service<http::Request<Body>> for Stock {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            if request.uri().path() != COUNT {
                return Ok(Status::unimplemented("").into_http());
            }
            Ok(tonic::server::Grpc::new(Text).unary(service_fn(count), request).await)
        })
    }
}

/// Responds with what it received: the trace, the parent, whether the span is its own, the baggage.
async fn count(request: Request<String>) -> Result<Response<String>, Status> {
    tokio::task::yield_now().await;
    let there = request.extensions().get::<OwnedContext>().cloned().ok_or_else(|| Status::internal("no extension"))?;
    let context = OwnedContext::current().ok_or_else(|| Status::internal("nothing is current"))?;
    let same = context.span_id() == there.span_id();
    let ids = (context.trace_id(), context.parent_id());
    let (Some(trace_id), Some(parent_id)) = ids else { return Err(Status::internal("no parent")) };
    let baggage = request.metadata().get("baggage").and_then(|value| value.to_str().ok()).unwrap_or("none");
    Ok(Response::new(format!("{} {trace_id} {parent_id} {same} {baggage}", request.get_ref())))
}

/// Serves until the test ends.
async fn serve<L, R>(server: Server<L>) -> SocketAddr
where
    L: tower::Layer<tonic::service::Routes> + Clone + Send + Sync + 'static,
    L::Service: Service<http::Request<Body>, Response = http::Response<R>> + Clone + Send + 'static,
    R: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    <L::Service as Service<http::Request<Body>>>::Future: Send,
    <L::Service as Service<http::Request<Body>>>::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut server = server;
    let serving = server.add_service(Stock).serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(serving);
    address
}

async fn channel(address: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{address}")).expect("a URI").connect().await.expect("a server")
}

async fn call<S>(client: &mut Grpc<S>, request: Request<String>) -> String
where
    S: GrpcService<Body>,
    S::ResponseBody: Send + 'static,
    <S::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if client.ready().await.is_err() {
        panic!("the channel is closed");
    }
    let path = COUNT.parse().expect("a path");
    client.unary(request, path, Text).await.expect("an answer").into_inner()
}

fn context() -> OwnedContext {
    OwnedContext::new(SpanContext::root(&RandomIds))
}

#[tokio::test]
async fn ok_call_continues_the_trace_with_its_own_span() {
    let address = serve(Server::builder().layer(ExtractLayer::new(presets::W3C))).await;
    let client = ServiceBuilder::new().layer(InjectLayer::new(presets::W3C)).service(channel(address).await);
    let mut client = Grpc::new(client);
    let context = context();
    let span = context.span().unwrap();
    let mut parents = Vec::new();
    for word in ["one", "two"] {
        let mut request = Request::new(word.to_owned());
        request.extensions_mut().insert(context.clone());
        let answer = call(&mut client, request).await;
        let words: Vec<_> = answer.split(' ').collect();
        let [said, trace, parent, same, baggage] = words[..] else { panic!("{answer}") };
        assert_eq!((said, trace, same, baggage), (word, &*span.trace_id().to_string(), "true", "none"));
        assert_ne!(parent, span.span_id().to_string());
        parents.push(parent.to_owned());
    }
    assert_ne!(parents[0], parents[1], "each call is a span");
}

#[tokio::test]
async fn ok_current_context_is_used() {
    use traceprop_tower::InContext;

    let address = serve(Server::builder().layer(ExtractLayer::new(presets::W3C))).await;
    let client = ServiceBuilder::new().layer(InjectLayer::new(presets::W3C)).service(channel(address).await);
    let context = context();
    let trace_id = context.trace_id().unwrap().to_string();
    let answer = call(&mut Grpc::new(client), Request::new("x".to_owned())).in_context(context).await;
    assert_eq!(answer.split(' ').nth(1), Some(&*trace_id));
}

#[cfg(feature = "http-body")]
#[tokio::test]
async fn ok_response_body_layer_fits_tonic() {
    let address = serve(Server::builder().layer(ExtractLayer::new(presets::W3C).include_response_body())).await;
    let client = ServiceBuilder::new().layer(InjectLayer::new(presets::W3C)).service(channel(address).await);
    let mut request = Request::new("x".to_owned());
    let context = context();
    request.extensions_mut().insert(context.clone());
    let answer = call(&mut Grpc::new(client), request).await;
    assert_eq!(answer.split(' ').nth(1), Some(&*context.trace_id().unwrap().to_string()));
}

/// The channel adds its address inside of the layer, so the layer sees an address only if the client has an origin.
#[tokio::test]
async fn ok_destination_is_known_if_the_client_has_an_origin() {
    let address = serve(Server::builder().layer(ExtractLayer::new(presets::W3C))).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let layer = InjectLayer::new(presets::W3C).inject_options_fn(move |uri| {
        log.lock().expect("no panic").push(uri.host().map(str::to_owned));
        Some(InjectOptions::new().allow_baggage(Allow::All))
    });
    let client = ServiceBuilder::new().layer(layer).service(channel(address).await);
    let origin: http::Uri = format!("http://{address}").parse().unwrap();
    for mut client in [Grpc::new(client.clone()), Grpc::with_origin(client, origin)] {
        let mut request = Request::new("x".to_owned());
        request.extensions_mut().insert(context());
        call(&mut client, request).await;
    }
    assert_eq!(*seen.lock().unwrap(), [None, Some("127.0.0.1".to_owned())]);
}

/// tonic's own metadata map cannot remove a `-bin` key by its name. The layer works on the headers below it.
#[tokio::test]
async fn ok_rules_judge_metadata_of_the_call_and_a_destination_without_an_origin_gets_nothing() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let names = tower::util::MapRequestLayer::new(move |request: http::Request<Body>| {
        let mut names: Vec<_> = request.headers().keys().map(|name| name.as_str().to_owned()).collect();
        names.retain(|name| !["te", "content-type", "user-agent"].contains(&name.as_str()));
        names.sort();
        log.lock().expect("no panic").push(names);
        request
    });
    let address =
        serve(Server::builder().layer(ServiceBuilder::new().layer(names).layer(ExtractLayer::new(presets::W3C)))).await;
    let rules = |rule| Rules::builder(presets::W3C).rule("127.0.0.1", rule).build().expect("good rules");
    let origin: http::Uri = format!("http://{address}").parse().unwrap();
    for (rule, origin) in
        [(Rule::everything(), Some(&origin)), (Rule::nothing(), Some(&origin)), (Rule::everything(), None)]
    {
        let layer = InjectLayer::new(presets::W3C).rules(rules(rule));
        let client = ServiceBuilder::new().layer(layer).service(channel(address).await);
        let client = match origin {
            Some(origin) => Grpc::with_origin(client, origin.clone()),
            None => Grpc::new(client),
        };
        for context in [Some(context()), None] {
            let mut request = Request::new("x".to_owned());
            let metadata = request.metadata_mut();
            metadata.insert_bin("grpc-trace-bin", tonic::metadata::MetadataValue::from_bytes(b"\0"));
            metadata.insert("x_b3_traceid", "1".parse().expect("text"));
            metadata.insert("x-mine", "1".parse().expect("text"));
            if let Some(context) = context {
                request.extensions_mut().insert(context);
            }
            let path = COUNT.parse().expect("a path");
            let mut client = client.clone();
            assert!(client.ready().await.is_ok());
            // Without a context the service has no parent to tell, and answers with an error.
            let _ = client.unary(request, path, Text).await;
        }
    }
    let (all, mine) = (&["grpc-trace-bin", "x-mine", "x_b3_traceid"][..], &["x-mine"][..]);
    let traced = &["grpc-trace-bin", "traceparent", "x-mine", "x_b3_traceid"][..];
    assert_eq!(*seen.lock().unwrap(), [traced, all, mine, mine, mine, mine]);
}
