use std::net::AddrParseError;
use std::num::ParseIntError;

use traceprop_core::format::InvalidHeaderName;
use traceprop_core::formats::sw8::Sw8IdentityError;
use traceprop_core::{ConfigError, Trust};

use crate::service::gateway::UpstreamError;

/// Why a command line is invalid.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    #[error("unknown argument {0:?}")]
    UnknownArgument(String),
    #[error("{0} needs a value")]
    MissingValue(String),
    #[error("--listen: {0}")]
    Listen(#[from] AddrParseError),
    #[error("--extract and --inject: {0}")]
    Formats(#[from] ConfigError),
    #[error("--correlation: {0}")]
    Correlation(#[from] InvalidHeaderName),
    #[error("--sw8-service and --sw8-instance: {0}")]
    Identity(#[from] Sw8IdentityError),
    #[error("{flag}: {word:?} is not one of {known}")]
    UnknownWord { flag: &'static str, word: String, known: &'static str },
    #[error("--baggage-members and --baggage-bytes: {0}")]
    Limit(#[from] ParseIntError),
    #[error("{0}: an empty key")]
    EmptyKey(&'static str),
    #[error("--skip: {0:?} is not the beginning of a path")]
    Skip(String),
    #[error("--upstream: {url:?}: {source}")]
    Upstream { url: String, source: UpstreamError },
    #[error("--keep-formats: {0}")]
    KeptFormats(ConfigError),
    #[error("--keep-formats: {0:?} is text of users, which is never kept")]
    KeptText(String),
    #[error("--keep-formats needs --trust continue: with {0:?} the caller's trace headers are refused")]
    KeptAndRefused(Trust),
    #[error("{0} needs --upstream")]
    NeedsUpstream(&'static str),
    #[error("--trust and --behavior differ: {0:?} and {1:?}")]
    TwoTrusts(Trust, Trust),
}
