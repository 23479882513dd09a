//! New Relic's data of requests.

use crate::field::FormatKind;
use crate::formats::newrelic::{self, NewRelicBuffer, NewRelicPayload};
use crate::propagator::Extraction;

impl<'c> Extraction<'c> {
    /// Returns the payload of `newrelic`, or `None` if it is absent, invalid or names another trace.
    ///
    /// Base64 is decoded into `buffer`.
    ///
    /// ```
    /// use traceprop_core::{Propagator, formats::newrelic::NewRelicPayload};
    ///
    /// let propagator = Propagator::from_names("newrelic", "none")?;
    /// let payload = r#"{"v":[0,1],"d":{"ty":"Browser","ac":"3","ap":"2","id":"d6b4ba0c3a712caf","tr":"5a","ti":1}}"#;
    /// let request = [("newrelic", payload)];
    /// let mut buffer = NewRelicPayload::BUFFER;
    /// let payload = propagator.extract(&request).newrelic(&mut buffer);
    /// assert_eq!(payload.map(|payload| payload.kind), Some("Browser"));
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn newrelic<'b>(&self, buffer: &'b mut NewRelicBuffer) -> Option<NewRelicPayload<'b>>
    where
        'c: 'b,
    {
        let is_same_trace = self.received.agrees.contains(FormatKind::NewRelic);
        if is_same_trace { NewRelicPayload::parse(newrelic::value(self.headers())?, buffer).ok() } else { None }
    }
}
