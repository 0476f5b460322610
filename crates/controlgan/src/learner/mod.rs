//! Training, in three runs: captions with pictures, then attributes, then the two players.

mod attributes;
mod matching;
mod players;

pub use attributes::AttributeLearner;
pub use matching::MatchLearner;
pub use players::{LossWeights, PlayersConfig, PlayersLearner};

use easel_train::TrainError;

fn model(error: impl std::fmt::Display) -> TrainError {
    TrainError::Model(error.to_string())
}
