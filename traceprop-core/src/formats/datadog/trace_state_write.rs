//! Writes the `dd` member.

use core::fmt::Write;

use super::tag::DecisionMaker;
use super::text::{DatadogLastSpan, DatadogText};
use super::trace_state::{self, DatadogTraceState, Item};
use super::view::{self, Fields, Source};
use super::{Datadog, tags};
use crate::field::FormatKind;
use crate::format::InjectContext;
use crate::tracestate::preserve::PreserveWriter;
use crate::wire::buffer::StackText;
use crate::wire::decimal::{self, Digits};

/// The longest member with its key, in bytes, that the tracers read.
const MAX_MEMBER: usize = 256;

/// The longest value of a member, in bytes.
const MAX_VALUE: usize = MAX_MEMBER - "dd=".len();

/// The value, with room for a separator and one item too many. A received member may be longer than what is written,
/// and is compared nevertheless.
type Text = StackText<{ MAX_VALUE + 1 + MAX_MEMBER }>;

impl Datadog {
    pub(super) fn write_member(&self, context: &InjectContext<'_>, bridge: &mut PreserveWriter) {
        let received = &context.source.received;
        let state = context.tracestate;
        let came = DatadogTraceState::from_tracestate(&state);
        let source = match Source::of(received) {
            // The context has no Datadog data, but its tracestate has.
            Source::Nothing if came.is_some() => Source::Member,
            source => source,
        };
        if source == Source::Member && came.is_some_and(|came| self.keeps_member(came, context)) {
            return;
        }
        let fields = Fields::of(source, context.received(), received, came);
        let last_span = || view::last_span(source, context.received(), received, came);
        let carries = match source {
            Source::Built | Source::Headers => fields.is_any() || last_span().is_some(),
            Source::Member => came.is_some() || last_span().is_some(),
            Source::Nothing => false,
        };
        if !carries && !context.injects(FormatKind::Datadog) {
            return;
        }
        let (priority, decision_maker) = view::decide(fields.priority, context.sampling(), context.is_local_decision());
        let last_span = match context.span_id() {
            Some(span) if self.reports_spans && !context.is_passthrough() => Some(DatadogLastSpan::id(span)),
            _ => last_span().filter(DatadogLastSpan::is_legal),
        };
        // A member without `s` relies on the flag of traceparent, so the same decision does not change it.
        let by_flag = source == Source::Member && fields.priority.is_none() && priority == Some(flag(context));

        let mut member = MemberWriter::new(came);
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
        for other in came.iter().flat_map(DatadogTraceState::others) {
            member.add(true, |item| item.push(other).is_ok());
        }
        member.finish(bridge);
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
                    received_priority = decimal::signed(text.as_bytes()).ok();
                    if received_priority.is_none() {
                        return false;
                    }
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
        let (priority, decision_maker) =
            view::decide(received_priority, context.sampling(), context.is_local_decision());
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
const fn flag(context: &InjectContext<'_>) -> i32 {
    context.sampling().is_sampled() as i32
}

/// Assembles items, and compares them with the received member.
struct MemberWriter<'c> {
    text: Text,
    omitted: u32,
    came: Option<DatadogTraceState<'c>>,
    /// How many items the received member must have to remain unchanged.
    counted: usize,
    same: bool,
}

impl<'c> MemberWriter<'c> {
    const fn new(came: Option<DatadogTraceState<'c>>) -> Self {
        Self { text: Text::new(), omitted: 0, came, counted: 0, same: true }
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
            self.same = self.same && whole && self.came.is_some_and(|came| came.has(item));
        }
        if !whole || self.text.len() > MAX_VALUE {
            self.text.truncate(before);
            self.omitted += 1;
        }
    }

    fn finish(&self, bridge: &mut PreserveWriter) {
        // An unchanged member keeps its bytes and its position.
        if self.same && self.came.is_some_and(|came| came.items().count() == self.counted) {
            return;
        }
        bridge.omit(self.omitted);
        // The value of a tracestate member must not end with a space.
        let value = self.text.as_str().trim_end_matches(' ');
        if !value.is_empty() {
            bridge.set_member(trace_state::KEY, value);
        } else if self.came.is_some() {
            bridge.remove_member(trace_state::KEY);
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
