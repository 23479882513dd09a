//! The services. One of them calls the two others at once.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use tokio::net::TcpListener;
use traceprop_core::{InContext, OwnedContext, Propagator, presets};
use traceprop_reqwest::{Client, Rule, Rules};
use traceprop_tower::{ExtractLayer, RequestContext};

use super::load::Load;
use super::watch::Watch;
use super::{SoakError, guards};

/// The formats that cart receives. Stock receives [`presets::W3C`].
const FOR_CART: &str = "b3,datadog,jaeger,baggage";

/// The running services.
#[derive(Clone, Copy, Debug)]
pub struct Services {
    edge: SocketAddr,
}

#[derive(Clone)]
struct Service {
    name: &'static str,
    watch: Arc<Watch>,
    client: Client,
    /// The addresses that it calls.
    calls: Arc<OnceLock<Vec<String>>>,
}

impl Services {
    /// Starts the services on loopback.
    pub(super) async fn start(watch: &Arc<Watch>) -> Result<Self, SoakError> {
        let (edge, at_edge) = listen().await?;
        let (cart, at_cart) = listen().await?;
        let (stock, at_stock) = listen().await?;
        let for_cart = Propagator::from_names("none", FOR_CART)?;
        let rules = Rules::builder(presets::W3C)
            .rule(&at_cart.to_string(), Rule::everything().propagator(for_cart))
            .rule("127.0.0.1", Rule::everything())
            .build()?;
        let transport = reqwest::Client::builder().no_proxy();
        let client = Client::builder(rules).transport(transport).build()?;
        let calls = |urls: Vec<String>| Arc::new(OnceLock::from(urls));
        for (name, listener, urls) in [
            ("edge", edge, vec![format!("http://{at_cart}"), format!("http://{at_stock}/moved")]),
            ("cart", cart, vec![]),
            ("stock", stock, vec![format!("http://{at_edge}/back")]),
        ] {
            let service = Service { name, watch: Arc::clone(watch), client: client.clone(), calls: calls(urls) };
            tokio::spawn(async move { axum::serve(listener, service.router()).await });
        }
        Ok(Self { edge: at_edge })
    }

    /// Returns the address for requests.
    pub(super) fn url(self) -> String {
        format!("http://{}", self.edge)
    }
}

async fn listen() -> Result<(TcpListener, SocketAddr), SoakError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

impl Service {
    fn router(self) -> Router {
        Router::new()
            .route("/{number}", get(serve))
            .route("/back/{number}", get(back))
            .route("/moved/{number}", get(moved))
            .layer(ExtractLayer::new(presets::ALL_TO_W3C))
            .with_state(self)
    }

    /// Checks the context in the handler, in a task and in a blocking thread.
    async fn look_around(&self, load: Load, own: Option<&OwnedContext>) {
        self.watch.look(self.name, load, own);
        guards::shuffle(&self.watch, Some(load));
        tokio::task::yield_now().await;
        self.watch.look_here(self.name, load);
        let (watch, name) = (Arc::clone(&self.watch), self.name);
        let task = async move {
            tokio::task::yield_now().await;
            watch.look_here(name, load);
        };
        let task = tokio::spawn(task.in_current_context()).await;
        let thread = match OwnedContext::current().filter(|_| load.number() % 16 == 0) {
            Some(context) => {
                let watch = Arc::clone(&self.watch);
                tokio::task::spawn_blocking(context.wrap(move || watch.look_here(name, load))).await
            }
            None => Ok(()),
        };
        if task.is_err() || thread.is_err() {
            self.watch.fault(format!("request {}, {name}: a task panicked", load.number()));
        }
    }

    /// Calls a service and checks that it answers with our trace id.
    async fn call(&self, url: &str, load: Load) {
        let request = self.client.get(format!("{url}/{}", load.number()));
        let answer = match request.send().await {
            Ok(answer) => answer.text().await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if answer.as_deref() != Ok(load.trace_id().to_string().as_str()) {
            self.watch.fault(format!("request {}, {}: {answer:?} of a call", load.number(), self.name));
        }
        self.watch.look_here(self.name, load);
    }
}

type Answer = Result<String, StatusCode>;

fn trace_of(context: Option<&OwnedContext>) -> Answer {
    context.and_then(OwnedContext::trace_id).map(|id| id.to_string()).ok_or(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn serve(State(service): State<Service>, Path(number): Path<u64>, RequestContext(own): RequestContext) -> Answer {
    let load = Load::new(number);
    service.look_around(load, own.as_ref()).await;
    match service.calls.get().map(Vec::as_slice) {
        Some([one, other]) => {
            tokio::join!(service.call(one, load), service.call(other, load));
        }
        Some([one]) => service.call(one, load).await,
        _ => {}
    }
    service.watch.look_here(service.name, load);
    trace_of(own.as_ref())
}

async fn back(State(service): State<Service>, Path(number): Path<u64>, RequestContext(own): RequestContext) -> Answer {
    service.look_around(Load::new(number), own.as_ref()).await;
    trace_of(own.as_ref())
}

/// Redirects to the service.
async fn moved(State(service): State<Service>, Path(number): Path<u64>) -> Redirect {
    service.watch.look_here(service.name, Load::new(number));
    Redirect::temporary(&format!("/{number}"))
}
