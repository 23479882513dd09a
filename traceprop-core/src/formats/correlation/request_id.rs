//! ASP.NET's hierarchical `Request-Id`: a root, and a node for each call.
//!
//! ```text
//! request-id = "|" root *( "." node )     at most 1024 bytes of base64 letters, "-", "|", ".", "_" and "#"
//!
//! |619cb299-d020-4780-a71a-cbd154de87a2.bcec871c_1.
//! ```
//!
//! A root that is a UUID in any spelling names the trace. Roots made by .NET are other text and name none. The text is
//! forwarded as received, since only .NET adds nodes.
//!
//! Spec: <https://github.com/dotnet/runtime/blob/main/src/libraries/System.Diagnostics.DiagnosticSource/src/HierarchicalRequestId.md>

use super::uuid;
use crate::wire::{InvalidReason, ReasonAt, split_once};

/// Bytes of the longest value that .NET makes.
const MAX_LEN: usize = 1024;

/// Bytes of a root that are read, more than a UUID has in any spelling.
const MAX_ROOT: usize = 64;

/// Returns the 128 bits of the root.
pub(super) fn root(text: &[u8]) -> Result<u128, ReasonAt> {
    if text.len() > MAX_LEN {
        return Err(InvalidReason::BadLength.at(text.len()));
    }
    // A comma joins two values, and neither is the id for certain.
    if let Some(at) = text.iter().position(|&b| !is_legal(b)) {
        return Err(InvalidReason::BadCharacter.at(at));
    }
    let start = text.get(1..).unwrap_or_default();
    let head = &start[..start.len().min(MAX_ROOT)];
    let root = split_once(head, b'.').map_or(head, |(root, _)| root);
    uuid::parse(root).map_err(|error| match error.reason {
        // The length is that of the root, not of the value, so the format is what is wrong.
        InvalidReason::BadLength => InvalidReason::BadFormat.at(1),
        _ => error.shifted_by(1),
    })
}

const fn is_legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'|' | b'.' | b'_' | b'#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const ID: u128 = 0x619c_b299_d020_4780_a71a_cbd1_54de_87a2;

    #[test]
    fn ok_root_in_two_spellings_with_and_without_nodes() {
        for text in [
            "|619cb299-d020-4780-a71a-cbd154de87a2.bcec871c_1.",
            "|619CB299D0204780A71ACBD154DE87A2.",
            "|619cb299d0204780a71acbd154de87a2",
            "|619cb299d0204780a71acbd154de87a2.1.2.ab12cd34#",
        ] {
            assert_eq!(root(text.as_bytes()), Ok(ID), "{text}");
        }
    }

    #[test]
    fn err_root_that_names_no_trace() {
        let cases: [(&[u8], InvalidReason, u32); 6] = [
            (b"|4e2a6c12-4b1fa3c6b3a09d4e.1.", InvalidReason::BadFormat, 1),
            (b"|", InvalidReason::BadFormat, 1),
            (b"|.1.", InvalidReason::BadFormat, 1),
            (b"|619cb299d0204780a71acbd154de87ag.", InvalidReason::BadHex, 32),
            (b"|619cb299d0204780a71acbd154de87a2.1.,|a", InvalidReason::BadCharacter, 36),
            (b"|619cb299d0204780a71acbd154de87a2. 1", InvalidReason::BadCharacter, 34),
        ];
        for (text, reason, at) in cases {
            assert_eq!(root(text), Err(reason.at(at as usize)));
        }
    }

    #[test]
    fn err_one_byte_longer_than_dotnet_makes() {
        let mut text: Vec<u8> = b"|619cb299d0204780a71acbd154de87a2.".to_vec();
        text.resize(MAX_LEN, b'1');
        assert_eq!(root(&text), Ok(ID));
        text.push(b'1');
        assert_eq!(root(&text), Err(InvalidReason::BadLength.at(MAX_LEN + 1)));
    }
}
