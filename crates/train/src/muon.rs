//! Muon: momentum of matrices, orthogonalised (Jordan et al. 2024; Liu et al. 2025, arXiv:2502.16982, section 2.1).

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::error::TrainError;

/// Coefficients a, b, c of the quintic iteration $X \leftarrow aX+b(XX^\top)X+c(XX^\top)^2X$ (Liu et al. 2025, section 2.1).
/// It does not converge to 1 but brings every singular value from 0.01 to 1 near it within [`ITERATIONS`].
const QUINTIC: [f64; 3] = [3.4445, -4.775, 2.0315];
/// Iterations of an orthogonalisation.
pub const ITERATIONS: usize = 5;

/// Coefficients of Muon, which updates the hidden matrices where it is on; Adam updates the rest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MuonConfig {
    /// Learning rate of the matrices, where Adam's is `rate.lr`; both warm up and decay alike. 0 leaves all to Adam.
    pub lr: f64,
    /// Decay of the momentum, in [0, 1).
    pub momentum: f64,
}

impl Default for MuonConfig {
    fn default() -> Self {
        Self { lr: 0.0, momentum: 0.95 }
    }
}

impl MuonConfig {
    /// Whether matrices are left to Adam.
    pub fn is_off(&self) -> bool {
        self.lr == 0.0
    }

    /// Checks the ranges.
    pub fn validate(&self) -> Result<(), TrainError> {
        let check = |key, value: f64, ok: bool, expected| match ok {
            true => Ok(()),
            false => Err(TrainError::Range { key, value: value.to_string(), expected }),
        };
        check("muon.lr", self.lr, self.lr >= 0.0 && self.lr.is_finite(), "0 (off) or above")?;
        check("muon.momentum", self.momentum, (0.0..1.0).contains(&self.momentum), "in [0, 1)")
    }
}

/// $UV^\top$ of the singular value decompositions $USV^\top$ of `matrices` `[n, rows, columns]`, nearly: singular values
/// from a hundredth of the Frobenius norm on end up between 0.68 and 1.14, from 0.0013 of it on between 0.59 and 1.21, smaller
/// ones lower. Of the same shape and kind.
// excerpt: orthogonalised
pub fn orthogonalised(matrices: &Tensor) -> Tensor {
    let tall = matrices.size()[1] > matrices.size()[2];
    let wide = if tall { matrices.transpose(1, 2) } else { matrices.shallow_clone() };
    let norm = wide.norm_scalaropt_dim(2, [1i64, 2], true);
    let mut x = &wide / (norm + 1e-7);
    let [a, b, c] = QUINTIC;
    for _ in 0..ITERATIONS {
        let gram = x.bmm(&x.transpose(1, 2));
        let polynomial = gram.baddbmm(&gram, &gram, b, c);
        x = x.baddbmm(&polynomial, &x, a, 1.0);
    }
    if tall { x.transpose(1, 2) } else { x }
}
// end excerpt

/// Matrices of one shape that follow one another in a flat buffer.
#[derive(Debug, PartialEq, Eq)]
struct Stack {
    offset: i64,
    shape: [i64; 3],
}

impl Stack {
    fn of(&self, flat: &Tensor) -> Tensor {
        flat.narrow(0, self.offset, self.shape.iter().product()).view(self.shape)
    }
}

/// The matrix that a parameter `[O, ..]` is to Muon: rows O, the rest are columns.
pub fn matrix_shape(parameter: &Tensor) -> (i64, i64) {
    let rows = parameter.size()[0];
    (rows, parameter.numel() as i64 / rows)
}

/// Muon on the beginning of a flat buffer.
#[derive(Debug)]
pub struct Muon {
    config: MuonConfig,
    kind: Kind,
    stacks: Vec<Stack>,
}

impl Muon {
    /// For matrices that come first in a flat buffer, one after the other with these shapes (equal ones together);
    /// orthogonalised in `kind`.
    pub fn new(config: MuonConfig, kind: Kind, shapes: &[(i64, i64)]) -> Self {
        let mut offset = 0;
        let chunks = shapes.chunk_by(|a, b| a == b);
        let stacks = chunks.map(|equal| {
            let shape = [equal.len() as i64, equal[0].0, equal[0].1];
            let stack = Stack { offset, shape };
            offset += shape.iter().product::<i64>();
            stack
        });
        Self { config, kind, stacks: stacks.collect() }
    }

    /// Scalars that it updates.
    pub fn numel(&self) -> i64 {
        self.stacks.iter().map(|s| s.shape.iter().product::<i64>()).sum()
    }

    /// One update of the matrices in `parameters` with their `gradient`, both f32 `[numel]` or longer, and the same of
    /// `momentum`; `share` of the learning rate is taken. Call without gradient tracking.
    ///
    /// Nesterov's form, and steps of $\sqrt{\max(1, rows/columns)}$ so that every output moves alike (Jordan et al. 2024).
    pub fn step(&self, parameters: &Tensor, gradient: &Tensor, momentum: &Tensor, share: f64) {
        let MuonConfig { lr, momentum: mu } = self.config;
        for stack in &self.stacks {
            let (mut p, g, mut m) = (stack.of(parameters), stack.of(gradient), stack.of(momentum));
            let _ = m.lerp_(&g, 1.0 - mu);
            let step = orthogonalised(&g.lerp(&m, mu).to_kind(self.kind)).to_kind(Kind::Float);
            let [_, rows, columns] = stack.shape;
            p -= step * (lr * share * (rows as f64 / columns as f64).max(1.0).sqrt());
        }
    }
}
