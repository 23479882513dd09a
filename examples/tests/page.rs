//! The page of the demo fleet, asked as its script asks.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use traceprop_examples::fleet::page::Answer;
use traceprop_examples::fleet::service::Hop;

struct Fleet {
    process: Child,
    url: String,
    client: reqwest::Client,
}

impl Fleet {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleet"));
        let mut process = command.arg("--serve").stdout(Stdio::piped()).spawn().expect("the fleet starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the fleet says where it listens");
        let url = line.trim().strip_prefix("open ").expect("an address").to_owned();
        Self { process, url, client: reqwest::Client::new() }
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(format!("{}{path}", self.url)).send().await.expect("the page answers")
    }

    async fn choices(&self) -> Value {
        self.get("choices").await.json().await.expect("JSON")
    }

    async fn send(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.client.get(format!("{}send?path={path}", self.url));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.send().await.and_then(reqwest::Response::error_for_status).expect("the page answers");
        answer.json().await.expect("an answer")
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The services on a way without branches.
fn services(hop: &Hop) -> Vec<&str> {
    let behind = hop.calls.first().map(|sent| services(&sent.hop)).unwrap_or_default();
    [vec![hop.service.as_str()], behind].concat()
}

/// The last service on it.
fn end(hop: &Hop) -> &Hop {
    hop.calls.first().map_or(hop, |sent| end(&sent.hop))
}

#[tokio::test]
async fn ok_the_page_and_what_it_loads_are_served() {
    let fleet = Fleet::start();
    let page = fleet.get("?path=w3c/edge&format=b3").await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"));
    let html = page.text().await.unwrap();
    for (path, content_type) in [("page.css", "text/css; charset=utf-8"), ("page.js", "text/javascript; charset=utf-8")]
    {
        assert!(html.contains(&format!("\"/{path}\"")), "{path}");
        let answer = fleet.get(path).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &content_type.parse().unwrap())
        );
    }
}

#[tokio::test]
async fn ok_every_format_is_one_trace_on_every_path() {
    let fleet = Fleet::start();
    let choices = fleet.choices().await;
    let list = |key: &str| choices[key].as_array().unwrap().clone();
    assert_eq!((list("formats").len(), list("paths").len()), (18, 14));
    for format in list("formats") {
        let headers = format["headers"].as_array().unwrap();
        let headers: Vec<_> = headers.iter().map(|h| (h[0].as_str().unwrap(), h[1].as_str().unwrap())).collect();
        for path in list("paths") {
            let id = path["id"].as_str().unwrap();
            let answer = fleet.send(id, &headers).await;
            assert!(answer.whole, "{} on {id}: {}", format["id"], answer.verdict);
            assert_eq!(answer.sent.len(), headers.len(), "{} on {id}", format["id"]);
            if id.starts_with("open/") {
                assert_eq!(answer.hop.continued, !headers.is_empty(), "{} on {id}", format["id"]);
            }
        }
    }
}

#[tokio::test]
async fn ok_a_request_takes_the_path_and_the_answer_shows_each_hop() {
    let fleet = Fleet::start();
    let headers = [
        ("x-datadog-trace-id", "11330031342388917060"),
        ("x-datadog-parent-id", "3105808763865489489"),
        ("x-datadog-sampling-priority", "1"),
        ("x-datadog-origin", "rum"),
    ];
    let answer = fleet.send("mixed/edge-mail-payments-billing", &headers).await;
    assert_eq!(answer.verdict, "One trace through 4 services");
    assert_eq!(services(&answer.hop), ["edge", "mail", "payments", "billing"]);
    assert_eq!(answer.hop.ids.trace.as_deref(), Some("00000000000000009d3c5b7a11223344"));
    assert_eq!(answer.hop.calls[0].went_out, answer.hop.calls[0].hop.received);
    let billing = end(&answer.hop);
    assert!(billing.received.contains(&("x-datadog-origin".into(), "rum".into())), "{:?}", billing.received);
    assert!(billing.explain.ends_with("datadog: used"), "{}", billing.explain);
}

#[tokio::test]
async fn ok_what_the_first_service_does_not_read_is_not_a_trace_to_it() {
    let fleet = Fleet::start();
    let headers = [("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"), ("x-secret", "s")];
    let answer = fleet.send("w3c/edge-orders-stock", &headers).await;
    assert!(answer.whole && !answer.hop.continued);
    assert_eq!(answer.sent, [("b3".to_owned(), headers[0].1.to_owned())]);
    assert!(answer.hop.explain.starts_with("new trace; absent: tracecontext"), "{}", answer.hop.explain);
}

#[tokio::test]
async fn err_send_on_a_path_that_is_not_there() {
    let fleet = Fleet::start();
    assert_eq!(fleet.get("send?path=w3c/stock").await.status(), 404);
    assert_eq!(fleet.get("send").await.status(), 400);
}
