//! The built-in dialects, a module each. None of them knows another.

pub mod b3;
pub mod correlation;
pub mod datadog;
pub mod jaeger;
pub mod sw8;
pub mod tracecontext;
