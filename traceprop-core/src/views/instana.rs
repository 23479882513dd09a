//! Instana-specific data of requests and owned contexts.

use crate::formats::instana::InstanaView;

accessors! {
    /// Returns the Instana-specific data: the level, whether the trace is synthetic, and the correlation with a page view.
    ///
    /// It is empty under [`Trust::Restart`](crate::Trust::Restart) and [`Trust::Ignore`](crate::Trust::Ignore). The
    /// correlation is part of no trace, so an owned context does not have it.
    ///
    /// ```
    /// use traceprop_core::Propagator;
    ///
    /// let propagator = Propagator::from_names("instana", "instana")?;
    /// let ids = [("x-instana-t", "cf5ea97ac8e45349"), ("x-instana-s", "5d1de0e8ad3bd26f")];
    /// let request = [ids[0], ids[1], ("x-instana-l", "1"), ("x-instana-synthetic", "1")];
    /// let instana = propagator.extract(&request).instana();
    /// assert_eq!((instana.level(), instana.is_synthetic()), (Some(true), true));
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    fn instana(data) -> InstanaView<'c>, InstanaView<'_> {
        InstanaView { headers: *data.headers, counts: data.received.trust().continues_trace() }
    }
}
