//! Tower layers that read and write trace context.

#![forbid(unsafe_code)]
