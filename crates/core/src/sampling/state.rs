//! What samplers can do with a state.

use ndarray::{Array, Dimension, Zip};

/// A state of a sampler: numbers of one shape that can be added and scaled.
pub trait State: Sized {
    /// $\sum_i c_i x_i$ of states of one shape; terms with coefficient 0 are left out.
    ///
    /// # Panics
    /// Without terms, or on different shapes.
    fn combine(terms: &[(f64, &Self)]) -> Self;

    /// The product, element by element; `other` may have size 1 where this has more.
    fn product(&self, other: &Self) -> Self;

    /// e to the power of every element.
    fn exp(&self) -> Self;

    /// Every element held within [low, high].
    fn clamp(&self, low: f64, high: f64) -> Self;

    /// The sum of products of the elements of both.
    fn dot(&self, other: &Self) -> f64;
}

impl State for f64 {
    fn combine(terms: &[(f64, &Self)]) -> Self {
        assert!(!terms.is_empty(), "a combination of nothing");
        terms.iter().filter(|(c, _)| *c != 0.0).map(|(c, x)| c * *x).sum()
    }

    fn product(&self, other: &Self) -> Self {
        self * other
    }

    fn exp(&self) -> Self {
        f64::exp(*self)
    }

    fn clamp(&self, low: f64, high: f64) -> Self {
        f64::clamp(*self, low, high)
    }

    fn dot(&self, other: &Self) -> f64 {
        self * other
    }
}

impl<D: Dimension> State for Array<f64, D> {
    fn combine(terms: &[(f64, &Self)]) -> Self {
        let mut sum = Self::zeros(terms[0].1.raw_dim());
        for (c, x) in terms.iter().filter(|(c, _)| *c != 0.0) {
            Zip::from(&mut sum).and(*x).for_each(|s, &x| *s += c * x);
        }
        sum
    }

    fn product(&self, other: &Self) -> Self {
        self * other
    }

    fn exp(&self) -> Self {
        self.mapv(f64::exp)
    }

    fn clamp(&self, low: f64, high: f64) -> Self {
        self.mapv(|x| x.clamp(low, high))
    }

    fn dot(&self, other: &Self) -> f64 {
        self.iter().zip(other).map(|(a, b)| a * b).sum()
    }
}

#[cfg(feature = "torch")]
impl State for tch::Tensor {
    fn combine(terms: &[(f64, &Self)]) -> Self {
        let mut live = terms.iter().filter(|(c, _)| *c != 0.0);
        let Some(&(c, x)) = live.next() else { return terms[0].1.zeros_like() };
        let mut sum = x * c;
        for &(c, x) in live {
            // One pass and no temporary; a coefficient is a tensor of no dimension.
            sum = sum.addcmul_(&tch::Tensor::from(c), x);
        }
        sum
    }

    fn product(&self, other: &Self) -> Self {
        self * other
    }

    fn exp(&self) -> Self {
        tch::Tensor::exp(self)
    }

    fn clamp(&self, low: f64, high: f64) -> Self {
        tch::Tensor::clamp(self, low, high)
    }

    fn dot(&self, other: &Self) -> f64 {
        let double = |t: &Self| t.to_kind(tch::Kind::Double);
        (double(self) * double(other)).sum(tch::Kind::Double).double_value(&[])
    }
}
