//! Captured requests as text.

use std::io;

use super::json;

/// A captured request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// What the request is called in the output.
    pub label: String,
    pub headers: Vec<(String, String)>,
    /// Whether it is one of a page's requests, which are not hops of one call.
    pub is_of_browser: bool,
}

/// Why a file cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("{file}: {source}")]
    Read { file: String, source: io::Error },
    #[error("{file}:{line}: not a header line; expected `name: value`")]
    NotAHeader { file: String, line: usize },
    #[error("{file}:{line}: invalid JSON: {reason}")]
    Json { file: String, line: usize, reason: String },
    #[error("{file}:{line}: neither a HAR file nor an answer of /inspect")]
    UnknownJson { file: String, line: usize },
    #[error("{file}: contains no request")]
    Empty { file: String },
}

/// Parses a file in any of the forms.
///
/// # Errors
/// Returns [`InputError`] if the form is unknown, a line is invalid, or there is no request.
pub fn parse(file: &str, text: &str) -> Result<Vec<Capture>, InputError> {
    let text = text.trim_start_matches('\u{feff}');
    let captures = if text.trim_start().starts_with(['{', '[']) {
        json::parse(file, text)?
    } else if text.lines().any(is_request_of_curl) {
        curl(text)
    } else {
        plain(file, text)?
    };
    if captures.is_empty() { Err(InputError::Empty { file: file.to_owned() }) } else { Ok(captures) }
}

/// The label of the request at a place in a file, from 0 on.
pub(super) fn default_label(file: &str, place: usize) -> String {
    match (file, place) {
        ("-", place) => format!("request {}", place + 1),
        (file, 0) => file.to_owned(),
        (file, place) => format!("{file}, request {}", place + 1),
    }
}

/// Returns whether the line is like `> GET /path HTTP/1.1`.
fn is_request_of_curl(line: &str) -> bool {
    line.strip_prefix("> ").is_some_and(is_request_line)
}

fn is_request_line(line: &str) -> bool {
    let mut parts = line.split_ascii_whitespace();
    let method = parts.next().is_some_and(|method| method.bytes().all(|byte| byte.is_ascii_uppercase()));
    method && parts.next().is_some() && parts.next().is_some_and(|version| version.starts_with("HTTP/"))
}

/// A request line as a label: without its query, which can contain private data.
fn label_of(request_line: &str) -> String {
    let mut parts = request_line.split_ascii_whitespace();
    let (method, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{method} {}", without_query(path))
}

pub(super) fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or(path)
}

/// Splits `name: value`.
fn header(line: &str) -> Option<(String, String)> {
    // Names of HTTP/2 may begin with a colon.
    let colon = line.get(1..)?.find(':')? + 1;
    let (name, value) = (line[..colon].trim_end(), line[colon + 1..].trim());
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    is_name.then(|| (name.to_owned(), value.to_owned()))
}

/// Reads what `curl -v` prints. Lines of responses, bodies and notes are mixed in.
fn curl(text: &str) -> Vec<Capture> {
    let mut captures: Vec<Capture> = Vec::new();
    for line in text.lines() {
        if is_request_of_curl(line) {
            captures.push(Capture { label: label_of(&line[2..]), headers: Vec::new(), is_of_browser: false });
        } else if let (Some(last), Some(found)) = (captures.last_mut(), line.strip_prefix("> ").and_then(header)) {
            last.headers.push(found);
        }
    }
    captures
}

/// Reads header lines. A blank line, a label and a request line begin the next request.
fn plain(file: &str, text: &str) -> Result<Vec<Capture>, InputError> {
    let mut captures = Vec::new();
    let (mut label, mut headers) = (None, Vec::new());
    let mut end = |label: &mut Option<String>, headers: &mut Vec<_>| {
        if label.is_some() || !headers.is_empty() {
            let label = label.take().unwrap_or_else(|| default_label(file, captures.len()));
            captures.push(Capture { label, headers: std::mem::take(headers), is_of_browser: false });
        }
    };
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() {
            if !headers.is_empty() {
                end(&mut label, &mut headers);
            }
        } else if let Some(text) = line.strip_prefix('#') {
            end(&mut label, &mut headers);
            label = Some(text.trim().to_owned());
        } else if is_request_line(line) {
            // Below a label it says nothing new.
            if label.is_none() || !headers.is_empty() {
                end(&mut label, &mut headers);
                label = Some(label_of(line));
            }
        } else {
            let found = header(line);
            headers.push(found.ok_or_else(|| InputError::NotAHeader { file: file.to_owned(), line: number + 1 })?);
        }
    }
    end(&mut label, &mut headers);
    Ok(captures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(label: &str, headers: &[(&str, &str)]) -> Capture {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Capture { label: label.to_owned(), headers, is_of_browser: false }
    }

    #[test]
    fn ok_parse_header_lines_with_and_without_labels() {
        let text = "b3: 0\r\nAccept:*/*\r\n\r\n# stock\nGET /a?token=1 HTTP/1.1\ntraceparent: x: y\n\n\n:path: /\n";
        let expected = [
            capture("f", &[("b3", "0"), ("Accept", "*/*")]),
            capture("stock", &[("traceparent", "x: y")]),
            capture("f, request 3", &[(":path", "/")]),
        ];
        assert_eq!(parse("f", text).unwrap(), expected);
    }

    #[test]
    fn ok_parse_a_label_without_headers() {
        assert_eq!(parse("f", "# empty\n\n# b\nb3: 1").unwrap(), [capture("empty", &[]), capture("b", &[("b3", "1")])]);
    }

    #[test]
    fn ok_parse_curl_ignores_responses_notes_and_bodies() {
        let text = "*   Trying 127.0.0.1:80...\n> GET /cart?user=7 HTTP/1.1\n> Host: a\n> traceparent: 00-1\n> \n\
                    < HTTP/1.1 302 Found\n< traceparent: not this\nhello: body\n> POST /b HTTP/2\n> b3: 1\n";
        let expected =
            [capture("GET /cart", &[("Host", "a"), ("traceparent", "00-1")]), capture("POST /b", &[("b3", "1")])];
        assert_eq!(parse("f", text).unwrap(), expected);
    }

    #[test]
    fn err_parse_names_the_line() {
        let error = |text| parse("capture.txt", text).unwrap_err().to_string();
        assert_eq!(error("b3: 1\nnothing here\n"), "capture.txt:2: not a header line; expected `name: value`");
        assert_eq!(error("a b: 1"), "capture.txt:1: not a header line; expected `name: value`");
        assert_eq!(error("\n\n"), "capture.txt: contains no request");
    }
}
