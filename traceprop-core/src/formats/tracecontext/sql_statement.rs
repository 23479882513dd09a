//! A SQL statement that carries `traceparent` in a comment after it.

use core::fmt;

use super::TraceParent;
use crate::carrier::{CarrierMut, FieldName, FieldValue};
use crate::field::Field;
use crate::wire::debug_as;

/// A SQL statement as a carrier: an injection writes `traceparent` into a comment after it.
///
/// The database then has the trace in its query log. The comment follows sqlcommenter, which OpenTelemetry's conventions
/// for databases name. It holds no other field: no tracestate, baggage or correlation id, and nothing of another format.
///
/// The statement is displayed unchanged if nothing was injected, if it is empty, or if it contains `--` or `/*`: a
/// statement that has a comment must not be changed. Both are also found in a string literal, because dialects differ in
/// what a literal is. Semicolons and blanks at the end stay after the comment, because text after a semicolon is not part
/// of the statement.
///
/// A comment for each span makes each statement a different text. Do not use it with prepared statements or where the
/// database caches plans by text (Oracle, SQL Server).
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::tracecontext::SqlStatement;
/// use traceprop_core::{InjectOptions, SpanContext, presets};
///
/// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
/// let mut statement = SqlStatement::new("SELECT * FROM songs;");
/// presets::W3C.propagator().inject(&span, &InjectOptions::new(), &mut statement);
/// assert_eq!(
///     statement.to_string(),
///     "SELECT * FROM songs /*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'*/;",
/// );
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
///
/// Spec: <https://google.github.io/sqlcommenter/spec/>
#[derive(Clone, Copy)]
pub struct SqlStatement<'s> {
    statement: &'s str,
    parent: Option<TraceParent>,
}

impl<'s> SqlStatement<'s> {
    /// Creates a carrier for one statement, without a comment.
    pub const fn new(statement: &'s str) -> Self {
        Self { statement, parent: None }
    }
}

impl CarrierMut for SqlStatement<'_> {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        if name.field() == Field::TraceParent {
            // Read again, because a passthrough forwards values of later versions, whose end can be any text.
            self.parent = value.as_bytes().and_then(|value| TraceParent::parse(value).ok());
        }
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        if self.parent.is_some() && stale("traceparent") {
            self.parent = None;
        }
    }
}

impl fmt::Display for SqlStatement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A semicolon ends the statement, so the comment goes before it.
        let len = self.statement.trim_end_matches(|end: char| end == ';' || end.is_whitespace()).len();
        let (tokens, end) = self.statement.split_at(len);
        let has_comment = ["--", "/*"].iter().any(|start| tokens.contains(start));
        match self.parent {
            // Digits and hyphens are neither URL-encoded nor escaped.
            Some(parent) if !tokens.is_empty() && !has_comment => {
                write!(f, "{tokens} /*traceparent='{parent}'*/{end}")
            }
            _ => f.write_str(self.statement),
        }
    }
}

// A statement can hold what a user typed, which must not be logged.
debug_as!(SqlStatement<'_>, |it| parent: it.parent);

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::inject_options::{Allow, InjectOptions};
    use crate::id::generator::IdBits;
    use crate::propagator::{Propagator, presets};
    use crate::{OwnedContext, SpanContext};
    use alloc::format;
    use alloc::string::{String, ToString};

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// Injects the context of a request as it was received.
    fn with_request(statement: &str, request: &[(&str, &str)]) -> String {
        let propagator = presets::ALL_TO_W3C.propagator();
        let mut statement = SqlStatement::new(statement);
        let extraction = propagator.extract(&request);
        propagator.inject(extraction.passthrough(), &InjectOptions::everything(), &mut statement);
        statement.to_string()
    }

    #[track_caller]
    fn check(statement: &str, expected: &str) {
        assert_eq!(with_request(statement, &[("traceparent", PARENT)]), expected);
    }

    #[test]
    fn ok_the_comment_is_after_the_statement() {
        check("SELECT 1", &format!("SELECT 1 /*traceparent='{PARENT}'*/"));
        check("SELECT 'é'", &format!("SELECT 'é' /*traceparent='{PARENT}'*/"));
        check("SELECT 1; SELECT 2", &format!("SELECT 1; SELECT 2 /*traceparent='{PARENT}'*/"));
        // A lone minus or slash begins no comment, and makes none with ours.
        check("SELECT 8 - 4 / 2 /", &format!("SELECT 8 - 4 / 2 / /*traceparent='{PARENT}'*/"));
    }

    #[test]
    fn ok_semicolons_and_blanks_at_the_end_stay_there() {
        check("SELECT 1;", &format!("SELECT 1 /*traceparent='{PARENT}'*/;"));
        check("SELECT 1 ;\n ;\t", &format!("SELECT 1 /*traceparent='{PARENT}'*/ ;\n ;\t"));
        check("SELECT 1\u{2003}", &format!("SELECT 1 /*traceparent='{PARENT}'*/\u{2003}"));
    }

    #[test]
    fn ok_a_statement_with_a_comment_or_without_a_token_is_unchanged() {
        for statement in [
            "SELECT 1 /*route='%2Fpolls'*/",
            "/* a */ SELECT 1;",
            "SELECT /*+ FULL(songs) */ * FROM songs",
            "SELECT 1 -- one",
            "SELECT 1 -- one;\n",
            "SELECT 1 /* not closed",
            "SELECT '--'",
            "",
            " ;\n",
        ] {
            check(statement, statement);
        }
    }

    #[test]
    fn ok_only_traceparent_is_written() {
        let request = [
            ("traceparent", PARENT),
            ("tracestate", "rojo='*/;x"),
            ("baggage", "tenant=*/;DROP"),
            ("uberctx-a", "*/"),
            ("x-datadog-origin", "*/"),
        ];
        let expected = format!("SELECT 1 /*traceparent='{PARENT}'*/");
        assert_eq!(with_request("SELECT 1", &request), expected);
        let propagator =
            Propagator::from_names("all", "tracecontext,b3,b3multi,datadog,jaeger,baggage").expect("known names");
        let extraction = propagator.extract(&request);
        let mut statement = SqlStatement::new("SELECT 1");
        let options = InjectOptions::new().allow_baggage(Allow::All);
        propagator.inject(extraction.passthrough(), &options, &mut statement);
        assert_eq!(statement.to_string(), expected);
    }

    /// A passthrough forwards a later version as it is, with what its sender appended.
    #[test]
    fn ok_the_end_of_a_later_version_cannot_end_the_comment() {
        let later = format!("cc{}-'*/; DROP TABLE songs; /*", &PARENT[2..]);
        let expected = format!("SELECT 1 /*traceparent='{PARENT}'*/");
        assert_eq!(with_request("SELECT 1", &[("traceparent", &later)]), expected);
    }

    #[test]
    fn ok_without_a_valid_context_nothing_is_written() {
        for request in [&[("traceparent", "'*/")][..], &[("traceparent", "00-0-0-01"), ("baggage", "a=*/")], &[]] {
            assert_eq!(with_request("SELECT 1;", request), "SELECT 1;");
        }
        let span = SpanContext::root(&|| IdBits::non_random(1));
        let propagator = Propagator::from_names("b3", "b3,b3multi").expect("known names");
        let mut statement = SqlStatement::new("SELECT 1");
        propagator.inject(&span, &InjectOptions::new(), &mut statement);
        assert_eq!(statement.to_string(), "SELECT 1");
    }

    #[test]
    fn ok_a_second_injection_replaces_the_first() {
        let propagator = presets::W3C.propagator();
        let mut statement = SqlStatement::new("SELECT 1");
        let inject = |id, statement: &mut SqlStatement<'_>| {
            let context = OwnedContext::new(SpanContext::root(&|| IdBits::non_random(id)));
            propagator.inject(&context, &InjectOptions::new(), statement);
            statement.to_string()
        };
        let (first, second) = (inject(1, &mut statement), inject(2, &mut statement));
        let span = "00000000000000020000000000000002-0000000000000002";
        assert_eq!(second, format!("SELECT 1 /*traceparent='00-{span}-01'*/"));
        assert_ne!(first, second);
        assert_eq!(propagator.strip(&mut statement).len(), 1);
        assert_eq!(statement.to_string(), "SELECT 1");
    }

    #[test]
    fn ok_debug_shows_no_statement() {
        assert_eq!(format!("{:?}", SqlStatement::new("secret")), "SqlStatement { parent: None, .. }");
    }
}
