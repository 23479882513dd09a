//! What a context says in one dialect's words: a file for each dialect, for requests and owned contexts alike.

#[cfg(feature = "alloc")]
mod allowed;
#[cfg(feature = "alloc")]
mod b3;
mod correlation;
mod datadog;
mod jaeger;
mod sw8;
