//! One training loop for all papers.
//!
//! A model hands its parameters to a [`Group`]: one flat buffer with its own [`Adam`] state and exponential moving
//! average. A [`Learner`] owns one group or several (a GAN has two) and says what one step is; [`train`] repeats it,
//! logs, checkpoints and resumes.
//!
//! | concern | where |
//! |---|---|
//! | parameters in one buffer, bfloat16 working copy | [`flat`] |
//! | Adam and AdamW (Kingma and Ba 2015; Loshchilov and Hutter 2019) | [`adam`] |
//! | Muon for hidden matrices (Jordan et al. 2024) | [`muon`] |
//! | warm-up and decay of the learning rate | [`rate`] |
//! | moving average of the weights | [`ema`] |
//! | one optimiser's step: gradients, clipping, Adam, average | [`group`] |
//! | what is on disk, atomically | [`checkpoint`], [`run_dir`], [`events`] |
//! | the scalars of a log line, checked for NaN | [`window`] |
//! | the loop | [`trainer`] |
//! | times of repeated work, for the comparison programs | [`timing`] |
//!
//! Randomness never lives in the loop: a step draws what it needs from (seed, purpose, step), so a resumed run needs no
//! generator state and is bit-identical to an undisturbed one at the same number of threads.
//!
//! Rejected: one tensor per parameter in the optimiser (a hundred small operations a step where one flat one does), and
//! libtorch's own optimisers (their state can be neither saved nor restored through the binding).

pub mod adam;
pub mod checkpoint;
pub mod ema;
pub mod error;
pub mod events;
pub mod flat;
pub mod group;
pub mod interrupt;
pub mod muon;
pub mod progress;
pub mod rate;
pub mod run_dir;
pub mod timing;
pub mod trainer;
pub mod window;

pub use adam::{Adam, AdamConfig};
pub use checkpoint::Checkpoints;
pub use ema::Ema;
pub use error::TrainError;
pub use flat::FlatParams;
pub use group::{Group, OptimConfig};
pub use muon::MuonConfig;
pub use progress::Progress;
pub use rate::{Decay, RateConfig};
pub use run_dir::RunDir;
pub use trainer::{Learner, LoopConfig, Outcome, train};
pub use window::Scalars;
