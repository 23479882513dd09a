//! Separators smuggled into every text there is: none of them separates anything behind us.

use std::collections::BTreeSet;

use axum::http::HeaderMap;

use crate::chain::{Chain, Seen};
use crate::oracle::{Name, judge, unbase64};
use crate::{PARENT, TRACE, base64, line};

/// What separates something in some header, some list or some language, and what looks like it.
const SEPARATORS: [&str; 30] = [
    ",", ";", ":", "=", "-", "|", "%", "&", "+", "~", "\"", "\\", " ", "\t", "\0", "\x07", "\x0b", "\x0c", "\x1b",
    "\x7f", "\r", "\n", "\r\n", "\r\n ", "\r\n\t", "\u{85}", "\u{2028}", "\u{feff}", "\u{ff0c}", "\u{560a}",
];

/// A spelling of bytes.
type Spell = fn(&[u8]) -> Vec<u8>;

/// Byte by byte.
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

/// A separator that is to begin something new, as it is spelt.
fn smuggled(separator: &str, spell: Spell) -> Vec<u8> {
    let separator = spell(separator.as_bytes());
    [&separator[..], b"evil=1", &separator, b"evil:1", &separator].concat()
}

/// Whose text has it. Each of them supplies the context of its request: only then does its text go on in other dialects.
const PLACES: [&str; 8] =
    ["a vendor's member", "dd", "our member", "datadog", "sw8", "sw8-x", "jaeger", "correlation ids"];

/// A request with this text in one of the places.
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

/// Whether a list may well have a member more: the text stands in that list, and separates by its rules without hiding.
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

/// What every dialect says of the trace is the same, and so is what is said of the decision.
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

/// What became of one request; whether the text was kept anywhere.
#[track_caller]
fn check(case: &str, seen: Seen, what: [&str; 3], relayed: bool) -> bool {
    let sent = Chain::passed(case, seen);
    let names = judge(case, &sent, relayed);
    is_one_trace(case, &sent);
    let evil: BTreeSet<_> = names.iter().filter(|(_, name)| name.contains("evil")).collect();
    // In the text of another name it is text still: `aevil` is no name of its own.
    let forged: Vec<_> = evil.into_iter().filter(|(_, name)| name.starts_with("evil")).collect();
    assert!(forged.iter().all(|name| is_plain(name, what)), "{case}: {forged:?} of {sent:?}");
    names.len() > forged.len() && sent.values().any(|value| value.to_str().is_ok_and(|value| value.contains("evil")))
}

/// Whether some line holds what no header may hold.
fn is_no_header(lines: &[Vec<u8>]) -> bool {
    let control = |b: &u8| (*b < b' ' && *b != b'\t') || *b == 0x7f;
    lines.iter().any(|line| line[..line.len() - 2].iter().any(control))
}

/// All separators in all spellings at all places. How many requests were handled, and how many refused. Of those that were
/// handled, many have to hand the text on, or nothing was tried.
async fn smuggle(chain: &Chain, relayed: bool) -> (usize, usize) {
    let (mut handled, mut kept, mut refused) = (0, 0, 0);
    for separator in SEPARATORS {
        for (spelling, spell) in SPELLINGS {
            for place in PLACES {
                let case = format!("{separator:?}, {spelling}, {place}");
                let lines = request(place, &smuggled(separator, spell));
                let seen = chain.send(&lines.concat()).await;
                if is_no_header(&lines) {
                    // Hyper refuses it before anybody reads it.
                    assert_eq!((seen.status, &seen.rejects), (Some(400), &None), "{case}");
                    refused += 1;
                } else {
                    kept += usize::from(check(&case, seen, [separator, spelling, place], relayed));
                    handled += 1;
                }
            }
        }
    }
    assert!(kept > handled / 4, "{kept} of {handled}");
    (handled, refused)
}

/// Eleven of the separators are no header text; in base64 they are.
const REFUSED: usize = 11 * (PLACES.len() - 1);
const HANDLED: usize = SEPARATORS.len() * SPELLINGS.len() * PLACES.len() - REFUSED;

#[tokio::test]
async fn ok_no_separator_in_any_spelling_separates_anything_behind_us() {
    assert_eq!(smuggle(&Chain::start().await, false).await, (HANDLED, REFUSED));
}

#[tokio::test]
async fn ok_nor_behind_a_relay() {
    assert_eq!(smuggle(&Chain::start_relay().await, true).await, (HANDLED, REFUSED));
}
