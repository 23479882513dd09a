//! What a sender says: made up, and written by plain code.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use traceprop_core::formats::sw8::trace_id_from_text;

use crate::edge::{CORRELATION, Lines};
use crate::format::{Attribute, Format};
use crate::further;
use crate::text::{base64, hyphenated, mixed};

/// A sampling decision, named as in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Deferred,
    No,
    Yes,
    Debug,
}

/// What a sender says, as far as its format can say it.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) format: Format,
    /// Of B3: the several headers.
    pub(crate) multi: bool,
    pub(crate) trace_id: u128,
    pub(crate) narrow: bool,
    pub(crate) span_id: u64,
    pub(crate) b3_parent: Option<u64>,
    pub(crate) decision: Decision,
    pub(crate) priority: Option<i32>,
    pub(crate) origin: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) last_span: Option<u64>,
    pub(crate) members: Vec<(String, String)>,
    pub(crate) random: bool,
    /// The bits other than sampled and debug.
    pub(crate) jaeger_bits: u8,
    /// The text, and its spelling in our member.
    pub(crate) sw8: Option<(String, String)>,
    pub(crate) correlation: Option<(String, String)>,
    pub(crate) lineage: Option<String>,
    /// Sentry's name of the transaction.
    pub(crate) sampling_context: Option<String>,
    pub(crate) baggage: bool,
}

impl Said {
    pub(crate) const fn new(format: Format, trace_id: u128, span_id: u64, decision: Decision) -> Self {
        Self {
            format,
            multi: false,
            trace_id,
            narrow: false,
            span_id,
            b3_parent: None,
            decision,
            priority: None,
            origin: None,
            tags: Vec::new(),
            last_span: None,
            members: Vec::new(),
            random: false,
            jaeger_bits: 0,
            sw8: None,
            correlation: None,
            lineage: None,
            sampling_context: None,
            baggage: false,
        }
    }

    const fn is_sampled(&self) -> bool {
        matches!(self.decision, Decision::Yes | Decision::Debug)
    }

    pub(crate) fn jaeger_flags(&self) -> u8 {
        let decided = match self.decision {
            Decision::Deferred | Decision::No => 0,
            Decision::Yes => 1,
            Decision::Debug => 3,
        };
        decided | self.jaeger_bits
    }

    /// Returns what it says of an attribute, if anything.
    pub(crate) fn value(&self, attribute: Attribute) -> Option<String> {
        let decision = |decision, word: &str| (self.decision == decision).then(|| word.to_owned());
        match attribute {
            Attribute::TraceId => Some(format!("{:032x}", self.trace_id)),
            Attribute::Width => self.narrow.then(|| "64".into()),
            Attribute::SpanId => Some(format!("{:016x}", self.span_id)),
            Attribute::B3Parent => self.b3_parent.map(|parent| format!("{parent:016x}")),
            Attribute::Decision => decision(Decision::Yes, "sampled").or(decision(Decision::No, "not sampled")),
            Attribute::Debug => decision(Decision::Debug, "debug"),
            Attribute::Deferred => decision(Decision::Deferred, "deferred"),
            Attribute::Priority => self.priority.filter(|number| ![0, 1].contains(number)).map(|n| n.to_string()),
            Attribute::Origin => self.origin.clone(),
            Attribute::Tags => (!self.tags.is_empty()).then(|| pairs(&self.tags)),
            Attribute::LastSpan => self.last_span.map(|span| format!("{span:016x}")),
            Attribute::Members => (!self.members.is_empty()).then(|| pairs(&self.members)),
            Attribute::Random => self.random.then(|| "random".into()),
            Attribute::JaegerFlags => (self.jaeger_bits != 0).then(|| format!("{:x}", self.jaeger_flags())),
            Attribute::Sw8Text => self.sw8.as_ref().map(|(text, _)| text.clone()),
            Attribute::CorrelationText => self.correlation.as_ref().map(|(text, _)| text.clone()),
            Attribute::SamplingContext => self.sampling_context.clone(),
            Attribute::Lineage => self.lineage.clone(),
            Attribute::Baggage => self.baggage.then(|| "acme".into()),
        }
    }

    /// Returns the request that says it.
    pub(crate) fn request(&self) -> Lines {
        let mut lines = Lines::new();
        let mut add = |name: &str, value: String| lines.push((name.to_owned(), value));
        let (trace, span) = (format!("{:032x}", self.trace_id), format!("{:016x}", self.span_id));
        let narrow = &trace[if self.narrow { 16 } else { 0 }..];
        match self.format {
            Format::W3c => {
                let flags = u8::from(self.is_sampled()) | u8::from(self.random) << 1;
                add("traceparent", format!("00-{trace}-{span}-{flags:02x}"));
                let members = self.tracestate();
                if !members.is_empty() {
                    add("tracestate", members);
                }
                if self.baggage {
                    add("baggage", "tenant=acme".into());
                }
            }
            Format::B3 => {
                let letter = match self.decision {
                    Decision::Deferred => "",
                    Decision::No => "0",
                    Decision::Yes => "1",
                    Decision::Debug => "d",
                };
                let parent = self.b3_parent.map(|parent| format!("{parent:016x}"));
                if !self.multi {
                    let parts = [Some(narrow), Some(&span), Some(letter).filter(|l| !l.is_empty()), parent.as_deref()];
                    add("b3", parts.into_iter().flatten().collect::<Vec<_>>().join("-"));
                    return lines;
                }
                add("X-B3-TraceId", narrow.into());
                add("X-B3-SpanId", span);
                if let Some(parent) = parent {
                    add("X-B3-ParentSpanId", parent);
                }
                match letter {
                    "" => {}
                    "d" => add("X-B3-Flags", "1".into()),
                    _ => add("X-B3-Sampled", letter.into()),
                }
            }
            Format::Datadog => {
                add("x-datadog-trace-id", (self.trace_id as u64).to_string());
                add("x-datadog-parent-id", self.span_id.to_string());
                if let Some(priority) = self.priority {
                    add("x-datadog-sampling-priority", priority.to_string());
                }
                if let Some(origin) = &self.origin {
                    add("x-datadog-origin", origin.clone());
                }
                let tid = (!self.narrow).then(|| format!("_dd.p.tid={}", &trace[..16]));
                let tags = self.tags.iter().map(|(key, value)| format!("_dd.p.{key}={value}"));
                let tags: Vec<_> = tid.into_iter().chain(tags).collect();
                if !tags.is_empty() {
                    add("x-datadog-tags", tags.join(","));
                }
            }
            Format::Jaeger => {
                // The Python and Node clients strip leading zeros, so their ids can look like 64-bit ids.
                add("uber-trace-id", format!("{narrow}:{:x}:0:{:x}", self.span_id, self.jaeger_flags()));
                if self.baggage {
                    add("uberctx-tenant", "acme".into());
                }
            }
            Format::Sw8 => {
                let text = self.sw8.as_ref().map_or(trace, |(text, _)| text.clone());
                let fields = ["segment", "shop", "shop-1", "/cart", "cart:80"].map(base64);
                let [segment, names @ ..] = &fields;
                let sample = u8::from(self.is_sampled());
                add("sw8", format!("{sample}-{}-{segment}-7-{}", base64(&text), names.join("-")));
                if self.baggage {
                    add("sw8-correlation", format!("{}:{}", base64("tenant"), base64("acme")));
                }
            }
            Format::XRay => {
                let mut fields = vec![format!("Root=1-{}-{}", &trace[..8], &trace[8..]), format!("Parent={span}")];
                fields.extend(
                    (self.decision != Decision::Deferred).then(|| format!("Sampled={}", u8::from(self.is_sampled()))),
                );
                fields.extend(self.lineage.as_ref().map(|text| format!("Lineage={text}")));
                fields.extend(self.baggage.then(|| "tenant=acme".to_owned()));
                add("X-Amzn-Trace-Id", fields.join(";"));
            }
            Format::Correlation => {
                let text = self.correlation.as_ref().map_or(hyphenated(self.trace_id), |(text, _)| text.clone());
                add(CORRELATION, text);
            }
            _ => return further::request(self),
        }
        lines
    }

    fn tracestate(&self) -> String {
        let encoded = |text: &str| text.replace('=', "~");
        let mut dd: Vec<String> = self.priority.map(|priority| format!("s:{priority}")).into_iter().collect();
        dd.extend(self.origin.as_ref().map(|origin| format!("o:{}", encoded(origin))));
        dd.extend(self.last_span.map(|span| format!("p:{span:016x}")));
        dd.extend(self.tags.iter().map(|(key, value)| format!("t.{key}:{}", encoded(value))));
        let mut tp = vec![];
        tp.extend((self.jaeger_bits != 0).then(|| format!("j{:x}", self.jaeger_flags())));
        tp.extend((self.decision == Decision::Debug).then(|| "d".to_owned()));
        tp.extend((self.decision == Decision::Deferred).then(|| "f".to_owned()));
        tp.extend(self.sw8.as_ref().map(|(_, item)| format!("s{item}")));
        tp.extend(self.correlation.as_ref().map(|(_, item)| format!("c{item}")));
        let mut members: Vec<String> = self.members.iter().map(|(key, value)| format!("{key}={value}")).collect();
        if !tp.is_empty() {
            members.insert(members.len() / 2, format!("tp=1;{:08x};{}", self.trace_id as u32, tp.join(";")));
        }
        if !dd.is_empty() {
            members.insert(members.len() / 2, format!("dd={}", dd.join(";")));
        }
        members.join(",")
    }
}

pub(crate) fn pairs(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// Generates what a sender of this format can say, within the limits up to which it is promised to survive.
pub(crate) fn any_said(format: Format) -> BoxedStrategy<Said> {
    let decisions: &[Decision] = match format {
        Format::W3c | Format::B3 => &[Decision::Deferred, Decision::No, Decision::Yes, Decision::Debug],
        Format::Datadog | Format::XRay => &[Decision::Deferred, Decision::No, Decision::Yes],
        Format::Jaeger => &[Decision::No, Decision::Yes, Decision::Debug],
        Format::Sw8 => &[Decision::No, Decision::Yes],
        Format::Correlation => &[Decision::Deferred],
        _ => further::decisions(format),
    };
    // Datadog's headers cannot say an id whose lower half is zero.
    let trace_id = any::<u128>().prop_filter("the lower half is zero", |id| *id as u64 != 0);
    let base = (trace_id, 1..=u64::MAX, select(decisions), any::<bool>(), any::<bool>());
    let base = base.prop_map(move |(trace_id, span_id, decision, narrow, multi)| Said {
        narrow,
        multi,
        trace_id: if narrow { u128::from(trace_id as u64) } else { trace_id },
        ..Said::new(format, trace_id, span_id, decision)
    });
    match format {
        Format::W3c => base.prop_flat_map(container).boxed(),
        Format::B3 => (base, option::of(1..=u64::MAX)).prop_map(|(said, b3_parent)| Said { b3_parent, ..said }).boxed(),
        Format::Datadog => base.prop_flat_map(datadog_fields).prop_map(with_last_span).boxed(),
        Format::Jaeger => (base, any::<u8>(), any::<bool>())
            .prop_map(|(said, bits, baggage)| Said { jaeger_bits: bits & 0xfc, baggage, ..said })
            .boxed(),
        Format::Sw8 => (base, sw8_text(), any::<bool>())
            .prop_map(|(said, (trace_id, text), baggage)| Said { narrow: false, baggage, trace_id, sw8: text, ..said })
            .boxed(),
        Format::XRay => (base, any::<u128>(), option::of("[0-9]{1,5}:[0-9a-f]{8}:[0-9]{1,3}"), any::<bool>())
            .prop_map(|(said, trace_id, lineage, baggage)| Said {
                narrow: false,
                trace_id: trace_id | 1,
                lineage,
                baggage,
                ..said
            })
            .boxed(),
        Format::Correlation => (base, 0..6usize)
            .prop_map(|(said, form)| Said { narrow: false, correlation: spelling(said.trace_id, form), ..said })
            .boxed(),
        Format::Instana => base.boxed(),
        Format::GrpcTraceBin => base.prop_map(|said| Said { narrow: false, ..said }).boxed(),
        Format::OtTrace => (base, any::<bool>())
            .prop_map(|(said, baggage)| Said {
                narrow: true,
                baggage,
                trace_id: u128::from(said.trace_id as u64),
                ..said
            })
            .boxed(),
        Format::CloudTrace | Format::NewRelic => (base, any::<u128>())
            .prop_map(|(said, trace_id)| Said { narrow: false, trace_id: trace_id | 1, ..said })
            .boxed(),
        Format::Sentry => (base, option::of("[a-z]{1,8}"))
            .prop_map(|(said, sampling_context)| Said { narrow: false, sampling_context, ..said })
            .boxed(),
        Format::Elastic => {
            (base, any::<bool>()).prop_map(|(said, random)| Said { narrow: false, random, ..said }).boxed()
        }
    }
}

/// Sets the sender's span as the last Datadog span.
fn with_last_span(said: Said) -> Said {
    Said { last_span: Some(said.span_id), ..said }
}

/// Generates a W3C context, and what other formats may have put into its tracestate.
fn container(said: Said) -> BoxedStrategy<Said> {
    let members = vec(("[a-z][a-z0-9]{2,8}", "[!-+\\--<>-~]{1,12}"), 0..4).prop_map(|mut members| {
        members.sort();
        members.dedup_by(|(a, _), (b, _)| a == b);
        members
    });
    let optional = (option::of(sw8_text()), option::of(0..6usize), option::of(any::<u8>()), option::of(1..=u64::MAX));
    let rest = (members, any::<bool>(), any::<bool>(), optional);
    (datadog_fields(said), rest)
        .prop_map(|(said, (members, random, baggage, (sw8, spelt, bits, last_span)))| {
            let trace_id = sw8.as_ref().map_or(said.trace_id, |(trace_id, _)| *trace_id);
            Said {
                narrow: false,
                trace_id,
                members,
                random,
                baggage,
                last_span,
                sw8: sw8.and_then(|(_, text)| text),
                correlation: spelt.and_then(|form| spelling(trace_id, form)),
                jaeger_bits: bits.unwrap_or_default() & 0xfc,
                ..said
            }
        })
        .boxed()
}

fn datadog_fields(said: Said) -> BoxedStrategy<Said> {
    let numbers = match said.decision {
        Decision::Yes => (1..=i32::MAX).prop_union(1..=3).boxed(),
        _ => (i32::MIN..=0).prop_union(-2..=0).boxed(),
    };
    let decided = matches!(said.decision, Decision::Yes | Decision::No);
    // Not what the member rewrites, and not `dm`, which a changed decision may take out.
    let value = "[!-+\\--:<-}]{1,10}";
    let tags = vec(("[a-z][a-z0-9_.]{2,8}", value), 0..4).prop_map(|mut tags| {
        tags.sort();
        tags.dedup_by(|(a, _), (b, _)| a == b);
        tags.retain(|(key, _)| key != "tid" && key != "upstream_services");
        tags
    });
    (numbers, option::of("[!-+\\--:<-}]{1,12}"), tags)
        .prop_map(move |(number, origin, tags)| Said {
            priority: decided.then_some(number),
            origin,
            tags,
            ..said.clone()
        })
        .boxed()
}

/// Generates a trace id as SkyWalking's agents make it: its number, the text if it is another one, and its item.
fn sw8_text() -> impl Strategy<Value = (u128, Option<(String, String)>)> {
    let number = any::<u128>().prop_filter("the lower half is zero", |id| *id as u64 != 0);
    let (a, b) = (0..1u64 << 63, 0..1u64 << 63);
    (number, a, b, 0..6u8, "[a-z]{1,20}[-/.#][0-9]{1,9}").prop_filter_map("zero", |(id, a, b, form, ticket)| {
        let (id, text, item) = match form {
            0 => return Some((id, None)),
            1 => (mixed(id, a, b), format!("{id:032x}.{a}.{b}"), format!("{a}.{b}")),
            2 => (id, hyphenated(id), "u".to_owned()),
            3 => (id, hyphenated(id).to_uppercase(), "Xu".to_owned()),
            // 32 digits are hex.
            4 => (id, id.to_string(), "d".to_owned()),
            _ => (trace_id_from_text(&ticket)?.get(), ticket.clone(), format!("l{ticket}")),
        };
        let plain = text == format!("{id:032x}");
        // A number without letters is the same in capitals, and 32 digits are hex.
        let ambiguous = plain || (form == 3 && text == text.to_lowercase()) || (form == 4 && text.len() == 32);
        (id as u64 != 0 && !ambiguous).then_some((id, Some((text, item))))
    })
}

/// Returns the id in a spelling other than the canonical one, and its item.
fn spelling(id: u128, form: usize) -> Option<(String, String)> {
    let (hex, uuid) = (format!("{id:032x}"), hyphenated(id));
    let (text, letter) = match form {
        0 => return None,
        1 => (hex, "h".to_owned()),
        2 => (format!("{{{uuid}}}"), "b".to_owned()),
        3 => (format!("urn:uuid:{uuid}"), "n".to_owned()),
        4 => (format!("|{hex}.1.2_"), format!(":|{hex}.1.2_")),
        _ => (format!("{{{}}}", uuid.to_uppercase()), if uuid == uuid.to_uppercase() { "b" } else { "B" }.to_owned()),
    };
    // The tag of the header's name.
    Some((text, format!("10f3{letter}")))
}
