//! Generative adversarial networks.
//!
//! Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville and Bengio, "Generative Adversarial Nets", NIPS 2014,
//! arXiv:1406.2661; with the networks of Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep
//! Convolutional Generative Adversarial Networks" (DCGAN), ICLR 2016, arXiv:1511.06434.
//!
//! | of the papers | here |
//! |---|---|
//! | eq. 1, the value of the game | [`game::value`]; on logits [`Loss`] |
//! | eq. 2, Proposition 1, $D^*_G$ | [`game::optimal_discriminator`] |
//! | eqs. 4 to 6, Theorem 1, C(G) | [`game::virtual_criterion`], [`game::jensen_shannon`] |
//! | section 3, G maximises log D instead | [`Loss::NonSaturating`] |
//! | Algorithm 1 | [`GanLearner`], [`UpdateRule::Alternating`]; the code's rule [`UpdateRule::Simultaneous`] |
//! | Fig. 1, p_g follows D | [`toy`] |
//! | Fig. 3, ways in z | [`latent::lerp`], [`latent::slerp`] |
//! | Table 1, Parzen windows | [`parzen`] |
//! | the networks of 2014 for MNIST | [`GanConfig::paper_2014`], [`config::Form::Mlp`] |
//! | not of these papers: packs, augmentation that G does not learn, a gradient penalty for a discriminator with a condition | [`GanConfig::pack`], [`augment`], [`penalty`] |
//! | DCGAN, its guidelines | [`blocks`], [`config::Form::Dcgan`], `easel_nn::InitScheme::Dcgan` |
//!
//! Samples come from the moving average of G's weights, with statistics of batch normalisation that were estimated for
//! them ([`sample::with_settled`]), so that a picture depends on its own z alone. DCGAN's first code normalised by the batch
//! when sampling too.
//!
//! Left out: plain gradient descent with momentum (Adam is DCGAN's), DCGAN's features for classification, its model with
//! labels (the crates `text-gan` and `controlgan` have conditions), feature matching.

pub mod augment;
pub mod blocks;
pub mod config;
pub mod game;
pub mod health;
pub mod latent;
pub mod learner;
pub mod loss;
pub mod model;
pub mod parzen;
pub mod penalty;
pub mod sample;
pub mod toy;

pub use config::GanConfig;
pub use learner::{GanLearner, TrainConfig, UpdateRule};
pub use loss::Loss;
pub use model::{Discriminator, Generator};
