//! Writing baggage: the received members that `InjectOptions` allows, within the limits.

use core::fmt;

use crate::baggage::member::RawMember;
use crate::baggage::{Baggage, BaggageLimits, ILLEGAL_ENTRY};
use crate::carrier::HeaderLines;
use crate::context::{Allow, OmitReason};
use crate::field::{Field, FormatKind};
use crate::format::forward::joined;
use crate::format::{InjectContext, Writer};
use crate::formats::sentry;
use crate::wire::{self, InvalidReason, Shown};

/// Writes the allowed members. A passthrough forwards the lines verbatim if all members are allowed.
pub(crate) fn write(context: &InjectContext<'_>, limits: BaggageLimits, writer: &mut Writer<'_>) {
    let lines = context.received().get_all(Field::Baggage);
    let mut list = AllowedText::new(context.options().allowed_baggage());
    let keeps_decisions = context.source.received.keeps_decisions_in_text();
    if context.injects(FormatKind::Sentry) {
        return write_with_sampling_context(context, limits, keeps_decisions, writer);
    }
    let (read, limit) =
        Baggage::scan(lines, limits, keeps_decisions, |member, is_canonical| list.add(member, is_canonical));
    omit_beyond(limit, writer);
    if context.source.received.built.contains(FormatKind::Baggage) {
        omit_illegal(lines, writer);
    }
    if let Ok(baggage) = read {
        write_members(&baggage, &list, context.is_passthrough(), writer);
    }
}

/// Writes the allowed members, and after them the sampling context of Sentry, which goes whole or not at all.
#[cold]
fn write_with_sampling_context(
    context: &InjectContext<'_>,
    limits: BaggageLimits,
    keeps_decisions: bool,
    writer: &mut Writer<'_>,
) {
    let lines = context.received().get_all(Field::Baggage);
    let own = sentry::Outgoing::of(context, writer);
    let allow = context.options().allowed_baggage();
    // Lines whose members are all allowed do not change.
    let is_whole = own.is_some() && context.is_passthrough() && allow == Allow::All && keeps_decisions;
    let mut list = AllowedText::new(allow);
    let (read, limit) = Baggage::scan(lines, limits, is_whole, |member, is_canonical| list.add(member, is_canonical));
    omit_beyond(limit, writer);
    let baggage = read.unwrap_or(Baggage::EMPTY);
    match own.filter(|_| !is_whole) {
        None => write_members(&baggage, &list, context.is_passthrough(), writer),
        Some(own) => {
            if baggage.len() > list.count {
                writer.omit(Field::Baggage, OmitReason::NotAllowed, (baggage.len() - list.count) as u32);
            }
            own.write_after(&allowed_members(&baggage, allow), list.count, limits, writer);
        }
    }
}

/// Reports the members that exceeded a limit.
fn omit_beyond(limit: Option<(InvalidReason, usize)>, writer: &mut Writer<'_>) {
    let Some((reason, count)) = limit else { return };
    let reason = match reason {
        InvalidReason::TooManyMembers => OmitReason::TooManyMembers,
        _ => OmitReason::TooLong,
    };
    writer.omit(Field::Baggage, reason, count as u32);
}

/// Reports the entries that code added and that no header can hold.
fn omit_illegal(lines: HeaderLines<'_>, writer: &mut Writer<'_>) {
    let members = lines.iter().flat_map(|line| line.split(|&byte| byte == b','));
    let count = members.filter(|member| *member == ILLEGAL_ENTRY.as_bytes()).count();
    if count > 0 {
        writer.omit(Field::Baggage, OmitReason::BadKey, count as u32);
    }
}

fn write_members(baggage: &Baggage<'_>, list: &AllowedText<'_>, as_received: bool, writer: &mut Writer<'_>) {
    if baggage.is_empty() {
        return;
    }
    let allowed = list.count;
    let whole =
        allowed == baggage.len() && baggage.ignored().is_none() && (baggage.keeps_decisions || baggage.canonical);
    let lines = baggage.lines;
    if whole && (as_received || (baggage.canonical && !lines.is_repeated())) {
        // Some receivers read only the first of several lines, others only the last.
        match lines.is_repeated() {
            true => writer.write(Field::Baggage, joined(lines)),
            false => writer.write_ascii(Field::Baggage, lines.first().map(wire::trim).unwrap_or_default()),
        }
        return;
    }
    // The members that were read are within the limits, so a part of them is too.
    if baggage.len() > allowed {
        writer.omit(Field::Baggage, OmitReason::NotAllowed, (baggage.len() - allowed) as u32);
    }
    match list.text() {
        _ if allowed == 0 => {}
        Some(text) => writer.write_ascii(Field::Baggage, text),
        None => writer.write(Field::Baggage, allowed_members(baggage, list.allow)),
    }
}

/// The longest list, in bytes, that is assembled while it is read. A longer one is read twice.
const ROOM: usize = 512;

/// The allowed members, assembled while the list is read.
struct AllowedText<'a> {
    allow: Allow<'a>,
    count: usize,
    bytes: [u8; ROOM],
    /// `None` once a member is not in canonical form or does not fit.
    len: Option<usize>,
}

impl<'a> AllowedText<'a> {
    #[inline]
    fn new(allow: Allow<'a>) -> Self {
        // If all members are allowed, the lines are usually written as received.
        let len = if allow == Allow::All { None } else { Some(0) };
        Self { allow, count: 0, bytes: [0; ROOM], len }
    }

    #[inline]
    fn add(&mut self, member: &RawMember<'_>, is_canonical: bool) {
        if self.allow.allows(|key| key.as_bytes() == member.key) {
            self.count += 1;
            self.len = self.len.filter(|_| is_canonical).and_then(|len| self.put(len, member.whole));
        }
    }

    /// Appends a member and returns where it ends.
    #[inline]
    fn put(&mut self, len: usize, member: &[u8]) -> Option<usize> {
        let start = if len == 0 { 0 } else { len + 1 };
        let end = start + member.len();
        self.bytes.get_mut(start..end)?.copy_from_slice(member);
        if start > 0 {
            self.bytes[len] = b',';
        }
        Some(end)
    }

    fn text(&self) -> Option<&[u8]> {
        self.bytes.get(..self.len?)
    }
}

/// Displays the members that are allowed.
fn allowed_members<'a>(baggage: &'a Baggage<'a>, allow: Allow<'a>) -> impl fmt::Display {
    Shown(move |f: &mut fmt::Formatter<'_>| {
        wire::put_joined(baggage.iter().filter(|member| allow.allows_key(member.key())), ",", f)
    })
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::{Allow, ROOM};
    use crate::context::inject_options::InjectOptions;
    use crate::id::generator::IdBits;
    use crate::propagator::presets;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn ok_baggage_of_the_carrier_is_removed_whether_any_is_allowed_or_not() {
        let request =
            [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("baggage", "tenant=acme")];
        let propagator = presets::W3C.propagator();
        let span = propagator.extract(&request).new_span(&|| IdBits::non_random(1));
        let baggage = |outgoing: &InjectOptions<'_>| {
            let mut headers: Vec<(String, String)> = [("baggage".into(), "own=1".into())].into();
            propagator.inject(&span, outgoing, &mut headers);
            headers.retain(|(name, _)| name == "baggage");
            headers.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
        };
        assert_eq!(baggage(&InjectOptions::new()), [""; 0]);
        assert_eq!(baggage(&InjectOptions::new().keep_headers(&["Baggage"])), ["own=1"]);
        assert_eq!(baggage(&InjectOptions::everything().keep_headers(&["Baggage"])), ["own=1"]);
        assert_eq!(baggage(&InjectOptions::everything()), ["tenant=acme"]);
    }

    #[test]
    fn ok_a_filtered_list_is_the_same_whether_it_has_room_or_not() {
        let propagator = presets::W3C.propagator();
        let filtered = |line: &str| {
            let request =
                [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("baggage", line)];
            let span = propagator.extract(&request).new_span(&|| IdBits::non_random(1));
            let mut headers: Vec<(String, String)> = Vec::new();
            let outgoing = InjectOptions::new().allow_baggage(Allow::Only(&["a", "c"]));
            let omitted = propagator.inject(&span, &outgoing, &mut headers);
            assert_eq!(std::string::ToString::to_string(&omitted), "baggage: 1 member omitted (not-allowed)");
            headers.retain(|(name, _)| name == "baggage");
            headers.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
        };
        for len in ROOM - 10..ROOM - 5 {
            let value = "x".repeat(len);
            let expected = std::format!("a={value},c=2;p");
            assert_eq!(filtered(&std::format!("a={value},b=1,c=2;p")), [expected.as_str()], "{}", expected.len());
            // Members with blanks are not copied verbatim.
            assert_eq!(filtered(&std::format!("a = {value} , b=1,c=2; p")), [expected.as_str()]);
        }
        assert_eq!(filtered("b=1"), [""; 0]);
        assert_eq!(filtered("c=2,b=1"), ["c=2"]);
    }

    #[test]
    fn ok_members_beyond_a_limit_are_counted() {
        let report = |members: usize, bytes: usize, list: &str| {
            let format = crate::formats::baggage::W3cBaggage::new();
            let format = format.limits(crate::baggage::BaggageLimits { members, bytes });
            let propagator = crate::Propagator::builder().with_format(format).build().unwrap();
            let request = [("baggage", list)];
            let mut headers: Vec<(String, String)> = Vec::new();
            let passthrough = propagator.extract(&request);
            let report = propagator.inject(passthrough.passthrough(), &InjectOptions::everything(), &mut headers);
            std::format!("{report}")
        };
        let too_many = "baggage: 3 members omitted (too-many-members)";
        assert_eq!(report(2, 100, "a=1,b=2,c=3, ,d=4,e=5"), too_many);
        assert_eq!(report(3, 100, "a=1,b=2,c=3"), "nothing omitted");
        assert_eq!(report(9, 9, "a=1,b=2,cccc=3,d=4"), "baggage: 2 members omitted (too-long)");
        assert_eq!(report(9, 3, "a=1,b=2"), "baggage: 1 member omitted (too-long)");
        assert_eq!(report(9, 2, "a=1,b=2"), "baggage: 2 members omitted (too-long)");
    }

    #[test]
    fn ok_entries_of_code_with_an_illegal_key_are_reported() {
        use crate::baggage::{BaggageEntry, OwnedBaggage};
        let propagator = presets::W3C.propagator();
        let sent = |entries: &[(&str, &str)]| {
            let mut baggage = OwnedBaggage::new();
            for (key, properties) in entries {
                let [key, value, properties] = [*key, "1", *properties].map(String::from);
                baggage.push(BaggageEntry { key, value, properties });
            }
            let span = crate::SpanContext::root(&|| IdBits::random(7));
            let context = crate::OwnedContext::new(span).with_baggage(&baggage);
            let mut headers: Vec<(String, String)> = Vec::new();
            let report = propagator.inject(&context, &InjectOptions::everything(), &mut headers);
            let baggage = headers.into_iter().find(|(name, _)| name == "baggage").map(|(_, value)| value);
            (baggage, std::format!("{report}"))
        };
        let one = "baggage: 1 member omitted (bad-key)";
        assert_eq!(sent(&[("a", ""), ("bad key", ""), ("b", "")]), (Some("a=1,b=1".into()), one.into()));
        assert_eq!(sent(&[("", "")]), (None, one.into()));
        assert_eq!(sent(&[("", ""), ("x", "p,q")]), (None, "baggage: 2 members omitted (bad-key)".into()));
        assert_eq!(sent(&[("a", "p")]), (Some("a=1;p".into()), "nothing omitted".into()));
    }
}
