//! OpenTelemetry with every trace header format of traceprop: one tree of spans, whoever calls and whoever is called.
//!
//! A service that exports spans with opentelemetry 0.33 needs this at start-up:
//!
//! ```
//! # #[cfg(all(feature = "sdk", feature = "tower", feature = "tracing"))] {
//! use axum::{Router, routing::get};
//! use opentelemetry::{global, trace::TracerProvider};
//! use opentelemetry_sdk::trace::{RandomIdGenerator, Sampler, SdkTracerProvider};
//! use traceprop_opentelemetry::{IncomingIds, IncomingLinks, IncomingSampler, OtelPropagator, ServerLayer};
//! use traceprop_tower::{ExtractLayer, presets};
//! use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};
//!
//! # let exporter = opentelemetry_sdk::trace::InMemorySpanExporter::default();
//! global::set_text_map_propagator(OtelPropagator::new(presets::ALL_TO_W3C));
//! let provider = SdkTracerProvider::builder()
//!     .with_sampler(IncomingSampler::new(Sampler::TraceIdRatioBased(0.1)))
//!     .with_id_generator(IncomingIds::new(RandomIdGenerator::default()))
//!     .with_span_processor(IncomingLinks::new())
//!     .with_batch_exporter(exporter)
//!     .build();
//! tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"))).init();
//! traceprop_opentelemetry::install();
//!
//! let server = ServerLayer::new(ExtractLayer::new(presets::ALL_TO_W3C), |request| {
//!     tracing::info_span!("request", otel.kind = "server", otel.name = %request.method)
//! });
//! let app: Router = Router::new().route("/", get(async || "hello")).layer(server);
//! # assert_eq!(traceprop_opentelemetry::self_check(), []);
//! # }
//! ```
//!
//! - Clients of this crate family (`Client`, `Propagate`, `PropagationMiddleware`, `InjectLayer`) then name the active span as
//!   the parent of a call. No handler changes.
//! - Instrumentation of others calls the global propagator, and reads and writes the same formats.
//! - Data of one vendor's headers goes on within its trace: Datadog's priority, origin and tags, the text of sw8, debug
//!   decisions of B3, all flags of Jaeger, correlation ids.
//! - Baggage and correlation ids are only sent where they are allowed, see [`OtelPropagator`].
//!
//! [`self_check`] finds mistakes of the setup that are silent otherwise. Call it once at start-up.
//!
//! # I already have a global propagator
//!
//! Replace it: an [`OtelPropagator`] reads and writes what a composite of OpenTelemetry's propagators does, and more. Where
//! the propagator has to stay, add `AdoptingLayer` of traceprop-tower inside of the layer that makes the server's span, and
//! call [`install`]. Calls then name the active span, with the tracestate and the baggage that the other propagator read.
//! What it did not read is lost.
//!
//! In a composite the last propagator that writes a name wins. Two of OpenTelemetry's propagators do not fit beside an
//! `OtelPropagator`:
//!
//! - `BaggagePropagator` sends all baggage to every host, whatever [`allow_baggage`](OtelPropagator::allow_baggage) says.
//! - `opentelemetry-propagator-b3` gives the SDK flags `02` for an open decision. The SDK's default sampler drops such a
//!   trace, because `02` means not sampled. In W3C it is the random flag.
//!
//! # I have another layer for server spans
//!
//! Keep axum-tracing-opentelemetry, opentelemetry-instrumentation-tower or your own layer. It uses the global propagator, so
//! set an `OtelPropagator`. For `Server-Timing`, log fields and handlers that ask for the context, add `AdoptingLayer` inside of
//! it. Trust and accepted baggage are those of the global propagator.
//!
//! Tests run axum-tracing-opentelemetry 0.42 and opentelemetry-instrumentation-tower 0.19. What such a layer cannot do:
//!
//! - A trace id that was received without a span, such as that of a correlation id, does not become the trace id of the
//!   request. These layers do not attach the context of the request when they start the span, so `IncomingIds` does not see
//!   it.
//! - The span of axum-tracing-opentelemetry has the level TRACE. If a filter of tracing-opentelemetry's layer disables it and
//!   another layer has it, the exported spans lose the caller: `set_parent` succeeds and does nothing. Let the target
//!   `otel::tracing` through at level TRACE, or use the feature `tracing_level_info` of that crate. If no layer has the span,
//!   calls and inner spans continue the caller's.
//!
//! # I have no `tracing`
//!
//! Leave out the feature `tracing`. `ServerLayer::with_tracer` makes the server's span with a tracer, and [`OtelCallSpans`]
//! makes a span for each hop of a call.
//!
//! ```
//! # #[cfg(feature = "tower")] {
//! use opentelemetry::{global, trace::{SpanBuilder, SpanKind}};
//! use traceprop_opentelemetry::ServerLayer;
//! use traceprop_tower::{ExtractLayer, presets};
//!
//! let extract = ExtractLayer::new(presets::ALL_TO_W3C);
//! let server = ServerLayer::with_tracer(extract, global::tracer("shop"), |request| {
//!     SpanBuilder::from_name(request.method.to_string()).with_kind(SpanKind::Server)
//! });
//! # let _ = server;
//! # }
//! ```
//!
//! # I want Datadog
//!
//! To export by OTLP to Datadog's agent or to a collector, use [`presets::DATADOG`](traceprop_core::presets::DATADOG) for the
//! propagator and for the layer. Priority, origin and tags of callers are continued.
//!
//! With datadog-opentelemetry 0.6, `init()` sets a global propagator of its own, from which Datadog's tracer learns what was
//! received. Use `init_local()`, and set a composite of two. The first is an `OtelPropagator` that reads every format, and
//! writes those that Datadog's does not write:
//!
//! ```
//! use opentelemetry::global;
//! use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
//! use traceprop_core::Propagator;
//! use traceprop_opentelemetry::OtelPropagator;
//!
//! # let datadogs = opentelemetry_sdk::propagation::TraceContextPropagator::new();
//! // let (provider, datadogs) = datadog_opentelemetry::tracing().init_local();
//! let ours = OtelPropagator::new(Propagator::from_names("all", "b3")?);
//! let both: Vec<Box<dyn TextMapPropagator + Send + Sync>> = vec![Box::new(ours), Box::new(datadogs)];
//! global::set_text_map_propagator(TextMapCompositePropagator::new(both));
//! # Ok::<(), traceprop_core::ConfigError>(())
//! ```
//!
//! Sampler, ids and links are then Datadog's: leave out `IncomingSampler`, `IncomingIds` and `IncomingLinks`. Make the
//! server's span with a layer that uses the global propagator, with `AdoptingLayer` inside of it. Ids agree in all formats,
//! and priority, origin and tags of a caller go on. What cannot work:
//!
//! - The decision maker (`_dd.p.dm`) and `ot` of a new trace are only sent through the global propagator. Datadog's tracer
//!   tells them to no one else, so clients of this crate family do not send them.
//! - Priority, origin and tags that were received in the tracestate alone go on through the global propagator alone: Datadog's
//!   propagator removes `dd` from what OpenTelemetry sees.
//! - An open decision of Datadog's headers has flags `02` in OpenTelemetry, which clients of this crate family send as the
//!   random flag.
//! - Behind a `ServerLayer`, Datadog's tracer does not know origin and tags of the caller.
//!
//! If an `OtelPropagator` replaces Datadog's propagator, add `IncomingLinks`. All received data then goes on through every
//! client. Missing are `_dd.p.dm` and `ot` of new traces, and what Datadog's tracer should have learned from its propagator.
//!
//! # Queues
//!
//! [`OtelContextExt::with_extraction`] continues the trace of a message. A consumer that takes several messages at once makes
//! one span with a link for each, see [`BatchLinks`].
//!
//! # Attempts and redirects
//!
//! All attempts of a call name the active span as their parent, unless each has a span. A middleware inside of the retry that
//! makes `tracing` spans is enough, such as reqwest-tracing 0.7 without its OpenTelemetry features: add the middleware of
//! reqwest-retry, then `TracingMiddleware`, then `PropagationMiddleware`. For the hops of a redirect give [`OtelCallSpans`] to
//! the `Client`.
//!
//! # Spawned tasks
//!
//! `tokio::spawn(work.in_current_span())` is enough: the `tracing` span has the OpenTelemetry context, for logs and for
//! calls. Without `tracing`, use `opentelemetry::context::FutureExt::with_current_context`.
//!
//! # Features
//!
//! All features are off by default. Without them there are the propagator, the conversions, the active span and the spans of
//! calls.
//!
//! | feature | adds |
//! |---|---|
//! | `sdk` | `IncomingSampler`, `IncomingIds` and `IncomingLinks` for opentelemetry_sdk |
//! | `tower` | `ServerLayer`, for axum, hyper and tonic |
//! | `tracing` | spans of `tracing` by tracing-opentelemetry 0.34; `WithOtelIds`, ids in JSON logs; a warning about omitted baggage |
//!
//! # Versions
//!
//! Each release has the number of the OpenTelemetry release that it is for. Types of two releases do not fit together, and
//! mostly fail silently: `cargo tree -d` must show one opentelemetry. A crate that needs an older release cannot take part,
//! such as the OpenTelemetry features of reqwest-tracing 0.7, which end at 0.32. Every patch release of opentelemetry 0.33
//! will do; datadog-opentelemetry 0.6 requires 0.33.0.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod active;
mod call_spans;
mod context;
mod convert;
mod propagator;
#[cfg(feature = "sdk")]
mod sdk;
mod self_check;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub mod server;
#[cfg(feature = "tracing")]
mod with_otel_ids;

pub use active::{OtelActiveSpan, install};
pub use call_spans::OtelCallSpans;
pub use context::{OtelContextExt, Remote};
pub use convert::{BatchLinks, ToLink, ToOtel, ToTraceprop};
pub use propagator::{Destination, OtelPropagator};
#[cfg(feature = "sdk")]
#[cfg_attr(docsrs, doc(cfg(feature = "sdk")))]
pub use sdk::{IncomingIds, IncomingLinks, IncomingSampler};
pub use self_check::{SetupProblem, self_check};
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use server::ServerLayer;
#[cfg(feature = "tracing")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub use with_otel_ids::WithOtelIds;

// The example of the README runs.
#[cfg(all(doctest, feature = "sdk", feature = "tower", feature = "tracing"))]
#[doc = include_str!("../README.md")]
struct Readme;
