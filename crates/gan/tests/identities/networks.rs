//! The networks: shapes, ranges, normalisation, first weights, parameter counts.

use easel_core::Noise;
use easel_nn::layers::BatchNorm;
use easel_nn::{InitScheme, Params};
use gan::blocks::{Doubling, ToPicture, leaky_relu, transposed_side};
use gan::config::{Form, GanConfig};
use gan::model::{maxout, packed};
use gan::{Discriminator, Generator, sample};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor, no_grad};

fn normal(shape: &[i64], seed: u64) -> Tensor {
    let mut values = vec![0.0; shape.iter().product::<i64>() as usize];
    Noise::new(seed).purpose("networks").normal_f64(0, 0, &mut values);
    Tensor::from_slice(&values).reshape(shape)
}

fn largest(t: &Tensor) -> f64 {
    t.abs().max().double_value(&[])
}

fn counts(config: &GanConfig) -> (i64, i64) {
    let (g, d) = (Params::counting(), Params::counting());
    Generator::new(&g.root(), config).expect("valid");
    Discriminator::new(&d.root(), config).expect("valid");
    // Without the statistics, which are not trained.
    let trained = |p: &Params| {
        let shapes = p.shapes();
        shapes.iter().filter(|(n, _)| !n.contains("running")).map(|(_, s)| s.iter().product::<i64>()).sum()
    };
    (trained(&g), trained(&d))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// (H - 1) s - 2 p + k + o, as libtorch has it.
    #[test]
    fn transposed_convolutions_have_the_side_of_the_formula(
        side in 1..8i64, kernel in 2..6i64, stride in 1..4i64, padding in 0..2i64, output in 0..3i64
    ) {
        prop_assume!(output < stride && transposed_side(side, kernel, stride, padding, output) >= 1);
        let (x, w) = (normal(&[1, 2, side, side], 0), normal(&[2, 3, kernel, kernel], 1));
        let y = x.conv_transpose2d(&w, None::<Tensor>, [stride; 2], [padding; 2], [output; 2], 1, [1, 1]);
        let expected = transposed_side(side, kernel, stride, padding, output);
        prop_assert_eq!(y.size(), vec![1, 3, expected, expected]);
    }

    /// <C x, y> = <x, C^T y> with the same weights.
    #[test]
    fn convolution_and_transposed_convolution_are_adjoint(seed in 0..1000u64, half in 2..6i64) {
        let (x, y) = (normal(&[2, 3, 2 * half, 2 * half], seed), normal(&[2, 5, half, half], seed + 1));
        let w = normal(&[5, 3, 4, 4], seed + 2);
        let cx = x.conv2d(&w, None::<Tensor>, [2, 2], [1, 1], [1, 1], 1);
        let cty = y.conv_transpose2d(&w, None::<Tensor>, [2, 2], [1, 1], [0, 0], 1, [1, 1]);
        let dot = |a: &Tensor, b: &Tensor| (a * b).sum(Kind::Double).double_value(&[]);
        let (left, right) = (dot(&cx, &y), dot(&x, &cty));
        let scale = (dot(&cx, &cx) * dot(&y, &y)).sqrt();
        prop_assert!((left - right).abs() <= 1e-4 * scale);
    }
}

#[test]
fn kernels_of_four_and_of_five_double_a_side() {
    for side in [1, 4, 7, 16] {
        assert_eq!(transposed_side(side, 4, 2, 1, 0), 2 * side);
        assert_eq!(transposed_side(side, 5, 2, 2, 1), 2 * side);
        assert_ne!(transposed_side(side, 5, 2, 2, 0), 2 * side);
    }
}

#[test]
fn batch_normalisation_does_what_it_says() {
    let params = Params::new(Device::Cpu, 0, InitScheme::Public);
    let norm = BatchNorm::new(&params.root(), 3).expect("free names");
    let x = (normal(&[64, 3, 5, 5], 0) * 3.0 + 7.0).to_kind(Kind::Float);
    let y = no_grad(|| norm.forward(&x, true));
    let mean = y.mean_dim([0i64, 2, 3].as_slice(), false, Kind::Float);
    let variance = y.square().mean_dim([0i64, 2, 3].as_slice(), false, Kind::Float);
    assert!(largest(&mean) < 1e-5 && largest(&(variance - 1.0)) < 1e-3);
    // Pictures without a difference carry nothing but the offset.
    no_grad(|| params.get("bias").expect("declared").copy_(&Tensor::from_slice(&[0.5f32, -1.0, 2.0])));
    let y = no_grad(|| norm.forward(&Tensor::full([8, 3, 2, 2], 4.0, (Kind::Float, Device::Cpu)), true));
    let bias = params.get("bias").expect("declared").view([1, 3, 1, 1]);
    assert!(largest(&(y - bias)) < 1e-6);
}

#[test]
fn first_weights_have_the_papers_spread() {
    let params = Params::new(Device::Cpu, 5, GanConfig::small().init());
    Generator::new(&params.root().sub("g"), &GanConfig::small()).expect("valid");
    Discriminator::new(&params.root().sub("d"), &GanConfig::small()).expect("valid");
    let mut seen = 0;
    for (name, tensor) in params.trained() {
        let n = tensor.numel() as f64;
        if name.ends_with("conv.weight") && n >= 10_000.0 {
            seen += 1;
            let (std, mean) = (tensor.std(true).double_value(&[]), tensor.mean(Kind::Float).double_value(&[]));
            assert!((std - 0.02).abs() < 0.001, "{name}: {std}");
            assert!(mean.abs() < 4.0 * 0.02 / n.sqrt(), "{name}: {mean}");
        }
        if name.ends_with("norm.weight") {
            assert!(largest(&(tensor.detach() - 1.0)) < 0.2 && largest(&(tensor.detach() - 1.0)) > 0.0, "{name}");
        }
        if name.ends_with("norm.bias") {
            assert_eq!(largest(&tensor.detach()), 0.0, "{name}");
        }
    }
    assert!(seen >= 3);
}

#[test]
fn generators_stay_in_their_range_and_shape() {
    for config in [GanConfig::smoke(), GanConfig { pad: 2, ..four() }, GanConfig::small_mlp()] {
        config.validate().expect("valid");
        let params = Params::new(Device::Cpu, 0, config.init());
        let generator = Generator::new(&params.root().sub("g"), &config).expect("valid");
        let discriminator = Discriminator::new(&params.root().sub("d"), &config).expect("valid");
        // Far from where z is drawn.
        let z = (normal(&[6, config.latent], 1) * 50.0).to_kind(Kind::Float);
        let x = no_grad(|| generator.forward(&z, true));
        assert_eq!(x.size(), [6, 1, config.padded_side(), config.padded_side()]);
        assert!(largest(&x) <= 1.0);
        assert_eq!(sample::pictures(&generator, &config, &z).size(), [6, 1, 28, 28]);
        assert_eq!(no_grad(|| discriminator.forward(&x, true)).size(), [6 / config.pack]);
    }
}

/// 28 pixels padded to 32, from a map of 4 x 4.
fn four() -> GanConfig {
    GanConfig {
        form: Form::Dcgan { generator: 4, discriminator: 4, start: 4, dense: 0 },
        latent: 8,
        ..GanConfig::small()
    }
}

/// In evaluation a picture does not depend on the batch that it is made in; in training it does.
#[test]
fn samples_do_not_depend_on_their_mates() {
    let config = GanConfig::smoke();
    let params = Params::new(Device::Cpu, 0, config.init());
    let generator = Generator::new(&params.root(), &config).expect("valid");
    let stream = Noise::new(0).purpose("settle");
    let z = (normal(&[8, config.latent], 2)).to_kind(Kind::Float);
    let former: Vec<Tensor> = params.untrained().iter().map(|(_, t)| t.copy()).collect();
    let settled = sample::with_settled(&generator, &params, &config, &stream, || {
        let alone = sample::pictures(&generator, &config, &z.narrow(0, 3, 1));
        let together = sample::pictures(&generator, &config, &z);
        assert!(largest(&(&alone - together.narrow(0, 3, 1))) < 1e-5);
        together
    });
    assert!(params.untrained().iter().zip(&former).all(|((_, t), before)| t == before), "statistics that stay changed");
    let trained = |n: i64| no_grad(|| generator.forward(&z.narrow(0, 0, n), true)).narrow(0, 0, 1);
    assert!(largest(&(trained(4) - trained(8))) > 1e-4);
    // The settled statistics are those of large batches.
    let many = config.prior.draw(&Noise::new(9).purpose("many"), 0, 0..2000, config.latent, Device::Cpu);
    let batch = no_grad(|| generator.forward(&Tensor::cat(&[&z, &many], 0), true)).narrow(0, 0, 8);
    let difference = largest(&(settled - batch));
    assert!(difference < 0.05, "{difference}");
}

#[test]
fn published_sizes_have_their_parameters() {
    // DCGAN's Torch port: 4 x 4 kernels without bias between widths 100, 512, 256, 128, 64, 3, and gains and offsets.
    let g = 16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 2 * (512 + 256 + 128 + 64);
    let d = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 2 * (128 + 256 + 512);
    assert_eq!(counts(&GanConfig::paper()), (g, d));
    assert_eq!((g, d), (3_576_704, 2_765_568));
    // DCGAN's model of MNIST, without its labels: 100, 1024, 128 x 7 x 7, 64, 1 with our kernels.
    let mnist = GanConfig {
        latent: 100,
        pack: 1,
        form: Form::Dcgan { generator: 64, discriminator: 64, start: 7, dense: 1024 },
        ..GanConfig::small()
    };
    let g = 100 * 1024 + 1024 * 128 * 49 + 16 * (128 * 64 + 64) + 2 * (1024 + 128 + 64);
    let d = 16 * (64 + 64 * 128) + 128 * 49 * 1024 + 1024 + 2 * (128 + 1024);
    assert_eq!(counts(&mnist), (g, d));
    // 2014: 100, 1200, 1200, 784; and 784, five pieces of 240, five of 240, 1.
    let g = 101 * 1200 + 1201 * 1200 + 1201 * 784;
    let d = 785 * 1200 + 241 * 1200 + 241;
    assert_eq!(counts(&GanConfig::paper_2014()), (g, d));
}

#[test]
fn maxout_and_the_leaky_rectifier_are_their_formulas() {
    let x = Tensor::from_slice(&[1.0f32, -2.0, 3.0, 0.5, -1.0, -4.0]).reshape([1, 6]);
    assert_eq!(Vec::<f64>::try_from(maxout(&x, 3).flatten(0, -1).to_kind(Kind::Double)).expect("two"), [3.0, 0.5]);
    let expected = x.maximum(&(&x * 0.2));
    assert!(largest(&(leaky_relu(&x) - expected)) < 1e-7);
}

#[test]
fn configurations_that_cannot_be_are_named() {
    for preset in GanConfig::PRESETS {
        GanConfig::preset(preset).expect("listed").validate().expect("valid");
    }
    let cases = [
        (GanConfig { channels: 2, ..GanConfig::small() }, "channels"),
        (GanConfig { latent: 0, ..GanConfig::small() }, "latent"),
        (GanConfig { pad: 1, ..GanConfig::small() }, "start"),
        (
            GanConfig {
                form: Form::Dcgan { generator: 8, discriminator: 8, start: 28, dense: 0 },
                ..GanConfig::small()
            },
            "start",
        ),
        (
            GanConfig {
                form: Form::Dcgan { generator: 8, discriminator: 8, start: 0, dense: 0 },
                ..GanConfig::small()
            },
            "start",
        ),
        (
            GanConfig {
                form: Form::Dcgan { generator: 0, discriminator: 8, start: 7, dense: 0 },
                ..GanConfig::small()
            },
            "generator",
        ),
    ];
    for (config, key) in cases {
        let error = config.validate().expect_err("out of range").to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn neighbours_are_judged_together() {
    let x = normal(&[6, 1, 28, 28], 4).to_kind(Kind::Float);
    let stacked = packed(&x, 2);
    assert_eq!(stacked.size(), [3, 2, 28, 28]);
    for k in 0..6 {
        assert_eq!(largest(&(stacked.get(k / 2).get(k % 2) - x.get(k).get(0))), 0.0);
    }
    assert_eq!(largest(&(packed(&x, 1) - &x)), 0.0);
    // In evaluation a pack's logit depends on both of its pictures and on no other.
    let config = GanConfig::smoke();
    assert_eq!(config.pack, 2);
    let params = Params::new(Device::Cpu, 0, config.init());
    let discriminator = Discriminator::new(&params.root(), &config).expect("valid");
    let logits = |x: &Tensor| no_grad(|| discriminator.forward(x, false));
    for changed in [2i64, 3] {
        let other = x.copy();
        no_grad(|| drop(other.get(changed).neg_()));
        let moved = (logits(&other) - logits(&x)).abs();
        assert!(moved.double_value(&[1]) > 1e-6, "{changed}");
        assert_eq!(moved.double_value(&[0]) + moved.double_value(&[2]), 0.0, "{changed}");
    }
}

/// Away from the border, repeated pixels and a convolution turn a flat map into a flat picture; transposed convolutions with
/// the same draw of weights do not.
#[test]
fn what_is_flat_stays_flat_under_repeated_pixels() {
    let flat = Tensor::ones([1, 5, 6, 6], (Kind::Float, Device::Cpu)) * 3.0;
    let spread = |kind| {
        let params = Params::new(Device::Cpu, 1, InitScheme::Public);
        let layer = ToPicture::new(&params.root(), 5, 3, kind).expect("fresh names");
        let picture = no_grad(|| layer.forward(&flat));
        assert_eq!(picture.size(), [1, 3, 12, 12]);
        let inner = picture.narrow(2, 2, 8).narrow(3, 2, 8);
        largest(&(&inner - inner.narrow(2, 0, 1).narrow(3, 0, 1)))
    };
    assert!(spread(Doubling::Nearest) < 1e-6);
    assert!(spread(Doubling::Transposed) > 1e-2);
}
