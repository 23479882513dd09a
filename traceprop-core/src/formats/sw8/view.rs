//! The received sw8 headers, for reports and access logs.

use super::header::{MAX_VALUE, Sw8Header};
use super::text::Sw8Text;
use super::{CORRELATION, Sw8, Sw8Correlation, Sw8Extension, lines};
use crate::carrier::Headers;
use crate::wire;

/// The received headers of sw8.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::sw8::Sw8;
/// use traceprop_core::Propagator;
///
/// static SW8: Sw8 = Sw8::read_only();
///
/// let propagator = Propagator::builder().extract(&SW8).inject_none().build()?;
/// let request = [("sw8", "1-dGlja2V0LTE=-c2VnbWVudA==-3-c2hvcA==-c2hvcC0x-L2NhcnQ=-c3RvY2s6ODA="), ("sw8-x", "1-")];
/// let extraction = propagator.extract(&request);
/// let received = extraction.sw8().expect("it is valid");
/// assert_eq!(received.header.trace_id(), "ticket-1");
/// assert_eq!(received.header.peer(), "stock:80");
/// assert!(received.extension.is_some_and(|extension| extension.skip_analysis));
/// assert!(received.correlation.is_empty());
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Sw8View<'c> {
    /// The `sw8` value of the nearest hop.
    pub header: Sw8Header<'c>,
    /// The pairs of `sw8-correlation`.
    pub correlation: Sw8Correlation<'c>,
    /// The value of `sw8-x`, if received.
    pub extension: Option<Sw8Extension>,
}

impl Sw8 {
    /// Returns the received headers of this format, or `None` without a valid `sw8`.
    pub fn received<'c>(&self, headers: &Headers<'c>) -> Option<Sw8View<'c>> {
        let header = self.header(headers)?;
        if self.is_alone(headers) {
            return Some(Sw8View { header, correlation: Sw8Correlation::EMPTY, extension: None });
        }
        let (field, lines) = self.lines(headers, CORRELATION);
        let correlation = Sw8Correlation::from_lines(lines, field).unwrap_or(Sw8Correlation::EMPTY);
        Some(Sw8View { header, correlation, extension: self.extension(headers) })
    }
}

/// Characters of the longest trace id that is returned for logs.
const MAX_LOGGED: usize = 150;

/// Returns the trace id of an `sw8` value for access logs, in the spelling that SkyWalking shows.
///
/// Only that field is checked, so an invalid value can have a trace id. Returns `None` if the trace id is longer than
/// 150 characters or contains anything but visible ASCII.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::sw8::trace_id_text;
///
/// let value = b"1-dGlja2V0LTE=-c2VnbWVudA==-3-c2hvcA==-c2hvcC0x-L2NhcnQ=-c3RvY2s6ODA=";
/// assert_eq!(trace_id_text(value).unwrap().to_string(), "ticket-1");
/// assert!(trace_id_text(b"1-------").is_none());
/// ```
pub fn trace_id_text(value: &[u8]) -> Option<Sw8Text<'_>> {
    let (_, value) = lines::last_value(value)?;
    if value.len() > MAX_VALUE {
        return None;
    }
    let (_, rest) = wire::split_once(value, b'-')?;
    let (encoded, _) = wire::split_once(rest, b'-')?;
    let is_legal = Sw8Text::read_with(encoded, |text| {
        (1..=MAX_LOGGED).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic)
    })
    .ok()?;
    is_legal.then_some(Sw8Text(encoded))
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::base64::Encoded;
    use std::format;
    use std::string::{String, ToString};

    fn logged(text: &str) -> Option<String> {
        let value = format!("1-{}-x", Encoded(text.as_bytes()));
        trace_id_text(value.as_bytes()).map(|text| text.to_string())
    }

    #[test]
    fn ok_150_visible_characters_and_nothing_else() {
        assert_eq!(logged("ticket-1").as_deref(), Some("ticket-1"));
        assert!(logged(&"x".repeat(150)).is_some() && logged(&"x".repeat(151)).is_none());
        for text in ["", "a b", "a\nb", "é", "\u{7f}"] {
            assert_eq!(logged(text), None, "{text:?}");
        }
    }

    #[test]
    fn ok_a_value_is_the_same_when_it_is_read_again() {
        static SW8: Sw8 = Sw8::read_only();
        let propagator = crate::Propagator::builder().extract(&SW8).inject_none().build().unwrap();
        let padded = "1-YQ==-Yg==-7-Yw==-ZA==-ZQ==-Zg==";
        let id = Encoded(&[b'1'; 32]);
        let java = Encoded(&[b'1'; 53]);
        for line in [
            padded,
            " 0-YQ-Yg-7-Yw-ZA-ZQ-Zg\t",
            &format!("1-{id}-{java}-123-Yw==---"),
            // A dash at a usual length of the trace id is not the one that ends it.
            &format!("1-YQ==-{}-0-Yw==---", "A".repeat(39)),
            &format!("1-YQ==-YWFh-0-{}-AAAA--", "A".repeat(31)),
            &format!("{padded},"),
            &format!(" ,{padded}, ,"),
            &format!("{padded},1-------"),
            &format!("1-YQ==-Yg==-0----,{padded}"),
            &format!("{padded},0-YQ-Yg-0----"),
        ] {
            let carrier = [("sw8", line)];
            let lines = crate::carrier::headers::HeaderLines::one(line.as_bytes());
            let expected = lines::read(lines, crate::field::Field::Sw8).unwrap().unwrap();
            let received = propagator.extract(&carrier).sw8().unwrap();
            assert_eq!(received.header, expected, "{line}");
            let lines = [("sw8", "1-Yg==-Yg==-0----"), ("sw8", line)];
            assert_eq!(propagator.extract(&lines).sw8().unwrap().header, expected, "{line}");
        }
    }

    #[test]
    fn ok_last_value_that_is_not_a_husk() {
        assert_eq!(trace_id_text(b"1-YQ==-x, 1-Yg==-x,1-------").unwrap(), "b");
        assert!(trace_id_text(b"").is_none() && trace_id_text(b"1-YQ==").is_none());
        let of_length = |len: usize| trace_id_text(format!("1-YQ==-{:x<1$}", "", len - 7).as_bytes()).is_some();
        assert_eq!((of_length(2048), of_length(2049), of_length(2050)), (true, false, false));
    }
}
