//! Importance sampling of t for pure $L_{vlb}$ training.
//!
//! $p_t\propto\sqrt{\mathbb E[L_t^2]}$ over the last ten losses of each t (Nichol and Dhariwal 2021, section 3.3).

/// How many losses of each t are remembered.
pub const HISTORY: usize = 10;
/// Share of the uniform distribution mixed in.
pub const UNIFORM: f64 = 0.001;

/// The last losses of each t, and the distribution that follows.
#[derive(Debug, Clone, PartialEq)]
pub struct LossHistory {
    losses: Vec<[f64; HISTORY]>, // by t - 1; oldest first
    counts: Vec<usize>,
}

impl LossHistory {
    /// Nothing remembered for T = `steps` times.
    pub fn new(steps: usize) -> Self {
        Self { losses: vec![[0.0; HISTORY]; steps], counts: vec![0; steps] }
    }

    /// Takes in the loss of time t (1..=T).
    pub fn record(&mut self, t: usize, loss: f64) {
        let (losses, count) = (&mut self.losses[t - 1], &mut self.counts[t - 1]);
        if *count == HISTORY {
            losses.rotate_left(1);
            losses[HISTORY - 1] = loss;
        } else {
            losses[*count] = loss;
            *count += 1;
        }
    }

    /// Whether every t has its ten losses; until then the distribution is uniform.
    pub fn warmed_up(&self) -> bool {
        self.counts.iter().all(|&c| c == HISTORY)
    }

    /// p_t for t = 1..=T; sums to 1.
    pub fn probabilities(&self) -> Vec<f64> {
        let uniform = 1.0 / self.losses.len() as f64;
        if !self.warmed_up() {
            return vec![uniform; self.losses.len()];
        }
        let roots: Vec<f64> =
            self.losses.iter().map(|l| (l.iter().map(|x| x * x).sum::<f64>() / HISTORY as f64).sqrt()).collect();
        let sum: f64 = roots.iter().sum();
        if sum <= 0.0 {
            return vec![uniform; self.losses.len()];
        }
        roots.iter().map(|r| (1.0 - UNIFORM) * r / sum + UNIFORM * uniform).collect()
    }

    /// Draws a time by inverse distribution from `u` in [0, 1): (t, weight $1/(T p_t)$).
    pub fn draw(probabilities: &[f64], u: f64) -> (usize, f64) {
        let mut below = 0.0;
        let last = probabilities.len() - 1;
        let index = probabilities[..last].iter().position(|p| {
            below += p;
            u < below
        });
        let index = index.unwrap_or(last);
        (index + 1, 1.0 / (probabilities.len() as f64 * probabilities[index]))
    }

    /// The memory as one row a time: `[T, 11]`, the losses and their count.
    pub fn to_rows(&self) -> Vec<f64> {
        self.losses.iter().zip(&self.counts).flat_map(|(l, &c)| l.iter().copied().chain([c as f64])).collect()
    }

    /// The memory back from [`LossHistory::to_rows`]; a count beyond [`HISTORY`] is read as full.
    pub fn from_rows(rows: &[f64]) -> Self {
        let mut history = Self::new(rows.len() / (HISTORY + 1));
        for (i, row) in rows.chunks_exact(HISTORY + 1).enumerate() {
            history.losses[i].copy_from_slice(&row[..HISTORY]);
            history.counts[i] = (row[HISTORY] as usize).min(HISTORY);
        }
        history
    }
}
