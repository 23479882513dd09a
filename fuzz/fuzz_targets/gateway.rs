//! A gateway that forwards a copy of any request, by any settings: what is left of the copy is what the rule says.
#![cfg_attr(fuzzing, no_main)]

use traceprop_fuzz::{Input, target};

target!(run);

#[path = "../../traceprop-core/tests/properties/rule.rs"]
#[allow(dead_code, reason = "text is checked where the values are known")]
mod rule;

fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let [read, written, bits] = [0; 3].map(|_: u8| u16::from_be_bytes(input.bytes()));
    let keep = (u16::from_be_bytes(input.bytes()), input.byte());
    let lists = (1 << rule::NAMES.len()) - 1;
    let gateway = rule::Gateway::from_bits(read & lists, written & lists, bits, keep);
    let text = |(name, value): (String, Vec<u8>)| (name, String::from_utf8_lossy(&value).into_owned());
    let lines: rule::Lines = input.headers().into_iter().map(text).collect();
    // A line with this name ends the request. What follows is in the carrier only.
    let end = lines.iter().position(|(name, _)| name == "--").unwrap_or(lines.len());
    let (request, stale) = (lines[..end].to_vec(), &lines[end..]);
    for carrier in [stale.to_vec(), [request.clone(), stale.to_vec()].concat()] {
        if let Err(error) = gateway.check(&request, &carrier) {
            panic!("{gateway:?}: {error}");
        }
    }
}
