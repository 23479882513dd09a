//! The demo fleet: one trace through several services. See [`traceprop_examples::fleet`].

use std::io::stdout;
use std::net::SocketAddr;
use std::process::ExitCode;

use traceprop_examples::fleet::{self, Detail, FleetError, page};

const USAGE: &str = "\
usage: fleet [OPTION]

  without an option     send requests through services on loopback, and show every hop
  --brief               show only the result of each request
  --serve [ADDR]        serve a page for requests of your own (default 127.0.0.1:0; port 0 selects a free port)
  --help                show this help";

enum Command {
    Run(Detail),
    Serve(SocketAddr),
    Help,
}

fn parse(arguments: &[String]) -> Option<Command> {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => Some(Command::Run(Detail::Hops)),
        ["--brief"] => Some(Command::Run(Detail::Verdicts)),
        ["--serve"] => Some(Command::Serve(SocketAddr::from(([127, 0, 0, 1], 0)))),
        ["--serve", address] => address.parse().ok().map(Command::Serve),
        ["--help" | "-h"] => Some(Command::Help),
        _ => None,
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let ran = match parse(&arguments) {
        Some(Command::Run(detail)) => fleet::run(&mut stdout(), detail).await,
        Some(Command::Serve(address)) => serve(address).await,
        Some(Command::Help) => {
            println!("{USAGE}");
            Ok(true)
        }
        None => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match ran {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fleet: {error}");
            ExitCode::from(2)
        }
    }
}

async fn serve(address: SocketAddr) -> Result<bool, FleetError> {
    let page = page::Page::start(address).await?;
    println!("open http://{}/", page.address()?);
    tokio::select! {
        served = page.serve() => served?,
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    Ok(true)
}
