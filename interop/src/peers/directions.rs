//! Who writes and who reads: peer to ours, ours to peer, and round trips.

use serde_json::{Value, json};
use traceprop_core::Sampling;

use super::cases::{CASES, Case, KEEP, SPAN_ID};
use super::compare::{self, THINGS};
use super::ours::{self, Span};
use super::plan::{Config, Peer};
use super::process::{Answer, Headers, Process, headers_of};
use crate::cell::Place;
use crate::run::Run;

const FROM_PEER: &str = "peer to ours";
const TO_PEER: &str = "ours to peer";
const THROUGH: &str = "through peer";
const ROUND_TRIP: &str = "round trip";

const W3C: &str = "tracecontext,baggage";

/// The number of traces in which a zero in front of an id is certain.
const OFTEN: u32 = 500;

/// The other ends of round trips, started when they are first needed.
#[derive(Debug)]
pub(super) struct Partners {
    all: Vec<(Peer, Config, Option<Process>)>,
}

impl Partners {
    pub(super) fn new(all: Vec<(Peer, Config)>) -> Self {
        Self { all: all.into_iter().map(|(peer, config)| (peer, config, None)).collect() }
    }
}

/// The cells of one configuration.
struct Bench<'r> {
    run: &'r mut Run,
    peer: &'r Peer,
    config: &'r Config,
    version: String,
}

/// Runs one configuration of a peer in all directions.
pub(super) fn run(run: &mut Run, peer: &Peer, config: &Config, partners: &mut Partners) {
    let mut process = match Process::start(&run.folder, peer, config) {
        Ok(process) => process,
        Err(error) => {
            let mut bench = Bench { run, peer, config, version: String::new() };
            bench.add(FROM_PEER, "start", "start", Err(error));
            return;
        }
    };
    let version = process.version.clone();
    println!("{} {version}, {}", peer.name, config.name);
    let mut bench = Bench { run, peer, config, version };
    if config.has("out") {
        bench.peer_writes(&mut process);
        let result = bench.peer_writes_often(&mut process);
        bench.add(FROM_PEER, "often", "ids", result);
    }
    if config.has("in") {
        bench.peer_reads(&mut process);
    }
    if config.has("out") && config.has("in") {
        bench.peer_continues(&mut process);
        for partner in &mut partners.all {
            bench.round_trip(&mut process, partner);
        }
    }
}

impl Bench<'_> {
    fn add(&mut self, direction: &'static str, case: &str, thing: &str, result: Result<(), String>) {
        let place = Place {
            group: self.peer.language.clone(),
            peer: self.peer.name.clone(),
            version: self.version.clone(),
            config: self.config.name.clone(),
            direction,
            case: case.to_owned(),
            thing: thing.to_owned(),
        };
        self.run.check(place, result);
    }

    /// Compares what the reader says with what was sent. Things that were not sent are not compared.
    fn compare(
        &mut self,
        direction: &'static str,
        case: &str,
        sent: &Answer,
        read: Result<Answer, String>,
        things: &[&str],
    ) {
        let read = match read {
            Ok(read) => read,
            Err(error) => return self.add(direction, case, "read", Err(error)),
        };
        for thing in things.iter().filter(|thing| sent.contains_key(**thing)) {
            self.add(direction, case, thing, compare::thing(thing, sent, &read, self.config.trace_id_bits));
        }
    }

    /// The peer starts a trace and calls us.
    fn peer_writes(&mut self, process: &mut Process) {
        for (case, sampled) in [("sampled", true), ("not-sampled", false)] {
            if !self.config.can(case) {
                continue;
            }
            let (request, baggage) = self.inject_request(sampled);
            let answer = match process.ask(&request).and_then(|answer| Ok((headers_of(&answer)?, answer))) {
                Ok(answer) => answer,
                Err(error) => {
                    self.add(FROM_PEER, case, "write", Err(error));
                    continue;
                }
            };
            let (headers, mut sent) = answer;
            compare::map_segment(&mut sent);
            sent.insert("sampled".into(), sampled.into());
            if let Some(baggage) = baggage {
                sent.insert("baggage".into(), baggage);
            }
            // The formats that the peer writes, and all: the result is the same.
            for (suffix, formats) in [("", self.config.writes()), ("-all", "all")] {
                let read = ours::read(&headers, formats);
                self.compare(FROM_PEER, &format!("{case}{suffix}"), &sent, read, &THINGS);
            }
        }
    }

    /// Ids are random, and some writers lose the zeros in front of them: with so many traces none of these is by chance.
    fn peer_writes_often(&mut self, process: &mut Process) -> Result<(), String> {
        for _ in 0..OFTEN {
            let (request, _) = self.inject_request(true);
            let mut sent = process.ask(&request)?;
            compare::map_segment(&mut sent);
            let headers = headers_of(&sent)?;
            let read = ours::read(&headers, self.config.writes())?;
            for id in ["trace_id", "span_id"] {
                let result = compare::thing(id, &sent, &read, self.config.trace_id_bits);
                result.map_err(|error| format!("{id}: {error} in {headers:?}"))?;
            }
        }
        Ok(())
    }

    fn inject_request(&self, sampled: bool) -> (Value, Option<Value>) {
        let carries = |name: &&str| matches!(*name, "baggage" | "jaeger" | "ottrace" | "sw8");
        let has_baggage = self.config.can("baggage") && self.config.writes().split(',').any(|name| carries(&name));
        let baggage = has_baggage.then(|| json!({ "tenant": "acme", "user": "alice" }));
        let mut request = json!({ "do": "inject", "sampled": sampled });
        if let (Some(request), Some(baggage)) = (request.as_object_mut(), &baggage) {
            request.insert("baggage".into(), baggage.clone());
        }
        (request, baggage)
    }

    /// We call the peer: with a span, and as a gateway that forwards what it received.
    fn peer_reads(&mut self, process: &mut Process) {
        let formats = self.config.reads().to_owned();
        for case in CASES.iter().filter(|case| case.applies(&formats, self.config) && self.config.can(case.name)) {
            let sent = self.sent(&case.span, &formats);
            let headers = ours::write_span(&case.span, &formats);
            self.ask(process, case.name, &sent, headers);
        }
        for (case, suffix) in
            [(CASES[0], ""), (KEEP, "-keep")].iter().filter(|(case, _)| case.applies(&formats, self.config))
        {
            // The same format on both sides, and W3C on the other one.
            let mut sent = self.sent(&case.span, &formats);
            let own = ours::write_span(&case.span, &formats);
            let own = own.and_then(|request| ours::forward(&request, &formats, &formats));
            self.ask(process, &format!("passthrough{suffix}"), &sent, own);
            let crossed = ours::write_span(&case.span, W3C).and_then(|request| ours::forward(&request, W3C, &formats));
            if !formats.split(',').any(|name| name == "baggage") {
                sent.remove("baggage");
            }
            sent.remove("sampling_context");
            self.ask(process, &format!("passthrough-of-w3c{suffix}"), &sent, crossed);
        }
    }

    fn ask(&mut self, process: &mut Process, case: &str, sent: &Answer, headers: Result<Headers, String>) {
        let request = headers.map(|headers| json!({ "do": "extract", "headers": headers }));
        let read = request.and_then(|request| Ok((process.ask(&request)?, request)));
        let read = read.and_then(|(mut answer, request)| {
            compare::map_segment(&mut answer);
            let is_empty = answer.is_empty();
            if is_empty { Err(format!("nothing is read of {request}")) } else { Ok(answer) }
        });
        let things: Vec<_> = THINGS.into_iter().filter(|thing| self.config.tells(thing)).collect();
        self.compare(TO_PEER, case, sent, read, &things);
    }

    /// We call the peer, and the peer calls us: what it received is still there.
    fn peer_continues(&mut self, process: &mut Process) {
        let (reads, writes) = (self.config.reads().to_owned(), self.config.writes().to_owned());
        let known = |case: &&Case| {
            self.config.can(case.name) && [&reads, &writes].iter().all(|names| case.applies(names, self.config))
        };
        for case in CASES.iter().filter(known) {
            // A tracer decides what was left open.
            if case.span.sampling == Sampling::Deferred {
                continue;
            }
            let mut sent = self.sent(&case.span, &writes);
            if !self.config.can("baggage") {
                sent.remove("baggage");
            }
            let answer = ours::write_span(&case.span, &reads);
            let answer = answer.and_then(|headers| process.ask(&json!({ "do": "through", "headers": headers })));
            let read = answer.and_then(|mut answer| {
                compare::map_segment(&mut answer);
                let parent = answer.get("parent").and_then(Value::as_str);
                if parent.is_some_and(|parent| parent != SPAN_ID) {
                    return Err(format!("the child has the parent {parent:?}"));
                }
                sent.insert("span_id".into(), answer.get("span_id").cloned().unwrap_or_default());
                ours::read(&headers_of(&answer)?, &writes)
            });
            self.compare(THROUGH, case.name, &sent, read, &THINGS);
        }
    }

    /// What a reader has to say of a span of ours.
    fn sent(&self, span: &Span, formats: &str) -> Answer {
        let has = |names: &[&str]| formats.split(',').any(|name| names.contains(&name));
        let mut sent = Answer::new();
        sent.insert("trace_id".into(), span.trace_id.into());
        sent.insert("span_id".into(), span.span_id.into());
        sent.insert("sampled".into(), span.sampling.decision().into());
        if has(&["b3", "b3multi", "jaeger"]) {
            sent.insert("debug".into(), (span.sampling == Sampling::Debug).into());
        }
        if let Some(datadog) = span.datadog {
            sent.insert("priority".into(), datadog.priority.into());
            sent.insert("origin".into(), datadog.origin.into());
            sent.insert(
                "tags".into(),
                datadog.tags.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect(),
            );
        }
        if has(&["sentry"]) {
            let members = span.sampling_context.iter().map(|(key, value)| ((*key).to_owned(), json!(value)));
            sent.insert("sampling_context".into(), members.collect());
        }
        if has(&["baggage", "jaeger", "ottrace", "sw8"]) && !span.baggage.is_empty() {
            let items = span.baggage.iter().map(|(key, value)| ((*key).to_owned(), json!(value)));
            sent.insert("baggage".into(), items.collect());
        }
        sent
    }

    /// Peer, ours, another peer, ours, and back.
    fn round_trip(&mut self, process: &mut Process, partner: &mut (Peer, Config, Option<Process>)) {
        let (peer, config, other) = partner;
        let case = format!("{}/{}", peer.name, config.name);
        if other.is_none() {
            match Process::start(&self.run.folder, peer, config) {
                Ok(started) => *other = Some(started),
                Err(error) => return self.add(ROUND_TRIP, &case, "start", Err(error)),
            }
        }
        let Some(other) = other else { return };
        match self.go_around(process, &peer.name, config, other) {
            Ok((sent, read)) => self.compare(ROUND_TRIP, &case, &sent, Ok(read), &THINGS),
            Err(error) => self.add(ROUND_TRIP, &case, "way", Err(error)),
        }
    }

    /// Keeps the requests of a round trip, as header lines that the program `explain` reads.
    fn capture(&self, far: &str, hops: &[(&str, Headers)]) -> Result<(), String> {
        let mut text = String::new();
        for (sender, headers) in hops {
            text += &format!("# {sender}\n");
            text.extend(headers.iter().map(|(name, value)| format!("{name}: {value}\n")));
        }
        let file = format!("{}-{}-{far}.txt", self.peer.name, self.config.name);
        std::fs::write(self.run.cache().join("captures").join(file), text).map_err(|error| error.to_string())
    }

    fn go_around(
        &mut self,
        process: &mut Process,
        far_name: &str,
        far: &Config,
        other: &mut Process,
    ) -> Result<(Answer, Answer), String> {
        let near = self.config;
        let (request, baggage) = self.inject_request(true);
        let mut sent = process.ask(&request)?;
        compare::map_segment(&mut sent);
        let mut hops = vec![(self.peer.name.as_str(), headers_of(&sent)?)];
        hops.push(("traceprop", ours::call(&hops[0].1, near.writes(), far.reads())?.1));
        let there = other.ask(&json!({ "do": "through", "headers": hops[1].1 }))?;
        hops.push((far_name, headers_of(&there)?));
        let (span, headers) = ours::call(&hops[2].1, far.writes(), near.reads())?;
        let mut read = process.ask(&json!({ "do": "extract", "headers": headers }))?;
        hops.push(("traceprop", headers));
        self.capture(far_name, &hops)?;
        compare::map_segment(&mut read);
        // The last span is ours, the rest is the peer's own.
        sent.insert("span_id".into(), span.into());
        sent.remove("sampled");
        if near.tells("sampled") {
            sent.insert("sampled".into(), true.into());
        }
        // What the formats of the other peer cannot hold is lost on the way.
        let carries = |names: &[&str]| {
            let lists = [near.writes(), near.reads(), far.reads(), far.writes()];
            lists.iter().all(|list| list.split(',').any(|one| names.contains(&one)))
        };
        sent.remove("baggage");
        if let Some(baggage) = baggage.filter(|_| carries(&["baggage"]) && near.tells("baggage")) {
            sent.insert("baggage".into(), baggage);
        }
        // Sentry's is a part of the baggage.
        if ![far.reads(), far.writes()].iter().all(|list| list.split(',').any(|one| one == "baggage")) {
            sent.remove("sampling_context");
        }
        if !carries(&["datadog", "tracecontext"]) {
            sent.retain(|thing, _| !matches!(thing.as_str(), "priority" | "origin" | "tags"));
        }
        Ok((sent, read))
    }
}
