//! INTEROP.md says what the table says.
