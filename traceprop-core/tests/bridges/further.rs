//! The formats that the table of pairs does not write out: what each can say, how it says it, and the rules by which the
//! cells of its row and of its column follow.

use crate::format::{Attribute, Format};
use crate::table::{Cell, K, L};
use Attribute as A;

/// Returns what a further format can say.
pub(crate) const fn attributes(from: Format) -> &'static [Attribute] {
    match from {
        _ => &[],
    }
}

/// Returns what becomes of an attribute where one of both is a further format.
pub(crate) fn cell(from: Format, attribute: Attribute, to: Format) -> Cell {
    match attribute {
        A::TraceId => K,
        // Fields of its own.
        _ => {
            if from == to {
                K
            } else {
                L
            }
        }
    }
}
