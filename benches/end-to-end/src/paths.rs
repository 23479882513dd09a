//! What is counted: requests one after the other, over one connection, client and server in one thread.

use std::io;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use traceprop_gate::Path;

use crate::request::{connect, send};
use crate::service::SERVICES;

pub(crate) const PATHS: &[Path] = &[
    (SERVICES[0].0, |calls| requests(SERVICES[0].1(), calls)),
    (SERVICES[1].0, |calls| requests(SERVICES[1].1(), calls)),
    (SERVICES[2].0, |calls| requests(SERVICES[2].1(), calls)),
    (SERVICES[3].0, |calls| requests(SERVICES[3].1(), calls)),
    (SERVICES[4].0, |calls| requests(SERVICES[4].1(), calls)),
    (SERVICES[5].0, |calls| requests(SERVICES[5].1(), calls)),
    (SERVICES[6].0, |calls| requests(SERVICES[6].1(), calls)),
];

/// Requests before the first one that counts: buffers grow, and what is made once is made.
const WARM_UP: usize = 4;

fn requests(service: Router, calls: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    runtime.block_on(run(service, calls)).expect("each response");
    // What ends with the process is not part of a request.
    std::mem::forget(runtime);
}

async fn run(service: Router, calls: usize) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let mut client = connect(listener.local_addr()?.port()).await?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    // As `axum::serve` does it, but without the date, which is made once a second.
    let mut server = http1::Builder::new();
    server.auto_date_header(false);
    tokio::spawn(server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    for _ in 0..WARM_UP + calls {
        send(&mut client).await?;
    }
    Ok(())
}
