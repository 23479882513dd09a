//! Runs `traceprop-core` in a program without `std` and without an allocator.
//!
//! The C runtime calls `main`. The exit code is 0 if every check succeeds.

#![no_std]
#![no_main]

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::formats::correlation::Correlation;
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{
    Allow, CarrierMut, IdBits, InjectOptions, Propagator,
    carrier::{FieldName, FieldValue},
    presets,
};

/// Text on the stack. Writing beyond its capacity is an error.
struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Checks formatting, which links most of `core`.
fn format() -> bool {
    let mut text = Text::<16>::new();
    let fits = write!(text, "{:016x}", 0x00f0_67aa_0ba9_02b7_u64);
    let full = text.write_char('!');
    fits.is_ok() && full.is_err() && text.as_bytes() == b"00f067aa0ba902b7"
}

/// A received request. W3C supplies the context. The other headers name the same trace, or are baggage and ids.
const REQUEST: [(&str, &str); 11] = [
    ("Host", "example.com"),
    ("TraceParent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("tracestate", "rojo=00f067aa0ba902b7"),
    ("baggage", "tenant=acme, user=alice"),
    ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"),
    ("x-datadog-trace-id", "11803532876627986230"),
    ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6"),
    ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:9"),
    ("uberctx-tenant", "acme"),
    ("sw8", "1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-YQ==-0-Yg==-Yw==-Lw==-ZA=="),
    ("x-request-id", "{4BF92F35-77B3-4DA6-A3CE-929D0E0E4736}"),
];

/// The written headers, for a span with the id `ff`.
const CALL: &[u8] = b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000ff-01\n\
    tracestate: dd=s:1,tp=1;0e0e4736;j9;cf695B,rojo=00f067aa0ba902b7\n\
    b3: 4bf92f3577b34da6a3ce929d0e0e4736-00000000000000ff-1\n\
    x-datadog-trace-id: 11803532876627986230\n\
    x-datadog-parent-id: 255\n\
    x-datadog-sampling-priority: 1\n\
    x-datadog-tags: _dd.p.tid=4bf92f3577b34da6\n\
    uber-trace-id: 4bf92f3577b34da6a3ce929d0e0e4736:00000000000000ff:0:9\n\
    uberctx-tenant: acme\n\
    sw8: 1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-MDAwMDAwMDAwMDAwMDBmZjAwMDAwMDAwMDAwMDAwMDA=-0-Y2FydA==-Y2FydC0x-Lw==-dW5rbm93bg==\n\
    x-request-id: {4BF92F35-77B3-4DA6-A3CE-929D0E0E4736}\n\
    baggage: tenant=acme\n";

static SW8: Sw8 = Sw8::new("cart", "cart-1");
static BAGGAGE: W3cBaggage = W3cBaggage::new();
static REQUEST_ID: Correlation = Correlation::from_static("x-request-id");

/// Returns a propagator that reads and writes every format.
fn all() -> Option<Propagator> {
    let formats = "tracecontext,b3,datadog,jaeger";
    let named = Propagator::builder().names(formats, formats).ok()?;
    let read = named.extract(&SW8).extract(&REQUEST_ID);
    read.inject(&SW8).inject(&REQUEST_ID).with_format(&BAGGAGE).build().ok()
}

/// A carrier that writes lines of text, as an embedded client would.
struct Lines(Text<2048>);

impl CarrierMut for Lines {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        // The comparison fails for a line that does not fit.
        let _ = writeln!(self.0, "{name}: {value}");
    }

    fn remove_if(&mut self, _: &mut dyn FnMut(&str) -> bool) {}
}

/// Reads a context from a slice of headers and writes it back, in every format.
fn extract_and_inject() -> bool {
    let Some(propagator) = all() else { return false };
    let extraction = propagator.extract(&REQUEST);
    let span = extraction.new_span(&|| IdBits::non_random(0xff));
    let outgoing = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"])).allow_correlation(Allow::All);
    let mut lines = Lines(Text::new());
    let omitted = propagator.inject(&span, &outgoing, &mut lines);
    let omitted_items = omitted.iter().map(|omission| omission.count).sum::<u32>();
    lines.0.as_bytes() == CALL && omitted_items == 1
}

/// Explains an invalid header.
fn explain() -> bool {
    let propagator = presets::W3C.propagator();
    let broken = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")];
    let mut text = Text::<128>::new();
    let fits = write!(text, "{}", propagator.explain(&broken));
    fits.is_ok()
        && text.as_bytes()
            == b"new trace; tracecontext: invalid traceparent (bad-length, ends at byte 54); absent: baggage"
}

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    if !format() {
        return 1;
    }
    if !extract_and_inject() {
        return 2;
    }
    if !explain() {
        return 3;
    }
    0
}

unsafe extern "C" {
    /// Ends the process with SIGABRT, so that a panic neither succeeds nor hangs.
    safe fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}
