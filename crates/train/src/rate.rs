//! The learning rate as a function of the step.

use serde::{Deserialize, Serialize};

/// How the learning rate falls after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Not at all.
    Constant,
    /// Linearly to `final_lr` at the last step.
    Linear,
    /// Along half a cosine to `final_lr` at the last step.
    Cosine,
}

/// Peak learning rate, warm-up and decay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateConfig {
    /// Learning rate after the warm-up.
    pub lr: f64,
    /// Learning rate at the last step, unless the decay is constant.
    pub final_lr: f64,
    /// Steps over which the rate rises linearly from near 0.
    pub warmup: u64,
    /// Shape of the fall.
    pub decay: Decay,
}

impl Default for RateConfig {
    fn default() -> Self {
        Self { lr: 1e-3, final_lr: 0.0, warmup: 100, decay: Decay::Cosine }
    }
}

impl RateConfig {
    /// Learning rate of `step` (counted from 0) in a run of `steps`.
    pub fn at(&self, step: u64, steps: u64) -> f64 {
        if step < self.warmup {
            return self.lr * (step + 1) as f64 / self.warmup as f64;
        }
        let span = steps.saturating_sub(self.warmup).max(1) as f64;
        let progress = ((step - self.warmup) as f64 / span).min(1.0);
        let fall = match self.decay {
            Decay::Constant => return self.lr,
            Decay::Linear => 1.0 - progress,
            Decay::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        };
        self.final_lr + (self.lr - self.final_lr) * fall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_over_the_warm_up_and_ends_at_the_final_rate() {
        for decay in [Decay::Linear, Decay::Cosine] {
            let rate = RateConfig { lr: 1.0, final_lr: 0.1, warmup: 10, decay };
            assert_eq!(rate.at(0, 110), 0.1);
            assert_eq!(rate.at(9, 110), 1.0);
            assert_eq!(rate.at(10, 110), 1.0);
            assert!((rate.at(60, 110) - 0.55).abs() < 1e-12);
            assert!((rate.at(110, 110) - 0.1).abs() < 1e-12);
        }
    }

    #[test]
    fn stays_finite_when_the_run_is_shorter_than_the_warm_up() {
        let rate = RateConfig { warmup: 100, ..RateConfig::default() };
        assert!((0..20).all(|s| rate.at(s, 10).is_finite()));
    }
}
