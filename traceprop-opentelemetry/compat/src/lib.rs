//! Nothing: the tests are in `tests/`. The lints of the manifest forbid unsafe code.
