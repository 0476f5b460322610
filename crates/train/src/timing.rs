//! Times of repeated work, as the comparison programs print them.

use std::time::Instant;

/// Minimum and median of the milliseconds that `work` takes, over `rounds` calls (at least 1), numbered from 0.
///
/// # Errors
/// The first error of `work`.
pub fn minimum_and_median<T, E>(rounds: u64, mut work: impl FnMut(u64) -> Result<T, E>) -> Result<(f64, f64), E> {
    let mut times = Vec::new();
    for round in 0..rounds.max(1) {
        let started = Instant::now();
        let _ = work(round)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[0], times[(times.len() - 1) / 2]))
}
