//! Redirects: the next request, and which headers it keeps.
//!
//! Methods and bodies change as in reqwest and browsers:
//!
//! | status | method | body |
//! |---|---|---|
//! | 301, 302 | POST becomes GET, others are kept | dropped if POST becomes GET, else kept |
//! | 303 | all except HEAD become GET | dropped |
//! | 307, 308 | kept | kept |
//!
//! The redirect is the response if a body cannot be sent again (a stream), or if `Location` is missing or invalid.
//!
//! This is stricter than reqwest: headers that are removed for one hop are removed for the rest of the chain, a change of
//! scheme is a change of origin in every version, and a `Host` header of the request is sent to its first host only.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderName, LOCATION,
    PROXY_AUTHORIZATION, REFERER, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use reqwest::{Request, Url};

use super::error::{Error, Origin};

/// Credentials and the host: not for another origin.
const OF_ONE_ORIGIN: [HeaderName; 6] =
    [AUTHORIZATION, COOKIE, HeaderName::from_static("cookie2"), PROXY_AUTHORIZATION, WWW_AUTHENTICATE, HOST];

/// Headers that describe a body.
const OF_THE_BODY: [HeaderName; 4] = [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING];

/// How redirects are followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Follow {
    /// The highest number of redirects. With `None`, a redirect is the response.
    pub(super) limit: Option<usize>,
    pub(super) referer: bool,
    pub(super) https_only: bool,
}

impl Follow {
    /// Returns an error if a request may not be sent to this URL without TLS.
    pub(super) fn check_https(&self, url: &Url) -> Result<(), Error> {
        if self.https_only && url.scheme() != "https" {
            return Err(Error::NotHttps { origin: Origin::from_url(url) });
        }
        Ok(())
    }
}

/// What is kept of a request while its responses may be redirects.
pub(super) struct Chain {
    follow: Follow,
    limit: usize,
    followed: usize,
    /// The next hop is a copy of this request, which has no trace headers of ours. Its URL is that of the current hop.
    kept: Request,
    /// The body was a stream and has been sent.
    body_is_gone: bool,
    was_https: bool,
}

impl Chain {
    /// Keeps one copy of the request. Returns `None`, without a copy, if redirects are disabled.
    pub(super) fn begin(request: &mut Request, follow: Follow) -> Option<Self> {
        let limit = follow.limit?;
        let (kept, body_is_gone) = match request.try_clone() {
            Some(copy) => (copy, false),
            None => {
                let stream = request.body_mut().take();
                let copy = request.try_clone();
                *request.body_mut() = stream;
                (copy?, true)
            }
        };
        let was_https = kept.url().scheme() == "https";
        Some(Self { follow, limit, followed: 0, kept, body_is_gone, was_https })
    }

    /// Whether the current hop has no TLS although an earlier one had.
    pub(super) fn is_downgraded(&self) -> bool {
        self.was_https && self.kept.url().scheme() != "https"
    }

    /// Returns the next request, or `None` if this response is the final one.
    pub(super) fn next(&mut self, status: StatusCode, headers: &HeaderMap) -> Result<Option<Request>, Error> {
        let Some((method, keeps_body)) = rewritten(status, self.kept.method()) else {
            return Ok(None);
        };
        if keeps_body && self.body_is_gone {
            return Ok(None);
        }
        let Some(next) = target(headers, self.kept.url()) else {
            return Ok(None);
        };
        if self.followed >= self.limit {
            return Err(Error::TooManyRedirects { limit: self.limit, origin: Origin::from_url(&next) });
        }
        if !["http", "https"].contains(&next.scheme()) {
            return Err(Error::NotHttp { origin: Origin::from_url(&next) });
        }
        self.follow.check_https(&next)?;
        self.move_to(next, method, keeps_body)
    }

    fn move_to(&mut self, next: Url, method: Method, keeps_body: bool) -> Result<Option<Request>, Error> {
        self.followed += 1;
        self.was_https |= next.scheme() == "https";
        let headers = self.kept.headers_mut();
        if !keeps_body {
            remove(headers, &OF_THE_BODY);
            *self.kept.body_mut() = None;
            self.body_is_gone = false;
        }
        if is_foreign(self.kept.url(), &next) {
            remove(self.kept.headers_mut(), &OF_ONE_ORIGIN);
        }
        *self.kept.method_mut() = method;
        let previous = std::mem::replace(self.kept.url_mut(), next);
        let mut request = self.kept.try_clone();
        // Not kept: the hop after this one may not receive it.
        if let (Some(request), true) = (&mut request, self.follow.referer) {
            if let Some(referer) = referer(&previous, request.url()) {
                request.headers_mut().insert(REFERER, referer);
            }
        }
        Ok(request)
    }
}

/// Returns the method of the next hop, and whether it keeps the body.
fn rewritten(status: StatusCode, method: &Method) -> Option<(Method, bool)> {
    match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND if method == Method::POST => Some((Method::GET, false)),
        StatusCode::SEE_OTHER if method == Method::HEAD => Some((Method::HEAD, false)),
        StatusCode::SEE_OTHER => Some((Method::GET, false)),
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => Some((method.clone(), true)),
        _ => None,
    }
}

/// Returns the URL in `Location`, or `None` if it is missing or invalid for a request.
fn target(headers: &HeaderMap, base: &Url) -> Option<Url> {
    let location = std::str::from_utf8(headers.get(LOCATION)?.as_bytes()).ok()?;
    let mut next = base.join(location).ok()?;
    next.set_fragment(None);
    next.as_str().parse::<Uri>().ok().map(|_| next)
}

fn is_foreign(one: &Url, other: &Url) -> bool {
    one.scheme() != other.scheme()
        || one.port_or_known_default() != other.port_or_known_default()
        || one.host_str() != other.host_str()
}

/// Returns the `Referer` for the next hop, if it may have one.
fn referer(previous: &Url, next: &Url) -> Option<HeaderValue> {
    if previous.scheme() == "https" && next.scheme() != "https" {
        return None;
    }
    let mut referer = previous.clone();
    referer.set_username("").ok()?;
    referer.set_password(None).ok()?;
    referer.set_fragment(None);
    HeaderValue::from_str(referer.as_str()).ok()
}

fn remove(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow() -> Follow {
        Follow { limit: Some(3), referer: true, https_only: false }
    }

    fn request(method: Method, url: &str) -> Request {
        Request::new(method, url.parse().expect("a URL"))
    }

    fn chain(mut request: Request, follow: Follow) -> Chain {
        Chain::begin(&mut request, follow).expect("redirects are on")
    }

    fn location(to: &str) -> HeaderMap {
        HeaderMap::from_iter([(LOCATION, HeaderValue::from_str(to).expect("a value"))])
    }

    fn next(chain: &mut Chain, status: StatusCode, to: &str) -> Result<Option<Request>, Error> {
        chain.next(status, &location(to))
    }

    /// Follows a redirect to `to`.
    #[track_caller]
    fn moved(chain: &mut Chain, to: &str) -> Request {
        next(chain, StatusCode::TEMPORARY_REDIRECT, to).expect("no error").expect("it is followed")
    }

    #[test]
    fn ok_following_takes_one_copy_of_the_request_and_not_following_none() {
        use allocation_counter::measure;

        let mut get = request(Method::GET, "http://a.example/items");
        get.headers_mut().insert("x-mine", HeaderValue::from_static("1"));
        // The first copy makes the bytes of the request shared.
        drop(get.try_clone());
        let copy = measure(|| drop(get.try_clone())).count_total;
        assert!(copy > 0);
        assert_eq!(measure(|| drop(Chain::begin(&mut get, follow()))).count_total, copy);
        let stays = Follow { limit: None, ..follow() };
        assert_eq!(measure(|| assert!(Chain::begin(&mut get, stays).is_none())).count_total, 0);
    }

    #[test]
    fn ok_method_and_body_go_by_the_status() {
        use Method as M;
        for (status, rules) in [
            (301, [(M::GET, M::GET, true), (M::POST, M::GET, false), (M::PUT, M::PUT, true), (M::HEAD, M::HEAD, true)]),
            (302, [(M::GET, M::GET, true), (M::POST, M::GET, false), (M::PUT, M::PUT, true), (M::HEAD, M::HEAD, true)]),
            (
                303,
                [(M::GET, M::GET, false), (M::POST, M::GET, false), (M::PUT, M::GET, false), (M::HEAD, M::HEAD, false)],
            ),
            (307, [(M::GET, M::GET, true), (M::POST, M::POST, true), (M::PUT, M::PUT, true), (M::HEAD, M::HEAD, true)]),
            (308, [(M::GET, M::GET, true), (M::POST, M::POST, true), (M::PUT, M::PUT, true), (M::HEAD, M::HEAD, true)]),
        ] {
            for (method, expected, keeps_body) in rules {
                let status = StatusCode::from_u16(status).unwrap();
                assert_eq!(rewritten(status, &method), Some((expected, keeps_body)), "{status} {method}");
            }
        }
        for status in [200, 300, 304, 305, 306, 309, 400, 503] {
            assert_eq!(rewritten(StatusCode::from_u16(status).unwrap(), &M::POST), None, "{status}");
        }
    }

    #[test]
    fn ok_body_goes_with_the_headers_that_describe_it() {
        let mut post = request(Method::POST, "http://a.example/");
        *post.body_mut() = Some("text".into());
        for name in OF_THE_BODY.into_iter().chain([HeaderName::from_static("x-mine")]) {
            post.headers_mut().insert(name, HeaderValue::from_static("1"));
        }
        let mut chain = chain(post, Follow { referer: false, ..follow() });
        let same = moved(&mut chain, "/b");
        assert_eq!((same.headers().len(), same.body().is_some()), (5, true));
        let get = next(&mut chain, StatusCode::SEE_OTHER, "/c").unwrap().unwrap();
        assert_eq!((get.headers().len(), get.body().is_some(), get.method()), (1, false, &Method::GET));
    }

    #[test]
    fn ok_target_is_relative_to_the_hop_and_a_redirect_without_one_is_the_response() {
        let mut chain = chain(request(Method::GET, "http://a.example/x/y?z"), follow());
        assert_eq!(moved(&mut chain, "../b#part").url().as_str(), "http://a.example/b");
        assert_eq!(moved(&mut chain, "//c.example:81").url().as_str(), "http://c.example:81/");
        assert_eq!(moved(&mut chain, "?q").url().as_str(), "http://c.example:81/?q");
        for headers in [HeaderMap::new(), location("http://[broken"), location("http:///")] {
            let next = chain.next(StatusCode::FOUND, &headers).map(|next| next.is_some());
            assert!(matches!(next, Ok(false)), "{headers:?} {next:?}");
        }
        let odd = HeaderMap::from_iter([(LOCATION, HeaderValue::from_bytes(b"/\xff").unwrap())]);
        assert!(chain.next(StatusCode::FOUND, &odd).unwrap().is_none());
    }

    #[test]
    fn err_next_beyond_the_limit_and_to_what_is_not_allowed() {
        let mut looping = chain(request(Method::GET, "http://a.example/"), follow());
        for _ in 0..3 {
            moved(&mut looping, "/");
        }
        let error = next(&mut looping, StatusCode::FOUND, "http://u:p@a.example/secret").unwrap_err();
        assert_eq!(error.to_string(), "more than 3 redirects, the last one to http://a.example");

        let error = |to| {
            let follow = Follow { https_only: true, ..follow() };
            let mut chain = chain(request(Method::GET, "https://a.example/"), follow);
            next(&mut chain, StatusCode::FOUND, to).unwrap_err().to_string()
        };
        assert_eq!(error("http://u:p@b.example/?key"), "https_only is set, but http://b.example is not https");
        assert_eq!(error("ftp://u:p@b.example/?key"), "redirect to ftp://b.example, which is not HTTP");

        let mut none = chain(request(Method::GET, "http://a.example/"), Follow { limit: Some(0), ..follow() });
        assert!(matches!(next(&mut none, StatusCode::FOUND, "/"), Err(Error::TooManyRedirects { limit: 0, .. })));
        let off = Follow { limit: None, ..follow() };
        assert!(Chain::begin(&mut request(Method::GET, "http://a.example/"), off).is_none());
    }

    #[test]
    fn ok_credentials_stay_with_their_origin_and_never_come_back() {
        let names = ["authorization", "cookie", "cookie2", "proxy-authorization", "www-authenticate", "host"];
        let with = |first: &str| {
            let mut request = request(Method::GET, first);
            for name in names {
                request.headers_mut().insert(name, HeaderValue::from_static("secret"));
            }
            chain(request, Follow { referer: false, ..follow() })
        };
        let mut same = with("https://a.example/");
        assert_eq!(moved(&mut same, "https://a.example:443/b").headers().len(), names.len());
        for foreign in ["https://b.example/", "https://a.example:444/", "http://a.example:443/", "https://a.example.b/"]
        {
            let mut chain = with("https://a.example/");
            assert!(moved(&mut chain, foreign).headers().is_empty(), "{foreign}");
            // Neither on the way on, at the same foreign host, nor on the way back.
            assert!(moved(&mut chain, "/c").headers().is_empty(), "{foreign}");
            assert!(moved(&mut chain, "https://a.example/").headers().is_empty(), "{foreign}");
        }
    }

    #[test]
    fn ok_once_over_https_every_hop_without_it_is_a_downgrade() {
        let mut chain = chain(request(Method::GET, "http://a.example/"), Follow { limit: Some(9), ..follow() });
        let mut downgraded = vec![chain.is_downgraded()];
        for to in
            ["http://b.example/", "https://b.example/", "http://c.example/", "/d", "https://e.example/", "http://f/"]
        {
            moved(&mut chain, to);
            downgraded.push(chain.is_downgraded());
        }
        assert_eq!(downgraded, [false, false, false, true, true, false, true]);
    }

    #[test]
    fn ok_begin_takes_one_copy_and_none_where_redirects_are_off() {
        let post = || {
            let mut post = request(Method::POST, "http://a.example/");
            post.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/x"));
            *post.body_mut() = Some("text".into());
            post
        };
        let allocated = |run: &mut dyn FnMut()| allocation_counter::measure(run).count_total;
        let mut original = post();
        let copy = allocated(&mut || drop(original.try_clone()));
        let begin = allocated(&mut || drop(Chain::begin(&mut original, follow())));
        let off = allocated(&mut || drop(Chain::begin(&mut original, Follow { limit: None, ..follow() })));
        assert_eq!((begin, off), (copy, 0));
        assert!(original.body().is_some());
    }

    #[test]
    fn ok_referer_is_told_without_secrets_and_not_without_tls() {
        let referer =
            |request: &Request| request.headers().get(REFERER).map(|value| value.to_str().unwrap().to_owned());
        let mut chain = chain(request(Method::GET, "https://u:p@a.example/x?y#z"), follow());
        assert_eq!(referer(&moved(&mut chain, "https://b.example/")).as_deref(), Some("https://a.example/x?y"));
        assert_eq!(referer(&moved(&mut chain, "http://c.example/")), None);
        assert_eq!(referer(&moved(&mut chain, "https://d.example/")).as_deref(), Some("http://c.example/"));
    }
}
