//! Telling collapse from progress while the game goes on. Neither loss says it: both may stay where they are while samples
//! get better, and while they get worse.

use std::fmt;

/// Memory of the running means: about the last hundred steps.
const MEMORY: f64 = 0.99;
/// D's beliefs beyond which G learns nothing any more.
const CERTAIN: f64 = 0.98;
/// Norm of a gradient above which training is falling apart.
const LARGEST_GRADIENT: f64 = 100.0;
/// Share of the classes that must be there.
const FEWEST_CLASSES: f64 = 0.5;

/// What one step shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vitals {
    /// Mean D(x) over real pictures.
    pub real: f64,
    /// Mean D(G(z)) over fakes.
    pub fake: f64,
    /// Norm of G's gradient.
    pub g_grad: f64,
    /// Norm of D's gradient.
    pub d_grad: f64,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Symptom {
    /// G makes few kinds of pictures.
    ModeCollapse {
        /// Share of the classes among the samples.
        classes: f64,
    },
    /// D tells all fakes from all real pictures.
    DiscriminatorWins {
        /// Mean D(x).
        real: f64,
        /// Mean D(G(z)).
        fake: f64,
    },
    /// Steps in no direction.
    Gradient {
        /// The norm.
        norm: f64,
    },
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ModeCollapse { classes } => write!(
                f,
                "mode collapse: only {:.0} % of the classes are among the samples. Try a lower train.generator.rate.lr, \
                 a larger batch, train.loss = {{ kind = \"smoothed\", alpha = 0.9 }}, or another seed",
                100.0 * classes
            ),
            Self::DiscriminatorWins { real, fake } => write!(
                f,
                "D is always right (mean D(x) {real:.3}, mean D(G(z)) {fake:.3}), and G has no gradient to learn from. \
                 Try a lower train.discriminator.rate.lr, fewer channels in D, \
                 train.loss = {{ kind = \"smoothed\", alpha = 0.9 }}, or another seed"
            ),
            Self::Gradient { norm } => write!(
                f,
                "the norm of a gradient is {norm:.0} on average: training falls apart. Try lower learning rates, or \
                 train.generator.clip = 10 and train.discriminator.clip = 10"
            ),
        }
    }
}

/// Running means of the vitals, and for how many checkpoints in a row something has been wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Health {
    means: [f64; 4],
    seen: f64,
    strikes: f64,
}

impl Default for Health {
    fn default() -> Self {
        Self { means: [0.0; 4], seen: 0.0, strikes: 0.0 }
    }
}

impl Health {
    /// Takes in a step.
    pub fn observe(&mut self, vitals: Vitals) {
        let values = [vitals.real, vitals.fake, vitals.g_grad, vitals.d_grad];
        for (mean, value) in self.means.iter_mut().zip(values) {
            *mean = MEMORY * *mean + (1.0 - MEMORY) * value;
        }
        self.seen = MEMORY * self.seen + (1.0 - MEMORY);
    }

    /// The means over about the last hundred steps.
    pub fn vitals(&self) -> Vitals {
        // Early means are weighted by how much has been seen.
        let [real, fake, g_grad, d_grad] = self.means.map(|m| if self.seen > 0.0 { m / self.seen } else { 0.0 });
        Vitals { real, fake, g_grad, d_grad }
    }

    /// What is wrong now; `classes` is the share of the classes among samples, where it was measured.
    pub fn symptom(&self, classes: Option<f64>) -> Option<Symptom> {
        let Vitals { real, fake, g_grad, d_grad } = self.vitals();
        let norm = g_grad.max(d_grad);
        if norm > LARGEST_GRADIENT {
            return Some(Symptom::Gradient { norm });
        }
        if real > CERTAIN && fake < 1.0 - CERTAIN {
            return Some(Symptom::DiscriminatorWins { real, fake });
        }
        classes.filter(|c| *c < FEWEST_CLASSES).map(|classes| Symptom::ModeCollapse { classes })
    }

    /// A checkpoint's verdict: a symptom at the `patience`-th checkpoint in a row that shows one; none ever for patience 0.
    pub fn verdict(&mut self, classes: Option<f64>, patience: u64) -> Option<Symptom> {
        let symptom = self.symptom(classes);
        self.strikes = if symptom.is_some() { self.strikes + 1.0 } else { 0.0 };
        symptom.filter(|_| patience > 0 && self.strikes >= patience as f64)
    }

    /// All of it as numbers, for a checkpoint.
    pub fn to_row(&self) -> [f64; 6] {
        let [a, b, c, d] = self.means;
        [a, b, c, d, self.seen, self.strikes]
    }

    /// The inverse of [`Health::to_row`].
    pub fn from_row([a, b, c, d, seen, strikes]: [f64; 6]) -> Self {
        Self { means: [a, b, c, d], seen, strikes }
    }
}
