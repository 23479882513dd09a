//! A company has had a trace header of its own since before W3C, and moves to W3C while both are in use.
//!
//! ```text
//! x-acme-trace: 4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7;1     the name differs from site to site
//! x-acme-peer: stock.internal:8080                                      who is called, as the caller knows it
//! acmectx-tenant: shoes                                                 the users' own text, one header an item
//! ```

use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{
    Allow, ConfigError, Field, IdBits, InjectOptions, InvalidHeader, InvalidReason, OwnedContext, Pairs, Propagator,
    RemoteContext, Sampling, SpanContext, SpanId, TraceId,
    format::{CustomHeader, Format, FormatFields, Headers, InjectContext, InvalidHeaderName, Outcome, Parsed, Writer},
    report::{OmitReason, Omitted},
};

struct Acme {
    /// The trace, the peer, the family.
    names: [CustomHeader; 3],
}

const PREFIX: &str = "acmectx-";

impl Acme {
    fn new(header: &str) -> Result<Self, InvalidHeaderName> {
        let peer = CustomHeader::from_static("x-acme-peer");
        Ok(Self { names: [CustomHeader::new(header)?, peer, CustomHeader::from_static(PREFIX).prefix()] })
    }

    fn trace(&self) -> &CustomHeader {
        &self.names[0]
    }

    fn peer(&self) -> &CustomHeader {
        &self.names[1]
    }

    fn family(&self) -> &CustomHeader {
        &self.names[2]
    }

    fn parse(value: &[u8], field: Field) -> Result<RemoteContext, InvalidHeader> {
        let reject = |reason, at| InvalidHeader::new(field, reason, at);
        let Some((head, flag)) = value.split_at_checked(49) else {
            return Err(reject(InvalidReason::BadLength, value.len()));
        };
        if head[32] != b'/' {
            return Err(reject(InvalidReason::BadDelimiter, 32));
        }
        let trace = TraceId::from_hex(&head[..32]).map_err(|error| reject(error.reason(), error.offset() as usize))?;
        let parent =
            SpanId::from_hex(&head[33..]).map_err(|error| reject(error.reason(), 33 + error.offset() as usize))?;
        let sampling = match flag {
            b"" => Sampling::Deferred,
            b";0" => Sampling::NotSampled,
            b";1" => Sampling::Sampled,
            _ => return Err(reject(InvalidReason::BadSampling, 49)),
        };
        Ok(RemoteContext { sampling, ..RemoteContext::new(trace, Some(parent)) })
    }
}

impl Format for Acme {
    fn name(&self) -> &str {
        "acme"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::custom(&self.names)
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        let field = headers.field(self.trace());
        let Some(value) = headers.get_custom(self.trace()) else {
            return Parsed::new(Outcome::Absent);
        };
        match Self::parse(value.trim_ascii(), field) {
            Ok(context) => Parsed::new(Outcome::Context(context)),
            Err(reject) => Parsed::invalid(reject),
        }
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let Some((trace, span)) = context.ids() else {
            return;
        };
        let flag = match context.sampling().decision() {
            None => "",
            Some(false) => ";0",
            Some(true) => ";1",
        };
        writer.write_custom(self.trace(), format_args!("{trace}/{span}{flag}"));
        writer.write_custom(self.peer(), context.options().peer_or("unknown"));
    }

    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let field = context.received().field(self.family());
        for (name, value) in context.received().get_all(field).with_names() {
            let (Some(key), Ok(value)) = (self.family().suffix(name), std::str::from_utf8(value)) else {
                continue;
            };
            if context.options().allowed_baggage().allows_key(key) {
                writer.write_prefixed(field, PREFIX, key, value);
            } else {
                writer.omit(field, OmitReason::NotAllowed, 1);
            }
        }
    }
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The headers of a neighbour that has not moved yet.
const OLD: [(&str, &str); 5] = [
    ("X-Acme-Trace", "4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7;0"),
    ("X-Acme-Peer", "cart.internal:80"),
    ("AcmeCtx-tenant", "shoes"),
    ("accept", "*/*"),
    ("acmectx-user", "alice"),
];

/// Reads and writes the two formats, ours first during the move.
fn both() -> Propagator {
    let acme = Acme::new("X-Acme-Trace").expect("a header name");
    Propagator::builder().with_format(acme).with_format(W3cTraceContext::new()).build().expect("two formats")
}

fn ids() -> IdBits {
    IdBits::random(0xb7ad_6b71_6920_3331)
}

fn call<'a>() -> InjectOptions<'a> {
    InjectOptions::new().peer("stock.internal:8080")
}

fn lines(headers: &Pairs) -> Vec<(&str, &str)> {
    headers.iter().collect()
}

#[test]
fn ok_a_trace_in_the_old_header_continues_in_both() {
    let propagator = both();
    let extraction = propagator.extract(&OLD);
    assert_eq!(extraction.source_format(), Some("acme"));
    let mut headers = Pairs::new();
    let outgoing = call().allow_baggage(Allow::All);
    let omitted = propagator.inject(&extraction.new_span(&ids), &outgoing, &mut headers);
    assert!(omitted.is_complete());
    assert_eq!(
        lines(&headers),
        [
            ("x-acme-trace", "4bf92f3577b34da6a3ce929d0e0e4736/b7ad6b7169203331;0"),
            ("x-acme-peer", "stock.internal:8080"),
            ("acmectx-tenant", "shoes"),
            ("acmectx-user", "alice"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-00"),
        ]
    );
}

#[test]
fn ok_only_allowed_items_leave_and_the_others_are_counted() {
    let propagator = both();
    let extraction = propagator.extract(&OLD);
    let expected = |count| Omitted { field: Field::Custom(2), reason: OmitReason::NotAllowed, count };
    for (allow, sent, omitted) in [
        (Allow::Only(&["tenant"]), &["acmectx-tenant"][..], Some(expected(1))),
        (Allow::None, &[], Some(expected(2))),
        (Allow::All, &["acmectx-tenant", "acmectx-user"], None),
    ] {
        let items = |headers: &Pairs| -> Vec<String> {
            let names = headers.iter().map(|(name, _)| name.to_owned());
            names.filter(|name| name.starts_with(PREFIX)).collect()
        };
        let mut headers = Pairs::new();
        let left = propagator.inject(&extraction.new_span(&ids), &call().allow_baggage(allow), &mut headers);
        assert_eq!(
            (items(&headers), left.iter().copied().next()),
            (sent.iter().map(|s| s.to_string()).collect(), omitted)
        );
        // A passthrough writes nothing else, and nothing twice.
        let mut headers = Pairs::new();
        let left = propagator.inject(extraction.passthrough(), &call().allow_baggage(allow), &mut headers);
        assert_eq!(
            (items(&headers), left.iter().copied().next()),
            (sent.iter().map(|s| s.to_string()).collect(), omitted)
        );
    }
}

#[test]
fn ok_a_passthrough_sends_the_old_header_unchanged() {
    let propagator = both();
    let request =
        [("X-ACME-TRACE", " 4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7;1\t"), ("x-acme-peer", "cart:80")];
    let mut headers = Pairs::new();
    propagator.inject(propagator.extract(&request).passthrough(), &call(), &mut headers);
    assert_eq!(headers.get("x-acme-peer"), Some("cart:80"));
    assert_eq!(headers.get("x-acme-trace"), Some(request[0].1));
    assert_eq!(headers.get("traceparent"), Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
}

#[test]
fn ok_a_deferred_decision_is_filled_in_by_w3c() {
    let propagator = both();
    let old = ("x-acme-trace", "4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7");
    let request = [old];
    let extraction = propagator.extract(&request);
    assert_eq!(extraction.sampling(), Sampling::Deferred);
    let w3c = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000aa-01");
    let context = propagator.extract(&[old, w3c]).context().expect("a context");
    assert_eq!((context.trace_id.to_string().as_str(), context.sampling), (TRACE, Sampling::Sampled));
    assert_eq!(context.parent_id, SpanId::new(0x00f0_67aa_0ba9_02b7), "the span of the first format");
}

#[test]
fn ok_another_trace_in_w3c_becomes_a_link() {
    let propagator = both();
    let request = [OLD[0], ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01")];
    let report = propagator.explain(&request);
    assert_eq!(report.extraction().links().map(|link| link.format).collect::<Vec<_>>(), ["tracecontext"]);
    assert_eq!(
        report.to_string(),
        "continued trace 4bf92f3577b34da6a3ce929d0e0e4736, parent 00f067aa0ba902b7, not sampled; acme: used; \
         tracecontext: different trace 0af7651916cd43dd8448eb211c80319c"
    );
}

#[test]
fn ok_a_broken_old_header_does_not_hide_w3c_and_is_named() {
    let propagator = both();
    let w3c = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    for (value, reason, at) in [
        ("4bf92f3577b34da6a3ce929d0e0e4736", InvalidReason::BadLength, 32),
        ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7;1", InvalidReason::BadDelimiter, 32),
        ("4BF92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7;1", InvalidReason::UppercaseHex, 1),
        ("4bf92f3577b34da6a3ce929d0e0e4736/0000000000000000;1", InvalidReason::ZeroSpanId, 33),
        ("4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7;2", InvalidReason::BadSampling, 49),
    ] {
        let request = [("x-acme-trace", value), w3c];
        let report = propagator.explain(&request);
        assert_eq!(report.source_format(), Some("tracecontext"));
        let expected = InvalidHeader::new(Field::Custom(0), reason, at);
        assert_eq!(report.invalid_headers().collect::<Vec<_>>(), [("x-acme-trace", expected)], "{value}");
    }
}

#[test]
fn ok_old_lines_cross_an_await_in_an_owned_context() {
    let propagator = both();
    let owned = {
        let extraction = propagator.extract(&OLD);
        OwnedContext::from_span(&extraction, &extraction.new_span(&ids))
    };
    let mut headers = Pairs::new();
    let span = owned.span().expect("a span");
    propagator.inject(&span, &call().allow_baggage(Allow::Only(&["user"])), &mut headers);
    assert_eq!(headers.get("acmectx-user"), Some("alice"));
    assert_eq!(headers.get("acmectx-tenant"), None);
}

#[test]
fn ok_what_a_request_held_of_ours_is_replaced() {
    let propagator = both();
    let mut headers: Vec<(String, String)> = OLD.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let trace: TraceId = "0af7651916cd43dd8448eb211c80319c".parse().expect("an id");
    let span = SpanContext::new(trace, SpanId::MIN).with_sampling(Sampling::Sampled);
    propagator.inject(&span, &call(), &mut headers);
    let named = |name: &str| headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).count();
    assert_eq!((named("x-acme-trace"), named("x-acme-peer"), named("accept")), (1, 1, 1));
    // Baggage of another request must not be sent with our trace.
    assert_eq!((named("acmectx-tenant"), named("acmectx-user")), (0, 0));
}

#[test]
fn ok_fields_are_listed_for_cors() {
    let fields = both();
    assert!(fields.inject_fields().eq(["x-acme-trace", "x-acme-peer", "acmectx-", "traceparent", "tracestate"]));
}

#[test]
fn err_an_invalid_name_and_a_format_twice() {
    assert_eq!(Acme::new("X Acme").err(), Some(InvalidHeaderName::BadByte(1)));
    let twice = Propagator::builder()
        .with_format(Acme::new("x-acme-trace").expect("a name"))
        .with_format(Acme::new("x-acme-trace-2").expect("a name"));
    let error = twice.build().expect_err("one format twice");
    assert!(matches!(error, ConfigError::DuplicateFormat { name, .. } if name.as_str() == "acme"), "{error:?}");
}
