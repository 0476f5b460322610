//! What must hold of the attention, the bound, the networks and training.

mod common;
mod filterbanks;
