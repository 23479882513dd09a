//! The address of the upstream, and the versions of HTTP that it accepts.

use std::time::Duration;

use axum::http::uri::{Authority, Scheme};
use axum::http::{Uri, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// The time in which an upstream has to answer the preface of HTTP/2.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// The preface of HTTP/2 with an empty SETTINGS frame (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Why a URL is not an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    #[error("not a URL")]
    NotAUrl,
    #[error("only http:// is supported")]
    NotHttp,
    #[error("a user name is not supported")]
    HasUser,
    #[error("a query is not supported")]
    HasQuery,
}

/// The upstream of a gateway: `http://HOST[:PORT][/PATH]`. The path is put before the path of each request. A request for
/// `/` is for the path itself.
#[derive(Debug)]
pub struct Upstream {
    authority: Authority,
    /// The path for `/`.
    root: String,
    /// Whether the upstream speaks HTTP/2 without TLS. Found out by the first request that needs it.
    speaks_h2c: OnceCell<bool>,
}

impl Upstream {
    /// Parses the URL of an upstream.
    ///
    /// # Errors
    /// Returns [`UpstreamError`] if it is not an `http` URL, or has a user name or a query.
    pub fn parse(url: &str) -> Result<Self, UpstreamError> {
        let uri: Uri = url.parse().map_err(|_| UpstreamError::NotAUrl)?;
        let authority = uri.authority().ok_or(UpstreamError::NotAUrl)?.clone();
        match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => {}
            Some(_) => return Err(UpstreamError::NotHttp),
            None => return Err(UpstreamError::NotAUrl),
        }
        if authority.as_str().contains('@') {
            return Err(UpstreamError::HasUser);
        }
        if uri.query().is_some() {
            return Err(UpstreamError::HasQuery);
        }
        Ok(Self { authority, root: uri.path().to_owned(), speaks_h2c: OnceCell::new() })
    }

    /// Returns the URL for a received request. Path and query keep their bytes.
    pub(super) fn uri(&self, received: &Uri) -> Option<Uri> {
        let (path, query) = (received.path(), received.query());
        let path = match path {
            // The absolute form of a target can have no path: `http://a.example?q`.
            "" | "/" => self.root.clone(),
            path => format!("{}{path}", self.root.trim_end_matches('/')),
        };
        let path = query.map_or(path.clone(), |query| format!("{path}?{query}"));
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(self.authority.clone()).path_and_query(path);
        uri.build().ok()
    }

    /// Returns the version for a request that arrived as `received`: HTTP/2 if both sides speak it, else HTTP/1.1.
    pub(super) async fn version(&self, received: Version) -> Version {
        let is_h2 = received == Version::HTTP_2 && *self.speaks_h2c.get_or_init(|| self.probe()).await;
        if is_h2 { Version::HTTP_2 } else { Version::HTTP_11 }
    }

    /// Whether the upstream answers the preface of HTTP/2 with SETTINGS.
    ///
    /// A request cannot find this out: its body is a stream, and could not be sent again.
    async fn probe(&self) -> bool {
        let address = (self.host(), self.authority.port_u16().unwrap_or(80));
        let answer = async {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(PREFACE).await?;
            let mut head = [0; 9];
            stream.read_exact(&mut head).await?;
            Ok::<_, std::io::Error>(head)
        };
        match timeout(PROBE_TIMEOUT, answer).await {
            // Length, then type 4 (SETTINGS), no flags, stream 0.
            Ok(Ok([_, _, _, kind, flags, stream @ ..])) => (kind, flags, stream) == (4, 0, [0; 4]),
            _ => false,
        }
    }

    fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_path_and_query_keep_their_bytes() {
        let joined = |upstream: &str, target: &str| {
            Upstream::parse(upstream).unwrap().uri(&target.parse().unwrap()).unwrap().to_string()
        };
        for (upstream, target, expected) in [
            ("http://a.example", "/", "http://a.example/"),
            ("http://a.example:81/", "/x/../y//%7e?q=%20&&", "http://a.example:81/x/../y//%7e?q=%20&&"),
            ("http://[::1]:81/base/", "/x?", "http://[::1]:81/base/x?"),
            ("http://a.example/base", "http://b.example?q", "http://a.example/base?q"),
            ("http://a.example/base/", "/", "http://a.example/base/"),
            ("http://a.example/base/", "/x", "http://a.example/base/x"),
            ("http://a.example", "//b.example/x", "http://a.example//b.example/x"),
        ] {
            assert_eq!(joined(upstream, target), expected);
        }
        assert_eq!(Upstream::parse("http://[::1]:81").unwrap().host(), "::1");
    }

    #[test]
    fn err_parse_urls_that_are_not_an_upstream() {
        let error = |url| Upstream::parse(url).unwrap_err();
        for (url, expected) in [
            ("a.example:80", UpstreamError::NotAUrl),
            ("/path", UpstreamError::NotAUrl),
            ("http://", UpstreamError::NotAUrl),
            ("https://a.example", UpstreamError::NotHttp),
            ("http://u:p@a.example", UpstreamError::HasUser),
            ("http://a.example/?q", UpstreamError::HasQuery),
        ] {
            assert_eq!(error(url), expected, "{url}");
        }
    }
}
