//! Writing baggage: what came, as far as the destination may have it, within the limits.

use core::fmt;

use super::{Baggage, BaggageLimits, BaggageMember};
use crate::field::Field;
use crate::format::Writer;
use crate::outgoing::{Allow, OmissionReason};
use crate::reject::Reason;
use crate::slots::Lines;
use crate::text;

/// Writes what may go out of `lines`. `as_received` hands them on as they came, where all of them may go.
pub(crate) fn write(
    lines: Lines<'_>,
    limits: BaggageLimits,
    allow: Allow<'_>,
    as_received: bool,
    writer: &mut Writer<'_>,
) {
    let (read, limit) = Baggage::scan(lines, limits);
    omit_beyond(limit, writer);
    if let Ok(baggage) = read {
        write_members(&baggage, allow, as_received, writer);
    }
}

/// Says that members stood behind a limit. How many is not counted: what is behind a limit is not looked at.
fn omit_beyond(limit: Option<Reason>, writer: &mut Writer<'_>) {
    let reason = match limit {
        Some(Reason::TooLong | Reason::TooManyLines) => OmissionReason::TooLong,
        Some(Reason::TooManyMembers) => OmissionReason::TooManyMembers,
        _ => return,
    };
    writer.omit(Field::Baggage, reason, 1);
}

fn write_members(baggage: &Baggage<'_>, allow: Allow<'_>, as_received: bool, writer: &mut Writer<'_>) {
    if baggage.is_empty() {
        return;
    }
    let list = AllowedMembers { baggage, allow };
    let allowed = if allow == Allow::All { baggage.len() } else { list.members().count() };
    let whole = allowed == baggage.len() && baggage.skipped().is_none();
    let lines = baggage.lines();
    if whole && (as_received || (baggage.is_canonical() && !lines.is_repeated())) {
        for line in lines.iter().map(text::trim).filter(|line| !line.is_empty()) {
            writer.write_ascii(Field::Baggage, line);
        }
        return;
    }
    // What was read is within the limits, and what is written of it is no longer.
    if baggage.len() > allowed {
        writer.omit(Field::Baggage, OmissionReason::NotAllowed, (baggage.len() - allowed) as u32);
    }
    if allowed > 0 {
        writer.write_pieces(Field::Baggage, &list);
    }
}

/// The members of a line that are allowed; empty where none is. Whoever writes it applies the limits.
#[cfg(feature = "alloc")]
pub(crate) fn allowed_line(line: &[u8], allow: Allow<'_>) -> alloc::string::String {
    const UNLIMITED: BaggageLimits = BaggageLimits { members: usize::MAX, bytes: usize::MAX };
    let baggage = Baggage::read(Lines::one(line), UNLIMITED).unwrap_or(Baggage::EMPTY);
    alloc::string::ToString::to_string(&AllowedMembers { baggage: &baggage, allow })
}

struct AllowedMembers<'a> {
    baggage: &'a Baggage<'a>,
    allow: Allow<'a>,
}

impl<'a> AllowedMembers<'a> {
    fn members(&self) -> impl Iterator<Item = BaggageMember<'a>> {
        let allow = self.allow;
        self.baggage.iter().filter(move |member| allow.key(member.key()))
    }
}

impl fmt::Display for AllowedMembers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, member) in self.members().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            member.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use crate::generator::IdBits;
    use crate::outgoing::Outgoing;
    use crate::presets;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn ok_baggage_of_the_carrier_stays_where_none_may_leave() {
        let request =
            [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("baggage", "tenant=acme")];
        let propagator = presets::W3C.propagator();
        let span = propagator.extract(&request).start_span(&|| IdBits::unique(1));
        let baggage = |outgoing: &Outgoing<'_>| {
            let mut headers: Vec<(String, String)> = [("baggage".into(), "own=1".into())].into();
            let _ = propagator.inject(&span, outgoing, &mut headers);
            headers.retain(|(name, _)| name == "baggage");
            headers.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
        };
        assert_eq!(baggage(&Outgoing::new()), ["own=1"]);
        assert_eq!(baggage(&Outgoing::trusted()), ["tenant=acme"]);
    }
}
