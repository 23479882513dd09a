//! What Datadog's headers and its tracestate member say.

use traceprop_core::sampler::FollowParent;
use traceprop_core::{Pairs, Sampling, Trust};

use crate::Row;
use crate::edge::{PARENT, Request, has_no_trace, passthrough, span, traceparent};

const NAMES: &str = "datadog,tracecontext";

/// Calls `test` with a priority in the headers, and in the tracestate.
fn with_each(priority: i32, test: impl Fn(&Request<'_>)) {
    let number = priority.to_string();
    test(&[
        ("x-datadog-trace-id", "11803532876627986230"),
        ("x-datadog-parent-id", "67667974448284343"),
        ("x-datadog-sampling-priority", &number),
        ("x-datadog-origin", "rum"),
        ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-5,_dd.p.ksr=0.5,_dd.p.ts=02,_dd.p.usr.id=bWU="),
    ]);
    let member = format!("dd=s:{priority};o:rum;p:{PARENT};t.dm:-5;t.ksr:0.5;t.ts:02;t.usr.id:bWU~;x:y");
    let parent = traceparent(if priority > 0 { "01" } else { "00" });
    test(&[("traceparent", &parent), ("tracestate", &member)]);
}

/// The item of the tracestate member with this key.
fn item<'p>(sent: &'p Pairs, key: &str) -> Option<&'p str> {
    let member = sent.get("tracestate")?.split(',').find_map(|member| member.strip_prefix("dd="))?;
    member.split(';').find_map(|item| item.strip_prefix(key)?.strip_prefix(':'))
}

fn tags(sent: &Pairs) -> &str {
    sent.get("x-datadog-tags").unwrap_or_default()
}

const BOTH: [(Sampling, &str); 2] = [(Sampling::Sampled, "1"), (Sampling::NotSampled, "0")];

pub(crate) const PRIORITY: Row = Row {
    name: "Datadog: priority",
    cells: [
        ("kept while the decision is the same", priority_kept),
        ("1 or 0", priority_of_ours),
        ("1 or 0", priority_of_ours),
        ("1 or 0", priority_of_ours),
    ],
};

fn priority_kept(trust: Trust) {
    for priority in [-1, 0, 1, 2, 3] {
        let number = priority.to_string();
        with_each(priority, |request| {
            for sent in [span(trust, NAMES, request, &FollowParent), passthrough(trust, NAMES, request)] {
                assert_eq!(sent.get("x-datadog-sampling-priority"), Some(&*number), "{request:?}");
                assert_eq!(item(&sent, "s"), Some(&*number), "{request:?}");
            }
            for (decision, ours) in BOTH {
                let expected = if decision.is_sampled() == (priority > 0) { &*number } else { ours };
                let sent = span(trust, NAMES, request, &decision);
                assert_eq!(sent.get("x-datadog-sampling-priority"), Some(expected), "{request:?}");
            }
        });
    }
}

fn priority_of_ours(trust: Trust) {
    for priority in [-1, 0, 1, 2, 3] {
        with_each(priority, |request| {
            for (decision, ours) in BOTH {
                let sent = span(trust, NAMES, request, &decision);
                assert_eq!(sent.get("x-datadog-sampling-priority"), Some(ours), "{request:?}");
                assert_eq!(item(&sent, "s"), Some(ours), "{request:?}");
            }
            let forwarded = passthrough(trust, NAMES, request);
            assert_eq!((forwarded.get("x-datadog-sampling-priority"), item(&forwarded, "s")), (None, None));
        });
    }
}

pub(crate) const DECISION_TAGS: Row = Row {
    name: "Datadog: `_dd.p.dm`, `_dd.p.ksr`, `_dd.p.ts`",
    cells: [
        ("kept while the decision is the same", decision_tags_kept),
        ("dropped", decision_tags_dropped),
        ("dropped", decision_tags_dropped),
        ("dropped", decision_tags_dropped),
    ],
};

const DECISION_TAG_TEXTS: [(&str, &str); 3] = [("dm", "-5"), ("ksr", "0.5"), ("ts", "02")];

fn has_decision_tags(sent: &Pairs, are_there: bool) {
    for (name, value) in DECISION_TAG_TEXTS {
        assert_eq!(tags(sent).contains(&format!("_dd.p.{name}={value}")), are_there, "{name}: {sent:?}");
        assert_eq!(item(sent, &format!("t.{name}")) == Some(value), are_there, "{name}: {sent:?}");
    }
}

fn decision_tags_kept(trust: Trust) {
    with_each(2, |request| {
        has_decision_tags(&span(trust, NAMES, request, &Sampling::Sampled), true);
        has_decision_tags(&passthrough(trust, NAMES, request), true);
        let changed = span(trust, NAMES, request, &Sampling::NotSampled);
        has_decision_tags(&changed, false);
        assert!(tags(&changed).contains("_dd.p.usr.id=bWU=") && !tags(&changed).contains("dm"), "{changed:?}");
    });
    // No maker is invented in place of the received one.
    with_each(-1, |request| {
        let changed = span(trust, NAMES, request, &Sampling::Sampled);
        has_decision_tags(&changed, false);
        assert!(!tags(&changed).contains("ksr") && !tags(&changed).contains("_dd.p.ts"), "{changed:?}");
    });
}

fn decision_tags_dropped(trust: Trust) {
    // Also those of a caller that left the decision open.
    let open = [
        ("x-datadog-trace-id", "11803532876627986230"),
        ("x-datadog-parent-id", "67667974448284343"),
        ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-5,_dd.p.ksr=0.5,_dd.p.ts=02"),
    ];
    let parent = traceparent("00");
    let open_w3c = [("traceparent", &*parent), ("tracestate", "tp=1;0e0e4736;f,dd=t.dm:-5;t.ksr:0.5;t.ts:02")];
    for request in [&open[..], &open_w3c] {
        for sent in [span(trust, NAMES, request, &Sampling::Sampled), passthrough(trust, NAMES, request)] {
            has_decision_tags(&sent, false);
            assert!(!tags(&sent).contains(".dm=") && item(&sent, "t.dm").is_none(), "{sent:?}");
        }
    }
    for priority in [-1, 1, 2] {
        with_each(priority, |request| {
            for sampling in [Sampling::Sampled, Sampling::NotSampled] {
                let sent = span(trust, NAMES, request, &sampling);
                has_decision_tags(&sent, false);
                // Not another maker either.
                assert!(!tags(&sent).contains(".dm=") && item(&sent, "t.dm").is_none(), "{sent:?}");
            }
            let forwarded = passthrough(trust, NAMES, request);
            has_decision_tags(&forwarded, false);
            assert!(!tags(&forwarded).contains(".dm=") && item(&forwarded, "t.dm").is_none(), "{forwarded:?}");
        });
    }
}

pub(crate) const OTHER_TAGS: Row = Row {
    name: "Datadog: origin, other `_dd.p.*` tags",
    cells: [
        ("kept", other_tags_kept),
        ("kept", other_tags_kept),
        ("dropped", other_tags_dropped),
        ("dropped", other_tags_dropped),
    ],
};

fn other_tags_kept(trust: Trust) {
    with_each(2, |request| {
        for sent in [span(trust, NAMES, request, &Sampling::Sampled), passthrough(trust, NAMES, request)] {
            assert_eq!(sent.get("x-datadog-origin"), Some("rum"));
            assert!(tags(&sent).contains("_dd.p.usr.id=bWU="), "{sent:?}");
        }
    });
}

fn other_tags_dropped(trust: Trust) {
    with_each(2, |request| {
        let sent = span(trust, NAMES, request, &Sampling::Sampled);
        assert_eq!(sent.get("x-datadog-origin"), None);
        assert!(!tags(&sent).contains("usr.id") && item(&sent, "t.usr.id").is_none(), "{sent:?}");
        has_no_trace(&passthrough(trust, NAMES, request));
    });
}

pub(crate) const MEMBER: Row = Row {
    name: "Datadog: tracestate member `dd`",
    cells: [
        ("kept", member_kept),
        ("kept, except the decision", member_without_decision),
        ("ours", member_of_ours),
        ("ours", member_of_ours),
    ],
};

/// Lists with Datadog's format and without it: the member is forwarded by both.
const WITH_AND_WITHOUT: [&str; 2] = ["datadog,tracecontext", "tracecontext"];

const RECEIVED: &str = "dd=s:2;o:rum;p:00f067aa0ba902b7;t.dm:-5;t.ksr:0.5;t.ts:02;t.usr.id:bWU~;x:y";

fn member_kept(trust: Trust) {
    let parent = traceparent("01");
    let request = [("traceparent", &*parent), ("tracestate", RECEIVED)];
    for names in WITH_AND_WITHOUT {
        assert_eq!(span(trust, names, &request, &FollowParent).get("tracestate"), Some(RECEIVED));
        assert_eq!(passthrough(trust, names, &request).get("tracestate"), Some(RECEIVED));
    }
}

fn member_without_decision(trust: Trust) {
    let parent = traceparent("01");
    let request = [("traceparent", &*parent), ("tracestate", RECEIVED)];
    let kept = "o:rum;p:00f067aa0ba902b7;t.usr.id:bWU~;x:y";
    for names in WITH_AND_WITHOUT {
        for (decision, ours) in BOTH {
            let sent = span(trust, names, &request, &decision);
            assert_eq!(sent.get("tracestate"), Some(&*format!("dd=s:{ours};{kept}")));
        }
        assert_eq!(passthrough(trust, names, &request).get("tracestate"), Some(&*format!("dd={kept}")));
        // Some tracers remove blanks around a key.
        let request = [("traceparent", &*parent), ("tracestate", "dd= s:2;o:rum;s :3;t.dm :-5;t. ksr:1; x:y")];
        let sent = passthrough(trust, names, &request);
        assert_eq!(sent.get("tracestate"), Some("dd=o:rum; x:y"), "{names}");
    }
}

fn member_of_ours(trust: Trust) {
    let parent = traceparent("01");
    let request = [("traceparent", &*parent), ("tracestate", RECEIVED)];
    for names in WITH_AND_WITHOUT {
        for (decision, ours) in BOTH {
            let sent = span(trust, names, &request, &decision);
            // Where Datadog's headers are written, its member says the same.
            let expected = names.starts_with("datadog").then(|| format!("dd=s:{ours}"));
            assert_eq!(sent.get("tracestate"), expected.as_deref());
        }
        has_no_trace(&passthrough(trust, names, &request));
    }
}
