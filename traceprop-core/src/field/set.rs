//! Sets of fields, a bit for each.

use super::known::{Carries, FAMILIES, FIXED_COUNT, Field};
use super::name::MAX_CUSTOM_HEADERS;

/// A set of fields.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Field, format::FieldSet};
///
/// const W3C: FieldSet = FieldSet::of(&[Field::TraceParent, Field::TraceState]);
///
/// let set = W3C.with(Field::Baggage);
/// assert!(set.contains(Field::Baggage) && set.intersects(W3C));
/// assert_eq!((set.len(), set.without(W3C).len()), (3, 1));
/// assert!(set.built_in().eq([Field::TraceParent, Field::TraceState, Field::Baggage]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FieldSet(u64);

impl FieldSet {
    /// The set without any field.
    pub const EMPTY: Self = Self(0);

    /// All fields with a built-in name, and all custom headers that a propagator can have.
    pub(crate) const ALL: Self = Self((1 << (FIXED_COUNT + MAX_CUSTOM_HEADERS)) - 1);

    /// The fields that hold baggage and nothing of a trace, also those that no format here reads.
    pub(crate) const TEXT: Self = Self::carrying(Carries::Text).union(Self::TEXT_WITH_IDS);

    /// The fields that no format here reads.
    pub(crate) const UNREAD: Self = Self::of(Field::ALL).without(Self::of(Field::BUILT_IN));

    /// The fields with baggage that counts only next to ids of their format.
    pub(crate) const TEXT_WITH_IDS: Self = Self::carrying(Carries::TextWithIds);

    const fn carrying(content: Carries) -> Self {
        let mut fields = Self::EMPTY;
        let mut i = 0;
        while i < FIXED_COUNT {
            if Field::ALL[i].carries() as u8 == content as u8 {
                fields = fields.with(Field::ALL[i]);
            }
            i += 1;
        }
        fields
    }

    /// Creates a set of these fields.
    pub const fn of(fields: &[Field]) -> Self {
        let mut set = Self::EMPTY;
        let mut i = 0;
        while i < fields.len() {
            set = set.with(fields[i]);
            i += 1;
        }
        set
    }

    /// Adds a field to the set.
    #[inline]
    pub const fn with(self, field: Field) -> Self {
        Self(self.0 | 1 << field.index())
    }

    /// Returns the fields that are in either set.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the fields that are in both sets.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the fields of this set that are not in the other.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns whether `field` is in the set.
    #[inline]
    pub const fn contains(self, field: Field) -> bool {
        self.0 & (1 << field.index()) != 0
    }

    /// Returns whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether the sets have a field in common.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns whether each field in the set has one built-in name.
    pub(crate) const fn is_fixed(self) -> bool {
        self.0 < 1 << FIXED_COUNT && !self.intersects(FAMILIES)
    }

    /// Returns the set of the first field alone.
    pub(crate) const fn first(self) -> Self {
        Self(self.0 & self.0.wrapping_neg())
    }

    /// Returns the number of fields in the set.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Iterates over all fields of the set, in the order of [`Field::ALL`], then custom headers.
    pub fn iter(self) -> impl Iterator<Item = Field> + Clone {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let place = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(Field::at(place))
        })
    }

    /// Iterates over the fields of the set that have a built-in name or prefix, in the order of [`Field::ALL`].
    pub fn built_in(self) -> impl Iterator<Item = Field> + Clone {
        Self(self.0 & ((1 << FIXED_COUNT) - 1)).iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_set_is_fixed_without_families_and_configured_names() {
        let set = FieldSet::of(&[Field::TraceParent, Field::Sw8Extension]);
        assert!(set.is_fixed() && FieldSet::EMPTY.is_fixed());
        assert!(FieldSet::EMPTY.is_empty() && !set.is_empty());
        assert!(!set.with(Field::UberContext).is_fixed() && !set.with(Field::Custom(0)).is_fixed());
        assert!(!FieldSet::of(&[Field::Custom(0)]).is_fixed());
    }
}
