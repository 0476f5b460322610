//! ControlGAN: word-level attention and discrimination.
//!
//! Li, Qi, Lukasiewicz, Torr: Controllable Text-to-Image Generation, NeurIPS 2019, arXiv:1909.07083, with what it takes over
//! from AttnGAN (Xu et al. 2018, arXiv:1711.10485), StackGAN (Zhang et al. 2017) and TAGAN (Nam et al. 2018).
//!
//! | of the paper | here | test |
//! |---|---|---|
//! | spatial attention (AttnGAN, eq. 10) | [`attention::spatial`] | `rows_sum_to_one_and_padding_gets_nothing`, `padding_changes_nothing` |
//! | channel-wise attention, section 3.2 | [`attention::channel`] | `permuting_words_permutes_the_maps_alone`, `outputs_lie_between_the_words` |
//! | word-level discriminator, section 3.3 | [`correlation::correlate`], [`correlation::Correlation::score`] | `scores_have_the_bounds_of_the_sigmoid_of_a_cosine`, `the_word_level_term_reaches_both_players` |
//! | word-level self-attention (TAGAN) | [`attention::word_importance`] | `weighted_scores_depend_on_the_importance` |
//! | perceptual loss, section 3.4 | [`perceptual::perceptual_loss`] | `the_perceptual_network_stays_as_it_is_while_pictures_learn` |
//! | DAMSM (AttnGAN, eqs. 7 to 13) | [`damsm`] | `every_pair_is_scored_as_if_alone`, `relevance_is_a_soft_maximum`, `equal_scores_cost_the_logarithm_of_the_batch` |
//! | conditioning augmentation (StackGAN, eq. 2) | [`conditioning`] | `samples_have_the_distribution` |
//! | objectives, section 3.5 | [`loss`], [`learner`] | `at_one_half_the_losses_are_the_published_multiples_of_ln_2` |
//! | generator and discriminators, Fig. 2 | [`generator`], [`discriminator`] | `stages_double_and_pictures_stay_in_range`, `every_trunk_ends_at_four_by_four_with_at_most_eight_ndf` |
//! | training, section 4 | [`learner`] | `resumed_runs_end_in_the_same_weights` |
//!
//! # Deviations
//! - As printed, the word-level loss has no value (a sum of words exceeds 1) and the self-attention no effect (it scales a
//!   vector inside a cosine). Here the score is the mean of the words' correlations weighted by the self-attention, in a
//!   binary cross entropy; [`CorreMode`] has the other forms. The released code cuts the term's gradient.
//! - Words of padding get no attention, and channel-wise attention reads the hidden features, as in the paper's figure; the
//!   released code differs in both (`official_wiring`).
//! - Scores of channel-wise attention are divided by the root of the number of places (`scaled_channel_attention`).
//! - Encoder and perceptual network are trained here, on the same pictures, in place of networks that know ImageNet;
//!   [`perceptual::Vgg`] is the paper's perceptual network.
//! - Discriminators may have a gradient penalty ([`gan::penalty`]) in place of batch normalisation (`normalised`).
//! - Longer captions lose their end, not random words.
//!
//! # Left out
//! Dropout in the text encoder, the crops of birds, and the pre-trained Inception-v3.

pub mod attention;
pub mod captions;
pub mod conditioning;
pub mod config;
pub mod correlation;
pub mod damsm;
pub mod discriminator;
pub mod encoder;
pub mod features;
pub mod generator;
pub mod learner;
pub mod loss;
pub mod model;
pub mod perceptual;

pub use config::{ConfigError, ControlGanConfig};
pub use correlation::CorreMode;
pub use discriminator::{Discriminator, WordPerception};
pub use encoder::ImageEncoder;
pub use features::{ImageFeatures, TextFeatures};
pub use generator::{Generated, Generator};
pub use model::{ControlGan, Frozen};
pub use perceptual::AttributeNet;
