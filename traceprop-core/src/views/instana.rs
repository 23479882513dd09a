//! Instana-specific data of requests and owned contexts.

use crate::formats::instana::InstanaView;
#[cfg(feature = "alloc")]
use crate::owned::OwnedContext;
use crate::propagator::Extraction;

impl<'c> Extraction<'c> {
    /// Returns the Instana-specific data of the request. It is empty under [`Trust::Restart`](crate::Trust::Restart) and
    /// [`Trust::Ignore`](crate::Trust::Ignore).
    pub fn instana(&self) -> InstanaView<'c> {
        InstanaView { headers: *self.headers(), counts: self.trust().continues_trace() }
    }
}

#[cfg(feature = "alloc")]
impl OwnedContext {
    /// Returns the Instana-specific data of the trace: its level, and whether it is synthetic.
    ///
    /// The correlation with a page view is part of no trace, so only [`Extraction::instana`] has it.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, Propagator};
    ///
    /// let propagator = Propagator::from_names("instana", "instana")?;
    /// let ids = [("x-instana-t", "cf5ea97ac8e45349"), ("x-instana-s", "5d1de0e8ad3bd26f")];
    /// let request = [ids[0], ids[1], ("x-instana-l", "1"), ("x-instana-synthetic", "1")];
    /// let context = OwnedContext::from_passthrough(&propagator.extract(&request));
    /// assert_eq!((context.instana().level(), context.instana().is_synthetic()), (Some(true), true));
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn instana(&self) -> InstanaView<'_> {
        InstanaView { headers: self.headers(), counts: self.known().trust().continues_trace() }
    }
}
