//! `cargo bench --bench server`; ids such as `serve/traceparent/16-other/traceprop`.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

fn server(criterion: &mut Criterion) {
    for case in traceprop_benches::server::cases() {
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
    targets = server
}
criterion_main!(benches);
