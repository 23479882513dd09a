//! A format as a propagator holds it.

use core::fmt;

use super::Format;

/// The most formats that a propagator reads, and the most that it writes.
pub const MAX_FORMATS: usize = 24;

/// A format as a propagator holds it: a reference to a static, or, with feature `alloc`, any shared format.
///
/// Methods of [`PropagatorBuilder`](crate::PropagatorBuilder) take `impl Into<FormatRef>`. Without `alloc`, pass a
/// `&'static` reference; with it, a format by value works as well.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Propagator, format::FormatRef, formats::b3::B3};
///
/// static B3_SINGLE: B3 = B3::single();
///
/// let b3 = FormatRef::from(&B3_SINGLE);
/// let propagator = Propagator::builder().extract(b3.clone()).inject(b3).build()?;
/// assert!(propagator.extract_names().eq(["b3"]));
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct FormatRef(Handle);

#[derive(Clone)]
enum Handle {
    Static(&'static dyn Format),
    #[cfg(feature = "alloc")]
    Shared(alloc::sync::Arc<dyn Format>),
}

impl FormatRef {
    /// Refers to a static without an allocation, with every set of features.
    pub(crate) const fn from_static(format: &'static dyn Format) -> Self {
        Self(Handle::Static(format))
    }

    #[inline]
    pub(crate) fn get(&self) -> &dyn Format {
        match &self.0 {
            Handle::Static(format) => *format,
            #[cfg(feature = "alloc")]
            Handle::Shared(format) => &**format,
        }
    }
}

// One conversion only: with both, a `&'static F`, which is a format too, would have two.
#[cfg(feature = "alloc")]
impl<F: Format + 'static> From<F> for FormatRef {
    fn from(format: F) -> Self {
        Self(Handle::Shared(alloc::sync::Arc::new(format)))
    }
}

#[cfg(not(feature = "alloc"))]
impl<F: Format> From<&'static F> for FormatRef {
    fn from(format: &'static F) -> Self {
        Self::from_static(format)
    }
}

/// Places in a list of formats, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places(u32);

const _: () = assert!(MAX_FORMATS <= 32);

impl Places {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self(u32::MAX);

    pub(crate) const fn with(self, place: usize) -> Self {
        Self(self.0 | 1 << place)
    }

    #[inline]
    pub(crate) const fn contains(self, place: usize) -> bool {
        self.0 & (1 << place) != 0
    }
}

impl fmt::Debug for FormatRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FormatRef").field(&self.get().name()).finish()
    }
}
