//! What goes wrong, without a header value, and of a URL no more than its origin: what stands in front of the host or
//! behind it may be a secret.

use std::fmt;

use reqwest::Url;

/// Why a request got no response.
///
/// A response whose status is an error is none of these; see [`reqwest::Response::error_for_status`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request could not be put together: a URL, a header, or a body that is none.
    #[error("the request could not be put together")]
    Request(#[source] reqwest::Error),
    /// Sending it failed: no connection, no answer, no time.
    #[error("hop {hop}, {origin}: no response")]
    Send {
        /// The hop, counted from 1.
        hop: usize,
        /// Where it went.
        origin: Origin,
        /// Why.
        source: reqwest::Error,
    },
    /// The time for all hops was over before the next one could begin.
    #[error("hop {hop}, {origin}: no time left")]
    Timeout {
        /// The hop that was due, counted from 1.
        hop: usize,
        /// Where it would have gone.
        origin: Origin,
    },
    /// Another redirect after as many as may be followed: mostly a loop.
    #[error("more than {limit} redirects, the last one to {origin}")]
    TooManyRedirects {
        /// How many may be followed.
        limit: usize,
        /// Where the next one points.
        origin: Origin,
    },
    /// A redirect to a scheme that is not `http` or `https`.
    #[error("a redirect to {origin}, which is not HTTP")]
    NotHttp {
        /// Where it points.
        origin: Origin,
    },
    /// A destination without TLS, although [`ClientBuilder::https_only`](super::ClientBuilder::https_only) is set.
    #[error("{origin} is not reached over https")]
    NotHttps {
        /// The destination.
        origin: Origin,
    },
}

impl Error {
    /// Of a request that could not be built.
    pub(super) fn request(error: reqwest::Error) -> Self {
        Self::Request(error.without_url())
    }

    /// Of a hop that got no response. reqwest notes in its error where it was going.
    pub(super) fn send(hop: usize, error: reqwest::Error) -> Self {
        let origin = error.url().map(Origin::from_url).unwrap_or_default();
        Self::Send { hop, origin, source: error.without_url() }
    }

    /// Whether the time was over: that of the whole call, or one of reqwest's own.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Timeout { .. } => true,
            Self::Send { source, .. } => source.is_timeout(),
            _ => false,
        }
    }

    /// Whether no connection could be made.
    pub fn is_connect(&self) -> bool {
        matches!(self, Self::Send { source, .. } if source.is_connect())
    }

    /// Whether a redirect could not be followed.
    pub fn is_redirect(&self) -> bool {
        matches!(self, Self::TooManyRedirects { .. } | Self::NotHttp { .. })
    }
}

/// Scheme, host and port of a URL.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Origin(Box<str>);

impl Origin {
    /// Of this URL. All that may be secret in it stays behind.
    pub fn from_url(url: &Url) -> Self {
        let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
        Self(match url.port() {
            Some(port) => format!("{scheme}://{host}:{port}").into(),
            None => format!("{scheme}://{host}").into(),
        })
    }

    /// As text: `https://api.example:8443`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "somewhere" } else { &self.0 })
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a client could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// reqwest could not build what is inside: TLS, name resolution.
    #[error("reqwest could not build its client")]
    Transport(#[source] reqwest::Error),
    /// The [transport](super::ClientBuilder::transport) has default headers or a user agent of its own. It would add them
    /// to every hop, credentials among them, behind the back of the rules.
    #[error("default headers and the user agent are set on the transport; set them on the client's own builder")]
    TransportHeaders,
    /// A user agent that no header can hold.
    #[error("a user agent that no header can hold")]
    UserAgent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_origin_is_scheme_host_and_port_alone() {
        for (url, expected) in [
            ("https://user:pass@api.example/secret?token=1#x", "https://api.example"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            ("http://api.example:80/", "http://api.example"),
            ("data:text/plain,secret", "data://"),
        ] {
            let origin = Origin::from_url(&url.parse().unwrap());
            assert_eq!((origin.as_str(), origin.to_string().as_str()), (expected, expected));
        }
    }
}
