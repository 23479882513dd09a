//! Bodies, trailers and cancellation.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Request, Version};
use hyper::body::Frame;

use crate::frames::{self, Frames};
use crate::{CLIENTS, Upstream, VERSIONS, client, empty, get, send};

/// Asks until it is so, or panics after a while.
async fn eventually(is: impl Fn() -> bool) {
    for _ in 0..200 {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it never happened");
}

#[tokio::test]
async fn ok_trailers_go_both_ways() {
    let upstream = Upstream::start().await;
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        for version in VERSIONS {
            let trailers = HeaderMap::from_iter([("x-check".parse().unwrap(), HeaderValue::from_static("1"))]);
            let body =
                Frames::of([Ok(Frame::data(Bytes::from_static(b"sent"))), Ok(Frame::trailers(trailers.clone()))]);
            let request = Request::post(gateway.url("/trailers")).header("te", "trailers").header("trailer", "x-check");
            let response = send(version, request.body(Body::new(body)).unwrap()).await;
            assert_eq!(response.version(), version);
            let (data, answered) = frames::collect(response.into_body()).await;
            assert_eq!((&*data, answered.expect("trailers")["x-sum"].as_bytes()), (&b"data"[..], &b"7"[..]), "{kind}");

            let received = upstream.received();
            assert_eq!(
                (&*received.body, received.trailers.clone()),
                (&b"sent"[..], Some(trailers)),
                "{kind} {version:?}"
            );
            assert_eq!((received.version, received.lines("te")), (version, vec!["trailers"]));
        }
    }
}

#[tokio::test]
async fn ok_trailers_carry_no_trace_headers() {
    let upstream = Upstream::start().await;
    for kind in CLIENTS {
        for (trust, answered) in [("continue", 2), ("restart", 1)] {
            let gateway = upstream.gateway(&format!("--client {kind} --trust {trust}"));
            for version in VERSIONS {
                let trailers =
                    [("x-check", "1"), ("baggage", "user=alice"), ("traceparent", "no"), ("x_b3_traceid", "1")];
                let trailers = trailers.map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
                let body = Frames::of([Ok(Frame::trailers(HeaderMap::from_iter(trailers)))]);
                let request = Request::post(gateway.url("/trailers")).header("te", "trailers");
                let request = request.header("trailer", "x-check, baggage, traceparent, x_b3_traceid");
                let response = send(version, request.body(Body::new(body)).unwrap()).await;
                let trailers = frames::collect(response.into_body()).await.1.expect("trailers");
                assert_eq!((trailers.len(), &trailers["x-sum"]), (answered, &HeaderValue::from_static("7")), "{kind}");
                let received = upstream.received().trailers.expect("trailers");
                let names: Vec<_> = received.keys().map(|name| name.as_str()).collect();
                assert_eq!(names, ["x-check"], "{kind} {version:?}");
            }
        }
    }
}

#[tokio::test]
async fn ok_an_upstream_without_http_2_is_called_over_http_1() {
    let upstream = Upstream::start_http1().await;
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        let request =
            get(&gateway, "/trailers").header("te", "trailers").header("cookie", "a=1").header("cookie", "b=2");
        let response = send(Version::HTTP_2, empty(request)).await;
        let (data, trailers) = frames::collect(response.into_body()).await;
        assert_eq!((&*data, trailers.map(|trailers| trailers.len())), (&b"data"[..], Some(2)), "{kind}");
        let received = upstream.received();
        assert_eq!((received.version, received.lines("cookie")), (Version::HTTP_11, vec!["a=1; b=2"]), "{kind}");
    }
}

#[tokio::test]
async fn ok_each_chunk_goes_on_before_the_next_one_is_there() {
    let upstream = Upstream::start().await;
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        for version in VERSIONS {
            let (sender, body) = Frames::channel();
            let request = Request::post(gateway.url("/echo")).body(Body::new(body)).unwrap();
            sender.send(Frame::data(Bytes::from_static(b"0"))).unwrap();
            let mut response = send(version, request).await.into_body();
            for n in 1..4_u8 {
                let frame = frames::next(&mut response).await.expect("a frame").expect("data");
                assert_eq!(frame.into_data().unwrap(), [b'0' + n - 1].as_slice(), "{kind} {version:?}");
                sender.send(Frame::data(vec![b'0' + n].into())).unwrap();
            }
            drop(sender);
            assert_eq!(frames::collect(response).await.0, "3");
            upstream.received();
        }
    }
}

#[tokio::test]
async fn ok_a_big_body_arrives_whole_and_keeps_its_length() {
    let upstream = Upstream::start().await;
    let big: Bytes = (0..8_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>().into();
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        for version in VERSIONS {
            let request = Request::put(gateway.url("/echo")).body(Body::from(big.clone())).unwrap();
            let response = send(version, request).await;
            assert_eq!(frames::collect(response.into_body()).await.0, big, "{kind} {version:?}");
            assert_eq!(upstream.received().lines("content-length"), ["8000000"]);
            let request = Request::put(gateway.url("/keep")).body(Body::from(big.clone())).unwrap();
            send(version, request).await;
            assert_eq!(upstream.received().body, big);
        }
    }
}

#[tokio::test]
async fn ok_a_client_that_goes_away_cancels_the_call() {
    let upstream = Upstream::start().await;
    let mut dropped = 0;
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        for version in VERSIONS {
            // Before a response.
            let client = client(version);
            let mut request = empty(get(&gateway, "/silent"));
            *request.version_mut() = version;
            let call = tokio::spawn(client.request(request));
            tokio::time::sleep(Duration::from_millis(150)).await;
            call.abort();
            drop(client);
            dropped += 1;
            eventually(|| upstream.dropped() == dropped).await;
            // In the middle of one.
            let response = send(version, empty(get(&gateway, "/endless"))).await;
            let mut body = response.into_body();
            assert!(frames::next(&mut body).await.is_some());
            drop(body);
            dropped += 1;
            eventually(|| upstream.dropped() == dropped).await;
        }
    }
}

#[tokio::test]
async fn err_a_response_that_breaks_off_is_not_whole_for_the_client() {
    let upstream = Upstream::start().await;
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        for version in VERSIONS {
            let mut body = send(version, empty(get(&gateway, "/short"))).await.into_body();
            let data = frames::next(&mut body).await.expect("a frame").expect("data");
            assert_eq!(data.into_data().unwrap(), "par", "{kind} {version:?}");
            let end = tokio::time::timeout(Duration::from_secs(10), frames::next(&mut body)).await;
            assert!(end.expect("an end").expect("no whole body").is_err(), "{kind} {version:?}");
        }
    }
}

#[tokio::test]
async fn err_no_upstream_is_a_bad_gateway() {
    for kind in CLIENTS {
        let gateway = crate::Service::start_with(["--upstream", "http://127.0.0.1:1", "--client", kind]);
        for version in VERSIONS {
            let response = send(version, empty(get(&gateway, "/x"))).await;
            assert_eq!(response.status(), 502);
            let text = frames::collect(response.into_body()).await.0;
            assert!(String::from_utf8_lossy(&text).starts_with("gateway: "), "{text:?}");
        }
    }
}
