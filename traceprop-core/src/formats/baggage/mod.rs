//! W3C `baggage`: no trace, but text of the user's that goes along with one. Lists and limits: [`crate::Baggage`].

pub(crate) mod write;

use crate::carrier::headers::Headers;
use crate::field::{Field, FormatKind};
use crate::format::{Format, FormatFields, InjectContext, Outcome, Parsed, Writer};

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
    fn extract(&self, _: &Headers<'_>) -> Parsed {
        Parsed::new(Outcome::Absent)
    }

    fn inject(&self, _: &InjectContext<'_>, _: &mut Writer<'_>) {}

    fn forward(&self, _: &InjectContext<'_>, _: &mut Writer<'_>) {}

    fn inject_text(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let lines = context.received().get_all(Field::Baggage);
        let allow = context.options().allowed_baggage();
        write::write(lines, context.baggage_limits, allow, context.is_passthrough(), writer);
    }
}
