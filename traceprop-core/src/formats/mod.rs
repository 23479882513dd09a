//! The built-in dialects, a module each. None of them knows another.

pub mod tracecontext;
