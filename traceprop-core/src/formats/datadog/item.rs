//! Items of the `dd` member.

use super::pairs;
use super::tag::DatadogTag;
use super::text::DatadogText;

/// One item of a member.
#[derive(Clone, Copy)]
pub(super) enum Item<'c> {
    Priority(&'c str),
    Origin(&'c str),
    LastSpan(&'c str),
    Tag(DatadogTag<'c>),
    /// A key that is not known here: carried on as it is.
    Other(&'c str),
}

/// Cuts the next readable item off `rest`. One without a colon, or with nothing on a side of it, is none.
pub(super) fn next_item<'c>(rest: &mut &'c str) -> Option<Item<'c>> {
    while !rest.is_empty() {
        let (item, more) = split_once(rest, b';').unwrap_or((rest, ""));
        *rest = more;
        let Some((key, value)) = split_once(item, b':').filter(|(key, value)| !key.is_empty() && !value.is_empty())
        else {
            continue;
        };
        return Some(match key {
            "s" => Item::Priority(value),
            "o" => Item::Origin(value),
            "p" => Item::LastSpan(value),
            _ => match key.strip_prefix("t.") {
                // A name or a value that the header could not spell would cost all tags there, the id's upper half with
                // them. Blanks at the end of a value get lost there, and with them one of blanks alone.
                Some(name) if is_name(name) && value.bytes().any(|byte| byte != b' ') => {
                    Item::Tag(DatadogTag { name, value: DatadogText::of_member(value) })
                }
                _ => Item::Other(item),
            },
        });
    }
    None
}

/// Splits at the first separator. Parts of a member are short: looking at byte after byte finds it soonest.
fn split_once(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(pairs::is_key_byte)
}
