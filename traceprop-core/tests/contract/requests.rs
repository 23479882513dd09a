//! Requests of each format: with all that it can say, in canonical form, in odd form, and broken.

use crate::formats::{SUBJECTS, SW8_VALUE, base64, newrelic_payload};
use crate::subject::{Lines, Subject, lines};

const TID: &str = "_dd.p.tid=4bf92f3577b34da6";
const W3C: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const B3: &str = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
const UBER: &str = "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:";

/// Returns requests that use every field of the format, all of the same trace.
pub(crate) fn full(subject: &Subject) -> Vec<Lines> {
    match subject.main {
        "traceparent" => vec![lines(&[("traceparent", W3C), ("tracestate", "rojo=1, dd=s:2;o:rum,tp=1;0e0e4736;d")])],
        "b3" => vec![lines(&[("b3", &format!("{B3}-1-05e3ac9a4f6e3b90"))])],
        "x-b3-traceid" => vec![lines(&[
            ("x-b3-traceid", &B3[..32]),
            ("x-b3-spanid", &B3[33..]),
            ("x-b3-parentspanid", "05e3ac9a4f6e3b90"),
            ("x-b3-sampled", "1"),
            ("x-b3-flags", "1"),
        ])],
        "x-datadog-trace-id" => vec![lines(&[
            ("x-datadog-trace-id", &subject.value),
            ("x-datadog-parent-id", "67667974448284343"),
            ("x-datadog-sampling-priority", "2"),
            ("x-datadog-origin", "synthetics"),
            ("x-datadog-tags", &format!("{TID},_dd.p.dm=-4,_dd.p.usr.id=YWxpY2U=")),
        ])],
        "uber-trace-id" => vec![lines(&[
            ("uber-trace-id", &subject.value),
            ("uberctx-tenant", "acme%20inc"),
            ("jaeger-baggage", "user=alice,b=2"),
            ("jaeger-debug-id", "ticket-4711"),
        ])],
        "x-instana-t" => {
            let mut request = subject.request(&subject.value);
            request.extend(lines(&[("x-instana-synthetic", "1")]));
            vec![request]
        }
        "ot-tracer-traceid" => {
            let mut request = subject.request(&subject.value);
            request.extend(lines(&[("ot-baggage-tenant", "a%20b"), ("ot-baggage-user", "alice")]));
            vec![request]
        }
        "sentry-trace" => {
            let members = format!("sentry-trace_id={},sentry-release=a%401", &B3[..32]);
            vec![lines(&[("sentry-trace", &subject.value), ("baggage", &members)])]
        }
        "x-amzn-trace-id" => {
            let fields = "Lineage=1:f4ae5ad5:0;CalledFrom=app";
            vec![lines(&[(subject.main, &format!("{};{fields}", subject.value))])]
        }
        "sw8" | "acme-sw8" => {
            let prefix = subject.main.strip_suffix("sw8").unwrap_or_default();
            vec![lines(&[
                (subject.main, &subject.value),
                (&format!("{prefix}sw8-correlation"), "dGVuYW50:YWNtZQ==,dXNlcg==:YWxpY2U="),
                (&format!("{prefix}sw8-x"), "1-1768384712345"),
            ])]
        }
        _ => vec![subject.request(&subject.value)],
    }
}

/// Returns lines of every other format, and lines without a format.
pub(crate) fn foreign(subject: &Subject) -> Lines {
    let mut foreign = lines(&[("host", "shop.example"), ("Accept", "*/*"), ("x-request-id", "7"), ("cookie", "sw8=1")]);
    for other in SUBJECTS.iter() {
        for (name, value) in full(other).into_iter().flatten() {
            // An injection always owns baggage.
            if !subject.owns(&name) && name != "baggage" && !foreign.iter().any(|(known, _)| *known == name) {
                foreign.push((name, value));
            }
        }
    }
    foreign
}

/// Returns requests in just the form that we write.
pub(crate) fn canonical(subject: &Subject) -> Vec<Lines> {
    let mut requests = vec![subject.request(&subject.value)];
    match subject.main {
        "traceparent" => {
            for flags in ["00", "01", "02", "03"] {
                let parent = format!("{}{flags}", &W3C[..53]);
                requests.push(lines(&[("traceparent", &parent)]));
                for state in ["rojo=1", "rojo=1,congo=t61rcWkgMzE", "dd=s:1;p:00f067aa0ba902b7,rojo=1", "rojo=1,dd=z:9"]
                {
                    requests.push(lines(&[("traceparent", &parent), ("tracestate", state)]));
                }
            }
            requests
                .push(lines(&[("traceparent", W3C), ("tracestate", "tp=1;0e0e4736;d;s87.17422198108383774,rojo=1")]));
        }
        "elastic-apm-traceparent" => {
            let parents = ["00", "01", "02", "03"].map(|flags| format!("{}{flags}", &W3C[..53]));
            requests.extend(parents.iter().map(|parent| lines(&[(subject.main, parent)])));
        }
        "b3" => {
            let values = ["-0", "-1", "-d", ""].map(|decision| format!("{B3}{decision}"));
            requests.extend(values.iter().map(|value| lines(&[("b3", value)])));
            requests.push(lines(&[("b3", "a3ce929d0e0e4736-00f067aa0ba902b7-1")]));
        }
        "x-b3-traceid" => {
            for decision in [Some(("x-b3-sampled", "0")), Some(("x-b3-flags", "1")), None] {
                let mut request = lines(&[("x-b3-traceid", &B3[..32]), ("x-b3-spanid", &B3[33..])]);
                request.extend(decision.into_iter().flat_map(|line| lines(&[line])));
                requests.push(request);
            }
            requests.push(lines(&[("x-b3-traceid", "a3ce929d0e0e4736"), ("x-b3-spanid", &B3[33..])]));
        }
        "x-datadog-trace-id" => {
            requests.extend(full(subject));
            for priority in [Some("-1"), Some("0"), Some("3"), Some("-2147483648"), None] {
                let mut request = full(subject).remove(0);
                request.retain(|(name, _)| name != "x-datadog-sampling-priority");
                request.extend(priority.iter().flat_map(|value| lines(&[("x-datadog-sampling-priority", value)])));
                requests.push(request);
            }
            requests.push(lines(&[("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "67667974448284343")]));
        }
        "uber-trace-id" => {
            for flags in ["0", "1", "3", "b", "ff", "8"] {
                requests.push(lines(&[("uber-trace-id", &format!("{UBER}{flags}"))]));
            }
            requests.push(lines(&[
                ("uber-trace-id", &format!("{UBER}1")),
                ("uberctx-tenant", "acme%20inc"),
                ("uberctx-user", "alice"),
            ]));
        }
        "x-instana-t" => {
            for trace in [subject.value.as_str(), "a3ce929d0e0e4736"] {
                for level in ["0", "1"] {
                    let ids = [("x-instana-t", trace), ("x-instana-s", "00f067aa0ba902b7")];
                    requests.push(lines(&[ids[0], ids[1], ("x-instana-l", level)]));
                }
            }
        }
        "grpc-trace-bin" => requests.push(subject.request("AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgA")),
        "ot-tracer-traceid" => {
            // Other trace ids are not in the form that we write.
            let narrow = |sampled: &str| {
                let mut request = subject.request(&subject.value[16..]);
                request.retain(|(name, _)| name != "ot-tracer-sampled");
                request.extend(lines(&[("ot-tracer-sampled", sampled)]));
                request
            };
            requests = vec![narrow("true"), narrow("false")];
            requests[0].extend(lines(&[("ot-baggage-tenant", "a%20b,c"), ("ot-baggage-user", "alice")]));
        }
        "sw8" | "acme-sw8" => {
            let prefix = subject.main.strip_suffix("sw8").unwrap_or_default();
            requests.push(subject.request(&SW8_VALUE.replacen('1', "0", 1)));
            requests.push(lines(&[(subject.main, &subject.value), (&format!("{prefix}sw8-x"), "1-")]));
            requests.push(lines(&[
                (subject.main, &subject.value),
                (&format!("{prefix}sw8-correlation"), "dGVuYW50:YWNtZQ==,dXNlcg==:YWxpY2U="),
            ]));
        }
        "x-cloud-trace-context" => {
            let ids = subject.value.split(';').next().unwrap_or_default();
            requests.extend(["", ";o=0"].map(|option| lines(&[(subject.main, &format!("{ids}{option}"))])));
        }
        "sentry-trace" => {
            requests.extend(full(subject));
            requests.extend(["", "-0"].map(|decision| lines(&[("sentry-trace", &format!("{B3}{decision}"))])));
        }
        "x-amzn-trace-id" => {
            requests.extend(full(subject));
            for rest in [";Parent=00f067aa0ba902b7", ";Parent=00f067aa0ba902b7;Sampled=0;A=1;B=2"] {
                requests.push(lines(&[(subject.main, &format!("{}{rest}", &subject.value[..40]))]));
            }
        }
        "x-acme-trace" => {
            requests.push(lines(&[("x-acme-trace", &subject.value), ("x-acme-keep", "no")]));
            requests.push(lines(&[("x-acme-trace", &subject.value)]));
        }
        _ => {}
    }
    requests
}

/// Returns valid requests in a form that we do not write: a passthrough forwards them verbatim.
pub(crate) fn odd(subject: &Subject) -> Vec<Lines> {
    let value = subject.value.as_str();
    let mut requests = vec![];
    match subject.main {
        "traceparent" => {
            for parent in ["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-09-what-the-future-brings", value] {
                requests.push(lines(&[("traceparent", parent)]));
                requests.push(lines(&[
                    ("traceparent", parent),
                    ("tracestate", "rojo=1 ,, congo=2"),
                    ("tracestate", "\tfoo=1;2:3"),
                ]));
            }
            requests.push(lines(&[("traceparent", &format!("{}fd", &W3C[..53]))]));
        }
        "elastic-apm-traceparent" => {
            requests
                .push(lines(&[(subject.main, "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-09-what-next")]));
        }
        "b3" => {
            requests.push(lines(&[("b3", &format!("{B3}-1-05e3ac9a4f6e3b90"))]));
            requests.push(lines(&[("b3", &format!("{B3}-05e3ac9a4f6e3b90"))]));
            requests.push(lines(&[("b3", &format!("{B3}-0, {B3}-1"))]));
            requests.push(lines(&[("b3", &format!("{B3}-0")), ("b3", "0")]));
            requests.push(lines(&[("b3", "0")]));
            requests.push(lines(&[("b3", "d")]));
        }
        "x-b3-traceid" => {
            let ids = [("x-b3-traceid", &B3[..32]), ("x-b3-spanid", &B3[33..])];
            let with = |more: &[(&str, &str)]| lines(&[&ids[..], more].concat());
            requests.push(with(&[("x-b3-parentspanid", "05e3ac9a4f6e3b90"), ("x-b3-sampled", "true")]));
            requests.push(with(&[("x-b3-sampled", "0"), ("x-b3-flags", "1")]));
            requests.push(with(&[("x-b3-sampled", "1,1"), ("x-b3-flags", "0")]));
            requests.push(lines(&[("x-b3-traceid", "ce929d0e0e4736"), ("x-b3-spanid", "f067aa0ba902b7")]));
            requests.push(lines(&[("x-b3-sampled", "0")]));
            requests.push(lines(&[("x-b3-flags", "1"), ("x-b3-sampled", "false")]));
        }
        "x-datadog-trace-id" => {
            let ids = [("x-datadog-trace-id", "007"), ("x-datadog-parent-id", "067667974448284343")];
            let with = |more: &[(&str, &str)]| lines(&[&ids[..], more].concat());
            requests.push(with(&[("x-datadog-sampling-priority", "01")]));
            requests.push(with(&[("x-datadog-tags", "_dd.p.dm=-4, other=1 ,"), ("x-datadog-tags", "_dd.p.a=b=c")]));
            requests.push(with(&[("x-datadog-origin", "a,b;c=d")]));
        }
        "uber-trace-id" => {
            for uber in ["4BF92F3577B34DA6%3af067aa0ba902b7%3A%3A01", "7:8:what:3", "007:0008:9:0f"] {
                requests.push(lines(&[("uber-trace-id", uber)]));
                requests.push(lines(&[("uber-trace-id", uber), ("uberctx-a", "b+c"), ("jaeger-baggage", "d = e,f=g")]));
            }
            requests.push(lines(&[("jaeger-debug-id", "ticket 4711")]));
        }
        "x-instana-t" => {
            let ids = [("x-instana-t", "CF5EA97AC8E4534"), ("x-instana-s", "5d1de0e8ad3bd2")];
            requests.push(lines(&ids));
            for level in [" 1 ", "0, 1", "1,0"] {
                requests.push(lines(&[ids[0], ids[1], ("x-instana-l", level)]));
            }
            requests.push(lines(&[("x-instana-l", "0")]));
        }
        "grpc-trace-bin" => {
            requests.push(lines(&[(subject.main, "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE=")]));
            requests.push(lines(&[(subject.main, "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3")]));
            requests.push(lines(&[(subject.main, "AAEA8GeqC6kCtwIBAEv5LzV3s02mo86SnQ4ORzY")]));
        }
        "ot-tracer-traceid" => {
            let ids = [("ot-tracer-traceid", value), ("ot-tracer-spanid", "f067aa0ba902b7")];
            for sampled in ["True", "0", "1, false", "FALSE"] {
                requests.push(lines(&[&ids[..], &[("ot-tracer-sampled", sampled)]].concat()));
            }
            requests.push(lines(&ids));
            requests.push(lines(&[ids[0], ("ot-tracer-spanid", "F067AA0BA902B7, 1"), ("ot-baggage-a", "b+c")]));
        }
        "sw8" | "acme-sw8" => {
            let prefix = subject.main.strip_suffix("sw8").unwrap_or_default();
            let (extension, correlation) = (format!("{prefix}sw8-x"), format!("{prefix}sw8-correlation"));
            let ticket = format!("1-{}-{}-3----", base64("ticket/é"), base64("4"));
            requests.push(lines(&[(subject.main, &ticket)]));
            requests.push(lines(&[(subject.main, &value.replace('=', "")), (&extension, "1-2-3")]));
            requests.push(lines(&[(subject.main, &format!("1-------,{value}, 1-------"))]));
            requests.push(lines(&[(subject.main, "broken"), (subject.main, value), (&extension, "0- ")]));
            requests.push(lines(&[(subject.main, value), (&correlation, "YQ:YQ, Yg:Yg")]));
        }
        "newrelic" => {
            let payload = newrelic_payload(&B3[..32], 5);
            for value in [payload.as_str(), base64(&payload).trim_end_matches('='), &format!(" , {value},x")] {
                requests.push(lines(&[(subject.main, value)]));
            }
            for (from, to) in [("true", "null"), ("00f067aa0ba902b7", "f067aa0ba902b7"), (":\"33\"", ": 33 ")] {
                requests.push(lines(&[(subject.main, &payload.replace(from, to))]));
            }
        }
        "x-cloud-trace-context" => {
            for value in [format!("{}/007;o=3", &B3[..32]), B3[..32].to_uppercase(), format!("{value},x")] {
                requests.push(lines(&[(subject.main, &value)]));
            }
        }
        "sentry-trace" => {
            requests.push(lines(&[("sentry-trace", &format!("{B3}-"))]));
            requests.push(lines(&[("sentry-trace", &format!("{B3}-1,{B3}-0"))]));
            requests.push(lines(&[("sentry-trace", &format!("{B3}-1")), ("sentry-trace", &format!("{B3}-0"))]));
            requests.push(lines(&[("sentry-trace", "0")]));
        }
        "x-amzn-trace-id" => {
            let root = &value[..40];
            for value in [
                format!("Self=1-67891204-12456789abcdef012345678;A=1;{root};Sampled=?"),
                format!("Sampled=0; Parent=00F067AA0BA902B7 ; {root};x;=;A=b,c;"),
                format!("{root};Parent=;Sampled=d"),
                format!("{root};A={}", "a".repeat(300)),
                format!("{root};Sampled=0"),
                root.to_owned(),
                "Sampled=0".to_owned(),
            ] {
                requests.push(lines(&[(subject.main, &value)]));
            }
        }
        "x-acme-trace" => requests.push(subject.request(&format!(" {value}\t"))),
        main => {
            let value = value.to_uppercase();
            requests.push(lines(&[(main, &value)]));
            requests.push(lines(&[(main, &format!("{{{value}}}"))]));
            requests.push(lines(&[(main, &format!("|{value}.1.2_"))]));
        }
    }
    requests
}

/// Returns requests without any usable data.
pub(crate) fn broken(subject: &Subject) -> Vec<Lines> {
    let value = subject.value.as_str();
    let mut requests = vec![subject.request(&value[1..]), subject.request(&format!("{value}é")), subject.request("*")];
    // With a digit less these are other ids, and text.
    if [
        "x-datadog-trace-id",
        "x-b3-traceid",
        "uber-trace-id",
        "ot-tracer-traceid",
        "x-instana-t",
        "x-order",
        "x-plumbr-transactionid",
    ]
    .contains(&subject.main)
    {
        requests.remove(0);
    }
    // A decision that is not a known one is none.
    if subject.main == "x-amzn-trace-id" {
        requests.remove(1);
    }
    match subject.main {
        "traceparent" => requests.push(lines(&[("traceparent", W3C), ("traceparent", &value[1..])])),
        "b3" => requests.push(lines(&[("b3", "true")])),
        "x-b3-traceid" => requests.push(lines(&[("x-b3-traceid", value)])),
        "x-instana-t" => {
            requests.push(lines(&[("x-instana-t", value), ("x-instana-l", "0")]));
            requests.push(lines(&[("x-instana-l", "yes")]));
        }
        "ot-tracer-traceid" => {
            requests.push(lines(&[("ot-tracer-traceid", value)]));
            requests.push(lines(&[("ot-tracer-sampled", "true"), ("ot-baggage-tenant", "acme")]));
        }
        "uber-trace-id" => requests.push(lines(&[("uber-trace-id", "0:1:0:1"), ("jaeger-debug-id", "x")])),
        _ => {}
    }
    requests
}

/// Returns requests with one optional line that cannot be used, and its name.
pub(crate) fn invalid(subject: &Subject) -> Vec<(Lines, &'static str)> {
    let with = |name: &'static str, value: &str| {
        let mut request = subject.request(&subject.value);
        request.retain(|(known, _)| known != name);
        request.extend(lines(&[(name, value)]));
        (request, name)
    };
    match subject.main {
        "traceparent" => ["é=1", "a=1,b", "=1"].map(|state| with("tracestate", state)).into(),
        "x-b3-traceid" => vec![with("x-b3-parentspanid", "-"), with("x-b3-sampled", "2"), with("x-b3-sampled", "")],
        "x-datadog-trace-id" => vec![
            with("x-datadog-sampling-priority", "1abc"),
            with("x-datadog-sampling-priority", "2147483648"),
            with("x-datadog-origin", "rüm"),
        ],
        "x-instana-t" => ["yes", "2", ""].map(|level| with("x-instana-l", level)).into(),
        "ot-tracer-traceid" => ["yes", "2", ""].map(|sampled| with("ot-tracer-sampled", sampled)).into(),
        "sw8" => vec![with("sw8-x", &"1".repeat(65)), with("sw8-correlation", "a=b")],
        "acme-sw8" => vec![with("acme-sw8-x", &"1".repeat(65)), with("acme-sw8-correlation", "a=b")],
        "x-acme-trace" => vec![with("x-acme-keep", "maybe")],
        _ => vec![],
    }
}
