//! Classifier guidance and classifier-free guidance.
//!
//! Dhariwal and Nichol, "Diffusion Models Beat GANs on Image Synthesis", NeurIPS 2021, arXiv:2105.05233; Ho and Salimans,
//! "Classifier-Free Diffusion Guidance", arXiv:2207.12598. All functions work on pairs $(\alpha_t, \sigma_t)$ of
//! $x_t = \alpha_t x_0 + \sigma_t\epsilon$; $\sigma_t$ is the deviation of the marginal, $\sqrt{1-\bar\alpha_t}$, and
//! never the noise of a step.
//!
//! | of the papers | here | test |
//! |---|---|---|
//! | Dhariwal and Nichol, section 4.1, Algorithm 1 | [`classifier::ddpm_mean_shift`] | `the_mean_moves_by_s_sigma_g`, `guided_ancestral_samples_follow_the_condition` |
//! | the same, section 4.2, Algorithm 2 | [`classifier::ClassifierGuided`] in `ddim::ddim` | `the_minus_sign_gives_the_conditional_epsilon`, `published_chains_of_the_mixture` |
//! | the same, the classifier | `NoisyClassifier`, `ClassifierLearner` | `training_lowers_the_loss`, `accuracy_falls_with_noise` |
//! | its gradient | `gradient::log_probability` | `autograd_agrees_with_central_differences` |
//! | Ho and Salimans, eq. 6 | [`combine`], [`GuidanceScale`] | `limits_are_exact`, `both_conventions_are_one` |
//! | the same, Algorithm 2 | [`ClassifierFree`] in any sampler | `equal_variances_have_a_closed_form`, `guidance_is_not_the_sharpened_density` |
//! | the same, section 3.2, the implicit classifier | | `classifier_guidance_is_classifier_free_guidance_of_the_exact_model` |
//! | Nichol et al. 2022 (arXiv:2112.10741), section 2.4, CLIP guidance | [`classifier`] with `gradient::of` the inner product | `any_scalar_guides` |
//! | Kynkäänniemi et al. 2024 (arXiv:2404.07724) | [`Interval`] | `outside_the_interval_only_the_condition_is_evaluated` |
//! | Lin et al. 2024 (arXiv:2305.08891), section 3.4 | [`rescale`] | `rescaling_gives_the_conditional_deviation` |
//!
//! Left out: the training without condition at random, which is the diffusion model's (see `ddpm`), and attention inside
//! the classifier, whose pictures here are small.

#[cfg(feature = "torch")]
pub mod batch;
pub mod classifier;
pub mod classifier_free;
#[cfg(feature = "torch")]
pub mod gradient;
#[cfg(feature = "torch")]
pub mod noisy_classifier;
pub mod per_sample;
pub mod scale;

#[cfg(feature = "torch")]
pub use batch::{LearnedRange, in_one_pass};
pub use classifier::{ClassifierGuided, ddpm_mean_shift};
pub use classifier_free::{ClassifierFree, ConditionalModel, Interval, combine, rescale};
#[cfg(feature = "torch")]
pub use noisy_classifier::{ClassifierLearner, NoisyClassifier, NoisyClassifierConfig};
pub use per_sample::PerSample;
pub use scale::GuidanceScale;
