//! DRAW: recurrent attention over a canvas.
//!
//! Gregor, Danihelka, Graves, Rezende, Wierstra: DRAW: A Recurrent Neural Network For Image Generation, ICML 2015, arXiv:1502.04623.

pub mod attention;
pub mod window;
