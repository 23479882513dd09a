//! Redirects of a plain client, which nobody can judge but by stopping.

use reqwest::redirect::Policy;

use crate::Rules;

impl Rules {
    /// A redirect policy for a plain [`reqwest::Client`], which sends the headers of the first request again to every
    /// hop. It stops, with the redirect itself as the response, before a host
    ///
    /// * whose rule says [nothing](crate::Rule::nothing),
    /// * that may have less baggage or fewer correlation ids than the host that was called first,
    /// * that is reached without TLS, where the host that was called first has it and may have baggage or correlation ids.
    ///
    /// All else is up to `otherwise`: [`Policy::default`] follows ten redirects.
    ///
    /// It goes by the rules and sees no headers. So let calls say no more than the rules allow; a [`Call`](crate::Call)
    /// that allows baggage where they do not is not held back here. A [`Client`](crate::Client) of ours judges each hop
    /// instead, and need not stop.
    ///
    /// ```
    /// use traceprop_reqwest::{Rules, Rule, presets};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let destinations = Rules::builder(presets::W3C)
    ///     .rule("*.internal", Rule::trace_context())
    ///     .rule("*", Rule::nothing())
    ///     .build()?;
    /// let client = reqwest::Client::builder()
    ///     .redirect(destinations.redirect_policy(reqwest::redirect::Policy::default()))
    ///     .build()?;
    /// # let _ = client;
    /// # Ok(())
    /// # }
    /// ```
    pub fn redirect_policy(&self, otherwise: Policy) -> Policy {
        let destinations = self.clone();
        Policy::custom(move |attempt| {
            // The first of the previous URLs is the one that was called.
            let may_move = attempt.previous().first().is_none_or(|first| destinations.may_move(first, attempt.url()));
            if may_move { otherwise.redirect(attempt) } else { attempt.stop() }
        })
    }
}
