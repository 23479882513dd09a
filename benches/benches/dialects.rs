//! `cargo bench --bench dialects`; ids such as `extract/b3/16-other/opentelemetry`.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

fn dialects(criterion: &mut Criterion) {
    for case in traceprop_benches::dialects::cases() {
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
    targets = dialects
}
criterion_main!(benches);
