//! `cargo bench --bench client`; ids such as `call/middleware/traceparent+tracestate/16-other/reqwest-tracing`.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

fn client(criterion: &mut Criterion) {
    for case in traceprop_benches::client::cases() {
        for mut contender in case.contenders {
            criterion.bench_function(&format!("{}/{}", case.name, contender.name), |bencher| {
                bencher.iter_custom(|runs| contender.run(runs).elapsed);
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = client
}
criterion_main!(benches);
