//! A connection in memory: bytes that a client sent, what the server answers, and whether that is HTTP.

use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use hyper::rt::{Read, ReadBufCursor, Write};

use crate::oracle::{is_token, split_once, trim};

/// A connection whose other side has sent all that it will send. What is written into it is kept.
#[derive(Debug)]
pub struct Wire<'d> {
    rest: &'d [u8],
    most: usize,
    answer: &'d mut Vec<u8>,
}

impl<'d> Wire<'d> {
    /// Creates a connection whose bytes arrive in pieces of at most `most`.
    pub fn new(sent: &'d [u8], most: usize, answer: &'d mut Vec<u8>) -> Self {
        Self { rest: sent, most: most.max(1), answer }
    }
}

impl Read for Wire<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, mut buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let len = self.rest.len().min(self.most).min(buffer.remaining());
        let (piece, rest) = self.rest.split_at(len);
        buffer.put_slice(piece);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.answer.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a future to its end.
///
/// # Panics
/// Panics if it waits for something that never happens, or is polled more than `most` times.
#[track_caller]
pub fn finish<F: Future>(future: F, most: usize) -> F::Output {
    let mut future = pin!(future);
    let bell = Arc::new(Bell(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&bell));
    for _ in 0..most {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        assert!(bell.0.swap(false, Ordering::Relaxed), "it waits for ever");
    }
    panic!("polled {most} times, and not done");
}

/// A response.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The lines of the head, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, self.body.escape_ascii())
    }
}

impl Answer {
    /// Returns the only value under a lower-case name.
    #[track_caller]
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "{name} is repeated");
        value
    }

    /// Returns the first response and the bytes after it. A response to `HEAD` or `CONNECT` has no body.
    ///
    /// # Panics
    /// Panics if this is not an HTTP/1 response.
    #[track_caller]
    pub fn read(bytes: &[u8], has_body: bool) -> (Self, &[u8]) {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of a head");
        let (head, rest) = (&bytes[..end], &bytes[end + 4..]);
        let head = std::str::from_utf8(head).expect("a head in ASCII");
        let mut lines = head.split("\r\n");
        let status = lines.next().expect("a status line");
        let (version, status) = status.split_at(9);
        assert!(["HTTP/1.1 ", "HTTP/1.0 "].contains(&version), "{version}");
        assert!(status.len() >= 4 && status.as_bytes()[3] == b' ', "{status}");
        let headers = lines.map(|line| {
            let (name, value) = split_once(line.as_bytes(), b':').expect("a colon");
            let value = trim(value);
            assert!(is_token(name), "a name: {line}");
            assert!(value.iter().all(|&b| b == b'\t' || (b' '..=b'~').contains(&b)), "a value: {line}");
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            (text(name).to_ascii_lowercase(), text(value))
        });
        let mut answer =
            Self { status: status[..3].parse().expect("a status"), headers: headers.collect(), body: Vec::new() };
        let len = answer.value("content-length").map_or(0, |len| len.parse().expect("a length"));
        assert_eq!(answer.value("transfer-encoding"), None, "the length is known");
        let (body, rest) = rest.split_at(if has_body { len } else { 0 });
        answer.body = body.to_vec();
        (answer, rest)
    }
}
