//! Two formats that name two traces: one is continued, and no field of the other one is mixed in.

use proptest::prelude::*;
use proptest::sample::select;

use crate::cases;
use crate::edge::{Edge, FIRST, hop};
use crate::format::Format;
use crate::said::{Said, any_said};

fn any_two() -> impl Strategy<Value = (Said, Said)> {
    let formats = (select(Format::ALL), select(Format::ALL)).prop_filter("the same", |(a, b)| a != b);
    formats.prop_flat_map(|(a, b)| (any_said(a), any_said(b)))
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn ok_a_stranger_leaves_no_trace((one, other) in any_two(), swapped in any::<bool>()) {
        prop_assume!(one.trace_id != other.trace_id);
        let place = |said: &Said| Format::ALL.iter().position(|format| *format == said.format);
        let (first, stranger) = if place(&one) < place(&other) { (&one, &other) } else { (&other, &one) };
        // Baggage and correlation ids are custom text and do not belong to a trace.
        let stranger = Said { baggage: false, lineage: None, sampling_context: None, ..stranger.clone() };
        let mut first = first.clone();
        if stranger.format == Format::Correlation {
            // A text in the header is newer than one that crossed.
            first.correlation = None;
        }
        let mut request = [first.request(), stranger.request()].concat();
        if swapped {
            request.reverse();
        }
        for to in Format::written() {
            if to == Format::Correlation && stranger.format == Format::Correlation {
                continue;
            }
            let edge = Edge::writes(to, first.multi);
            let (alone, together) = (edge.calls(&first.request(), FIRST), edge.calls(&request, FIRST));
            prop_assert_eq!(&alone, &together, "{:?}", request);
            prop_assert_eq!(edge.forwards(&first.request()), edge.forwards(&request), "{:?}", request);
            if to == Format::W3c {
                let after = Edge::writes(stranger.format, stranger.multi);
                let (alone, together) = (hop(&alone, None), hop(&together, None));
                prop_assert_eq!(after.calls(&alone, FIRST), after.calls(&together, FIRST));
            }
        }
    }
}
