//! What must hold for the blocks and the U-Net, whatever their weights.

use std::fs;
use std::path::Path as FilePath;

use easel_nn::attention::{AttentionBlock, AttentionConfig};
use easel_nn::embedding::{GaussianFourier, Sinusoids, SinusoidsConfig};
use easel_nn::layers::{BatchNorm, Conv2d, ConvTranspose2d};
use easel_nn::params::Role;
use easel_nn::parity::{relative_error, verify_unet2d};
use easel_nn::public::attention_key;
use easel_nn::recurrent::{LstmCell, LstmState};
use easel_nn::sampling::{fir_downsample, fir_upsample};
use easel_nn::unet_config::{ClassEmbedType, DownBlockType, TimeEmbeddingType, UpBlockType};
use easel_nn::{InitScheme, NnError, Params, UNet2D, UNet2DConfig};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// The configuration of Ho et al. 2020: attention in the level `attention`, one head, one-sided padding.
fn ddpm(channels: i64, multipliers: &[i64], layers: i64, attention: usize) -> UNet2DConfig {
    let last = multipliers.len() - 1;
    let down = |i| if i == attention { DownBlockType::AttnDownBlock2D } else { DownBlockType::DownBlock2D };
    let up = |i| if last - i == attention { UpBlockType::AttnUpBlock2D } else { UpBlockType::UpBlock2D };
    UNet2DConfig {
        block_out_channels: multipliers.iter().map(|m| m * channels).collect(),
        down_block_types: (0..=last).map(down).collect(),
        up_block_types: (0..=last).map(up).collect(),
        layers_per_block: layers,
        attention_head_dim: None,
        downsample_padding: 0,
        flip_sin_to_cos: false,
        freq_shift: 1.0,
        norm_eps: 1e-6,
        ..UNet2DConfig::default()
    }
}

fn small() -> UNet2DConfig {
    UNet2DConfig { norm_num_groups: Some(4), attention_head_dim: Some(8), ..ddpm(8, &[1, 2], 1, 1) }
}

fn network(config: &UNet2DConfig, scheme: InitScheme) -> (UNet2D, Params) {
    let params = Params::new(Device::Cpu, 7, scheme);
    let network = UNet2D::new(&params.root(), config).unwrap();
    (network, params)
}

fn count(config: &UNet2DConfig) -> i64 {
    let params = Params::counting();
    UNet2D::new(&params.root(), config).unwrap();
    params.count()
}

/// Fixed, smooth, not symmetric.
fn pattern(shape: &[i64]) -> Tensor {
    let n: i64 = shape.iter().product();
    ((Tensor::arange(n, CPU) * 0.37).sin() + (Tensor::arange(n, CPU) * 0.0113).cos()).reshape(shape)
}

fn channels_last(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

fn message(config: &str) -> String {
    match UNet2DConfig::from_json(config) {
        Ok(config) => UNet2D::new(&Params::counting().root(), &config).unwrap_err().to_string(),
        Err(e) => e.to_string(),
    }
}

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
fn sinusoids_have_the_values_of_both_conventions() {
    let t = Tensor::from_slice(&[10i64]);
    let row = |config: SinusoidsConfig| Sinusoids::new(&config, Device::Cpu).unwrap().forward(&t);
    let check = |row: &Tensor, at: i64, golden: &[f64]| {
        for (i, g) in golden.iter().enumerate() {
            let value = row.double_value(&[0, at + i as i64]);
            assert!((value - g).abs() < 1e-6, "entry {at} + {i}: {value}, expected {g}");
        }
    };
    let width = 128;
    let ddpm = row(SinusoidsConfig { width, ..Default::default() });
    check(&ddpm, 0, &[-0.544021, 0.706750, 0.925205]);
    check(&ddpm, 63, &[0.0009999998]);
    check(&ddpm, 64, &[-0.839072, -0.707464, 0.379468]);
    let improved = row(SinusoidsConfig { width, flip_sin_to_cos: true, freq_shift: 0.0, ..Default::default() });
    check(&improved, 0, &[-0.839072, -0.721289, 0.347627]);
    check(&improved, 64, &[-0.544021, 0.692634, 0.937633]);
}

#[test]
fn sinusoids_of_odd_width_end_in_a_zero_and_scale_acts_on_time() {
    let of = |scale: f64, t: f64| {
        let config = SinusoidsConfig { width: 9, scale, ..Default::default() };
        Sinusoids::new(&config, Device::Cpu).unwrap().forward(&Tensor::from_slice(&[t]))
    };
    assert_eq!(of(1.0, 12.5).size(), [1, 9]);
    assert_eq!(of(1.0, 12.5).double_value(&[0, 8]), 0.0);
    assert!(relative_error(&of(2.0, 12.5), &of(1.0, 25.0)) < 1e-6);
    assert!(Sinusoids::new(&SinusoidsConfig { width: 2, ..Default::default() }, Device::Cpu).is_err());
}

#[test]
fn fourier_frequencies_are_drawn_and_not_trained() {
    let params = Params::new(Device::Cpu, 0, InitScheme::Public);
    let fourier = GaussianFourier::new(&params.root(), 4096).unwrap();
    let weight = params.get("weight").unwrap();
    assert!(!weight.requires_grad());
    assert!((weight.std(true).double_value(&[]) - 16.0).abs() < 0.6);
    let features = fourier.forward(&Tensor::from_slice(&[1.0f32]));
    assert_eq!(features.sum(Kind::Float).double_value(&[]), 4096.0, "log 1 = 0: sines 0, cosines 1");
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
fn attention_does_not_see_the_order_of_pixels() {
    let params = Params::new(Device::Cpu, 3, InitScheme::Public);
    let config = AttentionConfig { channels: 12, head_dim: 5, groups: Some(3), eps: 1e-6, output_scale: 1.5 };
    let block = AttentionBlock::new(&params.root(), &config).unwrap();
    assert_eq!(params.get("to_q.weight").unwrap().size(), [10, 12], "two heads of width 5");
    let x = pattern(&[2, 12, 4, 6]);
    let flipped = block.forward(&x.flip([2, 3])).flip([2, 3]);
    assert!(relative_error(&flipped, &block.forward(&x)) < 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Inner products: <down x, y> = <x, up y> / 4, and flat images stay flat away from the border.
    #[test]
    fn fir_filters_are_adjoint(height in 2i64..6, width in 2i64..6, shift in 0.0f64..3.0) {
        let x = pattern(&[2, 3, 2 * height, 2 * width]) + shift;
        let y = pattern(&[2, 3, height, width]) - shift;
        let left = (fir_downsample(&x) * &y).sum(Kind::Double).double_value(&[]);
        let right = (&x * fir_upsample(&y)).sum(Kind::Double).double_value(&[]) / 4.0;
        prop_assert!((left - right).abs() < 1e-4 * (1.0 + left.abs()));
        let inside = fir_upsample(&Tensor::full([1, 2, height + 2, width + 2], shift, CPU));
        let inside = inside.narrow(2, 1, 2 * height + 2).narrow(3, 1, 2 * width + 2);
        prop_assert!((inside - shift).abs().max().double_value(&[]) < 1e-5);
    }
}

#[test]
fn unsupported_options_are_refused_by_name() {
    let cases = [
        (r#"{"encoder_hid_dim": 3}"#, "encoder_hid_dim", "unknown field"),
        (
            r#"{"down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"]}"#,
            "down_block_types[1]",
            "CrossAttnDownBlock2D",
        ),
        (r#"{"resnet_time_scale_shift": "spatial"}"#, "resnet_time_scale_shift", "`spatial`"),
        (r#"{"act_fn": "tanh"}"#, "act_fn", "\"tanh\""),
        (r#"{"mid_block_type": "UNetMidBlock2DCrossAttn"}"#, "mid_block_type", "`UNetMidBlock2DCrossAttn`"),
        (r#"{"class_embed_type": "projection"}"#, "class_embed_type", "`projection`"),
        (r#"{"layers_per_block": [1, 2]}"#, "layers_per_block", "invalid type"),
        (r#"{"downsample_padding": 2}"#, "downsample_padding", "= 2 "),
        (r#"{"downsample_type": "max"}"#, "downsample_type", "`max`"),
        (r#"{"norm_num_groups": null}"#, "norm_num_groups", "null"),
        (r#"{"norm_num_groups": 5}"#, "norm1", "5 groups"),
        (r#"{"time_embedding_type": "learned"}"#, "num_train_timesteps", "null"),
        (r#"{"block_out_channels": [32]}"#, "down_block_types", "4 types"),
        (r#"{"attention_head_dim": 1000}"#, "attention_head_dim", "1000"),
        (r#"{"_class_name": "UNet2DConditionModel"}"#, "_class_name", "UNet2DConditionModel"),
        (
            r#"{"block_out_channels": [32, 32], "down_block_types": ["SkipDownBlock2D", "DownBlock2D"],
             "up_block_types": ["UpBlock2D", "UpBlock2D"], "in_channels": 1}"#,
            "in_channels",
            "= 1 ",
        ),
        ("[]", ".", "not a JSON object"),
    ];
    for (config, key, value) in cases {
        let message = message(config);
        assert!(message.contains(key) && message.contains(value), "{config} gave: {message}");
    }
}

#[test]
fn the_public_configuration_survives_a_round_trip() {
    let text = r#"{"_class_name": "UNet2DModel", "_diffusers_version": "0.0.4", "act_fn": "swish", "sample_size": [16, 32],
                   "block_out_channels": [32, 64], "down_block_types": ["UNetResDownBlock2D", "AttnDownBlock2D"],
                   "up_block_types": ["AttnUpBlock2D", "UpBlock2D"], "attention_head_dim": null, "freq_shift": 1}"#;
    let config = UNet2DConfig::from_json(text).unwrap();
    assert_eq!(config.attention_head_dim, None);
    assert_eq!(config.down_block_types[0], DownBlockType::DownBlock2D);
    let again = UNet2DConfig::from_json(&serde_json::to_string(&config).unwrap()).unwrap();
    assert_eq!(config, again);
    assert_eq!(UNet2DConfig::from_json("{}").unwrap().attention_head_dim, Some(8));
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

/// Writes a public folder: `keys` renames parameters, `shards` of them become files.
fn write_folder(folder: &FilePath, params: &Params, rename: impl Fn(&str) -> String, shards: usize) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("config.json"), serde_json::to_string(&small()).unwrap()).unwrap();
    let named: Vec<(String, Tensor)> = params.named().into_iter().map(|(n, t)| (rename(&n), t)).collect();
    let write = |file: &str, part: &[(String, Tensor)]| {
        easel_core::weights::write(&folder.join(file), part, &Default::default()).unwrap()
    };
    if shards == 1 {
        return write("model.safetensors", &named);
    }
    let mut map = serde_json::Map::new();
    for (i, part) in named.chunks(named.len().div_ceil(shards)).enumerate() {
        let file = format!("diffusion_pytorch_model-{:05}-of-{shards:05}.safetensors", i + 1);
        write(&file, part);
        map.extend(part.iter().map(|(name, _)| (name.clone(), file.clone().into())));
    }
    let index = serde_json::json!({ "metadata": {}, "weight_map": map });
    fs::write(folder.join("diffusion_pytorch_model.safetensors.index.json"), index.to_string()).unwrap();
}

#[test]
fn public_folders_load_whole_in_shards_and_with_old_names() {
    let (net, params) = network(&small(), InitScheme::Public);
    let (x, t) = (pattern(&[2, 3, 8, 8]), Tensor::from_slice(&[3i64, 500]));
    let expected = net.forward(&x, &t, None, false).unwrap();
    let root = tempfile::tempdir().unwrap();
    let old = |name: &str| {
        if !name.contains(".attentions.") {
            return name.to_owned();
        }
        let name = name.replace(".to_q.", ".query.").replace(".to_k.", ".key.").replace(".to_v.", ".value.");
        name.replace(".to_out.0.", ".proj_attn.")
    };
    let folders = [root.path().join("whole"), root.path().join("shards"), root.path().join("old")];
    write_folder(&folders[0], &params, str::to_owned, 1);
    write_folder(&folders[1], &params, str::to_owned, 3);
    write_folder(&folders[2], &params, old, 1);
    for folder in &folders {
        let (loaded, loaded_params) = UNet2D::from_public_folder(folder, Device::Cpu).unwrap();
        assert_eq!(loaded_params.count(), params.count());
        assert_eq!(loaded.forward(&x, &t, None, false).unwrap(), expected);
        let tensors = |pairs: [(&str, &Tensor); 2]| pairs.map(|(name, t)| (name.to_owned(), t.copy()));
        let write = |file: &str, named: &[(String, Tensor)]| {
            easel_core::weights::write(&folder.join(file), named, &Default::default()).unwrap()
        };
        write("inputs.safetensors", &tensors([("sample", &x), ("timestep", &t)]));
        write("outputs.safetensors", &[("output".to_owned(), expected.copy())]);
        let verdict = verify_unet2d(folder, Device::Cpu).unwrap();
        assert_eq!((verdict.errors.len(), verdict.worst()), (1, 0.0));
        write("outputs.safetensors", &[("output".to_owned(), &expected + 0.5)]);
        assert!(verify_unet2d(folder, Device::Cpu).unwrap().worst() > 0.1);
    }
    assert_eq!(attention_key("query.weight"), "query.weight");
}

#[test]
fn weights_that_differ_are_refused_with_every_name() {
    let (_, params) = network(&small(), InitScheme::Public);
    let root = tempfile::tempdir().unwrap();
    let rename = |name: &str| name.replace("conv_out.bias", "conv_out.offset");
    write_folder(root.path(), &params, rename, 1);
    let error = UNet2D::from_public_folder(root.path(), Device::Cpu).unwrap_err();
    assert!(matches!(error, NnError::Weights(_)));
    let text = error.to_string();
    assert!(text.contains("1 missing") && text.contains("conv_out.bias"), "{text}");
    assert!(text.contains("1 unexpected") && text.contains("conv_out.offset"), "{text}");
    fs::remove_file(root.path().join("model.safetensors")).unwrap();
    let text = UNet2D::from_public_folder(root.path(), Device::Cpu).unwrap_err().to_string();
    assert!(text.contains("diffusion_pytorch_model.safetensors"), "{text}");
}

/// $\langle Cx, y\rangle = \langle x, C^\top y\rangle$ for a convolution and the transposed one with its weights.
#[test]
fn transposed_convolution_is_the_adjoint() {
    for (kernel, stride, padding, side) in [(4, 2, 1, 8), (3, 1, 1, 5), (4, 1, 0, 4)] {
        let params = Params::new(Device::Cpu, 3, InitScheme::Dcgan);
        let forward = Conv2d::new(&params.root().sub("a"), 3, 5, kernel).expect("new").strided(stride, padding);
        let adjoint = ConvTranspose2d::new(&params.root().sub("b"), 5, 3, kernel, stride, padding).expect("new");
        tch::no_grad(|| params.get("b.weight").expect("declared").copy_(forward.weight()));
        let x = Tensor::randn([2, 3, side, side], (Kind::Float, Device::Cpu));
        let cx = forward.forward(&x);
        let y = cx.randn_like();
        let (left, right) = ((&cx * &y).sum(Kind::Double), (&x * adjoint.forward(&y)).sum(Kind::Double));
        assert_eq!(adjoint.forward(&y).size(), x.size());
        approx::assert_relative_eq!(
            left.double_value(&[]),
            right.double_value(&[]),
            max_relative = 1e-4,
            epsilon = 1e-4
        );
    }
}

/// Normalised channels in training; outputs that do not depend on the other pictures otherwise.
#[test]
fn batch_normalisation_by_mode() {
    let params = Params::new(Device::Cpu, 3, InitScheme::Public);
    let norm = BatchNorm::new(&params.root(), 4).expect("new");
    let x = Tensor::randn([16, 4, 6, 6], (Kind::Float, Device::Cpu)) * 3.0 + 2.0;
    let y = norm.forward(&x, true);
    let axes: &[i64] = &[0, 2, 3];
    assert!(y.mean_dim(axes, false, Kind::Float).abs().max().double_value(&[]) < 1e-5);
    assert!((y.var_dim(axes, false, false) - 1.0).abs().max().double_value(&[]) < 1e-3);
    let moved = params.get("running_mean").expect("declared");
    let expected = x.mean_dim(axes, false, Kind::Float) * 0.1;
    assert!((moved - expected).abs().max().double_value(&[]) < 1e-6);
    let (all, alone) = (norm.forward(&x, false), norm.forward(&x.narrow(0, 3, 1), false));
    assert_eq!(all.narrow(0, 3, 1), alone);
    let names = |named: Vec<(String, Tensor)>| named.into_iter().map(|(n, _)| n).collect::<Vec<_>>();
    assert_eq!(names(params.trained()), ["weight", "bias"]);
    assert_eq!(names(params.untrained()), ["running_mean", "running_var"]);
}

/// $W W^\top = I$ or $W^\top W = I$, whichever is the smaller.
#[test]
fn orthogonal_weights() {
    let params = Params::new(Device::Cpu, 5, InitScheme::Orthogonal);
    for (outputs, inputs, kernel) in [(6, 20, 1), (20, 6, 1), (8, 3, 3)] {
        let w = params.root().sub(format!("{outputs}.{inputs}")).declare(
            "weight",
            &[outputs, inputs, kernel],
            Role::Weight,
        );
        let w = w.expect("declared").detach().reshape([outputs, -1]);
        let gram = if outputs <= inputs * kernel { w.matmul(&w.tr()) } else { w.tr().matmul(&w) };
        let identity = Tensor::eye(gram.size()[0], (Kind::Float, Device::Cpu));
        assert!((gram - identity).abs().max().double_value(&[]) < 1e-5, "{outputs} x {inputs}");
    }
}

/// One step of the LSTM against its equations.
#[test]
fn lstm_cell_follows_its_equations() {
    let params = Params::new(Device::Cpu, 7, InitScheme::Public);
    let cell = LstmCell::new(&params.root(), 3, 5).expect("new");
    let random = |shape: [i64; 2]| Tensor::randn(shape, (Kind::Float, Device::Cpu));
    let (x, state) = (random([2, 3]), LstmState { hidden: random([2, 5]), cell: random([2, 5]) });
    let next = cell.forward(&x, &state);
    let get = |name: &str| params.get(name).expect("declared");
    let gates = x.linear(&get("weight_ih"), Some(&get("bias_ih")))
        + state.hidden.linear(&get("weight_hh"), Some(&get("bias_hh")));
    let [i, f, g, o] = <[Tensor; 4]>::try_from(gates.chunk(4, 1)).expect("four gates");
    let c = f.sigmoid() * &state.cell + i.sigmoid() * g.tanh();
    let h = o.sigmoid() * c.tanh();
    assert!((next.cell - c).abs().max().double_value(&[]) < 1e-6);
    assert!((next.hidden - h).abs().max().double_value(&[]) < 1e-6);
}
