//! Explanations in the log, as counters and on a debug route, never with a byte of a header.

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get as on_get;
use support::{Answer, PARENT, TRACE, get, serve};
use traceprop_core::{Field, IdBits};
use traceprop_tower::explain::ExplainService;
use traceprop_tower::{ExtractLayer, Propagator, Trust, presets};

fn traced() -> Vec<u8> {
    format!("traceparent: {PARENT}\r\n").into_bytes()
}

#[tokio::test]
async fn ok_counters_per_format_outcome_and_reason() {
    type Counters = BTreeMap<(String, &'static str, Option<&'static str>), u32>;

    let counters = Arc::<Mutex<Counters>>::default();
    let counted = Arc::clone(&counters);
    let layer = ExtractLayer::new(presets::W3C).on_finding(move |finding| {
        let labels =
            (finding.format.to_owned(), finding.outcome.as_str(), finding.reason.map(|reason| reason.as_str()));
        *counted.lock().expect("no panic").entry(labels).or_default() += 1;
    });
    let address = serve(Router::new().route("/", on_get(async || "ok")).layer(layer)).await;
    let two = [traced(), b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n".to_vec()].concat();
    for lines in [b"".to_vec(), traced(), two, [traced(), b"tracestate: a\r\nbaggage: b\r\n".to_vec()].concat()] {
        assert_eq!(get(address, "/", &lines).await, Answer::ok("ok"));
    }
    let seen: Vec<_> = std::mem::take(&mut *counters.lock().unwrap()).into_iter().collect();
    let count = |format: &str, outcome, reason, count| ((format.to_owned(), outcome, reason), count);
    let expected = [
        count("baggage", "absent", None, 3),
        count("baggage", "invalid", Some("no-valid-member"), 1),
        count("tracecontext", "absent", None, 1),
        count("tracecontext", "context", None, 2),
        count("tracecontext", "ignored", Some("bad-member"), 1),
        count("tracecontext", "invalid", Some("multiple-traceparent"), 1),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn ok_report_callbacks_add_up_in_order() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let note = |name| {
        let calls = Arc::clone(&calls);
        move || calls.lock().expect("no panic").push(name)
    };
    let (first, second, third) = (note("first"), note("second"), note("third"));
    let layer = ExtractLayer::new(presets::W3C)
        .on_report(move |_| first())
        .on_finding(move |finding| {
            if finding.format == "tracecontext" {
                second();
            }
        })
        .on_report(move |_| third());
    let address = serve(Router::new().route("/", on_get(async || "ok")).layer(layer)).await;
    get(address, "/", b"").await;
    assert_eq!(*calls.lock().unwrap(), ["first", "second", "third"]);
}

#[tokio::test]
async fn ok_debug_route_is_off_by_default() {
    let app = Router::new()
        .route_service("/off", ExplainService::new(presets::W3C))
        .route_service("/off-again", ExplainService::new(presets::W3C).enabled(true).enabled(false))
        .route_service("/bare", ExplainService::new(presets::W3C).enabled(true));
    let address = serve(app).await;
    for path in ["/off", "/off-again"] {
        assert_eq!(get(address, path, &traced()).await, Answer { status: 404, body: String::new() });
    }
    assert_eq!(get(address, "/bare", &traced()).await.status, 200);
}

#[tokio::test]
async fn ok_debug_route_explains_its_own_request() {
    let propagator = Arc::<Propagator>::from(presets::W3C);
    let app = Router::new()
        .route_service("/debug/trace", ExplainService::new(Arc::clone(&propagator)).enabled(true))
        .layer(ExtractLayer::new(propagator).id_generator(|| IdBits::non_random(7)));
    let address = serve(app).await;
    let lines = [traced(), b"tracestate: s\xff,cret\r\nbaggage: user.id=alice\r\n".to_vec()].concat();
    let expected = "\
continued trace 4bf92f3577b34da6a3ce929d0e0e4736, parent 00f067aa0ba902b7, sampled; \
tracecontext: used, ignored tracestate (bad-member at byte 0); baggage: 1 member

tracecontext  used, ignored tracestate (bad-member at byte 0)
baggage       1 member
=> continued trace 4bf92f3577b34da6a3ce929d0e0e4736, parent 00f067aa0ba902b7, sampled

served in trace 4bf92f3577b34da6a3ce929d0e0e4736, span 0000000000000007, sampled
";
    assert_eq!(get(address, "/debug/trace", &lines).await, Answer::ok(expected));
}

#[tokio::test]
async fn ok_debug_route_explains_what_was_received_before_headers_were_removed() {
    let propagator = Arc::<Propagator>::from(presets::W3C);
    let layer = ExtractLayer::new(Arc::clone(&propagator)).id_generator(|| IdBits::non_random(7));
    let explain = async |layer: ExtractLayer<_>| {
        let service = ExplainService::new(Arc::clone(&propagator)).enabled(true);
        let address = serve(Router::new().route_service("/", service).layer(layer)).await;
        let answer = get(address, "/", &traced()).await;
        answer.body.lines().next().unwrap_or_default().to_owned()
    };
    let refused = format!("new trace; tracecontext: not continued (trust: restart), trace {}; absent: baggage", TRACE);
    let removed = "headers were removed before this service; ExtractLayer::keep_report() explains what was received";
    let restart = layer.clone().trust(Trust::Restart);
    assert_eq!(explain(restart.clone().keep_report()).await, refused);
    assert_eq!(explain(restart.clone().on_report(|_| {})).await, refused);
    assert_eq!(explain(restart.clone()).await, removed);
    assert_eq!(explain(layer.clone().take_headers()).await, removed);
    // Here the headers are those that were received.
    let continued =
        format!("continued trace {TRACE}, parent 00f067aa0ba902b7, sampled; tracecontext: used; absent: baggage");
    assert_eq!(explain(restart.keep_refused()).await, continued);
    assert_eq!(explain(layer).await, continued);
}

#[tokio::test]
async fn ok_debug_response_is_plain_text_and_not_cached() {
    use tower::ServiceExt;

    let service = ExplainService::new(presets::W3C).enabled(true);
    let Ok(response) = service.oneshot(http::Request::new(())).await;
    let headers: Vec<_> =
        response.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let expected = [
        ("content-type", "text/plain; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ];
    assert_eq!(headers, expected);
    assert!(!response.body().contains("served in"), "no layer, no span: {}", response.body());
}

#[cfg(feature = "tracing")]
mod event {
    use super::*;
    use support::log::Log;
    use tracing::Level;

    async fn messages(layer: ExtractLayer, requests: &[&[u8]], level: Level) -> Vec<(String, Option<u64>)> {
        let (log, _guard) = Log::start(level);
        let address = serve(Router::new().route("/", on_get(async || "ok")).layer(layer)).await;
        for lines in requests {
            get(address, "/", lines).await;
        }
        let explained = log.lines().into_iter().filter(|line| line["target"] == "traceprop_tower::explain");
        explained
            .map(|line| {
                assert_eq!(line["level"], "DEBUG");
                let fields = &line["fields"];
                (fields["message"].as_str().unwrap_or_default().to_owned(), fields["suppressed"].as_u64())
            })
            .collect()
    }

    #[tokio::test]
    async fn ok_one_event_for_each_invalid_or_conflicting_request() {
        let other = [&traced()[..], b"b3: 1-2\r\n"].concat();
        let disagrees = [&traced()[..], b"uber-trace-id: 7:8:0:1\r\n"].concat();
        let same = [&traced()[..], b"b3: 4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1\r\n"].concat();
        let requests: [&[u8]; 5] = [b"", &traced(), &same, &other, &disagrees];
        let names = "tracecontext,b3,datadog,jaeger,sw8,baggage";
        let propagator = Propagator::from_names(names, "tracecontext").expect("known names");
        let seen = messages(ExtractLayer::new(propagator).log_problems(), &requests, Level::DEBUG).await;
        let start = "continued trace 4bf92f3577b34da6a3ce929d0e0e4736, parent 00f067aa0ba902b7, sampled; \
                     tracecontext: used; ";
        let expected = [
            "b3: invalid b3 (bad-length, ends at byte 1); absent: datadog, jaeger, sw8, baggage",
            "jaeger: different trace 00000000000000000000000000000007; absent: b3, datadog, sw8, baggage",
        ];
        assert_eq!(seen, expected.map(|end| (format!("{start}{end}"), None)));
    }

    #[tokio::test]
    async fn ok_no_event_if_debug_is_disabled() {
        let seen =
            messages(ExtractLayer::new(presets::W3C).log_problems(), &[b"traceparent: x\r\n"], Level::INFO).await;
        assert_eq!(seen, []);
    }

    #[tokio::test]
    async fn ok_events_are_limited_and_suppressed_ones_counted() {
        let bad: &[u8] = b"traceparent: x\r\n";
        let layer = ExtractLayer::new(presets::W3C).log_problems_at_most(2);
        let seen = messages(layer.clone(), &[bad; 5], Level::DEBUG).await;
        // A slow machine may take more than one second for five requests.
        assert!((2..=4).contains(&seen.len()), "{seen:?}");
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let next = messages(layer, &[bad], Level::DEBUG).await;
        let suppressed: u64 = seen.iter().chain(&next).filter_map(|(_, suppressed)| *suppressed).sum();
        assert_eq!(seen.len() as u64 + suppressed, 5);
        assert_eq!(next.len(), 1);
    }

    #[tokio::test]
    async fn ok_log_contains_no_byte_of_a_header() {
        let words = ["SECRET", "s\u{e9}cret", "\u{202e}"];
        for word in words {
            let (log, _guard) = Log::start(Level::TRACE);
            let layer = ExtractLayer::new(Propagator::from_names("all", "none").expect("known names")).log_problems();
            let address = serve(Router::new().route("/", on_get(async || "ok")).layer(layer)).await;
            for field in Field::BUILT_IN {
                let name = field.name().expect("a fixed name");
                let name = if field.is_prefix() { format!("{name}a") } else { name.to_owned() };
                let lines = [&traced()[..], format!("{name}: {word}\r\n").as_bytes()].concat();
                assert_eq!(get(address, "/", &lines).await, Answer::ok("ok"), "{name}");
            }
            assert!(log.text().contains("at byte"), "the log has an explanation");
            assert!(!log.text().contains(word), "{}", log.text());
        }
    }
}
