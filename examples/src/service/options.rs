//! The command line of the test service.

use std::net::{AddrParseError, SocketAddr};
use std::num::ParseIntError;

use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::formats::sw8::{Sw8, Sw8IdentityError};
use traceprop_core::{
    ConfigError, Propagator, Trust, baggage::BaggageLimits, format::InvalidHeaderName,
    formats::correlation::Correlation,
};

/// The text of `--help`.
pub const USAGE: &str = "\
usage: service [OPTION]...

  --listen ADDR         address to listen on (default 127.0.0.1:5000; port 0 selects a free port)
  --extract LIST        formats to read, separated by commas (default tracecontext,baggage)
  --inject LIST         formats to write (default tracecontext,baggage)
  --correlation HEADER  read and write a correlation id in this header, after the formats of the lists; repeatable
  --sw8-service NAME    service name in sw8 (default: value of SW_AGENT_NAME or OTEL_SERVICE_NAME)
  --sw8-instance NAME   instance name in sw8 (default: a random id)
  --behavior WORD       trust in received contexts: continue (default), restart or ignore
  --extract-first       stop at the first format with a context
  --baggage-members N   limit of W3C baggage members, read and written (default 64)
  --baggage-bytes N     limit of W3C baggage bytes, read and written (default 8192)

names for LIST: tracecontext, baggage, b3, b3multi, datadog, jaeger, sw8, correlation:HEADER, all, none";

/// The address and the propagator of the service.
#[derive(Debug)]
pub struct Options {
    pub listen: SocketAddr,
    pub propagator: Propagator,
}

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
    #[error("--behavior: {0:?} is not one of continue, restart, ignore")]
    Trust(String),
    #[error("--baggage-members and --baggage-bytes: {0}")]
    Limit(#[from] ParseIntError),
}

/// The arguments as text.
#[derive(Default)]
struct Arguments {
    listen: Option<String>,
    extract: Option<String>,
    inject: Option<String>,
    correlation: Vec<String>,
    sw8_service: Option<String>,
    sw8_instance: Option<String>,
    behavior: Option<String>,
    extract_first: bool,
    baggage_members: Option<String>,
    baggage_bytes: Option<String>,
}

impl Arguments {
    fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, OptionsError> {
        let mut found = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let place = match name.as_str() {
                "--extract-first" => {
                    found.extract_first = true;
                    continue;
                }
                "--correlation" => {
                    found.correlation.push(arguments.next().ok_or(OptionsError::MissingValue(name))?);
                    continue;
                }
                "--listen" => &mut found.listen,
                "--extract" => &mut found.extract,
                "--inject" => &mut found.inject,
                "--sw8-service" => &mut found.sw8_service,
                "--sw8-instance" => &mut found.sw8_instance,
                "--behavior" => &mut found.behavior,
                "--baggage-members" => &mut found.baggage_members,
                "--baggage-bytes" => &mut found.baggage_bytes,
                _ => return Err(OptionsError::UnknownArgument(name)),
            };
            *place = Some(arguments.next().ok_or(OptionsError::MissingValue(name))?);
        }
        Ok(found)
    }

    fn propagator(&self) -> Result<Propagator, OptionsError> {
        let mut builder = Propagator::builder();
        if self.sw8_service.is_some() || self.sw8_instance.is_some() {
            builder = builder.define(self.sw8()?);
        }
        let list = |names: &Option<String>| names.clone().unwrap_or_else(|| "tracecontext,baggage".into());
        let limit = |text: &Option<String>, default| text.as_deref().map_or(Ok(default), str::parse);
        let limits = BaggageLimits {
            members: limit(&self.baggage_members, BaggageLimits::W3C.members)?,
            bytes: limit(&self.baggage_bytes, BaggageLimits::W3C.bytes)?,
        };
        builder = builder.define(W3cBaggage::new().limits(limits));
        builder = builder.names(&list(&self.extract), &list(&self.inject))?;
        for header in &self.correlation {
            builder = builder.with_format(Correlation::new(header)?);
        }
        builder = match self.behavior.as_deref() {
            None | Some("continue") => builder,
            Some("restart") => builder.trust(Trust::Restart),
            Some("ignore") => builder.trust(Trust::Ignore),
            Some(word) => return Err(OptionsError::Trust(word.to_owned())),
        };
        if self.extract_first {
            builder = builder.extract_first();
        }
        Ok(builder.build()?)
    }

    fn sw8(&self) -> Result<Sw8, Sw8IdentityError> {
        let builder = Sw8::builder();
        let builder = self.sw8_service.iter().fold(builder, |builder, name| builder.service(name));
        let builder = self.sw8_instance.iter().fold(builder, |builder, name| builder.instance(name));
        builder.build()
    }
}

impl Options {
    /// Parses the arguments after the program's name.
    ///
    /// # Errors
    /// Returns [`OptionsError`] if an argument is unknown or a value is invalid.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, OptionsError> {
        let arguments = Arguments::read(arguments)?;
        let listen = arguments.listen.as_deref().unwrap_or("127.0.0.1:5000").parse()?;
        Ok(Self { listen, propagator: arguments.propagator()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, OptionsError> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn ok_parse_defaults_and_values() {
        let options = parse("").unwrap();
        assert_eq!(options.listen, "127.0.0.1:5000".parse().unwrap());
        let w3c = ["tracecontext", "baggage"];
        assert!(options.propagator.extract_names().eq(w3c) && options.propagator.inject_names().eq(w3c));
        let options = parse("--inject none --listen [::1]:0 --extract baggage").unwrap();
        assert_eq!((options.listen.port(), options.propagator.inject_names().count()), (0, 0));
        assert!(options.propagator.extract_names().eq(["baggage"]));
    }

    #[test]
    fn ok_parse_correlation_headers_after_both_lists() {
        let line = "--correlation X-A --extract b3,tracecontext --inject none --correlation x-b";
        let propagator = parse(line).unwrap().propagator;
        assert!(propagator.extract_names().eq(["b3", "tracecontext", "correlation:x-a", "correlation:x-b"]));
        assert!(propagator.inject_names().eq(["correlation:x-a", "correlation:x-b"]));
    }

    #[test]
    fn ok_parse_every_name_with_an_identity_to_write_sw8() {
        let line = "--sw8-service cart --extract all --inject all --extract-first --behavior continue";
        let propagator = parse(line).unwrap().propagator;
        let all = Propagator::from_names("all", "none").unwrap();
        assert!(all.extract_names().count() > 1);
        assert!(propagator.extract_names().eq(all.extract_names()));
        assert!(propagator.inject_names().eq(all.extract_names()));
    }

    #[test]
    fn err_parse_says_what_is_wrong() {
        let error = |line| parse(line).unwrap_err().to_string();
        assert_eq!(error("--port 1"), "unknown argument \"--port\"");
        assert_eq!(error("--listen"), "--listen needs a value");
        assert_eq!(error("--correlation"), "--correlation needs a value");
        assert_eq!(error("--listen here"), "--listen: invalid socket address syntax");
        assert!(
            error("--extract b4")
                .starts_with("--extract and --inject: extract list: unknown format `b4`; expected one of")
        );
        assert_eq!(error("--behavior halt"), "--behavior: \"halt\" is not one of continue, restart, ignore");
        assert_eq!(error("--baggage-bytes x"), "--baggage-members and --baggage-bytes: invalid digit found in string");
        assert!(error("--correlation a,b3").starts_with("--correlation: "));
        assert!(error("--correlation traceparent").starts_with("--correlation: "));
        let long = "x".repeat(51);
        let identity = error(&format!("--sw8-service {long} --sw8-instance 1 --inject sw8"));
        assert!(identity.starts_with("--sw8-service and --sw8-instance: "), "{identity}");
    }
}
