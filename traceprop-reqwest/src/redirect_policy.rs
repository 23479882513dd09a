//! Redirects of a plain client, whose headers cannot be changed for a hop: the policy can only stop.

use reqwest::redirect::Policy;

use crate::Rules;

impl Rules {
    /// Returns a redirect policy for a plain [`reqwest::Client`], which sends the headers of the first request to every hop.
    ///
    /// The policy stops, and returns the redirect as the response, before a host
    ///
    /// * whose rule is [`Rule::nothing`](crate::Rule::nothing),
    /// * that may receive less baggage or fewer correlation ids than the first host,
    /// * whose rule lacks a format that the first host receives,
    /// * that is called without TLS, if the first host is called with TLS and may receive baggage or correlation ids.
    ///
    /// `otherwise` decides about all other hosts. [`Policy::default`] follows ten redirects.
    ///
    /// The policy knows the rules but not the headers. Baggage that a [`Call`](crate::Call) allows and the rules do not is
    /// sent to the next hop, so allow no more there. A [`Client`](crate::Client) removes such headers and does not stop.
    ///
    /// ```
    /// use traceprop_reqwest::{Rules, Rule, presets};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rules = Rules::builder(presets::W3C)
    ///     .rule("*.internal", Rule::trace_context())
    ///     .rule("*", Rule::nothing())
    ///     .build()?;
    /// let client = reqwest::Client::builder()
    ///     .redirect(rules.redirect_policy(reqwest::redirect::Policy::default()))
    ///     .build()?;
    /// # let _ = client;
    /// # Ok(())
    /// # }
    /// ```
    pub fn redirect_policy(&self, otherwise: Policy) -> Policy {
        let rules = self.clone();
        Policy::custom(move |attempt| {
            // The first of the previous URLs is the one that was called.
            let may_move = attempt.previous().first().is_none_or(|first| rules.may_move(first, attempt.url()));
            if may_move { otherwise.redirect(attempt) } else { attempt.stop() }
        })
    }
}
