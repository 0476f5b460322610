//! Dynamic thresholding (Saharia et al. 2022, arXiv:2205.11487, section 2.3).

use ndarray::{Array, Axis, RemoveAxis};

/// The `ratio` quantile of absolute values, linear between neighbours; at least 1.
fn bound(values: impl Iterator<Item = f64>, ratio: f64) -> f64 {
    let mut sorted: Vec<f64> = values.map(f64::abs).collect();
    sorted.sort_by(f64::total_cmp);
    let place = ratio * (sorted.len() - 1) as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    let high = (low + 1).min(sorted.len() - 1);
    (sorted[low] + part * (sorted[high] - sorted[low])).max(1.0)
}

/// $\hat x_0$ `[B, ..]` held to [-s, s] and divided by s, where s >= 1 is the `ratio` quantile of each sample's
/// absolute values (published: 0.995). A sample within [-1, 1] stays as it is. Not for latents.
pub fn dynamic_threshold<D: RemoveAxis>(x0: &Array<f64, D>, ratio: f64) -> Array<f64, D> {
    let mut out = x0.clone();
    for mut sample in out.axis_iter_mut(Axis(0)) {
        let s = bound(sample.iter().copied(), ratio);
        sample.mapv_inplace(|v| v.clamp(-s, s) / s);
    }
    out
}
