//! The grammar of each header, written from the specifications, and the names that a list of headers contains.

use std::collections::BTreeSet;

use axum::http::HeaderMap;

/// A name in a header or list: the header or list, and the name.
pub(crate) type Name = (&'static str, String);

/// Checks all headers of a request: each must be header text that is not blank, with a name of a format, in the grammar
/// of that format. Returns every name in them. Lines that were forwarded unchanged may contain tabs.
#[track_caller]
pub(crate) fn judge(case: &str, headers: &HeaderMap, as_they_came: bool) -> BTreeSet<Name> {
    let mut names = BTreeSet::new();
    for name in headers.keys() {
        let lines: Vec<&str> = headers
            .get_all(name)
            .iter()
            .map(|value| text(case, name.as_str(), value.as_bytes(), as_they_came))
            .collect();
        let name = name.as_str();
        let legal = grammar(name).is_some_and(|grammar| grammar(&lines, &mut names));
        assert!(legal, "{case}: {name}: {lines:?}");
        names.insert(("", name.to_owned()));
    }
    names
}

/// A check of the lines of a header, which adds the names in them.
type Grammar = fn(&[&str], &mut BTreeSet<Name>) -> bool;

/// Returns the grammar of a header; `None` if no format writes that header.
fn grammar(name: &str) -> Option<Grammar> {
    let grammar: Grammar = match name {
        "host" | "accept" => |_, _| true,
        "traceparent" | "elastic-apm-traceparent" => |lines, _| lines.len() == 1 && traceparent(lines[0]),
        "tracestate" => |lines, names| tracestate(&lines.join(","), names),
        "baggage" => |lines, names| baggage(&lines.join(","), names),
        "b3" => |lines, _| lines.len() == 1 && b3(lines[0]),
        "x-b3-traceid" => |lines, _| lines.len() == 1 && matches!(lines[0].len(), 16 | 32) && is_hex(lines[0]),
        "x-b3-spanid" | "x-b3-parentspanid" => |lines, _| lines.len() == 1 && lines[0].len() == 16 && is_hex(lines[0]),
        "x-b3-sampled" | "x-b3-flags" => |lines, _| lines.len() == 1 && ["0", "1"].contains(&lines[0]),
        "x-datadog-trace-id" | "x-datadog-parent-id" => |lines, _| lines.len() == 1 && lines[0].parse::<u64>().is_ok(),
        "x-datadog-sampling-priority" => |lines, _| lines.len() == 1 && lines[0].parse::<i32>().is_ok(),
        "x-datadog-origin" => |lines, _| lines.len() == 1,
        "x-datadog-tags" => |lines, names| tags(&lines.join(","), names),
        "x-instana-t" => |lines, _| lines.len() == 1 && matches!(lines[0].len(), 16 | 32) && is_hex(lines[0]),
        "x-instana-s" => |lines, _| lines.len() == 1 && lines[0].len() == 16 && is_hex(lines[0]),
        "x-instana-l" => |lines, _| lines.len() == 1 && ["0", "1"].contains(&lines[0]),
        // It is sent to nobody.
        "x-instana-synthetic" => |_, _| false,
        // Nothing writes it, and a passthrough forwards the received lines.
        "newrelic" => |lines, _| !lines.is_empty(),
        "grpc-trace-bin" => |lines, _| unbase64(&format!("{}=", lines[0])).is_some_and(|bytes| bytes.len() == 29),
        "ot-tracer-traceid" | "ot-tracer-spanid" => {
            |lines, _| lines.len() == 1 && lines[0].len() == 16 && is_hex(lines[0])
        }
        "ot-tracer-sampled" => |lines, _| lines.len() == 1 && ["true", "false"].contains(&lines[0]),
        "uber-trace-id" => |lines, _| lines.len() == 1 && uber(lines[0]),
        "jaeger-baggage" => |lines, names| pairs("jaeger-baggage", &lines.join(","), '=', names),
        "jaeger-debug-id" => |lines, _| lines[0].len() <= 256,
        "sw8" => |lines, _| lines.len() == 1 && sw8(lines[0]),
        "sw8-correlation" => |lines, names| correlation(&lines.join(","), names),
        "sw8-x" => |lines, _| lines.len() == 1 && extension(lines[0]),
        "x-cloud-trace-context" => |lines, _| !lines.is_empty() && cloud_trace(lines[0]),
        "sentry-trace" => |lines, _| !lines.is_empty() && sentry(lines[0]),
        "x-amzn-trace-id" => |lines, names| lines.len() == 1 && xray(lines[0], names),
        "x-request-id" => |lines, _| lines[0].len() <= 1024 && lines[0].bytes().all(|b| is_id(b) || b"_#".contains(&b)),
        "x-order" => |lines, _| lines[0].len() <= 128 && lines[0].bytes().all(|b| is_id(b) || b"_#.:+/=|".contains(&b)),
        name if ["uberctx-", "ot-baggage-"]
            .iter()
            .any(|prefix| name.len() > prefix.len() && name.starts_with(prefix)) =>
        {
            |_, _| true
        }
        _ => return None,
    };
    Some(grammar)
}

#[test]
fn ok_each_field_of_the_table_has_a_grammar() {
    for name in crate::names() {
        assert!(grammar(name).is_some(), "write the grammar of {name}");
    }
}

/// Returns `true` for visible characters and inner blanks.
#[track_caller]
fn text<'v>(case: &str, name: &str, value: &'v [u8], tabs: bool) -> &'v str {
    let visible = value.iter().all(|b| (b' '..=b'~').contains(b) || (tabs && *b == b'\t'));
    let legal = visible && !value.is_empty() && value.trim_ascii() == value;
    assert!(legal, "{case}: {name}: {}", value.escape_ascii());
    std::str::from_utf8(value).expect("ASCII")
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b"0123456789abcdef".contains(&b))
}

/// Characters of correlation ids, in addition to those of opaque ones.
fn is_id(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-{}|.:+/=".contains(&b)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn traceparent(value: &str) -> bool {
    let fields: Vec<_> = value.split('-').collect();
    let lengths = fields.iter().map(|field| field.len());
    lengths.eq([2, 32, 16, 2]) && fields[0] == "00" && fields.iter().all(|field| is_hex(field))
}

fn tracestate(list: &str, names: &mut BTreeSet<Name>) -> bool {
    let members: Vec<_> = list.split(',').collect();
    let mut seen = BTreeSet::new();
    let legal = members.iter().all(|member| {
        let Some((key, value)) = member.split_once('=') else { return false };
        let small = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        names.insert(("tracestate", key.to_owned()));
        if key == "dd" {
            names.extend(value.split(';').map(|item| ("dd", item.split(':').next().unwrap_or_default().to_owned())));
        }
        key.bytes().next().is_some_and(small)
            && key.bytes().all(|b| small(b) || b"_-*/@".contains(&b))
            && (1..=256).contains(&value.len())
            && !value.contains('=')
            && !value.ends_with(' ')
            && seen.insert(key)
    });
    legal && members.len() <= 32
}

fn baggage(list: &str, names: &mut BTreeSet<Name>) -> bool {
    let octets = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && !b"\",;\\".contains(&b));
    let members: Vec<_> = list.split(',').collect();
    let legal = members.iter().all(|member| {
        let mut parts = member.split(';').map(str::trim);
        let Some((key, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return false };
        names.insert(("baggage", key.to_owned()));
        let properties: Vec<_> = parts.map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
        names.extend(properties.iter().map(|(key, _)| ("baggage", (*key).to_owned())));
        is_token(key) && octets(value) && properties.iter().all(|(key, value)| is_token(key) && octets(value))
    });
    legal && members.len() <= 64 && list.len() <= 8192
}

fn b3(value: &str) -> bool {
    let fields: Vec<_> = value.split('-').collect();
    match fields[..] {
        [decision] => ["0", "1", "d"].contains(&decision),
        [trace, span, ref rest @ ..] => {
            let legal = |field: &str| ["0", "1", "d"].contains(&field) || (field.len() == 16 && is_hex(field));
            matches!(trace.len(), 16 | 32)
                && span.len() == 16
                && is_hex(trace)
                && is_hex(span)
                && rest.iter().all(|f| legal(f))
        }
        [] => false,
    }
}

fn tags(list: &str, names: &mut BTreeSet<Name>) -> bool {
    let tag = |pair: &str| pair.starts_with("_dd.p.") && pair.len() > "_dd.p.".len();
    pairs("x-datadog-tags", list, '=', names) && list.split(',').all(tag) && list.len() <= 512
}

/// Checks a list of pairs, each with a key of visible characters and a value.
fn pairs(of: &'static str, list: &str, between: char, names: &mut BTreeSet<Name>) -> bool {
    list.split(',').all(|pair| {
        let Some((key, value)) = pair.split_once(between) else { return false };
        names.insert((of, key.trim().to_owned()));
        !key.trim().is_empty() && !key.trim().contains(' ') && !value.is_empty()
    })
}

fn uber(value: &str) -> bool {
    let fields: Vec<_> = value.split(':').collect();
    let [trace, span, parent, flags] = fields[..] else { return false };
    [trace, span, parent, flags].iter().all(|field| is_hex(field)) && trace.len() <= 32 && span.len() <= 16
}

/// Decodes base64 with padding.
pub(crate) fn unbase64(encoded: &str) -> Option<Vec<u8>> {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = encoded.trim_end_matches('=');
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for digit in digits.chars() {
        bits = bits << 6 | letters.find(digit)? as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    (encoded.len() % 4 == 0 && encoded.len() - digits.len() <= 2).then_some(bytes)
}

fn sw8(value: &str) -> bool {
    let fields: Vec<_> = value.split('-').collect();
    let texts = [1, 2, 4, 5, 6, 7].map(|place| fields.get(place).and_then(|field| unbase64(field)));
    fields.len() == 8
        && ["0", "1"].contains(&fields[0])
        && fields[3].parse::<u32>().is_ok()
        && texts.iter().all(|text| text.as_ref().is_some_and(|text| std::str::from_utf8(text).is_ok()))
        && value.len() <= 2048
}

/// Checks the first value of Google's header. A passthrough forwards several.
fn cloud_trace(value: &str) -> bool {
    let first = value.split(',').map(str::trim).find(|element| !element.is_empty()).unwrap_or_default();
    let (ids, option) = first.split_once(';').unwrap_or((first, "o=0"));
    let (trace, span) = ids.split_once('/').unwrap_or((ids, "0"));
    let option = option.strip_prefix("o=").is_some_and(|option| option.parse::<u8>().is_ok());
    trace.len() == 32 && is_hex(&trace.to_lowercase()) && span.parse::<u64>().is_ok() && option
}

/// Checks the first value of Sentry. A passthrough forwards several.
fn sentry(value: &str) -> bool {
    let first = value.split(',').map(str::trim).find(|element| !element.is_empty()).unwrap_or_default();
    let fields: Vec<_> = first.split('-').collect();
    match fields[..] {
        [decision] => ["0", "1"].contains(&decision),
        [trace, span, ref rest @ ..] => {
            trace.len() == 32
                && span.len() == 16
                && is_hex(trace)
                && is_hex(span)
                && (rest.is_empty() || (rest.len() == 1 && ["", "0", "1"].contains(&rest[0])))
        }
        [] => false,
    }
}

/// Checks the fields of X-Ray. A passthrough forwards odd ones.
fn xray(value: &str, names: &mut BTreeSet<Name>) -> bool {
    let fields =
        || value.split(';').filter_map(|field| field.split_once('=')).map(|(key, value)| (key.trim(), value.trim()));
    names.extend(fields().map(|(key, _)| ("x-amzn-trace-id", key.to_owned())));
    let roots: Vec<_> = fields().filter(|(key, _)| *key == "Root").map(|(_, root)| root).collect();
    match roots[..] {
        [root] => root.len() == 35 && root.starts_with("1-") && is_hex(&root[2..].replace('-', "").to_lowercase()),
        _ => roots.is_empty() && fields().any(|(key, value)| key == "Sampled" && ["0", "1"].contains(&value)),
    }
}

/// Checks the last value: a mode and a time. A time that is not a number is no time, and a passthrough forwards it.
fn extension(list: &str) -> bool {
    let last = list.rsplit(',').map(str::trim).find(|value| !value.is_empty()).unwrap_or_default();
    last.len() <= 64
}

fn correlation(list: &str, names: &mut BTreeSet<Name>) -> bool {
    list.split(',').all(|pair| {
        let Some((key, value)) = pair.split_once(':') else { return false };
        let (Some(key), Some(_)) = (unbase64(key), unbase64(value)) else { return false };
        names.insert(("sw8-correlation", String::from_utf8_lossy(&key).into_owned()));
        !key.is_empty()
    })
}
