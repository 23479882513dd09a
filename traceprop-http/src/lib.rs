//! Trace context in and out of an [`http::HeaderMap`].

#![forbid(unsafe_code)]
