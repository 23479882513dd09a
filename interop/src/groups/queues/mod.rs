//! Message queues and a database: one trace from a request through two messages to a statement.

mod chain;
mod nats;
mod postgres;
mod queue;
mod rabbitmq;
mod redis;

use std::path::Path;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::timeout;
use traceprop_core::formats::tracecontext::SqlStatement;
use traceprop_core::{IdGenerator, InjectOptions, OwnedContext, RandomIds, Sampling, SpanContext, SpanId, presets};

use self::chain::{Understood, Way};
use self::postgres::Database;
use self::queue::{Program, Queue};
use super::Group;
use crate::Error;
use crate::cell::Place;
use crate::hops;
use crate::run::Run;
use crate::servers::{self, Server, free_port};

/// The formats that messages carry. Clients of queues keep the case of names, which differ between formats.
const CONFIGS: [(&str, &str); 6] = [
    ("w3c", "tracecontext,baggage"),
    ("b3", "b3"),
    ("b3multi", "b3multi"),
    ("datadog", "datadog"),
    ("jaeger", "jaeger"),
    ("sw8", "sw8"),
];

const FIRST: &str = "request to worker";
const SECOND: &str = "worker to worker";
const STATEMENT: &str = "worker to database";

/// Long enough for every way, and short enough to notice one that does not end.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Queues;

type Start = fn(&Run, &Path, u16) -> Result<Vec<Server>, Error>;

impl Group for Queues {
    fn name(&self) -> &'static str {
        "queues"
    }

    fn title(&self) -> &'static str {
        "Queues and a database"
    }

    fn members(&self) -> Vec<&str> {
        [nats::PROGRAM, rabbitmq::PROGRAM, redis::PROGRAM, postgres::PROGRAM].map(|program| program.name).to_vec()
    }

    fn is_quick(&self, member: &str) -> bool {
        [nats::PROGRAM.name, postgres::PROGRAM.name].contains(&member)
    }

    fn run(&self, run: &mut Run) -> Result<(), Error> {
        let runtime = Runtime::new()?;
        let mut bench = Bench { group: self, runtime, database: None };
        bench.start_database(run)?;
        bench.queue::<nats::Nats>(run, nats::PROGRAM, nats::start)?;
        bench.queue::<rabbitmq::RabbitMq>(run, rabbitmq::PROGRAM, rabbitmq::start)?;
        bench.queue::<redis::Streams>(run, redis::PROGRAM, redis::start)?;
        bench.statements(run);
        Ok(())
    }
}

struct Bench<'g> {
    group: &'g Queues,
    runtime: Runtime,
    database: Option<Database>,
}

impl Bench<'_> {
    fn start_database(&mut self, run: &mut Run) -> Result<(), Error> {
        let Some((path, version)) = self.find(run, postgres::PROGRAM) else { return Ok(()) };
        let port = free_port()?;
        let database = postgres::start(run, &path, port);
        let database = database.and_then(|server| self.within_limit(Database::connect(server, port, version.clone())));
        match database {
            Ok(database) => self.database = Some(database),
            Err(error) => {
                let place = place(postgres::PROGRAM.name, &version, "sql-comment", STATEMENT, "all", "start");
                run.check(place, Err(error.to_string()));
            }
        }
        Ok(())
    }

    fn within_limit<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let result = self.runtime.block_on(async { timeout(LIMIT, work).await });
        result.unwrap_or_else(|_| Err(format!("no result within {LIMIT:?}").into()))
    }

    /// Returns the path and the version of a selected server.
    fn find(&self, run: &mut Run, program: Program) -> Option<(std::path::PathBuf, String)> {
        if !run.options.selects(self.group, program.name) {
            return None;
        }
        let path = servers::debian(run, program.program, program.package)?;
        let version = match program.version {
            "" => servers::version_of_package(program.package),
            argument => servers::version_of(&path, argument),
        };
        Some((path, version))
    }

    fn queue<Q: Queue>(&self, run: &mut Run, program: Program, start: Start) -> Result<(), Error> {
        let Some((path, version)) = self.find(run, program) else { return Ok(()) };
        println!("{} {version}", program.name);
        let port = free_port()?;
        let servers = match start(run, &path, port) {
            Ok(servers) => servers,
            Err(error) => {
                run.check(place(program.name, &version, "all", FIRST, "all", "start"), Err(error.to_string()));
                return Ok(());
            }
        };
        for (config, list) in CONFIGS {
            for (case, sampling) in [("sampled", Sampling::Sampled), ("not-sampled", Sampling::NotSampled)] {
                let place = |direction, thing: &str| place(program.name, &version, config, direction, case, thing);
                let propagator = hops::propagator(list)?;
                let way = self.within_limit(chain::go::<Q>(port, &propagator, sampling));
                let way = match way {
                    Ok(way) => way,
                    Err(error) => {
                        run.check(place(FIRST, "way"), Err(error.to_string()));
                        continue;
                    }
                };
                for (index, direction) in [FIRST, SECOND].into_iter().enumerate() {
                    for (thing, result) in compare(&way, index, sampling, list) {
                        run.check(place(direction, thing), result);
                    }
                }
                if let Some(database) = &self.database {
                    let case = format!("{} {config} {case}", program.name);
                    let sql = "SELECT 'order', 7";
                    self.statement(run, database, &case, sql, "SELECT 'order', 7 {comment}", &way.last);
                }
            }
        }
        drop(servers);
        Ok(())
    }

    /// Statements that a comment fits into in different ways.
    fn statements(&self, run: &mut Run) {
        let Some(database) = &self.database else { return };
        println!("{} {}", postgres::PROGRAM.name, database.version);
        let context = OwnedContext::new(SpanContext::root(&RandomIds).with_sampling(Sampling::Sampled));
        for (case, sql, logged) in [
            ("plain", "SELECT 1", "SELECT 1 {comment}"),
            ("semicolon", "SELECT 2 ;", "SELECT 2 {comment} ;"),
            ("own-comment", "SELECT 3 /* three */", "SELECT 3 /* three */"),
            ("literal", "SELECT '--', 4", "SELECT '--', 4"),
            ("dollar-quotes", "DO $$ BEGIN PERFORM 5; END $$;", "DO $$ BEGIN PERFORM 5; END $$ {comment};"),
        ] {
            self.statement(run, database, case, sql, logged, &context);
        }
    }

    /// Executes a statement in a span of its own, and looks where the server names it.
    fn statement(
        &self,
        run: &mut Run,
        database: &Database,
        case: &str,
        sql: &str,
        logged: &str,
        context: &OwnedContext,
    ) {
        let place = |thing| place(postgres::PROGRAM.name, &database.version, "sql-comment", STATEMENT, case, thing);
        let span = RandomIds.new_span_id();
        let expected = context.trace_id().zip(context.child(span)).map(|(trace_id, child)| {
            let flags = if child.sampling().decision() == Some(true) { "01" } else { "00" };
            let comment = format!("/*traceparent='00-{trace_id}-{span}-{flags}'*/");
            (logged.replace("{comment}", &comment), child)
        });
        let Some((expected, child)) = expected else { return run.check(place("context"), Err("no trace".to_owned())) };
        let mut statement = SqlStatement::new(sql);
        presets::W3C.propagator().inject(&child, &InjectOptions::new(), &mut statement);
        let activity = self.within_limit(async {
            database.execute(&statement.to_string()).await?;
            database.last_activity().await
        });
        let activity = activity.map_err(|error| error.to_string()).and_then(|activity| equal(&expected, &activity));
        run.check(place("pg_stat_activity"), activity);
        let is_logged = database.has_logged(&expected).map_err(|error| error.to_string());
        run.check(place("log"), is_logged.and_then(|is| if is { Ok(()) } else { Err(format!("no {expected}")) }));
    }
}

fn place(peer: &str, version: &str, config: &str, direction: &'static str, case: &str, thing: &str) -> Place {
    let [group, peer, version, config, case, thing] = ["queues", peer, version, config, case, thing].map(str::to_owned);
    Place { group, peer, version, config, direction, case, thing }
}

/// Compares what a consumer understood with what was sent.
fn compare(way: &Way, index: usize, sampling: Sampling, list: &str) -> Vec<(&'static str, Result<(), String>)> {
    let Understood { trace_id, parent_id, sampled, tenant, repeated } = &way.consumers[index];
    let text = |id: &Option<SpanId>| id.map(|id| id.to_string());
    let mut cells = vec![
        ("trace_id", equal(&Some(way.trace_id), trace_id)),
        ("parent_id", equal(&Some(way.senders[index].to_string()), &text(parent_id))),
        ("sampled", equal(&sampling.decision(), sampled)),
        ("one-line-a-name", equal(&Vec::<String>::new(), repeated)),
    ];
    if list.contains("baggage") {
        cells.push(("baggage", equal(&Some("acme & co".to_owned()), tenant)));
    }
    cells
}

fn equal<T: PartialEq + std::fmt::Debug>(expected: &T, got: &T) -> Result<(), String> {
    if expected == got { Ok(()) } else { Err(format!("{got:?} instead of {expected:?}")) }
}
