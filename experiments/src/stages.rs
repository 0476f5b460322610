//! What runs have in common: training to the end, counting its seconds, and everything that follows.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use easel_core::weights;
use easel_plot::{Figure, ImageGrid};
use easel_train::run_dir::read_metrics;
use easel_train::{Learner, LoopConfig, Progress, RunDir, train};
use tch::Tensor;

use crate::experiment::{Evaluation, Experiment, FigureInfo, check_expected, write_results};
use crate::tensors::pictures;

/// Samples that a run saves.
const SAVED: i64 = 64;

/// Trains in `run` to the end; the seconds that it took, over all resumptions. `what` is trained, in words.
///
/// # Errors
/// Those of the training, and a stop that was asked for.
pub fn train_to_end(learner: &mut dyn Learner, steps: &LoopConfig, run: &mut RunDir, what: &str) -> Result<f64> {
    let outcome = train(learner, steps, run, Progress::new(what, steps.steps, "steps"))?;
    if !outcome.complete {
        bail!("{what} stopped at step {}; continue with --resume", outcome.step);
    }
    Ok(outcome.seconds)
}

/// Seconds that the logs in these folders count; a folder without a log counts none.
pub fn training_seconds<P: AsRef<Path>>(folders: impl IntoIterator<Item = P>) -> Result<f64> {
    let mut seconds = 0.0;
    for folder in folders {
        let lines = read_metrics(&folder.as_ref().join("metrics.jsonl"))?;
        seconds += lines.last().and_then(|line| line["seconds"].as_f64()).unwrap_or_default();
    }
    Ok(seconds)
}

/// Saves the first of `images` (f32 `[N, C, H, W]` in [-1, 1]) as a grid and as numbers.
pub fn save_samples(images: &Tensor, out: &Path) -> Result<()> {
    let folder = out.join("samples");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let shown = images.narrow(0, 0, images.size()[0].min(SAVED));
    Figure::new().panel(ImageGrid::new(pictures(&shown)?, 8)).save(&folder, "grid")?;
    weights::write(&folder.join("samples.safetensors"), &[("images".into(), shown)], &BTreeMap::new())?;
    Ok(())
}

/// Writes and prints the results of a run, draws `figures`, and tells where everything is.
pub fn report<'a>(
    experiment: &dyn Experiment,
    out: &Path,
    preset: &str,
    evaluation: &Evaluation,
    figures: impl IntoIterator<Item = &'a FigureInfo>,
    draw: impl Fn(&str) -> Result<Figure>,
) -> Result<()> {
    write_results(experiment, out, preset, evaluation)?;
    println!("{}\n", evaluation.markdown);
    for (line, _) in check_expected(experiment, preset, &evaluation.metrics) {
        println!("{line}");
    }
    for figure in figures {
        for path in draw(figure.name)?.save(&out.join("figures"), figure.name)? {
            println!("{}", path.display());
        }
    }
    println!("report: {}", out.join("report.md").display());
    Ok(())
}
