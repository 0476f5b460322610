//! Schedules, Gaussians, randomness and the bridge to libtorch.
//!
//! Everything mathematical is a pure function in f64 and builds without libtorch (`--no-default-features`); the feature
//! `torch` adds tensors, devices and weight files. Time runs from t = 0 (data) to t = T (noise), as in the papers.
//!
//! | symbol | meaning | here |
//! |---|---|---|
//! | $T$ | number of steps | [`NoiseSchedule::steps`] |
//! | $\beta_t,\ \alpha_t = 1-\beta_t$ | forward variance and its complement | [`NoiseSchedule::beta`], [`NoiseSchedule::alpha`] |
//! | $\bar\alpha_t$ (the DDIM paper's $\alpha_t$) | cumulative product | [`NoiseSchedule::alpha_bar`] |
//! | $\sqrt{\bar\alpha_t},\ \sqrt{1-\bar\alpha_t}$ (the DPM-Solver paper's $\alpha_t,\sigma_t$) | coefficients of $x_0$ and $\epsilon$ in $x_t$ | [`NoiseSchedule::sqrt_alpha_bar`], [`NoiseSchedule::sqrt_one_minus_alpha_bar`] |
//! | SNR$_t$, $\lambda_t$ | signal-to-noise ratio, half its logarithm | [`NoiseSchedule::snr`], [`NoiseSchedule::lambda`] |
//! | $\hat\sigma_t$ (the EDM paper's $\sigma$) | noise level of $x_t/\sqrt{\bar\alpha_t}$ | [`NoiseSchedule::sigma_hat`] |
//! | $q(x_t \mid x_s)$ | forward kernel | [`NoiseSchedule::transition`] |
//! | $\tilde\mu_t,\ \tilde\beta_t$ | posterior $q(x_s \mid x_t, x_0)$ | [`NoiseSchedule::posterior`], [`NoiseSchedule::posterior_epsilon`] |
//! | $\sigma_t^2,\ \Sigma_\theta$ | variance of the reverse model | [`ModelVariance`], [`posterior::learned_range_log_variance`] |
//! | $\epsilon_\theta,\ \hat x_0,\ v,\ \mu_\theta,\ s_\theta$ | what a network predicts | [`Parameterisation`] |
//! | $L_T$ | prior term of the bound | [`gaussian::prior_kl`] |
//! | $L_{t-1},\ C_t$ | its steps, 2 <= t <= T | [`bound::step_weight`], [`bound::step_constant`] |
//! | $L_0$ | its discretised decoder | [`gaussian::discretised_log_likelihood`] |
//! | $D_{KL}$ | divergence of Gaussians | [`gaussian::kl`] |
//! | $\nabla\ln q(x_t)$, $\mathbb E[x_0 \mid x_t]$, $D(x;\sigma)$ | exact score and denoisers of a mixture | [`GaussianMixture::score`], [`GaussianMixture::posterior_mean`], [`GaussianMixture::denoise`] |
//! | $\epsilon, z \sim \mathcal N(0, I)$; $t \sim U\{1..T\}$ | random draws | [`Stream::normal_f64`], [`Stream::time`] |
//! | $x_t = \alpha_t x_0 + \sigma_t\epsilon$, samplers | what every sampler is a function of | [`sampling::Run`], [`sampling::NoiseLevel`], [`sampling::Schedule`] |
//! | $\tau, S$ | sampling times | [`Spacing`], [`NoiseSchedule::respace`] |

pub mod bound;
pub mod error;
pub mod files;
pub mod gaussian;
pub mod mixture;
pub mod noise;
pub mod parameterisation;
pub mod posterior;
pub mod sampling;
pub mod schedule;
pub mod schedule_config;
pub mod spacing;
pub mod special;

#[cfg(feature = "torch")]
pub mod coefficients;
#[cfg(feature = "torch")]
pub mod device;
#[cfg(feature = "torch")]
pub mod tensor;
#[cfg(feature = "torch")]
pub mod weights;

pub use error::MathError;
pub use mixture::GaussianMixture;
pub use noise::{Noise, Stream};
pub use parameterisation::{Affine, Parameterisation};
pub use posterior::{ModelVariance, Posterior, Transition};
pub use schedule::{NoiseSchedule, Respaced};
pub use schedule_config::ScheduleConfig;
pub use spacing::Spacing;

#[cfg(feature = "torch")]
pub use coefficients::Coefficients;
#[cfg(feature = "torch")]
pub use device::parse_device;
