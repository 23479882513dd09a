//! W3C `baggage`: no trace, but text of the user's that goes along with one. Lists and limits: [`crate::Baggage`].

use crate::baggage;
use crate::field::{Field, FormatKind};
use crate::format::{Format, FormatFields, Outbound, Outcome, Reading, Writer};
use crate::slots::Slots;

/// W3C baggage. Name `baggage`.
#[derive(Clone, Copy, Debug, Default)]
pub struct W3cBaggage;

impl Format for W3cBaggage {
    fn name(&self) -> &str {
        "baggage"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::of(FormatKind::Baggage)
    }

    /// It says nothing of the trace, and is read where somebody asks for it.
    fn extract(&self, _: &Slots<'_>) -> Reading {
        Reading::new(Outcome::Absent)
    }

    fn inject(&self, _: &Outbound<'_>, _: &mut Writer<'_>) {}

    fn relay(&self, _: &Outbound<'_>, _: &mut Writer<'_>) {}

    fn inject_baggage(&self, context: &Outbound<'_>, writer: &mut Writer<'_>) {
        let lines = context.slots().lines(Field::Baggage);
        let allow = context.outgoing().allowed_baggage();
        baggage::write(lines, context.baggage_limits, allow, context.is_relayed(), writer);
    }
}
