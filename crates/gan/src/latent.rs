//! The noise z: where it is drawn, and ways between two draws.

use std::ops::Range;

use easel_core::Stream;
use easel_core::tensor::normal_tensor;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

/// Distribution of the entries of z; both have mean 0 and variance 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prior {
    /// N(0, 1), the default of DCGAN's Torch port.
    Normal,
    /// Uniform on $[-\sqrt3,\sqrt3]$ (the sampler of Goodfellow et al. 2014).
    Uniform,
}

impl Prior {
    /// z f32 `[N, latent]`; row i is a function of (stream, step, `samples.start` + i) alone.
    pub fn draw(self, stream: &Stream, step: u64, samples: Range<u64>, latent: i64, device: Device) -> Tensor {
        match self {
            Self::Normal => normal_tensor(stream, step, samples, &[latent], device),
            Self::Uniform => {
                let mut values = Vec::new();
                let mut row = vec![0.0; latent as usize];
                for sample in samples {
                    stream.uniform(step, sample, &mut row);
                    values.extend(row.iter().map(|u| (3f64.sqrt() * (2.0 * u - 1.0)) as f32));
                }
                Tensor::from_slice(&values).reshape([-1, latent]).to_device(device)
            }
        }
    }
}

/// Below this angle the way along the sphere is the straight one to within rounding.
const SMALLEST_ANGLE: f64 = 1e-4;

/// $(1-u)z_0+uz_1$: the way of Goodfellow et al. 2014, Fig. 3.
///
/// # Panics
/// When the lengths differ.
pub fn lerp(z0: &[f64], z1: &[f64], u: f64) -> Vec<f64> {
    combine(z0, z1, 1.0 - u, u)
}

/// $\frac{\sin((1-u)\Omega)}{\sin\Omega}z_0+\frac{\sin(u\Omega)}{\sin\Omega}z_1$ with $\Omega$ the angle between them
/// (Shoemake 1985): between draws of equal length it keeps that length, where the straight way comes nearer to 0 than
/// draws do. The straight way for angles below 1e-4 or near a half turn, and from or to 0.
///
/// # Panics
/// When the lengths differ.
pub fn slerp(z0: &[f64], z1: &[f64], u: f64) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(x, y)| x * y).sum() };
    let norms = (dot(z0, z0) * dot(z1, z1)).sqrt();
    if norms == 0.0 {
        return lerp(z0, z1, u);
    }
    let angle = (dot(z0, z1) / norms).clamp(-1.0, 1.0).acos();
    if !(SMALLEST_ANGLE..=std::f64::consts::PI - SMALLEST_ANGLE).contains(&angle) {
        return lerp(z0, z1, u);
    }
    combine(z0, z1, ((1.0 - u) * angle).sin() / angle.sin(), (u * angle).sin() / angle.sin())
}

fn combine(z0: &[f64], z1: &[f64], a: f64, b: f64) -> Vec<f64> {
    assert_eq!(z0.len(), z1.len(), "two draws of one length");
    z0.iter().zip(z1).map(|(x, y)| a * x + b * y).collect()
}
