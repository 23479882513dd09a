//! New Relic's header: the payload agrees with the grammar of JSON, and a trusted account is the only one.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::formats::newrelic::{NewRelic, NewRelicPayload};
use traceprop_core::{InjectOptions, InvalidReason, Propagator, RemoteContext};
use traceprop_fuzz::oracle::{Expected, newrelic};
use traceprop_fuzz::{Headers, Input, Steps, extract, field_len, target, values, within, written_by_passthrough};

target!(run);

static NEW_RELIC: LazyLock<Propagator> =
    LazyLock::new(|| Propagator::builder().extract(NewRelic::new()).inject_none().build().expect("one format"));
static TRUSTED: LazyLock<Propagator> = LazyLock::new(|| {
    let format = NewRelic::new().trusted_account_key("33");
    Propagator::builder().extract(format).inject_none().build().expect("one format")
});

fn run(data: &[u8]) {
    value(data);
    let headers = Input::new(data).headers();
    for line in values(&headers, "newrelic") {
        value(line);
    }
    request(&headers);
}

fn value(value: &[u8]) {
    let mut buffer = NewRelicPayload::BUFFER;
    let expected = newrelic::value(value);
    match NewRelicPayload::parse(value, &mut buffer) {
        Ok(payload) => {
            let context =
                RemoteContext { sampling: payload.sampling, ..RemoteContext::new(payload.trace_id, payload.span_id) };
            let account = payload.trust_key.unwrap_or(payload.account).to_owned();
            assert_eq!(Some((context, account)), expected);
            assert!(!payload.kind.is_empty() && !payload.app.is_empty() && payload.timestamp > 0);
            assert!(payload.span_id.is_some() || payload.transaction.is_some() || value.len() > 16);
            let _ = payload.priority();
        }
        Err(invalid) => {
            assert_eq!(expected, None, "{invalid}");
            within(invalid, value.len());
        }
    }
}

fn request(headers: &Headers) {
    let carrier = Steps::new(headers);
    let report = NEW_RELIC.explain(headers);
    let extraction = extract(&NEW_RELIC, &carrier);
    let expected = newrelic::expected(headers);
    assert_eq!(Expected::from(report.entries().next().expect("one format").parsed.outcome()), expected);
    for (_, invalid) in report.invalid_headers() {
        within(invalid, field_len(headers, |name| name.eq_ignore_ascii_case("newrelic")));
    }
    let passed = written_by_passthrough(&NEW_RELIC, &extraction.passthrough(), &InjectOptions::everything()).0;
    assert!([expected, Expected::Absent].contains(&newrelic::expected(&passed.0)));
    let Expected::Context(context) = expected else { return };
    let account = newrelic::first(headers).and_then(|first| newrelic::value(&first)).expect("a context").1;
    let report = TRUSTED.explain(headers);
    match report.extraction().context() {
        Some(trusted) => assert_eq!((trusted, account.as_str()), (context, "33")),
        None => {
            assert_ne!(account, "33");
            assert!(report.invalid_headers().any(|(_, invalid)| invalid.reason() == InvalidReason::UntrustedAccount));
        }
    }
}
