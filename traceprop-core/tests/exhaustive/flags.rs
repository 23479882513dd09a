//! All 65,536 pairs of a version and a flag byte.

use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{IdBits, InjectOptions, Pairs, Propagator, Sampling, formats::tracecontext::TraceParent};

const IDS: &str = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
const CHILD: u64 = 0xb7ad_6b71_6920_3331;

/// Returns what a pair must be read as: sampled, random.
///
/// The rule is the specification's, over the digits as text: bit 0 is set in every odd one, bit 1 in every other pair.
fn rule(version: &str, flags: &str, tail: &str) -> Option<(bool, bool)> {
    if version == "ff" || (version == "00" && !tail.is_empty()) {
        return None;
    }
    let last = flags.chars().last()?;
    Some(("13579bdf".contains(last), "2367abef".contains(last)))
}

/// Returns what is read of a value.
fn read(value: &str) -> Option<(bool, bool)> {
    let parent = TraceParent::parse(value.as_bytes()).ok()?;
    assert_eq!(format!("{}-{}", parent.trace_id, parent.parent_id), IDS, "{value}");
    assert_eq!(format!("{:02x}", parent.version), value[..2], "{value}");
    Some((parent.flags.is_sampled(), parent.flags.is_random()))
}

fn each_pair(mut judge: impl FnMut(&str, &str)) {
    for version in 0..=255u8 {
        for flags in 0..=255u8 {
            judge(&format!("{version:02x}"), &format!("{flags:02x}"));
        }
    }
}

#[test]
fn ok_every_version_and_flag_byte_is_read_by_the_rule() {
    let mut accepted = 0;
    each_pair(|version, flags| {
        for tail in ["", "-", "-00"] {
            let value = format!("{version}-{IDS}-{flags}{tail}");
            let expected = rule(version, flags, tail);
            assert_eq!(read(&value), expected, "{value}");
            accepted += u32::from(expected.is_some());
        }
    });
    // All but version ff, and of version 00 only what ends there.
    assert_eq!(accepted, 255 * 256 * 3 - 256 * 2);
}

#[test]
fn ok_every_version_and_flag_byte_is_forwarded_by_the_rule() {
    static FORMAT: W3cTraceContext = W3cTraceContext::new();
    let propagator = Propagator::builder().extract(FORMAT).inject(FORMAT).build().expect("one format");
    let ids = || IdBits::non_random(CHILD);
    each_pair(|version, flags| {
        let request = [("traceparent", format!("{version}-{IDS}-{flags}"))];
        let extraction = propagator.extract(&request);
        let Some((sampled, random)) = rule(version, flags, "") else {
            assert_eq!(extraction.context(), None, "{request:?}");
            return;
        };
        let context = extraction.context().expect("the rule accepts it");
        let decision = if sampled { Sampling::Sampled } else { Sampling::NotSampled };
        assert_eq!((context.sampling, context.random), (decision, random), "{request:?}");

        let (mut injected, mut forwarded) = (Pairs::new(), Pairs::new());
        propagator.inject(&extraction.new_span(&ids), &InjectOptions::new(), &mut injected);
        let known = u8::from(sampled) + 2 * u8::from(random);
        let expected = format!("00-{}-{CHILD:016x}-0{known}", &IDS[..32]);
        assert_eq!(injected.iter().collect::<Vec<_>>(), [("traceparent", expected.as_str())]);
        // A service without a span forwards what it received, later versions and unknown flags included.
        propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut forwarded);
        assert_eq!(forwarded.iter().collect::<Vec<_>>(), [("traceparent", request[0].1.as_str())]);
    });
}
