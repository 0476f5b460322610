//! DRAW: recurrent attention over a canvas.
//!
//! Gregor, Danihelka, Graves, Rezende, Wierstra: DRAW: A Recurrent Neural Network For Image Generation, ICML 2015,
//! arXiv:1502.04623.
//!
//! | of the paper | here |
//! |---|---|
//! | eqs. 1, 2, 6, posterior $Q(Z_t \mid h^{enc}_t)$ | [`Pass::forward`] |
//! | eqs. 3 to 5, 7, 8, one glimpse | [`Pass::forward`] |
//! | eq. 9, $L^x$ | [`loss::reconstruction`] |
//! | eqs. 10, 11, $L^z$, with the right constant | [`loss::kl`] |
//! | eq. 12, $L$ | [`loss::Terms::bound`]; on pictures [`bound::evaluate`] |
//! | eqs. 13 to 16, generation | [`pass::Generator`], [`Draw::generate`] |
//! | eqs. 17, 18, without attention | [`config::DrawConfig::attention`] |
//! | eqs. 19, 20, 25, 26, filterbanks | [`window::centres`], [`window::filterbank`]; on batches [`attention::Basis::filters`] |
//! | eqs. 21 to 24, the five numbers | [`attention::Attention`], [`window::Window::from_outputs`] |
//! | eqs. 27, 29, read and write | [`window::read`], [`window::write`]; on batches [`attention::Filters`] |
//! | table 3, MNIST | [`config::DrawConfig::paper`] |
//!
//! The paper leaves optimiser, batch and initial values open. Here: Adam, weights as in the released code of Ho et al. 2020
//! (uniform, by fan-in and fan-out), $h_0 = 0$ and cells 0 at first, and $c_0$ at the logits of the mean training picture, without
//! which the first thousand steps go into learning it. Pictures are binarised anew at every step; test pictures once for all runs.
//!
//! Left out: classification by glimpses (section 4.1), and colour, which the paper models by intensities as Bernoulli means.

pub mod attention;
pub mod bound;
pub mod config;
pub mod learner;
pub mod loss;
pub mod model;
pub mod pass;
pub mod sample;
pub mod vae;
pub mod window;

pub use config::DrawConfig;
pub use learner::BoundLearner;
pub use model::Draw;
pub use pass::Pass;
pub use vae::{Vae, VaeConfig};
