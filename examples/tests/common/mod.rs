//! The test service as a process of its own, and requests that no HTTP client would send.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

pub struct Service {
    process: Child,
    pub address: String,
}

impl Service {
    /// Starts the service with these lists.
    #[allow(dead_code, reason = "not every file of tests needs it")]
    pub fn start(extract: &str, inject: &str) -> Self {
        Self::start_with(["--extract", extract, "--inject", inject])
    }

    /// Starts the service on a free port of loopback.
    pub fn start_with<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_service"))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the service says where it listens");
        let address = line.trim().strip_prefix("listening on http://").expect("an address").to_owned();
        Self { process, address }
    }

    #[allow(dead_code, reason = "not every file of tests needs it")]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What `GET /inspect` answers to these header lines, sent byte by byte as they stand.
    #[track_caller]
    pub fn inspect(&self, lines: &[(&str, &[u8])]) -> Value {
        let mut request =
            format!("GET /inspect HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address).into_bytes();
        for (name, value) in lines {
            request.extend_from_slice(name.as_bytes());
            request.extend_from_slice(b": ");
            request.extend_from_slice(value);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");

        let mut stream = TcpStream::connect(&self.address).expect("the service listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout can be set");
        stream.write_all(&request).expect("the service reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the service answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert_eq!(head.lines().next(), Some("HTTP/1.1 200 OK"));
        serde_json::from_str(body).expect("JSON")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
