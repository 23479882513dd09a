//! The report of what an injection omitted.

use core::fmt;

use crate::field::{Field, FieldNames, FieldSet, Named};
use crate::wire::words;

words! {
    /// Why something was not written.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::report::OmitReason;
    ///
    /// assert_eq!(OmitReason::NotAllowed.to_string(), "not-allowed");
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum OmitReason {
        /// The [options](crate::InjectOptions) do not allow it for this destination.
        NotAllowed = "not-allowed",
        /// The context has no span id, and the format needs one.
        NoSpanId = "no-span-id",
        /// The list has more members than the limit. The last ones were omitted.
        TooManyMembers = "too-many-members",
        /// It is longer than the limit.
        TooLong = "too-long",
        /// The format cannot express the key.
        BadKey = "bad-key",
        /// The format cannot express the value.
        BadValue = "bad-value",
        /// The header is disabled in the settings of the format.
        Disabled = "disabled",
    }

    /// Returns the word for reports, logs and metrics.
    pub fn as_str;
}

/// Something that was not written: a header, or members of one.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Field, report::{OmitReason, Omitted}};
///
/// let omitted = Omitted { field: Field::Baggage, reason: OmitReason::NotAllowed, count: 2 };
/// assert_eq!(omitted.to_string(), "baggage: 2 members omitted (not-allowed)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Omitted {
    /// The header that was omitted, or that lacks members.
    pub field: Field,
    /// The reason.
    pub reason: OmitReason,
    /// The number of members. For a whole header 1, or 0 if the header could also lack members.
    pub count: u32,
}

impl fmt::Display for Omitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(None, f)
    }
}

impl Omitted {
    fn show(&self, names: Option<&FieldNames>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Named(names, self.field);
        // A header of ids is written or omitted as a whole. Members are counted where a header is a list of them.
        let is_list = self.field.can_hold_baggage() || self.field == Field::TraceState || self.count > 1;
        match (is_list, self.count) {
            (false, _) | (true, 0) => write!(f, "{name}: omitted ({})", self.reason),
            (true, 1) => write!(f, "{name}: 1 member omitted ({})", self.reason),
            (true, count) => write!(f, "{name}: {count} members omitted ({})", self.reason),
        }
    }
}

/// What an injection omitted and why, and what became of headers that the carrier held.
///
/// Each field is reported once, except that headers with a common prefix can be kept in part and omitted in part. The
/// report has at most [`MAX`](Self::MAX) pairs of header and reason. It contains no text of a header, so it can be logged.
/// It borrows the propagator for the names of custom headers.
///
/// # Examples
///
/// ```
/// use traceprop_core::{InjectOptions, presets};
///
/// let propagator = presets::W3C.propagator();
/// let request = [("baggage", "tenant=acme,user=7")];
/// let extraction = propagator.extract(&request);
/// let mut headers: Vec<(String, String)> = Vec::new();
/// let report = propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut headers);
/// assert_eq!(report.to_string(), "baggage: 2 members omitted (not-allowed)");
/// ```
#[derive(Clone, Debug, Default)]
pub struct InjectReport<'p> {
    list: OmissionList,
    names: Option<&'p FieldNames>,
}

/// What formats have omitted so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct OmissionList {
    list: [Option<Omitted>; InjectReport::MAX],
    dropped: bool,
    replaced: FieldSet,
    kept: FieldSet,
}

impl OmissionList {
    /// Adds what a format did not write. A kept header is reported as kept and not as omitted.
    pub(crate) fn add(&mut self, field: Field, reason: OmitReason, count: u32) {
        // Of headers with a common prefix some can be kept and others omitted.
        if self.kept.contains(field) && !field.is_prefix() {
            return;
        }
        let is_known = |known: &&mut Omitted| known.field == field && known.reason == reason;
        if let Some(known) = self.list.iter_mut().flatten().find(is_known) {
            known.count = known.count.saturating_add(count);
        } else if let Some(free) = self.list.iter_mut().find(|place| place.is_none()) {
            *free = Some(Omitted { field, reason, count });
        } else {
            self.dropped = true;
        }
    }

    /// Adds fields that stay in the carrier as they are.
    pub(crate) fn keep(&mut self, fields: FieldSet) {
        self.kept = self.kept.union(fields);
    }

    /// Adds fields that were removed from the carrier and not written again.
    pub(crate) fn replace(&mut self, fields: FieldSet) {
        let told = self.list.iter().flatten().fold(self.kept, |told, omitted| told.with(omitted.field));
        self.replaced = fields.without(told);
    }

    /// Returns the report for the caller.
    pub(crate) fn report<'p>(self, names: &'p FieldNames) -> InjectReport<'p> {
        // A new empty list is faster than a copy of one that was written a moment ago.
        let is_empty = self.list[0].is_none() && self.replaced.is_empty() && self.kept.is_empty();
        let list = if is_empty { Self::default() } else { self };
        InjectReport { list, names: Some(names) }
    }
}

impl<'p> InjectReport<'p> {
    /// The maximum number of pairs of header and reason.
    pub const MAX: usize = 8;

    /// Returns the name of `field`, or `None` for a custom header that the propagator does not write.
    pub fn name_of(&self, field: Field) -> Option<&'p str> {
        self.names.map_or_else(|| field.name(), |names| names.name_of(field))
    }

    /// Returns a report that does not borrow the propagator. It has no names of custom headers.
    pub fn without_names(self) -> InjectReport<'static> {
        InjectReport { list: self.list, names: None }
    }

    /// Returns what was omitted, in the order of the formats.
    pub fn iter(&self) -> impl Iterator<Item = &Omitted> {
        self.list.list.iter().flatten()
    }

    /// Returns the fields that the carrier held and that this call removed without writing them, unless they are omitted.
    ///
    /// A custom header of another propagator is a [`Field::Custom`] without a name.
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use traceprop_core::{Field, InjectOptions, SpanId, TraceId, presets};
    ///
    /// let propagator = presets::ALL_TO_W3C.propagator();
    /// let request = [("b3".to_owned(), "0".to_owned())];
    /// let span = propagator.extract(&request).span_with_ids(TraceId::MIN, SpanId::MIN);
    /// let mut copy = request.to_vec();
    /// let report = propagator.inject(&span, &InjectOptions::new(), &mut copy);
    /// assert!(report.replaced().iter().eq([Field::B3]) && report.is_complete());
    /// assert_eq!(report.to_string(), "nothing omitted; b3: removed from the request");
    /// # }
    /// ```
    pub const fn replaced(&self) -> FieldSet {
        self.list.replaced
    }

    /// Returns the fields that stay in the carrier as they were. [`keep_headers`](crate::InjectOptions::keep_headers) and
    /// [`keep_formats`](crate::InjectOptions::keep_formats) keep them.
    pub const fn kept(&self) -> FieldSet {
        self.list.kept
    }

    /// Returns `true` if nothing was omitted.
    pub const fn is_complete(&self) -> bool {
        self.list.list[0].is_none()
    }

    /// Returns `true` if more was omitted than the report has room for. See [`InjectReport::MAX`].
    pub const fn is_truncated(&self) -> bool {
        self.list.dropped
    }
}

impl fmt::Display for InjectReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_complete() {
            f.write_str("nothing omitted")?;
        }
        for (i, omission) in self.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            omission.show(self.names, f)?;
        }
        for (fields, fate) in [(self.replaced(), "removed from the request"), (self.kept(), "kept in the request")] {
            for field in fields.iter() {
                write!(f, "; {}: {fate}", Named(self.names, field))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn ok_members_are_counted_and_whole_headers_are_not() {
        let shown = |field, count| Omitted { field, reason: OmitReason::NotAllowed, count }.to_string();
        assert_eq!(shown(Field::Baggage, 1), "baggage: 1 member omitted (not-allowed)");
        assert_eq!(shown(Field::Baggage, 2), "baggage: 2 members omitted (not-allowed)");
        assert_eq!(shown(Field::TraceParent, 1), "traceparent: omitted (not-allowed)");
        assert_eq!(shown(Field::XAmznTraceId, 1), "x-amzn-trace-id: 1 member omitted (not-allowed)");
        assert_eq!(shown(Field::XAmznTraceId, 0), "x-amzn-trace-id: omitted (not-allowed)");
        assert_eq!(InjectReport::default().to_string(), "nothing omitted");
    }

    #[test]
    fn ok_omissions_add_up_and_stay_bounded() {
        let names = FieldNames::new();
        let mut list = OmissionList::default();
        list.add(Field::Baggage, OmitReason::BadKey, 1);
        list.add(Field::Baggage, OmitReason::BadKey, 2);
        let omissions = list.clone().report(&names);
        assert_eq!(
            omissions.iter().copied().next(),
            Some(Omitted { field: Field::Baggage, reason: OmitReason::BadKey, count: 3 })
        );
        assert!(!omissions.is_complete() && !omissions.is_truncated());
        for place in 0..8 {
            list.add(Field::Custom(place), OmitReason::NotAllowed, 1);
        }
        let omissions = list.report(&names);
        assert_eq!(omissions.iter().count(), InjectReport::MAX);
        assert!(omissions.is_truncated());
    }
}
