//! The paper's mathematics, the networks' contracts, and training that resumes bit for bit.

#[path = "identities/game.rs"]
mod game;
#[path = "identities/losses.rs"]
mod losses;
#[path = "identities/networks.rs"]
mod networks;
#[path = "identities/texts.rs"]
mod texts;
#[path = "identities/training.rs"]
mod training;
