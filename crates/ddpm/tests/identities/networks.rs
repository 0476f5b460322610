//! Sizes of the networks, and pictures gathered into channels.

use ddpm::config::{Objective, UNetConfig, VarianceConfig};
use ddpm::{Ddpm, DdpmConfig};
use easel_core::{Parameterisation, ScheduleConfig};
use easel_nn::{InitScheme, Params, UNet2D};
use tch::{Device, Kind, Tensor};

use crate::common::{constant_network, distance, normal, times, tiny, values};

fn counted(config: &DdpmConfig) -> Params {
    config.validate().unwrap();
    let params = Params::counting();
    Ddpm::new(&params.root(), config).unwrap();
    params
}

/// The sizes that the paper rounds to 35.7M and 114M, counted from the released code.
#[test]
fn presets_have_the_published_numbers_of_parameters() {
    for (name, count) in [
        ("paper", 35_746_307),
        ("paper-learned", 35_749_766),
        ("paper-256", 113_673_219),
        ("paper-celeba64", 78_700_803),
    ] {
        assert_eq!(counted(&DdpmConfig::preset(name).unwrap()).count(), count, "{name}");
    }
    let unet = UNetConfig {
        levels: vec![16, 32, 32],
        attention: vec![false, false, true],
        blocks: 1,
        groups: 8,
        dropout: 0.0,
    };
    assert_eq!(counted(&DdpmConfig { patch: 1, unet, ..DdpmConfig::small() }).count(), 280_177);
}

#[test]
fn presets_are_valid_and_say_what_the_paper_says() {
    for name in DdpmConfig::PRESETS {
        DdpmConfig::preset(name).unwrap().validate().unwrap();
    }
    assert!(DdpmConfig::preset("none").is_none());
    for name in DdpmConfig::PRESETS.iter().filter(|name| name.starts_with("paper")) {
        let config = DdpmConfig::preset(name).unwrap();
        let level = config.unet.attention.iter().position(|a| *a).unwrap();
        assert_eq!(config.side >> level, 16, "{name}: attention is at 16 x 16");
        assert_eq!(config.unet.attention.iter().filter(|a| **a).count(), 1);
        assert_eq!((config.timesteps, config.parameterisation), (1000, Parameterisation::Epsilon));
    }
}

/// Multiply-adds from the shapes of the weights and the positions at which each is used, which its name tells.
fn multiply_adds_by_name(config: &DdpmConfig) -> i64 {
    let (levels, side) = (config.unet.levels.len() as u32, config.side / config.patch);
    let mut total = 0;
    for (name, shape) in counted(config).shapes() {
        let parts: Vec<&str> = name.split('.').collect();
        let index = || parts[1].parse::<u32>().unwrap();
        let side = match parts[0] {
            _ if name.contains("time_emb") => 1,
            "down_blocks" => side >> (index() + u32::from(name.contains("downsamplers"))),
            "up_blocks" => (side >> (levels - 1 - index())) << u32::from(name.contains("upsamplers")),
            "mid_block" => side >> (levels - 1),
            _ => side,
        };
        if shape.len() > 1 {
            total += shape.iter().product::<i64>() * side * side;
        }
        if name.ends_with("to_q.weight") {
            total += 2 * side.pow(4) * shape[0];
        }
    }
    total
}

#[test]
fn multiply_adds_follow_from_the_shapes() {
    for name in DdpmConfig::PRESETS {
        let config = DdpmConfig::preset(name).unwrap();
        assert_eq!(config.multiply_adds(), multiply_adds_by_name(&config), "{name}");
    }
}

/// One level of c channels and s x s positions with attention, by hand.
#[test]
fn multiply_adds_of_one_level_by_hand() {
    let (c, s) = (8, 4);
    let p = s * s;
    let unet = UNetConfig { levels: vec![c], attention: vec![true], blocks: 1, groups: 4, dropout: 0.0 };
    let config = DdpmConfig { unet, ..tiny(30, VarianceConfig::FixedSmall) };
    let time = c * 4 * c + 4 * c * 4 * c;
    let ends = 2 * (9 * c * p); // from one channel, and to one
    let same = 2 * 9 * c * c * p + 4 * c * c; // down, and twice in the middle
    let joined = (2 * c) * c * 9 * p + c * c * 9 * p + 4 * c * c + (2 * c) * c * p; // up, twice
    let attention = 4 * c * c * p + 2 * p * p * c; // down, middle, up twice
    assert_eq!(config.multiply_adds(), time + ends + 3 * same + 2 * joined + 4 * attention);
}

/// Space to depth and back, by indices.
fn gathered(x: &Tensor, p: i64) -> Tensor {
    let (b, c, h, w) = x.size4().unwrap();
    x.reshape([b, c, h / p, p, w / p, p]).permute([0, 1, 3, 5, 2, 4]).reshape([b, c * p * p, h / p, w / p])
}

fn scattered(x: &Tensor, p: i64) -> Tensor {
    let (b, c, h, w) = x.size4().unwrap();
    x.reshape([b, c / (p * p), p, p, h, w]).permute([0, 1, 4, 2, 5, 3]).reshape([b, c / (p * p), h * p, w * p])
}

#[test]
fn a_patch_is_gathered_and_put_back_and_the_network_counts_from_0() {
    let config = DdpmConfig { channels: 3, side: 8, ..tiny(30, VarianceConfig::LearnedRange) };
    let x = normal(1, &[2, 3, 8, 8]);
    for patch in [1, 2, 4] {
        assert_eq!(scattered(&gathered(&x, patch), patch), x);
        let config = DdpmConfig { patch, ..config.clone() };
        let params = Params::new(Device::Cpu, 3, InitScheme::Public);
        let model = Ddpm::new(&params.root(), &config).unwrap();
        let params = Params::new(Device::Cpu, 3, InitScheme::Public);
        let unet = UNet2D::new(&params.root(), &config.unet2d()).unwrap();
        let found = model.forward(&x, &times(&[1, 20]), None, false);
        let expected = unet.forward(&gathered(&x, patch), &times(&[0, 19]), None, false).unwrap();
        assert_eq!(found.size(), [2, 6, 8, 8]);
        assert!(distance(&found, &scattered(&expected, patch)) < 1e-6, "patch {patch}");
        assert!(distance(&model.at(&x, 20.0, None).get(1), &found.get(1)) < 1e-5);
    }
}

/// Each of the last layer's channels is one pixel of a patch of one channel, predictions first, then variances.
#[test]
fn learned_variances_are_split_from_predictions_at_every_patch() {
    for patch in [1i64, 2] {
        let config = DdpmConfig { channels: 2, patch, ..tiny(30, VarianceConfig::LearnedRange) };
        let (n, side) = (2 * patch * patch, 4);
        let bias: Vec<f32> = (0..2 * n).map(|i| i as f32).collect();
        let model = constant_network(&config, &bias);
        let found = model.predict(&normal(1, &[1, 2, side, side]), &times(&[5]), None, false);
        let variance = found.variance.unwrap();
        for (tensor, first) in [(found.output, 0), (variance, n)] {
            assert_eq!(tensor.size(), [1, 2, side, side]);
            for (i, value) in values(&tensor).into_iter().enumerate() {
                let i = i as i64;
                let (c, y, x) = (i / (side * side), i / side % side, i % side);
                let expected = first + c * patch * patch + y % patch * patch + x % patch;
                assert_eq!(value, expected as f64, "patch {patch}, channel {c}, row {y}, column {x}");
            }
        }
    }
    let plain = constant_network(&tiny(30, VarianceConfig::FixedLarge), &[1.0]);
    assert!(plain.predict(&normal(1, &[1, 1, 4, 4]), &times(&[5]), None, false).variance.is_none());
}

#[test]
fn a_forward_pass_leaves_its_inputs_alone() {
    let config = DdpmConfig { patch: 2, ..tiny(30, VarianceConfig::FixedSmall) };
    let params = Params::new(Device::Cpu, 3, InitScheme::Public);
    let model = Ddpm::new(&params.root(), &config).unwrap();
    let (x, t) = (normal(1, &[2, 1, 4, 4]), times(&[1, 30]));
    let copies = (x.copy(), t.copy());
    assert_eq!(model.forward(&x, &t, None, true).kind(), Kind::Float);
    assert_eq!((x, t), copies);
}

#[test]
fn configurations_that_cannot_be_are_refused_by_key() {
    let base = || tiny(30, VarianceConfig::FixedSmall);
    let unet = |change: &dyn Fn(&mut UNetConfig)| {
        let mut config = base();
        change(&mut config.unet);
        config
    };
    let zero = ScheduleConfig::ZeroTerminalSnr { base: Box::new(ScheduleConfig::Linear {}) };
    let noiseless = DdpmConfig { schedule: zero, parameterisation: Parameterisation::Epsilon, ..base() };
    for (config, key) in [
        (DdpmConfig { timesteps: 0, ..base() }, "timesteps"),
        (DdpmConfig { side: 6, patch: 4, ..base() }, "side"),
        (DdpmConfig { patch: 0, ..base() }, "patch"),
        (DdpmConfig { objective: Objective::Hybrid, ..base() }, "objective"),
        (noiseless.clone(), "parameterisation"),
        (unet(&|u| u.attention.push(true)), "unet.attention"),
        (unet(&|u| u.levels.clear()), "unet.levels"),
        (unet(&|u| u.groups = 3), "unet.groups"),
        (unet(&|u| u.blocks = 0), "unet.blocks"),
        (unet(&|u| u.dropout = 1.0), "unet.dropout"),
    ] {
        let message = config.validate().unwrap_err().to_string();
        assert!(message.starts_with(&format!("model.{key} = ")), "{message}");
    }
    DdpmConfig { parameterisation: Parameterisation::V, ..noiseless }.validate().unwrap();
}
