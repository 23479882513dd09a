//! What holds for any text: nothing can be forged, order is kept, and what the member can hold comes back.

use proptest::collection::vec;
use proptest::prelude::*;
use traceprop_core::formats::datadog::{DatadogParts, DatadogTags, MAX_TAGS_LEN};
use traceprop_core::{Field, OwnedContext, TraceState};

use super::*;

/// Generates custom text: separators of the wire, line ends, other alphabets.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ -~]{0,8}",
        2 => prop::sample::select(vec![",", ";", ":", "=", "~", ";s:2", ",dd=s:2", ";t.dm:-4", "\r\n", "\t", " "])
            .prop_map(str::to_owned),
        1 => "\\PC{0,4}",
    ];
    vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// Generates what the header can spell: a name, a value without blanks at its ends.
fn tag() -> impl Strategy<Value = (String, String)> {
    ("[a-z][a-z0-9_.]{0,6}", "[!-+\\--~]([ -+\\--~]{0,8}[!-+\\--~])?")
}

/// Returns the member's spelling of text: one replacement for each character that a value or a name cannot have.
fn spelled(text: &str, is_name: bool) -> String {
    let spell = |c| match c {
        '=' if !is_name => '~',
        '~' if !is_name => '_',
        ':' | ' ' | '=' if is_name => '_',
        ',' | ';' => '_',
        ' '..='~' => c,
        _ => '_',
    };
    text.chars().map(spell).collect()
}

fn owned(fields: &DatadogParts<'_>) -> OwnedContext {
    let id = "66c1f3a00000000070e78dd3418db497";
    OwnedContext::new(SpanContext::new(id.parse().expect("an id"), SPAN.parse().expect("an id"))).with_datadog(fields)
}

/// Returns distinct names, as a map of tags has them.
fn distinct(tags: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut seen = std::collections::BTreeSet::new();
    tags.into_iter().filter(|(name, _)| !["tid", "dm"].contains(&name.as_str()) && seen.insert(name.clone())).collect()
}

fn borrowed(tags: &[(String, String)]) -> Vec<(&str, &str)> {
    tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

proptest! {
    #[test]
    fn ok_no_text_forges_an_item(
        priority in any::<i32>(),
        origin in any_text(),
        tags in vec((any_text(), any_text()), 0..4),
        last_span in any_text(),
    ) {
        let tags: Vec<_> = tags.into_iter().map(|(name, value)| (format!("_dd.p.{name}"), value)).collect();
        let given = borrowed(&tags);
        let context = owned(&DatadogParts::new().priority(priority).origin(&origin).tags(&given).last_span(&last_span));
        let (sent, omissions) = inject(&w3c_only(), &context.span().expect("it holds one"));

        // Blanks at the ends are lost on every wire.
        let blanks = [' ', '\t'];
        let (origin, last_span) = (origin.trim_matches(blanks), last_span.trim_matches(blanks));
        let mut expected = vec![format!("s:{priority}")];
        if !origin.is_empty() {
            expected.push(format!("o:{}", spelled(origin, false)));
        }
        if !last_span.is_empty() && last_span.chars().all(|c| (' '..='~').contains(&c) && !",;=".contains(c)) {
            expected.push(format!("p:{last_span}"));
        }
        for tag in context.datadog().tags().iter().filter(|tag| !tag.name.is_empty() && !tag.value.is_empty()) {
            expected.push(format!("t.{}:{}", spelled(tag.name, true), spelled(&tag.value.to_string(), false)));
        }

        let line = sent.get("tracestate").expect("a priority always fits");
        prop_assert!(line.len() <= 256);
        let state = TraceState::parse(line.as_bytes()).expect("a legal tracestate");
        prop_assert_eq!(state.iter().map(|member| member.key).collect::<Vec<_>>(), ["dd"]);
        let items: Vec<_> = line["dd=".len()..].split(';').collect();
        let mut rest = expected.iter();
        for item in &items {
            prop_assert!(rest.any(|given| given == item), "{:?} of {:?} was not given", item, expected);
        }
        let left_out: u32 = omissions.iter().map(|omission| omission.count).sum();
        prop_assert_eq!(items.len() + left_out as usize, expected.len());
    }

    #[test]
    fn ok_headers_hold_what_was_given_or_say_that_they_do_not(
        origin in any_text(),
        tags in vec((any_text(), any_text()), 0..4),
    ) {
        let tags: Vec<_> = tags.into_iter().map(|(name, value)| (format!("_dd.p.{name}"), value)).collect();
        let given = borrowed(&tags);
        let context = owned(&DatadogParts::new().origin(&origin).tags(&given));
        let (sent, omissions) = inject(&headers_only(), &context.span().expect("it holds one"));
        prop_assert!(sent.iter().all(|(_, value)| !value.is_empty() && value.bytes().all(|b| (b' '..=b'~').contains(&b))));
        let left_out = |field| omissions.iter().any(|omission| omission.field == field);
        match sent.get("x-datadog-origin") {
            Some(written) => prop_assert_eq!(written, origin.trim_matches([' ', '\t'])),
            None => prop_assert!(origin.trim_matches([' ', '\t']).is_empty() || left_out(Field::DatadogOrigin)),
        }
        match sent.get("x-datadog-tags") {
            None => prop_assert!(left_out(Field::DatadogTags)),
            Some(line) => {
                let read = DatadogTags::parse(line.as_bytes());
                prop_assert_eq!(read.propagation_error(), None);
                prop_assert_eq!(read.trace_id_high(), Some(0x66c1_f3a0_0000_0000));
                // The context itself says which of the given ones count.
                let counted: Vec<_> = context.datadog().tags().iter().map(|tag| (tag.name.to_owned(), tag.value.to_string())).collect();
                let read: Vec<_> = read.iter().map(|tag| (tag.name.to_owned(), tag.value.to_string())).collect();
                prop_assert_eq!(read, counted);
            }
        }
    }

    #[test]
    fn ok_tags_round_trip_with_their_order(tags in vec(tag(), 0..12)) {
        let tags = distinct(tags);
        let line: Vec<_> = tags.iter().map(|(name, value)| format!("_dd.p.{name}={value}")).collect();
        let line = line.join(",");
        prop_assume!(line.len() <= MAX_TAGS_LEN && !line.contains("upstream_services"));
        let read = DatadogTags::parse(line.as_bytes());
        prop_assert_eq!(read.propagation_error(), None);
        let trace_id = "00000000000000000000000000000001".parse().expect("an id");
        let mut buffer = [0; MAX_TAGS_LEN];
        prop_assert_eq!(read.write(trace_id, &mut buffer), Ok(line.as_str()));
        let got: Vec<_> = read.iter().map(|tag| (tag.name.to_owned(), tag.value.to_string())).collect();
        prop_assert_eq!(got, tags);
    }

    #[test]
    fn ok_fields_return_from_a_hop_that_speaks_only_w3c(
        priority in any::<i32>(),
        origin in "[!-+\\--:<-}]{1,20}",
        dm in 0..=255u8,
        tags in vec(tag(), 0..5),
    ) {
        // What the member spells in another way is lost, as the tracers have it.
        let kept = |text: &String| !text.contains([';', '~']);
        let tags: Vec<_> = distinct(tags).into_iter().filter(|(_, value)| kept(value)).collect();
        let pairs: Vec<_> = tags.iter().map(|(name, value)| format!(",_dd.p.{name}={value}")).collect();
        let tags = format!("_dd.p.tid=66c1f3a000000000,_dd.p.dm=-{dm}{}", pairs.concat());
        let priority = priority.to_string();
        let received = request(&[
            ("x-datadog-sampling-priority", &priority),
            ("x-datadog-origin", &origin),
            ("x-datadog-tags", &tags),
        ]);
        let entry = build(Propagator::builder().extract(DATADOG).inject(TRACE_CONTEXT));
        let exit = build(Propagator::builder().extract(TRACE_CONTEXT).inject(DATADOG));
        let over = inject_span(&entry, &received);
        prop_assume!(over.get("tracestate").is_some_and(|state| state.matches(';').count() == 3 + pairs.len()));
        let over = inject_span(&w3c_only(), &lines(&over));
        let back = inject_span(&exit, &lines(&over));
        let mut expected = received.clone();
        expected[1].1 = "255";
        prop_assert_eq!(lines(&back), expected);
    }

    #[test]
    fn ok_any_bytes_are_read_and_written_without_a_panic(
        values in vec((0..7usize, vec(any::<u8>(), 0..40)), 0..8),
        text in "(dd=)?[ -~é;:,=]{0,40}",
    ) {
        let names = [
            "x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-sampling-priority", "x-datadog-origin",
            "x-datadog-tags", "traceparent", "tracestate",
        ];
        let mut headers: Vec<_> = values.iter().map(|(name, value)| (names[*name], value.as_slice())).collect();
        headers.extend([("x-datadog-trace-id", &b"77"[..]), ("x-datadog-tags", text.as_bytes())]);
        headers.extend([("traceparent", TRACE_PARENT.1.as_bytes()), ("tracestate", text.as_bytes())]);
        for propagator in [datadog_first(), w3c_first(), headers_only(), w3c_only()] {
            let extraction = propagator.extract(&headers);
            let (sent, _) = inject(&propagator, &extraction.new_span(&ids));
            // What we write, we read again as the same trace.
            let again = propagator.extract(&sent);
            if let Some(context) = extraction.context() {
                prop_assert_eq!(again.context().map(|context| context.trace_id), Some(context.trace_id));
            }
            prop_assert_eq!(again.datadog().propagation_error(), None);
        }
    }
}
