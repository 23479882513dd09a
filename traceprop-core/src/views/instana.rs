//! Instana-specific data of requests.

use crate::formats::instana::InstanaView;
use crate::propagator::Extraction;

impl<'c> Extraction<'c> {
    /// Returns the Instana-specific data of the request. It is empty under [`Trust::Restart`](crate::Trust::Restart) and
    /// [`Trust::Ignore`](crate::Trust::Ignore).
    pub fn instana(&self) -> InstanaView<'c> {
        InstanaView { headers: *self.headers(), counts: self.trust().continues_trace() }
    }
}
