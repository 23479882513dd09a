//! The JSON payload of `newrelic`.

use super::json;
use crate::field::{Field, InvalidHeader};
use crate::id::{Sampling, SpanId, TraceId};
use crate::wire::{InvalidReason, base64, debug_as, decimal};

/// The longest value that is read, in bytes.
const MAX_LEN: usize = 4096;

/// The most levels of objects and arrays.
const MAX_DEPTH: usize = 8;

/// Room for the JSON that the longest value decodes to; see [`NewRelicPayload::BUFFER`].
pub type NewRelicBuffer = [u8; MAX_LEN / 4 * 3];

/// What a `newrelic` header says. [`Extraction::newrelic`](crate::Extraction::newrelic) returns it.
///
/// Account and application identify a customer: do not log them. `Debug` does not show them.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::newrelic::NewRelicPayload;
///
/// let payload = br#"{"v":[0,1],"d":{"ty":"App","ac":"33","ap":"2","tx":"6b","tr":"5a","pr":1.5,"ti":1518469636035}}"#;
/// let mut buffer = NewRelicPayload::BUFFER;
/// let payload = NewRelicPayload::parse(payload, &mut buffer)?;
/// assert_eq!((payload.account, payload.transaction, payload.span_id), ("33", Some("6b"), None));
/// assert_eq!(payload.priority(), Some(1.5));
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NewRelicPayload<'b> {
    /// The trace id.
    pub trace_id: TraceId,
    /// The caller's span. `None` if there is none, or if it is not 16 hex digits.
    pub span_id: Option<SpanId>,
    /// The sampling decision.
    pub sampling: Sampling,
    /// The type of the caller: `App`, `Browser` or `Mobile`.
    pub kind: &'b str,
    /// The account.
    pub account: &'b str,
    /// The application.
    pub app: &'b str,
    /// The transaction.
    pub transaction: Option<&'b str>,
    /// The trust key, if it differs from the account.
    pub trust_key: Option<&'b str>,
    /// When the header was made, in milliseconds since 1970.
    pub timestamp: u64,
    priority: Option<&'b str>,
    pub(super) has_bad_span_id: bool,
}

debug_as!(NewRelicPayload<'_>, |it| trace_id: it.trace_id, span_id: it.span_id, sampling: it.sampling, kind: it.kind);

impl<'b> NewRelicPayload<'b> {
    /// An empty buffer.
    pub const BUFFER: NewRelicBuffer = [0; MAX_LEN / 4 * 3];

    /// Parses one value: base64, which is decoded into `buffer`, or JSON.
    ///
    /// Texts are as the JSON has them: escapes are not decoded. Of members with the same key the last one counts.
    ///
    /// # Errors
    ///
    /// Returns `too-long` beyond 4096 bytes, `bad-base64` with the offset of the byte at fault, `bad-json`, `bad-version`,
    /// `missing-field`, and for the trace id `bad-hex`, `bad-length` or `zero-trace-id`.
    pub fn parse(value: &'b [u8], buffer: &'b mut NewRelicBuffer) -> Result<Self, InvalidHeader> {
        let invalid = |reason, at| InvalidHeader::new(Field::NewRelic, reason, at);
        if value.len() > MAX_LEN {
            return Err(invalid(InvalidReason::TooLong, MAX_LEN));
        }
        let json = match value.starts_with(b"{") {
            true => value,
            false => base64::decode(value, buffer).map_err(|at| invalid(InvalidReason::BadBase64, at))?.bytes,
        };
        parse(json).map_err(|reason| invalid(reason, 0))
    }

    /// Returns the priority of the trace.
    pub fn priority(&self) -> Option<f64> {
        self.priority?.parse().ok()
    }
}

fn parse(json: &[u8]) -> Result<NewRelicPayload<'_>, InvalidReason> {
    let json = core::str::from_utf8(json).map_err(|_| InvalidReason::BadJson)?;
    let [version, data] = find(json, ["v", "d"])?;
    if !is_version_0(version) {
        return Err(InvalidReason::BadVersion);
    }
    if !data.starts_with('{') {
        return Err(InvalidReason::MissingField);
    }
    let keys = ["ty", "ac", "ap", "id", "tx", "tr", "pr", "sa", "ti", "tk"];
    let [kind, account, app, span, transaction, trace, priority, sampled, timestamp, trust_key] = find(data, keys)?;
    let missing = InvalidReason::MissingField;
    let (kind, trace) = (text(kind).ok_or(missing)?, text(trace).ok_or(missing)?);
    let (account, app) = (text_or_number(account).ok_or(missing)?, text_or_number(app).ok_or(missing)?);
    let timestamp = decimal::unsigned(timestamp.as_bytes()).ok().filter(|time| *time > 0).ok_or(missing)?;
    let (span, transaction) = (text(span), text(transaction));
    span.or(transaction).ok_or(missing)?;
    let span_id = span.filter(|digits| digits.len() == SpanId::HEX_LEN);
    let span_id = span_id.and_then(|digits| SpanId::from_short_hex(digits.as_bytes()).ok());
    Ok(NewRelicPayload {
        trace_id: TraceId::from_short_hex(trace.as_bytes()).map_err(|error| error.reason())?,
        span_id,
        sampling: match sampled {
            "true" => Sampling::Sampled,
            "false" => Sampling::NotSampled,
            _ => Sampling::Deferred,
        },
        kind,
        account,
        app,
        transaction,
        trust_key: text_or_number(trust_key),
        timestamp,
        priority: Some(priority).filter(|value| is_number(value)),
        has_bad_span_id: span.is_some() && span_id.is_none(),
    })
}

/// Returns the values of these keys in an object. A key that is absent has an empty one.
fn find<'j, const N: usize>(object: &'j str, keys: [&str; N]) -> Result<[&'j str; N], InvalidReason> {
    let mut found = [""; N];
    let mut keep = |key: &str, value| {
        if let Some(place) = keys.iter().position(|known| *known == key) {
            found[place] = value;
        }
    };
    json::members(object, MAX_DEPTH, &mut keep).ok_or(InvalidReason::BadJson)?;
    Ok(found)
}

/// Whether a value is an array of two integers, the first of them 0.
fn is_version_0(version: &str) -> bool {
    let numbers = version.strip_prefix('[').and_then(|numbers| numbers.strip_suffix(']')?.split_once(','));
    numbers.is_some_and(|(major, minor)| major.trim() == "0" && minor.trim().bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns the text of a string that is not empty.
fn text(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"').filter(|text| !text.is_empty())
}

fn text_or_number(value: &str) -> Option<&str> {
    text(value).or(Some(value).filter(|value| is_number(value)))
}

/// Whether a JSON value is a number.
fn is_number(value: &str) -> bool {
    value.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    const DATA: &str = r#""ty":"App","ac":"33","ap":"2","id":"05f20c503b78461f","tx":"6b","tr":"5A","sa":true,"ti":7"#;

    fn read(json: &str) -> Result<NewRelicPayload<'_>, InvalidReason> {
        parse(json.as_bytes())
    }

    fn with(data: &str) -> std::string::String {
        format!(r#"{{"v":[0,1],"d":{{{data}}}}}"#)
    }

    #[test]
    fn ok_every_field() {
        let json = with(&format!(r#"{DATA},"pr":-1.5e0,"tk":9,"ac":34,"x":{{"ty":"no"}}"#));
        let payload = read(&json).unwrap();
        let expected = NewRelicPayload {
            trace_id: TraceId::new(0x5a).unwrap(),
            span_id: SpanId::new(0x05f2_0c50_3b78_461f),
            sampling: Sampling::Sampled,
            kind: "App",
            account: "34",
            app: "2",
            transaction: Some("6b"),
            trust_key: Some("9"),
            timestamp: 7,
            priority: Some("-1.5e0"),
            has_bad_span_id: false,
        };
        assert_eq!((payload, payload.priority()), (expected, Some(-1.5)));
        let shown = format!("{payload:?}");
        assert!(shown.contains("App") && !shown.contains("34") && !shown.contains("6b"), "{shown}");
    }

    #[test]
    fn ok_optional_fields_cost_themselves() {
        for (from, to, span, sampling) in [
            ("true", "null", true, Sampling::Deferred),
            ("true", "\"true\"", true, Sampling::Deferred),
            ("true", "false", true, Sampling::NotSampled),
            ("05f2", "05f", false, Sampling::Sampled),
            ("05f2", "05fg", false, Sampling::Sampled),
            ("05f20c503b78461f", "0000000000000000", false, Sampling::Sampled),
            ("\"6b\"", "{}", true, Sampling::Sampled),
            ("5A", "F0000000000000000000000000000001", true, Sampling::Sampled),
        ] {
            let json = with(&DATA.replace(from, to));
            let payload = read(&json).unwrap();
            assert_eq!((payload.span_id.is_some(), payload.has_bad_span_id, payload.sampling), (span, !span, sampling));
        }
        let without_span = with(&DATA.replace("05f20c503b78461f", ""));
        assert_eq!(read(&without_span).map(|payload| (payload.span_id, payload.has_bad_span_id)), Ok((None, false)));
    }

    #[test]
    fn err_versions_other_than_0() {
        for version in ["[1,0]", "[0]", "[0,1,2]", "[0,\"1\"]", "[0.0,1]", "[0,[1]]", "0", "\"[0,1]\"", "{}", "null"] {
            let json = with(DATA).replace("[0,1]", version);
            assert_eq!(read(&json), Err(InvalidReason::BadVersion), "{version}");
        }
        assert!(read(&with(DATA).replace("[0,1]", "[ 0\t,\r\n99 ]")).is_ok());
    }

    #[test]
    fn err_a_required_field_is_missing_or_of_another_type() {
        for (from, to) in [
            ("\"App\"", "\"\""),
            ("\"App\"", "1"),
            ("\"33\"", "null"),
            ("\"33\"", "\"\""),
            ("\"2\"", "[2]"),
            ("\"5A\"", "5"),
            ("\"5A\"", "\"\""),
            (":7", ":0"),
            (":7", ":-7"),
            (":7", ":7.0"),
            (":7", ":\"7\""),
            (":7", ":99999999999999999999"),
            (r#""id":"05f20c503b78461f","tx":"6b""#, r#""id":null,"tx":"""#),
        ] {
            let json = with(&DATA.replace(from, to));
            assert_eq!(read(&json), Err(InvalidReason::MissingField), "{json}");
        }
        for json in [r#"{"v":[0,1]}"#, r#"{"v":[0,1],"d":null}"#, r#"{"v":[0,1],"d":{}}"#] {
            assert_eq!(read(json), Err(InvalidReason::MissingField), "{json}");
        }
    }

    #[test]
    fn err_trace_ids() {
        for (trace, reason) in [
            ("5g", InvalidReason::BadHex),
            ("\\u0035", InvalidReason::BadHex),
            ("00", InvalidReason::ZeroTraceId),
            (&"1".repeat(33), InvalidReason::BadLength),
        ] {
            assert_eq!(read(&with(&DATA.replace("5A", trace))), Err(reason), "{trace}");
        }
    }

    #[test]
    fn err_limits_and_encodings() {
        let parse = |value: &[u8]| {
            let mut buffer = NewRelicPayload::BUFFER;
            let payload = NewRelicPayload::parse(value, &mut buffer);
            payload.map(|payload| payload.account.to_string()).map_err(|error| (error.reason(), error.offset()))
        };
        let json = with(&format!(r#"{DATA},"x":"""#));
        let longest = json.replace("\"\"", &format!("\"{}\"", "x".repeat(MAX_LEN - json.len())));
        assert_eq!(parse(longest.as_bytes()), Ok("33".to_string()));
        assert_eq!(parse(format!("{longest} ").as_bytes()), Err((InvalidReason::TooLong, 4096)));
        let json = with(&format!(r#"{DATA},"x":"""#));
        let longest = json.replace("\"\"", &format!("\"{}\"", "x".repeat(MAX_LEN / 4 * 3 - json.len())));
        let encoded = base64::Encoded(longest.as_bytes()).to_string();
        assert_eq!((encoded.len(), parse(encoded.as_bytes())), (4096, Ok("33".to_string())));
        assert_eq!(parse(b"eyJ-"), Err((InvalidReason::BadBase64, 3)));
        assert_eq!(parse(b"{\"v\":\"\xff\"}"), Err((InvalidReason::BadJson, 0)));
        let nested =
            |levels: usize| with(&format!("{DATA},\"x\":{}{}", "[".repeat(levels - 2), "]".repeat(levels - 2)));
        assert!(parse(nested(8).as_bytes()).is_ok());
        assert_eq!(parse(nested(9).as_bytes()), Err((InvalidReason::BadJson, 0)));
    }
}
