//! What a context holds in one format's terms: a file for each format, for requests and owned contexts alike.

/// Declares accessors of requests and of owned contexts, whose types differ in the lifetime: both read the same `Data`.
macro_rules! accessors {
    ($($(#[$doc:meta])+ fn $name:ident($data:ident) -> $of_request:ty, $of_context:ty $read:block)+) => {
        impl<'c> crate::propagator::Extraction<'c> {
            $($(#[$doc])+
            pub fn $name(&self) -> $of_request {
                let $data = self.data(self.headers());
                $read
            })+
        }

        #[cfg(feature = "alloc")]
        impl crate::owned::OwnedContext {
            $($(#[$doc])+
            pub fn $name(&self) -> $of_context {
                let headers = self.headers();
                let $data = self.data(&headers);
                $read
            })+
        }
    };
}

#[cfg(feature = "alloc")]
mod b3;
mod correlation;
mod datadog;
mod grpc_trace_bin;
mod instana;
mod jaeger;
mod newrelic;
mod ottrace;
mod sentry;
mod sw8;
mod xray;

use crate::carrier::Headers;
use crate::context::{Mark, Received};
use crate::formats::datadog::CurrentContext;
use crate::propagator::Extraction;
#[cfg(feature = "alloc")]
use crate::{
    baggage::prefixed::PrefixedBaggage,
    field::{Field, FieldSet, InvalidHeader},
    format::Writer,
    owned::lines::Entry,
    owned::{OwnedContext, Role},
    wire::InvalidReason,
};
#[cfg(feature = "alloc")]
use alloc::string::String;

/// What the accessors of a request and of an owned context read.
struct Data<'a, 'c> {
    headers: &'a Headers<'c>,
    received: Received<'c>,
    now: CurrentContext,
    /// Whether text of the headers counts.
    keeps_text: bool,
}

impl<'c> Extraction<'c> {
    fn data<'a>(&self, headers: &'a Headers<'c>) -> Data<'a, 'c> {
        let (context, received) = (self.context(), self.received);
        let now = CurrentContext {
            trace_id: context.map(|context| context.trace_id),
            parent_id: context.and_then(|context| context.parent_id),
            sampling: self.sampling(),
            decided_here: received.is(Mark::FilledIn),
            is_received: true,
        };
        Data { headers, received, now, keeps_text: received.keeps_text() }
    }
}

#[cfg(feature = "alloc")]
impl OwnedContext {
    /// Replaces the lines of `fields` by one of `field` for each item, whose name and value `line` returns.
    fn with_prefixed<'i>(
        self,
        field: Field,
        fields: FieldSet,
        items: impl IntoIterator<Item = (&'i str, &'i str)>,
        line: impl Fn(&str, &str) -> Result<(String, String), InvalidReason>,
    ) -> Result<Self, InvalidHeader> {
        let mut builder = self.lines_without(|entry| fields.contains(entry.field()));
        let mut bytes = 0;
        for (place, (key, value)) in items.into_iter().enumerate() {
            let invalid = |reason| InvalidHeader::new(field, reason, bytes);
            let (name, value) = line(key, value).map_err(invalid)?;
            let end = bytes + key.len() + value.len();
            if place == PrefixedBaggage::MAX_ITEMS {
                return Err(invalid(InvalidReason::TooManyMembers));
            }
            if end > PrefixedBaggage::MAX_BYTES || name.len() > Writer::MAX_NAME_LEN {
                return Err(invalid(InvalidReason::TooLong));
            }
            builder.entry(&Entry { index: field.index() as u8, name: &name, value: value.as_bytes() });
            bytes = end;
        }
        Ok(Self { lines: builder.finish(), ..self })
    }

    fn data<'a, 'c>(&'c self, headers: &'a Headers<'c>) -> Data<'a, 'c> {
        let (parent_id, decided_here) = match self.role {
            Role::Span(span) => (span.parent_id, span.decided_here),
            Role::Passthrough(passthrough) => (self.span_id(), passthrough.received.is(Mark::FilledIn)),
        };
        let (trace_id, sampling) = (self.trace_id(), self.sampling());
        let now = CurrentContext { trace_id, parent_id, sampling, decided_here, is_received: false };
        // Text that may not be kept is not copied; what is set later is kept.
        Data { headers, received: self.known(), now, keeps_text: true }
    }
}
