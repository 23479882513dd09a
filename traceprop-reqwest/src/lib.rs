//! Trace context on outgoing [`reqwest`] requests.

#![forbid(unsafe_code)]
