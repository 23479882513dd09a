//! Domains that are small enough to be tried whole: every version and flag byte of a traceparent, and every value that is
//! one byte away from a valid header of any format.
#![cfg(feature = "std")]

mod bytes;
mod flags;
mod judge;
mod requests;
mod values;
