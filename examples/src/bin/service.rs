//! The test service: tells which trace context it was sent.

fn main() {
    println!("service: nothing here yet");
}
