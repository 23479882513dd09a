//! `cloudtrace.json`: Google's header.

use traceprop_core::formats::cloudtrace::CloudTrace;

use crate::case::{Case, Verdict};
use crate::one_format;

pub(crate) fn check(case: &Case) -> Verdict {
    one_format::check(case, CloudTrace::new(), |_, _| {}, one_format::span)
}
