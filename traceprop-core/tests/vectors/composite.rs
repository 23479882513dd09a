//! `composite.json`: several formats at once, read by a configured order and written from one context.

use traceprop_core::formats::b3::B3;
use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::formats::datadog::Datadog;
use traceprop_core::formats::jaeger::Jaeger;
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{Extraction, Propagator, PropagatorBuilder, Sampling, Trust, format::Outcome};

use crate::case::{Case, Differences, Fields, Op, Verdict};
use crate::datadog::{compare_datadog, write};

pub(crate) fn check(case: &Case) -> Verdict {
    match case.op() {
        Op::Extract => extract(case),
        Op::Inject => inject(case),
    }
}

/// Returns the names of a list, in order.
fn names<'c>(config: &'c Fields, list: &str) -> Vec<&'c str> {
    let names = config.list(list).unwrap_or_default();
    names.iter().map(|name| name.as_str().expect("a name is a text")).collect()
}

fn extract(case: &Case) -> Verdict {
    let config = case.config();
    let list = names(config, "extract").join(",");
    let mut builder = Propagator::builder().names(&list, "none").expect("known names");
    if config.value("extract_first").and_then(|first| first.as_bool()) == Some(true) {
        builder = builder.extract_first();
    }
    let builder = match config.text("behavior") {
        None | Some("continue") => builder,
        Some("restart") => builder.trust(Trust::Restart),
        Some("ignore") => builder.trust(Trust::Ignore),
        Some(other) => panic!("unknown behavior {other}"),
    };
    let propagator = builder.build().expect("a propagator");
    let headers = case.headers();
    let by_environment = by_environment(&list, config);
    assert_eq!(by_environment.explain(&headers).to_string(), propagator.explain(&headers).to_string());
    let extraction = propagator.extract(&headers);
    let outcome = match (extraction.context(), extraction.sampling()) {
        (None, Sampling::Deferred) => Outcome::Absent,
        (None, sampling) => Outcome::SamplingOnly(sampling),
        (Some(context), _) => Outcome::Context(context),
    };
    let mut differences = Differences::default();
    case.compare_outcome(&outcome, &mut differences);
    compare_datadog(case.expect(), &extraction.datadog(), &mut differences);
    compare_surroundings(case.expect(), &extraction, &mut differences);
    differences.verdict()
}

/// Creates the propagator from environment variables, as Datadog's tracers are configured.
fn by_environment(list: &str, config: &Fields) -> Propagator {
    let find = |name: &str| match name {
        "DD_TRACE_PROPAGATION_STYLE_EXTRACT" => Some(list.to_owned()),
        "DD_TRACE_PROPAGATION_STYLE_INJECT" => Some("none".to_owned()),
        "DD_TRACE_PROPAGATION_EXTRACT_FIRST" => config.value("extract_first").map(|first| first.to_string()),
        "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT" => config.text("behavior").map(str::to_owned),
        _ => None,
    };
    let (builder, warnings) = PropagatorBuilder::from_env_with(find).expect("known names");
    assert_eq!(warnings, []);
    builder.build().expect("a propagator")
}

/// Compares `style`, `links` and `baggage`.
fn compare_surroundings(expect: &Fields, got: &Extraction<'_>, differences: &mut Differences) {
    if let Some(expected) = expect.text("style") {
        differences.equal("style", Some(expected), got.source_format());
    }
    if let Some(expected) = expect.list("links") {
        let field = |link: &serde_json::Value, name: &str| link[name].as_str().expect("a text").to_owned();
        let names = ["trace_id", "span_id", "reason", "style"];
        let expected: Vec<_> = expected.iter().map(|link| names.map(|name| field(link, name))).collect();
        let links = got.links().map(|link| {
            [link.trace_id.to_string(), link.span_id.to_string(), link.reason.as_str().into(), link.format.into()]
        });
        differences.equal("links", expected, links.collect());
    }
    if let Some(expected) = expect.rows::<3>("baggage") {
        let baggage = got.baggage();
        let members = baggage.iter().map(|member| {
            let properties = member.properties().to_string();
            let properties = (!properties.is_empty()).then_some(properties);
            [Some(member.key().to_owned()), Some(member.value().as_ref().to_owned()), properties]
        });
        let expected: Vec<_> = expected.iter().map(|row| row.map(|text| text.map(str::to_owned))).collect();
        differences.equal("baggage", expected, members.collect());
    }
}

fn inject(case: &Case) -> Verdict {
    let builder = names(case.config(), "inject").into_iter().fold(Propagator::builder().extract_none(), inject_format);
    let held = case.fields().pairs("carrier").unwrap_or_default();
    write(case, builder, held.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// Adds a format by its name. The contexts of the file are of a service that reports to Datadog, which has no name.
fn inject_format(builder: PropagatorBuilder, name: &str) -> PropagatorBuilder {
    match name {
        "tracecontext" => builder.inject(W3cTraceContext::new()),
        "datadog" => builder.inject(Datadog::new().reports_spans()),
        "b3" => builder.inject(B3::single()),
        "b3multi" => builder.inject(B3::multi()),
        "jaeger" => builder.inject(Jaeger::new()),
        "baggage" => builder.inject(W3cBaggage::new()),
        "none" => builder.inject_none(),
        other => panic!("unknown format {other}"),
    }
}
