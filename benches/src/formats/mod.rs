//! Each format alone: extract, inject, and forward.
//!
//! The formats of the W3C have an area of their own, [`w3c`](crate::w3c).

mod b3;
mod correlation;
mod datadog;
mod jaeger;
mod sw8;
mod vendors;

use crate::CHILD;
use crate::w3c::{IDS, NOTHING};
use crate::{Case, Contender, Found, Input};

/// What is found if the trace id has 64 bits.
const NARROW: Found = Found { trace_id: 0xa3ce_929d_0e0e_4736, ..IDS };

pub fn cases() -> Vec<Case> {
    let formats =
        [b3::cases(), datadog::cases(), jaeger::cases(), sw8::cases(), vendors::cases(), correlation::cases()];
    formats.into_iter().flatten().collect()
}

/// Returns each kind of request with its numbers of other headers: all numbers for the usual one and for none.
fn sizes(usual: &'static Input, absent: &'static Input, unusual: &[&'static Input]) -> Vec<(&'static Input, usize)> {
    let all = [0, 16, 40, 100];
    let usual = all.map(|others| (usual, others));
    let absent = all.map(|others| (absent, others));
    usual.into_iter().chain(unusual.iter().map(|&input| (input, 16))).chain(absent).collect()
}

fn case(work: &str, input: &Input, others: usize, contenders: Vec<Contender>) -> Case {
    Case { name: format!("{work}/{}/{others}-other", input.name), contenders }
}

#[cfg(test)]
mod tests {
    /// Results are judged while a contender runs; a wrong one panics.
    #[test]
    fn ok_every_contender_of_every_case() {
        for mut case in super::cases() {
            for contender in &mut case.contenders {
                contender.run(100);
            }
        }
    }
}
