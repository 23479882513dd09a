//! Header names as constants: a name that is known when the program is built costs no allocation and no check.

use core::mem::{ManuallyDrop, replace};

use http::HeaderName;
use traceprop_core::Field;

const COUNT: usize = Field::ALL.len();

/// The names of the fields, in their order. A family stands as its prefix.
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

/// The name of a built-in field. None for families and configured names, which are only known at run time.
pub(crate) fn of(field: Field) -> Option<&'static HeaderName> {
    NAMES.get(field.index()).filter(|_| !field.is_prefix())
}

/// The same to own.
pub(crate) fn owned(field: Field) -> Option<HeaderName> {
    of(field).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_field_with_a_fixed_name_has_its_constant() {
        for &field in Field::BUILT_IN {
            let fixed = field != Field::UberContext;
            assert_eq!(of(field).map(HeaderName::as_str), field.name().filter(|_| fixed));
            assert_eq!(owned(field).as_ref(), of(field));
        }
        assert_eq!(of(Field::Custom(0)), None);
    }
}
