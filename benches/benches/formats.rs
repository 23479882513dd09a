//! `cargo bench --bench formats`; ids such as `extract/b3/16-other/opentelemetry`.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

fn formats(criterion: &mut Criterion) {
    for case in traceprop_benches::formats::cases() {
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
    targets = formats
}
criterion_main!(benches);
