//! Whether caches may store a response. A stored response that names its trace would give that trace to other requests.
//!
//! The rules are a subset of RFC 9111, for this purpose only. A response without caching headers counts as one that is
//! not stored, although a cache can be configured to store it.

use http::header::{CACHE_CONTROL, ETAG, EXPIRES, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Maximum number of cache directives that are read, over all lines. A response with more counts as one that is stored.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use traceprop_http::caching;
///
/// let mut headers = HeaderMap::new();
/// let long = vec!["no-store"; caching::MAX_CACHE_DIRECTIVES + 1].join(",");
/// headers.insert("cache-control", HeaderValue::try_from(long)?);
/// assert!(caching::allows_shared_cache(&headers));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub const MAX_CACHE_DIRECTIVES: usize = 64;

/// Targeted directives, which override `Cache-Control` for some caches (RFC 9213 and its predecessor).
static TARGETED: [HeaderName; 2] =
    [HeaderName::from_static("cdn-cache-control"), HeaderName::from_static("surrogate-control")];

/// Returns `true` if a cache that serves many clients may store the response.
///
/// That is a response with `public`, `s-maxage` or a `max-age` above 0, and with neither `private` nor `no-store`.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use traceprop_http::caching;
///
/// let mut headers = HeaderMap::new();
/// assert!(!caching::allows_shared_cache(&headers));
/// headers.insert("cache-control", HeaderValue::from_static("max-age=60"));
/// assert!(caching::allows_shared_cache(&headers));
/// headers.append("cache-control", HeaderValue::from_static("private"));
/// assert!(!caching::allows_shared_cache(&headers));
/// ```
pub fn allows_shared_cache(headers: &HeaderMap) -> bool {
    let own = Directives::read(headers, &CACHE_CONTROL);
    let targeted = TARGETED.iter().map(|name| Directives::read(headers, name));
    own.may_be_shared() || targeted.into_iter().any(|directives| directives.may_be_shared())
}

/// Returns `true` if any cache, the browser's own included, may show the response again.
///
/// That is a response for which [`allows_shared_cache`] is true, or one with a `max-age` above 0, `immutable`,
/// `Expires`, `ETag` or `Last-Modified`, since a 304 response shows the old page again. With `no-store` only the
/// targeted directives of shared caches count.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use traceprop_http::caching;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("cache-control", HeaderValue::from_static("private, max-age=60"));
/// assert!(caching::allows_reuse(&headers));
/// assert!(!caching::allows_shared_cache(&headers));
/// ```
pub fn allows_reuse(headers: &HeaderMap) -> bool {
    let own = Directives::read(headers, &CACHE_CONTROL);
    if allows_shared_cache(headers) || own.too_many {
        return true;
    }
    let is_kept =
        own.is_fresh || own.immutable || [ETAG, LAST_MODIFIED, EXPIRES].iter().any(|name| headers.contains_key(name));
    is_kept && !own.no_store
}

/// The directives of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Directives {
    no_store: bool,
    private: bool,
    public: bool,
    immutable: bool,
    /// `max-age` above 0.
    is_fresh: bool,
    s_maxage: bool,
    too_many: bool,
}

impl Directives {
    fn read(headers: &HeaderMap, name: &HeaderName) -> Self {
        // Each line has at least one directive, so this bounds the lines too.
        let lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let mut directives = lines.flat_map(split);
        let mut known = Self::default();
        for directive in directives.by_ref().take(MAX_CACHE_DIRECTIVES) {
            known.add(directive);
        }
        known.too_many = directives.next().is_some();
        known
    }

    fn add(&mut self, directive: &[u8]) {
        let mut parts = directive.splitn(2, |&byte| byte == b'=');
        let name = parts.next().unwrap_or_default().trim_ascii();
        let value = parts.next().map(<[u8]>::trim_ascii);
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("no-store") {
            self.no_store = true;
        } else if is("private") {
            // With a list of fields only these fields are private.
            self.private |= value.is_none();
        } else if is("public") {
            self.public = true;
        } else if is("immutable") {
            self.immutable = true;
        } else if is("max-age") {
            self.is_fresh |= value.is_some_and(is_above_zero);
        } else if is("s-maxage") {
            self.s_maxage = true;
        }
    }

    const fn may_be_shared(self) -> bool {
        self.too_many || ((self.public || self.s_maxage || self.is_fresh) && !self.private && !self.no_store)
    }
}

/// Splits a line at the commas outside of quotes.
fn split(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    line.split(move |&byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b',' => return !quoted,
            _ => {}
        }
        false
    })
}

/// Returns `true` if a number of seconds is not zero. An invalid number does not forbid storing the response.
fn is_above_zero(seconds: &[u8]) -> bool {
    let digits = seconds.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(seconds);
    digits.is_empty() || digits.iter().any(|&digit| digit != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    /// Returns whether shared caches may store the response, and whether any cache may show it again.
    #[track_caller]
    fn stored(lines: &[(&'static str, &str)]) -> (bool, bool) {
        let headers = headers(lines);
        (allows_shared_cache(&headers), allows_reuse(&headers))
    }

    #[test]
    fn ok_responses_that_no_cache_stores() {
        assert_eq!(stored(&[]), (false, false));
        for value in [
            "no-store",
            "no-cache",
            "max-age=0",
            "max-age=\"00\"",
            "private",
            "no-store, public, max-age=60",
            "",
            "x-public, xs-maxage=1, y=\"public, s-maxage=1\"",
        ] {
            assert_eq!(stored(&[("cache-control", value)]), (false, false), "{value}");
        }
        assert_eq!(stored(&[("cache-control", "No-Store"), ("etag", "\"1\""), ("expires", "x")]), (false, false));
    }

    #[test]
    fn ok_responses_that_only_the_browser_stores() {
        for value in ["private, max-age=60", "Private ,\tMAX-AGE = \"60\"", "private, immutable", "max-age=1,private"] {
            assert_eq!(stored(&[("cache-control", value)]), (false, true), "{value}");
        }
        for name in ["etag", "last-modified", "expires"] {
            assert_eq!(stored(&[("cache-control", "no-cache"), (name, "x")]), (false, true), "{name}");
        }
    }

    #[test]
    fn ok_responses_that_shared_caches_store() {
        for value in [
            "public",
            "PUBLIC, no-cache",
            "s-maxage=0",
            "max-age=1",
            "max-age=x",
            "max-age=",
            "max-age=0, MAX-AGE = \"60\"",
            "x=\"a, private, b\\\", no-store\", max-age=60",
            "private=\"set-cookie, x\", public",
        ] {
            assert_eq!(stored(&[("cache-control", value)]), (true, true), "{value}");
        }
        assert_eq!(stored(&[("cache-control", "no-store"), ("cdn-cache-control", "max-age=60")]), (true, true));
        assert_eq!(stored(&[("cache-control", "no-store"), ("surrogate-control", "no-store")]), (false, false));
    }

    #[test]
    fn err_beyond_the_limit_a_response_counts_as_stored() {
        let most = vec!["no-store"; MAX_CACHE_DIRECTIVES].join(",");
        assert_eq!(stored(&[("cache-control", &most)]), (false, false));
        assert_eq!(stored(&[("cache-control", &most), ("cache-control", "")]), (true, true));
    }
}
