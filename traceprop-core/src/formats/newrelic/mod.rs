//! `newrelic`: the distributed tracing header of New Relic's agents. It is only read.
//!
//! ```text
//! value   = base64 of payload / payload        padding may be absent; a payload starts with "{"
//! payload = {"v":[0,minor],"d":data}           JSON
//! data    = {"ty":type,"ac":account,"ap":application,"tr":trace,"ti":milliseconds,
//!            "id":span,"tx":transaction,"sa":decision,"pr":priority,"tk":trust key}
//!
//! newrelic: eyJ2IjpbMCwxXSwiZCI6eyJ0eSI6IkJyb3dzZXIiLCJhYyI6IjMiLCJhcCI6IjIiLCJpZCI6ImQ2YjRiYTBjM2E3MTJjYWYiLCJ0ciI6IjVhIiwidGkiOjF9fQ==
//! ```
//!
//! The first five fields of the data are required, and a span or a transaction. Trace ids of fewer than 32 digits are
//! padded with zeros on the left. A transaction is not a span, and an invalid span id is ignored; such a trace has no
//! parent. Without a decision, as browsers send it, sampling is undecided.
//!
//! The first line that is not blank counts, and of base64 in it the first value that a comma ends. A blank header is
//! absent: agents without an account send it.
//!
//! Agents send W3C headers too, and prefer them. Browsers send `newrelic` alone to other origins unless they are
//! configured otherwise. A list to inject cannot contain the format, because each reader of it reads W3C headers as well.
//!
//! ```
//! use traceprop_core::{Propagator, Sampling};
//!
//! let propagator = Propagator::from_names("newrelic", "tracecontext")?;
//! let payload = r#"{"v":[0,1],"d":{"ty":"Browser","ac":"3","ap":"2","id":"d6b4ba0c3a712caf","tr":"5a","ti":1}}"#;
//! let request = [("newrelic", payload)];
//! let caller = propagator.extract(&request).context().expect("the request has a context");
//! assert_eq!((caller.trace_id.low(), caller.sampling), (0x5a, Sampling::Deferred));
//! # Ok::<(), traceprop_core::ConfigError>(())
//! ```
//!
//! Source: <https://github.com/newrelic/go-agent/tree/master/v3/internal/crossagent/cross_agent_tests/distributed_tracing>

mod json;
mod payload;

pub use payload::{NewRelicBuffer, NewRelicPayload};

use crate::carrier::Headers;
use crate::context::RemoteContext;
use crate::field::{Field, FormatKind, InvalidHeader};
use crate::format::{Format, FormatFields, InjectContext, Parsed, Writer};
use crate::wire::{self, InvalidReason};

const FIELD: Field = Field::NewRelic;

/// New Relic's format, named `newrelic`.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Propagator, formats::newrelic::NewRelic};
///
/// let format = NewRelic::new().trusted_account_key("3");
/// let propagator = Propagator::builder().extract(format).inject_none().build()?;
/// let of_account = |account: &str| {
///     let data = r#""ty":"App","ap":"2","id":"d6b4ba0c3a712caf","tr":"5a","sa":true,"ti":1"#;
///     format!(r#"{{"v":[0,1],"d":{{"ac":"{account}",{data}}}}}"#)
/// };
/// assert!(propagator.extract(&[("newrelic", of_account("3"))]).context().is_some());
/// assert!(propagator.extract(&[("newrelic", of_account("4"))]).context().is_none());
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewRelic {
    trusted: Option<&'static str>,
}

impl NewRelic {
    /// Creates the format.
    pub const fn new() -> Self {
        Self { trusted: None }
    }

    /// Continues only traces of this account: the trust key, or the account if there is no key, must equal `key`.
    ///
    /// By default the traces of all accounts are continued. Other formats of a request are not affected.
    pub const fn trusted_account_key(mut self, key: &'static str) -> Self {
        self.trusted = Some(key);
        self
    }
}

/// Returns the value that counts, or `None` if there is none.
pub(crate) fn value<'c>(headers: &Headers<'c>) -> Option<&'c [u8]> {
    let line = wire::trim(headers.get_all(FIELD).iter().find(|line| !wire::is_blank(line))?);
    match line.starts_with(b"{") {
        true => Some(line),
        false => line.split(|&byte| byte == b',').map(wire::trim).find(|value| !value.is_empty()),
    }
}

impl Format for NewRelic {
    fn name(&self) -> &str {
        "newrelic"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::of(FormatKind::NewRelic)
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        let Some(value) = value(headers) else { return Parsed::absent() };
        let mut buffer = NewRelicPayload::BUFFER;
        let payload = match NewRelicPayload::parse(value, &mut buffer) {
            Ok(payload) => payload,
            Err(invalid) => return Parsed::invalid(invalid),
        };
        if self.trusted.is_some_and(|key| key != payload.trust_key.unwrap_or(payload.account)) {
            return Parsed::invalid(InvalidHeader::new(FIELD, InvalidReason::UntrustedAccount, 0));
        }
        let (context, sampling) = (RemoteContext::new(payload.trace_id, payload.span_id), payload.sampling);
        let mut parsed = Parsed::context(RemoteContext { sampling, ..context });
        if payload.has_bad_span_id {
            parsed.ignore_member(InvalidHeader::new(FIELD, InvalidReason::BadSpanId, 0));
        }
        parsed
    }

    // Never called: `check_inject` refuses a propagator that writes it.
    fn inject(&self, _: &InjectContext<'_>, _: &mut Writer<'_>) {}

    fn check_inject(&self) -> Result<(), &'static str> {
        Err("the format is only read")
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::Pairs;
    use crate::context::inject_options::InjectOptions;
    use crate::context::trust::Trust;
    use crate::propagator::{ConfigError, Propagator};
    use std::string::ToString;

    const PAYLOAD: &str = r#"{"v":[0,1],"d":{"ty":"App","ac":"33","ap":"2","id":"05f20c503b78461f","tr":"92be347e5fe04329e3059de500ad6347","sa":true,"ti":1}}"#;

    #[test]
    fn err_it_cannot_be_written() {
        let error = Propagator::from_names("newrelic", "newrelic").unwrap_err();
        assert!(matches!(error, ConfigError::CannotInject { .. }));
        assert_eq!(error.to_string(), "cannot inject newrelic: the format is only read");
    }

    #[test]
    fn ok_the_first_line_that_is_not_blank_and_its_first_value() {
        let encoded = wire::base64::Encoded(PAYLOAD.as_bytes()).to_string();
        let propagator = Propagator::from_names("newrelic", "none").unwrap();
        for lines in [
            &[&*encoded][..],
            &[" \t", &std::format!("\t{encoded} ")],
            &[&std::format!(" ,\t,{encoded} , ???"), "???"],
            &[encoded.trim_end_matches('=')],
            &[PAYLOAD, "{"],
            &["", &std::format!(" {PAYLOAD}\t")],
        ] {
            let request: std::vec::Vec<_> = lines.iter().map(|line| ("NewRelic", *line)).collect();
            let context = propagator.extract(&request).context();
            assert!(context.is_some_and(|context| context.sampling.is_sampled()), "{lines:?}");
        }
        for lines in [&[""][..], &[" ", "\t"], &[" , ,"]] {
            let request: std::vec::Vec<_> = lines.iter().map(|line| ("newrelic", *line)).collect();
            assert_eq!(propagator.explain(&request).to_string(), "new trace; absent: newrelic");
        }
    }

    #[test]
    fn err_another_account_and_a_bad_span_id_are_reported() {
        let propagator = |format| Propagator::builder().extract(format).inject_none().build().unwrap();
        let request = |payload: &str| [("newrelic", payload.to_string())];
        let untrusted = request(&PAYLOAD.replace("\"33\"", "\"44\""));
        let report = propagator(NewRelic::new().trusted_account_key("33"));
        let report = report.explain(&untrusted);
        assert!(report.to_string().contains("newrelic: invalid newrelic (untrusted-account at byte 0)"), "{report}");
        let bad = request(&PAYLOAD.replace("05f2", "zz"));
        let report = propagator(NewRelic::new());
        let report = report.explain(&bad);
        assert!(report.to_string().contains("newrelic: used, ignored newrelic (bad-span-id at byte 0)"), "{report}");
        assert_eq!(report.extraction().context().unwrap().parent_id, None);
    }

    #[test]
    fn ok_a_received_line_goes_on_while_its_trace_is_continued() {
        let request = [("newrelic", PAYLOAD)];
        for (trust, names, expected) in [
            (Trust::Continue, "tracecontext", Some(PAYLOAD)),
            (Trust::Restart, "tracecontext", None),
            (Trust::Ignore, "tracecontext", None),
        ] {
            let propagator = Propagator::from_names("newrelic", names).unwrap().with_trust(trust);
            let mut headers = Pairs::new();
            propagator.inject(propagator.extract(&request).passthrough(), &InjectOptions::new(), &mut headers);
            assert_eq!(headers.get("newrelic"), expected, "{trust:?}");
        }
    }

    #[test]
    fn ok_the_payload_belongs_to_the_trace_that_is_continued() {
        let other = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let account = |propagator: &Propagator, request: &[(&'static str, &'static str)]| {
            let (mut buffer, request) = (NewRelicPayload::BUFFER, request.to_vec());
            let extraction = propagator.extract(&request);
            extraction.newrelic(&mut buffer).map(|payload| payload.account.to_string())
        };
        let propagator = Propagator::from_names("tracecontext,newrelic", "none").unwrap();
        assert_eq!(account(&propagator, &[("newrelic", PAYLOAD)]), Some("33".to_string()));
        assert_eq!(account(&propagator, &[("traceparent", other), ("newrelic", PAYLOAD)]), None);
        for trust in [Trust::Restart, Trust::Ignore] {
            assert_eq!(account(&propagator.clone().with_trust(trust), &[("newrelic", PAYLOAD)]), None);
        }
    }
}
