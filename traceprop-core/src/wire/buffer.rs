//! Text of bounded length on the stack, in which header values are assembled without allocating.

use core::fmt;

/// Text of up to `N` bytes. A write that does not fit fails and changes nothing.
#[derive(Clone, Copy)]
pub(crate) struct StackText<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> StackText<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    pub(crate) fn as_str(&self) -> &str {
        // Only whole `str`s and ASCII are appended, so this is never empty by mistake.
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(crate) fn push(&mut self, text: &str) -> fmt::Result {
        self.push_ascii(text.as_bytes())
    }

    /// Appends bytes that are ASCII by construction, such as digits.
    #[inline]
    pub(crate) fn push_ascii(&mut self, text: &[u8]) -> fmt::Result {
        let end = self.len + text.len();
        let Some(free) = self.bytes.get_mut(self.len..end) else { return Err(fmt::Error) };
        free.copy_from_slice(text);
        self.len = end;
        Ok(())
    }

    /// Shortens the text to `len` bytes. Has no effect if it is shorter.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    pub(crate) fn make_ascii_uppercase(&mut self) {
        self.bytes[..self.len].make_ascii_uppercase();
    }
}

impl<const N: usize> fmt::Write for StackText<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text)
    }
}

/// A destination for text that is ASCII by construction. A buffer takes it without the cost of `core::fmt`.
pub(crate) trait AsciiSink {
    fn put(&mut self, ascii: &[u8]) -> fmt::Result;
}

impl<const N: usize> AsciiSink for StackText<N> {
    #[inline]
    fn put(&mut self, ascii: &[u8]) -> fmt::Result {
        self.push_ascii(ascii)
    }
}

impl AsciiSink for fmt::Formatter<'_> {
    fn put(&mut self, ascii: &[u8]) -> fmt::Result {
        self.write_str(super::ascii(ascii))
    }
}

/// Counts the bytes that would be written.
#[derive(Default)]
pub(crate) struct Counter(pub(crate) usize);

impl fmt::Write for Counter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Write;

    #[test]
    fn err_push_beyond_capacity_keeps_what_fits() {
        let mut text = StackText::<4>::new();
        assert_eq!(text.push("abc"), Ok(()));
        assert_eq!(text.push("de"), Err(fmt::Error));
        assert_eq!(text.push("d"), Ok(()));
        assert_eq!(text.as_str(), "abcd");
    }

    #[test]
    fn ok_truncate_takes_back_and_never_adds() {
        let mut text = StackText::<4>::new();
        assert_eq!(text.push_ascii(b"abc"), Ok(()));
        text.truncate(4);
        assert_eq!(text.as_bytes(), b"abc");
        text.truncate(1);
        assert_eq!((text.push("z"), text.as_str()), (Ok(()), "az"));
    }

    #[test]
    fn ok_counter_counts_bytes() {
        let mut counter = Counter::default();
        write!(counter, "{}-é", 12).unwrap();
        assert_eq!(counter.0, 5);
    }
}
