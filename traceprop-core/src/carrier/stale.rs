//! The fields that are removed from a carrier.

use super::CarrierMut;
use crate::field::{Field, FieldNames, FieldSet};
use crate::wire::debug_as;

/// The custom headers that a request held, for a propagator that does not know them.
pub(crate) trait HeldNames {
    /// Returns whether a header with this name is one of them. `dashed` reads `_` as `-`.
    fn contains(&self, name: &str, dashed: bool) -> bool;

    /// Returns whether a header with this name is one of them, and holds baggage or a correlation id.
    #[cfg(feature = "alloc")]
    fn holds_text(&self, name: &str) -> bool;

    /// Returns whether there are lines in addition to the names.
    fn has_lines(&self) -> bool;

    /// Returns whether `names` has all of them.
    fn are_within(&self, names: &FieldNames) -> bool;
}

/// A set of fields to remove from a carrier, by their names in any letter case.
///
/// [`Propagator::inject`](crate::Propagator::inject) removes the fields that it owns before it writes, and
/// [`Propagator::owned_fields`](crate::Propagator::owned_fields) returns them.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{Field, Trust, presets};
///
/// let propagator = presets::W3C.propagator();
/// let owned = propagator.owned_fields(Trust::Restart);
/// assert_eq!(owned.find("X-B3-TraceId"), Some(Field::B3TraceId));
/// assert!(!owned.contains("accept"));
///
/// let mut headers = vec![("b3".to_owned(), "0".to_owned()), ("accept".to_owned(), "*/*".to_owned())];
/// let removed = owned.remove_from(&mut headers);
/// assert_eq!((removed.len(), headers.len()), (1, 1));
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct StaleFields<'p> {
    names: &'p FieldNames,
    fields: FieldSet,
    /// `names` has all of the fields.
    is_watched: bool,
    /// The fields that are also found under a name with `_` in place of `-`.
    dashed: FieldSet,
    held: Option<&'p dyn HeldNames>,
}

impl<'p> StaleFields<'p> {
    pub(crate) const fn new(names: &'p FieldNames, fields: FieldSet) -> Self {
        let is_watched = fields.without(names.watched).is_empty();
        Self { names, fields, is_watched, dashed: FieldSet::EMPTY, held: None }
    }

    /// Adds the names that become one of the fields if `_` is read as `-`.
    ///
    /// WSGI and CGI servers have one variable for both (CVE-2015-0219).
    pub(crate) const fn with_underscores(self) -> Self {
        Self { dashed: self.fields, is_watched: false, ..self }
    }

    /// Adds the names that become any field of the table if `_` is read as `-`. A listener refuses them.
    pub(crate) const fn with_all_underscores(self) -> Self {
        Self { dashed: FieldSet::ALL, is_watched: false, ..self }
    }

    /// Adds the custom headers of another propagator that a request held.
    pub(crate) const fn with_held(self, held: &'p dyn HeldNames) -> Self {
        Self { held: Some(held), is_watched: false, ..self }
    }

    /// Returns the field that a header with this name is, if it is one of them.
    ///
    /// A custom header that this propagator does not have is a [`Field::Custom`] without a name.
    #[inline]
    pub fn find(&self, name: &str) -> Option<Field> {
        match self.is_watched {
            true => self.names.find(name).filter(|field| self.fields.contains(*field)),
            false => self.find_unwatched(name),
        }
    }

    #[inline(never)]
    fn find_unwatched(&self, name: &str) -> Option<Field> {
        // Custom headers come first: one may have a name that no format here reads.
        let exact = self.names.find(name).or_else(|| Field::from_name(name));
        let reads_underscores = !self.dashed.is_empty();
        let read_as = || match reads_underscores && (name.contains('_') || self.names.custom_has_underscore()) {
            true => self.names.find_dashed(name).filter(|field| self.dashed.contains(*field)),
            false => None,
        };
        let held = || self.held.filter(|held| held.contains(name, reads_underscores)).map(|_| Field::UNWATCHED);
        let found = match exact {
            Some(field) => Some(field).filter(|field| self.fields.contains(*field)),
            None => read_as(),
        };
        found.or_else(held)
    }

    /// Returns whether a header with this name is one of them.
    #[inline]
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Returns the fields if each of them has one built-in name: no prefix, no custom header, no other spelling.
    pub fn built_in(&self) -> Option<FieldSet> {
        (self.fields.is_fixed() && self.dashed.is_empty() && self.held.is_none()).then_some(self.fields)
    }

    /// Removes the fields from a carrier and returns those that it held.
    pub fn remove_from(&self, carrier: &mut (impl CarrierMut + ?Sized)) -> FieldSet {
        let mut removed = FieldSet::EMPTY;
        carrier.remove_if(&mut |name| match self.find(name) {
            Some(field) => {
                removed = removed.with(field);
                true
            }
            None => false,
        });
        removed
    }
}

debug_as!(StaleFields<'_>, |it| fields: it.fields, reads_underscores: !it.dashed.is_empty());

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::CustomHeader;
    use alloc::string::String;
    use alloc::vec::Vec;

    struct Tenant;

    impl HeldNames for Tenant {
        fn contains(&self, name: &str, dashed: bool) -> bool {
            name.eq_ignore_ascii_case("x-tenant") || (dashed && name == "x_tenant")
        }

        fn holds_text(&self, _: &str) -> bool {
            false
        }

        fn has_lines(&self) -> bool {
            false
        }

        fn are_within(&self, _: &FieldNames) -> bool {
            false
        }
    }

    fn names(fields: &[Field]) -> FieldNames {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(fields));
        names
    }

    #[test]
    fn ok_stale_fields_are_those_of_the_set() {
        let names = names(&[Field::TraceParent, Field::Baggage, Field::UberContext]);
        let fields = FieldSet::of(&[Field::TraceParent, Field::Baggage]);
        let fixed = StaleFields::new(&names, fields);
        assert!(fixed.contains("TraceParent") && fixed.contains("baggage"));
        assert!(!fixed.contains("uberctx-a") && !fixed.contains("accept"));
        assert_eq!(fixed.built_in(), Some(fields));
        let family = StaleFields::new(&names, fields.with(Field::UberContext));
        assert!(family.contains("uberctx-a"));
        assert_eq!(family.built_in(), None);
    }

    #[test]
    fn ok_fields_that_the_names_do_not_have_are_found() {
        let names = names(&[Field::TraceParent]);
        let fields = FieldSet::of(&[Field::TraceParent, Field::B3, Field::Dynatrace]);
        let stale = StaleFields::new(&names, fields);
        let found = ["traceparent", "B3", "X-Dynatrace", "x-b3-traceid", "x-tenant"].map(|name| stale.find(name));
        assert_eq!(found, [Some(Field::TraceParent), Some(Field::B3), Some(Field::Dynatrace), None, None]);
        assert_eq!(stale.built_in(), Some(fields));
        let held = stale.with_held(&Tenant);
        assert_eq!(
            (held.find("X-Tenant"), held.find("x_tenant"), held.built_in()),
            (Some(Field::UNWATCHED), None, None)
        );
        assert_eq!(held.with_underscores().find("x_tenant"), Some(Field::UNWATCHED));
    }

    #[test]
    fn ok_a_custom_header_is_meant_before_a_header_that_no_format_reads() {
        let mut names = names(&[Field::TraceParent]);
        let own = names.watch_name(&CustomHeader::from_static("x-trace")).unwrap();
        let stale = StaleFields::new(&names, FieldSet::ALL).with_underscores();
        assert_eq!((stale.find("X-Trace"), stale.find("x_trace")), (Some(own), Some(own)));
        assert_eq!(stale.find("x-trace-options"), Some(Field::SolarWindsOptions));
    }

    #[test]
    fn ok_underscores_are_dashes_only_if_asked_for() {
        let names = names(&[Field::TraceParent, Field::UberContext]);
        let exact = StaleFields::new(&names, FieldSet::ALL);
        let read = exact.with_underscores();
        for (name, field) in [
            ("x_datadog_trace_id", Field::DatadogTraceId),
            ("X-B3_TraceId", Field::B3TraceId),
            ("uberctx_a_b", Field::UberContext),
            ("sw8_x", Field::Sw8Extension),
        ] {
            assert_eq!([exact.find(name), read.find(name)], [None, Some(field)], "{name}");
            let dashed = name.replace('_', "-");
            assert_eq!([exact.find(&dashed), read.find(&dashed)], [Some(field); 2], "{dashed}");
        }
        let long = String::from("uberctx_") + &"é".repeat(60);
        assert_eq!([exact.find(&long), read.find(&long)], [None, Some(Field::UberContext)]);
        assert_eq!([read.find("trace_parent"), read.find("accept_encoding"), read.find("_")], [None; 3]);
    }

    #[test]
    fn ok_a_custom_header_with_an_underscore_is_read_as_one_with_a_dash() {
        let mut names = names(&[Field::TraceParent]);
        let own = names.watch_name(&CustomHeader::from_static("x-acme_trace"));
        let stale = StaleFields::new(&names, FieldSet::ALL);
        let spelled = ["x-acme_trace", "X_Acme_Trace", "x-acme-trace"];
        assert_eq!(spelled.map(|name| stale.find(name)), [own, None, None]);
        assert_eq!(spelled.map(|name| stale.with_underscores().find(name)), [own; 3]);
    }

    #[test]
    fn ok_a_carrier_loses_the_fields_and_no_other_lines() {
        let names = names(&[Field::TraceParent]);
        let stale = StaleFields::new(&names, FieldSet::ALL).with_underscores();
        let line = |name: &str| (String::from(name), String::from("1"));
        let mut headers: Vec<_> = ["b3", "accept", "B3", "x_trace", "b3"].map(line).into();
        let removed = stale.remove_from(&mut headers);
        assert_eq!(headers, [line("accept")]);
        assert_eq!(removed, FieldSet::of(&[Field::B3, Field::SolarWinds]));
    }
}
