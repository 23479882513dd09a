//! What a listener takes out of a request before a handler sees it.
//!
//! [`Propagator::refusals`] judges names and lines. `traceprop_http::remove_refused` applies it to a header map.

use super::Propagator;
use crate::carrier::HeldNames;
use crate::context::{Allow, TextFilter, TextLine, Trust};
use crate::field::{Field, FieldSet, FormatKind, ROWS};
use crate::format::Format;
use crate::formats;
use crate::wire::{self, debug_as};
use alloc::borrow::Cow;

/// The received headers that a listener refuses, by its trust and by its allow-list for baggage.
///
/// The adapters remove them before a handler sees the request, so that a gateway which copies headers does not copy
/// these. [`Propagator::refusals`] creates it.
///
/// - Under [`Trust::Restart`] and [`Trust::Ignore`] these are all headers of trace formats, also of formats that the
///   propagator does not read, and all of its custom headers. `Restart` keeps baggage and correlation ids.
/// - Under every trust these are the baggage members that are not allowed. Under [`Trust::Resample`] and `Restart` these
///   are also the members that carry the caller's sampling decision (`sentry-*`).
/// - Under every trust but [`Trust::Continue`] these are the headers that a WSGI or CGI server would read as one of a
///   trace format, because it reads `_` as `-`.
///
/// # Examples
///
/// ```
/// use traceprop_core::refusals::Verdict;
/// use traceprop_core::{Allow, Field, Trust, presets};
///
/// let propagator = presets::W3C.propagator();
/// let refusals = propagator.refusals(Trust::Restart, Allow::Only(&["tenant"]));
/// assert_eq!(refusals.of_header("x-datadog-trace-id"), Verdict::Refused(Field::DatadogTraceId));
/// assert_eq!(refusals.of_header("accept"), Verdict::Stays);
/// assert_eq!(refusals.of_header("baggage"), Verdict::Members(Field::Baggage));
/// let (rest, removed) = refusals.of_members(Field::Baggage, "baggage", b"tenant=acme, user=alice");
/// assert_eq!((rest.as_ref(), removed), (&b"tenant=acme"[..], 1));
/// ```
#[derive(Clone, Copy)]
pub struct Refusals<'p> {
    pub(crate) propagator: &'p Propagator,
    pub(crate) trust: Trust,
    pub(crate) filter: TextFilter<'p>,
    /// The custom headers of the propagator that read the request.
    pub(crate) held: Option<&'p dyn HeldNames>,
}

/// What a listener does with a received header; see [`Refusals::of_header`].
///
/// # Examples
///
/// ```
/// use traceprop_core::{Allow, Trust, presets, refusals::Verdict};
///
/// let propagator = presets::W3C.propagator();
/// let refusals = propagator.refusals(Trust::Resample, Allow::All);
/// assert_eq!(refusals.of_header("accept"), Verdict::Stays);
/// assert!(matches!(refusals.of_header("x_b3_traceid"), Verdict::Refused(_)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays as it is.
    Stays,
    /// Some of its members may be refused. [`Refusals::of_members`] judges each line.
    Members(Field),
    /// All of its lines are refused.
    Refused(Field),
}

impl Propagator {
    /// Returns what is refused of a request by the stricter of `trust` and the propagator's trust, and by an allow-list.
    ///
    /// [`Refusals`] has an example.
    pub fn refusals<'p>(&'p self, trust: Trust, allow_baggage: Allow<'p>) -> Refusals<'p> {
        let trust = trust.max(self.options.trust);
        Refusals {
            propagator: self,
            trust,
            filter: TextFilter { allow: allow_baggage, keeps_decisions: trust == Trust::Continue },
            held: None,
        }
    }

    /// Returns the names of the formats that have these fields.
    ///
    /// A field of a format that is not configured here has the format's usual name. A field that no format reads has the
    /// name of its header.
    ///
    /// ```
    /// use traceprop_core::{Field, format::FieldSet, presets};
    ///
    /// let fields = FieldSet::of(&[Field::TraceParent, Field::B3TraceId, Field::B3SpanId, Field::Dynatrace]);
    /// assert!(presets::W3C.propagator().format_names(fields).eq(["tracecontext", "b3", "x-dynatrace"]));
    /// ```
    pub fn format_names(&self, fields: FieldSet) -> impl Iterator<Item = &str> {
        let formats = || self.extract.iter().chain(self.inject.iter());
        let is_first =
            move |place: usize, format: &dyn Format| formats().take(place).all(|known| known.name() != format.name());
        let own = formats().enumerate().filter(move |(place, format)| is_first(*place, *format));
        let own = own.filter(move |(_, format)| format.fields().set(&self.names).intersects(fields));
        let other = ROWS.iter().filter(move |row| row.fields.intersects(fields) && !self.kinds.contains(row.kind));
        let other = other.filter_map(|row| row.names.first().copied());
        let unread = fields.built_in().filter(|field| field.format() == FormatKind::Custom);
        own.map(|(_, format)| format.name()).chain(other).chain(unread.filter_map(|field| field.name()))
    }
}

impl<'p> Refusals<'p> {
    /// Returns the trust that applies.
    pub const fn trust(&self) -> Trust {
        self.trust
    }

    /// Returns whether nothing can be refused, so that no header needs to be looked at.
    pub fn is_empty(&self) -> bool {
        self.trust == Trust::Continue && self.filter.allow == Allow::All
    }

    /// Judges a header by its name, in any letter case.
    #[inline]
    pub fn of_header(&self, name: &str) -> Verdict {
        let names = &self.propagator.names;
        // A custom header may have the name of a field that no format reads. The configuration decides then.
        let verdict = match names.find(name).or_else(|| Field::from_name(name)) {
            Some(field) => self.of_field(field),
            None if self.trust == Trust::Continue || wire::find(name.as_bytes(), b'_').is_none() => Verdict::Stays,
            None => names.find_dashed(name).map_or(Verdict::Stays, Verdict::Refused),
        };
        match self.held {
            Some(held) if !matches!(verdict, Verdict::Refused(_)) && self.refuses_held(held, name) => {
                Verdict::Refused(Field::UNWATCHED)
            }
            _ => verdict,
        }
    }

    /// Whether the listener refused this header, and only its own propagator knows the name.
    #[inline(never)]
    fn refuses_held(&self, held: &dyn HeldNames, name: &str) -> bool {
        match self.trust {
            Trust::Continue => false,
            // Another name, which a server may read as that of the header.
            _ if !held.contains(name, false) => held.contains(name, true),
            Trust::Resample => false,
            Trust::Restart => !held.holds_text(name),
            Trust::Ignore => true,
        }
    }

    fn of_field(&self, field: Field) -> Verdict {
        // The text of a header that no format reads cannot be judged.
        let is_text = || field.is_baggage() || self.propagator.custom_text.contains(field);
        match self.trust {
            Trust::Continue | Trust::Resample => Verdict::Members(field),
            Trust::Restart if is_text() => Verdict::Members(field),
            Trust::Restart | Trust::Ignore => Verdict::Refused(field),
        }
    }

    /// Returns what remains of a line, and the number of members that are refused.
    ///
    /// The members that remain are as received. Nothing remains of a header without a member that is allowed, and a line
    /// that is not baggage remains as it is.
    pub fn of_members<'l>(&self, field: Field, name: &str, line: &'l [u8]) -> (Cow<'l, [u8]>, usize) {
        match formats::filter_text(TextLine { field, name, value: line }, self.filter) {
            Some(filtered) => (filtered.rest, filtered.removed),
            None => (line.into(), 0),
        }
    }
}

debug_as!(Refusals<'_>, |it| trust: it.trust, filter: it.filter);

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::CustomHeader;
    use crate::formats::sw8::Sw8;
    use std::string::String;
    use std::vec::Vec;

    const ALL: [Trust; 4] = [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore];

    /// Reads W3C, a correlation id, sw8 under a namespace, and a header of a custom format.
    fn propagator() -> Propagator {
        struct Acme;

        impl Format for Acme {
            fn name(&self) -> &str {
                "acme"
            }

            fn fields(&self) -> crate::format::FormatFields<'_> {
                const NAMES: &[CustomHeader] = &[CustomHeader::from_static("x-acme_trace")];
                crate::format::FormatFields::custom(NAMES)
            }

            fn extract(&self, _: &crate::format::Headers<'_>) -> crate::format::Parsed {
                crate::format::Parsed::absent()
            }

            fn inject(&self, _: &crate::format::InjectContext<'_>, _: &mut crate::format::Writer<'_>) {}
        }

        let builder = Propagator::builder().names("tracecontext,baggage,correlation:x-request-id", "tracecontext");
        let sw8 = Sw8::new("shop", "shop-1").with_namespace("eu").unwrap();
        builder.unwrap().with_format(sw8).with_format(Acme).build().unwrap()
    }

    /// One letter for each trust: `-` stays, `m` judged by member, `x` refused.
    fn verdicts(name: &str) -> String {
        let propagator = propagator();
        let verdict = |trust| match propagator.refusals(trust, Allow::All).of_header(name) {
            Verdict::Stays => '-',
            Verdict::Members(_) => 'm',
            Verdict::Refused(_) => 'x',
        };
        ALL.map(verdict).iter().collect()
    }

    #[test]
    fn ok_each_kind_of_header_under_each_trust() {
        for (names, expected) in [
            (&["accept", "traceparent-a", "uberctx-", "x_accept", "", "_"][..], "----"),
            // Read, not read by this propagator, and read by no format.
            (&["TraceParent", "tracestate", "x-b3-traceid", "x-datadog-tags", "x-dynatrace"], "mmxx"),
            (&["eu-sw8", "x-acme_trace"], "mmxx"),
            (&["baggage", "uberctx-a", "jaeger-baggage", "sw8-correlation"], "mmmx"),
            (&["eu-sw8-correlation", "X-Request-Id"], "mmmx"),
            // A server may read them as one of the others.
            (&["x_b3_traceid", "X_Datadog-Trace_Id", "uberctx_a", "x_dynatrace", "sw8_x"], "-xxx"),
            (&["x_request_id", "x_acme_trace", "eu_sw8"], "-xxx"),
        ] {
            for name in names {
                assert_eq!(verdicts(name), expected, "{name}");
            }
        }
        // A long name can only be one with a prefix.
        for (start, expected) in [("uberctx_", "-xxx"), ("uberctx-", "mmmx"), ("x_request_id", "----")] {
            assert_eq!(verdicts(&(String::from(start) + &"a".repeat(90))), expected, "{start}");
        }
    }

    #[test]
    fn ok_the_stricter_of_two_settings_is_used() {
        for (place, one) in ALL.into_iter().enumerate() {
            for (other_place, other) in ALL.into_iter().enumerate() {
                let propagator = propagator().with_trust(one);
                assert_eq!(propagator.refusals(other, Allow::All).trust(), ALL[place.max(other_place)]);
            }
        }
    }

    #[test]
    fn ok_nothing_is_refused_if_callers_are_trusted_and_all_baggage_is_allowed() {
        let propagator = propagator();
        let is_empty = |trust, allow| propagator.refusals(trust, allow).is_empty();
        assert!(is_empty(Trust::Continue, Allow::All));
        assert!(!is_empty(Trust::Continue, Allow::None) && !is_empty(Trust::Continue, Allow::Only(&["a"])));
        assert!(!is_empty(Trust::Resample, Allow::All));
    }

    #[test]
    fn ok_members_are_judged_by_key_and_by_trust() {
        let propagator = propagator();
        let rest = |trust, allow, field, name: &str, line: &'static str| {
            let (rest, removed) = propagator.refusals(trust, allow).of_members(field, name, line.as_bytes());
            (String::from_utf8(rest.into_owned()).unwrap(), removed)
        };
        let only = Allow::Only(&["a", "sentry-release"]);
        let line = "a=1, b=2,sentry-release=3";
        for (trust, allow, expected) in [
            (Trust::Continue, Allow::All, (line, 0)),
            (Trust::Continue, only, ("a=1,sentry-release=3", 1)),
            (Trust::Resample, Allow::All, ("a=1,b=2", 1)),
            (Trust::Restart, only, ("a=1", 2)),
            (Trust::Restart, Allow::None, ("", 3)),
        ] {
            assert_eq!(rest(trust, allow, Field::Baggage, "baggage", line), (expected.0.into(), expected.1));
        }
        // a and b, as base64.
        let pairs = "YQ==:MQ==,Yg==:Mg==";
        assert_eq!(rest(Trust::Continue, only, Field::Sw8Correlation, "", pairs), ("YQ==:MQ==".into(), 1));
        let namespaced = propagator.names.configured(&CustomHeader::from_static("eu-sw8-correlation")).unwrap();
        assert_eq!(rest(Trust::Continue, only, namespaced, "eu-sw8-correlation", pairs), ("YQ==:MQ==".into(), 1));
        assert_eq!(rest(Trust::Continue, only, Field::TraceState, "tracestate", "b=2"), ("b=2".into(), 0));
    }

    #[test]
    fn ok_formats_are_named_by_their_fields() {
        let propagator = propagator();
        let custom = propagator.names.configured(&CustomHeader::from_static("x-request-id")).unwrap();
        let fields =
            FieldSet::of(&[Field::TraceState, Field::DatadogTags, Field::XAmznTraceId, custom, Field::Baggage]);
        let names: Vec<_> = propagator.format_names(fields).collect();
        assert_eq!(names, ["tracecontext", "baggage", "correlation:x-request-id", "datadog", "xray"]);
        assert_eq!(propagator.format_names(FieldSet::EMPTY).count(), 0);
    }
}
