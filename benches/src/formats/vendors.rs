//! Formats of clouds and vendors: `xray`, `sentry`, `cloudtrace`, `ottrace`, `instana`, `newrelic`, `elastic` and
//! `grpc-trace-bin`.
//!
//! A peer in Rust exists for the first three of them.

use std::sync::LazyLock;

use http::HeaderMap;
use opentelemetry_aws::trace::XrayPropagator;
use traceprop_core::{InjectOptions, Propagator};

use super::{CHILD, IDS, NARROW, NOTHING, case, sizes};
use crate::opentelemetry_stackdriver::CloudTrace;
use crate::sentry_core::Sentry;
use crate::{Case, Contender, FLOOR, Found, Input, floor, opentelemetry, traceprop};

/// The requests of one format: sampled, not sampled, with an invalid digit, and without the header.
struct Requests {
    sampled: Input,
    not_sampled: Input,
    malformed: Input,
    absent: Input,
}

type Lines = &'static [(&'static str, &'static str)];

const NOT_SAMPLED: Found = Found { sampled: false, ..IDS };

static XRAY: Requests = Requests {
    sampled: Input::new("xray", XRAY_LINE, IDS),
    not_sampled: Input::new(
        "xray-not-sampled",
        &[("x-amzn-trace-id", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=0")],
        NOT_SAMPLED,
    ),
    // An invalid parent would be ignored, so this is the last digit of the trace id.
    malformed: Input::new(
        "xray-malformed",
        &[("x-amzn-trace-id", "Root=1-4bf92f35-77b34da6a3ce929d0e0e473z;Parent=00f067aa0ba902b7;Sampled=1")],
        NOTHING,
    ),
    absent: Input::new("xray-absent", &[], NOTHING),
};
const XRAY_LINE: Lines =
    &[("x-amzn-trace-id", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1")];

static SENTRY: Requests = Requests {
    sampled: Input::new("sentry", &[("sentry-trace", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")], IDS),
    not_sampled: Input::new(
        "sentry-not-sampled",
        &[("sentry-trace", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0")],
        NOT_SAMPLED,
    ),
    malformed: Input::new(
        "sentry-malformed",
        &[("sentry-trace", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bz-1")],
        NOTHING,
    ),
    absent: Input::new("sentry-absent", &[], NOTHING),
};

static CLOUDTRACE: Requests = Requests {
    sampled: Input::new(
        "cloudtrace",
        &[("x-cloud-trace-context", "4bf92f3577b34da6a3ce929d0e0e4736/67667974448284343;o=1")],
        IDS,
    ),
    not_sampled: Input::new(
        "cloudtrace-not-sampled",
        &[("x-cloud-trace-context", "4bf92f3577b34da6a3ce929d0e0e4736/67667974448284343;o=0")],
        NOT_SAMPLED,
    ),
    malformed: Input::new(
        "cloudtrace-malformed",
        &[("x-cloud-trace-context", "4bf92f3577b34da6a3ce929d0e0e4736/6766797444828434z;o=1")],
        NOTHING,
    ),
    absent: Input::new("cloudtrace-absent", &[], NOTHING),
};

const OT_TRACE_ID: (&str, &str) = ("ot-tracer-traceid", "a3ce929d0e0e4736");
const OT_SPAN_ID: (&str, &str) = ("ot-tracer-spanid", "00f067aa0ba902b7");
const OT_SAMPLED: (&str, &str) = ("ot-tracer-sampled", "true");

/// Its trace ids have 64 bits.
static OTTRACE: Requests = Requests {
    sampled: Input::new("ottrace", &[OT_TRACE_ID, OT_SPAN_ID, OT_SAMPLED], NARROW),
    not_sampled: Input::new(
        "ottrace-not-sampled",
        &[OT_TRACE_ID, OT_SPAN_ID, ("ot-tracer-sampled", "false")],
        Found { sampled: false, ..NARROW },
    ),
    malformed: Input::new(
        "ottrace-malformed",
        &[OT_TRACE_ID, ("ot-tracer-spanid", "00f067aa0ba902bz"), OT_SAMPLED],
        NOTHING,
    ),
    absent: Input::new("ottrace-absent", &[], NOTHING),
};

const INSTANA_T: (&str, &str) = ("x-instana-t", "4bf92f3577b34da6a3ce929d0e0e4736");
const INSTANA_S: (&str, &str) = ("x-instana-s", "00f067aa0ba902b7");
const INSTANA_L: (&str, &str) = ("x-instana-l", "1");

static INSTANA: Requests = Requests {
    sampled: Input::new("instana", &[INSTANA_T, INSTANA_S, INSTANA_L], IDS),
    not_sampled: Input::new("instana-not-sampled", &[INSTANA_T, INSTANA_S, ("x-instana-l", "0")], NOT_SAMPLED),
    malformed: Input::new("instana-malformed", &[INSTANA_T, ("x-instana-s", "00f067aa0ba902bz"), INSTANA_L], NOTHING),
    absent: Input::new("instana-absent", &[], NOTHING),
};

/// Base64 of what the Go agent sends: `{"v":[0,1],"d":{"ty":"App","ac":"33",..}}`.
static NEWRELIC: Requests = Requests {
    sampled: Input::new(
        "newrelic",
        &[(
            "newrelic",
            "eyJ2IjpbMCwxXSwiZCI6eyJ0eSI6IkFwcCIsImFjIjoiMzMiLCJhcCI6IjI4Mjc5MDIiLCJpZCI6IjAwZjA2N2FhMGJhOTAyYjci\
             LCJ0eCI6IjZiYmFmOTc3ZDAyZjAxMTQiLCJ0ciI6IjRiZjkyZjM1NzdiMzRkYTZhM2NlOTI5ZDBlMGU0NzM2IiwicHIiOjEuMjM0NTYsInNhIjp0cnVlLCJ0aSI6MTUxODQ2OTYzNjAzNX19",
        )],
        IDS,
    ),
    not_sampled: Input::new(
        "newrelic-not-sampled",
        &[(
            "newrelic",
            "eyJ2IjpbMCwxXSwiZCI6eyJ0eSI6IkFwcCIsImFjIjoiMzMiLCJhcCI6IjI4Mjc5MDIiLCJpZCI6IjAwZjA2N2FhMGJhOTAyYjci\
             LCJ0eCI6IjZiYmFmOTc3ZDAyZjAxMTQiLCJ0ciI6IjRiZjkyZjM1NzdiMzRkYTZhM2NlOTI5ZDBlMGU0NzM2IiwicHIiOjEuMjM0NTYsInNhIjpmYWxzZSwidGkiOjE1MTg0Njk2MzYwMzV9fQ==",
        )],
        NOT_SAMPLED,
    ),
    malformed: Input::new(
        "newrelic-malformed",
        &[(
            "newrelic",
            "eyJ2IjpbMCwxXSwiZCI6eyJ0eSI6IkFwcCIsImFjIjoiMzMiLCJhcCI6IjI4Mjc5MDIiLCJpZCI6IjAwZjA2N2FhMGJhOTAyYjci\
             LCJ0eCI6IjZiYmFmOTc3ZDAyZjAxMTQiLCJ0ciI6IjRiZjkyZjM1NzdiMzRkYTZhM2NlOTI5ZDBlMGU0NzN6IiwicHIiOjEuMjM0NTYsInNhIjp0cnVlLCJ0aSI6MTUxODQ2OTYzNjAzNX19",
        )],
        NOTHING,
    ),
    absent: Input::new("newrelic-absent", &[], NOTHING),
};

static ELASTIC: Requests = Requests {
    sampled: Input::new(
        "elastic",
        &[("elastic-apm-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")],
        IDS,
    ),
    not_sampled: Input::new(
        "elastic-not-sampled",
        &[("elastic-apm-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")],
        NOT_SAMPLED,
    ),
    malformed: Input::new(
        "elastic-malformed",
        &[("elastic-apm-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bz-01")],
        NOTHING,
    ),
    absent: Input::new("elastic-absent", &[], NOTHING),
};

static GRPC_TRACE_BIN: Requests = Requests {
    sampled: Input::new("grpc-trace-bin", &[("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE")], IDS)
        .written(grpc_trace_bin_written),
    not_sampled: Input::new(
        "grpc-trace-bin-not-sampled",
        &[("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgA")],
        NOT_SAMPLED,
    ),
    // The last character is not base64.
    malformed: Input::new(
        "grpc-trace-bin-malformed",
        &[("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3Ag*")],
        NOTHING,
    ),
    absent: Input::new("grpc-trace-bin-absent", &[], NOTHING),
};

/// Returns the line with the span of the writer.
fn grpc_trace_bin_written(_: &Input, span_id: u64) -> Vec<(&'static str, String)> {
    assert_eq!(span_id, CHILD);
    vec![("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ODkc2AVPOkp0ODkc2AgE".to_owned())]
}

static AWS: LazyLock<XrayPropagator> = LazyLock::new(XrayPropagator::new);
static STACKDRIVER: LazyLock<CloudTrace> = LazyLock::new(CloudTrace::new);

pub(super) fn cases() -> Vec<Case> {
    let formats = [
        xray(),
        sentry(),
        cloudtrace(),
        Format { ours: "ottrace", requests: &OTTRACE, extract: floor::ottrace::extract }
            .cases(floor::ottrace::inject, no_peer),
        Format { ours: "instana", requests: &INSTANA, extract: floor::instana::extract }
            .cases(floor::instana::inject, no_peer),
        // It is only read.
        Format { ours: "newrelic", requests: &NEWRELIC, extract: floor::newrelic::extract }.reads(no_peer),
        Format { ours: "elastic", requests: &ELASTIC, extract: floor::elastic::extract }
            .cases(floor::elastic::inject, no_peer),
        Format { ours: "grpc-trace-bin", requests: &GRPC_TRACE_BIN, extract: floor::grpc_trace_bin::extract }
            .cases(floor::grpc_trace_bin::inject, no_peer),
    ];
    formats.into_iter().flatten().collect()
}

fn xray() -> Vec<Case> {
    const PEER: &str = "opentelemetry-aws";
    let format = Format { ours: "xray", requests: &XRAY, extract: floor::xray::extract };
    format.cases(floor::xray::inject, |work| match work {
        Work::Extract(input, others) => {
            Some(Contender::extract(PEER, input, others, |headers| opentelemetry::extract_ids(&*AWS, headers)))
        }
        Work::Inject(input) => Some(Contender::inject(
            PEER,
            input,
            |headers| opentelemetry::context_with(&*AWS, headers),
            |context, headers| opentelemetry::inject_with(&*AWS, context, headers),
        )),
        Work::Child(input) => Some(Contender::child(PEER, input, 16, CHILD, |from, span_id, to| {
            opentelemetry::child_with(&*AWS, from, span_id, to);
        })),
    })
}

fn sentry() -> Vec<Case> {
    const PEER: &str = "sentry-core";
    let format = Format { ours: "sentry", requests: &SENTRY, extract: floor::sentry::extract };
    format.cases(floor::sentry::inject, |work| match work {
        Work::Extract(input, others) => {
            let theirs = Sentry::expecting(input.found);
            Some(Contender::extract(PEER, input, others, move |headers| theirs.extract(headers)))
        }
        Work::Inject(input) => {
            Some(Contender::inject(PEER, input, crate::sentry_core::context, crate::sentry_core::inject))
        }
        Work::Child(input) => Some(Contender::child(PEER, input, 16, CHILD, crate::sentry_core::child)),
    })
}

fn cloudtrace() -> Vec<Case> {
    const PEER: &str = "opentelemetry-stackdriver";
    let format = Format { ours: "cloudtrace", requests: &CLOUDTRACE, extract: floor::cloudtrace::extract };
    format.cases(floor::cloudtrace::inject, |work| match work {
        Work::Extract(input, others) => {
            Some(Contender::extract(PEER, input, others, |headers| STACKDRIVER.extract(headers)))
        }
        Work::Inject(input) => Some(Contender::inject(
            PEER,
            input,
            |headers| STACKDRIVER.context(headers),
            |context, headers| STACKDRIVER.inject(context, headers),
        )),
        Work::Child(input) => Some(Contender::child(PEER, input, 16, CHILD, |from, span_id, to| {
            STACKDRIVER.child(from, span_id, to);
        })),
    })
}

/// What a peer is asked for.
enum Work {
    Extract(&'static Input, usize),
    Inject(&'static Input),
    Child(&'static Input),
}

fn no_peer(_: Work) -> Option<Contender> {
    None
}

/// A format as ours reads it and as the floor does. The floor is a type of its own, so that it is called directly.
struct Format<E> {
    ours: &'static str,
    requests: &'static Requests,
    extract: E,
}

impl<E: Fn(&HeaderMap) -> Found + Copy + 'static> Format<E> {
    /// Returns the cases of a format that is read and written.
    fn cases<I>(self, inject: I, peer: fn(Work) -> Option<Contender>) -> Vec<Case>
    where
        I: Fn(&(u128, u64), &mut HeaderMap) + Copy + 'static,
    {
        let (ours, extract, input) = (traceprop::named(self.ours), self.extract, &self.requests.sampled);
        let trace_id = input.found.trace_id;
        let injects = [
            Some(Contender::inject(
                "traceprop",
                input,
                |headers| traceprop::context_with(ours, headers),
                |context, headers| traceprop::inject_with(ours, &InjectOptions::everything(), context, headers),
            )),
            peer(Work::Inject(input)),
            Some(Contender::inject(FLOOR, input, |_| (trace_id, CHILD), inject)),
        ];
        let children = [
            Some(Contender::child("traceprop", input, 16, CHILD, |from, span_id, to| {
                traceprop::child_with(ours, &InjectOptions::everything(), from, span_id, to);
            })),
            peer(Work::Child(input)),
            Some(Contender::child(FLOOR, input, 16, CHILD, move |from, span_id, to| {
                inject(&(extract(from).trace_id, span_id), to);
            })),
        ];
        let mut cases = self.reads(peer);
        cases.push(case("inject", input, 16, injects.into_iter().flatten().collect()));
        cases.push(case("forward/child", input, 16, children.into_iter().flatten().collect()));
        cases
    }

    /// Returns the cases of an extract.
    fn reads(self, peer: fn(Work) -> Option<Contender>) -> Vec<Case> {
        let ours = Propagator::from_names(self.ours, "none").expect("this name is known");
        let ours = traceprop::forever(ours);
        let Requests { sampled, not_sampled, malformed, absent } = self.requests;
        let requests = sizes(sampled, absent, &[not_sampled, malformed]).into_iter();
        let cases = requests.map(|(input, others)| {
            let contenders = [
                Some(Contender::extract("traceprop", input, others, |headers| traceprop::extract_ids(ours, headers))),
                peer(Work::Extract(input, others)),
                Some(Contender::extract(FLOOR, input, others, self.extract)),
            ];
            case("extract", input, others, contenders.into_iter().flatten().collect())
        });
        cases.collect()
    }
}
