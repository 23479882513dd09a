//! Whether a request was one trace.

use std::collections::HashSet;

use super::service::Hop;

/// The reason as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub &'static str);

/// Checks that each service is in the trace of the first one, that its parent is the span of the call, and that no span id
/// occurs twice.
pub fn one_trace(edge: &Hop) -> Result<(), Broken> {
    let trace = edge.ids.trace.as_deref().ok_or(Broken("the edge has no trace"))?;
    let mut spans = HashSet::new();
    joined(edge, trace, &mut spans)
}

fn joined<'h>(hop: &'h Hop, trace: &str, spans: &mut HashSet<&'h str>) -> Result<(), Broken> {
    let ensure = |right: bool, what: &'static str| right.then_some(()).ok_or(Broken(what));
    ensure(hop.ids.trace.as_deref() == Some(trace), "a service is in another trace")?;
    let span = hop.ids.span.as_deref().ok_or(Broken("a service has no span"))?;
    ensure(spans.insert(span), "two spans have the same id")?;
    for sent in &hop.calls {
        let sent_span = sent.ids.span.as_deref().ok_or(Broken("a call was sent without a span"))?;
        ensure(spans.insert(sent_span), "two spans have the same id")?;
        ensure(
            sent.hop.ids.parent.as_deref() == Some(sent_span),
            "a service has another parent than its caller named",
        )?;
        joined(&sent.hop, trace, spans)?;
    }
    Ok(())
}

/// Returns the number of services.
pub fn services(hop: &Hop) -> usize {
    1 + hop.calls.iter().map(|sent| services(&sent.hop)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::super::service::{Ids, Sent};
    use super::*;

    fn ids(trace: &str, span: &str, parent: Option<&str>) -> Ids {
        Ids { trace: Some(trace.into()), span: Some(span.into()), parent: parent.map(Into::into) }
    }

    fn hop(ids: Ids, calls: Vec<Sent>) -> Hop {
        let (service, speaks, explain) = Default::default();
        Hop { service, speaks, received: Vec::new(), explain, continued: ids.parent.is_some(), ids, calls }
    }

    fn pair(sent: &str, callee: Ids) -> Hop {
        let sent = Sent { went_out: Vec::new(), ids: ids("t", sent, None), hop: hop(callee, Vec::new()) };
        hop(ids("t", "1", None), vec![sent])
    }

    #[test]
    fn ok_one_trace_of_linked_spans() {
        let edge = pair("2", ids("t", "3", Some("2")));
        assert_eq!((one_trace(&edge), services(&edge)), (Ok(()), 2));
    }

    #[test]
    fn err_one_trace_names_what_broke() {
        let broken = |edge: Hop| one_trace(&edge).unwrap_err().0;
        assert_eq!(broken(pair("2", ids("u", "3", Some("2")))), "a service is in another trace");
        assert_eq!(broken(pair("2", ids("t", "3", Some("1")))), "a service has another parent than its caller named");
        assert_eq!(broken(pair("2", ids("t", "3", None))), "a service has another parent than its caller named");
        assert_eq!(broken(pair("1", ids("t", "3", Some("1")))), "two spans have the same id");
        assert_eq!(broken(hop(Ids::default(), Vec::new())), "the edge has no trace");
    }
}
