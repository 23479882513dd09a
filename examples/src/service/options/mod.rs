//! The command line of the test service.

mod arguments;
mod error;

use std::net::SocketAddr;

use traceprop_core::baggage::BaggageLimits;
use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::formats::correlation::Correlation;
use traceprop_core::formats::newrelic::NewRelic;
use traceprop_core::formats::sentry::Sentry;
use traceprop_core::formats::sw8::{Sw8, Sw8IdentityError};
use traceprop_core::{Allow, Propagator, Trust};
use traceprop_http::WithoutContext;

use super::gateway::{ClientKind, Keys, Outbound, Upstream};
use arguments::Arguments;
pub use error::OptionsError;

/// The text of `--help`.
pub const USAGE: &str = "\
usage: service [OPTION]...

  --listen ADDR          address to listen on (default 127.0.0.1:5000; port 0 selects a free port)

what is read:
  --extract LIST         formats to read, separated by commas (default tracecontext,baggage)
  --correlation HEADER   read and write a correlation id in this header, after the formats of the lists; repeatable
  --trust WORD           trust in received contexts: continue (default), resample, restart or ignore
  --behavior WORD        the same as --trust
  --extract-first        stop at the first format with a context
  --sentry-org-id ID     continue traces of this organisation of Sentry, and those without one
  --strict-trace-continuation
                         continue traces of Sentry only if both or neither have an organisation
  --trusted-account-key KEY
                         continue traces of this account of New Relic
  --passthrough          make no spans: forward the received context
  --accept-baggage KEYS  received baggage that is kept: keys separated by commas, all (default) or none
  --skip PREFIX          skip requests whose path begins so, such as health checks; repeatable
  --keep-refused         leave refused headers in a request before it is forwarded; calls still do not carry them

what is written:
  --inject LIST          formats to write (default tracecontext,baggage)
  --sw8-service NAME     service name in sw8 (default: value of SW_AGENT_NAME or OTEL_SERVICE_NAME)
  --sw8-instance NAME    instance name in sw8 (default: a random id)
  --baggage-members N    limit of W3C baggage members, read and written (default 64)
  --baggage-bytes N      limit of W3C baggage bytes, read and written (default 8192)

gateway:
  --upstream URL         forward requests for other paths than /test, /inspect and /call to this http:// URL
  --client CLIENT        hyper (default): hyper in an InjectLayer
                         reqwest: traceprop_reqwest::Client
                         plain: reqwest::Client with propagate
  --send-baggage KEYS    baggage that the upstream receives: keys separated by commas, all or none (default)
  --send-correlation     send correlation ids to the upstream
  --keep-formats LIST    trace headers that are kept as received, of formats that are not written; needs --trust continue

names for LIST: tracecontext, baggage, b3, b3multi, datadog, jaeger, sw8, sentry, instana, newrelic, elastic,
grpc-trace-bin, ottrace, xray, cloudtrace, correlation:HEADER, all, none; newrelic can only be read

The service accepts HTTP/1.1, and HTTP/2 without TLS. A request over HTTP/2 is forwarded over HTTP/2 if the upstream
speaks it, else over HTTP/1.1, where only trailers that the field Trailer announces can be sent. Each client forwards
trailers. reqwest and plain normalize the path as URLs are (/a/../b becomes /b) and add `accept: */*` where it is
missing; hyper does neither.";

/// The settings of the service.
#[derive(Debug)]
pub struct Options {
    pub listen: SocketAddr,
    pub propagator: Propagator,
    pub trust: Trust,
    pub inbound: Inbound,
    /// Without it, requests for other paths are answered with 404.
    pub outbound: Option<Outbound>,
}

/// What is done with received contexts, in addition to the settings of the propagator.
#[derive(Debug)]
pub struct Inbound {
    pub passthrough: bool,
    pub accept_baggage: Keys,
    /// Beginnings of paths.
    pub skip: Vec<String>,
    /// Leaves refused headers in requests that are forwarded. For the service's own paths they always stay.
    pub keep_refused: bool,
}

impl Arguments {
    fn propagator(&self) -> Result<Propagator, OptionsError> {
        let mut builder = Propagator::builder();
        if self.sw8_service.is_some() || self.sw8_instance.is_some() {
            builder = builder.define(self.sw8()?);
        }
        let list = |names: &Option<String>| names.clone().unwrap_or_else(|| "tracecontext,baggage".into());
        let limit = |text: &Option<String>, default| text.as_deref().map_or(Ok(default), str::parse);
        let limits = BaggageLimits {
            members: limit(&self.baggage_members, BaggageLimits::W3C.members)?,
            bytes: limit(&self.baggage_bytes, BaggageLimits::W3C.bytes)?,
        };
        builder = builder.define(W3cBaggage::new().limits(limits));
        builder = builder.define(self.sentry()).define(self.newrelic());
        builder = builder.names(&list(&self.extract), &list(&self.inject))?;
        for header in &self.correlation {
            builder = builder.with_format(Correlation::new(header)?);
        }
        if let Some(trust) = self.trust()? {
            builder = builder.trust(trust);
        }
        if self.extract_first {
            builder = builder.extract_first();
        }
        Ok(builder.build()?)
    }

    /// Returns the trust, or `None` for the default: a service that reads nothing may have no other.
    fn trust(&self) -> Result<Option<Trust>, OptionsError> {
        let named = |flag, word: &Option<String>| word.as_deref().map(|word| trust(flag, word)).transpose();
        match (named("--trust", &self.trust)?, named("--behavior", &self.behavior)?) {
            (Some(trust), Some(behavior)) if trust != behavior => Err(OptionsError::TwoTrusts(trust, behavior)),
            (trust, behavior) => Ok(trust.or(behavior)),
        }
    }

    /// Settings are leaked: they live as long as the process.
    fn sentry(&self) -> Sentry {
        let format = match &self.sentry_org_id {
            Some(org_id) => Sentry::new().org_id(org_id.clone().leak()),
            None => Sentry::new(),
        };
        if self.strict_trace_continuation { format.strict_trace_continuation() } else { format }
    }

    fn newrelic(&self) -> NewRelic {
        match &self.trusted_account_key {
            Some(key) => NewRelic::new().trusted_account_key(key.clone().leak()),
            None => NewRelic::new(),
        }
    }

    fn sw8(&self) -> Result<Sw8, Sw8IdentityError> {
        let builder = Sw8::builder();
        let builder = self.sw8_service.iter().fold(builder, |builder, name| builder.service(name));
        let builder = self.sw8_instance.iter().fold(builder, |builder, name| builder.instance(name));
        builder.build()
    }

    fn inbound(&self) -> Result<Inbound, OptionsError> {
        // An empty prefix, or one that is not a path, is probably a mistake.
        if let Some(prefix) = self.skip.iter().find(|prefix| !prefix.starts_with('/')) {
            return Err(OptionsError::Skip(prefix.clone()));
        }
        Ok(Inbound {
            passthrough: self.passthrough,
            accept_baggage: keys("--accept-baggage", self.accept_baggage.as_deref().unwrap_or("all"))?,
            skip: self.skip.clone(),
            keep_refused: self.keep_refused,
        })
    }

    fn outbound(&self) -> Result<Option<Outbound>, OptionsError> {
        let Some(url) = &self.upstream else {
            let given = [
                ("--client", self.client.is_some()),
                ("--send-baggage", self.send_baggage.is_some()),
                ("--send-correlation", self.send_correlation),
                ("--keep-formats", self.keep_formats.is_some()),
            ];
            return match given.iter().find(|(_, given)| *given) {
                Some((flag, _)) => Err(OptionsError::NeedsUpstream(flag)),
                None => Ok(None),
            };
        };
        let upstream = Upstream::parse(url).map_err(|source| OptionsError::Upstream { url: url.clone(), source })?;
        Ok(Some(Outbound {
            upstream,
            client: self.client.as_deref().map_or(Ok(ClientKind::default()), client)?,
            send_baggage: keys("--send-baggage", self.send_baggage.as_deref().unwrap_or("none"))?,
            send_correlation: self.send_correlation,
            keep_formats: self.keep_formats()?,
            // Refused headers are then in the request, and a call that lost its context must not send them.
            without_context: if self.keep_refused { WithoutContext::Strip } else { WithoutContext::Leave },
        }))
    }

    /// Returns the formats whose headers are kept. They are leaked, as keys are.
    fn keep_formats(&self) -> Result<&'static [&'static str], OptionsError> {
        let list: &'static str = self.keep_formats.clone().unwrap_or_default().leak();
        let names = || list.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "none");
        let trust = self.trust()?.unwrap_or_default();
        if trust != Trust::Continue && names().next().is_some() {
            return Err(OptionsError::KeptAndRefused(trust));
        }
        for name in names() {
            // A list with an unknown name is an error.
            Propagator::from_names(name, "none").map_err(OptionsError::KeptFormats)?;
            if name.eq_ignore_ascii_case("baggage") || name.contains(':') {
                return Err(OptionsError::KeptText(name.to_owned()));
            }
        }
        Ok(names().collect::<Vec<_>>().leak())
    }
}

fn trust(flag: &'static str, word: &str) -> Result<Trust, OptionsError> {
    Ok(match word {
        "continue" => Trust::Continue,
        "resample" => Trust::Resample,
        "restart" => Trust::Restart,
        "ignore" => Trust::Ignore,
        _ => return Err(unknown_word(flag, word, "continue, resample, restart, ignore")),
    })
}

fn client(word: &str) -> Result<ClientKind, OptionsError> {
    Ok(match word {
        "hyper" => ClientKind::Hyper,
        "reqwest" => ClientKind::Reqwest,
        "plain" => ClientKind::Plain,
        _ => return Err(unknown_word("--client", word, "hyper, reqwest, plain")),
    })
}

/// Reads a list of keys. The keys are leaked: settings live as long as the process.
fn keys(flag: &'static str, list: &str) -> Result<Keys, OptionsError> {
    Ok(Keys(match list {
        "all" => Allow::All,
        "none" => Allow::None,
        _ if list.split(',').any(|key| key.trim().is_empty()) => return Err(OptionsError::EmptyKey(flag)),
        _ => {
            let list: &'static str = list.to_owned().leak();
            Allow::Only(list.split(',').map(str::trim).collect::<Vec<_>>().leak())
        }
    }))
}

fn unknown_word(flag: &'static str, word: &str, known: &'static str) -> OptionsError {
    OptionsError::UnknownWord { flag, word: word.to_owned(), known }
}

impl Options {
    /// Parses the arguments after the program's name.
    ///
    /// # Errors
    /// Returns [`OptionsError`] if an argument is unknown, a value is invalid, or arguments contradict each other.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, OptionsError> {
        let arguments = Arguments::read(arguments)?;
        let listen = arguments.listen.as_deref().unwrap_or("127.0.0.1:5000").parse()?;
        let (inbound, outbound) = (arguments.inbound()?, arguments.outbound()?);
        let trust = arguments.trust()?.unwrap_or_default();
        Ok(Self { listen, propagator: arguments.propagator()?, trust, inbound, outbound })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, OptionsError> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn ok_parse_defaults_and_values() {
        let options = parse("").unwrap();
        assert_eq!(options.listen, "127.0.0.1:5000".parse().unwrap());
        let w3c = ["tracecontext", "baggage"];
        assert!(options.propagator.extract_names().eq(w3c) && options.propagator.inject_names().eq(w3c));
        let options = parse("--inject none --listen [::1]:0 --extract baggage").unwrap();
        assert_eq!((options.listen.port(), options.propagator.inject_names().count()), (0, 0));
        assert!(options.propagator.extract_names().eq(["baggage"]));
    }

    #[test]
    fn ok_parse_correlation_headers_after_both_lists() {
        let line = "--correlation X-A --extract b3,tracecontext --inject none --correlation x-b";
        let propagator = parse(line).unwrap().propagator;
        assert!(propagator.extract_names().eq(["b3", "tracecontext", "correlation:x-a", "correlation:x-b"]));
        assert!(propagator.inject_names().eq(["correlation:x-a", "correlation:x-b"]));
    }

    #[test]
    fn ok_parse_every_name_with_an_identity_to_write_sw8() {
        let line = "--sw8-service cart --extract all --inject all --extract-first --behavior continue";
        let propagator = parse(line).unwrap().propagator;
        let all = Propagator::from_names("all", "none").unwrap();
        assert!(all.extract_names().count() > 1);
        assert!(propagator.extract_names().eq(all.extract_names()));
        // Some formats are written only if a list names them.
        let written = Propagator::builder().define(Sw8::new("cart", "cart-1")).names("none", "all").unwrap();
        assert!(propagator.inject_names().eq(written.build().unwrap().inject_names()));
    }

    #[test]
    fn err_parse_says_what_is_wrong() {
        let error = |line| parse(line).unwrap_err().to_string();
        assert_eq!(error("--port 1"), "unknown argument \"--port\"");
        assert_eq!(error("--listen"), "--listen needs a value");
        assert_eq!(error("--correlation"), "--correlation needs a value");
        assert_eq!(error("--listen here"), "--listen: invalid socket address syntax");
        assert!(
            error("--extract b4")
                .starts_with("--extract and --inject: extract list: unknown format `b4`; expected one of")
        );
        assert_eq!(error("--behavior halt"), "--behavior: \"halt\" is not one of continue, resample, restart, ignore");
        assert_eq!(error("--baggage-bytes x"), "--baggage-members and --baggage-bytes: invalid digit found in string");
        assert!(error("--correlation a,b3").starts_with("--correlation: "));
        assert!(error("--correlation traceparent").starts_with("--correlation: "));
        let long = "x".repeat(51);
        let identity = error(&format!("--sw8-service {long} --sw8-instance 1 --inject sw8"));
        assert!(identity.starts_with("--sw8-service and --sw8-instance: "), "{identity}");
    }
}
