//! `cargo bench --bench composite`; ids such as `extract/datadog-rum/16-other/traceprop`.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

fn composite(criterion: &mut Criterion) {
    for case in traceprop_benches::composite::cases() {
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
    targets = composite
}
criterion_main!(benches);
