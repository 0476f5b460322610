//! One update of 700,000 parameters in 200 matrices: gradients gathered, clipped, Adam or Muon, moving average.

use criterion::{Criterion, criterion_group, criterion_main};
use easel_train::{Adam, AdamConfig, Group, MuonConfig, OptimConfig};
use tch::{Device, Kind, Tensor, no_grad};

const TENSORS: i64 = 200;
const SHAPE: [i64; 2] = [50, 70];

fn update(c: &mut Criterion) {
    let flat = Tensor::zeros([TENSORS * SHAPE[0] * SHAPE[1]], (Kind::Float, Device::Cpu));
    let mut adam = Adam::new(AdamConfig::default(), &flat);
    let (parameters, gradient) = (flat.copy(), flat.randn_like());
    c.bench_function("adam on the flat buffer", |b| {
        b.iter(|| no_grad(|| adam.step(&parameters, &gradient.copy(), 1e-3)));
    });
    let updates = [("f32", Kind::Float, 0.0), ("bf16", Kind::BFloat16, 0.0), ("bf16, muon", Kind::BFloat16, 0.01)];
    for (name, kind, lr) in updates {
        let leaves: Vec<(String, Tensor)> = (0..TENSORS)
            .map(|i| (i.to_string(), Tensor::ones(SHAPE, (Kind::Float, Device::Cpu)).set_requires_grad(true)))
            .collect();
        let held: Vec<Tensor> = leaves.iter().map(|(_, t)| t.shallow_clone()).collect();
        let muon = MuonConfig { lr, ..MuonConfig::default() };
        let config = OptimConfig { muon, ..OptimConfig::default() };
        let mut group = Group::with_hidden("bench", leaves, kind, config, 1000, |_| true).expect("a configuration");
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
