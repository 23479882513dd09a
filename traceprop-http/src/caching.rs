//! Whether caches may store a response. A stored response that names its trace would give that trace to other requests.
//!
//! The rules are a subset of RFC 9111, for this purpose only, and in doubt a response counts as stored.
//!
//! * A response without caching headers counts as one that is not stored, although a cache can be configured to store it.
//! * Method and status are not considered: a cache can be configured to store any of them.
//! * `Vary` is not considered, `Vary: *` included: some CDNs ignore it.

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

/// End of the name of a field that overrides `Cache-Control` for some caches (RFC 9213), such as `CDN-Cache-Control` or
/// `Cloudflare-CDN-Cache-Control`.
const TARGETED: &str = "-cache-control";

/// Older fields that override `Cache-Control`: of Edge Architecture (Fastly, Varnish) and of Akamai.
const TARGETED_BEFORE: [&str; 2] = ["surrogate-control", "edge-control"];

/// The lifetime for nginx as a cache, in seconds or as `@` and a time. It overrides `Cache-Control`.
static X_ACCEL_EXPIRES: HeaderName = HeaderName::from_static("x-accel-expires");

/// Returns `true` if a cache that serves many clients may store the response.
///
/// `private` and `no-store` in `Cache-Control` forbid that. Without them, such a cache may store a response
///
/// * with `public`, `s-maxage`, or `max-age`, `stale-while-revalidate` or `stale-if-error` above 0,
/// * with `Expires`, unless it is `0` or `-1`, or with `Last-Modified`, from which a cache estimates a lifetime. Neither
///   counts if `max-age`, `s-maxage` or `no-cache` is present.
///
/// Some fields override `Cache-Control` for some caches, so each of them can allow storing too: names that end in
/// `-cache-control` (RFC 9213), `Surrogate-Control`, `Edge-Control` and `X-Accel-Expires`.
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
    let has_date = headers.contains_key(&LAST_MODIFIED);
    let expires = headers.get_all(EXPIRES).iter().any(|time| !matches!(time.as_bytes().trim_ascii(), b"0" | b"-1"));
    Directives::read(headers, &CACHE_CONTROL).may_be_shared(has_date || expires)
        || headers.get_all(&X_ACCEL_EXPIRES).iter().any(|seconds| is_above_zero(seconds.as_bytes().trim_ascii()))
        || headers.keys().filter(|name| is_targeted(name.as_str())).any(|name| {
            let targeted = Directives::read(headers, name);
            // A cache that obeys the field ignores `Expires`, and the field itself if it is empty.
            targeted.may_be_shared(has_date && targeted.is_present)
        })
}

/// Returns `true` for fields that override `Cache-Control` for some caches, and have directives as it has.
fn is_targeted(name: &str) -> bool {
    name.ends_with(TARGETED) || TARGETED_BEFORE.contains(&name)
}

/// Returns `true` if any cache, the browser's own included, may show the response again.
///
/// That is a response for which [`allows_shared_cache`] is true, or one with a lifetime above 0, `immutable`,
/// `Expires`, `ETag` or `Last-Modified`, since a 304 response shows the old page again. With `no-store` only the
/// fields that override it for shared caches count.
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
    is_kept && !own.forbids_storing()
}

/// The directives of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Directives {
    is_present: bool,
    no_store: bool,
    /// Caches that know the status ignore `no-store` (RFC 9111, 5.2.2.3).
    must_understand: bool,
    private: bool,
    public: bool,
    immutable: bool,
    /// A lifetime above 0, or a time to show a stale response.
    is_fresh: bool,
    s_maxage: bool,
    /// The directives say how long the response is fresh, so no other field does.
    has_lifetime: bool,
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
        self.is_present |= !name.is_empty();
        if is("no-store") {
            self.no_store = true;
        } else if is("must-understand") {
            self.must_understand = true;
        } else if is("no-cache") {
            // With a list of fields only these fields are not reused.
            self.has_lifetime |= value.is_none();
        } else if is("private") {
            // With a list of fields only these fields are private.
            self.private |= value.is_none();
        } else if is("public") {
            self.public = true;
        } else if is("immutable") {
            self.immutable = true;
        } else if is("max-age") || is("cache-maxage") {
            // The second is Akamai's name.
            self.has_lifetime = true;
            self.is_fresh |= value.is_some_and(is_above_zero);
        } else if is("stale-while-revalidate") || is("stale-if-error") {
            self.is_fresh |= value.is_some_and(is_above_zero);
        } else if is("s-maxage") {
            self.has_lifetime = true;
            self.s_maxage = true;
        }
    }

    /// Returns `true` if a shared cache may store the response. `otherwise` decides without a lifetime.
    const fn may_be_shared(self, otherwise: bool) -> bool {
        let is_kept = self.public || self.s_maxage || self.is_fresh || (otherwise && !self.has_lifetime);
        self.too_many || (is_kept && !self.private && !self.forbids_storing())
    }

    const fn forbids_storing(self) -> bool {
        self.no_store && !self.must_understand
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

    const EXPIRES: (&str, &str) = ("expires", "Wed, 21 Oct 2015 07:28:00 GMT");
    const MODIFIED: (&str, &str) = ("last-modified", "Tue, 20 Oct 2015 07:28:00 GMT");

    #[test]
    fn ok_a_lifetime_is_explicit_or_estimated() {
        for other in [EXPIRES, MODIFIED] {
            assert_eq!(stored(&[other]), (true, true), "{other:?}");
            for value in ["", "must-revalidate", "immutable", "no-cache=\"set-cookie\"", "private=\"set-cookie\""] {
                assert_eq!(stored(&[other, ("cache-control", value)]), (true, true), "{other:?} {value}");
            }
            for value in ["private", "no-cache", "max-age=0", "must-revalidate, max-age=0"] {
                assert_eq!(stored(&[other, ("cache-control", value)]), (false, true), "{other:?} {value}");
            }
            assert_eq!(stored(&[other, ("cache-control", "no-store")]), (false, false), "{other:?}");
        }
        assert_eq!(stored(&[EXPIRES, ("vary", "*")]), (true, true), "some CDNs ignore it");
        for value in ["0", "-1", " 0 "] {
            assert_eq!(stored(&[("expires", value)]), (false, true), "{value}");
        }
        assert_eq!(stored(&[("expires", "0"), EXPIRES]), (true, true));
        assert_eq!(stored(&[("etag", "\"1\"")]), (false, true));
    }

    #[test]
    fn ok_a_stale_response_is_stored_too() {
        for value in ["stale-while-revalidate=60", "max-age=0, Stale-While-Revalidate=1", "stale-if-error=60"] {
            assert_eq!(stored(&[("cache-control", value)]), (true, true), "{value}");
            let private = format!("{value}, private");
            assert_eq!(stored(&[("cache-control", &private)]), (false, true), "{private}");
        }
        assert_eq!(stored(&[("cache-control", "max-age=0, stale-while-revalidate=0")]), (false, false));
    }

    #[test]
    fn ok_must_understand_turns_no_store_off() {
        assert_eq!(stored(&[("cache-control", "must-understand, no-store, max-age=60")]), (true, true));
        assert_eq!(stored(&[("cache-control", "must-understand, private, no-store, max-age=60")]), (false, true));
        assert_eq!(stored(&[("cache-control", "must-understand, no-store")]), (false, false));
    }

    #[test]
    fn ok_a_field_for_some_caches_overrides_cache_control() {
        for (name, value) in [
            ("cdn-cache-control", "max-age=60"),
            ("cloudflare-cdn-cache-control", "public"),
            ("netlify-cdn-cache-control", "s-maxage=60"),
            ("vercel-cdn-cache-control", "stale-while-revalidate=60"),
            ("examplecdn-cache-control", "max-age=0, stale-if-error=60"),
            ("x-litespeed-cache-control", "public,max-age=60"),
            ("surrogate-control", "max-age=60+30, content=\"ESI/1.0\""),
            ("edge-control", "!no-store, cache-maxage=1d"),
            ("x-accel-expires", "60"),
            ("x-accel-expires", "@1445412480"),
        ] {
            assert_eq!(stored(&[("cache-control", "no-store"), (name, value)]), (true, true), "{name}: {value}");
            assert_eq!(stored(&[(name, value)]), (true, true), "{name}: {value}");
        }
        for (name, value) in [
            ("cdn-cache-control", "no-store"),
            ("cloudflare-cdn-cache-control", "private, max-age=60"),
            ("cdn-cache-control", "max-age=0"),
            ("edge-control", "no-store, cache-maxage=1d"),
            ("edge-control", "cache-maxage=0"),
            ("x-accel-expires", "0"),
            ("x-cache", "HIT, max-age=60"),
            ("cache-control-cdn", "max-age=60"),
        ] {
            assert_eq!(stored(&[(name, value)]), (false, false), "{name}: {value}");
            assert_eq!(stored(&[("cache-control", "max-age=60"), (name, value)]), (true, true), "{name}: {value}");
        }
    }

    #[test]
    fn ok_a_field_for_some_caches_leaves_the_lifetime_to_an_estimate() {
        let own = ("cache-control", "private");
        assert_eq!(stored(&[own, MODIFIED, ("cdn-cache-control", "must-revalidate")]), (true, true));
        assert_eq!(stored(&[own, EXPIRES, ("cdn-cache-control", "must-revalidate")]), (false, true));
        assert_eq!(stored(&[own, MODIFIED, ("cdn-cache-control", "")]), (false, true));
        assert_eq!(stored(&[own, MODIFIED, ("cdn-cache-control", "max-age=0")]), (false, true));
    }

    #[test]
    fn err_beyond_the_limit_a_response_counts_as_stored() {
        let most = vec!["no-store"; MAX_CACHE_DIRECTIVES].join(",");
        assert_eq!(stored(&[("cache-control", &most)]), (false, false));
        assert_eq!(stored(&[("cache-control", &most), ("cache-control", "")]), (true, true));
    }
}
