//! What a built-in format keeps in the tracestate, for hops that speak only W3C.

use super::InjectContext;
use crate::context::inject_options::Allow;
use crate::tracestate::preserve::{PreserveWriter, Preserved, TAG, TEXT, tag};

/// A built-in format that keeps data in the tracestate.
///
/// Its [`FormatFields`](super::FormatFields) refer to it: a propagator holds formats as `dyn Format`, and this is how it
/// finds their private side. Formats of other crates have no such data, since only built-in ones could read it back.
pub(crate) trait Preserve: Sync {
    /// Adds what a hop that speaks only W3C would lose. Called before a tracestate is written.
    fn preserve(&self, context: &InjectContext<'_>, writer: &mut PreserveWriter);
}

/// Keeps the received text of headers that no format here knows. It goes only where its header may go.
pub(crate) fn keep_text<'n, N: Iterator<Item = &'n str>>(
    writer: &mut PreserveWriter,
    received: Preserved<'_>,
    known: impl Fn() -> N,
    allow: Allow<'_>,
) {
    for item in received.items(TEXT) {
        let Some((tagged, _)) = item.split_at_checked(TAG) else { continue };
        let is_of = |name: &str| tag(name) == tagged.as_bytes();
        let allowed = match allow {
            Allow::None => false,
            Allow::All => true,
            Allow::Only(names) => names.iter().any(|name| is_of(name)),
        };
        if allowed && !known().any(is_of) {
            writer.another_item(TEXT, item);
        }
    }
}
