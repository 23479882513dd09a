//! Header names as constants, which take no allocation and no check.

use core::mem::{ManuallyDrop, replace};

use http::HeaderName;
use traceprop_core::Field;

const COUNT: usize = Field::ALL.len();

/// Names of the fields, in the order of [`Field::ALL`]. A prefix field has its prefix.
static NAMES: [HeaderName; COUNT] = {
    let mut names = [const { HeaderName::from_static("-") }; COUNT];
    let mut place = 0;
    while place < COUNT {
        if let Some(name) = Field::ALL[place].name() {
            // No destructor can run in a constant, and the placeholder owns nothing.
            let _ = ManuallyDrop::new(replace(&mut names[place], HeaderName::from_static(name)));
        }
        place += 1;
    }
    names
};

/// Returns the name of a built-in field. Prefix and custom fields have `None`: their names are known only at run time.
pub(crate) fn of(field: Field) -> Option<&'static HeaderName> {
    NAMES.get(field.index()).filter(|_| !field.is_prefix())
}

/// Returns the name of a built-in field as an owned value.
pub(crate) fn owned(field: Field) -> Option<HeaderName> {
    of(field).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_each_field_with_a_fixed_name_has_a_constant() {
        for &field in Field::BUILT_IN {
            assert_eq!(of(field).map(HeaderName::as_str), field.name().filter(|_| !field.is_prefix()));
            assert_eq!(owned(field).as_ref(), of(field));
        }
        assert_eq!(of(Field::Custom(0)), None);
    }
}
