//! All samplers under one name each, for command lines and comparisons.

use ddim::StepNoise;
use easel_core::sampling::{Run, State};

use crate::euler::{Churn, dpm_2, euler_ancestral, heun};
use crate::exponential::Form;
use crate::lms::lms;
use crate::multistep::{Multistep, SecondOrder, ThirdOrder};
use crate::pndm::{plms, pndm};
use crate::singlestep::{singlestep, stochastic_2s};
use crate::unipc::{BFunction, UniPc};

/// A sampler and its settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampler {
    /// [`ddim::ddim`]: Euler's method with $\eta$ = 0, DDPM with $\eta$ = 1.
    Ddim(StepNoise),
    /// [`euler_ancestral`] with this $\eta$.
    EulerAncestral(f64),
    /// [`heun`], EDM's sampler.
    Heun(Churn),
    /// [`dpm_2`] with this $\eta$.
    Dpm2(f64),
    /// [`lms`] of this order.
    Lms(usize),
    /// [`pndm`].
    Pndm,
    /// [`plms`].
    Plms,
    /// [`singlestep`] of this form and order.
    Singlestep(Form, usize),
    /// [`Multistep`].
    Multistep(Multistep),
    /// [`stochastic_2s`].
    Stochastic2s,
    /// [`UniPc`].
    UniPc(UniPc),
}

/// What there is to know of a sampler by name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// Its name on a command line.
    pub name: &'static str,
    /// The sampler; where it takes $\eta$, with its usual value.
    pub sampler: Sampler,
    /// Order of convergence as measured: of the trajectory for a deterministic sampler, of the law for a stochastic one
    /// (rough paths hold `dpm++3m-sde` at 2); [`None`] where there is none.
    pub order: Option<u32>,
    /// Evaluations of the denoiser a step, but for first and last steps.
    pub evaluations: usize,
    /// Authors and year.
    pub source: &'static str,
}

const fn multistep(form: Form, order: usize) -> Sampler {
    Sampler::Multistep(Multistep { form, order, second: SecondOrder::Midpoint, third: ThirdOrder::Corrected })
}

const fn unipc(order: usize) -> Sampler {
    Sampler::UniPc(UniPc { form: Form::Data, order, b: BFunction::Exponential, correct: true })
}

const NO_CHURN: Churn = Churn { churn: 0.0, sigma_min: 0.0, sigma_max: f64::INFINITY, noise: 1.0 };
/// EDM's settings for ImageNet-64: a chain of N steps churns by min(40 / N, sqrt 2 - 1) a step.
const CHURN: Churn = Churn { churn: 40.0, sigma_min: 0.05, sigma_max: 50.0, noise: 1.003 };

/// All samplers.
pub const ALL: &[Entry] = &[
    entry("ddim", Sampler::Ddim(StepNoise::Eta(0.0)), Some(1), 1, "Song, Meng, Ermon 2021"),
    entry("ddpm", Sampler::Ddim(StepNoise::Eta(1.0)), Some(1), 1, "Ho, Jain, Abbeel 2020"),
    entry("sigma-hat", Sampler::Ddim(StepNoise::SigmaHat), None, 1, "Song, Meng, Ermon 2021, section 5"),
    entry("euler-a", Sampler::EulerAncestral(1.0), Some(1), 1, "k-diffusion"),
    entry("heun", Sampler::Heun(NO_CHURN), Some(2), 2, "Karras et al. 2022"),
    entry("edm", Sampler::Heun(CHURN), None, 2, "Karras et al. 2022"),
    entry("dpm2", Sampler::Dpm2(0.0), Some(2), 2, "k-diffusion"),
    entry("dpm2-a", Sampler::Dpm2(1.0), None, 2, "k-diffusion"),
    entry("lms", Sampler::Lms(4), Some(4), 1, "k-diffusion; Zhang, Chen 2023"),
    entry("pndm", Sampler::Pndm, Some(2), 1, "Liu et al. 2022"),
    entry("plms", Sampler::Plms, Some(2), 1, "Rombach et al. 2022"),
    entry("dpm-solver-2", Sampler::Singlestep(Form::Epsilon, 2), Some(2), 2, "Lu et al. 2022a"),
    entry("dpm-solver-3", Sampler::Singlestep(Form::Epsilon, 3), Some(3), 3, "Lu et al. 2022a"),
    entry("dpm-solver-2m", multistep(Form::Epsilon, 2), Some(2), 1, "Lu et al. 2022a"),
    entry("dpm-solver-3m", multistep(Form::Epsilon, 3), Some(3), 1, "Lu et al. 2022a"),
    entry("dpm++2s", Sampler::Singlestep(Form::Data, 2), Some(2), 2, "Lu et al. 2022b"),
    entry("dpm++2m", multistep(Form::Data, 2), Some(2), 1, "Lu et al. 2022b"),
    entry("dpm++3m", multistep(Form::Data, 3), Some(3), 1, "Lu et al. 2022b"),
    entry("dpm++sde", multistep(Form::DataSde, 1), Some(1), 1, "Lu et al. 2022b"),
    entry("dpm++2s-sde", Sampler::Stochastic2s, None, 2, "k-diffusion"),
    entry("dpm++2m-sde", multistep(Form::DataSde, 2), Some(2), 1, "Lu et al. 2022b"),
    entry("dpm++3m-sde", multistep(Form::DataSde, 3), Some(2), 1, "Lu et al. 2022b"),
    entry("unipc2", unipc(2), Some(3), 1, "Zhao et al. 2023"),
    entry("unipc3", unipc(3), Some(4), 1, "Zhao et al. 2023"),
];

const fn entry(
    name: &'static str,
    sampler: Sampler,
    order: Option<u32>,
    evaluations: usize,
    source: &'static str,
) -> Entry {
    Entry { name, sampler, order, evaluations, source }
}

/// The sampler of this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|e| e.name == name)
}

impl Sampler {
    /// The same with another $\eta$.
    ///
    /// # Errors
    /// A sampler that has none, and what would do.
    pub fn with_eta(self, eta: f64) -> Result<Self, &'static str> {
        if !(eta >= 0.0 && eta.is_finite()) {
            return Err("eta must be 0 or above");
        }
        match self {
            Self::Ddim(_) => Ok(Self::Ddim(StepNoise::Eta(eta))),
            Self::EulerAncestral(_) => Ok(Self::EulerAncestral(eta)),
            Self::Dpm2(_) => Ok(Self::Dpm2(eta)),
            _ if eta == 0.0 && !self.is_stochastic() => Ok(self),
            _ => Err("this sampler has no eta; ddim, euler-a and dpm2-a have"),
        }
    }

    /// Whether it draws noise.
    pub fn is_stochastic(self) -> bool {
        match self {
            Self::Ddim(StepNoise::Eta(eta)) | Self::EulerAncestral(eta) | Self::Dpm2(eta) => eta > 0.0,
            Self::Ddim(StepNoise::SigmaHat) | Self::Stochastic2s => true,
            Self::Heun(churn) => churn.churn > 0.0,
            Self::Multistep(m) => m.form.is_sde(),
            Self::Lms(_) | Self::Pndm | Self::Plms | Self::Singlestep(..) | Self::UniPc(_) => false,
        }
    }

    /// Whether it adds noise between steps, so that its normals cannot come from one path towards the data.
    pub fn adds_noise(self) -> bool {
        matches!(self, Self::Heun(churn) if churn.churn > 0.0)
    }

    /// Whether it extrapolates $\hat\epsilon$ in $\lambda$, which is infinite where nothing is left of the data.
    pub fn needs_signal(self) -> bool {
        !matches!(self, Self::Ddim(_))
    }

    /// Evaluations of the denoiser in a chain of `steps` steps whose last goes to clean data.
    pub fn evaluations(self, steps: usize) -> usize {
        match self {
            Self::Heun(_) | Self::Dpm2(_) | Self::Stochastic2s => 2 * steps - 1,
            Self::Singlestep(_, order) => order * (steps - 1) + 1,
            Self::Pndm => steps + 3 * (steps - 1).min(3),
            Self::Plms => steps + usize::from(steps > 1),
            Self::Ddim(_) | Self::EulerAncestral(_) | Self::Lms(_) | Self::Multistep(_) | Self::UniPc(_) => steps,
        }
    }

    /// Samples along the run's times from the state `x` at the first.
    pub fn sample<S: State>(self, run: Run<'_, S>, x: S) -> S {
        match self {
            Self::Ddim(noise) => ddim::ddim(run, x, noise),
            Self::EulerAncestral(eta) => euler_ancestral(run, x, eta),
            Self::Heun(churn) => heun(run, x, churn),
            Self::Dpm2(eta) => dpm_2(run, x, eta),
            Self::Lms(order) => lms(run, x, order),
            Self::Pndm => pndm(run, x),
            Self::Plms => plms(run, x),
            Self::Singlestep(form, order) => singlestep(run, x, form, order),
            Self::Multistep(solver) => solver.sample(run, x),
            Self::Stochastic2s => stochastic_2s(run, x),
            Self::UniPc(solver) => solver.sample(run, x),
        }
    }
}
