//! The table: every format under each setting that changes what is read or written.

use std::sync::LazyLock;

use traceprop_core::formats::b3::B3;
use traceprop_core::formats::cloudtrace::CloudTrace;
use traceprop_core::formats::correlation::{Correlation, WhenAbsent};
use traceprop_core::formats::datadog::Datadog;
use traceprop_core::formats::elastic::Elastic;
use traceprop_core::formats::grpc_trace_bin::GrpcTraceBin;
use traceprop_core::formats::instana::Instana;
use traceprop_core::formats::jaeger::Jaeger;
use traceprop_core::formats::newrelic::NewRelic;
use traceprop_core::formats::ottrace::OtTrace;
use traceprop_core::formats::sentry::Sentry;
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::formats::xray::XRay;
use traceprop_core::{InvalidReason, Sampling, SpanId, format::Format};

use crate::acme::Acme;
use crate::subject::{Empty, Second, Subject, TooLong, lines};

static TRACE_CONTEXT: W3cTraceContext = W3cTraceContext::new();
static SAME_TRACE: W3cTraceContext = W3cTraceContext::new().allow_multiple_traceparent().max_tracestate_len(512);
static B3_SINGLE: B3 = B3::single();
static B3_MULTI: B3 = B3::multi();
static B3_BOTH: B3 = B3::both();
static DATADOG: Datadog = Datadog::new();
static DATADOG_TRACER: Datadog = Datadog::new().keep_tid().reports_spans();
static JAEGER: Jaeger = Jaeger::new();
static JAEGER_AND_W3C: Jaeger = Jaeger::new().with_w3c_baggage();
static SW8: Sw8 = Sw8::new("cart", "cart-1");
static SW8_NAMESPACED: LazyLock<Sw8> =
    LazyLock::new(|| Sw8::new("cart", "cart-1").with_namespace("acme").expect("a namespace"));
static ELASTIC: Elastic = Elastic::new();
static OT_TRACE: OtTrace = OtTrace::new();
static INSTANA: Instana = Instana::new();
static NEW_RELIC: NewRelic = NewRelic::new();
static GRPC_TRACE_BIN: GrpcTraceBin = GrpcTraceBin::new();
static DATADOG_AND_OT: Datadog = Datadog::new().with_ot_baggage();
static SENTRY: Sentry = Sentry::new();
static SENTRY_STRICT: Sentry = Sentry::new().org_id("1");
static CLOUD_TRACE: CloudTrace = CloudTrace::new();
static XRAY: XRay = XRay::new();
static CORRELATION: Correlation = Correlation::from_static("X-Plumbr-TransactionId");
static CORRELATION_OPAQUE: Correlation = Correlation::from_static("x-order").opaque().when_absent(WhenAbsent::TraceId);

pub(crate) static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(|| {
    vec![
        w3c(&TRACE_CONTEXT, Second::Invalid(InvalidReason::MultipleTraceparent)),
        w3c(&SAME_TRACE, Second::Invalid(InvalidReason::MultipleTraceparent)),
        b3_single(&B3_SINGLE),
        b3_multi(),
        Subject {
            also_writes: &["x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"],
            ..b3_single(&B3_BOTH)
        },
        datadog(&DATADOG),
        datadog(&DATADOG_TRACER),
        datadog(&DATADOG_AND_OT),
        jaeger(&JAEGER),
        jaeger(&JAEGER_AND_W3C),
        sw8(&SW8, "sw8"),
        sw8(&*SW8_NAMESPACED, "acme-sw8"),
        sentry(&SENTRY),
        sentry(&SENTRY_STRICT),
        elastic(),
        ottrace(),
        instana(),
        newrelic(),
        grpc_trace_bin(),
        xray(),
        cloudtrace(),
        correlation(&CORRELATION, "x-plumbr-transactionid"),
        correlation(&CORRELATION_OPAQUE, "x-order"),
        acme(),
    ]
});

/// Returns the formats that are not only read.
pub(crate) fn writers() -> impl Iterator<Item = &'static Subject> {
    SUBJECTS.iter().filter(|subject| !subject.is_read_only())
}

fn yes_or_no(sampling: Sampling) -> Sampling {
    match sampling {
        Sampling::Deferred | Sampling::NotSampled => Sampling::NotSampled,
        Sampling::Sampled | Sampling::Debug => Sampling::Sampled,
    }
}

fn not_debug(sampling: Sampling) -> Sampling {
    if sampling == Sampling::Debug { Sampling::Sampled } else { sampling }
}

fn hex(span: SpanId) -> String {
    span.to_string()
}

fn w3c(format: &'static dyn Format, second: Second) -> Subject {
    let value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    Subject {
        format,
        main: "traceparent",
        value: value.into(),
        other_value: value.replace("736-", "737-"),
        says_nothing: 0..0,
        others: vec![],
        husks: vec![lines(&[("tracestate", "")]), lines(&[("tracestate", " ")]), lines(&[("tracestate", "a=1")])],
        empty: Empty::Invalid(InvalidReason::BadLength),
        two_lines: second,
        joined: second,
        lists: vec![("tracestate", "rojo=1,congo=2", "dd=s:2;t.dm:-4")],
        too_long: TooLong {
            longest: vec![value.into(), value.replace("00-4", "cc-4") + "-" + &"a".repeat(100_000)],
            longer: vec![
                (format!("{value}0"), InvalidReason::TrailingData),
                (format!("{value}-{}", "a".repeat(100_000)), InvalidReason::TrailingData),
                ("a".repeat(100_000), InvalidReason::BadDelimiter),
            ],
        },
        says: yes_or_no,
        names_span: true,
        says_random: true,
        needs_low: false,
        has_low_half: false,
        also_writes: &[],
        spell: hex,
    }
}

fn elastic() -> Subject {
    let w3c = w3c(&ELASTIC, Second::Invalid(InvalidReason::MultipleTraceparent));
    Subject { main: "elastic-apm-traceparent", husks: vec![lines(&[("tracestate", "a=1")])], lists: vec![], ..w3c }
}

fn instana() -> Subject {
    let value = "4bf92f3577b34da6a3ce929d0e0e4736";
    Subject {
        format: &INSTANA,
        main: "x-instana-t",
        value: value.into(),
        other_value: value.replace("736", "737"),
        others: lines(&[("x-instana-s", "00f067aa0ba902b7"), ("x-instana-l", "1")]),
        husks: vec![
            lines(&[("x-instana-l", "1")]),
            lines(&[("x-instana-synthetic", "1")]),
            lines(&[
                ("x-instana-t", "cd9ffb6b0f2185e0"),
                ("x-instana-s", "cd9ffb6b0f2185e0"),
                ("x-instana-l", "1,correlationType=web;correlationId=cd9ffb6b0f2185e0"),
            ]),
        ],
        too_long: TooLong {
            longest: vec![value.into()],
            longer: vec![
                (format!("0{value}"), InvalidReason::BadLength),
                ("a".repeat(100_000), InvalidReason::BadLength),
            ],
        },
        says: |sampling| if sampling == Sampling::NotSampled { sampling } else { Sampling::Sampled },
        needs_low: false,
        has_low_half: false,
        ..ottrace()
    }
}

pub(crate) const GRPC_VALUE: &str = "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE";

fn grpc_trace_bin() -> Subject {
    let filled = |len: usize| format!("{GRPC_VALUE}A{}", "A".repeat(len - GRPC_VALUE.len() - 1));
    Subject {
        format: &GRPC_TRACE_BIN,
        main: "grpc-trace-bin",
        value: GRPC_VALUE.into(),
        other_value: GRPC_VALUE.replace("c2AQ", "c3AQ"),
        says_nothing: 0..0,
        others: vec![],
        husks: vec![],
        empty: Empty::Invalid(InvalidReason::Empty),
        two_lines: Second::FirstCounts,
        joined: Second::FirstCounts,
        too_long: TooLong {
            longest: vec![format!("{GRPC_VALUE}=")],
            longer: vec![
                (filled(256), InvalidReason::RepeatedField),
                (filled(257), InvalidReason::TooLong),
                ("a".repeat(100_000), InvalidReason::TooLong),
            ],
        },
        says: yes_or_no,
        needs_low: false,
        has_low_half: false,
        // With the number of the field, these are whole groups.
        spell: |span| base64_of(&[&[1], &span.to_bytes()[..]].concat()),
        ..ottrace()
    }
}

fn ottrace() -> Subject {
    let value = "a3ce929d0e0e4736";
    Subject {
        format: &OT_TRACE,
        main: "ot-tracer-traceid",
        value: format!("4bf92f3577b34da6{value}"),
        other_value: "4bf92f3577b34da6a3ce929d0e0e4737".into(),
        says_nothing: 0..0,
        others: lines(&[("ot-tracer-spanid", "00f067aa0ba902b7"), ("ot-tracer-sampled", "true")]),
        husks: vec![lines(&[("ot-baggage-tenant", "acme")])],
        empty: Empty::Invalid(InvalidReason::BadLength),
        two_lines: Second::FirstCounts,
        joined: Second::FirstCounts,
        lists: vec![],
        too_long: TooLong {
            longest: vec![format!("4bf92f3577b34da6{value}"), format!("4bf92f3577b34da6{value},0")],
            longer: vec![
                (format!("04bf92f3577b34da6{value}"), InvalidReason::BadLength),
                ("a".repeat(100_000), InvalidReason::BadLength),
            ],
        },
        says: yes_or_no,
        names_span: true,
        says_random: false,
        needs_low: true,
        has_low_half: true,
        also_writes: &[],
        spell: hex,
    }
}

fn b3_single(format: &'static dyn Format) -> Subject {
    let value = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1";
    Subject {
        format,
        main: "b3",
        value: value.into(),
        other_value: value.replace("736-", "737-"),
        says_nothing: 0..0,
        others: vec![],
        husks: vec![lines(&[("X-B3-Flags", "0")]), lines(&[("x-b3-flags", "")])],
        empty: Empty::Invalid(InvalidReason::Empty),
        two_lines: Second::FirstCounts,
        joined: Second::FirstCounts,
        lists: vec![],
        too_long: TooLong {
            longest: vec![format!("{value}-05e3ac9a4f6e3b90")],
            longer: vec![
                (format!("{value}-05e3ac9a4f6e3b901"), InvalidReason::BadLength),
                (format!("{value}-05e3ac9a4f6e3b90-1"), InvalidReason::FieldCount),
                ("a".repeat(100_000), InvalidReason::FieldCount),
            ],
        },
        says: |sampling| sampling,
        names_span: true,
        says_random: false,
        needs_low: false,
        has_low_half: false,
        also_writes: &[],
        spell: hex,
    }
}

fn b3_multi() -> Subject {
    let value = "4bf92f3577b34da6a3ce929d0e0e4736";
    Subject {
        main: "x-b3-traceid",
        value: value.into(),
        other_value: value.replace("736", "737"),
        others: lines(&[("x-b3-spanid", "00f067aa0ba902b7"), ("x-b3-sampled", "1")]),
        too_long: TooLong {
            longest: vec![value.into()],
            longer: vec![
                (format!("0{value}"), InvalidReason::BadLength),
                ("a".repeat(100_000), InvalidReason::BadLength),
            ],
        },
        ..b3_single(&B3_MULTI)
    }
}

fn datadog(format: &'static dyn Format) -> Subject {
    Subject {
        format,
        main: "x-datadog-trace-id",
        value: "11803532876627986230".into(),
        other_value: "11803532876627986231".into(),
        says_nothing: 0..0,
        others: lines(&[
            ("x-datadog-parent-id", "67667974448284343"),
            ("x-datadog-sampling-priority", "1"),
            ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6"),
        ]),
        husks: vec![
            lines(&[("x-datadog-origin", "rum"), ("x-datadog-parent-id", "1"), ("x-datadog-sampling-priority", "1")]),
            lines(&[("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6")]),
        ],
        empty: Empty::Invalid(InvalidReason::Empty),
        two_lines: Second::Invalid(InvalidReason::RepeatedField),
        joined: Second::Invalid(InvalidReason::BadDecimal),
        lists: vec![("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6", "_dd.p.dm=-4,_dd.p.usr.id=YWxpY2U=")],
        too_long: TooLong {
            longest: vec!["18446744073709551615".into()],
            longer: vec![
                ("18446744073709551616".into(), InvalidReason::OutOfRange),
                ("1".repeat(100_000), InvalidReason::TooLong),
            ],
        },
        says: not_debug,
        names_span: true,
        says_random: false,
        needs_low: true,
        has_low_half: false,
        also_writes: &[],
        spell: |span| span.get().to_string(),
    }
}

fn jaeger(format: &'static dyn Format) -> Subject {
    let value = "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1";
    let filled = |len: usize| format!("{}:{}:1", &value[..49], "0".repeat(len - 52));
    Subject {
        format,
        main: "uber-trace-id",
        value: value.into(),
        other_value: value.replace("736:", "737:"),
        // The deprecated parent, which is not checked.
        says_nothing: 50..51,
        others: vec![],
        husks: vec![
            lines(&[("uberctx-tenant", "acme")]),
            lines(&[("jaeger-baggage", "tenant=acme")]),
            lines(&[("jaeger-debug-id", " ")]),
        ],
        empty: Empty::Invalid(InvalidReason::Empty),
        two_lines: Second::Invalid(InvalidReason::RepeatedField),
        joined: Second::Invalid(InvalidReason::RepeatedField),
        lists: vec![("jaeger-baggage", "tenant=acme", "user=alice")],
        too_long: TooLong {
            longest: vec![filled(256)],
            longer: vec![
                (filled(257), InvalidReason::TooLong),
                (format!("0{value}"), InvalidReason::BadLength),
                ("a".repeat(100_000), InvalidReason::TooLong),
            ],
        },
        says: |sampling| if sampling == Sampling::Deferred { Sampling::NotSampled } else { sampling },
        names_span: true,
        says_random: false,
        needs_low: false,
        has_low_half: false,
        also_writes: &[],
        spell: hex,
    }
}

pub(crate) const SW8_VALUE: &str = "1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=\
    -MDBmMDY3YWEwYmE5MDJiNzAwMDAwMDAwMDAwMDAwMDA=-0-Y2FydA==-Y2FydC0x-Lw==-dW5rbm93bg==";

fn sw8(format: &'static dyn Format, main: &'static str) -> Subject {
    let prefix = if main == "sw8" { "" } else { "acme-" };
    let name = |rest: &str| -> &'static str { format!("{prefix}{rest}").leak() };
    let without_peer = &SW8_VALUE[..SW8_VALUE.len() - "dW5rbm93bg==".len()];
    // A peer of that many letters; 2048 less the text before it is a whole number of base64 groups.
    let filled = |len: usize| format!("{without_peer}{}", "A".repeat(len - without_peer.len()));
    Subject {
        format,
        main,
        value: SW8_VALUE.into(),
        other_value: SW8_VALUE.replace("Q3MzY=", "Q3Mzc="),
        says_nothing: 0..0,
        others: vec![],
        husks: vec![
            lines(&[(main, "1-------")]),
            lines(&[(main, "0-------"), (name("sw8-x"), "0-"), (name("sw8-correlation"), "")]),
            lines(&[(name("sw8-x"), "0- ")]),
            lines(&[(name("sw8-correlation"), "")]),
        ],
        empty: Empty::Absent,
        two_lines: Second::LastCounts,
        joined: Second::LastCounts,
        lists: vec![(name("sw8-correlation"), "dGVuYW50:YWNtZQ==", "dXNlcg==:YWxpY2U=")],
        too_long: TooLong {
            longest: vec![filled(2048)],
            longer: vec![
                (filled(2049), InvalidReason::TooLong),
                (format!("{SW8_VALUE}-"), InvalidReason::FieldCount),
                ("A".repeat(100_000), InvalidReason::TooLong),
            ],
        },
        says: |sampling| if sampling == Sampling::NotSampled { sampling } else { Sampling::Sampled },
        names_span: true,
        says_random: false,
        needs_low: false,
        has_low_half: false,
        also_writes: &[],
        spell: |span| base64(&format!("{span}0000000000000000")),
    }
}

fn sentry(format: &'static dyn Format) -> Subject {
    let value = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1";
    Subject {
        format,
        main: "sentry-trace",
        value: value.into(),
        other_value: value.replace("736-", "737-"),
        husks: vec![lines(&[("baggage", "sentry-environment=prod")])],
        empty: Empty::Invalid(InvalidReason::Empty),
        two_lines: Second::FirstCounts,
        joined: Second::FirstCounts,
        too_long: TooLong {
            longest: vec![value.into()],
            longer: vec![
                (format!("{value}1"), InvalidReason::BadSampling),
                (format!("0{value}"), InvalidReason::BadLength),
                ("a".repeat(100_000), InvalidReason::FieldCount),
            ],
        },
        says_nothing: 0..0,
        ..xray()
    }
}

/// Returns a payload of New Relic, with text of this length in a field that nobody knows.
pub(crate) fn newrelic_payload(trace: &str, rest: usize) -> String {
    let ids = format!(r#""id":"00f067aa0ba902b7","tr":"{trace}""#);
    let rest = "x".repeat(rest);
    format!(r#"{{"v":[0,1],"d":{{"ty":"App","ac":"33","ap":"2","x":"{rest}",{ids},"sa":true,"ti":1518469636035}}}}"#)
}

fn newrelic() -> Subject {
    let value = |trace: &str, rest| base64(&newrelic_payload(trace, rest));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    // So that base64 has no padding.
    let rest = (0..3).find(|rest| newrelic_payload(trace, *rest).len() % 3 == 0).expect("one of three");
    let longest = |len: usize| len - newrelic_payload(trace, 0).len();
    Subject {
        format: &NEW_RELIC,
        main: "newrelic",
        value: value(trace, rest),
        other_value: value(&trace.replace("736", "737"), rest),
        says_nothing: 0..0,
        husks: vec![lines(&[("newrelic", " , ")])],
        too_long: TooLong {
            longest: vec![value(trace, longest(3072)), newrelic_payload(trace, longest(4096))],
            longer: vec![
                (newrelic_payload(trace, longest(4097)), InvalidReason::TooLong),
                (value(&format!("{trace}0"), 0), InvalidReason::BadLength),
                ("a".repeat(100_000), InvalidReason::TooLong),
            ],
        },
        ..xray()
    }
}

fn cloudtrace() -> Subject {
    let value = "4bf92f3577b34da6a3ce929d0e0e4736/67667974448284343;o=1";
    Subject {
        format: &CLOUD_TRACE,
        main: "x-cloud-trace-context",
        value: value.into(),
        other_value: value.replace("736/", "737/"),
        husks: vec![],
        empty: Empty::Invalid(InvalidReason::Empty),
        too_long: TooLong {
            longest: vec![value.into()],
            longer: vec![
                (format!("{value}1000"), InvalidReason::BadFlags),
                (format!("0{value}"), InvalidReason::BadLength),
                ("a".repeat(100_000), InvalidReason::BadLength),
            ],
        },
        says_nothing: 0..0,
        spell: |span| span.get().to_string(),
        ..xray()
    }
}

fn xray() -> Subject {
    let value = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";
    let filled = |len: usize| format!("{value};Self={}", "a".repeat(len - value.len() - ";Self=".len()));
    Subject {
        format: &XRAY,
        main: "x-amzn-trace-id",
        value: value.into(),
        other_value: value.replace("736;", "737;"),
        // All but the root costs itself.
        says_nothing: 41..usize::MAX,
        others: vec![],
        husks: vec![lines(&[("x-amzn-trace-id", " ")])],
        empty: Empty::Absent,
        two_lines: Second::FirstCounts,
        joined: Second::FirstCounts,
        lists: vec![],
        too_long: TooLong {
            longest: vec![filled(2048)],
            longer: vec![
                (filled(2049), InvalidReason::TooLong),
                (value.replace(";Parent", "0;Parent"), InvalidReason::BadLength),
                ("a".repeat(100_000), InvalidReason::TooLong),
            ],
        },
        says: not_debug,
        names_span: true,
        says_random: false,
        needs_low: false,
        has_low_half: false,
        also_writes: &[],
        spell: hex,
    }
}

fn correlation(format: &'static dyn Format, main: &'static str) -> Subject {
    let opaque = main == "x-order";
    let joined = if opaque { InvalidReason::BadCharacter } else { InvalidReason::BadLength };
    let value = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
    Subject {
        format,
        main,
        value: value.into(),
        other_value: value.replace("736", "737"),
        says_nothing: 0..0,
        others: vec![],
        husks: vec![lines(&[(main, "\t ")]), lines(&[(main, ""), (main, "")])],
        empty: Empty::Absent,
        two_lines: Second::FirstCounts,
        joined: Second::Invalid(joined),
        lists: vec![],
        too_long: TooLong {
            longest: vec![format!("urn:uuid:{value}"), format!("|{value}.{}", "1.".repeat(493))],
            longer: match opaque {
                // It is kept as text, and names no trace.
                true => vec![("a".repeat(129), InvalidReason::TooLong), ("a".repeat(100_000), InvalidReason::TooLong)],
                false => vec![
                    (format!("urn:uuid:{value}0"), InvalidReason::BadLength),
                    (format!("|{value}.{}.", "1.".repeat(493)), InvalidReason::BadLength),
                    ("a".repeat(100_000), InvalidReason::BadLength),
                ],
            },
        },
        says: |_| Sampling::Deferred,
        names_span: false,
        says_random: false,
        needs_low: false,
        has_low_half: false,
        also_writes: &[],
        spell: hex,
    }
}

fn acme() -> Subject {
    let value = "4bf92f3577b34da6a3ce929d0e0e4736.00f067aa0ba902b7";
    Subject {
        format: &Acme,
        main: "x-acme-trace",
        value: value.into(),
        other_value: value.replace("736.", "737."),
        says_nothing: 0..0,
        others: lines(&[("x-acme-keep", "yes")]),
        husks: vec![lines(&[("x-acme-keep", "yes")]), lines(&[("x-acme-trace", " ")])],
        empty: Empty::Absent,
        two_lines: Second::FirstCounts,
        joined: Second::Invalid(InvalidReason::BadLength),
        lists: vec![],
        too_long: TooLong {
            longest: vec![value.into()],
            longer: vec![
                (format!("{value}0"), InvalidReason::BadLength),
                ("a".repeat(100_000), InvalidReason::BadLength),
            ],
        },
        says: not_debug,
        names_span: true,
        says_random: false,
        needs_low: false,
        has_low_half: false,
        also_writes: &[],
        spell: hex,
    }
}

/// Encodes standard base64 with padding.
pub(crate) fn base64(text: &str) -> String {
    base64_of(text.as_bytes())
}

fn base64_of(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * place) & 63) as usize];
            encoded.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    encoded
}
