//! Where the hops of a call stop agreeing.

use std::fmt;

use traceprop_core::{Sampling, TraceId};

use super::hop::Hop;

/// What one hop received and the next one did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The place of the later hop, from 1 on.
    pub hop: usize,
    /// Labels of both hops.
    pub between: [String; 2],
    pub change: Change,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another trace, or none.
    Trace {
        was: TraceId,
        now: Option<TraceId>,
        /// The header that named the old trace at the earlier hop.
        last: Option<String>,
        /// Headers of the later hop that still name the old trace.
        still: Vec<String>,
    },
    Sampling {
        was: Sampling,
        now: Sampling,
    },
    Priority {
        was: i32,
        now: Option<i32>,
    },
    Origin {
        was: String,
        now: Option<String>,
    },
    /// Keys that are gone.
    Baggage(Vec<String>),
}

impl Change {
    /// A word for programs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Trace { .. } => "trace",
            Self::Sampling { .. } => "sampling",
            Self::Priority { .. } => "priority",
            Self::Origin { .. } => "origin",
            Self::Baggage(_) => "baggage",
        }
    }
}

/// Compares each hop with the one before it.
pub fn between(hops: &[Hop]) -> Vec<Break> {
    let mut breaks = Vec::new();
    for (place, pair) in hops.windows(2).enumerate() {
        let [one, next] = pair else { continue };
        let between = [one.label.clone(), next.label.clone()];
        breaks.extend(changes(one, next).map(|change| Break { hop: place + 2, between: between.clone(), change }));
    }
    breaks
}

fn changes(one: &Hop, next: &Hop) -> impl Iterator<Item = Change> {
    let trace = one.trace_id.filter(|was| next.trace_id != Some(*was)).map(|was| Change::Trace {
        was,
        now: next.trace_id,
        last: one.header.clone(),
        still: next.named.iter().filter(|(_, id)| *id == was).map(|(header, _)| header.clone()).collect(),
    });
    // Another trace has its own decision.
    let is_same_trace = trace.is_none();
    let (was, now) = (one.sampling, next.sampling);
    let is_decided = was != Sampling::Deferred;
    // A format without a debug flag still says that the trace is sampled.
    let is_changed = now == Sampling::Deferred || was.is_sampled() != now.is_sampled();
    let sampling = (is_same_trace && is_decided && is_changed).then_some(Change::Sampling { was, now });
    // Another decision has its own priority.
    let is_same_decision = is_same_trace && sampling.is_none();
    let priority = one.priority.filter(|was| is_same_decision && next.priority != Some(*was));
    let priority = priority.map(|was| Change::Priority { was, now: next.priority });
    let origin = one.origin.clone().filter(|was| next.origin.as_ref() != Some(was));
    let origin = origin.map(|was| Change::Origin { was, now: next.origin.clone() });
    let lost: Vec<_> = one.baggage.iter().filter(|key| !next.baggage.contains(key)).cloned().collect();
    let baggage = (!lost.is_empty()).then_some(Change::Baggage(lost));
    [trace, sampling, priority, origin, baggage].into_iter().flatten()
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, next] = &self.between;
        write!(f, "between {one} and {next} (hop {}): {}", self.hop, self.change)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trace { was, now, last, still } => {
                match now {
                    Some(now) => write!(f, "new trace {now}")?,
                    None => f.write_str("no trace")?,
                }
                write!(f, " instead of {was}")?;
                if let Some(last) = last {
                    write!(f, "; {last} was the last header that named it")?;
                }
                match still.as_slice() {
                    [] => Ok(()),
                    still => write!(f, "; still named by {}, which is not used", still.join(", ")),
                }
            }
            Self::Sampling { was, now: Sampling::Deferred } => {
                write!(f, "sampling decision lost: was {}", was.as_str())
            }
            Self::Sampling { was, now } => write!(f, "sampling decision changed: {} to {}", was.as_str(), now.as_str()),
            Self::Priority { was, now: Some(now) } => write!(f, "Datadog priority changed: {was} to {now}"),
            Self::Priority { was, now: None } => write!(f, "Datadog priority lost: was {was}"),
            Self::Origin { was, now: Some(now) } => write!(f, "Datadog origin changed: {was} to {now}"),
            Self::Origin { was, now: None } => write!(f, "Datadog origin lost: was {was}"),
            Self::Baggage(keys) => write!(f, "baggage lost: {}", keys.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::hop::hop;

    const TP: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    const CHILD: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01");
    const OTHER: (&str, &str) = ("traceparent", "00-80e1afed08e019fc1110464cfa66635c-7a085853722dc6d2-01");

    fn lines(hops: &[&[(&str, &str)]]) -> Vec<String> {
        let hops: Vec<_> =
            hops.iter().enumerate().map(|(i, headers)| hop(["edge", "cart", "stock"][i], headers)).collect();
        between(&hops).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ok_hops_that_agree_have_no_break() {
        let dd = ("tracestate", "dd=s:1;o:rum");
        assert_eq!(lines(&[&[TP, dd, ("baggage", "a=1")], &[CHILD, dd, ("baggage", "b=2,a=3")]]), [""; 0]);
        assert_eq!(lines(&[&[("accept", "*/*")], &[TP]]), [""; 0], "a service that begins the trace");
        assert_eq!(lines(&[&[("b3", "d")], &[("traceparent", TP.1)]]), [""; 0], "debug is sampled");
    }

    #[test]
    fn ok_a_new_trace_names_the_last_header_and_those_that_still_agree() {
        let b3 = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
        assert_eq!(
            lines(&[&[TP], &[CHILD], &[OTHER, b3]]),
            ["between cart and stock (hop 3): new trace 80e1afed08e019fc1110464cfa66635c instead of \
              4bf92f3577b34da6a3ce929d0e0e4736; traceparent was the last header that named it; still named by b3, \
              which is not used"]
        );
        assert_eq!(
            lines(&[&[b3], &[("accept", "*/*")]]),
            [
                "between edge and cart (hop 2): no trace instead of 4bf92f3577b34da6a3ce929d0e0e4736; b3 was the last header \
              that named it"
            ]
        );
    }

    #[test]
    fn ok_decision_priority_origin_and_baggage_are_told() {
        let datadog: &[(&str, &str)] = &[
            ("x-datadog-trace-id", "7"),
            ("x-datadog-parent-id", "8"),
            ("x-datadog-sampling-priority", "2"),
            ("x-datadog-origin", "rum"),
            ("baggage", "tenant=acme,user=7"),
        ];
        let next: &[(&str, &str)] = &[
            ("x-datadog-trace-id", "7"),
            ("x-datadog-parent-id", "9"),
            ("x-datadog-sampling-priority", "1"),
            ("baggage", "user=7"),
        ];
        let expected = [
            "between edge and cart (hop 2): Datadog priority lost: was 2",
            "between edge and cart (hop 2): Datadog origin lost: was rum",
            "between edge and cart (hop 2): baggage lost: tenant",
        ];
        assert_eq!(lines(&[datadog, next]), expected);
        let open = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7");
        assert_eq!(lines(&[&[TP], &[open]]), ["between edge and cart (hop 2): sampling decision lost: was sampled"]);
        let no = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0");
        let changed = "between edge and cart (hop 2): sampling decision changed: sampled to not-sampled";
        assert_eq!(lines(&[&[TP], &[no]]), [changed]);
    }
}
