//! When a trace is not the same any more, nothing that belonged to it comes back.
