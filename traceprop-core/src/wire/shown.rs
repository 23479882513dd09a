//! `Debug` for types that hold text of a request, which must not end up in a log: it shows what is listed and no more.

use core::fmt;

/// Implements `Debug` as `Name { part: value, .. }`, or as `Name(text)` with a format and its values.
macro_rules! debug_as {
    ($name:ident $(<$life:lifetime>)?, |$it:ident| $text:literal, $($value:expr),+) => {
        impl core::fmt::Debug for $name $(<$life>)? {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let $it = self;
                write!(f, concat!(stringify!($name), "(", $text, ")"), $($value),+)
            }
        }
    };
    ($name:ident $(<$life:lifetime>)?, |$it:ident| $($part:ident: $value:expr),+) => {
        impl core::fmt::Debug for $name $(<$life>)? {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let $it = self;
                f.debug_struct(stringify!($name))$(.field(stringify!($part), &$value))+.finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use debug_as;

/// Text that a function writes.
pub(crate) struct Shown<F>(pub(crate) F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Shown<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}
