//! Augmentation of what the discriminator sees, real and generated pictures alike (Zhao et al. 2020, arXiv:2006.10738).
//!
//! Not in the paper, whose data sets have thousands of pictures. The discriminator of a small set learns its pictures by
//! heart; it cannot when it never sees one twice alike, and because its gradient passes through the same transformation, the
//! generator learns pictures and not transformed ones.

use easel_core::Stream;
use easel_core::tensor::normal_tensor;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

/// How far pictures are transformed; 0 everywhere is off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augment {
    /// Shift along each axis by up to this share of the side.
    pub shift: f64,
    /// Scale by a factor from 1 - `scale` to 1 + `scale`.
    pub scale: f64,
    /// Grey out a square of this share of the side, anywhere.
    pub cut: f64,
    /// Change the brightness by up to this, on the scale of [-1, 1].
    pub brightness: f64,
    /// Add normal noise of this standard deviation (Soenderby et al. 2016, arXiv:1610.04490): flat-coloured pictures fill no
    /// volume, and without it D tells any other picture from them at once and teaches nothing.
    pub noise: f64,
}

/// Uniforms a picture: two shifts, scale, two corners of the cut, brightness.
const DRAWS: usize = 6;

impl Augment {
    /// No augmentation.
    pub const OFF: Self = Self { shift: 0.0, scale: 0.0, cut: 0.0, brightness: 0.0, noise: 0.0 };

    /// Checks the ranges; the text says what is allowed.
    ///
    /// # Errors
    /// The first key out of range.
    pub fn validate(&self) -> Result<(), String> {
        let Self { shift, scale, cut, brightness, noise } = *self;
        let keys = [("shift", shift), ("scale", scale), ("cut", cut), ("brightness", brightness), ("noise", noise)];
        match keys.into_iter().find(|(_, v)| !(0.0..1.0).contains(v)) {
            Some((key, value)) => Err(format!("augment.{key} = {value}: in [0, 1)")),
            None => Ok(()),
        }
    }

    /// Transformed pictures `[B, C, H, W]`, differentiable in them; picture i by the draws of (stream, step, `first` + i).
    pub fn apply(&self, pictures: &Tensor, stream: &Stream, step: u64, first: u64) -> Tensor {
        if *self == Self::OFF {
            return pictures.shallow_clone();
        }
        let (batch, device) = (pictures.size()[0] as u64, pictures.device());
        let draws: Vec<[f64; DRAWS]> = (first..first + batch)
            .map(|sample| {
                let mut u = [0.0; DRAWS];
                stream.uniform(step, sample, &mut u);
                u
            })
            .collect();
        // Never changed in place: it may be the caller's.
        let mut x = pictures.shallow_clone();
        if self.shift > 0.0 || self.scale > 0.0 {
            x = self.moved(&x, &draws);
        }
        if self.brightness > 0.0 {
            let by: Vec<f32> = draws.iter().map(|u| (self.brightness * signed(u[5])) as f32).collect();
            x = &x + Tensor::from_slice(&by).view([-1, 1, 1, 1]).to_device(device);
        }
        if self.cut > 0.0 {
            x = &x * self.kept(&x, &draws, device);
        }
        if self.noise > 0.0 {
            x = &x + normal_tensor(stream, step, first..first + batch, &x.size()[1..], device) * self.noise;
        }
        x
    }

    /// Shifted and scaled; border pixels are repeated.
    fn moved(&self, x: &Tensor, draws: &[[f64; DRAWS]]) -> Tensor {
        // Output to input coordinates, each in [-1, 1]: a side is 2 long.
        let matrix = |u: &[f64; DRAWS]| {
            let factor = 1.0 / (1.0 + self.scale * signed(u[2]));
            let shift = |u: f64| 2.0 * self.shift * signed(u);
            [factor, 0.0, shift(u[0]), 0.0, factor, shift(u[1])].map(|v| v as f32)
        };
        let theta: Vec<f32> = draws.iter().flat_map(matrix).collect();
        let theta = Tensor::from_slice(&theta).view([-1, 2, 3]).to_device(x.device());
        let grid = Tensor::affine_grid_generator(&theta, x.size(), false);
        x.grid_sampler(&grid, 0, 1, false)
    }

    /// 0 inside the cut square of each picture and 1 elsewhere, `[B, 1, H, W]`.
    fn kept(&self, x: &Tensor, draws: &[[f64; DRAWS]], device: Device) -> Tensor {
        let size = x.size();
        let inside = |axis: usize, length: i64| {
            let cut = (self.cut * length as f64).round() as i64;
            let at: Vec<i64> = draws.iter().map(|u| (u[axis] * (length + cut) as f64) as i64 - cut).collect();
            let start = Tensor::from_slice(&at).view([-1, 1]);
            let position = Tensor::arange(length, (Kind::Int64, Device::Cpu)).view([1, -1]);
            position.ge_tensor(&start).logical_and(&position.lt_tensor(&(start + cut)))
        };
        let (rows, columns) =
            (inside(3, size[2]).view([-1, 1, size[2], 1]), inside(4, size[3]).view([-1, 1, 1, size[3]]));
        rows.logical_and(&columns).logical_not().to_kind(x.kind()).to_device(device)
    }
}

/// A uniform of [0, 1) on [-1, 1).
fn signed(u: f64) -> f64 {
    2.0 * u - 1.0
}
