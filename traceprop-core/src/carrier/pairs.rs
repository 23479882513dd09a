//! Pairs of name and value that own their text: vectors, and [`Pairs`].

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::slices::bytes;
use super::{Carrier, CarrierMut, FieldName, FieldValue};

impl<N: AsRef<str> + Sync, V: AsRef<[u8]> + Sync> Carrier for Vec<(N, V)> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        bytes(self)
    }
}

impl<N, V> CarrierMut for Vec<(N, V)>
where
    N: AsRef<str> + From<String>,
    V: From<String>,
{
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        self.push((N::from(name.as_str().to_string()), V::from(owned(value))));
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        self.retain(|(name, _)| !stale(name.as_ref()));
    }
}

/// The value in a string of just its size.
pub(super) fn owned(value: FieldValue<'_>) -> String {
    use core::fmt::Write;
    match value.as_str() {
        Some(text) => text.into(),
        None => {
            let mut text = String::with_capacity(value.len());
            // A string takes everything.
            let _ = write!(text, "{value}");
            text
        }
    }
}

/// A carrier that collects headers as pairs, for clients that take an iterator (Kafka, AMQP, SQS, WebSocket messages).
///
/// ```
/// use traceprop_core::{presets, InjectOptions, Pairs, SpanContext};
/// # let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
///
/// let mut pairs = Pairs::new();
/// presets::W3C.propagator().inject(&span, &InjectOptions::new(), &mut pairs);
/// for (name, value) in &pairs {
///     println!("{name}: {value}");
/// }
/// assert_eq!(pairs.into_iter().count(), 1);
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(Vec<Pair>);

type Pair = (String, String);

impl Pairs {
    /// Creates an empty list.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Iterates over the pairs in the order in which they were written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.into_iter()
    }

    /// Returns the first value with this lower-case name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Returns the number of pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Carrier for Pairs {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        bytes(&self.0)
    }
}

impl CarrierMut for Pairs {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        CarrierMut::append(&mut self.0, name, value);
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        self.0.remove_if(stale);
    }
}

impl<'p> IntoIterator for &'p Pairs {
    type Item = (&'p str, &'p str);
    type IntoIter = core::iter::Map<core::slice::Iter<'p, Pair>, fn(&Pair) -> (&str, &str)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl IntoIterator for Pairs {
    type Item = (String, String);
    type IntoIter = alloc::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
