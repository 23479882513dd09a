//! Servers on loopback, with and without TLS, that keep the headers of each request, and clients that trust them.

#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderName, LOCATION, SET_COOKIE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

/// A self-signed certificate.
pub struct Authority {
    server: Arc<ServerConfig>,
    client: ClientConfig,
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl Authority {
    /// Creates a certificate for these names.
    ///
    /// # Panics
    /// Panics if the certificate cannot be created.
    pub fn new(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let certificate = made.cert.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).expect("a root");
        let server = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let server = server.expect("versions").with_no_client_auth().with_single_cert(vec![certificate], key);
        let client = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let client = client.expect("versions").with_root_certificates(roots).with_no_client_auth();
        Self { server: Arc::new(server.expect("a key of its own")), client }
    }

    /// Returns a builder of a client that trusts only this certificate.
    pub fn client(&self) -> reqwest::ClientBuilder {
        reqwest::Client::builder().no_proxy().tls_backend_preconfigured(self.client.clone())
    }
}

type Kept = Arc<Mutex<Vec<HeaderMap>>>;

/// A server.
pub struct Server {
    address: SocketAddr,
    scheme: &'static str,
    kept: Kept,
}

impl Server {
    /// Starts a server with TLS.
    pub async fn tls(authority: &Authority) -> Self {
        Self::start(Some(TlsAcceptor::from(Arc::clone(&authority.server)))).await
    }

    /// Starts a server without TLS.
    pub async fn plain() -> Self {
        Self::start(None).await
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
        let address = listener.local_addr().expect("it was bound");
        let kept = Kept::default();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = Self { address, scheme, kept: Arc::clone(&kept) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, tls) = (Arc::clone(&kept), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, kept).await,
                        // A client that does not trust the certificate closes the connection.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, kept).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    /// Returns the URL of this server under a host name.
    pub fn url(&self, host: &str) -> Url {
        format!("{}://{host}:{}/", self.scheme, self.address.port()).parse().expect("a URL")
    }

    /// Returns a URL of this server that redirects to `next`.
    pub fn to(&self, host: &str, next: &Url) -> Url {
        let mut url = self.url(host);
        url.query_pairs_mut().append_pair("to", next.as_str());
        url
    }

    /// Returns the headers of all received requests, in order.
    pub fn seen(&self) -> Vec<HeaderMap> {
        self.kept.lock().expect("no test panics with it").clone()
    }

    /// Returns the number of requests with a header of this name.
    pub fn count(&self, name: &str) -> usize {
        self.seen().iter().filter(|headers| headers.contains_key(name)).count()
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, kept: Kept) {
    let answer = service_fn(move |request| {
        let answer = answer(&request, &kept);
        async move { Ok::<_, Infallible>(answer) }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

/// Answers a request. Query parameter `to` redirects, `cookie` sets a cookie.
fn answer(request: &Request<Incoming>, kept: &Kept) -> Response<Full<Bytes>> {
    kept.lock().expect("no test panics with it").push(request.headers().clone());
    let url: Url = format!("http://server{}", request.uri()).parse().expect("a URL");
    let mut response = Response::new(Full::default());
    let mut set = |name: HeaderName, value: &str| {
        response.headers_mut().append(name, value.parse().expect("a value"));
    };
    let mut status = 200;
    for (name, value) in url.query_pairs() {
        match &*name {
            "cookie" => set(SET_COOKIE, &value),
            _ => {
                set(LOCATION, &value);
                status = 307;
            }
        }
    }
    *response.status_mut() = status.try_into().expect("a status");
    response
}
