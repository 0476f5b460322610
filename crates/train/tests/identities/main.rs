//! Identities of training, and its behaviour under faults.

mod checkpoints;
mod common;
mod logs;
mod muon;
mod optimiser;
mod parameters;
mod resume;
