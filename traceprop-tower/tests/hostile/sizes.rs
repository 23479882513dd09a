//! Values as large as hyper accepts, many lines, many members, and long runs of escapes.

use axum::http::HeaderMap;
use traceprop_core::OwnedContext;

use crate::chain::Chain;
use crate::oracle::judge;
use crate::{PARENT, TRACE, base64, line, names};

/// Hyper's default limit for a head is slightly higher.
const LARGE: usize = 380_000;

/// Maximum total size of the headers of a child span, with names: the limits of all formats, in bytes.
const MOST: usize = 64 * 1024;

/// Returns a request of our trace with these lines, or the lines alone if they name the trace.
fn traced(name: &str, lines: &[u8]) -> Vec<u8> {
    if name == "traceparent" { lines.to_vec() } else { [&line("traceparent", PARENT)[..], lines].concat() }
}

/// Checks forwarded headers: valid, of our trace unless its header was invalid, and of bounded size.
#[track_caller]
fn check(case: &str, name: &str, sent: &HeaderMap) {
    judge(case, sent, false);
    let parent = sent["traceparent"].to_str().expect("it was judged");
    assert_eq!(&parent[3..35] == TRACE, name != "traceparent", "{case}: {parent}");
    let len: usize = sent.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    assert!(len <= MOST, "{case}: {len} bytes go on");
}

#[tokio::test]
async fn ok_values_as_large_as_hyper_accepts() {
    let chain = Chain::start().await;
    let valid = "00f067aa0ba902b7";
    for name in names() {
        for part in ["a", "=", ",", "-", "%", "%25", "a=1,", "a=1;b,", "YQ==:YQ==,", "\u{e9}"] {
            let case = format!("{name} of {part:?}");
            let value = [valid, &part.repeat((LARGE - valid.len()) / part.len())].concat();
            let seen = chain.send(&traced(name, &line(name, value))).await;
            check(&case, name, &Chain::passed(&case, seen));
        }
    }
}

#[tokio::test]
async fn err_hyper_rejects_larger_values() {
    let seen = Chain::start().await.send(&line("baggage", "a".repeat(500_000))).await;
    assert_eq!((seen.status, seen.invalid_headers), (Some(431), None));
}

#[tokio::test]
async fn ok_hundred_and_ten_thousand_lines() {
    let (chain, wide) = (Chain::start().await, Chain::start_wide().await);
    for name in names() {
        for value in ["a=1", PARENT, "YQ==:YQ==", ""] {
            // The client adds two of the hundred lines that hyper reads by default.
            let (case, own) = (format!("98 lines {name}: {value}"), usize::from(name != "traceparent"));
            let seen = chain.send(&traced(name, &line(name, value).repeat(98 - own))).await;
            check(&case, name, &Chain::passed(&case, seen));
            let case = format!("100 lines {name}: {value}");
            let refused = chain.send(&traced(name, &line(name, value).repeat(100))).await;
            assert_eq!((refused.status, refused.invalid_headers), (Some(431), None), "{case}");
            let seen = wide.send(&traced(name, &line(name, value).repeat(100))).await;
            check(&case, name, &Chain::passed(&case, seen));
        }
        let case = format!("10,000 lines {name}");
        let seen = wide.send(&traced(name, &line(name, "a=1").repeat(10_000))).await;
        check(&case, name, &Chain::passed(&case, seen));
    }
}

#[tokio::test]
async fn ok_many_names_with_one_prefix() {
    let wide = Chain::start_wide().await;
    let family: Vec<u8> = (0..10_000).flat_map(|n| line(&format!("uberctx-k{n}"), "v")).collect();
    let sent = Chain::passed("a family", wide.send(&traced("uberctx-", &family)).await);
    check("a family", "uberctx-", &sent);
    let long = line(&format!("uberctx-{}", "k".repeat(60_000)), "v");
    let sent = Chain::passed("a long name", wide.send(&traced("uberctx-", &long)).await);
    check("a long name", "uberctx-", &sent);
    assert!(sent.keys().all(|name| name.as_str().len() < 200));
}

#[tokio::test]
async fn ok_ten_thousand_members() {
    let chain = Chain::start().await;
    for (name, member) in [
        ("tracestate", "k{n}=v"),
        ("baggage", "k{n}=v"),
        ("baggage", "k=v;p{n}=%25"),
        ("x-datadog-tags", "_dd.p.k{n}=v"),
        ("jaeger-baggage", "k{n}=v"),
        ("sw8-correlation", "a{n}==:YQ=="),
        ("b3", "0"),
        ("sw8", "1-------"),
    ] {
        let case = format!("10,000 members {member} of {name}");
        let members: Vec<_> = (0..10_000).map(|n| member.replace("{n}", &n.to_string())).collect();
        let seen = chain.send(&traced(name, &line(name, members.join(",")))).await;
        check(&case, name, &Chain::passed(&case, seen));
    }
    let properties = format!("k=v{}", ";p=%25".repeat(10_000));
    let sent = Chain::passed("properties", chain.send(&traced("baggage", &line("baggage", properties))).await);
    assert!(!sent.contains_key("baggage"), "longer than all of it may be");
}

/// Lines are forwarded unchanged, so the only bound is the size of an owned context.
#[tokio::test]
async fn ok_passthrough_forwards_no_more_than_a_context_owns() {
    let chain = Chain::start_passthrough().await;
    let mut longest = 0;
    for (name, before, part, behind) in [
        ("traceparent", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", "later", ""),
        ("tracestate", "rojo=1", " ,", ""),
        ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1,", "0,", "0"),
        ("baggage", "k=v", " ,", ""),
        ("sw8-x", "", "0-,", "0-"),
    ] {
        for len in [50_000, LARGE] {
            let case = format!("{len} bytes of {name}");
            let value = [before, &part.repeat(len / part.len()), behind].concat();
            let sw8 = line("sw8", format!("1-{}-MQ==-3----", base64(TRACE)));
            let sent = Chain::passed(&case, chain.send(&[sw8, traced(name, &line(name, value))].concat()).await);
            let text = |value: &[u8]| value.iter().all(|b| (b' '..=b'~').contains(b));
            assert!(sent.values().all(|value| text(value.as_bytes())), "{case}");
            let len: usize = sent.values().map(|value| value.len()).sum();
            assert!(len <= OwnedContext::MAX_BYTES + 1024, "{case}: {len} bytes go on");
            longest = longest.max(len);
        }
    }
    assert!(longest > 50_000, "none of them went on");
}

/// Encoded text stays encoded: forwarded text is not decoded.
#[tokio::test]
async fn ok_deep_percent_runs_are_forwarded_unchanged_or_omitted() {
    let chain = Chain::start().await;
    for value in ["%2525252525252C", "%2", "%", "%%%2C", "%25%32%43", "%zz%", "%2%2c", "%E2%80%A8", "%C0%AE%FF"] {
        let lines = [line("baggage", format!("k={value}")), line("uberctx-k", value)].concat();
        let sent = Chain::passed(value, chain.send(&traced("baggage", &lines)).await);
        check(value, "baggage", &sent);
        assert_eq!(sent["baggage"].to_str().expect("it was judged"), format!("k={value}"));
    }
    for (name, prefix) in [("baggage", "k="), ("uberctx-k", ""), ("jaeger-baggage", "k=")] {
        for run in ["%25", "%2", "%", "%2525", "%0d%0a"] {
            let case = format!("{run} in {name}");
            let value = format!("{prefix}{}", run.repeat(100_000 / run.len()));
            let seen = chain.send(&traced(name, &line(name, value))).await;
            check(&case, name, &Chain::passed(&case, seen));
        }
    }
}

#[tokio::test]
async fn ok_bytes_that_are_not_text_in_each_header() {
    let chain = Chain::start().await;
    for name in names() {
        for byte in [0x80, 0x85, 0xa0, 0xc0, 0xe2, 0xf5, 0xff, b'\t'] {
            let case = format!("{byte:#x} in {name}");
            let value = [b"a=1", &[byte][..], b"b"].concat();
            let seen = chain.send(&traced(name, &line(name, value))).await;
            check(&case, name, &Chain::passed(&case, seen));
        }
    }
}
