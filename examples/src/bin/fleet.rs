//! The demo fleet: one trace through four services. See [`traceprop_examples::fleet`].

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match traceprop_examples::fleet::run(&mut std::io::stdout()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fleet: {error}");
            ExitCode::from(2)
        }
    }
}
