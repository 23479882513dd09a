//! Heads of requests and responses: what goes on, and what belongs to a connection.

use std::io::{Read, Write};
use std::net::TcpStream;

use axum::http::{Request, Version};

use crate::{Body, CLIENTS, Service, TRACE, TRACEPARENT, Upstream, VERSIONS, empty, frames, get, send, traceparent};

/// Sends bytes, and returns the head and the body of the response.
fn raw(service: &Service, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(&service.address).expect("the service listens");
    stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).expect("a timeout can be set");
    stream.write_all(request.as_bytes()).expect("the service reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the service answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn ok_method_path_query_headers_and_body_go_on() {
    let upstream = Upstream::start().await;
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        for version in VERSIONS {
            let request = Request::builder().method("PURGE").uri(gateway.url("/a%2Fb//c?q=%20&r=+;"));
            let request = request.header("x-a", "1").header("x-a", "2").header("authorization", "Bearer t");
            let response = send(version, request.body(Body::from("body")).unwrap()).await;
            assert_eq!(response.status(), 203);
            let headers = response.headers().clone();
            let cookies: Vec<_> = headers.get_all("set-cookie").iter().collect();
            assert_eq!((headers.get("x-hop"), &headers["x-end"], cookies.len()), (None, &"1".parse().unwrap(), 2));
            assert_eq!(frames::collect(response.into_body()).await.0, "answer");

            let received = upstream.received();
            assert_eq!(
                (received.method.as_str(), received.target.as_str()),
                ("PURGE", "/a%2Fb//c?q=%20&r=+;"),
                "{kind}"
            );
            assert_eq!((received.version, &*received.body), (version, &b"body"[..]));
            assert_eq!((received.lines("x-a"), received.lines("authorization")), (vec!["1", "2"], vec!["Bearer t"]));
            assert_eq!(received.lines("content-length"), ["4"]);
            if version == Version::HTTP_11 {
                assert_eq!(received.lines("host"), [upstream.url.strip_prefix("http://").unwrap()]);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_connection_costs_no_header_that_the_gateway_writes() {
    let upstream = Upstream::start().await;
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        let (head, body) = raw(
            &gateway,
            &format!(
                "POST /x HTTP/1.1\r\nHost: a.example\r\nConnection: close, Traceparent, tracestate, x-mine\r\n\
                 traceparent: {TRACEPARENT}\r\ntracestate: a=1\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\n\
                 Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nUpgrade: h2c\r\n\
                 TE: gzip, trailers\r\nMax-Forwards: 0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"
            ),
        );
        // The service asks for the body when the client of the upstream does.
        assert_eq!(head, "HTTP/1.1 100 Continue", "{kind}");
        assert!(body.starts_with("HTTP/1.1 203 ") && body.ends_with("answer"), "{body}");
        let received = upstream.received();
        let (trace, span) = traceparent(&received.headers);
        assert_eq!((trace.as_str(), received.lines("tracestate")), (TRACE, vec!["a=1"]), "{kind}");
        assert_ne!(span, "00f067aa0ba902b7");
        let mut names: Vec<_> =
            received.headers.keys().map(|name| name.as_str()).filter(|name| *name != "accept").collect();
        names.sort_unstable();
        let expected =
            ["connection", "content-length", "expect", "host", "max-forwards", "te", "traceparent", "tracestate"];
        assert_eq!(names, expected, "{kind}");
        assert_eq!((received.lines("connection"), received.lines("te")), (vec!["te"], vec!["trailers"]));
        assert_eq!(&*received.body, b"hi");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_chunks_count_and_not_a_length_beside_them() {
    let upstream = Upstream::start().await;
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        let request = "POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
                       Content-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let (head, _) = raw(&gateway, request);
        assert!(head.starts_with("HTTP/1.1 203 "), "{kind} {head}");
        let received = upstream.received();
        assert_eq!(&*received.body, b"hello");
        assert_eq!((received.lines("content-length").len(), received.lines("transfer-encoding")), (0, vec!["chunked"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn err_transfer_codings_that_would_be_lost() {
    let upstream = Upstream::start().await;
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        let request = "POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: gzip, chunked\r\n\r\n\
                       0\r\n\r\n";
        assert!(raw(&gateway, request).0.starts_with("HTTP/1.1 501 "), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_http_1_0_and_lengths_of_nothing() {
    let upstream = Upstream::start().await;
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        let (head, body) = raw(&gateway, "GET /x HTTP/1.0\r\n\r\n");
        assert!(head.starts_with("HTTP/1.0 203 ") && body == "answer", "{kind} {head} {body}");
        assert_eq!(upstream.received().version, Version::HTTP_11);
        raw(&gateway, "POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(upstream.received().lines("content-length"), ["0"], "{kind}");
        raw(
            &gateway,
            "POST /x HTTP/1.1\r\nHost: a\r\nConnection: close, content-length\r\nContent-Length: 2\r\n\r\nhi",
        );
        let received = upstream.received();
        assert_eq!((received.lines("content-length"), &*received.body), (vec!["2"], &b"hi"[..]), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_targets_that_are_not_paths() {
    let upstream = Upstream::start().await;
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        let status = |line: &str| {
            let (head, _) = raw(&gateway, &format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
            head[9..12].to_owned()
        };
        assert_eq!(status("GET http://other.example/x?y"), "203");
        assert_eq!(upstream.received().target, "/x?y");
        assert_eq!(status("OPTIONS *"), "204");
        assert_eq!(status("CONNECT other.example:80"), "501");
    }
}

#[tokio::test]
async fn ok_head_and_empty_bodies() {
    let upstream = Upstream::start().await;
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        for version in VERSIONS {
            let head = Request::head(gateway.url("/x")).body(Body::empty()).unwrap();
            let response = send(version, head).await;
            assert_eq!(
                (response.status().as_u16(), &response.headers()["content-length"]),
                (203, &"6".parse().unwrap())
            );
            assert_eq!(frames::collect(response.into_body()).await.0, "");
            upstream.received();
            send(version, empty(get(&gateway, "/x"))).await;
            let received = upstream.received();
            let framing = (received.lines("content-length").len(), received.lines("transfer-encoding").len());
            assert_eq!(framing, (0, 0), "{kind} {version:?}");
        }
    }
}

#[tokio::test]
async fn ok_own_paths_are_not_forwarded_and_redirects_are_not_followed() {
    let upstream = Upstream::start().await;
    for kind in CLIENTS {
        let gateway = upstream.gateway(&format!("--client {kind}"));
        let inspected = gateway.inspect(&[("traceparent", TRACEPARENT.as_bytes())]);
        assert_eq!(inspected["trace_id"], TRACE);
        for version in VERSIONS {
            let post = Request::post(gateway.url("/inspect")).body(Body::empty()).unwrap();
            assert_eq!(send(version, post).await.status(), 405);
            assert_eq!(send(version, empty(get(&gateway, "/moved"))).await.status(), 302);
        }
    }
    let service = Service::start_with([]);
    assert_eq!(send(Version::HTTP_2, empty(get(&service, "/x"))).await.status(), 404);
}
