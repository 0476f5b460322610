//! UniPC: a multistep predictor whose next evaluation also corrects the state (Zhao et al. 2023, arXiv:2302.04867).

use std::collections::VecDeque;

use easel_core::sampling::{NoiseLevel, Run, State, epsilon};

use crate::exponential::{Form, Weights, node_weights, weights};
use crate::multistep::order_at;

/// B(h), which matters only where one node is left: the predictor of order 2 and the corrector of order 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BFunction {
    /// $B_1(h) = h$.
    H,
    /// $B_2(h) = e^h-1$.
    #[default]
    Exponential,
}

/// UniPC of order p: UniP-p, and UniC-p where `correct`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniPc {
    /// `Epsilon` or `Data`.
    pub form: Form,
    /// p, 1 to 3.
    pub order: usize,
    /// B(h).
    pub b: BFunction,
    /// Whether the corrector runs.
    pub correct: bool,
}

/// What the corrector of the next step needs of a step.
struct Pending<S> {
    x: S,
    from: NoiseLevel,
    order: usize,
}

impl UniPc {
    /// The weight of a single node r: B(h) / (2 r), in the sign of the outputs' own weight.
    fn single(&self, step: &Weights, h: f64, r: f64) -> f64 {
        let b = match self.b {
            BFunction::H => step.derivatives[0] * h / self.integral(h),
            BFunction::Exponential => step.derivatives[0],
        };
        b / (2.0 * r)
    }

    /// $\int$ of the form's kernel over the step, whose product with its factor is the weight of the output.
    fn integral(&self, h: f64) -> f64 {
        if self.form.is_epsilon() { h.exp_m1() } else { -(-h).exp_m1() }
    }

    /// The state at `to` from the outputs at `nodes` (the first is that of `from`, at 0).
    fn state<S: State>(&self, x: &S, from: NoiseLevel, to: NoiseLevel, nodes: &[(f64, &S)], of_nodes: &[f64]) -> S {
        let step = weights(self.form, from, to);
        let own = step.derivatives[0] - of_nodes.iter().sum::<f64>();
        let mut terms = vec![(step.x, x), (own, nodes[0].1)];
        terms.extend(of_nodes.iter().zip(&nodes[1..]).map(|(w, (_, m))| (*w, *m)));
        S::combine(&terms)
    }

    fn weights_of(&self, from: NoiseLevel, to: NoiseLevel, nodes: &[f64], single: bool) -> Vec<f64> {
        let step = weights(self.form, from, to);
        match nodes {
            [] => vec![],
            [r] if single => vec![self.single(&step, to.lambda() - from.lambda(), *r)],
            _ => node_weights(&step, nodes),
        }
    }

    /// Samples along the run's times from the state `x` at the first; one evaluation a step.
    ///
    /// # Panics
    /// For an order outside 1..=3, or a stochastic form.
    pub fn sample<S: State>(&self, run: Run<'_, S>, x: S) -> S {
        assert!((1..=3).contains(&self.order) && !self.form.is_sde(), "orders 1 to 3 of the ODE");
        let steps = run.times.len() - 1;
        let mut history: VecDeque<(f64, S)> = VecDeque::new(); // (lambda, output), the latest first
        let mut pending: Option<Pending<S>> = None;
        run.walk(x, |run, index, x, from, to| {
            let x0 = run.x0(x, from);
            let output = if self.form.is_epsilon() { epsilon(x, &x0, from) } else { S::combine(&[(1.0, &x0)]) };
            let corrected =
                pending.take().filter(|_| self.correct).map(|p| self.correct_step(&p, from, &output, &history));
            let x = corrected.as_ref().unwrap_or(x);
            if to.is_data() {
                return (S::combine(&[(to.alpha, &x0)]), x0);
            }
            let order = order_at(self.order, index, steps);
            history.push_front((from.lambda(), output));
            let h = to.lambda() - from.lambda();
            let nodes: Vec<(f64, &S)> =
                history.iter().take(order).map(|(lambda, m)| ((lambda - from.lambda()) / h, m)).collect();
            let places: Vec<f64> = nodes[1..].iter().map(|(r, _)| *r).collect();
            let next = self.state(x, from, to, &nodes, &self.weights_of(from, to, &places, true));
            pending = Some(Pending { x: S::combine(&[(1.0, x)]), from, order });
            history.truncate(self.order);
            (next, x0)
        })
    }

    // excerpt: corrector
    /// UniC: the step to `to` again, with the output there as one more node at r = 1.
    fn correct_step<S: State>(&self, p: &Pending<S>, to: NoiseLevel, at_to: &S, history: &VecDeque<(f64, S)>) -> S {
        let h = to.lambda() - p.from.lambda();
        let mut nodes: Vec<(f64, &S)> =
            history.iter().take(p.order).map(|(lambda, m)| ((lambda - p.from.lambda()) / h, m)).collect();
        nodes.push((1.0, at_to));
        let places: Vec<f64> = nodes[1..].iter().map(|(r, _)| *r).collect();
        let of_nodes = self.weights_of(p.from, to, &places, p.order == 1);
        self.state(&p.x, p.from, to, &nodes, &of_nodes)
    }
    // end excerpt
}
