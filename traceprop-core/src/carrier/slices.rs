//! Slices and arrays of pairs of name and value.

use super::Carrier;

/// Returns the pairs as a carrier does.
pub(super) fn bytes<N: AsRef<str>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> impl Iterator<Item = (&str, &[u8])> {
    pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
}

impl<N: AsRef<str> + Sync, V: AsRef<[u8]> + Sync> Carrier for [(N, V)] {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        bytes(self)
    }
}

impl<N: AsRef<str> + Sync, V: AsRef<[u8]> + Sync, const LEN: usize> Carrier for [(N, V); LEN] {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        bytes(self)
    }
}
