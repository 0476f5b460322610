//! What guidance needs of states that hold a batch of samples.

use easel_core::sampling::State;
use ndarray::{Array, Axis, RemoveAxis, Zip};

/// States `[B, ..]` of B independent samples along the first axis; a number is a batch of one.
pub trait PerSample: State {
    /// Every sample times the factor that gives its elements the standard deviation of `other`'s sample.
    ///
    /// A sample without deviation stays as it is.
    ///
    /// # Panics
    /// On different shapes.
    fn with_deviation_of(&self, other: &Self) -> Self;
}

impl PerSample for f64 {
    fn with_deviation_of(&self, _: &Self) -> Self {
        *self
    }
}

impl<D: RemoveAxis> PerSample for Array<f64, D> {
    fn with_deviation_of(&self, other: &Self) -> Self {
        assert_eq!(self.shape(), other.shape(), "deviations of different shapes");
        let mut out = self.clone();
        Zip::from(out.axis_iter_mut(Axis(0))).and(other.axis_iter(Axis(0))).for_each(|mut sample, target| {
            let own = sample.std(0.0);
            if own > 0.0 {
                sample *= target.std(0.0) / own;
            }
        });
        out
    }
}

#[cfg(feature = "torch")]
impl PerSample for tch::Tensor {
    fn with_deviation_of(&self, other: &Self) -> Self {
        assert_eq!(self.size(), other.size(), "deviations of different shapes");
        let axes: Vec<i64> = (1..self.dim() as i64).collect();
        let deviation = |x: &Self| x.std_dim(axes.as_slice(), false, true);
        let own = deviation(self);
        let factor = (deviation(other) / &own).masked_fill(&own.eq(0.0), 1.0);
        self * factor
    }
}
