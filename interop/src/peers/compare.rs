//! Compares what two sides say about a context.

use serde_json::{Value, json};
use traceprop_core::formats::sw8::{span_id_from_segment, trace_id_from_text};

use super::process::Answer;

/// What is compared, in the order in which it is told.
pub(super) const THINGS: [&str; 10] = [
    "trace_id",
    "span_id",
    "sampled",
    "debug",
    "priority",
    "origin",
    "tags",
    "baggage",
    "correlation",
    "sampling_context",
];

/// Returns an error if `got` does not say of the thing what `expected` says.
pub(super) fn thing(name: &str, expected: &Answer, got: &Answer, trace_id_bits: u32) -> Result<(), String> {
    let [expected, got] = [expected, got].map(|answer| answer.get(name).cloned().unwrap_or(Value::Null));
    let is_equal = match name {
        "trace_id" => low(&expected, trace_id_bits) == low(&got, trace_id_bits),
        // Tracers add tags of their own, and Sentry's SDKs a random number.
        "tags" | "sampling_context" => match (&expected, &got) {
            (Value::Object(expected), Value::Object(got)) => {
                expected.iter().all(|(key, value)| got.get(key) == Some(value))
            }
            _ => expected == got,
        },
        _ => expected == got,
    };
    if is_equal { Ok(()) } else { Err(format!("{got} instead of {expected}")) }
}

/// Returns the lower bits of a trace id, as hex digits.
fn low(id: &Value, bits: u32) -> Option<&str> {
    let id = id.as_str()?;
    let digits = (bits / 4) as usize;
    id.get(id.len().checked_sub(digits)?..)
}

/// Replaces SkyWalking's own ids by those that other formats use for them.
///
/// A peer that has `trace_text`, `segment_id` and `span_number` need not know how they map.
pub(super) fn map_segment(answer: &mut Answer) {
    if let Some(text) = answer.remove("trace_text").as_ref().and_then(Value::as_str) {
        answer.insert("trace_id".into(), trace_id_from_text(text).map(|id| id.to_string()).into());
    }
    let segment = answer.remove("segment_id");
    if let Some(segment) = segment.as_ref().and_then(Value::as_str) {
        let number = answer.remove("span_number").and_then(|number| number.as_u64()).unwrap_or_default();
        let id = span_id_from_segment(segment, u32::try_from(number).unwrap_or_default());
        answer.insert("span_id".into(), json!(id.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(value: Value) -> Answer {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn ok_compares_as_many_bits_as_the_format_has() {
        let whole = answer(json!({ "trace_id": "0af7651916cd43dd8448eb211c80319c" }));
        let half = answer(json!({ "trace_id": "00000000000000008448eb211c80319c" }));
        assert_eq!(thing("trace_id", &whole, &half, 64), Ok(()));
        let text = r#""00000000000000008448eb211c80319c" instead of "0af7651916cd43dd8448eb211c80319c""#;
        assert_eq!(thing("trace_id", &whole, &half, 128), Err(text.to_owned()));
    }

    #[test]
    fn ok_lets_tracers_add_tags() {
        let expected = answer(json!({ "tags": { "_dd.p.usr": "x" } }));
        let got = answer(json!({ "tags": { "_dd.p.usr": "x", "_dd.p.ksr": "1" } }));
        assert_eq!(thing("tags", &expected, &got, 128), Ok(()));
        assert!(thing("tags", &got, &expected, 128).is_err());
    }

    #[test]
    fn err_finds_what_is_missing() {
        let expected = answer(json!({ "origin": "rum" }));
        assert_eq!(thing("origin", &expected, &Answer::new(), 128), Err(r#"null instead of "rum""#.to_owned()));
    }

    #[test]
    fn ok_maps_a_segment() {
        let trace = "de5980b8fce34a37aab9b4ac3af7eedd.1.16563474296430001";
        let segment = "4f2f27748b8e44ecaf18fe0347194e86.33.16560607369950066";
        let mut got = answer(json!({ "trace_text": trace, "segment_id": segment, "span_number": 123 }));
        map_segment(&mut got);
        let expected = json!({ "trace_id": "de5980b8fde34a371be41bcd5e2fd4dd", "span_id": "e9c455a82542306a" });
        assert_eq!(Value::Object(got), expected);
    }
}
