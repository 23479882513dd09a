//! The command line of the test service.

use std::net::{AddrParseError, SocketAddr};

use traceprop_core::{ConfigError, Propagator};

/// What `--help` prints.
pub const USAGE: &str = "\
usage: service [--listen ADDR] [--extract LIST] [--inject LIST]

  --listen ADDR    where to listen (default 127.0.0.1:5000; port 0 picks a free one)
  --extract LIST   formats to read, separated by commas (default tracecontext,baggage)
  --inject LIST    formats to write (default tracecontext,baggage)";

/// What to listen on, and what to speak.
#[derive(Debug)]
pub struct Options {
    pub listen: SocketAddr,
    pub propagator: Propagator,
}

/// Why a command line means nothing.
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
}

impl Options {
    /// Reads the arguments behind the program's name.
    ///
    /// # Errors
    /// See [`OptionsError`].
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, OptionsError> {
        let mut listen = String::from("127.0.0.1:5000");
        let (mut extract, mut inject) = (String::from("tracecontext,baggage"), String::from("tracecontext,baggage"));
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let value = match name.as_str() {
                "--listen" => &mut listen,
                "--extract" => &mut extract,
                "--inject" => &mut inject,
                _ => return Err(OptionsError::UnknownArgument(name)),
            };
            *value = arguments.next().ok_or(OptionsError::MissingValue(name))?;
        }
        Ok(Self { listen: listen.parse()?, propagator: Propagator::from_names(&extract, &inject)? })
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
        assert!(options.propagator.extracts().eq(["tracecontext"]) && options.propagator.injects_baggage());
        let options = parse("--inject none --listen [::1]:0 --extract baggage").unwrap();
        assert_eq!((options.listen.port(), options.propagator.injects().count()), (0, 0));
        assert!(options.propagator.extracts_baggage() && options.propagator.extracts().count() == 0);
    }

    #[test]
    fn err_parse_says_what_is_wrong() {
        let error = |line| parse(line).unwrap_err().to_string();
        assert_eq!(error("--port 1"), "unknown argument \"--port\"");
        assert_eq!(error("--listen"), "--listen needs a value");
        assert_eq!(error("--listen here"), "--listen: invalid socket address syntax");
        assert!(error("--extract b4").starts_with("--extract and --inject: name 1 of the list is no known format"));
    }
}
