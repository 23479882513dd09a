//! Writes the `dd` member.

use core::fmt::Write;

use super::tag::DecisionMaker;
use super::text::{DatadogLastSpan, DatadogText};
use super::trace_state::{self, DatadogTraceState, Item};
use super::view::{self, Decision, Fields, Source};
use super::{Datadog, tags};
use crate::field::FormatKind;
use crate::format::InjectContext;
use crate::tracestate::decision::is_of_the_decision;
use crate::tracestate::preserve::PreserveWriter;
use crate::wire::StackText;
use crate::wire::decimal::{self, Digits};

/// The longest member with its key, in bytes, that the tracers read.
const MAX_MEMBER: usize = 256;

/// The longest value of a member, in bytes.
const MAX_VALUE: usize = MAX_MEMBER - "dd=".len();

/// The value, with room for a separator and one item too many. A received member may be longer than what is written,
/// and is compared nevertheless.
type Text = StackText<{ MAX_VALUE + 1 + MAX_MEMBER }>;

impl Datadog {
    pub(super) fn write_member(&self, context: &InjectContext<'_>, writer: &mut PreserveWriter) {
        let member = DatadogTraceState::from_tracestate(&context.tracestate);
        let source = match Source::of(&context.source.received) {
            // The context has no Datadog data, but its tracestate has.
            Source::Nothing if member.is_some() => Source::Member,
            source => source,
        };
        if source != Source::Member || !member.is_some_and(|member| self.keeps_member(member, context)) {
            self.assemble_member(source, member, context, writer);
        }
    }

    /// Assembles the member, and writes it if it differs from the received one.
    fn assemble_member(
        &self,
        source: Source,
        received_member: Option<DatadogTraceState<'_>>,
        context: &InjectContext<'_>,
        writer: &mut PreserveWriter,
    ) {
        let received = &context.source.received;
        let fields = Fields::of(source, context.received(), received, received_member);
        let last_span = || view::last_span(source, context.received(), received, received_member);
        let carries = match source {
            Source::Built | Source::Headers => fields.is_any() || last_span().is_some(),
            Source::Member => received_member.is_some() || last_span().is_some(),
            Source::Nothing => false,
        };
        let names_own_span = self.reports_spans && !context.is_passthrough();
        if !carries && !names_own_span && !context.injects(FormatKind::Datadog) {
            return;
        }
        let (priority, decision_maker) = view::decide(fields.priority, Decision::of(context, source));
        let last_span = match context.span_id() {
            Some(span) if names_own_span => Some(DatadogLastSpan::id(span)),
            _ => last_span().filter(DatadogLastSpan::is_legal),
        };
        // A member without `s` relies on the flag of traceparent, so the same decision does not change it.
        let by_flag = source == Source::Member && fields.priority.is_none() && priority == Some(flag(context));

        let mut member = MemberWriter::new(received_member);
        if let Some(priority) = priority {
            let digits = Digits::of_signed(priority);
            member.add(!by_flag, |item| item.push("s:").and_then(|()| item.push_ascii(digits.as_bytes())).is_ok());
        }
        if let Some(origin) = fields.origin {
            member.add(true, |item| item.push("o:").is_ok() && encode(item, origin, Part::Value));
        }
        if let Some(span) = last_span {
            member.add(true, |item| item.push("p:").and_then(|()| span.push_to(item)).is_ok());
        }
        for tag in fields.tags.with_decision_maker(decision_maker).iter() {
            // No tracer reads an item without a key or a value.
            if !tag.name.is_empty() && !tag.value.is_empty() {
                member.add(true, |item| {
                    item.push("t.").is_ok()
                        && encode(item, DatadogText::verbatim(tag.name), Part::Key)
                        && item.push(":").is_ok()
                        && encode(item, tag.value, Part::Value)
                });
            }
        }
        // Only an exact key is read. But another tracer may read ` s` as `s`.
        let is_void = |other: &&str| decision_maker != DecisionMaker::AsReceived && is_of_the_decision(other);
        for other in received_member.iter().flat_map(DatadogTraceState::others).filter(|other| !is_void(other)) {
            member.add(true, |item| item.push(other).is_ok());
        }
        member.finish(writer);
    }

    /// Returns whether a received member is written as it is, as far as one look at each item tells.
    ///
    /// If this returns `false`, the member is assembled and compared. That has the same result, but takes longer.
    fn keeps_member(&self, member: DatadogTraceState<'_>, context: &InjectContext<'_>) -> bool {
        let (mut received_priority, mut has_last_span, mut seen) = (None, false, 0_u64);
        for item in member.items() {
            let name = match item {
                Item::Priority(text) => {
                    // Other spellings of a number are written anew.
                    if !matches!(text.as_bytes(), b"0" | [b'1'..=b'9', ..] | [b'-', b'1'..=b'9', ..]) {
                        return false;
                    }
                    let Ok(priority) = decimal::signed(text.as_bytes()) else { return false };
                    received_priority = Some(priority);
                    "s"
                }
                Item::Origin(_) => "o",
                Item::LastSpan(_) => {
                    has_last_span = true;
                    "p"
                }
                Item::Tag(tag) if !tags::is_passed_on(&tag) => return false,
                Item::Tag(tag) => tag.name,
                Item::Other(_) => continue,
            };
            // If a name is repeated, only its last item is written. Names that share a bit may be equal.
            let bit = 1 << (name.bytes().fold(0, |sum: u8, byte| sum.wrapping_mul(7) ^ byte) & 63);
            if seen & bit != 0 {
                return false;
            }
            seen |= bit;
        }
        let (priority, decision_maker) = view::decide(received_priority, Decision::of(context, Source::Member));
        let keeps_priority = match received_priority {
            Some(_) => priority == received_priority,
            None => priority.is_none_or(|priority| priority == flag(context)),
        };
        let names_own_span = self.reports_spans && !context.is_passthrough();
        let takes_span = !has_last_span && context.agrees(FormatKind::Datadog);
        keeps_priority && decision_maker == DecisionMaker::AsReceived && !names_own_span && !takes_span
    }
}

/// Returns the sampled flag of traceparent as a priority.
fn flag(context: &InjectContext<'_>) -> i32 {
    context.sampling_or_received_bit().is_sampled().into()
}

/// Assembles items, and compares them with the received member.
struct MemberWriter<'c> {
    text: Text,
    omitted: u32,
    received: Option<DatadogTraceState<'c>>,
    /// How many items the received member must have to remain unchanged.
    counted: usize,
    same: bool,
}

impl<'c> MemberWriter<'c> {
    const fn new(received: Option<DatadogTraceState<'c>>) -> Self {
        Self { text: Text::new(), omitted: 0, received, counted: 0, same: true }
    }

    /// Adds a whole item, or nothing if `write` returns `false` for lack of room. `counts` is `false` for an item that
    /// the received member does not need.
    fn add(&mut self, counts: bool, write: impl FnOnce(&mut Text) -> bool) {
        let before = self.text.len();
        // The separator always fits.
        let separated = before == 0 || self.text.push(";").is_ok();
        let start = self.text.len();
        let whole = separated && write(&mut self.text) && self.text.len() - start <= MAX_MEMBER;
        if counts {
            self.counted += 1;
            let item = self.text.as_bytes().get(start..).unwrap_or_default();
            self.same = self.same && whole && self.received.is_some_and(|received| received.has(item));
        }
        if !whole || self.text.len() > MAX_VALUE {
            self.text.truncate(before);
            self.omitted += 1;
        }
    }

    fn finish(&self, writer: &mut PreserveWriter) {
        // An unchanged member keeps its bytes and its position.
        if self.same && self.received.is_some_and(|received| received.items().count() == self.counted) {
            return;
        }
        writer.omit(self.omitted);
        // The value of a tracestate member must not end with a space.
        let value = self.text.as_str().trim_end_matches(' ');
        if !value.is_empty() {
            writer.set_member(trace_state::KEY, value);
        } else if self.received.is_some() {
            writer.remove_member(trace_state::KEY);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Key,
    Value,
}

impl Part {
    /// Returns the replacement of a byte that is not written as it is. In a key, separators of keys, values and items
    /// are replaced too, since they could forge an item.
    const fn replace(self, byte: u8) -> Option<&'static str> {
        match (self, byte) {
            (Self::Value, b'=') => Some("~"),
            (Self::Value, b'~') => Some("_"),
            (Self::Key, b'=' | b':' | b' ') => Some("_"),
            (_, b',' | b';') => Some("_"),
            (_, b' '..=b'~') => None,
            // Control characters, and the letters of Latin-1, which have several bytes in the text.
            _ => Some("_"),
        }
    }
}

/// Adds text to an item, with a replacement for each character that is not allowed. Returns `false` without room.
fn encode<const N: usize>(item: &mut StackText<N>, text: DatadogText<'_>, part: Part) -> bool {
    match text.as_str() {
        Some(text) if text.bytes().all(|byte| part.replace(byte).is_none()) => item.push(text).is_ok(),
        _ => text.chars().all(|character| {
            let replacement = u8::try_from(character).map_or(Some("_"), |byte| part.replace(byte));
            match replacement {
                Some(text) => item.push(text).is_ok(),
                None => item.write_char(character).is_ok(),
            }
        }),
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    #[track_caller]
    fn encoded(text: &str, part: Part) -> StackText<MAX_MEMBER> {
        let mut item = StackText::new();
        assert!(encode(&mut item, DatadogText::verbatim(text), part));
        item
    }

    #[test]
    fn ok_values_keep_all_but_separators() {
        assert_eq!(encoded("a,b;c~d=e:f g", Part::Value).as_str(), "a_b_c_d~e:f g");
        assert_eq!(encoded("café\r\n\u{7f}日本", Part::Value).as_str(), "caf______");
        assert_eq!(encoded("", Part::Value).as_str(), "");
    }

    #[test]
    fn ok_keys_lose_what_could_forge_an_item() {
        assert_eq!(encoded("k ;s:2=,~", Part::Key).as_str(), "k__s_2__~");
    }

    #[test]
    fn ok_text_of_a_member_is_unchanged() {
        let mut item = StackText::<MAX_MEMBER>::new();
        assert!(encode(&mut item, DatadogText::of_member("~a~~b:c d"), Part::Value));
        assert_eq!(item.as_str(), "~a~~b:c d");
    }

    #[test]
    fn err_item_without_room() {
        let mut item = StackText::<4>::new();
        assert!(encode(&mut item, DatadogText::verbatim("a,bc"), Part::Value));
        assert!(!encode(&mut item, DatadogText::verbatim("d"), Part::Value));
        let mut item = StackText::<4>::new();
        assert!(!encode(&mut item, DatadogText::verbatim("abcd,"), Part::Value));
    }

    #[test]
    fn err_add_an_item_that_fits_only_in_part() {
        let mut member = MemberWriter::new(None);
        member.add(true, |item| item.push("s:1").is_ok());
        let longer_than_the_room = [b'x'; MAX_VALUE + 1 + MAX_MEMBER];
        member.add(true, |item| item.push("t.k:").is_ok() && item.push_ascii(&longer_than_the_room).is_ok());
        assert_eq!((member.text.as_str(), member.omitted), ("s:1", 1));
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod generated {
    use super::*;
    use crate::carrier::headers::Headers;
    use crate::format::{Format, FormatFields, Parsed, Preserve, Writer};
    use crate::formats::tracecontext::W3cTraceContext;
    use crate::{InjectOptions, Pairs, Propagator, SpanId};
    use core::cell::RefCell;
    use proptest::prelude::*;
    use std::string::String;
    use std::vec::Vec;
    use std::{format, thread_local};

    thread_local! {
        /// What the short way and the long way say about a member, for each context that is written.
        static FOUND: RefCell<Vec<(bool, bool)>> = const { RefCell::new(Vec::new()) };
    }

    /// A Datadog format that takes both ways.
    struct BothWays(Datadog);

    impl Format for BothWays {
        fn name(&self) -> &str {
            self.0.name()
        }

        fn fields(&self) -> FormatFields<'_> {
            FormatFields { preserve: Some(self), ..FormatFields::of(FormatKind::Datadog) }
        }

        fn extract(&self, headers: &Headers<'_>) -> Parsed {
            self.0.extract(headers)
        }

        fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
            self.0.inject(context, writer);
        }
    }

    impl Preserve for BothWays {
        fn preserve(&self, context: &InjectContext<'_>, _: &mut PreserveWriter) {
            let (Some(member), Some(trace_id)) =
                (DatadogTraceState::from_tracestate(&context.tracestate), context.trace_id())
            else {
                return;
            };
            let mut long = PreserveWriter::new(trace_id);
            self.0.assemble_member(Source::Member, Some(member), context, &mut long);
            let found = (self.0.keeps_member(member, context), long.edits(None) == [None, None] && long.omitted == 0);
            FOUND.with_borrow_mut(|all| all.push(found));
        }
    }

    /// Returns what both ways say for a passthrough and for a new span.
    fn both_ways(member: &str, flags: u8, datadog: Datadog, with_headers: bool) -> Vec<(bool, bool)> {
        let traceparent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags:02x}");
        let tracestate = format!("a=1,dd={member},b=2");
        let request = [
            ("traceparent", traceparent.as_str()),
            ("tracestate", tracestate.as_str()),
            ("x-datadog-trace-id", if with_headers { "11803532876627986230" } else { "" }),
            ("x-datadog-parent-id", "67667974448284343"),
            ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6"),
        ];
        let builder = Propagator::builder().extract(W3cTraceContext::new()).extract(BothWays(datadog));
        let propagator = builder.inject(W3cTraceContext::new()).inject(BothWays(datadog)).build().unwrap();
        let extraction = propagator.extract(&request);
        FOUND.take();
        let span = extraction.span_with_ids(extraction.context().unwrap().trace_id, SpanId::new(7).unwrap());
        propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut Pairs::new());
        propagator.inject(&span, &InjectOptions::new(), &mut Pairs::new());
        FOUND.take()
    }

    fn item() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => "s:(-?[0-3]|[+]?0?[0-9]|2147483648)",
            2 => "o:[a-z~]{0,4}",
            2 => "p:([0-9a-f]{16}|[a-z ]{0,3})",
            4 => "t[.](dm|tid|a|b|upstream_services|[a-z:]{1,2}):(-[0-9]{1,3}|[ -+\\--:<>-~]{0,5})",
            2 => "[a-z]{0,2}:?[a-z ]{0,3}",
        ]
    }

    #[test]
    fn ok_usual_members_take_the_short_way() {
        for member in ["s:1;o:rum;p:00f067aa0ba902b7;t.dm:-4;t.a:b", "s:2;p:00f067aa0ba902b7", "p:00f067aa0ba902b7"] {
            assert!(both_ways(member, 1, Datadog::new(), false).contains(&(true, true)), "{member}");
        }
    }

    proptest! {
        #[test]
        fn ok_a_member_that_the_short_way_keeps_is_kept_by_the_long_way(
            items in proptest::collection::vec(item(), 1..6),
            flags in 0..2_u8,
            reports_spans in any::<bool>(),
            with_headers in any::<bool>(),
        ) {
            let datadog = if reports_spans { Datadog::new().reports_spans() } else { Datadog::new() };
            let member = items.join(";");
            for (short, long) in both_ways(&member, flags, datadog, with_headers) {
                prop_assert!(!short || long, "{member}");
            }
        }
    }
}
