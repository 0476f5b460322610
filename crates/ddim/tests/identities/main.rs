//! The paper's mathematics as property tests (f64, no libtorch).

#[path = "../../../core/tests/support/sampling.rs"]
mod common;
mod encodings;
mod lecture;
mod processes;
mod samplers;
