//! AlignDRAW: pictures from captions by soft alignment.
//!
//! Mansimov, Parisotto, Ba, Salakhutdinov: Generating Images from Captions with Attention, ICLR 2016, arXiv:1511.02793, with
//! the released code where the two leave a choice. It builds on [`draw`] for reading and writing.
//!
//! | of the paper | here | test |
//! |---|---|---|
//! | bidirectional LSTM over the words, one vector $h^{lang}_k$ a word | `easel_text::BiLstm`, [`model::AlignDraw::pass`] | `captions_do_not_change_each_other` |
//! | $e^t_k$, $\alpha^t$, $s_t$ | [`alignment::Alignment`] | `weights_sum_to_one` |
//! | $P(Z_1)$, $P(Z_t \mid Z_{<t}, y)$ | [`latent::Prior`] | `the_prior_is_bounded`, `the_prior_depends_on_the_caption_from_the_second_step` |
//! | $Q(Z_t \mid Z_{<t}, y, x)$ | [`latent::Posterior`] | `the_posterior_is_not_squashed` |
//! | the bound $\mathcal L$ | [`loss::Bound`] | `kl_is_that_of_gaussians`, `the_bound_is_below_the_likelihood` |
//! | read and write | [`draw::attention`] | there; `the_canvas_is_the_sum_of_what_is_written` |
//! | generation | [`sample::sample`] | `samples_follow_the_prior` |
//! | sharpening (COCO) | [`sharpen`], [`sharpen_learner`] | `sharpening_stays_in_range` |
//! | captioned digits | `easel_data::captioned_digits`, read back by [`oracle`] | `real_scenes_are_found` |
//!
//! Left out: the skip-thought vector of the sharpening stage, in whose place stands the vector of our own language encoder,
//! and the released code's way of reversing (it flips the batch and not the words). Different: Adam in place of RMSProp, clipping
//! by the global norm, words through an embedding, and grids that are not shifted by a stride (see `draw`).

pub mod alignment;
pub mod config;
pub mod latent;
pub mod learner;
pub mod loss;
pub mod model;
pub mod oracle;
pub mod sample;
pub mod sharpen;
pub mod sharpen_learner;
pub mod source;

pub use config::AlignDrawConfig;
pub use learner::AlignDrawLearner;
pub use model::AlignDraw;
pub use sharpen_learner::SharpenLearner;
