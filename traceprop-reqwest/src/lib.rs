//! Trace context on outgoing [`reqwest`] requests.
//!
//! One method on the request builder, called last. It takes the current context (the one that a server layer or
//! [`OwnedContext::enter`] made current), gives the call a span id of its own and
//! writes both in every format of the propagator. Without a context it writes nothing and changes nothing.
//!
//! ```
//! use traceprop_core::RandomIds;
//! use traceprop_reqwest::{Allow, Call, Outgoing, OwnedContext, Propagate, SpanContext, presets};
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
//! // Baggage is the user's own text. It goes only where a call says so.
//! let call = Call::new(&propagator).outgoing(Outgoing::new().baggage(Allow::Only(&["tenant"])));
//! let request = client.get("http://stock.internal:8080/items").propagate_with(&call).build()?;
//! # let _ = request;
//! # Ok(())
//! # }
//! ```
//!
//! # Redirects
//!
//! A plain [`reqwest::Client`] follows redirects below this crate, where nobody else is asked. It sends the headers of
//! the first request again to **every hop**, on other hosts too, and removes only credentials (`Authorization`,
//! `Cookie` and their like). So trace context goes to wherever the called server points, with the same span id on each
//! hop, and so does baggage that a call was allowed to send. That is why a call writes trace context alone unless told
//! otherwise. Where even that is too much, or where baggage is allowed, build the client with
//! [`reqwest::redirect::Policy::none`], or with a policy of your own that stops before a host that you do not know.
//!
//! Retries inside reqwest ([`reqwest::ClientBuilder::retry`]) repeat the span id as well.

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
pub use middleware::{NoPropagation, TraceMiddleware};
pub use policy::{Destinations, DestinationsBuilder, DestinationsError, MAX_RULE_KEYS, PatternError, Rule};
pub use propagate::Propagate;
pub use traceprop_core::{Allow, Outgoing, OwnedContext, Propagator, SpanContext, presets};
