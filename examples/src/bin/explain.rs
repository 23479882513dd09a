//! Why is the trace broken? See [`traceprop_examples::explain`].

use std::io::IsTerminal;
use std::process::ExitCode;

use traceprop_examples::explain::options::{Options, USAGE};
use traceprop_examples::explain::{Findings, captures, print};

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("explain: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let captures = match captures(&options) {
        Ok(captures) => captures,
        Err(error) => {
            eprintln!("explain: {error}");
            return ExitCode::from(2);
        }
    };
    let findings = Findings::new(&captures, &options);
    if options.json {
        println!("{:#}", print::json(&findings));
    } else {
        let allows_color = || std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        print!("{}", print::text(&findings, options.color.unwrap_or_else(allows_color)));
    }
    ExitCode::from(u8::from(findings.is_broken()))
}
