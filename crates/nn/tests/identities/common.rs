//! Networks and pictures that the tests share.

use easel_nn::unet_config::{DownBlockType, UpBlockType};
use easel_nn::{InitScheme, Params, UNet2D, UNet2DConfig};
use tch::{Device, Kind, Tensor};

pub const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// The configuration of Ho et al. 2020: attention in the level `attention`, one head, one-sided padding.
pub fn ddpm(channels: i64, multipliers: &[i64], layers: i64, attention: usize) -> UNet2DConfig {
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

pub fn small() -> UNet2DConfig {
    UNet2DConfig { norm_num_groups: Some(4), attention_head_dim: Some(8), ..ddpm(8, &[1, 2], 1, 1) }
}

pub fn network(config: &UNet2DConfig, scheme: InitScheme) -> (UNet2D, Params) {
    let params = Params::new(Device::Cpu, 7, scheme);
    let network = UNet2D::new(&params.root(), config).unwrap();
    (network, params)
}

pub fn count(config: &UNet2DConfig) -> i64 {
    let params = Params::counting();
    UNet2D::new(&params.root(), config).unwrap();
    params.count()
}

/// Fixed, smooth, not symmetric.
pub fn pattern(shape: &[i64]) -> Tensor {
    let n: i64 = shape.iter().product();
    ((Tensor::arange(n, CPU) * 0.37).sin() + (Tensor::arange(n, CPU) * 0.0113).cos()).reshape(shape)
}

pub fn channels_last(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}
