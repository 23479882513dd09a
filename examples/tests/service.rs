//! The test service, asked over HTTP.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::routing::post;
use common::Service;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use traceprop_core::{Propagator, formats::sw8::Sw8};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const W3C: &str = "tracecontext,baggage";

/// A callback as it arrived: path, headers, body.
type Callback = (String, HeaderMap, String);
type Kept = Arc<Mutex<Vec<Callback>>>;

/// A server that takes its time, so that nobody can answer before it without being caught.
async fn callbacks() -> (String, Kept) {
    async fn keep(State(kept): State<Kept>, uri: Uri, headers: HeaderMap, body: String) {
        tokio::time::sleep(Duration::from_millis(30)).await;
        kept.lock().expect("no test panics with it").push((uri.path().to_owned(), headers, body));
    }
    let kept = Kept::default();
    let app = Router::new().fallback(post(keep)).with_state(kept.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
    let url = format!("http://{}", listener.local_addr().expect("it was bound"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, kept)
}

/// Trace and span id of the only traceparent.
#[track_caller]
fn traceparent(headers: &HeaderMap) -> (String, String) {
    let lines: Vec<_> = headers.get_all("traceparent").iter().collect();
    let [line] = lines.try_into().expect("just one traceparent");
    let line = line.to_str().expect("ASCII");
    (line[3..35].to_owned(), line[36..52].to_owned())
}

async fn post_test(service: &Service, body: String) -> reqwest::Response {
    let request = reqwest::Client::new().post(service.url("/test")).header("traceparent", TRACEPARENT);
    request.header("tracestate", "rojo=1").body(body).send().await.expect("the service answers")
}

#[tokio::test]
async fn ok_test_makes_all_calls_in_order_before_it_answers() {
    let service = Service::start(W3C, W3C);
    let (url, kept) = callbacks().await;
    let arguments = [json!([{"url": "http://a.example/", "arguments": []}]), json!(null), json!({"k": "v"})];
    let list: Value =
        arguments.iter().enumerate().map(|(i, a)| json!({"url": format!("{url}/{i}"), "arguments": a})).collect();
    let answer = post_test(&service, list.to_string()).await;
    assert_eq!(answer.status(), 200);

    let kept = kept.lock().expect("no test panics with it").clone();
    let paths: Vec<_> = kept.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(paths, ["/0", "/1", "/2"]);
    let mut spans = vec![String::from("00f067aa0ba902b7")];
    for ((_, headers, body), arguments) in kept.iter().zip(&arguments) {
        assert_eq!(serde_json::from_str::<Value>(body).expect("JSON"), *arguments);
        assert_eq!(
            (&headers["content-type"], &headers["tracestate"]),
            (&"application/json".parse().unwrap(), &"rojo=1".parse().unwrap())
        );
        let (trace, span) = traceparent(headers);
        assert_eq!(trace, TRACE);
        assert!(!spans.contains(&span), "{span} was used before");
        spans.push(span);
    }
}

#[tokio::test]
async fn err_test_answers_why_it_failed() {
    let service = Service::start(W3C, W3C);
    let bad = post_test(&service, "{}".into()).await;
    assert_eq!(bad.status(), 400);
    assert!(bad.text().await.expect("text").starts_with("the body is not a list of callbacks: "));
    let nobody = post_test(&service, json!([{"url": "http://127.0.0.1:1/", "arguments": []}]).to_string()).await;
    assert_eq!(nobody.status(), 502);
}

#[test]
fn ok_inspect_speaks_the_words_of_the_vectors() {
    let service = Service::start(W3C, W3C);
    let lines: [(&str, &[u8]); 4] = [
        ("TraceParent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"),
        ("tracestate", b"rojo=1"),
        ("tracestate", b"congo= 2"),
        ("baggage", "user=Am%C3%A9lie;secure;p=1, tenant=acme".as_bytes()),
    ];
    let mut answer = service.inspect(&lines);
    let injected = answer["inject"].take();
    let traceparent = injected[0][1].as_str().expect("a traceparent");
    assert_eq!((&traceparent[..36], &traceparent[52..]), (format!("00-{TRACE}-").as_str(), "-03"));
    assert_ne!(traceparent[36..52], *"00f067aa0ba902b7");
    assert_eq!(injected[1], json!(["tracestate", "rojo=1,congo= 2"]));
    assert_eq!(injected[2], json!(["baggage", "user=Am%C3%A9lie;secure;p=1,tenant=acme"]));

    let explain =
        format!("continued trace {TRACE}, parent 00f067aa0ba902b7, sampled; tracecontext: used; baggage: 2 members");
    let expected = json!({
        "outcome": "context",
        "trace_id": TRACE,
        "parent_id": "00f067aa0ba902b7",
        "sampling": "sampled",
        "flags": "03",
        "tracestate": [["rojo", "1"], ["congo", " 2"]],
        "baggage": [["user", "Amélie", "secure;p=1"], ["tenant", "acme", null]],
        "style": "tracecontext",
        "links": [],
        "reason": null,
        "rejects": [],
        "omitted": [],
        "explain": explain,
    });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(answer[key], *value, "{key}");
    }
    let headers = answer["headers"].as_array().expect("a list");
    assert!(headers.contains(&json!(["tracestate", "congo= 2"])) && headers.contains(&json!(["connection", "close"])));
    assert_eq!(answer["explain_table"].as_str().expect("text").lines().count(), 3);
}

#[test]
fn ok_inspect_keeps_the_words_of_several_formats_apart() {
    let service = Service::start_with([
        "--extract",
        "all",
        "--inject",
        "all",
        "--correlation",
        "X-Request-Id",
        "--correlation",
        "X-Plumbr-TransactionId",
        "--sw8-service",
        "cart",
        "--sw8-instance",
        "cart-1",
    ]);
    let answer = service.inspect(&[
        ("uber-trace-id", b"1f2e3d4c5b6a7988:a:0:3"),
        ("uberctx-tenant", b"acme"),
        ("x-datadog-trace-id", b"2246800662264969608"),
        ("x-datadog-tags", b"_dd.p.zz=1,_dd.p.aa=2"),
        ("x-plumbr-transactionid", b"D19931BB-F235-4DCB-2E2F-B9D31225D62E"),
    ]);
    // Datadog is read before Jaeger, but it does not say which span called.
    assert_eq!((&answer["style"], &answer["flags"]), (&json!("datadog"), &json!("01")));
    assert_eq!(
        (&answer["trace_id"], &answer["parent_id"]),
        (&json!("00000000000000001f2e3d4c5b6a7988"), &json!("000000000000000a"))
    );
    assert_eq!(answer["tags"].to_string(), r#"{"_dd.p.zz":"1","_dd.p.aa":"2"}"#);
    assert_eq!(answer["baggage"], json!([["tenant", "acme"]]));
    let id = json!("D19931BB-F235-4DCB-2E2F-B9D31225D62E");
    assert_eq!((&answer["raw"], &answer["correlation_ids"]), (&id, &json!([["x-plumbr-transactionid", id]])));
    let injected = answer["inject"].as_array().expect("a list");
    let names: Vec<_> = injected.iter().filter_map(|line| line[0].as_str()).collect();
    let all = Propagator::builder().define(Sw8::new("cart", "cart-1")).names("none", "all").expect("a known name");
    for format in all.build().expect("a propagator").inject_names() {
        // Each baggage stays in its format, and this request has Jaeger's.
        let alone = Propagator::from_names(format, "none").expect("a known name");
        let is_written = alone.extract_fields().any(|field| names.contains(&field));
        assert_eq!(is_written, format != "baggage", "{format} in {names:?}");
    }
    assert!(injected.contains(&json!(["x-plumbr-transactionid", id])), "{injected:?}");

    let both = service.inspect(&[("baggage", b"k=v"), ("uberctx-tenant", b"acme")]);
    assert_eq!(both["baggage"], json!([["k", "v", null]]));
    assert_eq!(both["jaeger_baggage"], json!([["tenant", "acme"]]));
}

#[test]
fn ok_inspect_without_trace_headers_is_absent() {
    let service = Service::start("tracecontext", "tracecontext");
    let answer = service.inspect(&[]);
    let of = |key: &str| &answer[key];
    assert_eq!((of("outcome"), of("reason")), (&json!("absent"), &json!(null)));
    assert_eq!((of("trace_id"), of("sampling"), of("tracestate")), (&json!(null), &json!(null), &json!([])));
    assert_eq!(of("explain"), "new trace; absent: tracecontext");
    assert_eq!(of("inject").as_array().map(Vec::len), Some(1));
}

/// Bad input costs the field that it is in, names it, and costs the request nothing.
#[test]
fn err_inspect_gives_a_typed_reject_for_bad_input() {
    let service = Service::start(W3C, W3C);
    let traceparent = TRACEPARENT.as_bytes();
    let many = |member: &str| member.repeat(10_000).into_bytes();
    let (states, baggage) = (many("k=v,"), many("k=v,"));
    let odd = b"00-4bf92f3577b34da6a3ce929d0e0e47\xff6-00f067aa0ba902b7-01";
    let once = ("traceparent", traceparent);
    type Lines<'a> = Vec<(&'a str, &'a [u8])>;
    let cases: [(&str, Lines<'_>, &str, Value); 8] = [
        ("100 traceparents", vec![once; 100], "invalid", json!([["traceparent", "multiple-traceparent"]])),
        (
            "100 tracestates",
            [vec![once], vec![("tracestate", &b"k=v"[..]); 100]].concat(),
            "context",
            json!([["tracestate", "too-many-lines"]]),
        ),
        ("100 baggages", vec![("baggage", &b"k=v"[..]); 100], "absent", json!([["baggage", "too-many-lines"]])),
        (
            "10,000 members of tracestate",
            vec![once, ("tracestate", &states)],
            "context",
            json!([["tracestate", "too-many-members"]]),
        ),
        (
            "10,000 members of baggage",
            vec![once, ("baggage", &baggage)],
            "context",
            json!([["baggage", "too-many-members"]]),
        ),
        ("an odd byte in traceparent", vec![("traceparent", odd)], "invalid", json!([["traceparent", "bad-hex"]])),
        (
            "an odd byte in tracestate",
            vec![once, ("tracestate", b"k=\xff")],
            "context",
            json!([["tracestate", "bad-value"]]),
        ),
        (
            "an odd byte in baggage",
            vec![once, ("baggage", b"k=\x80")],
            "context",
            json!([["baggage", "no-valid-member"]]),
        ),
    ];
    for (case, lines, outcome, rejects) in cases {
        let answer = service.inspect(&lines);
        assert_eq!(answer["outcome"], outcome, "{case}");
        let found = answer["rejects"].as_array().expect("a list");
        let found: Value = found.iter().map(|reject| json!([reject["field"], reject["reason"]])).collect();
        assert_eq!(found, rejects, "{case}");
        assert!(answer["explain"].as_str().is_some_and(str::is_ascii), "{case}");
        assert_eq!(answer["inject"][0][0], "traceparent", "{case}");
    }
}

#[tokio::test]
async fn ok_call_takes_trace_context_along_and_nothing_else() {
    let service = Service::start(W3C, W3C);
    let other = Service::start(W3C, W3C);
    let call = async |target: String| {
        let url = format!("{}?url={target}", service.url("/call"));
        let request = reqwest::Client::new().get(url).header("traceparent", TRACEPARENT);
        request.header("baggage", "session=secret").send().await.expect("the service answers")
    };
    let answer = call(other.url("/inspect")).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    let seen: Value = answer.json().await.expect("JSON");
    assert_eq!((&seen["trace_id"], &seen["baggage"]), (&json!(TRACE), &json!([])));
    assert_ne!(seen["parent_id"], "00f067aa0ba902b7");

    assert_eq!(call(other.url("/nothing-here")).await.status(), 404);
    assert_eq!(call("http://127.0.0.1:1/".into()).await.status(), 502);
}

#[test]
fn err_start_with_arguments_that_mean_nothing() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_service")).args(["--extract", "b4"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let expected = "service: --extract and --inject: extract list: unknown format `b4`; expected one of tracecontext, ";
    assert!(stderr.starts_with(expected), "{stderr}");
}
