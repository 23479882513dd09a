//! Who may keep a response: one that names its trace is not to be given to another request.
//!
//! This is a guess for the sake of traces, not a cache. A response that says nothing of caching counts as one that nobody
//! keeps, although a cache may be configured to.

use http::header::{CACHE_CONTROL, ETAG, EXPIRES, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue};
/// Directives that are looked at, all lines together. Beyond, a response counts as one that is kept.
pub const MAX_CACHE_DIRECTIVES: usize = 64;

/// Directives for caches of a kind, which need not heed `Cache-Control` then (RFC 9213, and its forerunner).
static TARGETED: [HeaderName; 2] =
    [HeaderName::from_static("cdn-cache-control"), HeaderName::from_static("surrogate-control")];

/// Whether a cache that serves many clients may keep the response and hand it on: `public`, `s-maxage` or a `max-age`
/// above 0, without `private` or `no-store`.
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

/// Whether anyone, the browser that asked included, may show the response again without a new one from here: all that
/// [`allows_shared_cache`] counts, a `max-age` above 0 though it be private, `Expires`, `immutable`, and a response that can be
/// validated (`ETag`, `Last-Modified`), since 304 brings the old page back. `no-store` rules all of it out.
pub fn allows_reuse(headers: &HeaderMap) -> bool {
    let own = Directives::read(headers, &CACHE_CONTROL);
    if allows_shared_cache(headers) || own.too_many {
        return true;
    }
    let is_kept =
        own.is_fresh || own.immutable || [ETAG, LAST_MODIFIED, EXPIRES].iter().any(|name| headers.contains_key(name));
    is_kept && !own.no_store
}

/// What the directives of a response say.
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
        // A line holds one directive at least, so this bounds the lines too.
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
            // With a list of fields only those are private, and the rest is not.
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

/// The directives of a line: what stands between commas, those within quotes not counted.
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

/// Whether a number of seconds is not zero. A broken one is no promise that nobody keeps the response.
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

    /// Whether a shared cache may keep it, and whether anyone may show it again.
    #[track_caller]
    fn kept(lines: &[(&'static str, &str)]) -> (bool, bool) {
        let headers = headers(lines);
        (allows_shared_cache(&headers), allows_reuse(&headers))
    }

    #[test]
    fn ok_responses_that_nobody_keeps() {
        assert_eq!(kept(&[]), (false, false));
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
            assert_eq!(kept(&[("cache-control", value)]), (false, false), "{value}");
        }
        assert_eq!(kept(&[("cache-control", "No-Store"), ("etag", "\"1\""), ("expires", "x")]), (false, false));
    }

    #[test]
    fn ok_responses_that_only_their_browser_keeps() {
        for value in ["private, max-age=60", "Private ,\tMAX-AGE = \"60\"", "private, immutable", "max-age=1,private"] {
            assert_eq!(kept(&[("cache-control", value)]), (false, true), "{value}");
        }
        for name in ["etag", "last-modified", "expires"] {
            assert_eq!(kept(&[("cache-control", "no-cache"), (name, "x")]), (false, true), "{name}");
        }
    }

    #[test]
    fn ok_responses_that_shared_caches_keep() {
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
            assert_eq!(kept(&[("cache-control", value)]), (true, true), "{value}");
        }
        assert_eq!(kept(&[("cache-control", "no-store"), ("cdn-cache-control", "max-age=60")]), (true, true));
        assert_eq!(kept(&[("cache-control", "no-store"), ("surrogate-control", "no-store")]), (false, false));
    }

    #[test]
    fn err_beyond_the_limit_a_response_counts_as_kept() {
        let most = vec!["no-store"; MAX_CACHE_DIRECTIVES].join(",");
        assert_eq!(kept(&[("cache-control", &most)]), (false, false));
        assert_eq!(kept(&[("cache-control", &most), ("cache-control", "")]), (true, true));
    }
}
