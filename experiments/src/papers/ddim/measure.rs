//! The table of steps and noise, the time of a picture, and reconstruction.

use std::time::Instant;

use anyhow::Result;
use ddim::{StepNoise, encode};
use easel_core::Spacing;
use easel_core::sampling::{Denoiser, Run, falling, no_noise};
use easel_data::Split;
use serde_json::{Map, Value, json};
use solvers::Sampler;
use tch::{Kind, Tensor, no_grad};

use crate::experiment::Evaluation;
use crate::judge::Judge;
use crate::papers::ddpm::generate::{generate_with, with_denoiser};
use crate::papers::ddpm::trained::Trained;
use crate::papers::study::{Cells, StudyConfig, progress};
use crate::sampling::Plan;
use crate::tensors::{all_images, to_unit};

/// The columns of table 1 of the paper, with the names that the results have.
pub const COLUMNS: [(&str, StepNoise); 5] = [
    ("eta 0", StepNoise::Eta(0.0)),
    ("eta 0.2", StepNoise::Eta(0.2)),
    ("eta 0.5", StepNoise::Eta(0.5)),
    ("eta 1", StepNoise::Eta(1.0)),
    ("sigma-hat", StepNoise::SigmaHat),
];

/// Held-out pictures that are encoded and reconstructed.
const CODED: i64 = 100;

/// DDIM with these steps on trailing times.
pub fn plan(trained: &Trained, noise: StepNoise, steps: usize, seed: u64) -> Result<Plan> {
    let times = falling(&Spacing::Trailing.times(trained.config.model.timesteps, steps)?);
    Ok(Plan { sampler: Sampler::Ddim(noise), times, seed, brownian: false })
}

/// Measures every cell.
pub fn measure(trained: &Trained, config: &StudyConfig, cells: &mut Cells) -> Result<Evaluation> {
    let judge = Judge::new(trained.device)?;
    let floor = judge.floor(config.samples)?;
    let mut bar = progress(config.steps.len() * (COLUMNS.len() + 1));
    let mut done = 0;
    let mut tick = |name: &str| {
        done += 1;
        bar.at(done, || name.to_string());
    };
    let (mut table, mut seconds, mut error) = (Map::new(), Map::new(), Map::new());
    let mut lines = vec![
        format!(
            "`fd-digits` of {} pictures for steps (rows) and noise (columns), trailing times; real against real {floor:.2}.\n",
            config.samples
        ),
        format!("| steps | {} | seconds a picture | reconstruction |", COLUMNS.map(|c| c.0).join(" | ")),
        format!("|---|{}", "---|".repeat(COLUMNS.len() + 2)),
    ];
    for &steps in &config.steps {
        let mut row = Map::new();
        let mut line = format!("| {steps} |");
        for (name, noise) in COLUMNS {
            let cell = cells.cell(&format!("{steps} steps, {name}"), || {
                let started = Instant::now();
                let images = generate_with(trained, &plan(trained, noise, steps, config.seed)?, 1.0, config.samples)?;
                let each = started.elapsed().as_secs_f64() / config.samples as f64;
                Ok(json!({"fd": judge.fd(&images)?, "seconds": each}))
            })?;
            line += &format!(" {:.2} |", cell["fd"].as_f64().unwrap_or(f64::NAN));
            if noise == StepNoise::Eta(0.0) {
                seconds.insert(steps.to_string(), cell["seconds"].clone());
            }
            row.insert(name.into(), cell["fd"].clone());
            tick(&format!("{steps} steps, {name}"));
        }
        let value =
            cells.number(&format!("{steps} steps, reconstruction"), || reconstruction(trained, steps, config.seed))?;
        tick("reconstruction");
        let each = seconds[&steps.to_string()].as_f64().unwrap_or(f64::NAN);
        lines.push(format!("{line} {each:.4} | {value:.5} |"));
        error.insert(steps.to_string(), json!(value));
        table.insert(steps.to_string(), Value::Object(row));
    }
    bar.finish();
    let (first, last) = (config.steps[0].to_string(), config.steps[config.steps.len() - 1]);
    let at = |steps: &str, column: &str| table[steps][column].as_f64().unwrap_or(f64::NAN);
    let mut metrics = Map::new();
    metrics.insert("fd-digits/real".into(), json!(floor));
    metrics.insert(format!("fd-digits at {last} steps, eta 0"), json!(at(&last.to_string(), "eta 0")));
    metrics
        .insert(format!("sigma-hat over eta 0 at {first} steps"), json!(at(&first, "sigma-hat") / at(&first, "eta 0")));
    metrics.insert("samples".into(), json!(config.samples));
    metrics.insert("fd".into(), Value::Object(table));
    metrics.insert("seconds/picture".into(), Value::Object(seconds));
    metrics.insert("reconstruction".into(), Value::Object(error));
    Ok(Evaluation { metrics, markdown: lines.join("\n") })
}

/// Codes x_T of pictures f32 `[B, C, H, W]` along the plan's times.
pub fn codes(trained: &Trained, plan: &Plan, images: &Tensor) -> Tensor {
    let encoded = |denoiser: &mut dyn Denoiser<Tensor>| {
        let run = Run {
            denoiser,
            schedule: &trained.process.schedule,
            times: &plan.times,
            noise: &mut no_noise,
            observer: &mut |_| {},
        };
        encode(run, images.shallow_clone())
    };
    no_grad(|| with_denoiser(trained, encoded))
}

/// Mean squared error, for pixels in [0, 1], of held-out digits encoded and sampled back with K steps (table 2).
fn reconstruction(trained: &Trained, steps: usize, seed: u64) -> Result<f64> {
    let test = crate::papers::ddpm::data(&trained.config, Split::Test)?;
    let images = to_unit(&all_images(&test).narrow(0, 0, CODED.min(test.len() as i64))).to_device(trained.device);
    let plan = plan(trained, StepNoise::Eta(0.0), steps, seed)?;
    let code = codes(trained, &plan, &images);
    let back = with_denoiser(trained, |denoiser| {
        plan.run(denoiser, &trained.process.schedule, code, 0..images.size()[0] as u64, &mut |_| {})
    });
    let error: Tensor = (back - images).square() / 4.0;
    Ok(error.mean(Kind::Double).double_value(&[]))
}
