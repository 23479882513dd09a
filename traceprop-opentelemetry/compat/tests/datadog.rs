//! datadog-opentelemetry, whose sampler and id generator are its own, with our propagator beside its propagator or instead.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::HashMap;
use std::net::SocketAddr;

use axum::extract::Request;
use axum::routing::get;
use axum::{Json, Router};
use datadog_opentelemetry::configuration::Config;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanBuilder, SpanKind};
use opentelemetry::{Context, global};
use opentelemetry_http::HeaderInjector;
use opentelemetry_instrumentation_tower::http::server::Layer as OtelTowerLayer;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SimpleSpanProcessor, SpanData};
use reqwest_middleware::ClientBuilder;
use traceprop_core::{OwnedContext, Propagator};
use traceprop_opentelemetry::{IncomingLinks, OtelPropagator, ServerLayer, SetupProblem, install, self_check};
use traceprop_reqwest::PropagationMiddleware;
use traceprop_tower::{AdoptingLayer, ExtractLayer};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const DATADOG: [(&str, &str); 5] = [
    ("x-datadog-trace-id", "11803532876627986230"),
    ("x-datadog-parent-id", "67667974448284343"),
    ("x-datadog-sampling-priority", "2"),
    ("x-datadog-origin", "rum"),
    ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-4"),
];

type Headers = HashMap<String, String>;

/// The process has one tracer provider and one propagator.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

static PROVIDERS: std::sync::Mutex<Vec<SdkTracerProvider>> = std::sync::Mutex::new(Vec::new());

/// What a request has led to.
#[derive(Debug)]
struct Outcome {
    spans: Vec<SpanData>,
    /// What instrumentation of others sends, and what our middleware sends.
    sent: [Headers; 2],
    /// The span that the extension of the request names.
    extension: Option<String>,
}

async fn serve(app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn plain() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn echo() -> SocketAddr {
    async fn headers(request: Request) -> Json<Headers> {
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        Json(request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect())
    }
    serve(Router::new().fallback(headers)).await
}

type AnyPropagator = Box<dyn TextMapPropagator + Send + Sync>;

/// How the service is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setup {
    /// Ours reads every format and writes those that Datadog's does not write. Datadog's follows.
    Beside,
    /// Datadog's, and then ours for B3 alone.
    AfterDatadogs,
    /// Ours alone.
    Instead,
    /// As `Beside`, with a `ServerLayer`, which does not use the global propagator.
    WithServerLayer,
}

impl Setup {
    fn propagators(self, datadogs: AnyPropagator) -> Vec<AnyPropagator> {
        let ours = |extract, inject| -> AnyPropagator {
            Box::new(OtelPropagator::new(Propagator::from_names(extract, inject).unwrap()))
        };
        match self {
            Self::Beside | Self::WithServerLayer => vec![ours(FORMATS, "b3"), datadogs],
            Self::AfterDatadogs => vec![datadogs, ours("b3", "b3")],
            Self::Instead => vec![ours(FORMATS, FORMATS)],
        }
    }
}

const FORMATS: &str = "datadog,tracecontext,b3,baggage";

fn formats() -> Propagator {
    Propagator::from_names(FORMATS, FORMATS).unwrap()
}

/// Sends a request through a service whose spans Datadog's tracer makes.
async fn through(setup: Setup, lines: &[(&str, &str)]) -> Outcome {
    let _turn = TURN.lock().await;
    // Nobody runs an agent.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut config = Config::builder();
    config.set_trace_agent_url(format!("http://{closed}")).set_telemetry_enabled(false);
    config.set_remote_config_enabled(false).set_trace_stats_computation_enabled(false);
    let exporter = InMemorySpanExporter::default();
    let mut tracing = datadog_opentelemetry::tracing().with_config(config.build());
    if setup == Setup::Instead {
        // Datadog's propagator adds links itself.
        tracing = tracing.with_span_processor(IncomingLinks::new());
    }
    let (provider, datadogs) = tracing.with_span_processor(SimpleSpanProcessor::new(exporter.clone())).init_local();
    // The last one that is dropped waits for the agent.
    PROVIDERS.lock().unwrap().push(provider.clone());
    global::set_tracer_provider(provider);
    global::set_text_map_propagator(TextMapCompositePropagator::new(setup.propagators(Box::new(datadogs))));
    install();
    assert_eq!(self_check(), [SetupProblem::NoTracingLayer]);

    let echo = echo().await;
    let client = ClientBuilder::new(plain()).with(PropagationMiddleware::new(formats())).build();
    let handler = async move |request: Request| {
        let context = request.extensions().get::<OwnedContext>().cloned();
        let extension = context.and_then(|context| context.span_id()).map(|id| id.to_string());
        let url = format!("http://{echo}/");
        let mut request = plain().get(&url).build().unwrap();
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&Context::current(), &mut HeaderInjector(request.headers_mut()));
        });
        let foreign: Headers = json(plain().execute(request).await.unwrap()).await;
        let ours: Headers = json(client.get(&url).send().await.unwrap()).await;
        Json((extension, [foreign, ours]))
    };
    let app = Router::new().route("/", get(handler));
    let app = match setup {
        Setup::WithServerLayer => {
            let builder = |_: &http::request::Parts| SpanBuilder::from_name("GET /").with_kind(SpanKind::Server);
            app.layer(ServerLayer::with_tracer(ExtractLayer::new(formats()), global::tracer("shop"), builder))
        }
        _ => app.layer(AdoptingLayer::new(formats())).layer(OtelTowerLayer::new()),
    };
    let shop = serve(app).await;
    let mut request = plain().get(format!("http://{shop}/"));
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    let (extension, sent) = json(request.send().await.unwrap()).await;
    let outcome = Outcome { spans: exporter.get_finished_spans().unwrap(), sent, extension };
    outcome.check_ids(setup);
    outcome
}

async fn json<T: serde::de::DeserializeOwned>(response: reqwest::Response) -> T {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

impl Outcome {
    /// Every format of both calls, the extension and the exported span have the same ids.
    fn check_ids(&self, setup: Setup) {
        let what = format!("{setup:?}: {self:#?}");
        for sent in &self.sent {
            let (trace, span) = (&sent["traceparent"][3..35], &sent["traceparent"][36..52]);
            assert_eq!(self.extension.as_deref(), Some(span), "{what}");
            assert!(sent["b3"].starts_with(&format!("{trace}-{span}-")), "{what}");
            let decimal = |hex| u64::from_str_radix(hex, 16).unwrap().to_string();
            assert_eq!(sent["x-datadog-trace-id"], decimal(&trace[16..]), "{what}");
            assert_eq!(sent["x-datadog-parent-id"], decimal(span), "{what}");
            if let [exported] = &*self.spans {
                let ids = &exported.span_context;
                assert_eq!((&*ids.trace_id().to_string(), &*ids.span_id().to_string()), (trace, span), "{what}");
            }
            let is_sampled = sent["traceparent"].ends_with(['1', '3']);
            assert_eq!(self.spans.len(), usize::from(is_sampled), "{what}");
            assert_eq!(sent["b3"].ends_with("-0"), !is_sampled, "{what}");
        }
    }

    fn parent(&self) -> (String, String) {
        (self.spans[0].span_context.trace_id().to_string(), self.spans[0].parent_span_id.to_string())
    }

    /// Returns a header of both calls.
    fn sent(&self, name: &str) -> [Option<&str>; 2] {
        self.sent.each_ref().map(|sent| sent.get(name).map(String::as_str))
    }

    /// Returns Datadog's tags of both calls, sorted.
    fn tags(&self) -> [Vec<&str>; 2] {
        self.sent("x-datadog-tags").map(|tags| {
            let mut tags: Vec<&str> = tags.unwrap_or_default().split(',').collect();
            tags.sort_unstable();
            tags
        })
    }
}

const TAGS: [&str; 2] = ["_dd.p.dm=-4", "_dd.p.tid=4bf92f3577b34da6"];

fn caller() -> (String, String) {
    (TRACE.to_owned(), PARENT.to_owned())
}

#[tokio::test]
async fn ok_priority_origin_and_tags_of_a_caller_go_on() {
    for setup in [Setup::Beside, Setup::Instead] {
        let outcome = through(setup, &DATADOG).await;
        assert_eq!(outcome.parent(), caller());
        assert_eq!(outcome.sent("x-datadog-sampling-priority"), [Some("2"); 2]);
        assert_eq!(outcome.sent("x-datadog-origin"), [Some("rum"); 2]);
        assert_eq!(outcome.tags(), [TAGS; 2]);
    }
}

#[tokio::test]
async fn ok_decisions_of_b3_are_followed_and_debug_goes_on() {
    for setup in [Setup::Beside, Setup::AfterDatadogs, Setup::Instead] {
        let outcome = through(setup, &[("b3", &format!("{TRACE}-{PARENT}-d"))]).await;
        assert_eq!(outcome.parent(), caller());
        let span = outcome.spans[0].span_context.span_id();
        let debug = format!("{TRACE}-{span}-d");
        assert_eq!(outcome.sent("b3"), [Some(&*debug); 2]);

        // A decision without a trace. With opentelemetry_sdk 0.33.0 a parent without ids would give a trace without an id.
        assert!(through(setup, &[("b3", "0")]).await.spans.is_empty());
        assert_eq!(through(setup, &[("b3", "1")]).await.parent().1, "0000000000000000");
    }
}

/// Datadog's sampler takes flags `02` for an open decision.
#[tokio::test]
async fn ok_the_random_flag_of_a_caller_is_no_open_decision() {
    let request = [("traceparent", &*format!("00-{TRACE}-{PARENT}-02"))];
    for setup in [Setup::Beside, Setup::Instead] {
        assert!(through(setup, &request).await.spans.is_empty());
    }
    let outcome = through(Setup::Instead, &request).await;
    assert!(outcome.sent("traceparent").iter().all(|line| line.unwrap().ends_with("-02")), "{outcome:#?}");
}

#[tokio::test]
async fn ok_a_trace_that_is_not_continued_is_linked_once() {
    let other = format!("00-{TRACE}-{PARENT}-01");
    let request = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "8"), ("traceparent", &*other)];
    for setup in [Setup::Beside, Setup::Instead] {
        let outcome = through(setup, &request).await;
        assert_eq!(outcome.parent(), ("00000000000000000000000000000007".to_owned(), "0000000000000008".to_owned()));
        let links = &outcome.spans[0].links;
        assert_eq!(links.len(), 1, "{setup:?}: {links:?}");
        assert_eq!(links.links[0].span_context.trace_id().to_string(), TRACE);
    }
}

/// Cannot work: Datadog's tracer tells who decided about a new trace, and its threshold, to its own propagator alone.
#[tokio::test]
async fn canary_the_decision_maker_of_a_new_trace_is_only_sent_by_datadogs_propagator() {
    let made = |outcome: &Outcome| {
        let has_maker = outcome.tags().map(|tags| tags.iter().any(|tag| tag.starts_with("_dd.p.dm=")));
        let threshold = outcome.sent("tracestate").map(|state| state.is_some_and(|state| state.contains("ot=")));
        assert_eq!(has_maker, threshold, "{outcome:#?}");
        has_maker
    };
    assert_eq!(made(&through(Setup::Beside, &[]).await), [true, false]);
    assert_eq!(made(&through(Setup::Instead, &[]).await), [false, false]);
}

/// Cannot work: Datadog's propagator takes `dd` out of the tracestate that OpenTelemetry sees, as a sampler might.
#[tokio::test]
async fn canary_data_that_was_received_in_dd_alone_is_only_sent_by_one_propagator() {
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let request = [("traceparent", &*traceparent), ("tracestate", "rojo=1,dd=s:2;o:rum;t.dm:-4")];
    for (setup, expected) in [(Setup::Beside, [Some("rum"), None]), (Setup::Instead, [Some("rum"); 2])] {
        let outcome = through(setup, &request).await;
        assert_eq!(outcome.sent("x-datadog-origin"), expected, "{setup:?}");
        assert!(outcome.sent("tracestate").iter().all(|state| state.unwrap().contains("rojo=1")), "{outcome:#?}");
    }
}

/// Cannot work: what ours has not read, our clients do not know.
#[tokio::test]
async fn canary_data_that_only_datadogs_propagator_reads_is_lost_by_our_clients() {
    let outcome = through(Setup::AfterDatadogs, &DATADOG).await;
    assert_eq!(outcome.parent(), caller());
    assert_eq!(outcome.sent("x-datadog-origin"), [Some("rum"), None]);
}

/// Cannot work: Datadog's tracer learns what was received from its own propagator.
#[tokio::test]
async fn canary_behind_a_server_layer_datadogs_tracer_does_not_know_what_was_received() {
    let outcome = through(Setup::WithServerLayer, &DATADOG).await;
    assert_eq!(outcome.parent(), caller());
    assert_eq!(outcome.sent("x-datadog-origin"), [None, Some("rum")]);
}

/// Cannot work: Datadog's propagator marks an open decision with flags `02`, the random flag, which our clients send.
#[tokio::test]
async fn canary_beside_datadogs_propagator_an_open_decision_is_sent_as_random() {
    let outcome = through(Setup::Beside, &DATADOG[..2]).await;
    assert_eq!(outcome.sent("traceparent").map(|line| &line.unwrap()[53..]), ["01", "03"]);
    let outcome = through(Setup::Instead, &DATADOG[..2]).await;
    assert_eq!(outcome.sent("traceparent").map(|line| &line.unwrap()[53..]), ["01", "01"]);
}
