//! Contexts that are made from a B3 value.

use crate::context::{Passthrough, RemoteContext};
use crate::field::FormatKind;
use crate::formats::b3::{B3Multi, B3Single};
use crate::owned::lines::{Builder, Entry};
use crate::owned::{OwnedContext, Role};

/// Creates a context from a B3 value, for a service that forwards it and reports no spans.
///
/// The sender's parent and the width of the trace id are kept.
///
/// ```
/// use traceprop_core::{InjectOptions, OwnedContext, Pairs, Propagator, formats::b3::{B3, B3Single}};
///
/// let propagator = Propagator::builder().extract_none().inject(B3::multi()).build()?;
/// let context = OwnedContext::from(B3Single::parse(b"80e6b5d0a9d93650-8a0ac984f71ab247-1-05e3ac9a4f6e3b90")?);
/// let mut headers = Pairs::new();
/// propagator.inject(&context, &InjectOptions::new(), &mut headers);
/// assert_eq!(headers.get("x-b3-parentspanid"), Some("05e3ac9a4f6e3b90"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl From<B3Single> for OwnedContext {
    fn from(b3: B3Single) -> Self {
        let passthrough = match b3.ids() {
            Some(ids) => Passthrough::from_remote(RemoteContext {
                sampling: b3.sampling(),
                ..RemoteContext::new(ids.trace_id(), Some(ids.span_id()))
            }),
            None => Passthrough::sampling_only(b3.sampling()),
        };
        // The single header cannot hold a parent next to an open decision. The several headers can.
        let mut builder = Builder::default();
        B3Multi::from(b3).write(|field, value| {
            builder.entry(&Entry { index: field.index() as u8, name: "", value: value.as_bytes() });
        });
        let mut context = Self { role: Role::Passthrough(passthrough), lines: builder.finish(), endpoint: None };
        // The lines were not received, so each encoding is written in its canonical form.
        let received = context.known_mut();
        received.built = received.built.with(FormatKind::B3);
        context
    }
}
