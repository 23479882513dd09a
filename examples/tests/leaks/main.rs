//! What leaves a gateway, for every setting and every kind of request, counted at the receiver over real sockets.
//!
//! Nothing leaves that the rule does not allow, and everything is there that it does allow.

mod gateway;
mod messages;
mod oracle;

use std::sync::Arc;

use gateway::{Baggage, Driver, PAIRS, Sender, Setting, TRUSTS};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use messages::{MESSAGES, Message};
use oracle::{Case, INBOUND, Inbound};

/// Tasks that send requests at the same time, each with a connection of its own.
const TASKS: usize = 8;

fn setting(sender: Sender, pair: gateway::Pair) -> Setting {
    Setting {
        sender,
        pair,
        trust: traceprop_core::Trust::Continue,
        inner: None,
        keeps_refused: false,
        is_allowed: true,
        has_span: true,
        baggage: Baggage::Tenant,
    }
}

/// Every setting of a gateway with this client and these propagators.
fn settings(sender: Sender, pair: gateway::Pair) -> Vec<Setting> {
    let mut settings = Vec::new();
    for trust in TRUSTS {
        for is_allowed in [true, false] {
            for has_span in [true, false] {
                for baggage in [Baggage::Nothing, Baggage::Tenant, Baggage::All] {
                    settings.push(Setting { trust, is_allowed, has_span, baggage, ..setting(sender, pair) });
                }
            }
        }
    }
    settings
}

fn headers(message: &Message, inbound: Inbound) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in &message.lines {
        headers.append(HeaderName::from_static(line.name), HeaderValue::from_static(line.value));
    }
    if inbound == Inbound::Preflight {
        headers.insert("access-control-request-method", HeaderValue::from_static("GET"));
    }
    headers
}

async fn send(driver: &Driver, place: usize, case: &Case<'_>) -> Vec<String> {
    let (method, path) = match case.inbound {
        Inbound::Get => (Method::GET, "/items"),
        Inbound::Options | Inbound::Preflight => (Method::OPTIONS, "/items"),
        Inbound::Skipped => (Method::GET, "/skip"),
    };
    case.check(&driver.send(place, method, path, headers(case.message, case.inbound)).await)
}

/// Sends every message in every way through every gateway. Returns the number of requests.
async fn check(settings: Vec<Setting>) -> usize {
    let driver = Driver::start(settings.clone()).await;
    let settings = Arc::new(settings);
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (driver, settings) = (driver.clone(), Arc::clone(&settings));
            tokio::spawn(async move {
                let (mut count, mut wrong) = (0, Vec::new());
                for (place, setting) in settings.iter().enumerate().skip(task).step_by(TASKS) {
                    for message in MESSAGES.iter() {
                        for inbound in INBOUND {
                            let case = Case { setting, inbound, message };
                            let found = send(&driver, place, &case).await;
                            count += 1;
                            let told = |text| format!("{text}\n    {inbound:?}, {}, {setting:?}", message.name);
                            wrong.extend(found.into_iter().map(told));
                        }
                    }
                }
                (count, wrong)
            })
        })
        .collect();
    let (mut count, mut wrong) = (0, Vec::new());
    for task in tasks {
        let (sent, found) = task.await.expect("no panic");
        count += sent;
        wrong.extend(found);
    }
    // One example of each kind.
    let mut kinds = std::collections::BTreeMap::new();
    for text in &wrong {
        kinds.entry(text.lines().next()).or_insert(text.as_str());
    }
    let examples: Vec<_> = kinds.values().copied().take(60).collect();
    assert!(wrong.is_empty(), "{} findings in {count} requests:\n{}", wrong.len(), examples.join("\n"));
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_hyper_sends_what_the_rule_allows_and_nothing_else() {
    let settings: Vec<_> = PAIRS.iter().flat_map(|pair| settings(Sender::Hyper, *pair)).collect();
    let requests = settings.len() * MESSAGES.len() * INBOUND.len();
    assert_eq!(check(settings).await, requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_every_other_client_sends_the_same() {
    for (sender, pair) in [
        (Sender::ReqwestClient, PAIRS[1]),
        (Sender::PlainReqwest, PAIRS[4]),
        (Sender::Middleware, PAIRS[3]),
        (Sender::Tonic, PAIRS[2]),
    ] {
        check(settings(sender, pair)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_of_two_listeners_the_stricter_decides() {
    let mut all = Vec::new();
    for (sender, pair, is_allowed) in [
        (Sender::Hyper, PAIRS[1], true),
        (Sender::Hyper, PAIRS[4], true),
        (Sender::Middleware, PAIRS[1], true),
        (Sender::Middleware, PAIRS[4], false),
    ] {
        for trust in TRUSTS {
            for inner in TRUSTS.map(Some) {
                for keeps_refused in [false, true] {
                    all.push(Setting { trust, inner, keeps_refused, is_allowed, ..setting(sender, pair) });
                }
            }
        }
    }
    check(all).await;
}
