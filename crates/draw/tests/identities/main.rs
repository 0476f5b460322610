//! What must hold of the attention, the bound, the networks and training.

mod bounds;
mod common;
mod filterbanks;
mod learners;
mod networks;
