//! The demo fleet: services that speak different trace dialects, and one trace through all of them.

fn main() {
    println!("fleet: nothing here yet");
}
