//! Agents on pages in a headless Chromium. The page calls an API of another origin, as most applications do.

mod agents;
mod service;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use traceprop_core::{OwnedContext, Sampling};

use crate::Error;
use crate::cell::Place;
use crate::groups::Group;
use crate::run::Run;
use agents::{AGENTS, Agent, Document, Ids};
use service::{Seen, Services};

/// How long a page may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The group of all browser agents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Browsers;

impl Group for Browsers {
    fn name(&self) -> &str {
        "browsers"
    }

    fn title(&self) -> &str {
        "Browser agents in Chromium"
    }

    fn members(&self) -> Vec<&str> {
        let mut names: Vec<_> = AGENTS.iter().map(|agent| agent.name()).collect();
        names.dedup();
        names
    }

    fn is_quick(&self, _: &str) -> bool {
        false
    }

    fn run(&self, run: &mut Run) -> Result<(), Error> {
        let mut install = std::process::Command::new(run.folder.join("browsers/install"));
        if run.options.newest {
            install.arg("--newest");
        }
        let status = install.status()?;
        if !status.success() {
            let why = if status.code() == Some(3) { "no Chromium" } else { "their install script failed" };
            run.leave_out(format!("browsers: {why}"));
            return Ok(());
        }
        let explain = build_explain(&run.folder)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        for agent in AGENTS {
            if run.options.selects(self, agent.name()) {
                let seen = runtime.block_on(open(agent, &run.cache()))?;
                check(run, agent, &seen)?;
                check_har(run, agent, &seen, &explain)?;
            }
        }
        Ok(())
    }
}

/// Opens the page of an agent until it has reported.
async fn open(agent: Agent, cache: &Path) -> Result<Seen, Error> {
    let folder = cache.join("browsers");
    let bundle = std::fs::read_to_string(folder.join("bundles").join(agent.page).with_extension("js"))?;
    let services = Services::start(agent, bundle).await?;
    let log = std::fs::File::create(cache.join("logs").join(format!("browsers-{}-{}.log", agent.page, agent.config)))?;
    let mut chromium = Command::new("node")
        .arg(folder.join("open.js"))
        .arg(services.address())
        .arg(har(cache, agent))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    // Without a report the checks fail, and say so.
    let _ = tokio::time::timeout(LIMIT, services.reported()).await;
    drop(chromium.stdin.take());
    let _ = tokio::time::timeout(LIMIT, chromium.wait()).await;
    Ok(services.stop())
}

/// Where the browser writes what went over the wire.
fn har(cache: &Path, agent: Agent) -> PathBuf {
    cache.join("browsers/har").join(format!("{}-{}.har", agent.page, agent.config))
}

/// Makes the cells of one page.
fn check(run: &mut Run, agent: Agent, seen: &Seen) -> Result<(), Error> {
    let version = version(run, agent.package)?;
    let mut cell = |case: &str, thing: &str, result: Result<(), String>| {
        run.check(place(agent, version.clone(), case, thing), result);
    };
    let report = seen.report.as_ref().ok_or("no report in time").and_then(|report| match &report.error {
        Some(error) => Err(error.as_str()),
        None => Ok(report),
    });
    for way in ["fetch", "xhr"] {
        let status = report.map_err(str::to_owned).map(|report| report.calls.get(way).map_or("none", String::as_str));
        cell(way, "preflight", status.and_then(|status| same("200", status)));
        let path = format!("/{way}");
        let Some((_, headers, context)) = seen.calls.iter().find(|(called, ..)| *called == path) else {
            cell(way, "trace", Err("the call did not arrive".to_owned()));
            continue;
        };
        let ids = ids_of(agent.ids, context).ok_or_else(|| format!("no trace was continued from {:?}", names(headers)));
        cell(way, "trace", ids.and_then(|ids| ids.iter().try_for_each(|id| contains(&seen.collected, id))));
        cell(way, "decision", same("sampled", if context.sampling() == Sampling::Sampled { "sampled" } else { "not" }));
        if agent.links_calls {
            let span_id = context.span_id().map(|id| id.to_string()).unwrap_or_default();
            cell(way, "link", contains(&seen.collected, &span_id));
        }
        if agent.document == Document::Continued {
            let expected = seen.document.as_ref().and_then(OwnedContext::trace_id);
            cell(way, "document", same(&format!("{expected:?}"), &format!("{:?}", context.trace_id())));
        }
    }
    let document = seen.document.as_ref().and_then(|context| Some((context.trace_id()?, context.span_id()?)));
    let linked = match (agent.document, document) {
        (Document::SpanId, Some((_, span_id))) => contains(&seen.collected, &span_id.to_string()),
        (Document::TraceId, Some((trace_id, _))) => contains(&seen.collected, &trace_id.low().to_string()),
        (Document::Continued | Document::Not, _) => return Ok(()),
        (_, None) => Err("the document was not asked for".to_owned()),
    };
    cell("document", "link", linked);
    Ok(())
}

/// Builds the program that says where a trace breaks, and returns where it is.
fn build_explain(folder: &Path) -> Result<PathBuf, Error> {
    let status = std::process::Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "--locked",
            "-p",
            "traceprop-examples",
            "--bin",
            "explain",
            "--target-dir",
            "target",
        ])
        .current_dir(folder.join(".."))
        .status()?;
    if !status.success() {
        return Err("the program explain does not build".into());
    }
    Ok(folder.join("../target/debug/explain"))
}

/// The program `explain` reads the capture of the browser, and tells the traces that the API continued.
fn check_har(run: &mut Run, agent: Agent, seen: &Seen, explain: &Path) -> Result<(), Error> {
    let output = std::process::Command::new(explain).arg(har(&run.cache(), agent)).output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let calls = seen.calls.iter().filter_map(|(.., context)| context.trace_id());
    let result = if output.status.success() {
        calls.clone().try_for_each(|id| contains(&told, &format!("continued trace {id}")))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let result = if calls.count() == 0 { Err("no call has a trace".to_owned()) } else { result };
    run.check(place(agent, version(run, agent.package)?, "har", "explain"), result);
    Ok(())
}

/// The place of a cell.
fn place(agent: Agent, version: String, case: &str, thing: &str) -> Place {
    Place {
        group: "browsers".to_owned(),
        peer: agent.page.to_owned(),
        version,
        config: agent.config.to_owned(),
        direction: "page to ours",
        case: case.to_owned(),
        thing: thing.to_owned(),
    }
}

/// The ids of a call, as the agent spells them: the trace, and the span that is the parent of ours.
fn ids_of(ids: Ids, context: &OwnedContext) -> Option<[String; 2]> {
    let (trace_id, parent) = (context.trace_id()?, context.parent_id()?);
    Some(match ids {
        Ids::Hex => [trace_id.to_string(), parent.to_string()],
        Ids::Decimal => [trace_id.low().to_string(), parent.get().to_string()],
        Ids::XRay => {
            let hex = trace_id.to_string();
            [format!("1-{}-{}", &hex[..8], &hex[8..]), parent.to_string()]
        }
        Ids::Text => {
            let header = context.sw8()?.header;
            [header.trace_id().to_string(), header.segment_id().to_string()]
        }
    })
}

fn contains(collected: &str, id: &str) -> Result<(), String> {
    if !id.is_empty() && collected.contains(id) {
        return Ok(());
    }
    Err(format!("{id} is not in the {} bytes of it", collected.len()))
}

fn same(expected: &str, actual: &str) -> Result<(), String> {
    if expected == actual { Ok(()) } else { Err(format!("{actual} instead of {expected}")) }
}

fn names(headers: &axum::http::HeaderMap) -> Vec<&str> {
    headers.keys().map(axum::http::HeaderName::as_str).collect()
}

/// The version of an installed package.
fn version(run: &Run, package: &str) -> Result<String, Error> {
    let manifest = run.cache().join("browsers/node_modules").join(package).join("package.json");
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(manifest)?)?;
    Ok(manifest["version"].as_str().unwrap_or("unknown").to_owned())
}
