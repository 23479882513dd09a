//! The command line of `explain`.

use traceprop_core::{ConfigError, Propagator};

/// The text of `--help`.
pub const USAGE: &str = "\
usage: explain [OPTION]... [FILE]...

Says for each captured request which trace it continues, and why. Captures of several services, in the order of the
call, are hops: then it also says where the trace breaks. Reads standard input if no file or - is given.

A file is one of:
  header lines      `name: value`; a blank line or a line `# label` begins the next request
  curl -v           what curl wrote to standard error; only request headers count
  a HAR file        as browsers export it; its requests are calls of their own
  /inspect          one or more answers of the program `service`

  --extract LIST    formats to read, in this order (default all)
  --separate        the requests are not hops of one call
  --all             show requests of a HAR file that have no trace header
  --json            print JSON
  --color WHEN      auto (default), always or never

Exits with 0 if no trace broke, 1 if one broke, 2 if the input or an argument is invalid.";

/// What to explain, and how.
#[derive(Debug)]
pub struct Options {
    pub files: Vec<String>,
    pub propagator: Propagator,
    pub separate: bool,
    pub all: bool,
    pub json: bool,
    /// `None` means: if standard output is a terminal.
    pub color: Option<bool>,
}

/// Why a command line is invalid.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    #[error("unknown option {0}")]
    UnknownOption(String),
    #[error("{0} needs a value")]
    MissingValue(&'static str),
    #[error("--color: {0:?} is not one of auto, always, never")]
    Color(String),
    #[error("--extract: {0}")]
    Formats(#[from] ConfigError),
}

impl Options {
    /// Parses the arguments after the program's name.
    ///
    /// # Errors
    /// Returns [`OptionsError`] if an option is unknown or its value is invalid.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, OptionsError> {
        let (mut files, mut extract) = (Vec::new(), None);
        let (mut separate, mut all, mut json, mut color) = (false, false, false, None);
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--separate" => separate = true,
                "--all" => all = true,
                "--json" => json = true,
                "--extract" => extract = Some(arguments.next().ok_or(OptionsError::MissingValue("--extract"))?),
                "--color" => {
                    color = match arguments.next().ok_or(OptionsError::MissingValue("--color"))?.as_str() {
                        "auto" => None,
                        "always" => Some(true),
                        "never" => Some(false),
                        word => return Err(OptionsError::Color(word.to_owned())),
                    }
                }
                "-" => files.push(argument),
                option if option.starts_with('-') => return Err(OptionsError::UnknownOption(argument)),
                _ => files.push(argument),
            }
        }
        if files.is_empty() {
            files.push("-".into());
        }
        let propagator = Propagator::from_names(extract.as_deref().unwrap_or("all"), "none")?;
        Ok(Self { files, propagator, separate, all, json, color })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, OptionsError> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn ok_parse_defaults_and_every_option() {
        let options = parse("").unwrap();
        assert_eq!(
            (options.files, options.separate, options.all, options.json),
            (vec!["-".into()], false, false, false)
        );
        let options = parse("--json a --extract b3,tracecontext --separate --all b --color always").unwrap();
        assert_eq!(options.files, ["a", "b"]);
        assert!(options.propagator.extract_names().eq(["b3", "tracecontext"]));
        assert_eq!((options.separate, options.all, options.json, options.color), (true, true, true, Some(true)));
    }

    #[test]
    fn err_parse_says_what_is_wrong() {
        let error = |line| parse(line).unwrap_err().to_string();
        assert_eq!(error("--hops"), "unknown option --hops");
        assert_eq!(error("--extract"), "--extract needs a value");
        assert_eq!(error("--color red"), "--color: \"red\" is not one of auto, always, never");
        assert!(error("--extract b4").starts_with("--extract: extract list: unknown format `b4`"));
    }
}
