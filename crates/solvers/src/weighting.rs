//! Weights of the training loss.

use easel_core::{NoiseSchedule, Parameterisation};

/// Min-SNR-$\gamma$: the factor of the output's squared error at time t that makes the weight of $\|x_0-\hat x_0\|^2$
/// equal min(SNR, $\gamma$) (Hang et al. 2023, arXiv:2303.09556, eq. 7); published: $\gamma$ = 5.
///
/// Where nothing of the data is left, the factor of epsilon is 1, as released.
///
/// # Panics
/// For a time outside 1..=T.
pub fn min_snr(schedule: &NoiseSchedule, parameterisation: Parameterisation, t: usize, gamma: f64) -> f64 {
    let snr = schedule.snr(t);
    if snr == 0.0 && parameterisation == Parameterisation::Epsilon {
        return 1.0;
    }
    snr.min(gamma) / parameterisation.loss_in_x0(schedule.alpha_bar(t), schedule.alpha_bar(t - 1))
}
