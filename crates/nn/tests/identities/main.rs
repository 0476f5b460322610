//! What must hold for the blocks and the U-Net, whatever their weights.

mod common;
mod embeddings;
mod layers;
mod networks;
mod public;
