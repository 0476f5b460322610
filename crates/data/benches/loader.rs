//! A batch of digits: gathered and converted, without and with augmentation.

use criterion::{Criterion, criterion_group, criterion_main};
use easel_data::Split;
use easel_data::loader::{Loader, LoaderConfig};
use tch::Device;

fn batches(c: &mut Criterion) {
    let data = easel_data::digits::digits(Split::Train).expect("the digits are built in");
    for (name, config) in [
        ("plain", LoaderConfig { batch: 64, ..LoaderConfig::default() }),
        ("shift", LoaderConfig { batch: 64, shift: 2, ..LoaderConfig::default() }),
    ] {
        let loader = Loader::new(&data, config, Device::Cpu).expect("the digits fit");
        let mut step = 0;
        c.bench_function(&format!("batch of 64/{name}"), |b| {
            b.iter(|| {
                step += 1;
                loader.batch(step)
            });
        });
    }
}

criterion_group!(benches, batches);
criterion_main!(benches);
