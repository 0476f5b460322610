//! Inpainting and editing with unconditional models, while sampling.
//!
//! | paper | subject | here | test |
//! |---|---|---|---|
//! | Sohl-Dickstein et al. 2015, arXiv:1503.03585; Song et al. 2021, arXiv:2011.13456, section 5 | replacement of the known part | [`replacement()`], [`replacing`] | `the_network_is_told_the_level_of_the_known_part`, `the_known_part_is_returned_to_the_bit` |
//! | | its bias, in closed form | | all of `tests/identities/table.rs` |
//! | | where it has none | | `independent_pixels_do_not_notice_what_is_known` |
//! | Nichol et al. 2022 (GLIDE), arXiv:2112.10741, released sampler | known data in $\hat x_0$ | [`KnownData`] | `known_data_is_replacement_with_the_noise_of_the_start`, `known_data_serves_every_sampler` |
//! | Lugmayr et al. 2022 (RePaint), arXiv:2201.09865, algorithm 1 | resampling | [`repaint()`] | `resampling_with_the_small_variance`, `bias_falls_with_resamplings_and_not_with_steps` |
//! | the same, section 4.2 | schedule with jumps | [`Resampling::path`] | `published_counts_of_moves`, `paths_walk_single_levels_from_noise_to_data` |
//! | the same, $x_t = \sqrt{1-\beta}x_{t-1}+\sqrt\beta z$ | noise upwards | [`repaint::renoising`] | `single_steps_upwards_make_one_jump` |
//! | the same, section 5 | masks | [`shapes`] | `usual_masks_keep_what_they_say` |
//! | Meng et al. 2022 (SDEdit), arXiv:2108.01073, algorithm 1 | editing of guides | [`sdedit()`] | `exact_reverse_processes_give_the_closed_forms`, `chains_converge_to_the_closed_forms_with_order_one` |
//! | the same, masked | | [`sdedit_masked`] | `masked_editing_keeps_what_is_known_at_every_level` |
//! | Rombach et al. 2022, arXiv:2112.10752, released picture-to-picture | strength | [`Start`] | `strength_is_the_share_of_steps_executed`, `published_starts_of_strengths` |
//! | the same | masks on latents | [`resize`] | `holes_never_shrink` |
//!
//! States are all that [`easel_core::sampling::State`] is, so every function works on arrays and on tensors. Samplers draw
//! their own normals as without a mask; known data draws [`replacement::KNOWN_PART`] and a guide [`sdedit::GUIDE_PART`].
//!
//! Left out: models trained for inpainting, whose networks see mask and masked picture as further channels; SDEdit's
//! repetitions, which are calls of [`sdedit()`] with other noise; blending of seams (Poisson, histograms).

pub mod known;
pub mod mask;
pub mod repaint;
pub mod replacement;
pub mod resize;
pub mod sdedit;
pub mod shapes;
pub mod update;

pub use known::{Known, KnownData};
pub use mask::{Mask, Polarity};
pub use repaint::{Resampling, repaint};
pub use replacement::{KnownNoise, Merge, replacement, replacing};
pub use sdedit::{Start, sdedit, sdedit_masked};
pub use update::{Update, ddim_step};
