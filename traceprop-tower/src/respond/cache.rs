//! Which responses a cache may give to somebody else.

use http::header::{CACHE_CONTROL, HeaderMap};

/// Whether `Cache-Control` lets a shared cache keep the response and give it to others.
pub(super) fn may_be_shared(headers: &HeaderMap) -> bool {
    let mut shared = false;
    for line in headers.get_all(CACHE_CONTROL) {
        for directive in Directives(line.as_bytes()) {
            let (name, value) = match directive.iter().position(|&byte| byte == b'=') {
                Some(at) => (&directive[..at], Some(directive[at + 1..].trim_ascii())),
                None => (directive, None),
            };
            let is = |known: &str| name.trim_ascii().eq_ignore_ascii_case(known.as_bytes());
            // With a value, `private` speaks of the fields that it names, not of the response.
            if is("no-store") || (is("private") && value.is_none()) {
                return false;
            }
            shared |= is("public") || is("s-maxage") || (is("max-age") && value.is_some_and(is_above_zero));
        }
    }
    shared
}

/// A broken number is no promise that nobody keeps the response.
fn is_above_zero(seconds: &[u8]) -> bool {
    let digits = seconds.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(seconds);
    digits.is_empty() || digits.iter().any(|&digit| digit != b'0')
}

/// The parts of a line between commas that are not within quotes.
struct Directives<'l>(&'l [u8]);

impl<'l> Iterator for Directives<'l> {
    type Item = &'l [u8];

    fn next(&mut self) -> Option<&'l [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = super::server_timing::unquoted(self.0, b',').unwrap_or(self.0.len());
        let directive = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        Some(directive.trim_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&'static str], shared: bool) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, http::HeaderValue::from_static(line));
        }
        assert_eq!(may_be_shared(&headers), shared, "{lines:?}");
    }

    #[test]
    fn ok_what_others_may_get() {
        for line in [
            "public",
            "Public, no-cache",
            "s-maxage=60",
            "s-maxage=0",
            "max-age=1",
            "max-age=0, MAX-AGE=31536000",
            "must-revalidate,max-age = 60",
            "max-age=\"60\"",
            "max-age=",
            "max-age=x",
            "private=\"set-cookie, x\", max-age=60",
            "x=\"private\", public",
        ] {
            check(&[line], true);
        }
        check(&["no-cache", "public"], true);
    }

    #[test]
    fn ok_what_others_may_not_get() {
        for line in [
            "",
            "no-cache",
            "max-age=0",
            "max-age=\"0\"",
            "max-age=000",
            "private, max-age=60",
            "max-age=60, private",
            "public, no-store",
            "s-maxage=60, Private",
            "no-store",
            "x-public, xs-maxage=1, y=\"public, s-maxage=1\"",
        ] {
            check(&[line], false);
        }
        check(&[], false);
        check(&["max-age=60", "private"], false);
    }
}
