//! Hostile input through real servers: the handler responds, forwarded headers are valid, and the cost is bounded by
//! the input's size.
//!
//! A request goes over a raw socket to an axum server with our layer, whose handler calls a second server through our
//! client layer, both with every format. The second server keeps what it receives.

mod chain;
mod oracle;
mod separators;
mod sizes;
mod work;

#[cfg(feature = "tracing")]
mod silence;

use traceprop_core::formats::correlation::Correlation;
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{Field, Propagator};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Reads and writes every format.
fn everything() -> Propagator {
    let order = || Correlation::from_static("x-order").opaque();
    let names = "all,b3multi,correlation:x-request-id";
    let builder = Propagator::builder().define(Sw8::new("cart", "cart-1")).names(names, names).expect("built-in names");
    builder.with_format(order()).build().expect("a service is named")
}

/// Every header name that a format reads.
fn names() -> Vec<&'static str> {
    let built_in = Field::BUILT_IN.iter().filter_map(|field| field.name());
    let names = built_in.map(|name| match name {
        "uberctx-" => "uberctx-tenant",
        "ot-baggage-" => "ot-baggage-tenant",
        name => name,
    });
    names.chain(["x-request-id", "x-order"]).collect()
}

/// A header line.
fn line(name: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    [name.as_bytes(), b": ", value.as_ref(), b"\r\n"].concat()
}

/// Standard base64 with padding.
fn base64(bytes: impl AsRef<[u8]>) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in bytes.as_ref().chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * place) & 63) as usize];
            encoded.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    encoded
}
