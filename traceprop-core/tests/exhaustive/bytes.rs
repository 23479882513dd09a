//! Every value that is one byte away from another.

/// What was done to a value, and where; for the message of a test that fails.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "shown where a test fails")]
pub(crate) enum Change {
    Replaced(usize),
    Inserted(usize),
    Removed(usize),
    CutAt(usize),
}

/// Calls `judge` with each value: one byte replaced by each of the 256, inserted before each place, or removed, and the
/// value cut off at each place. Gives back how many there were.
pub(crate) fn each(value: &[u8], mut judge: impl FnMut(Change, &[u8])) -> usize {
    let mut count = 0;
    let mut judge = |change, value: &[u8]| {
        judge(change, value);
        count += 1;
    };
    for at in 0..value.len() {
        let mut replaced = value.to_vec();
        for byte in 0..=255 {
            replaced[at] = byte;
            judge(Change::Replaced(at), &replaced);
        }
        let removed = [&value[..at], &value[at + 1..]].concat();
        judge(Change::Removed(at), &removed);
        judge(Change::CutAt(at), &value[..at]);
    }
    for at in 0..=value.len() {
        let mut longer = [&value[..at], &[0], &value[at..]].concat();
        for byte in 0..=255 {
            longer[at] = byte;
            judge(Change::Inserted(at), &longer);
        }
    }
    count
}

#[test]
fn ok_each_change_is_tried_once() {
    let mut seen = Vec::new();
    let count = each(b"ab", |_, value| seen.push(value.to_vec()));
    // Two places replaced, three inserted, and each of two removed and cut off.
    assert_eq!((count, seen.len()), (2 * 256 + 3 * 256 + 2 + 2, count));
    for value in [&b"xb"[..], b"ax", b"xab", b"axb", b"abx", b"a", b"b", b""] {
        assert!(seen.iter().any(|known| known == value), "{}", value.escape_ascii());
    }
}
