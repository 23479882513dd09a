//! A SQL statement: the query log of the database names the trace.
//!
//! Each query has a span of its own, and a comment after the statement holds it. A slow query then leads to its request.

#![allow(clippy::print_stdout, reason = "the example shows what it does")]

use traceprop_core::formats::tracecontext::SqlStatement;
use traceprop_core::{IdGenerator, InjectOptions, Propagator, RandomIds, SpanContext, presets};

/// The part of a database that matters here: it logs what it executes.
#[derive(Debug, Default)]
struct Database {
    log: Vec<String>,
}

impl Database {
    /// Executes a statement once. With sqlx this is `query(..).persistent(false)`, since a statement with a comment is
    /// never the same text again.
    fn execute(&mut self, statement: &str) {
        self.log.push(statement.to_owned());
    }
}

/// Executes a statement in a span of its own.
fn query(database: &mut Database, sql: &str, request: &SpanContext<'_>, propagator: &Propagator) {
    let span = request.child(RandomIds.new_span_id());
    let mut statement = SqlStatement::new(sql);
    // Text is not allowed, and the comment would not take any.
    propagator.inject(&span, &InjectOptions::new(), &mut statement);
    database.execute(&statement.to_string());
}

fn main() {
    let propagator = presets::W3C.propagator();
    let request = SpanContext::root(&RandomIds);
    let mut database = Database::default();
    query(&mut database, "SELECT title FROM songs WHERE id = 7;", &request, &propagator);
    // A statement with a comment is not changed.
    query(&mut database, "SELECT /*+ INDEX(songs) */ title FROM songs", &request, &propagator);
    println!("trace {}", request.trace_id());
    for line in &database.log {
        println!("{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_each_query_is_logged_with_a_span_of_the_trace() {
        let (propagator, request) = (presets::W3C.propagator(), SpanContext::root(&RandomIds));
        let mut database = Database::default();
        for _ in 0..2 {
            query(&mut database, "SELECT 1;", &request, &propagator);
        }
        let start = format!("SELECT 1 /*traceparent='00-{}-", request.trace_id());
        assert!(database.log.iter().all(|line| line.starts_with(&start) && line.ends_with("-01'*/;")), "{database:?}");
        assert_ne!(database.log[0], database.log[1]);
        assert!(!database.log[0].contains(&request.span_id().to_string()), "the span is that of the query");
    }

    #[test]
    fn ok_a_statement_with_a_comment_is_executed_as_it_is() {
        let mut database = Database::default();
        let hint = "SELECT /*+ INDEX(songs) */ 1";
        query(&mut database, hint, &SpanContext::root(&RandomIds), &presets::W3C.propagator());
        assert_eq!(database.log, [hint]);
    }

    #[test]
    fn ok_nothing_else_of_the_request_is_logged() {
        let propagator = presets::W3C.propagator();
        let received = [
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("tracestate", "rojo=*/"),
            ("baggage", "session=*/"),
        ];
        let request = propagator.extract(&received).new_span(&RandomIds);
        let mut database = Database::default();
        query(&mut database, "SELECT 1", &request, &propagator);
        let rest = database.log[0].strip_prefix("SELECT 1 /*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-");
        assert_eq!(rest.map(|rest| &rest[16..]), Some("-01'*/"));
    }
}
