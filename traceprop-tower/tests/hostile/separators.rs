//! Separators injected into every text: none of them separates anything in the next service.

use std::collections::BTreeSet;

use axum::http::HeaderMap;

use crate::chain::{Chain, Seen};
use crate::oracle::{Name, judge, unbase64};
use crate::{PARENT, TRACE, base64, line};

/// Separators of headers, lists and languages, and characters that look like them.
const SEPARATORS: [&str; 30] = [
    ",", ";", ":", "=", "-", "|", "%", "&", "+", "~", "\"", "\\", " ", "\t", "\0", "\x07", "\x0b", "\x0c", "\x1b",
    "\x7f", "\r", "\n", "\r\n", "\r\n ", "\r\n\t", "\u{85}", "\u{2028}", "\u{feff}", "\u{ff0c}", "\u{560a}",
];

/// An encoding of bytes.
type Spell = fn(&[u8]) -> Vec<u8>;

/// Encodes each byte.
fn each(bytes: &[u8], spell: impl Fn(u8) -> String) -> Vec<u8> {
    bytes.iter().map(|&b| spell(b)).collect::<String>().into_bytes()
}

const SPELLINGS: [(&str, Spell); 9] = [
    ("raw", <[u8]>::to_vec),
    ("percent", |bytes| each(bytes, |b| format!("%{b:02X}"))),
    ("percent, lower case", |bytes| each(bytes, |b| format!("%{b:02x}"))),
    ("percent, twice", |bytes| each(bytes, |b| format!("%25{b:02X}"))),
    ("overlong", |bytes| bytes.iter().flat_map(|&b| [0xc0 | b >> 6, 0x80 | b & 0x3f]).collect()),
    ("overlong, percent", |bytes| each(bytes, |b| format!("%{:02X}%{:02X}", 0xc0 | b >> 6, 0x80 | b & 0x3f))),
    ("escaped", |bytes| each(bytes, |b| format!("\\x{b:02x}"))),
    ("as in JSON", |bytes| each(bytes, |b| format!("\\u{b:04x}"))),
    ("base64", |bytes| base64(bytes).into_bytes()),
];

/// An encoded separator before a new item.
fn smuggled(separator: &str, spell: Spell) -> Vec<u8> {
    let separator = spell(separator.as_bytes());
    [&separator[..], b"evil=1", &separator, b"evil:1", &separator].concat()
}

/// The format whose text has the separator. It supplies the context, since only then other formats forward its text.
const PLACES: [&str; 8] =
    ["a vendor's member", "dd", "our member", "datadog", "sw8", "sw8-x", "jaeger", "correlation ids"];

/// Returns a request with this text in one place.
fn request(place: &str, text: &[u8]) -> Vec<Vec<u8>> {
    let with = |before: &str, behind: &str| [before.as_bytes(), text, behind.as_bytes()].concat();
    let in_state = |before: &str, behind: &str| {
        let baggage = line("baggage", with("key=value", ""));
        vec![line("traceparent", PARENT), line("tracestate", with(before, behind)), baggage]
    };
    match place {
        "a vendor's member" => in_state("rojo=1", ""),
        "dd" => in_state("dd=s:2;o:rum", ";t.dm:-4;t.usr:a"),
        "our member" => in_state("tp=1;0e0e4736;s", ""),
        "datadog" => vec![
            line("x-datadog-trace-id", "11803532876627986230"),
            line("x-datadog-parent-id", "67667974448284343"),
            line("x-datadog-sampling-priority", "2"),
            line("x-datadog-origin", with("rum", "")),
            line("x-datadog-tags", with("_dd.p.tid=4bf92f3577b34da6,_dd.p.usr=a", "")),
        ],
        "sw8" => {
            let (trace, text) = (base64(TRACE), base64(with("a", "z")));
            vec![
                line("sw8", format!("1-{trace}-MQ==-3-{text}-{text}-{text}-{text}")),
                line("sw8-correlation", format!("{text}:{text},a2V5:{text}")),
            ]
        }
        "sw8-x" => vec![line("sw8", format!("1-{}-MQ==-3----", base64(TRACE))), line("sw8-x", with("0-", ""))],
        "jaeger" => vec![
            line("uber-trace-id", format!("{TRACE}:00f067aa0ba902b7:0:1")),
            line("uberctx-tenant", with("acme", "")),
            line("jaeger-baggage", with("user=alice", "")),
            line("jaeger-debug-id", with("find", "")),
        ],
        _ => vec![
            line("x-request-id", with("4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "")),
            line("x-order", with("order", "")),
        ],
    }
}

/// Returns `true` if a list may have one more member: the text is in that list, and separates by its rules unencoded.
fn is_plain((of, _): &Name, [separator, spelling, place]: [&str; 3]) -> bool {
    let own = match (place, *of) {
        ("a vendor's member" | "dd" | "our member", "baggage") => ",;",
        ("a vendor's member" | "dd" | "our member", "tracestate") => ",",
        ("dd", "dd") => ";",
        ("datadog", "x-datadog-tags") | ("jaeger", "jaeger-baggage") => ",",
        _ => "",
    };
    spelling == "raw" && own.contains(separator)
}

/// Checks that all formats agree about the trace and the decision.
#[track_caller]
fn is_one_trace(case: &str, sent: &HeaderMap) {
    let value = |name: &str| sent.get(name).map(|value| value.to_str().expect("it was judged"));
    let low = value("x-datadog-trace-id").map(|id| format!("{:016x}", id.parse::<u64>().expect("it was judged")));
    let sw8 = value("sw8")
        .and_then(|sw8| unbase64(sw8.split('-').nth(1)?))
        .map(|id| String::from_utf8_lossy(&id).into_owned());
    let own = |name: &str, at: usize| value(name).map(|value| value[at..at + 32].to_owned());
    let ids = [own("traceparent", 3), own("b3", 0), own("x-b3-traceid", 0), own("uber-trace-id", 0), sw8];
    let ids: BTreeSet<_> = ids.into_iter().flatten().collect();
    assert!(ids.len() <= 1 && ids.iter().zip(&low).all(|(id, low)| id.ends_with(low)), "{case}: {ids:?} {low:?}");
    let state = value("tracestate").unwrap_or_default();
    let dd = state.split(',').find_map(|member| member.strip_prefix("dd="));
    let items = |key: &str| dd.map_or(0, |dd| dd.split(';').filter(|item| item.starts_with(key)).count());
    assert!(["s:", "o:", "p:", "t.dm:", "t.usr:"].iter().all(|key| items(key) <= 1), "{case}: {dd:?}");
    let priority = value("x-datadog-sampling-priority");
    let in_dd = dd.and_then(|dd| dd.split(';').find_map(|item| item.strip_prefix("s:")));
    assert!(in_dd.is_none() || in_dd == priority, "{case}: {priority:?} {dd:?}");
}

/// Checks one request. Returns whether any header kept the text.
#[track_caller]
fn check(case: &str, seen: Seen, what: [&str; 3], forwarded: bool) -> bool {
    let sent = Chain::passed(case, seen);
    let names = judge(case, &sent, forwarded);
    is_one_trace(case, &sent);
    let evil: BTreeSet<_> = names.iter().filter(|(_, name)| name.contains("evil")).collect();
    // Inside of another name it is still text: `aevil` is not a new name.
    let forged: Vec<_> = evil.into_iter().filter(|(_, name)| name.starts_with("evil")).collect();
    assert!(forged.iter().all(|name| is_plain(name, what)), "{case}: {forged:?} of {sent:?}");
    names.len() > forged.len() && sent.values().any(|value| value.to_str().is_ok_and(|value| value.contains("evil")))
}

/// Returns `true` if a line contains a byte that no header may contain.
fn is_no_header(lines: &[Vec<u8>]) -> bool {
    let control = |b: &u8| (*b < b' ' && *b != b'\t') || *b == 0x7f;
    lines.iter().any(|line| line[..line.len() - 2].iter().any(control))
}

/// Tries all separators in all encodings in all places. Returns how many requests were handled and how many rejected.
/// Many of the handled requests must forward the text, otherwise the test has no value.
async fn smuggle(chain: &Chain, forwarded: bool) -> (usize, usize) {
    let (mut handled, mut kept, mut refused) = (0, 0, 0);
    for separator in SEPARATORS {
        for (spelling, spell) in SPELLINGS {
            for place in PLACES {
                let case = format!("{separator:?}, {spelling}, {place}");
                let lines = request(place, &smuggled(separator, spell));
                let seen = chain.send(&lines.concat()).await;
                if is_no_header(&lines) {
                    // Hyper rejects it before our layer.
                    assert_eq!((seen.status, &seen.invalid_headers), (Some(400), &None), "{case}");
                    refused += 1;
                } else {
                    kept += usize::from(check(&case, seen, [separator, spelling, place], forwarded));
                    handled += 1;
                }
            }
        }
    }
    assert!(kept > handled / 4, "{kept} of {handled}");
    (handled, refused)
}

/// Some of the separators are not header text, except in base64.
const REFUSED: usize = 11 * (PLACES.len() - 1);
const HANDLED: usize = SEPARATORS.len() * SPELLINGS.len() * PLACES.len() - REFUSED;

#[tokio::test]
async fn ok_no_separator_in_any_encoding_separates_in_the_next_service() {
    assert_eq!(smuggle(&Chain::start().await, false).await, (HANDLED, REFUSED));
}

#[tokio::test]
async fn ok_no_separator_separates_after_a_passthrough() {
    assert_eq!(smuggle(&Chain::start_passthrough().await, true).await, (HANDLED, REFUSED));
}
