//! Trace context on outgoing [`reqwest`] requests.
//!
//! | you have | you take | redirects |
//! |---|---|---|
//! | a program of your own | [`Client`] and [`Rules`] | each hop is judged anew, with a span id of its own |
//! | a `reqwest::Client` that has to stay one | [`Propagate`], one method on the request builder | as reqwest follows them, see below |
//! | a `ClientWithMiddleware` | `PropagationMiddleware` (feature `middleware`) | as reqwest follows them, see below |
//!
//! All of them take the current context (the one that a server layer or [`OwnedContext::enter`] made current), give the
//! call a span id of its own and write both in every format of the propagator. Without a context they write nothing.
//!
//! # A client of its own
//!
//! Baggage and correlation ids are text of your users. They go only where a rule allows it; trace context goes to every
//! host that no rule keeps it from.
//!
//! ```
//! use traceprop_reqwest::{Client, Rules, Rule, presets};
//!
//! # async fn load() -> Result<(), Box<dyn std::error::Error>> {
//! let destinations = Rules::builder(presets::W3C)
//!     .rule("*.internal", Rule::trace_context().allow_baggage(["tenant"]))
//!     .rule("api.partner.example", Rule::trace_context())
//!     .rule("*", Rule::nothing())
//!     .build()?;
//! let client = Client::builder(destinations)
//!     .transport(reqwest::Client::builder().pool_max_idle_per_host(8)) // TLS, proxies, pools: what is reqwest's
//!     .timeout(std::time::Duration::from_secs(3)) // all hops together
//!     .build()?;
//! let response = client.get("http://stock.internal/items").send().await?;
//! # let _ = response;
//! # Ok(())
//! # }
//! ```
//!
//! [`Rules`] says how rules and headers that your code has set go together.
//!
//! # A plain client
//!
//! Call the method last. It writes trace context alone, unless a [`Call`] says more.
//!
//! ```
//! use traceprop_core::RandomIds;
//! use traceprop_reqwest::{Allow, Call, InjectOptions, OwnedContext, Propagate, SpanContext, presets};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let propagator = presets::W3C.propagator();
//! let client = reqwest::Client::new();
//! let span = SpanContext::root(&RandomIds);
//! let _current = OwnedContext::new(span).enter();
//!
//! // Mostly followed by `.send().await?`; built here to look at it.
//! let request = client.get("http://stock.internal:8080/items").propagate(&propagator).build()?;
//! let traceparent = request.headers()["traceparent"].to_str()?;
//! assert_eq!(traceparent[3..35], span.trace_id().to_string());
//! assert_ne!(traceparent[36..52], span.span_id().to_string());
//!
//! let call = Call::new(&propagator).inject_options(InjectOptions::new().allow_baggage(Allow::Only(&["tenant"])));
//! let request = client.get("http://stock.internal:8080/items").propagate_with(&call).build()?;
//! # let _ = request;
//! # Ok(())
//! # }
//! ```
//!
//! ## The leak in its redirects
//!
//! A plain [`reqwest::Client`] follows redirects below this crate, where nobody else is asked. It sends the headers of
//! the first request again to **every hop**, on other hosts too, and removes only credentials (`Authorization`,
//! `Cookie` and their like). So trace context goes to wherever the called server points, with the same span id on each
//! hop, and so does baggage that a call was allowed to send. Three ways out, the best first:
//!
//! 1. [`Client`].
//! 2. [`Rules::redirect_policy`]: it stops before a host that the rules do not allow.
//! 3. [`reqwest::redirect::Policy::none`].
//!
//! ## Its retries
//!
//! reqwest sends a request again, unasked, when an HTTP/2 server refused it before looking at it, and more often where
//! [`reqwest::ClientBuilder::retry`] says so. Both attempts have the same span id. To switch that off:
//!
//! ```
//! let client = reqwest::Client::builder().retry(reqwest::retry::never()).build()?;
//! # let _ = client;
//! # Ok::<(), reqwest::Error>(())
//! ```
//!
//! A [`Client`] has it switched off. Retry around it, or around `propagate`: each attempt then is a call with a span id of
//! its own.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `middleware` | `PropagationMiddleware`, for clients of the crate reqwest-middleware 0.5 |
//!
//! No feature of reqwest is turned on; choose TLS in your own manifest.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod call;
mod client;
#[cfg(feature = "middleware")]
mod middleware;
mod policy;
mod propagate;
mod redirect_policy;

pub use call::Call;
pub use client::{BuildError, Client, ClientBuilder, Error, Origin, RequestBuilder};
#[cfg(feature = "middleware")]
pub use middleware::{DisablePropagation, PropagationMiddleware};
pub use policy::{MAX_RULE_KEYS, PatternError, Rule, Rules, RulesBuilder, RulesError};
pub use propagate::Propagate;
pub use traceprop_core::{Allow, InjectOptions, OwnedContext, Propagator, SpanContext, presets};
