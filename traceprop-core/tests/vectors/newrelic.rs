//! `newrelic.json`: the payload of New Relic's header, which is only read.

use traceprop_core::Propagator;
use traceprop_core::formats::newrelic::{NewRelic, NewRelicPayload};

use crate::case::{Case, Differences, Op, Verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    assert_eq!(case.op(), Op::Extract, "nothing writes the header");
    let mut format = NewRelic::new();
    if let Some(key) = case.config().text("trusted_account_key") {
        format = format.trusted_account_key(key.to_owned().leak());
    }
    let propagator = Propagator::builder().extract(format).inject_none().build().expect("one format");
    let headers = case.headers();
    let report = propagator.explain(&headers);
    let mut differences = Differences::default();
    case.compare_outcome(&report.entries().next().expect("one format").parsed.outcome(), &mut differences);
    if let Some(expected) = case.expect().value("newrelic") {
        let mut buffer = NewRelicPayload::BUFFER;
        let payload = report.extraction().newrelic(&mut buffer).expect("a context");
        let got = serde_json::json!({
            "type": payload.kind,
            "account": payload.account,
            "app": payload.app,
            "transaction": payload.transaction,
            "priority": payload.priority(),
            "trust_key": payload.trust_key,
            "timestamp": payload.timestamp,
        });
        differences.equal("newrelic", expected, &got);
    }
    differences.verdict()
}
