//! Captured requests as JSON: HAR files and answers of `/inspect`.

use serde_json::{Deserializer, Value};

use super::input::{Capture, InputError, default_label, without_query};

/// Parses one JSON value after the other.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Capture>, InputError> {
    let mut captures = Vec::new();
    let mut values = Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let line = line_of(text, values.byte_offset());
        match values.next() {
            None => return Ok(captures),
            Some(Ok(value)) => add(file, line, &value, &mut captures)?,
            Some(Err(error)) => {
                let (line, reason) = (error.line(), error.to_string());
                return Err(InputError::Json { file: file.to_owned(), line, reason });
            }
        }
    }
}

/// The line of the first byte from `offset` on that is not blank.
fn line_of(text: &str, offset: usize) -> usize {
    let blank = text[offset..].len() - text[offset..].trim_start().len();
    1 + text[..offset + blank].bytes().filter(|byte| *byte == b'\n').count()
}

fn add(file: &str, line: usize, value: &Value, captures: &mut Vec<Capture>) -> Result<(), InputError> {
    if let Some(several) = value.as_array() {
        return several.iter().try_for_each(|value| add(file, line, value, captures));
    }
    let unknown = || InputError::UnknownJson { file: file.to_owned(), line };
    if let Some(entries) = value.pointer("/log/entries").and_then(Value::as_array) {
        for entry in entries {
            captures.push(browser_request(entry).ok_or_else(unknown)?);
        }
        return Ok(());
    }
    let headers = value.get("headers").and_then(Value::as_array).ok_or_else(unknown)?;
    let pair = |pair: &Value| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_str()?.to_owned()));
    let headers = headers.iter().map(pair).collect::<Option<_>>().ok_or_else(unknown)?;
    let label = default_label(file, captures.len());
    captures.push(Capture { label, headers, is_of_browser: false });
    Ok(())
}

fn browser_request(entry: &Value) -> Option<Capture> {
    let request = entry.get("request")?;
    let text = |value: &Value, key| Some(value.get(key)?.as_str()?.to_owned());
    let label = format!("{} {}", text(request, "method")?, without_query(&text(request, "url")?));
    let headers = request.get("headers")?.as_array()?;
    let headers =
        headers.iter().map(|header| Some((text(header, "name")?, text(header, "value")?))).collect::<Option<_>>()?;
    Some(Capture { label, headers, is_of_browser: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_parse_a_har_file_without_queries() {
        let text = r#"{"log": {"version": "1.2", "entries": [{"request": {"method": "GET",
            "url": "https://shop.example/a?session=1", "headers": [{"name": "b3", "value": "0"}]}}]}}"#;
        let headers = vec![("b3".to_owned(), "0".to_owned())];
        let label = "GET https://shop.example/a".to_owned();
        assert_eq!(parse("x.har", text).unwrap(), [Capture { label, headers, is_of_browser: true }]);
    }

    #[test]
    fn ok_parse_answers_one_after_the_other_and_in_a_list() {
        let text = "{\"headers\": [[\"b3\", \"0\"]]}\n[{\"headers\": []}, {\"headers\": []}]";
        let labels: Vec<_> = parse("cart.json", text).unwrap().into_iter().map(|capture| capture.label).collect();
        assert_eq!(labels, ["cart.json", "cart.json, request 2", "cart.json, request 3"]);
    }

    #[test]
    fn err_parse_names_the_line() {
        let error = |text| parse("f", text).unwrap_err().to_string();
        assert_eq!(error("{\"headers\": []}\n\n{\"log\": 1}"), "f:3: neither a HAR file nor an answer of /inspect");
        assert_eq!(error("[{\"headers\": [[1, 2]]}]"), "f:1: neither a HAR file nor an answer of /inspect");
        assert_eq!(error("{\n  \"headers\": [}"), "f:2: invalid JSON: expected value at line 2 column 15");
        assert_eq!(error("{\"log\": {\"entries\": [{}]}}"), "f:1: neither a HAR file nor an answer of /inspect");
    }
}
