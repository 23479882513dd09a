//! Datadog's words of a request, to read.

use super::Extraction;
use crate::formats::datadog::{DatadogContext, Now};

impl<'c> Extraction<'c> {
    /// What the context carries of Datadog: priority, origin, tags, the last span that was reported there.
    pub fn datadog(&self) -> DatadogContext<'c> {
        let received = self.received();
        let context = self.inbound().context();
        let now = Now {
            trace_id: context.map(|context| context.trace_id),
            parent_id: context.and_then(|context| context.parent_id),
            sampling: self.inbound().sampling(),
            decided_here: received.filled_in,
            is_plain: self.is_plain(),
        };
        DatadogContext::of(self.slots(), &received, now)
    }
}
