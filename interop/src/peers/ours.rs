//! The side of traceprop: reads and writes, and says what it understood in the same form as a peer.

use serde_json::{Map, Value, json};
use traceprop_core::formats::datadog::{DatadogParts, TAG_PREFIX};
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{
    Extraction, InjectOptions, OwnedBaggage, OwnedContext, Propagator, RandomIds, Sampling, SpanContext,
};

use super::process::{Answer, Headers};

/// The service and its instance, for SkyWalking.
static SW8: Sw8 = Sw8::new("traceprop", "traceprop-1");

/// What a span of ours says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) trace_id: &'static str,
    pub(super) span_id: &'static str,
    pub(super) sampling: Sampling,
    pub(super) baggage: &'static [(&'static str, &'static str)],
    pub(super) datadog: Option<Datadog>,
    /// Sentry's dynamic sampling context.
    pub(super) sampling_context: &'static [(&'static str, &'static str)],
}

/// Datadog's data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datadog {
    pub(super) priority: i32,
    pub(super) origin: Option<&'static str>,
    pub(super) tags: &'static [(&'static str, &'static str)],
}

/// Creates a propagator for two lists of names.
pub(super) fn propagator(reads: &str, writes: &str) -> Result<Propagator, String> {
    let list = |names: &str| if names.is_empty() { "none".to_owned() } else { names.to_owned() };
    let builder = Propagator::builder().define(&SW8).names(&list(reads), &list(writes));
    builder.and_then(|builder| builder.build()).map_err(|error| error.to_string())
}

/// Writes a span with all that it says.
pub(super) fn write_span(span: &Span, formats: &str) -> Result<Headers, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let trace_id = span.trace_id.parse().map_err(|error| text(&error))?;
    let span_id = span.span_id.parse().map_err(|error| text(&error))?;
    let mut context = OwnedContext::new(SpanContext::new(trace_id, span_id).with_sampling(span.sampling));
    if let Some(datadog) = span.datadog {
        let parts = DatadogParts::new().priority(datadog.priority).tags(datadog.tags);
        context = context.with_datadog(&datadog.origin.map_or(parts, |origin| parts.origin(origin)));
    }
    let has = |name: &str| formats.split(',').any(|one| one == name);
    let items = || span.baggage.iter().copied();
    if has("baggage") && !span.baggage.is_empty() {
        let mut baggage = OwnedBaggage::new();
        items().for_each(|(key, value)| baggage.set(key, value));
        context = context.with_baggage(&baggage);
    }
    if has("jaeger") {
        context = context.with_jaeger_baggage(items()).map_err(|error| text(&error))?;
    }
    if has("ottrace") {
        context = context.with_ot_baggage(items()).map_err(|error| text(&error))?;
    }
    if has("sentry") && !span.sampling_context.is_empty() {
        context = context.with_sentry_sampling_context(span.sampling_context.iter().copied());
    }
    if has("sw8") {
        context = context.with_sw8_correlation(items());
    }
    write(&context, &propagator("none", formats)?)
}

/// Forwards a request, as a gateway that makes no span.
pub(super) fn forward(request: &Headers, reads: &str, writes: &str) -> Result<Headers, String> {
    let propagator = propagator(reads, writes)?;
    write(&OwnedContext::from_passthrough(&propagator.extract(request)), &propagator)
}

/// Reads a request, starts a span, and calls the next service. Returns the id of the span.
pub(super) fn call(request: &Headers, reads: &str, writes: &str) -> Result<(String, Headers), String> {
    let propagator = propagator(reads, writes)?;
    let extraction = propagator.extract(request);
    let span = extraction.new_span(&RandomIds);
    let headers = write(&OwnedContext::from_span(&extraction, &span), &propagator)?;
    Ok((span.span_id().to_string(), headers))
}

fn write(context: &OwnedContext, propagator: &Propagator) -> Result<Headers, String> {
    let mut headers = Headers::new();
    let options = InjectOptions::everything().peer("peer.test:80").endpoint("/interop");
    let report = propagator.inject(context, &options, &mut headers);
    let omitted: Vec<_> = report.iter().map(ToString::to_string).collect();
    if omitted.is_empty() { Ok(headers) } else { Err(format!("omitted: {}", omitted.join("; "))) }
}

/// Reads a request, and says what it means.
pub(super) fn read(request: &Headers, formats: &str) -> Result<Answer, String> {
    let propagator = propagator(formats, "none")?;
    let report = propagator.explain(request);
    let invalid: Vec<_> = report.invalid_headers().map(|(name, invalid)| format!("{name}: {invalid}")).collect();
    if !invalid.is_empty() {
        return Err(format!("invalid: {} in {request:?}", invalid.join("; ")));
    }
    if let Some(other) = report.conflicting().next() {
        return Err(format!("{} has another trace in {request:?}", other.format));
    }
    Ok(meaning(report.extraction()))
}

/// Says what a request means, in the keys of the protocol.
fn meaning(extraction: &Extraction<'_>) -> Answer {
    let mut answer = Answer::new();
    let sampling = extraction.sampling();
    if let Some(context) = extraction.context() {
        answer.insert("trace_id".into(), context.trace_id.to_string().into());
        answer.insert("span_id".into(), context.parent_id.map(|id| id.to_string()).into());
    }
    answer.insert("sampled".into(), sampling.decision().into());
    answer.insert("debug".into(), (sampling == Sampling::Debug).into());
    let datadog = extraction.datadog();
    answer.insert("priority".into(), datadog.priority().into());
    answer.insert("origin".into(), datadog.origin().map(|origin| origin.to_string()).into());
    let tags = datadog.tags();
    let tags = tags.iter().map(|tag| (format!("{TAG_PREFIX}{}", tag.name), json!(tag.value.to_string())));
    answer.insert("tags".into(), Value::Object(tags.collect()));
    answer.insert("baggage".into(), Value::Object(baggage(extraction)));
    let members = extraction.sentry().map(|sentry| sentry.sampling_context());
    let members = members.iter().flat_map(|members| members.iter());
    let members = members.map(|member| (member.key().to_owned(), json!(member.value())));
    answer.insert("sampling_context".into(), Value::Object(members.collect()));
    answer
}

/// The user's data of all formats.
fn baggage(extraction: &Extraction<'_>) -> Map<String, Value> {
    let mut all = Map::new();
    for member in extraction.baggage() {
        all.insert(member.key().to_owned(), json!(member.value()));
    }
    for item in extraction.jaeger().baggage().iter() {
        all.insert(item.key().to_string(), json!(item.value()));
    }
    for (key, value) in extraction.ot_baggage().iter() {
        all.insert(key.to_lowercase(), json!(String::from_utf8_lossy(value)));
    }
    for (key, value) in extraction.sw8_correlation().iter() {
        all.insert(key.to_string(), json!(value.to_string()));
    }
    all
}
