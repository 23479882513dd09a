//! Writing baggage: what came, as far as the destination may have it, within the limits.

use core::fmt;

use super::{Baggage, BaggageLimits, BaggageMember};
use crate::field::Field;
use crate::format::Writer;
use crate::outgoing::{Allow, OmissionReason};
use crate::text;

/// Writes what may go out. `as_received` hands the lines on as they came, where all of them may go.
pub(crate) fn write(baggage: &Baggage<'_>, allow: Allow<'_>, as_received: bool, writer: &mut Writer<'_>) {
    if baggage.is_empty() {
        return;
    }
    let whole = allow == Allow::All && baggage.skipped().is_none();
    let lines = baggage.lines();
    if whole && (as_received || (baggage.is_canonical() && !lines.is_repeated())) {
        for line in lines.iter().map(text::trim).filter(|line| !line.is_empty()) {
            writer.write_ascii(Field::Baggage, line);
        }
        return;
    }
    let list = AllowedMembers { baggage, allow, limits: baggage.limits };
    let allowed = list.allowed().count();
    if baggage.len() > allowed {
        writer.omit(Field::Baggage, OmissionReason::NotAllowed, (baggage.len() - allowed) as u32);
    }
    let kept = list.kept().count();
    if allowed > kept {
        writer.omit(Field::Baggage, OmissionReason::TooLong, (allowed - kept) as u32);
    }
    if kept > 0 {
        writer.write_pieces(Field::Baggage, &list);
    }
}

struct AllowedMembers<'a> {
    baggage: &'a Baggage<'a>,
    allow: Allow<'a>,
    limits: BaggageLimits,
}

impl<'a> AllowedMembers<'a> {
    fn allowed(&self) -> impl Iterator<Item = BaggageMember<'a>> {
        let allow = self.allow;
        self.baggage.iter().filter(move |member| allow.key(member.key()))
    }

    /// The first whole members within the limits.
    fn kept(&self) -> impl Iterator<Item = BaggageMember<'a>> {
        let limit = self.limits.bytes;
        let mut bytes = 0;
        self.allowed().take(self.limits.members).take_while(move |member| {
            bytes += member.wire_len() + usize::from(bytes > 0);
            bytes <= limit
        })
    }
}

impl fmt::Display for AllowedMembers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, member) in self.kept().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            member.fmt(f)?;
        }
        Ok(())
    }
}
