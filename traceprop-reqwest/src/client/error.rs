//! Errors of the client. They hold no header value, and only the origin of a URL: its credentials, path and query may be
//! secret.

use std::fmt;

use reqwest::Url;

/// Error of a request that got no response.
///
/// A response with an error status is not an [`Error`]; see [`reqwest::Response::error_for_status`].
///
/// ```
/// use traceprop_reqwest::{Client, Error, presets};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder(presets::W3C).https_only(true).build()?;
/// let error = client.get("http://user:secret@stock.internal/items").send().await.unwrap_err();
/// assert!(matches!(error, Error::NotHttps { .. }));
/// assert_eq!(error.to_string(), "https_only is set, but http://stock.internal is not https");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request could not be built: its URL, a header or its body is invalid.
    #[error("could not build the request")]
    Request(#[source] reqwest::Error),
    /// Sending failed: no connection, no response, or a timeout of reqwest.
    #[error("no response from {origin} (hop {hop})")]
    Send {
        /// The number of the hop, from 1.
        hop: usize,
        /// The origin of the hop.
        origin: Origin,
        /// The error of reqwest, without its URL.
        source: reqwest::Error,
    },
    /// The time for all hops was over before the next hop started.
    #[error("timed out before {origin} (hop {hop})")]
    Timeout {
        /// The number of the hop that was not started, from 1.
        hop: usize,
        /// The origin of the hop that was not started.
        origin: Origin,
    },
    /// A response redirects although the limit is reached, usually in a loop.
    #[error("more than {limit} redirects, the last one to {origin}")]
    TooManyRedirects {
        /// The highest number of redirects that are followed.
        limit: usize,
        /// The origin of the next hop.
        origin: Origin,
    },
    /// A response redirects to a scheme that is not `http` or `https`.
    #[error("redirect to {origin}, which is not HTTP")]
    NotHttp {
        /// The origin of the next hop.
        origin: Origin,
    },
    /// A URL is not `https`, although [`ClientBuilder::https_only`](super::ClientBuilder::https_only) is set.
    #[error("https_only is set, but {origin} is not https")]
    NotHttps {
        /// The origin of the hop.
        origin: Origin,
    },
}

impl Error {
    /// Creates the error of a request that could not be built.
    pub(super) fn request(error: reqwest::Error) -> Self {
        Self::Request(error.without_url())
    }

    /// Creates the error of a hop without a response. The error of reqwest has the URL.
    pub(super) fn send(hop: usize, error: reqwest::Error) -> Self {
        let origin = error.url().map(Origin::from_url).unwrap_or_default();
        Self::Send { hop, origin, source: error.without_url() }
    }

    /// Returns whether a timeout is the reason: the one for all hops, or one of reqwest.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Timeout { .. } => true,
            Self::Send { source, .. } => source.is_timeout(),
            _ => false,
        }
    }

    /// Returns whether connecting failed.
    pub fn is_connect(&self) -> bool {
        matches!(self, Self::Send { source, .. } if source.is_connect())
    }

    /// Returns whether a redirect could not be followed.
    pub fn is_redirect(&self) -> bool {
        matches!(self, Self::TooManyRedirects { .. } | Self::NotHttp { .. })
    }
}

/// Scheme, host and port of a URL.
///
/// ```
/// use traceprop_reqwest::Origin;
///
/// let url = "https://user:secret@api.example:8443/items?key=secret".parse().expect("a URL");
/// assert_eq!(Origin::from_url(&url).as_str(), "https://api.example:8443");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Origin(Box<str>);

impl Origin {
    /// Returns the origin of `url`, without credentials, path and query.
    pub fn from_url(url: &Url) -> Self {
        let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
        Self(match url.port() {
            Some(port) => format!("{scheme}://{host}:{port}").into(),
            None => format!("{scheme}://{host}").into(),
        })
    }

    /// Returns the text, for example `https://api.example:8443`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "an unknown origin" } else { &self.0 })
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Error of a client that could not be built.
///
/// ```
/// use traceprop_reqwest::{BuildError, Client, presets};
///
/// let error = Client::builder(presets::W3C).user_agent("two\nlines").build().unwrap_err();
/// assert!(matches!(error, BuildError::UserAgent));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// reqwest could not build its client, for example its TLS backend.
    #[error("could not build the transport")]
    Transport(#[source] reqwest::Error),
    /// The [transport](super::ClientBuilder::transport) has default headers or a user agent.
    ///
    /// It would add them to every hop, including credentials, and no rule could remove them.
    #[error("default headers or a user agent are set on the transport; set them on ClientBuilder instead")]
    TransportHeaders,
    /// The user agent is not a valid header value.
    #[error("the user agent is not a valid header value")]
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
