//! One update of 700,000 parameters in 200 tensors: gradients gathered, clipped, Adam, moving average.

use criterion::{Criterion, criterion_group, criterion_main};
use easel_train::{Adam, AdamConfig, Group, OptimConfig};
use tch::{Device, Kind, Tensor, no_grad};

const TENSORS: i64 = 200;
const EACH: i64 = 3500;

fn update(c: &mut Criterion) {
    let flat = Tensor::zeros([TENSORS * EACH], (Kind::Float, Device::Cpu));
    let mut adam = Adam::new(AdamConfig::default(), &flat);
    let (mut parameters, gradient) = (flat.copy(), flat.randn_like());
    c.bench_function("adam on the flat buffer", |b| {
        b.iter(|| no_grad(|| adam.step(&mut parameters, gradient.copy(), 1e-3)));
    });
    for (name, kind) in [("f32", Kind::Float), ("bf16", Kind::BFloat16)] {
        let leaves: Vec<(String, Tensor)> = (0..TENSORS)
            .map(|i| (i.to_string(), Tensor::zeros([EACH], (Kind::Float, Device::Cpu)).set_requires_grad(true)))
            .collect();
        let held: Vec<Tensor> = leaves.iter().map(|(_, t)| t.shallow_clone()).collect();
        let mut group = Group::new("bench", leaves, kind, OptimConfig::default(), 1000).expect("a valid configuration");
        c.bench_function(&format!("whole update/{name}"), |b| {
            b.iter(|| {
                let sums: Vec<Tensor> = held.iter().map(|t| t.sum(Kind::Float)).collect();
                group.update(&Tensor::stack(&sums, 0).sum(Kind::Float)).expect("an update")
            });
        });
    }
}

criterion_group!(benches, update);
criterion_main!(benches);
