//! Reads and writes a request with the enabled formats only. The script `size` measures its code, and checks that one
//! format does not link another.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;

use traceprop_core::{
    CarrierMut, IdBits, InjectOptions, Propagator, PropagatorBuilder,
    carrier::{FieldName, FieldValue},
};

/// Adds each enabled format, for reading and writing.
macro_rules! formats {
    ($($name:literal: $module:ident::$format:ident = $value:expr;)*) => {
        fn with_enabled(builder: PropagatorBuilder) -> PropagatorBuilder {
            $(
                #[cfg(feature = $name)]
                let builder = {
                    use traceprop_core::formats::$module::$format;
                    static FORMAT: $format = $value;
                    builder.extract(&FORMAT).inject(&FORMAT)
                };
            )*
            builder
        }
    };
}

formats! {
    "tracecontext": tracecontext::W3cTraceContext = W3cTraceContext::new();
    "b3": b3::B3 = B3::single();
    "datadog": datadog::Datadog = Datadog::new();
    "jaeger": jaeger::Jaeger = Jaeger::new();
    "sw8": sw8::Sw8 = Sw8::new("cart", "cart-1");
    "correlation": correlation::Correlation = Correlation::from_static("x-request-id");
}

/// A carrier that counts the written bytes.
struct Length(usize);

impl CarrierMut for Length {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        self.0 += name.as_str().len() + value.len();
    }

    fn remove_if(&mut self, _: &mut dyn FnMut(&str) -> bool) {}
}

/// The headers of a request. `black_box` hides them from the optimizer.
static REQUEST: [(&str, &str); 2] = [("host", "example.com"), ("accept", "*/*")];

/// Returns the number of bytes that are written for the request.
fn written() -> Option<usize> {
    let propagator = with_enabled(Propagator::builder()).build().ok()?;
    let request = black_box(&REQUEST);
    let extraction = propagator.extract(request);
    let span = extraction.new_span(&|| IdBits::non_random(0xff));
    let mut length = Length(0);
    propagator.inject(&span, &InjectOptions::everything(), &mut length);
    Some(length.0)
}

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    // Without a format, this measures the program alone.
    if cfg!(feature = "formats") {
        return match written() {
            Some(1..) => 0,
            _ => 1,
        };
    }
    i32::from(black_box(&REQUEST).len() != 2)
}

unsafe extern "C" {
    /// Ends the process with SIGABRT, so that a panic neither succeeds nor hangs.
    safe fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}
