//! `datadog.json`: the `x-datadog-*` headers, and (`via`: tracecontext) the `dd` member of a tracestate.

use traceprop_core::formats::datadog::{Datadog, DatadogParts, DatadogView, PropagationError};
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{InjectOptions, OwnedContext, Pairs, Propagator, PropagatorBuilder};

use crate::case::{Case, Differences, Fields, Headers, Op, ToInject, Verdict};

/// The contexts of the file are those of a service whose spans Datadog knows, unless they say `remote`.
static REPORTING: Datadog = Datadog::new().reports_spans();
static REMOTE: Datadog = Datadog::new();
const TRACE_CONTEXT: W3cTraceContext = W3cTraceContext::new();

pub(crate) fn check(case: &Case) -> Verdict {
    match case.op() {
        Op::Extract => extract(case),
        Op::Inject => inject(case),
    }
}

fn extract(case: &Case) -> Verdict {
    let propagator = match case.fields().text("via") {
        None => Propagator::builder().with_format(REPORTING).build(),
        Some("tracecontext") => Propagator::builder().with_format(TRACE_CONTEXT).extract(REPORTING).build(),
        Some(other) => panic!("unknown via {other}"),
    };
    let propagator = propagator.expect("one format");
    let headers = case.headers();
    let report = propagator.explain(&headers);
    let outcome = report.entries().next().expect("one format").parsed.outcome();
    let mut differences = Differences::default();
    case.compare_outcome(&outcome, &mut differences);
    compare_datadog(case.expect(), &report.extraction().datadog(), &mut differences);
    differences.verdict()
}

fn inject(case: &Case) -> Verdict {
    let reporting = case.context().value("remote").and_then(|remote| remote.as_bool()) != Some(true);
    let length = case.config().number("tags_max_length").unwrap_or(512);
    let format = if reporting { REPORTING } else { REMOTE }.max_tags_len(length);
    let builder = match (case.fields().text("via"), reporting) {
        (None, _) => Propagator::builder().extract_none().inject(format),
        (Some("tracecontext"), true) => Propagator::builder().extract(REPORTING).inject(TRACE_CONTEXT),
        (Some("tracecontext"), false) => Propagator::builder().extract(REMOTE).inject(TRACE_CONTEXT),
        (Some(other), _) => panic!("unknown via {other}"),
    };
    write(case, builder, Vec::new())
}

/// Writes the context of a case, built from its fields, and compares `headers` afterwards.
pub(crate) fn write(case: &Case, builder: PropagatorBuilder, mut headers: Vec<(String, String)>) -> Verdict {
    let propagator = builder.build().expect("a propagator");
    let fields = case.context();
    let context = ToInject::of(fields);
    let tags = tags(fields).unwrap_or_default();
    let mut parts = DatadogParts::new().tags(&tags);
    if let Some(priority) = number_or_null(fields, "priority").flatten() {
        parts = parts.priority(priority);
    }
    if let Some(origin) = fields.text_or_null("origin").flatten() {
        parts = parts.origin(origin);
    }
    if let Some(span) = fields.text("last_parent_id") {
        parts = parts.last_span(span);
    }
    // A context holds 32 members at most: what is beyond cannot get into one, in any way.
    let members = fields.pairs("vendor_tracestate").unwrap_or_default().into_iter().take(32);
    let omitted = match context.span() {
        Some(span) => {
            let owned = OwnedContext::new(span).with_datadog(&parts).with_tracestate(members).expect("legal members");
            propagator.inject(&owned.span().expect("it was made of a span"), &InjectOptions::everything(), &mut headers)
        }
        None => {
            let mut none = Pairs::new();
            let omitted = context.forward(&propagator, &InjectOptions::everything(), &mut none);
            headers.extend(none.iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
            omitted
        }
    };
    let mut differences = Differences::default();
    let expected = case.expect_headers();
    let got: Headers = headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone().into_bytes())).collect();
    differences.equal("headers", comparable(&expected), comparable(&got));
    if let Some(expected) = case.expect().text_or_null("propagation_error") {
        let got = PropagationError::from_report(&omitted).map(|error| error_text(&error));
        differences.equal("propagation_error", expected, got.as_deref());
    }
    differences.verdict()
}

/// Compares `priority`, `origin`, `tags`, `propagation_error`, `last_parent_id` and `vendor_tracestate`, as far as the
/// case has them.
pub(crate) fn compare_datadog(expect: &Fields, got: &DatadogView<'_>, differences: &mut Differences) {
    if let Some(expected) = number_or_null(expect, "priority") {
        differences.equal("priority", expected, got.priority());
    }
    if let Some(expected) = expect.text_or_null("origin") {
        differences.equal("origin", expected, got.origin().map(|origin| origin.to_string()).as_deref());
    }
    if let Some(mut expected) = tags(expect) {
        let tags: Vec<_> =
            got.tags().iter().map(|tag| (format!("_dd.p.{}", tag.name), tag.value.to_string())).collect();
        let mut tags: Vec<_> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        expected.sort_unstable();
        tags.sort_unstable();
        differences.equal("tags", expected, tags);
    }
    if let Some(expected) = expect.text_or_null("propagation_error") {
        let got = got.propagation_error().map(|error| error_text(&error));
        differences.equal("propagation_error", expected, got.as_deref());
    }
    if let Some(expected) = expect.text_or_null("last_parent_id") {
        differences.equal("last_parent_id", expected, got.last_span().map(|span| span.to_string()).as_deref());
    }
    if let Some(expected) = expect.pairs("vendor_tracestate") {
        let got: Vec<_> = got.vendor_tracestate().map(|member| (member.key, member.value)).collect();
        differences.equal("vendor_tracestate", expected, got);
    }
}

/// Returns a value of the tag `_dd.propagation_error`.
fn error_text(error: &PropagationError<'_>) -> String {
    match error.tid() {
        Some(tid) => format!("{} {tid}", error.as_str()),
        None => error.as_str().to_owned(),
    }
}

fn tags(fields: &Fields) -> Option<Vec<(&str, &str)>> {
    let tags = fields.value("tags")?.as_object().expect("an object of tags");
    Some(tags.iter().map(|(key, value)| (key.as_str(), value.as_str().expect("a tag is a text"))).collect())
}

fn number_or_null(fields: &Fields, name: &str) -> Option<Option<i32>> {
    let value = fields.value(name)?;
    let number = || i32::try_from(value.as_i64().expect("a number")).expect("32 bits");
    Some(if value.is_null() { None } else { Some(number()) })
}

/// Returns the lines in a comparable order. The items of tags and of the `dd` member are sets, so they are sorted; that
/// member must be first, and all others keep their order.
fn comparable(headers: &Headers) -> Vec<String> {
    let items = |text: &str, separator: char| {
        let mut items: Vec<_> = text.split(separator).collect();
        items.sort_unstable();
        items.join(" | ")
    };
    let mut lines: Vec<_> = headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value);
            let value = match (name.as_str(), value.strip_prefix("dd=")) {
                ("x-datadog-tags", _) => items(&value, ','),
                ("tracestate", Some(rest)) => {
                    let (dd, others) = rest.split_once(',').unwrap_or((rest, ""));
                    format!("dd={},{others}", items(dd, ';'))
                }
                _ => value.into_owned(),
            };
            format!("{name}: {value}")
        })
        .collect();
    lines.sort();
    lines
}
