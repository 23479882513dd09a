//! Datadog's words of a request, to read.

use super::Extraction;
use crate::field::FormatKind;
use crate::formats::datadog::{DatadogView, Now};

impl<'c> Extraction<'c> {
    /// What the context carries of Datadog: priority, origin, tags, the last span that was reported there.
    pub fn datadog(&self) -> DatadogView<'c> {
        let received = self.received();
        let context = self.context();
        if let (Some(FormatKind::Datadog), Some(context), true) = (received.primary, &context, self.is_plain()) {
            return DatadogView::of_headers(self.headers(), context, received.filled_in);
        }
        let now = Now {
            trace_id: context.map(|context| context.trace_id),
            parent_id: context.and_then(|context| context.parent_id),
            sampling: self.inbound().sampling(),
            decided_here: received.filled_in,
        };
        DatadogView::of(self.headers(), &received, now)
    }
}
