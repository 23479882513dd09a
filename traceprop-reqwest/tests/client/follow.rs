//! Redirects of our client, compared with reqwest's.

use axum::http::Method;
use reqwest::{Body, StatusCode};
use traceprop_reqwest::{Client, Error, presets};

use crate::{Server, client, context, get, plain, status, values};

/// Returns method, body and content type of the last request, for our client and for reqwest's.
async fn both(method: Method, code: u16) -> [(Method, String, usize); 2] {
    let server = Server::start().await;
    let url = server.to(code, server.url("/end"));
    let request = |request: reqwest::RequestBuilder| request.header("content-type", "text/x").body("text");
    let ours = plain().request(method.clone(), url.clone()).map_reqwest(request).send().await;
    let theirs = request(reqwest::Client::new().request(method, url)).send().await;
    assert_eq!(ours.expect("an answer").status(), theirs.expect("an answer").status());
    let seen = server.seen();
    let [_, ours, _, theirs] = seen.try_into().expect("two requests each");
    [ours, theirs].map(|last| {
        let body = String::from_utf8(last.body.to_vec()).expect("text");
        (last.method, body, values(&last.headers, "content-type").len())
    })
}

#[tokio::test]
async fn ok_method_and_body_are_those_of_reqwest() {
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        for code in [301, 302, 303, 307, 308] {
            let [ours, theirs] = both(method.clone(), code).await;
            assert_eq!(ours, theirs, "{method} {code}");
        }
    }
}

#[tokio::test]
async fn ok_other_statuses_and_redirects_to_nowhere_are_the_response() {
    let server = Server::start().await;
    for (url, expected) in [
        (server.to(300, server.url("/end")), 300),
        (server.to(304, server.url("/end")), 304),
        (server.to(302, "http://[broken"), 302),
    ] {
        assert_eq!(status(&plain(), url).await, expected);
    }
    assert!(server.seen().iter().all(|seen| seen.path == "/go"));
}

#[tokio::test]
async fn ok_relative_location_and_the_final_url() {
    let server = Server::start().await;
    let response = get(&plain(), server.to(302, "end?q#part")).await.expect("an answer");
    assert_eq!(response.url().as_str(), server.url("/end?q").as_str());
    assert_eq!(server.seen()[1].path, "/end");
}

/// Returns a body that cannot be sent again, because it is a stream.
fn stream() -> Body {
    Body::wrap(http_body_util::Full::new(axum::body::Bytes::from("text")))
}

#[tokio::test]
async fn ok_stream_is_sent_once() {
    let server = Server::start().await;
    for (code, expected, last) in [(307, 307, "/go"), (308, 308, "/go"), (303, 200, "/end"), (302, 200, "/end")] {
        let url = server.to(code, server.url("/end"));
        let response = plain().post(url).body(stream()).context(context()).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::from_u16(expected).expect("a status"));
        let seen = server.seen();
        let seen = seen.last().expect("a request");
        assert_eq!((seen.path.as_str(), seen.body.is_empty()), (last, last == "/end"), "{code}");
    }
    // Once the body is dropped, nothing has to be sent again.
    let url = server.to(303, server.to(307, server.url("/end")));
    assert_eq!(plain().post(url).body(stream()).send().await.expect("an answer").status(), StatusCode::OK);
    let put = plain().put(server.to(302, "/end")).body(stream()).send().await.expect("an answer");
    assert_eq!(put.status(), StatusCode::FOUND);
}

#[tokio::test]
async fn err_loop_ends_at_the_limit() {
    let server = Server::start().await;
    // A relative reference without a path keeps the query, so this one redirects to itself forever.
    let own = server.to(302, "#again");
    let error = get(&plain(), own.clone()).await.expect_err("a loop");
    assert!(matches!(error, Error::TooManyRedirects { limit: 10, .. }) && error.is_redirect(), "{error:?}");
    assert_eq!(server.seen().len(), 11);

    let two = Client::builder(presets::W3C).redirect_limit(2).build().expect("a client");
    let chain = |hops: usize| (1..hops).fold(server.to(302, "/end"), |next, _| server.to(302, next));
    assert_eq!(status(&two, chain(2)).await, 200);
    assert!(get(&two, chain(3)).await.expect_err("one too many").is_redirect());
    let off = Client::builder(presets::W3C).no_redirects().build().expect("a client");
    assert_eq!(status(&off, chain(1)).await, 302);
}

#[tokio::test]
async fn ok_cookies_are_stored_and_sent_hop_by_hop() {
    let (a, b) = (Server::start().await, Server::start().await);
    let transport = reqwest::Client::builder().cookie_store(true).resolve("b.internal", b.address);
    let client = Client::builder(presets::W3C).transport(transport).build().expect("a client");
    let mut end = b.url("/end");
    end.set_host(Some("b.internal")).expect("a host");
    let mut first = a.to(302, a.to(302, end));
    first.query_pairs_mut().append_pair("cookie", "id=1");
    assert_eq!(status(&client, first).await, 200);
    let [first, second] = a.seen().try_into().expect("two requests");
    assert_eq!((values(&first.headers, "cookie"), values(&second.headers, "cookie")), (vec![], vec!["id=1"]));
    assert_eq!(values(&b.only().headers, "cookie"), [""; 0]);
}

#[tokio::test]
async fn err_no_connection_tells_the_hop_and_the_origin_only() {
    let server = Server::start().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
    let address = closed.local_addr().expect("it was bound");
    drop(closed);
    let url = server.to(302, format!("http://user:password@{address}/secret?token=1"));
    let error = get(&client(presets::W3C), url).await.expect_err("the port is closed");
    assert!(error.is_connect() && !error.is_timeout());
    assert_eq!(error.to_string(), format!("no response from http://{address} (hop 2)"));
    let all = format!("{error:?} {}", std::error::Error::source(&error).expect("reqwest's"));
    assert!(!["password", "secret", "token"].iter().any(|secret| all.contains(secret)), "{all}");
}
