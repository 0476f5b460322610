//! The U-Net, whatever its weights.

use easel_nn::params::Role;
use easel_nn::parity::relative_error;
use easel_nn::unet_config::{ClassEmbedType, DownBlockType, TimeEmbeddingType, UpBlockType};
use easel_nn::{InitScheme, Params, UNet2D, UNet2DConfig};
use tch::{Device, Kind, Tensor};

use crate::common::{CPU, channels_last, count, ddpm, network, pattern, small};

#[test]
fn parameter_counts_of_the_published_networks() {
    let cifar = UNet2DConfig { sample_size: None, ..ddpm(128, &[1, 2, 2, 2], 2, 1) };
    assert_eq!(count(&cifar), 35_746_307);
    assert_eq!(count(&UNet2DConfig { out_channels: 6, ..cifar }), 35_749_766);
    assert_eq!(count(&ddpm(128, &[1, 1, 2, 2, 4, 4], 2, 4)), 113_673_219);
    assert_eq!(count(&ddpm(128, &[1, 2, 2, 2, 4], 2, 2)), 78_700_803);
    let digits = ddpm(16, &[1, 2, 2], 1, 2);
    assert_eq!(count(&UNet2DConfig { in_channels: 1, out_channels: 1, norm_num_groups: Some(8), ..digits }), 280_177);
}

#[test]
fn counting_and_building_declare_the_same_parameters() {
    let counted = Params::counting();
    UNet2D::new(&counted.root(), &small()).unwrap();
    let (_, built) = network(&small(), InitScheme::Public);
    assert_eq!(counted.shapes(), built.shapes());
    assert!(built.named().iter().zip(built.shapes()).all(|((_, t), (_, shape))| t.size() == shape));
}

#[test]
fn forward_leaves_its_inputs_alone() {
    let config = UNet2DConfig { class_embed_type: Some(ClassEmbedType::Identity), ..small() };
    let (net, params) = network(&config, InitScheme::Public);
    let inputs = [pattern(&[2, 3, 8, 12]), Tensor::from_slice(&[3.5f32, 900.0]), pattern(&[2, 32])];
    let before: Vec<Tensor> = inputs.iter().map(Tensor::copy).collect();
    let weights: Vec<Tensor> = params.named().iter().map(|(_, t)| t.copy()).collect();
    let y = net.forward(&inputs[0], &inputs[1], Some(&inputs[2]), true).unwrap();
    assert_eq!(y.size(), [2, 3, 8, 12]);
    assert!(inputs.iter().zip(&before).all(|(a, b)| a == b));
    assert!(params.named().iter().zip(&weights).all(|((_, a), b)| a == b));
}

#[test]
fn channels_last_gives_the_same_values_and_stays_channels_last() {
    let resnets = UNet2DConfig {
        down_block_types: vec![DownBlockType::AttnDownBlock2D, DownBlockType::ResnetDownsampleBlock2D],
        up_block_types: vec![UpBlockType::ResnetUpsampleBlock2D, UpBlockType::AttnUpBlock2D],
        downsample_type: Some(easel_nn::unet_config::ResampleType::Resnet),
        ..small()
    };
    for config in [small(), resnets] {
        let (net, _) = network(&config, InitScheme::Public);
        let (x, t) = (pattern(&[2, 3, 8, 8]), Tensor::from_slice(&[10i64, 700]));
        let plain = net.forward(&x, &t, None, false).unwrap();
        let last = net.forward(&channels_last(&x), &t, None, false).unwrap();
        assert!(relative_error(&last, &plain) < 1e-5);
        assert_eq!(last.stride(), [8 * 8 * 3, 1, 8 * 3, 3]);
        assert!(plain.is_contiguous());
    }
}

#[test]
fn samples_do_not_see_each_other_and_a_scalar_time_serves_all() {
    let (net, _) = network(&small(), InitScheme::Public);
    let (x, t) = (pattern(&[3, 3, 8, 8]), Tensor::from_slice(&[0i64, 10, 999]));
    let together = net.forward(&x, &t, None, false).unwrap();
    for i in 0..3 {
        let alone = net.forward(&x.narrow(0, i, 1), &t.narrow(0, i, 1), None, false).unwrap();
        assert!(relative_error(&alone, &together.narrow(0, i, 1)) < 1e-5);
    }
    let scalar = net.forward(&x, &Tensor::from(10i64), None, false).unwrap();
    assert!(relative_error(&scalar.get(1), &together.get(1)) < 1e-5);
    assert!(relative_error(&scalar.get(0), &together.get(0)) > 1e-4, "time must matter");
}

#[test]
fn ddpm_initialisation_starts_at_zero_output() {
    let (net, params) = network(&small(), InitScheme::Ddpm);
    let y = net.forward(&pattern(&[1, 3, 8, 8]), &Tensor::from_slice(&[5i64]), None, false).unwrap();
    assert_eq!(y.abs().max().double_value(&[]), 0.0);
    let zero = |name: &str| params.get(name).unwrap().abs().max().double_value(&[]) == 0.0;
    assert!(zero("down_blocks.0.resnets.0.conv2.weight") && zero("mid_block.attentions.0.to_out.0.weight"));
    assert!(zero("conv_in.bias") && !zero("conv_in.weight"));
    let bound = (6.0f64 / (9.0 * (3.0 + 8.0))).sqrt();
    let largest = params.get("conv_in.weight").unwrap().abs().max().double_value(&[]);
    assert!(largest < bound && largest > 0.9 * bound);
}

#[test]
fn initial_values_follow_from_seed_and_name_alone() {
    let draw = |seed: u64, names: &[&str]| {
        let params = Params::new(Device::Cpu, seed, InitScheme::Public);
        for name in names {
            let _ = params.root().sub(name).declare("weight", &[4, 5], Role::Weight).unwrap();
        }
        params
    };
    let (ab, ba, other) = (draw(1, &["a", "b"]), draw(1, &["b", "a"]), draw(2, &["a", "b"]));
    assert_eq!(ab.get("a.weight"), ba.get("a.weight"));
    assert_ne!(ab.get("a.weight"), ab.get("b.weight"));
    assert_ne!(ab.get("a.weight"), other.get("a.weight"));
    assert!(ab.get("a.weight").unwrap().abs().max().double_value(&[]) <= 1.0 / 5f64.sqrt());
    let again = ab.root().sub("a").declare("weight", &[1], Role::Gain).unwrap_err();
    assert_eq!(again.to_string(), "the parameter \"a.weight\" is declared twice");
}

/// Catches a gradient that an operation in place would spoil.
#[test]
fn gradients_agree_with_finite_differences_in_f64() {
    let scale_shift = easel_nn::resnet::TimeScaleShift::ScaleShift;
    for time_scale_shift in [easel_nn::resnet::TimeScaleShift::Default, scale_shift] {
        let config = UNet2DConfig { resnet_time_scale_shift: time_scale_shift, ..small() };
        let (net, params) = network(&config, InitScheme::Public);
        let mut named = params.named();
        for (_, tensor) in &mut named {
            let double = tensor.detach().to_kind(Kind::Double);
            tensor.set_data(&double);
        }
        let x = pattern(&[2, 3, 8, 8]).to_kind(Kind::Double);
        let t = Tensor::from_slice(&[17i64, 400]);
        let loss = || net.forward(&x, &t, None, true).unwrap().square().mean(Kind::Double);
        loss().backward();
        let step = |h: f64| {
            tch::no_grad(|| {
                for (_, tensor) in params.named() {
                    let mut data = tensor.data();
                    let _ = data.g_add_(&(pattern(&data.size()).to_kind(Kind::Double) * h));
                }
            })
        };
        let slope: f64 = named
            .iter()
            .map(|(name, tensor)| {
                let grad = tensor.grad();
                assert!(grad.defined(), "{name} has no gradient");
                // The bias of the keys moves all logits of a query alike, which softmax does not see.
                assert!(name.ends_with("to_k.bias") || grad.abs().max().double_value(&[]) > 0.0, "{name}");
                (grad * pattern(&tensor.size())).sum(Kind::Double).double_value(&[])
            })
            .sum();
        let h = 1e-6;
        step(h);
        let plus = loss().double_value(&[]);
        step(-2.0 * h);
        let minus = loss().double_value(&[]);
        let difference = (plus - minus) / (2.0 * h);
        assert!((slope - difference).abs() < 1e-6 * slope.abs().max(1.0), "{slope} {difference}");
    }
}

#[test]
fn weights_may_move_into_one_buffer_and_change_type() {
    let (net, params) = network(&small(), InitScheme::Public);
    let (x, t) = (pattern(&[2, 3, 8, 8]), Tensor::from_slice(&[3i64, 500]));
    let before = net.forward(&x, &t, None, false).unwrap();
    let mut flat = Tensor::zeros([params.count()], CPU);
    let mut at = 0;
    for (_, tensor) in &mut params.named() {
        let mut view = flat.narrow(0, at, tensor.numel() as i64).view(tensor.size().as_slice());
        view.copy_(&tensor.detach());
        at += tensor.numel() as i64;
        tensor.set_data(&view);
    }
    assert_eq!(net.forward(&x, &t, None, false).unwrap(), before);
    let _ = flat.g_mul_scalar_(1.1);
    let moved = net.forward(&x, &t, None, false).unwrap();
    assert!(relative_error(&moved, &before) > 1e-3, "the network must see the buffer");

    for (_, tensor) in &mut params.named() {
        let half = tensor.detach().to_kind(Kind::BFloat16);
        tensor.set_data(&half);
    }
    let rounded = net.forward(&x, &t, None, false).unwrap();
    assert_eq!(rounded.kind(), Kind::Float);
    let error = relative_error(&rounded, &moved);
    assert!(error > 0.0 && error < 0.05, "{error}");
}

#[test]
fn dropout_acts_in_training_alone() {
    let (net, _) = network(&UNet2DConfig { dropout: 0.5, ..small() }, InitScheme::Public);
    let (x, t) = (pattern(&[1, 3, 8, 8]), Tensor::from_slice(&[3i64]));
    let run = |seed: i64, train: bool| {
        tch::manual_seed(seed);
        net.forward(&x, &t, None, train).unwrap()
    };
    assert_eq!(run(0, false), run(1, false));
    assert_ne!(run(0, true), run(0, false));
}

#[test]
fn unsuitable_inputs_give_one_clear_error() {
    let learned = UNet2DConfig {
        time_embedding_type: TimeEmbeddingType::Learned,
        num_train_timesteps: Some(10),
        num_class_embeds: Some(3),
        ..small()
    };
    let (net, _) = network(&learned, InitScheme::Public);
    let x = pattern(&[2, 3, 8, 8]);
    let (t, labels) = (Tensor::from_slice(&[1i64, 9]), Tensor::from_slice(&[0i64, 2]));
    assert!(net.forward(&x, &t, Some(&labels), false).is_ok());
    let refused =
        |x: &Tensor, t: &Tensor, labels: Option<&Tensor>| net.forward(x, t, labels, false).unwrap_err().to_string();
    assert!(
        refused(&pattern(&[2, 4, 8, 8]), &t, Some(&labels))
            .contains("sample has shape [2, 4, 8, 8], expected [_, 3, _, _]")
    );
    assert!(refused(&pattern(&[2, 3, 8, 9]), &t, Some(&labels)).contains("8 x 9"));
    assert!(refused(&x, &Tensor::from_slice(&[1i64, 2, 3]), Some(&labels)).starts_with("timestep: shape [3]"));
    assert!(refused(&x, &Tensor::from_slice(&[1i64, 10]), Some(&labels)).contains("rows 0 to 9"));
    assert!(refused(&x, &Tensor::from_slice(&[0.5f32, 1.0]), Some(&labels)).contains("integers"));
    assert!(refused(&x, &t, None).starts_with("class_labels: missing"));
    let (plain, _) = network(&small(), InitScheme::Public);
    assert!(plain.forward(&x, &t, Some(&labels), false).unwrap_err().to_string().contains("no classes"));
}
