//! Writes trace context to outgoing [`reqwest`] requests, by rules that say which host receives what.
//!
//! | you have | use | redirects |
//! |---|---|---|
//! | no client yet, or one that you can replace | [`Client`] and [`Rules`] | each hop is checked against the rules and has its own span id |
//! | a `reqwest::Client` that you cannot replace | [`Propagate`], one method on the request builder | followed by reqwest, see [below](#redirects-of-a-plain-client) |
//! | a `ClientWithMiddleware` | `PropagationMiddleware` (feature `middleware`) | followed by reqwest, see [below](#redirects-of-a-plain-client) |
//!
//! Each uses the current context, set by a server layer or [`OwnedContext::enter`]. It gives the call a span id of its own
//! and writes the context in every format of the propagator. Without a context it writes nothing.
//!
//! This crate enables no feature of reqwest. For https, enable one of its TLS features in your manifest.
//!
//! # The client
//!
//! ```
//! use traceprop_reqwest::{Client, Rule, Rules, presets};
//!
//! # fn serve(listener: std::net::TcpListener) -> std::io::Result<String> {
//! #     use std::io::{BufRead, BufReader, Write};
//! #     let mut stream = BufReader::new(listener.accept()?.0);
//! #     let mut head = String::new();
//! #     while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head)? > 0 {}
//! #     stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
//! #     Ok(head)
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let address = listener.local_addr()?;
//! # let server = std::thread::spawn(move || serve(listener));
//! # let span = traceprop_reqwest::SpanContext::root(&traceprop_core::RandomIds);
//! # let current = traceprop_reqwest::OwnedContext::new(span).enter();
//! let rules = Rules::builder(presets::W3C)
//!     .rule("*.internal", Rule::trace_context().allow_baggage(["tenant"]))
//!     .rule("api.partner.example", Rule::trace_context())
//!     .rule("*", Rule::nothing())
//!     .build()?;
//! let client = Client::builder(rules)
//! #   .transport(reqwest::Client::builder().no_proxy().resolve("stock.internal", address))
//!     .build()?;
//! let response = client.get("http://stock.internal/items").send().await?; // continues the current trace
//! # drop(current);
//! # assert!(response.status().is_success());
//! # assert!(server.join().expect("no panic")?.contains(&format!("traceparent: 00-{}", span.trace_id())));
//! # Ok(())
//! # }
//! ```
//!
//! Baggage and correlation ids often hold personal data, so a host receives them only if a rule allows it. Trace context is
//! sent to every host unless a rule forbids it. [`Rules`] describes patterns, and what happens to trace headers that a request
//! already has.
//!
//! # A plain client
//!
//! Call `propagate` after all other methods of the request builder: it replaces stale trace headers that they set. It
//! writes trace context only. To send baggage, use `propagate_with` and a [`Call`].
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
//! // Usually followed by `.send().await?`; built here to show the headers.
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
//! ## Redirects of a plain client
//!
//! A plain [`reqwest::Client`] follows redirects by itself and checks no rule. It sends the headers of the first request to
//! **every hop**, including other hosts, and removes only credentials such as `Authorization` and `Cookie`. So whoever
//! answers with a redirect decides who receives the trace context, and any baggage that the call allows. Each hop has the same span id.
//! To prevent this, in order of preference:
//!
//! 1. Use [`Client`].
//! 2. Use [`RulesExt::redirect_policy`]: it stops before a host that the rules do not allow.
//! 3. Use [`reqwest::redirect::Policy::none`].
//!
//! ## Retries of a plain client
//!
//! reqwest repeats a request by default if an HTTP/2 server rejected it before processing, and more often if
//! [`reqwest::ClientBuilder::retry`] says so. All attempts have the same span id. To disable retries:
//!
//! ```
//! let client = reqwest::Client::builder().retry(reqwest::retry::never()).build()?;
//! # let _ = client;
//! # Ok::<(), reqwest::Error>(())
//! ```
//!
//! [`Client`] disables them. Retry around it, or around `propagate`: each attempt is then a call with its own span id.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `middleware` | `PropagationMiddleware`, for clients of reqwest-middleware 0.5 |

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod call;
mod client;
mod destination;
#[cfg(feature = "middleware")]
mod middleware;
mod propagate;
mod rules;

pub use call::Call;
pub use client::{BuildError, Client, ClientBuilder, Error, Origin, RequestBuilder};
#[cfg(feature = "middleware")]
pub use middleware::{DisablePropagation, PropagationMiddleware};
pub use propagate::Propagate;
pub use rules::RulesExt;
pub use traceprop_core::{Allow, InjectOptions, OwnedContext, Propagator, SpanContext, presets};
pub use traceprop_http::{
    Destination, MAX_RULE_KEYS, PatternError, Rule, Rules, RulesBuilder, RulesError, WithoutContext,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
