//! The request, and a client of one connection.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const TRACE_ID: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

/// The whole body of a response.
pub(crate) const BODY: &str = "hello";

/// A browser's request through a proxy. It has no request id: the layer that makes one would have nothing to do.
const REQUEST: &str = "\
GET /basket HTTP/1.1\r\n\
host: shop.example.com\r\n\
user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0\r\n\
accept: application/json, text/plain, */*\r\n\
accept-language: et-EE,et;q=0.9,en;q=0.7\r\n\
accept-encoding: gzip, deflate, br, zstd\r\n\
origin: https://www.example.com\r\n\
referer: https://www.example.com/basket?step=2\r\n\
cookie: sid=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=1%7C0%7C1; cart=c-20931\r\n\
cache-control: no-cache\r\n\
pragma: no-cache\r\n\
x-forwarded-for: 203.0.113.61, 10.4.0.17\r\n\
x-forwarded-proto: https\r\n\
x-forwarded-host: shop.example.com\r\n\
sec-fetch-dest: empty\r\n\
sec-fetch-mode: cors\r\n\
sec-fetch-site: same-site\r\n\
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\
tracestate: rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,es=s:0.25\r\n\
\r\n";

/// Sends the request and reads the response, which is `200` with the [`BODY`].
///
/// This is the least that a client does, because its work is counted too.
pub(crate) async fn send(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(REQUEST.as_bytes()).await?;
    let mut response = [0; 512];
    let mut length = 0;
    loop {
        let read = stream.read(&mut response[length..]).await?;
        length += read;
        let text = &response[..length];
        if text.ends_with(BODY.as_bytes()) {
            assert!(text.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(text));
            return Ok(());
        }
        if read == 0 {
            return Err(io::Error::other(format!("no response but: {}", String::from_utf8_lossy(text))));
        }
    }
}

/// Opens a connection to a server on this machine.
pub(crate) async fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
