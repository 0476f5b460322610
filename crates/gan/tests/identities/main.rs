//! The identities of the papers, and what training must keep.

mod augments;
mod games;
mod latents;
mod learners;
mod losses;
mod networks;
mod parzens;
mod penalties;
mod toys;
