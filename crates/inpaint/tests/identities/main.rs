//! The papers' mathematics as property tests (f64, no libtorch).

#[path = "../../../core/tests/support/sampling.rs"]
mod common;
mod law;
mod lecture;
mod masks;
mod replacements;
mod resamplings;
mod sdedits;
mod table;
