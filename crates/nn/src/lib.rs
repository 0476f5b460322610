//! Network blocks that several papers share.
//!
//! Weight names are those of the public `diffusers` layout, so that published checkpoints load as they are and what is
//! trained here can be used there.
//!
//! | file | holds |
//! |---|---|
//! | [`params`] | named parameters, their deterministic initialisation, counting without memory |
//! | [`layers`] | convolutions, linear map, group and batch normalisation, table of embeddings, activations |
//! | [`recurrent`] | the LSTM cell |
//! | [`embedding`] | time as sinusoids or random Fourier features, and the MLP behind them |
//! | [`resnet`], [`attention`], [`sampling`] | the blocks |
//! | [`unet_blocks`], [`unet`], [`unet_config`] | the U-Net of Ho et al. 2020 in all variants of `UNet2DModel` |
//! | [`public`] | published configurations and folders of weights |
//! | [`public_schedule`] | betas, timesteps and options that the published sampler classes share |
//! | [`parity`] | comparison with tensors that another implementation computed |

pub mod attention;
pub mod embedding;
pub mod error;
pub mod layers;
pub mod params;
pub mod parity;
pub mod public;
pub mod public_schedule;
pub mod recurrent;
pub mod resnet;
pub mod sampling;
pub mod unet;
pub mod unet_blocks;
pub mod unet_config;

pub use error::NnError;
pub use params::{InitScheme, Params, Path};
pub use unet::UNet2D;
pub use unet_config::UNet2DConfig;
