//! Multistep solvers in $\lambda$: DPM-Solver and DPM-Solver++ of orders 1 to 3, for the ODE and the SDE.
//!
//! One evaluation a step. The estimate of the interval is the polynomial through the last outputs.

use std::collections::VecDeque;

use easel_core::sampling::{NoiseLevel, Run, State, epsilon};

use crate::exponential::{Form, Weights, node_weights, weights};

/// How the second order weighs the difference of the last two outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecondOrder {
    /// Half the weight of the output itself (DPM-Solver++, eq. 17; "midpoint" in public code).
    #[default]
    Midpoint,
    /// The exact weight of a straight line ("heun").
    Linear,
}

/// Which formula of the third order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThirdOrder {
    /// Exact for parabolas: order 3, and the same as UniP-3.
    #[default]
    Corrected,
    /// As published: the second derivative at half its size, and in the data form of the SDE with a constant of the
    /// wrong sign. Converges with order 2 (the ODE) and 1 (the SDE); for comparison with public code only.
    Published,
}

/// A multistep solver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Multistep {
    /// What is extrapolated.
    pub form: Form,
    /// 1 to 3.
    pub order: usize,
    /// The formula of order 2.
    pub second: SecondOrder,
    /// The formula of order 3.
    pub third: ThirdOrder,
}

/// Chains shorter than this end with steps of falling order (Lu et al. 2022, released code, which has 10 or 15).
pub const SHORT_CHAIN: usize = 15;

/// The order of step `index` of `steps`: held by the history, and in a short chain by the steps that remain.
pub fn order_at(order: usize, index: usize, steps: usize) -> usize {
    let remaining = if steps < SHORT_CHAIN { steps - index } else { order };
    order.min(index + 1).min(remaining)
}

impl Multistep {
    /// A solver with the default formulas.
    pub fn new(form: Form, order: usize) -> Self {
        Self { form, order, second: SecondOrder::default(), third: ThirdOrder::default() }
    }

    /// Weights of $m_0$ and of $m_{-k}-m_0$ for the history's `nodes` $r_k = (\lambda_{-k}-\lambda_0)/h$, the latest
    /// first, in the step whose coefficients are `step` and which ends at `to`.
    pub fn history_weights(&self, step: &Weights, nodes: &[f64], to: NoiseLevel) -> Vec<f64> {
        let mut all = vec![step.derivatives[0]];
        match (nodes, self.second, self.third) {
            ([r], SecondOrder::Midpoint, _) => all.push(step.derivatives[0] / (2.0 * r)),
            ([r, q], _, ThirdOrder::Published) => all.extend(self.published_third(step, *r, *q, to)),
            _ => all.extend(node_weights(step, nodes)),
        }
        all
    }

    // excerpt: published-third
    /// The published third order, as weights of $m_{-1}-m_0$ and $m_{-2}-m_0$.
    fn published_third(&self, step: &Weights, r: f64, q: f64, to: NoiseLevel) -> [f64; 2] {
        let [_, w1, mut w2, _] = step.derivatives;
        if self.form == Form::DataSde {
            w2 -= to.alpha; // alpha_t [(1 - e^{-2h} - 2h) / (2h)^2 - 1/2], where + 1/2 is right
        }
        let (r0, r1) = (-r, r - q);
        [(1.0, 0.0), (0.0, 1.0)].map(|(m1, m2): (f64, f64)| {
            let (near, far) = (-m1 / r0, (m1 - m2) / r1);
            let d1 = near + r0 / (r0 + r1) * (near - far);
            let d2 = (near - far) / (r0 + r1); // twice this is the second derivative
            w1 * d1 + w2 * d2
        })
    }
    // end excerpt

    /// Samples along the run's times from the state `x` at the first.
    ///
    /// The step to clean data is of order 1: $\lambda$ is infinite there, and the estimate itself is the result.
    pub fn sample<S: State>(&self, run: Run<'_, S>, x: S) -> S {
        let steps = run.times.len() - 1;
        let mut history: VecDeque<(f64, S)> = VecDeque::new(); // (lambda, output), the latest first
        run.walk(x, |run, index, x, from, to| {
            let x0 = run.x0(x, from);
            if to.is_data() {
                return (S::combine(&[(to.alpha, &x0)]), x0);
            }
            let output = if self.form.is_epsilon() { epsilon(x, &x0, from) } else { S::combine(&[(1.0, &x0)]) };
            history.push_front((from.lambda(), output));
            history.truncate(order_at(self.order, index, steps));
            let step = weights(self.form, from, to);
            let h = to.lambda() - from.lambda();
            let nodes: Vec<f64> = history.iter().skip(1).map(|(lambda, _)| (lambda - from.lambda()) / h).collect();
            let of_outputs = self.history_weights(&step, &nodes, to);
            let own = of_outputs[0] - of_outputs[1..].iter().sum::<f64>();
            let mut terms = vec![(step.x, x), (own, &history[0].1)];
            terms.extend(of_outputs[1..].iter().zip(history.iter().skip(1)).map(|(w, (_, m))| (*w, m)));
            let noise = (step.noise > 0.0).then(|| run.normal(index, 0, from, to));
            terms.extend(noise.as_ref().map(|z| (step.noise, z)));
            (S::combine(&terms), x0)
        })
    }
}
