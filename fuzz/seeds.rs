//! Makes the seeds out of the test vectors: `cargo run --example seeds`, after the vectors have changed.
//!
//! A seed is a case of the vectors as the targets read it, under the id of the case, or a request that no vector
//! has. Folders of targets are written anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Files of the folder of a target.
type Seeds = BTreeMap<String, Vec<u8>>;

fn main() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds: BTreeMap<&str, Seeds> = BTreeMap::new();
    for (name, cases) in vectors(&here.join("../traceprop-core/tests/vectors/data")) {
        for case in &cases {
            of_case(&name, case, &mut |target, data| {
                let id = case["id"].as_str().expect("a case has an id");
                seeds.entry(target).or_default().insert(id.to_owned(), data);
            });
        }
    }
    more(&mut |target, name, data| {
        seeds.entry(target).or_default().insert(name.to_owned(), data);
    });
    differences(&mut |target, name, data| {
        seeds.entry(target).or_default().insert(name.to_owned(), data);
    });
    // What all formats say together also comes over a connection, and through a gateway: with spans and without, under each
    // trust, and with headers that are kept.
    let composite = seeds["composite_extract"].clone();
    let gateway = seeds.entry("gateway").or_default();
    for (place, (name, data)) in composite.iter().enumerate() {
        let bits = place as u8;
        let settings = [1, 0xff, 0, 1 << (bits % 7), 0, bits % 128, 0, bits & 0x55, bits & 0x0a];
        let stale = b"--: \nB3: 0\nx_datadog_trace_id: 1\nx-dynatrace: 1\n";
        gateway.insert(name.clone(), [&settings[..], &data[4..], stale].concat());
    }
    let server = seeds.entry("http_server").or_default();
    for (name, data) in composite {
        let request = get(&data[4..]);
        server.insert(format!("{name}-passthrough"), [b"\x1c", &request[..]].concat());
        server.insert(name, [b"\x18", &request[..]].concat());
    }
    connections(&mut |name, data| {
        server.insert(name.to_owned(), data);
    });
    for (target, files) in seeds {
        write(&here.join("seeds").join(target), files);
    }
}

/// Returns the cases of each file, by its name.
fn vectors(folder: &Path) -> Vec<(String, Vec<Value>)> {
    let entries = fs::read_dir(folder).expect("the folder of the vectors");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    let read = files.into_iter().map(|file| {
        let mut json: Value = serde_json::from_slice(&fs::read(&file).expect("a file")).expect("JSON");
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, json["cases"].as_array_mut().map(std::mem::take).expect("cases"))
    });
    read.collect()
}

/// Returns names and values.
fn pairs(value: &Value) -> Vec<(&str, &str)> {
    let pairs = value.as_array().into_iter().flatten();
    pairs.filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?))).collect()
}

fn lines(pairs: &[(&str, &str)], name: &str) -> Vec<u8> {
    let named = pairs.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map(|(_, value)| *value).collect::<Vec<_>>().join("\n").into_bytes()
}

fn headers(pairs: &[(&str, &str)]) -> Vec<u8> {
    pairs.iter().map(|(name, value)| format!("{name}: {value}\n")).collect::<String>().into_bytes()
}

fn of_case(file: &str, case: &Value, seed: &mut dyn FnMut(&'static str, Vec<u8>)) {
    if case["op"] == "inject" {
        if let Some(context) = context(&case["context"]) {
            seed("inject_roundtrip", context);
        }
    }
    let received = if case["headers"].is_array() { &case["headers"] } else { &case["expect_headers"] };
    let pairs = pairs(received);
    if pairs.is_empty() {
        return;
    }
    let with = |settings: &[u8], lines: Vec<u8>| [settings, &lines].concat();
    let format = match file {
        "w3c-tracecontext" => {
            seed("traceparent_parse", lines(&pairs, "traceparent"));
            seed("differential_w3c", headers(&pairs));
            let states = lines(&pairs, "tracestate");
            if !states.is_empty() {
                seed("tracestate_parse", with(b"\0\0", states));
            }
            return;
        }
        "w3c-baggage" => {
            let lines = lines(&pairs, "baggage");
            let first = lines.split(|&b| b == b'\n').next().unwrap_or_default();
            seed("baggage_edit", [first, b"\nsuserId\nAm\xc3\xa9lie\nrb\npk\nv w\np;q=1\n."].concat());
            seed("differential_baggage", [&headers(&pairs)[..], b"user\tAm\xc3\xa9lie 100%\n"].concat());
            seed("baggage_parse", with(b"\0\0", lines));
            return;
        }
        "datadog" => {
            seed("datadog_parse", headers(&pairs));
            0
        }
        "sw8" => {
            seed("sw8_parse", headers(&pairs));
            1
        }
        "b3-single" | "b3-multi" => {
            seed("b3_parse", headers(&pairs));
            seed("differential_b3", headers(&pairs));
            if file == "b3-single" { 2 } else { 3 }
        }
        "jaeger" => {
            seed("jaeger_parse", headers(&pairs));
            4
        }
        "sentry" => return seed("sentry_parse", headers(&pairs)),
        "cloudtrace" => return seed("cloudtrace_parse", headers(&pairs)),
        "xray" => return seed("xray_parse", headers(&pairs)),
        "legacy-uuid" => {
            let name = case["header"].as_str().expect("a configured header");
            seed("correlation_parse", with(b"\0", lines(&pairs, name)));
            5
        }
        "newrelic" => return seed("newrelic_parse", headers(&pairs)),
        "ottrace" => return seed("ottrace_parse", headers(&pairs)),
        "instana" => return seed("instana_parse", headers(&pairs)),
        "grpc-trace-bin" => return seed("grpc-trace-bin_parse", headers(&pairs)),
        "elastic" => return seed("elastic_parse", headers(&pairs)),
        "composite" => return seed("composite_extract", with(b"\0\0\0\0", headers(&pairs))),
        _ => return,
    };
    seed("bridge_roundtrip", with(&[format, 0], headers(&pairs)));
}

/// Returns a context as `inject_roundtrip` reads it: all formats, then numbers, then a line for each text.
fn context(context: &Value) -> Option<Vec<u8>> {
    let hex = |name: &str| -> Option<Vec<u8>> {
        let digits = context[name].as_str()?;
        (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok()).collect()
    };
    let decisions = ["sampled", "not-sampled", "debug", "deferred"];
    let sampling = decisions.iter().position(|word| context["sampling"] == *word).unwrap_or(0);
    let sw8 = &context["sw8"];
    let datadog = context["tags"].is_object() || context["origin"].is_string();
    let settings = sampling as u8
        | if context["flags"] == "03" { 4 } else { 0 }
        | if datadog { 0x10 } else { 0 }
        | if context["priority"].is_number() { 0x20 } else { 0 }
        | if sw8.is_object() { 0x40 } else { 0 };
    let mut data = vec![0, 0, settings];
    data.extend(hex("trace_id").filter(|id| id.len() == 16)?);
    data.extend(hex("parent_id").filter(|id| id.len() == 8)?);
    data.extend((context["priority"].as_i64().unwrap_or(0) as i32).to_be_bytes());
    data.push(context["flags"].as_u64().unwrap_or(0) as u8);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let joined = |list: Vec<(&str, &str)>, between: &str, after: &str| {
        list.iter().map(|(key, value)| format!("{key}{between}{value}")).collect::<Vec<_>>().join(after)
    };
    let tags = context["tags"].as_object().into_iter().flatten();
    let tags = tags.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default())).collect();
    let names = ["trace_id", "segment_id", "service", "instance", "endpoint", "peer"];
    let state = if context["tracestate"].is_array() { &context["tracestate"] } else { &context["vendor_tracestate"] };
    let texts = [
        text(&context["origin"]),
        text(&context["last_parent_id"]),
        joined(tags, "\t", "\t"),
        joined(pairs(state), "=", ","),
    ];
    let more = [
        String::from("tenant=acme,user=%C3%A9;p"),
        joined(pairs(&context["baggage"]), "\t", "\t"),
        text(&context["raw"]),
    ];
    let lines = texts.into_iter().chain(more).chain(names.map(|name| text(&sw8[name])));
    for line in lines.chain([joined(pairs(&context["correlation"]), "\t", "\t")]) {
        data.extend(line.replace('\n', " ").into_bytes());
        data.push(b'\n');
    }
    Some(data)
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Adds requests that no vector has: those that reach a cap, those that exceed it, and all formats at once.
fn more(seed: &mut dyn FnMut(&'static str, &str, Vec<u8>)) {
    let many = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>().into_bytes();
    let prefixed = |settings: &[u8], lines: Vec<u8>| [settings, &lines].concat();
    for (name, count) in [("lines-64", 64), ("lines-65", 65)] {
        seed(
            "tracestate_parse",
            name,
            prefixed(b"\0\0", many(count, &|i| if i < 32 { format!("k{i}=1\n") } else { "\n".into() })),
        );
        seed("baggage_parse", name, prefixed(b"\0\0", many(count, &|i| format!("k{i}=1\n"))));
        seed("jaeger_parse", name, many(count, &|i| format!("uberctx-k{i}: v\n")));
        let ids = "ot-tracer-traceid: 7\not-tracer-spanid: 8\n";
        let items = many(count, &|i| format!("ot-baggage-k{i}: v\n"));
        seed("ottrace_parse", name, prefixed(ids.as_bytes(), items));
        seed("sw8_parse", name, many(count, &|_| "sw8: 1-YQ==-Yg==-0----\n".into()));
        seed(
            "correlation_parse",
            name,
            prefixed(b"\0", many(count, &|i| if i + 1 < count { "\n".into() } else { format!("{TRACE}\n") })),
        );
        let all = many(count, &|i| format!("tracestate: k=1\nbaggage: k{i}=1\nb3: 0\nx-datadog-tags: _dd.p.k=1\n"));
        seed("composite_extract", name, prefixed(b"\0\0\0\0", all));
    }
    let tags = b"x-datadog-trace-id: 77\nx-datadog-parent-id: 1\nx-datadog-tags: _dd.p.upstream:services=a,_dd.p.b=c\n";
    seed("bridge_roundtrip", "dd-spelt-like-another", prefixed(b"\0\x03", tags.to_vec()));
    for (name, state, sw8) in [("all-agree", "tp=1;0e0e4736;d", TRACE), ("all-differ", "dd=s:2;o:rum", "ticket-1")] {
        let parent =
            format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\ntracestate: rojo=1,{state}\nbaggage: a=1;p,b=%20\n");
        let b3 = format!("b3: {sw8}-00f067aa0ba902b7-d\nX-B3-TraceId: {TRACE}\nX-B3-SpanId: 00f067aa0ba902b7\n");
        let datadog = "x-datadog-trace-id: 11803532876627986230\nx-datadog-parent-id: 67667974448284343\n";
        let tags = "x-datadog-sampling-priority: 1\nx-datadog-tags: _dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-4\n";
        let jaeger = format!("uber-trace-id: {TRACE}:f067aa0ba902b7:0:b\nuberctx-a: 1\njaeger-baggage: b=2\n");
        let trace = if sw8 == TRACE { "NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=" } else { "dGlja2V0LTE=" };
        let sw8 = format!("sw8: 1-{trace}-c2VnbWVudA==-3-c2hvcA==-c2hvcC0x-L2NhcnQ=-Y2FydDo4MA==\nsw8-x: 1-\n");
        let pairs = "sw8-correlation: YQ==:MQ==\nX-Request-Id: {4BF92F35-77B3-4DA6-A3CE-929D0E0E4736}\n";
        let all = [&parent, &b3, datadog, tags, &jaeger, &sw8, pairs].concat();
        seed("composite_extract", name, prefixed(b"\0\0\0\0", all.into_bytes()));
    }
    // A decision that is open, and what each format has to say to that.
    for (name, second) in [
        ("deferred-jaeger", format!("uber-trace-id: {TRACE}:f067aa0ba902b7:0:0")),
        ("deferred-sw8", "sw8: 1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-YQ==-0----".to_owned()),
        ("deferred-w3c", format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-00\ntracestate: dd=s:-1")),
    ] {
        let request = format!("b3: {TRACE}-00f067aa0ba902b7\n{second}\n");
        // B3 first, then Datadog, Jaeger, sw8, the ids, and W3C last.
        seed("composite_extract", name, prefixed(b"\x01\0\0\0", request.into_bytes()));
    }
    for (name, count) in [("members-32", 32), ("members-33", 33)] {
        seed("tracestate_parse", name, prefixed(b"\0\x01own=1\n", many(count, &|i| format!("k{i}=1,"))));
    }
    seed("tracestate_parse", "twice", prefixed(b"\0\0", many(32, &|i| format!("k{}=1\n", i % 3))));
    seed("tracestate_parse", "budget", prefixed(b"\x20\0", many(3, &|i| format!("k{i}={},", "v".repeat(100 * i)))));
    for (name, count) in [("members-64", 64), ("members-65", 65)] {
        seed("baggage_parse", name, prefixed(b"\0\0", many(count, &|i| format!("k{i}=1,"))));
        seed("jaeger_parse", name, prefixed(b"jaeger-baggage: ", many(count, &|i| format!("k{i}=1,"))));
    }
    for (name, bytes) in [("bytes-8192", 8192), ("bytes-8193", 8193)] {
        let list = format!("a=1,b={}", "v".repeat(bytes - 6));
        seed("baggage_parse", name, prefixed(b"\0\0", list.clone().into_bytes()));
        seed("jaeger_parse", name, prefixed(b"jaeger-baggage: ", list.into_bytes()));
    }
    let member = "s:2;o:rum;p:00f067aa0ba902b7;t.dm:-4;t.usr.id:bWU~~;t.a: ;z:9";
    seed("datadog_parse", "member", member.into());
    for (name, bytes) in [("tags-512", 512), ("tags-513", 513)] {
        let tags = format!("x-datadog-trace-id: 1\nx-datadog-tags: _dd.p.a={}", "v".repeat(bytes - 8));
        seed("datadog_parse", name, tags.into_bytes());
    }
    for (name, bytes) in [("value-2048", 2048), ("value-2052", 2052)] {
        let value = format!("sw8: 1-YQ==-Yg==-0----{}", "A".repeat(bytes - 17));
        seed("sw8_parse", name, value.into_bytes());
    }
}

/// Adds what OpenTelemetry reads differently, by the name of the target: one for each known difference.
fn differences(seed: &mut dyn FnMut(&'static str, &str, Vec<u8>)) {
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let later = parent.replacen("00", "cc", 1);
    for (name, parent) in [
        ("several", format!("{parent}\ntraceparent: {parent}")),
        ("joined", format!("{later}-,{parent}")),
        ("short", "00-1-2-01".to_owned()),
        ("sign", parent.replacen("-4b", "-+b", 1)),
        ("capitals", parent.replacen("00", "A0", 1)),
        ("dash", format!("{parent}-")),
        ("not-ascii", format!("{later}-\u{e9}")),
    ] {
        seed("differential_w3c", name, format!("traceparent: {parent}\n").into_bytes());
    }
    let many = |count: usize| (0..count).map(|i| format!("k{i}=1,")).collect::<String>();
    for (name, state) in [
        ("value-empty", "a=".to_owned()),
        ("value-equals", "a==b".to_owned()),
        ("value-tab", "a=b\tc".to_owned()),
        ("key-empty", "=a".to_owned()),
        ("key-at", "a@b@c=1,abc@abcdefghijklmno=2".to_owned()),
        ("members-33", many(33)),
        ("members-32-empty", format!(",{}", many(32))),
        ("lines-2", "a=1,b=2\ntracestate: b=3,\t c= 4".to_owned()),
    ] {
        seed("differential_w3c", name, format!("traceparent: {parent}\ntracestate: {state}\n").into_bytes());
    }
    let (trace, span) = (format!("X-B3-TraceId: {TRACE}"), "X-B3-SpanId: 00f067aa0ba902b7");
    for (name, lines) in [
        ("joined", format!("b3: {TRACE}-00f067aa0ba902b7-1, 0")),
        ("dash", format!("b3: {TRACE}-00f067aa0ba902b7-1-")),
        ("false", format!("b3: {TRACE}-00f067aa0ba902b7-false")),
        ("parent-third", format!("b3: {TRACE}-00f067aa0ba902b7-05e3ac9a4f6e3b90")),
        ("decision-alone", format!("b3: 0\n{trace}\n{span}")),
        ("sign", format!("b3: {TRACE}-+0f067aa0ba902b7-1")),
        ("short", format!("{trace}\nX-B3-SpanId: f067aa0ba902b7\nX-B3-Sampled: 1")),
        ("spelt-out", format!("{trace}\n{span}\nX-B3-Sampled: true")),
        ("flags-0", format!("{trace}\n{span}\nX-B3-Sampled: 1\nX-B3-Flags: 0")),
    ] {
        seed("differential_b3", name, format!("{lines}\n").into_bytes());
    }
    let octets = ["a=b c", "a=\"b\"", "a=b\\c", "a=b\tc"];
    let properties = ["a=1;b c", "a=1;b=\"c\"", "a=1;=b", "a=1;b=%20", "a=1; b = c ;;d"];
    let more = ["%61=b", "a=b=c", "a=%FF", "a=%20b%20", "a=%C2%A0", "a=1,a=2;p", "a=%", "a=", "=a"];
    for (place, member) in octets.iter().chain(&properties).chain(&more).enumerate() {
        seed("differential_baggage", &format!("member-{place}"), format!("baggage: {member},z=1\n").into_bytes());
    }
    let texts = "k\t100%\nk\t%41\nk\ta\\b\nk%\tv\nk\t v \nk\t\nk z\tv\nk\ta=b,c;d\"\u{e9}\u{7f}\n";
    seed("differential_baggage", "texts", texts.into());
    // Six characters each, once they are encoded.
    seed("differential_baggage", "text-too-long", format!("k\t{}\n", "\u{e9}".repeat(1400)).into_bytes());
    for (name, count) in [("members-64", 64), ("members-65", 65)] {
        seed("differential_baggage", name, format!("baggage: {}\n", many(count)).into_bytes());
    }
}

/// Returns a request with these lines.
fn get(lines: &[u8]) -> Vec<u8> {
    let mut request = b"GET /cart HTTP/1.1\r\nhost: shop\r\n".to_vec();
    for line in lines.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
        request.extend([line, b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    request
}

/// Adds connections: several requests, requests with an unusual answer, and bytes that are not a request. The first
/// byte holds the settings.
fn connections(seed: &mut dyn FnMut(&str, Vec<u8>)) {
    let b3 = format!("b3: {TRACE}-00f067aa0ba902b7-d\r\n");
    let strangers: String = (0..40).map(|i| format!("x-{i}: 1\r\n")).collect();
    let w3c = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n");
    let request = |line: &str, more: &str| format!("{line}\r\nhost: shop\r\n{b3}{more}\r\n");
    let two = [request("GET / HTTP/1.1", ""), request("GET / HTTP/1.1", "baggage: a=1\r\nconnection: close\r\n")];
    let chunks = request("PUT / HTTP/1.1", "transfer-encoding: chunked\r\n") + "3\r\nabc\r\n0\r\nb3: 0\r\n\r\n";
    let expects = request("POST / HTTP/1.1", "content-length: 3\r\nexpect: 100-continue\r\n") + "abc";
    let texts = [
        ("two", 0x18, two.concat()),
        ("two-torn", 0x38, two.concat()),
        ("many-and-two", 0x18, request("GET / HTTP/1.1", &format!("{strangers}{w3c}{w3c}"))),
        ("passthrough-lines", 0x1c, request("GET / HTTP/1.1", &format!("{w3c}tracestate: a=1\r\ntracestate: b=2\r\n"))),
        ("passthrough", 0x1c, request("GET / HTTP/1.1", "X-Request-Id: {a b}\r\nuberctx-a: %20\r\n")),
        ("restart", 0x19, request("GET / HTTP/1.1", "baggage: a=1\r\nx-request-id: ticket-1\r\n")),
        ("head", 0x08, request("HEAD / HTTP/1.1", "").repeat(2)),
        ("options", 0x08, request("OPTIONS * HTTP/1.1", "").repeat(2)),
        ("connect", 0x08, request("CONNECT shop:443 HTTP/1.1", "") + &two[0]),
        ("old", 0x08, request("GET / HTTP/1.0", "connection: keep-alive\r\n") + &request("GET / HTTP/1.0", "")),
        ("chunks", 0x48, chunks + &two[0]),
        ("expects", 0x08, expects + &two[1]),
        ("upgrade", 0x08, request("GET / HTTP/1.1", "connection: upgrade\r\nupgrade: h2c\r\n") + &two[0]),
        ("folded", 0x08, request("GET / HTTP/1.1", "baggage: a=1,\r\n b=2\r\n")),
        ("two-hosts", 0x08, request("GET http://shop/ HTTP/1.1", "host: other\r\ncontent-length: 1, 1\r\n")),
        ("cut-off", 0x68, format!("{}GET / HTTP/1.1\r\nb3: ", two[0])),
        ("no-request", 0x08, format!("{}\u{16}\u{3}\u{1}", two[0])),
    ];
    for (name, settings, text) in texts {
        seed(name, [&[settings], text.as_bytes()].concat());
    }
    let bytes = [get(b"traceparent: 00-\xff\nbaggage: a=\xe9,b=1\nx-other: \xc3\xa9\n"), two[1].clone().into_bytes()];
    seed("not-ascii", [b"\x18", &bytes.concat()[..]].concat());
    for (name, count) in [("headers-199", 199), ("headers-200", 200)] {
        let lines: String = (0..count).map(|i| format!("uberctx-k{}: {}\n", i % 70, "v".repeat(i % 40))).collect();
        seed(name, [b"\x18", &get(lines.as_bytes())[..]].concat());
    }
}

fn write(folder: &Path, files: Seeds) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).expect("a folder for the seeds");
    let mut known: Vec<&[u8]> = Vec::new();
    for (name, data) in &files {
        if !known.contains(&data.as_slice()) {
            known.push(data);
            fs::write(folder.join(name), data).expect("a seed");
        }
    }
}
