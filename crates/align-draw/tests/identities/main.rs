//! The mathematics of AlignDRAW, checked from outside.

mod common;
mod learners;
mod networks;
mod objectives;
mod oracles;
