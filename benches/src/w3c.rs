//! traceparent, tracestate and baggage: reading, writing, and handing on.

use crate::{
    Baggage, CHILD, Case, Contender, FLOOR, Fields, Found, Input, Tracestate, fastrace, floor, opentelemetry, traceprop,
};

/// The members of the specification's own examples, and one more.
pub(crate) const STATE: (&str, &str) = ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,es=s:0.25");
/// A tracestate with Datadog's member, which we read.
const STATE_DD: (&str, &str) = ("tracestate", "dd=s:1;o:rum;t.dm:-0,congo=t61rcWkgMzE,es=s:0.25");
const STATE_32: (&str, &str) = (
    "tracestate",
    "m00=0123456789,m01=0123456789,m02=0123456789,m03=0123456789,m04=0123456789,m05=0123456789,m06=0123456789,\
     m07=0123456789,m08=0123456789,m09=0123456789,m10=0123456789,m11=0123456789,m12=0123456789,m13=0123456789,\
     m14=0123456789,m15=0123456789,m16=0123456789,m17=0123456789,m18=0123456789,m19=0123456789,m20=0123456789,\
     m21=0123456789,m22=0123456789,m23=0123456789,m24=0123456789,m25=0123456789,m26=0123456789,m27=0123456789,\
     m28=0123456789,m29=0123456789,m30=0123456789,m31=0123456789",
);
pub(crate) const SAMPLED: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
const UNSAMPLED: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
/// The last digit of the parent is not a digit: by then most of the work is done. No contender accepts it.
const BROKEN: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bz-01");
pub(crate) const LUGGAGE: (&str, &str) = ("baggage", "userId=alice,serverNode=DF%2028,isProduction=false");

pub(crate) const NOTHING: Found = Found {
    trace_id: 0,
    span_id: 0,
    sampled: false,
    tracestate: Tracestate::Absent,
    baggage: Baggage { members: 0, bytes: 0 },
    fields: Fields { bytes: 0 },
};
/// The ids that most requests carry.
pub(crate) const IDS: Found = Found {
    trace_id: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
    span_id: 0x00f0_67aa_0ba9_02b7,
    sampled: true,
    ..NOTHING
};
pub(crate) const PACKED: Baggage = Baggage { members: 3, bytes: "userIdaliceserverNodeDF 28isProductionfalse".len() };

pub(crate) static TRACEPARENT: Input = Input::new("traceparent", &[SAMPLED], IDS);
pub(crate) static WITH_STATE: Input =
    Input::new("traceparent+tracestate", &[SAMPLED, STATE], Found { tracestate: Tracestate::Members(3), ..IDS });
static WITH_DD: Input = Input::new(
    "traceparent+tracestate-with-dd",
    &[SAMPLED, STATE_DD],
    Found { tracestate: Tracestate::Members(3), ..IDS },
);
static WITH_STATE_32: Input = Input::new(
    "traceparent+tracestate-of-32",
    &[SAMPLED, STATE_32],
    Found { tracestate: Tracestate::Members(32), ..IDS },
);
static NOT_SAMPLED: Input = Input::new("not-sampled", &[UNSAMPLED], Found { sampled: false, ..IDS });
pub(crate) static ABSENT: Input = Input::new("absent", &[], NOTHING);
static MALFORMED: Input = Input::new("malformed", &[BROKEN, STATE], NOTHING);
/// The same value twice, as proxies that join requests send it. Ours compares the lines; the others read the first one.
static REPEATED: Input = Input::new("repeated", &[SAMPLED, SAMPLED], IDS);
static BAGGAGE_BROKEN: Input =
    Input::new("baggage-malformed", &[("baggage", "userId,serverNode,isProduction")], NOTHING);
static BAGGAGE_ABSENT: Input = Input::new("baggage-absent", &[], NOTHING);
static BAGGAGE: Input = Input::new("baggage-of-3", &[LUGGAGE], Found { baggage: PACKED, ..NOTHING });
static WITH_BAGGAGE: Input = Input::new(
    "traceparent+tracestate+baggage",
    &[SAMPLED, STATE, LUGGAGE],
    Found { tracestate: Tracestate::Members(3), baggage: PACKED, ..IDS },
);

pub fn cases() -> Vec<Case> {
    vec![
        extract(&TRACEPARENT, 0),
        extract(&TRACEPARENT, 16),
        extract(&TRACEPARENT, 40),
        extract(&TRACEPARENT, 100),
        extract(&WITH_STATE, 0),
        extract(&WITH_STATE, 16),
        extract(&WITH_STATE, 40),
        extract(&WITH_STATE, 100),
        extract(&WITH_DD, 16),
        extract(&WITH_STATE_32, 16),
        extract(&NOT_SAMPLED, 16),
        extract(&MALFORMED, 16),
        extract(&REPEATED, 16),
        extract(&ABSENT, 0),
        extract(&ABSENT, 16),
        extract(&ABSENT, 40),
        extract(&ABSENT, 100),
        extract_baggage(&BAGGAGE, 0),
        extract_baggage(&BAGGAGE, 16),
        extract_baggage(&BAGGAGE, 100),
        extract_baggage(&BAGGAGE_BROKEN, 16),
        extract_baggage(&BAGGAGE_ABSENT, 16),
        extract_default(&WITH_BAGGAGE, 16),
        inject(&TRACEPARENT),
        inject(&WITH_STATE),
        inject(&WITH_DD),
        inject_default(&WITH_BAGGAGE),
        child(&TRACEPARENT, 16),
        child(&WITH_STATE, 16),
        passthrough_baggage(&BAGGAGE, 16),
        passthrough(&WITH_STATE, 16),
        passthrough(&ABSENT, 16),
    ]
}

/// Extracts trace context alone, into ids, decision and members.
fn extract(input: &'static Input, others: usize) -> Case {
    Case {
        name: format!("extract/{}/{others}-other", input.name),
        contenders: vec![
            Contender::extract("traceprop", input, others, traceprop::extract),
            Contender::extract("opentelemetry", input, others, opentelemetry::extract),
            Contender::extract("fastrace", input, others, fastrace::extract),
            match input.found.trace_id {
                0 => Contender::extract(FLOOR, input, others, floor::w3c::extract_traceparent),
                _ => Contender::extract(FLOOR, input, others, floor::w3c::extract),
            },
        ],
    }
}

fn extract_baggage(input: &'static Input, others: usize) -> Case {
    Case {
        name: format!("extract/{}/{others}-other", input.name),
        contenders: vec![
            Contender::extract("traceprop", input, others, traceprop::extract_baggage),
            Contender::extract("opentelemetry", input, others, opentelemetry::extract_baggage),
            Contender::extract(FLOOR, input, others, floor::w3c::extract_baggage),
        ],
    }
}

/// Extracts trace context and baggage together.
fn extract_default(input: &'static Input, others: usize) -> Case {
    Case {
        name: format!("extract/{}/{others}-other", input.name),
        contenders: vec![
            Contender::extract("traceprop", input, others, traceprop::extract_default),
            Contender::extract("opentelemetry", input, others, opentelemetry::extract_default),
            Contender::extract(FLOOR, input, others, floor::w3c::extract_default),
        ],
    }
}

/// Injects trace context alone.
fn inject(input: &'static Input) -> Case {
    let fast = |request: &_| fastrace::context_of_child(request).unwrap();
    Case {
        name: format!("inject/{}/16-other", input.name),
        contenders: vec![
            Contender::inject("traceprop", input, traceprop::context, traceprop::inject),
            Contender::inject("opentelemetry", input, opentelemetry::context, opentelemetry::inject),
            Contender::inject("fastrace", input, fast, fastrace::inject),
            Contender::inject(FLOOR, input, floor::w3c::context, floor::w3c::inject),
        ],
    }
}

/// Injects trace context and baggage together.
fn inject_default(input: &'static Input) -> Case {
    let context = opentelemetry::context_default;
    Case {
        name: format!("inject/{}/16-other", input.name),
        contenders: vec![
            Contender::inject("traceprop", input, traceprop::context_default, traceprop::inject_default),
            Contender::inject("opentelemetry", input, context, opentelemetry::inject_default),
            Contender::inject(FLOOR, input, floor::w3c::context, floor::w3c::inject),
        ],
    }
}

fn child(input: &'static Input, others: usize) -> Case {
    Case {
        name: format!("forward/child/{}/{others}-other", input.name),
        contenders: vec![
            Contender::child("traceprop", input, others, CHILD, traceprop::child),
            Contender::child("opentelemetry", input, others, CHILD, opentelemetry::child),
            Contender::child("fastrace", input, others, CHILD, fastrace::child),
            Contender::child(FLOOR, input, others, CHILD, floor::w3c::child),
        ],
    }
}

fn passthrough(input: &'static Input, others: usize) -> Case {
    Case {
        name: format!("forward/passthrough/{}/{others}-other", input.name),
        contenders: vec![
            Contender::passthrough("traceprop", input, others, traceprop::passthrough),
            Contender::passthrough("opentelemetry", input, others, opentelemetry::passthrough),
            Contender::passthrough("fastrace", input, others, fastrace::passthrough),
            match input.lines {
                [] => Contender::passthrough(FLOOR, input, others, floor::w3c::passthrough_unless_absent),
                _ => Contender::passthrough(FLOOR, input, others, floor::w3c::passthrough),
            },
        ],
    }
}

/// Extracts and forwards baggage alone.
fn passthrough_baggage(input: &'static Input, others: usize) -> Case {
    Case {
        name: format!("forward/passthrough/{}/{others}-other", input.name),
        contenders: vec![
            Contender::passthrough("traceprop", input, others, traceprop::passthrough_baggage),
            Contender::passthrough("opentelemetry", input, others, opentelemetry::passthrough_baggage),
            Contender::passthrough(FLOOR, input, others, floor::w3c::passthrough_baggage),
        ],
    }
}

#[cfg(test)]
mod tests {
    /// Results are judged while a contender runs; a wrong one panics.
    #[test]
    fn ok_every_contender_of_every_case() {
        for mut case in super::cases() {
            for contender in &mut case.contenders {
                contender.run(100);
            }
        }
    }
}
