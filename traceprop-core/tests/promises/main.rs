//! What the library promises apart from bytes: no allocation, small types, types that cross threads.

mod allocations;
mod sizes;
mod traits;
