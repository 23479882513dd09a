//! Attacks through a gateway that were found, each as a test: what a stranger sends does not leave by a copy of its request,
//! and decides nothing.

mod decisions;
mod gateway;
mod scopes;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName, Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use traceprop_core::IdBits;
use traceprop_tower::{ExtractLayer, InjectLayer, Propagator};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Formats that are all read and written.
const MIXED: &str = "tracecontext,b3,b3multi,datadog,jaeger,sw8,baggage";

fn propagator(extract: &str, inject: &str) -> Propagator {
    Propagator::from_names(extract, inject).expect("names of formats")
}

/// A listener for strangers or services, and a client.
fn listener(propagator: Propagator) -> ExtractLayer<impl traceprop_core::IdGenerator + Clone> {
    ExtractLayer::new(propagator).id_generator(|| IdBits::non_random(7))
}

fn client(propagator: Propagator) -> InjectLayer<impl traceprop_core::IdGenerator + Clone> {
    InjectLayer::new(propagator).id_generator(|| IdBits::non_random(9))
}

fn request(lines: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::get("http://shop.example/").body(()).expect("a request");
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        request.headers_mut().append(name, value.parse().expect("a value"));
    }
    request
}

/// Returns the lines that the upstream service receives from a gateway that forwards a copy of the request.
async fn forwarded<G, H>(listener: ExtractLayer<G>, client: InjectLayer<H>, received: Request<()>) -> Vec<String>
where
    G: traceprop_core::IdGenerator + Clone,
    H: traceprop_core::IdGenerator + Clone,
{
    let sent = Arc::<Mutex<HeaderMap>>::default();
    let upstream = service_fn(|request: Request<()>| {
        *sent.lock().expect("no panic") = request.headers().clone();
        std::future::ready(Ok::<_, Infallible>(Response::new(())))
    });
    let client = client.layer(upstream);
    let gateway = service_fn(|request: Request<()>| {
        // As a proxy does it: method, address and headers are copied, extensions are not.
        let mut copy = Request::new(());
        *copy.uri_mut() = "http://stock.internal/".parse().expect("an address");
        *copy.headers_mut() = request.headers().clone();
        client.clone().oneshot(copy)
    });
    let Ok(_) = listener.layer(gateway).oneshot(received).await;
    let sent = sent.lock().expect("no panic");
    let mut lines: Vec<_> =
        sent.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?"))).collect();
    lines.sort();
    lines
}

fn names(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.split(':').next()).collect()
}
