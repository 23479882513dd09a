//! The settings of `ClientBuilder`.

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, Method};
use reqwest::Url;
use traceprop_reqwest::{Client, ClientBuilder, Error, presets};

use crate::{Server, context, get, plain, status, values};

fn builder() -> ClientBuilder {
    Client::builder(presets::W3C)
}

#[tokio::test]
async fn ok_default_headers_go_along_on_every_hop_and_give_way_to_the_requests_own() {
    let server = Server::start().await;
    let defaults = HeaderMap::from_iter([
        ("x-a".parse().expect("a name"), HeaderValue::from_static("default")),
        ("x-b".parse().expect("a name"), HeaderValue::from_static("default")),
    ]);
    let client = builder().default_headers(defaults).user_agent("agent/1").build().expect("a client");
    let url = server.to(302, "/end");
    client.get(url).header("x-b", "own").send().await.expect("an answer");
    for seen in server.seen() {
        let value = |name| values(&seen.headers, name);
        assert_eq!((value("x-a"), value("x-b")), (vec!["default"], vec!["own"]));
        assert_eq!((value("user-agent"), value("accept")), (vec!["agent/1"], vec!["*/*"]));
    }
}

#[tokio::test]
async fn ok_methods_are_those_of_reqwest() {
    let server = Server::start().await;
    let (client, url) = (plain(), server.url("/"));
    for request in [client.get(url.as_str()), client.post(url.clone()), client.put(url.to_string())] {
        request.send().await.expect("an answer");
    }
    for request in [client.patch(url.clone()), client.delete(url.clone()), client.head(url.clone())] {
        request.send().await.expect("an answer");
    }
    let request = client.request(Method::OPTIONS, url).build().expect("a request");
    client.execute(request).await.expect("an answer");
    let methods: Vec<_> = server.seen().iter().map(|seen| seen.method.to_string()).collect();
    assert_eq!(methods, ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]);
}

#[tokio::test]
async fn ok_builder_hands_everything_to_the_request() {
    let server = Server::start().await;
    let headers = HeaderMap::from_iter([("x-b".parse().expect("a name"), HeaderValue::from_static("2"))]);
    let request = plain().post(server.url("/")).header("x-a", "1").headers(headers).body("text");
    let request = request.bearer_auth("token").version(axum::http::Version::HTTP_11).timeout(Duration::from_secs(9));
    request.send().await.expect("an answer");
    let seen = server.only();
    let value = |name| values(&seen.headers, name);
    assert_eq!((value("x-a"), value("x-b"), value("authorization")), (vec!["1"], vec!["2"], vec!["Bearer token"]));
    assert_eq!(&seen.body[..], b"text");
    let basic = plain().get(server.url("/")).basic_auth("user", Some("pass")).build().expect("a request");
    assert_eq!(values(basic.headers(), "authorization"), ["Basic dXNlcjpwYXNz"]);
}

#[tokio::test]
async fn ok_referer_can_be_switched_off() {
    let server = Server::start().await;
    let url = server.to(302, "/end");
    get(&plain(), url.clone()).await.expect("an answer");
    get(&builder().referer(false).build().expect("a client"), url.clone()).await.expect("an answer");
    let referers: Vec<_> = server.seen().iter().map(|seen| values(&seen.headers, "referer").concat()).collect();
    assert_eq!(referers, ["", url.as_str(), "", ""]);
}

#[tokio::test]
async fn err_https_only_rejects_the_first_hop() {
    let server = Server::start().await;
    let client = builder().https_only(true).build().expect("a client");
    let error = get(&client, server.url("/secret")).await.expect_err("no TLS");
    assert!(matches!(error, Error::NotHttps { .. }));
    assert_eq!(error.to_string(), format!("https_only is set, but http://{} is not https", server.address));
    assert_eq!(server.seen().len(), 0);
}

/// Returns the URL of a chain of hops that each take some time.
fn slow(server: &Server, hops: usize, each: u64) -> Url {
    (0..hops).fold(server.url("/end"), |next, _| {
        let mut url = server.to(302, next);
        url.query_pairs_mut().append_pair("wait", &each.to_string());
        url
    })
}

#[tokio::test]
async fn err_one_deadline_for_all_hops() {
    let server = Server::start().await;
    let client = builder().timeout(Duration::from_millis(300)).build().expect("a client");
    assert_eq!(status(&client, slow(&server, 1, 100)).await, 200);
    let error = get(&client, server.url("/end?wait=5000")).await.expect_err("too long alone");
    assert!(matches!(error, Error::Send { hop: 1, .. }) && error.is_timeout(), "{error:?}");
    let begin = Instant::now();
    // No single hop takes too long.
    let error = get(&client, slow(&server, 6, 120)).await.expect_err("too long together");
    assert!(error.is_timeout(), "{error:?}");
    assert!((Duration::from_millis(290)..Duration::from_secs(5)).contains(&begin.elapsed()));

    let own = plain().get(slow(&server, 6, 120)).timeout(Duration::from_millis(300)).context(context());
    assert!(own.send().await.expect_err("too long together").is_timeout());
}

#[tokio::test]
async fn err_request_that_cannot_be_put_together() {
    let error = plain().get("http://user:secret@[broken").send().await.expect_err("no URL");
    assert!(matches!(error, Error::Request(_)));
    assert!(!format!("{error:?} {error}").contains("secret"));
    let error = plain().get("data:text/plain,secret").send().await.expect_err("no host");
    assert!(!format!("{error:?} {error}").contains("secret"));
    let error = plain().get("http://a.example/").header("x-a", "secret\n").send().await.expect_err("no header");
    assert!(!format!("{error:?} {error}").contains("secret"));
}

/// A server that closes each connection without a response, and counts them.
#[tokio::test]
async fn err_nothing_is_sent_twice() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
    let address = listener.local_addr().expect("it was bound");
    let (count, mut counted) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let _ = count.send(());
            drop(connection);
        }
    });
    // Retries every failure, unless the client disables it.
    let retries = reqwest::retry::for_host("127.0.0.1").no_budget().classify_fn(|request| request.retryable());
    let transport = reqwest::Client::builder().retry(retries);
    let client = builder().transport(transport).build().expect("a client");
    let url = format!("http://{address}/").parse().expect("a URL");
    assert!(matches!(get(&client, url).await, Err(Error::Send { hop: 1, .. })));
    assert!(counted.try_recv().is_ok() && counted.try_recv().is_err());
}
