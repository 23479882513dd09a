//! The test service: answers which trace context it received. See [`traceprop_examples::service`].

use std::error::Error;
use std::process::ExitCode;

use tokio::net::TcpListener;
use traceprop_examples::service::options::{Options, USAGE};
use traceprop_examples::service::{router, serve};

#[tokio::main]
async fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("service: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let listen = options.listen;
    let app = router(options)?;
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    tokio::select! {
        () = serve::serve(listener, app) => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    Ok(())
}
