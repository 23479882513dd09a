//! Starts the gateway in front of an upstream on loopback, and prints what the upstream receives of a request.

mod gateway;

use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use gateway::Gateway;
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;
use pingora_proxy::http_proxy_service;
use traceprop_core::{Trust, presets};

/// Starts the gateway with this trust in its callers. It stops with the process.
fn start(trust: Trust, upstream: SocketAddr) -> Result<SocketAddr> {
    // Pingora does not tell the port that it was given.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let propagator = presets::ALL_TO_W3C.builder().trust(trust).build().map_err(std::io::Error::other)?;
    thread::spawn(move || {
        let mut server = Server::new_with_opt_and_conf(None, ServerConf::default());
        server.bootstrap();
        let gateway = Gateway(propagator, upstream);
        let mut service = http_proxy_service(&server.configuration, gateway);
        service.add_tcp(&address.to_string());
        server.add_service(service);
        server.run_forever();
    });
    for _ in 0..200 {
        if TcpStream::connect(address).is_ok() {
            break;
        }
        thread::sleep(Duration::from_millis(25));
    }
    Ok(address)
}

/// Answers each request with the head that it received.
fn start_upstream() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut reader, mut head) = (BufReader::new(&stream), String::new());
            while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
            let _ =
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{head}", head.len());
        }
    });
    Ok(address)
}

/// Sends a request through the gateway. Returns the headers that the upstream received.
fn call(gateway: SocketAddr) -> Result<Vec<String>> {
    let mut stream = TcpStream::connect(gateway)?;
    stream.write_all(
        b"GET / HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\
        B3: 4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1\r\n\
        Baggage: tenant=acme,user=alice\r\nX-Mine: 1\r\n\r\n",
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let lines = body.lines().skip(1).map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

fn main() -> Result<()> {
    let upstream = start_upstream()?;
    for trust in [Trust::Continue, Trust::Ignore] {
        println!("{trust:?}:");
        call(start(trust, upstream)?)?.iter().for_each(|line| println!("  {line}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the trace headers of the upstream's request, and whether the other header is there.
    fn received(trust: Trust) -> (Vec<String>, bool) {
        let mut lines = call(start(trust, start_upstream().unwrap()).unwrap()).unwrap();
        let has_other = lines.iter().any(|line| line.eq_ignore_ascii_case("x-mine: 1"));
        lines.iter_mut().for_each(|line| line.make_ascii_lowercase());
        lines.retain(|line| ["traceparent", "tracestate", "b3", "baggage"].iter().any(|name| line.starts_with(name)));
        lines.sort();
        (lines, has_other)
    }

    #[test]
    fn ok_the_upstream_is_in_the_trace_of_the_caller() {
        let (lines, has_other) = received(Trust::Continue);
        assert!(has_other);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(lines[0], "baggage: tenant=acme");
        assert!(lines[1].starts_with("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{lines:?}");
        assert!(lines[1].ends_with("-01") && !lines[1].contains("00f067aa0ba902b7"), "{lines:?}");
    }

    #[test]
    fn ok_nothing_of_a_refused_context_reaches_the_upstream() {
        let (lines, has_other) = received(Trust::Ignore);
        assert!(has_other);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("traceparent: 00-") && !lines[0].contains("4bf92f35"), "{lines:?}");
    }
}
