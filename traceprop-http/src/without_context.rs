//! Calls without a context.

/// What a client does with the trace headers of a request that is sent without a context.
///
/// An [empty context](traceprop_core::OwnedContext::is_empty) counts as none.
///
/// # Examples
///
/// ```
/// use traceprop_http::WithoutContext;
///
/// assert_eq!(WithoutContext::default(), WithoutContext::Leave);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WithoutContext {
    /// Sends them. The default.
    ///
    /// It is right if only your code sets trace headers: another library that writes its own, or a test.
    #[default]
    Leave,
    /// Removes all trace headers, also those of formats that are not configured.
    ///
    /// It is right for a gateway that copies received headers: where the context of the request is lost, for example in a
    /// spawned task, the caller's headers would be sent as they came in.
    Strip,
}
