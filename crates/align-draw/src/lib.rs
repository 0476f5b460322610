//! AlignDRAW: pictures from captions by soft alignment.
//!
//! Mansimov, Parisotto, Ba, Salakhutdinov: Generating Images from Captions with Attention, ICLR 2016, arXiv:1511.02793.
