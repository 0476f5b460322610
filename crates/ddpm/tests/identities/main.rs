//! What must hold of the forward process, the objectives, the bound, the samplers and training.

mod bounds;
mod common;
mod importance;
mod interpolations;
mod labels;
mod learners;
mod losses;
mod networks;
mod processes;
mod samplers;
