//! A `tracestate` agrees with its grammar on one line and on many, keeps its order under changes, and stays within 32
//! members and the budget.
#![cfg_attr(fuzzing, no_main)]

use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{
    InjectOptions, Propagator, SpanId, TraceState,
    tracestate::{TraceStateEdit, TraceStateMember},
};
use traceprop_fuzz::oracle::w3c;
use traceprop_fuzz::{
    Headers, Input, READING, SPAN, Steps, WRITING, extract, target, within, written_by_passthrough, written_by_span,
};

target!(run);

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

type Members = Vec<(String, String)>;

fn run(data: &[u8]) {
    let mut input = Input::new(data);
    // Without a budget, or with one of so many eights.
    let budget = Some(usize::from(input.byte()) * 8).filter(|budget| *budget > 0);
    let edits: Vec<_> = (0..input.byte() % 5).map(|_| input.text()).collect();
    let lines = input.lines();

    let joined = lines.join(&b',');
    let parsed = TraceState::parse(&joined);
    let expected = w3c::tracestate(&[&joined]);
    assert_eq!(parsed.as_ref().ok().map(|state| members(state.iter())), expected);
    match parsed {
        Ok(state) => {
            let written = state.to_string();
            assert_eq!(written, line(expected.as_deref().unwrap_or_default()));
            assert!(state.len() <= traceprop_core::tracestate::MAX_MEMBERS && state.is_empty() == written.is_empty());
            assert!(state.iter().all(|member| state.get(member.key) == Some(member.value)));
            let again = TraceState::parse(written.as_bytes()).expect("it was read before");
            assert_eq!(again.to_string(), written);
        }
        Err(reject) => within(reject, joined.len()),
    }
    pass_on(&lines, budget, &edits);
}

/// Checks that a request of many lines is forwarded as one line.
fn pass_on(lines: &[&[u8]], budget: Option<usize>, edits: &[String]) {
    let changes: Vec<_> = edits.iter().filter_map(|edit| change(edit)).collect();
    let format = W3cTraceContext::new();
    let format = budget.map_or(format, |budget| format.max_tracestate_len(budget));
    let propagator = Propagator::builder().with_format(format).build().expect("one format");
    let mut headers: Headers = vec![("traceparent".into(), PARENT.into())];
    headers.extend(lines.iter().map(|line| ("Tracestate".to_owned(), line.to_vec())));
    let carrier = Steps::new(&headers);
    let extraction = carrier.at_most(READING, || extract(&propagator, &carrier));

    let expected = w3c::tracestate(lines);
    let state = extraction.tracestate();
    assert_eq!(members(state.iter()), expected.clone().unwrap_or_default());
    let reject = propagator.explain(&headers).invalid_headers().next().map(|(_, invalid)| invalid);
    assert_eq!(reject.is_some(), expected.is_none());
    if let Some(reject) = reject {
        within(reject, lines.iter().map(|line| line.len() + 1).sum());
    }

    let caller = extraction.context().expect("the traceparent is valid");
    let own_span = extraction.span_with_ids(caller.trace_id, SpanId::new(SPAN).expect("not zero"));
    let outgoing = InjectOptions::everything().edit_tracestate(&changes);
    let (sent, omitted) = carrier.at_most(2 * WRITING, || written_by_span(&propagator, &own_span, &outgoing));
    let sent = sent.value("tracestate").unwrap_or_default();
    assert!(budget.is_none_or(|budget| sent.len() <= budget));
    // Our own member is written anew, so it may move, or go.
    let received = expected.unwrap_or_default();
    if received.iter().all(|(key, _)| key != "tp") {
        let edited = edited(received.clone(), edits);
        let kept =
            within_budget(edited.iter().take(traceprop_core::tracestate::MAX_MEMBERS).cloned().collect(), budget);
        assert_eq!(sent, line(&kept));
        assert_eq!(omitted.is_complete(), kept.len() == edited.len(), "{omitted}");
    }

    // A passthrough forwards verbatim, without changes and without a budget.
    let (passed, _) = written_by_passthrough(&propagator, &extraction.passthrough(), &InjectOptions::everything());
    let is_text = |line: &&[u8]| line.iter().all(|&b| b == b'\t' || (b' '..=b'~').contains(&b));
    let is_blank = |line: &&[u8]| line.iter().all(|b| b" \t".contains(b));
    if received.is_empty() && lines.iter().any(|line| !is_blank(line) && !line.contains(&b',')) {
        assert!(!passed.has("tracestate"), "what is invalid, or says nothing, is not forwarded");
    } else if lines.iter().all(is_text) && received.iter().all(|(key, _)| key != "tp") && !received.is_empty() {
        // Several lines become one, without the blanks around each.
        let received: Vec<_> = match &lines[..] {
            [line] => vec![String::from_utf8_lossy(line).into_owned()],
            lines => {
                let lines = lines.iter().map(|line| line.trim_ascii()).filter(|line| !line.is_empty());
                vec![lines.map(String::from_utf8_lossy).collect::<Vec<_>>().join(",")]
            }
        };
        assert_eq!(passed.values("tracestate"), received);
    }
}

/// Reads an edit: `key=value` sets a member, `key` alone deletes one.
fn change(text: &str) -> Option<TraceStateEdit<'_>> {
    let Some((key, value)) = text.split_once('=') else { return Some(TraceStateEdit::delete(text)) };
    let change = TraceStateEdit::set(key, value);
    assert_eq!(change.is_some(), w3c::is_key(key.as_bytes()) && w3c::is_value(value.as_bytes()));
    change
}

fn edited(mut members: Members, edits: &[String]) -> Members {
    for edit in edits.iter().filter(|edit| change(edit).is_some()) {
        let (key, value) = edit.split_once('=').map_or((edit.as_str(), None), |(key, value)| (key, Some(value)));
        members.retain(|(known, _)| known != key);
        if let Some(value) = value {
            members.insert(0, (key.to_owned(), value.to_owned()));
        }
    }
    members
}

/// Removes whole members in the W3C order: those above 128 characters first, each time from the right.
fn within_budget(mut members: Members, budget: Option<usize>) -> Members {
    while budget.is_some_and(|budget| line(&members).len() > budget) {
        let big = members.iter().rposition(|(key, value)| key.len() + 1 + value.len() > 128);
        members.remove(big.unwrap_or(members.len() - 1));
    }
    members
}

fn members<'c>(members: impl Iterator<Item = TraceStateMember<'c>>) -> Members {
    members.map(|member| (member.key.to_owned(), member.value.to_owned())).collect()
}

fn line(members: &[(String, String)]) -> String {
    members.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
