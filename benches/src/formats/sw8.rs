//! `sw8`, whose fields are base64.

use std::sync::LazyLock;

use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{Extraction, InjectOptions, Propagator};

use super::{CHILD, IDS, NOTHING, case, sizes};
use crate::{Case, Contender, FLOOR, Fields, Found, Input, floor, traceprop};

/// Who calls, and whom.
const SERVICE: (&str, &str) = ("cart", "cart-1");
const ENDPOINT: &str = "/cart";
const PEER: &str = "stock:8080";

/// shop, shop-1, /basket and cart:8080.
const WORDS: Fields = Fields { bytes: 26 };

static FULL: Input = Input::new(
    "sw8",
    &[(
        "sw8",
        "1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-MDBmMDY3YWEwYmE5MDJiNzAwMDAwMDAwMDAwMDAwMDA=-0-c2hvcA==-\
         c2hvcC0x-L2Jhc2tldA==-Y2FydDo4MDgw",
    )],
    Found { fields: WORDS, ..IDS },
)
.written(written);
/// The ids of SkyWalking's agent for Java: `de5980b8fce34a37aab9b4ac3af7eedd.1.16563474296430001`.
static JAVA: Input = Input::new(
    "sw8-java",
    &[(
        "sw8",
        "1-ZGU1OTgwYjhmY2UzNGEzN2FhYjliNGFjM2FmN2VlZGQuMS4xNjU2MzQ3NDI5NjQzMDAwMQ==-\
         NGYyZjI3NzQ4YjhlNDRlY2FmMThmZTAzNDcxOTRlODYuMzMuMTY1NjA2MDczNjk5NTAwNjY=-123-c2hvcA==-c2hvcC0x-L2Jhc2tldA==-\
         Y2FydDo4MDgw",
    )],
    Found { trace_id: 0xde59_80b8_fde3_4a37_1be4_1bcd_5e2f_d4dd, span_id: 0xe9c4_55a8_2542_306a, fields: WORDS, ..IDS },
);
static UNSAMPLED: Input = Input::new(
    "sw8-not-sampled",
    &[(
        "sw8",
        "0-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-MDBmMDY3YWEwYmE5MDJiNzAwMDAwMDAwMDAwMDAwMDA=-0-c2hvcA==-\
         c2hvcC0x-L2Jhc2tldA==-Y2FydDo4MDgw",
    )],
    Found { sampled: false, fields: WORDS, ..IDS },
);
/// The last digit of the last field is not a digit.
static BROKEN: Input = Input::new(
    "sw8-malformed",
    &[(
        "sw8",
        "1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-MDBmMDY3YWEwYmE5MDJiNzAwMDAwMDAwMDAwMDAwMDA=-0-c2hvcA==-\
         c2hvcC0x-L2Jhc2tldA==-Y2FydDo4MDg!",
    )],
    NOTHING,
);
static ABSENT: Input = Input::new("sw8-absent", &[], NOTHING);

/// Returns what a child span writes: its own names, and its span id as a segment.
fn written(_: &Input, span_id: u64) -> Vec<(&'static str, String)> {
    let segment = match span_id {
        CHILD => "NTNjZTkyOWQwZTBlNDczNjAwMDAwMDAwMDAwMDAwMDA=",
        _ => "MDBmMDY3YWEwYmE5MDJiNzAwMDAwMDAwMDAwMDAwMDA=",
    };
    let trace = "NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=";
    vec![("sw8", format!("1-{trace}-{segment}-0-Y2FydA==-Y2FydC0x-L2NhcnQ=-c3RvY2s6ODA4MA=="))]
}

static OURS: LazyLock<&'static Propagator> = LazyLock::new(|| {
    let sw8 = Sw8::new(SERVICE.0, SERVICE.1);
    traceprop::forever(Propagator::builder().with_format(sw8).build().expect("it can be built"))
});

#[cfg(feature = "skywalking")]
static THEIRS: LazyLock<skywalking::trace::tracer::Tracer> =
    LazyLock::new(|| skywalking::trace::tracer::Tracer::new(SERVICE.0, SERVICE.1, ()));

pub(super) fn cases() -> Vec<Case> {
    let extracts = sizes(&FULL, &ABSENT, &[&JAVA, &UNSAMPLED, &BROKEN]);
    let extracts = extracts.into_iter().map(|(input, others)| extract(input, others));
    extracts.chain([inject(&FULL), child(&FULL, 16)]).collect()
}

fn extract(input: &'static Input, others: usize) -> Case {
    let ours = |headers: &_| traceprop::extract_fields(&OURS, headers, lengths);
    let mut contenders = vec![
        Contender::extract("traceprop", input, others, ours),
        Contender::extract(FLOOR, input, others, floor::sw8::extract),
    ];
    if input.found.fields.bytes > 0 {
        let ids = |headers: &_| Found { fields: Fields::UNREAD, ..traceprop::extract_ids(&OURS, headers) };
        let decoded = |headers: &_| traceprop::extract_fields(&OURS, headers, decoded);
        contenders.push(Contender::extract("traceprop (ids alone)", input, others, ids));
        contenders.push(Contender::extract("traceprop (text decoded)", input, others, decoded));
    }
    #[cfg(feature = "skywalking")]
    contenders.push(Contender::extract("skywalking", input, others, crate::skywalking::extract));
    case("extract", input, others, contenders)
}

/// Returns the lengths of all fields, which are valid and borrowed as received.
fn lengths(extraction: &Extraction<'_>) -> Fields {
    let Some(received) = extraction.sw8() else {
        return Fields::default();
    };
    let header = received.header;
    let names = [header.service(), header.instance(), header.endpoint(), header.peer()];
    Fields { bytes: names.iter().map(|name| name.len()).sum() }
}

/// Decodes all fields, as text in buffers on the stack.
fn decoded(extraction: &Extraction<'_>) -> Fields {
    let Some(received) = extraction.sw8() else {
        return Fields::default();
    };
    let header = received.header;
    let mut buffer = [0; 128];
    let mut decode = |field: traceprop_core::formats::sw8::Sw8Text<'_>| {
        std::hint::black_box(field.decode(&mut buffer)).map_or(0, str::len)
    };
    let ids = decode(header.trace_id()) + decode(header.segment_id());
    let names = [header.service(), header.instance(), header.endpoint(), header.peer()].map(decode);
    assert!(ids > 32, "both are there");
    Fields { bytes: names.iter().sum() }
}

const CALL: InjectOptions<'static> = InjectOptions::everything().endpoint(ENDPOINT).peer(PEER);

fn inject(input: &'static Input) -> Case {
    let contenders = vec![
        Contender::inject(
            "traceprop",
            input,
            |headers| traceprop::context_with(&OURS, headers),
            |context, headers| traceprop::inject_with(&OURS, &CALL, context, headers),
        ),
        #[cfg(feature = "skywalking")]
        Contender::inject(
            "skywalking",
            input,
            |headers| crate::skywalking::Call::new(&THEIRS, headers, ENDPOINT, PEER).expect("the input is valid"),
            |call, headers| call.inject(headers),
        ),
        Contender::inject(FLOOR, input, |_| (IDS.trace_id, CHILD), floor::sw8::inject),
    ];
    case("inject", input, 16, contenders)
}

fn child(input: &'static Input, others: usize) -> Case {
    let contenders = vec![
        Contender::child("traceprop", input, others, CHILD, |from, span_id, to| {
            traceprop::child_with(&OURS, &CALL, from, span_id, to);
        }),
        // It makes its own ids, and two spans to have something to write.
        #[cfg(feature = "skywalking")]
        Contender::child("skywalking", input, others, CHILD, |from, _, to| {
            if let Some(call) = crate::skywalking::Call::new(&THEIRS, from, ENDPOINT, PEER) {
                call.inject(to);
            }
        }),
        Contender::child(FLOOR, input, others, CHILD, |from, span_id, to| {
            floor::sw8::inject(&(floor::sw8::extract(from).trace_id, span_id), to);
        }),
    ];
    case("forward/child", input, others, contenders)
}
