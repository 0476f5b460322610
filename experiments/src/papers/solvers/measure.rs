//! `fd-digits` of the trained model against evaluations of the network.

use std::time::Instant;

use anyhow::{Context, Result};
use easel_train::Progress;
use serde_json::{Map, Value, json};
use solvers::Sampler;
use solvers::catalogue::Entry;
use tch::Tensor;

use super::results::{Results, WITHIN};
use crate::experiment::Evaluation;
use crate::judge::Judge;
use crate::papers::ddpm::figures::provenance;
use crate::papers::ddpm::generate::{start, with_denoiser};
use crate::papers::ddpm::trained::Trained;
use crate::papers::study::{Cells, StudyConfig, number};
use crate::sampling::{Grid, Plan, find_sampler};

/// The samplers that are measured. `euler-a` and `dpm2` are left out: on equal times they are [`EQUAL`] to others.
pub const SAMPLERS: &[&str] = &[
    "ddim",
    "ddpm",
    "heun",
    "lms",
    "plms",
    "dpm-solver-2",
    "dpm-solver-3",
    "dpm++2s",
    "dpm++2m",
    "dpm++3m",
    "dpm++2m-sde",
    "unipc2",
    "unipc3",
];
/// Pairs of names for the same numbers.
pub const EQUAL: &[(&str, &str)] = &[("euler-a", "ddpm"), ("dpm2", "dpm-solver-2")];
/// Where all samplers' steps lie; `measure` prints how it compares with the other [`SPACINGS`]. Trailing times serve `ddim`
/// and the multistep solvers as well or better, but their first step, from $\hat\sigma$ near 2e4 on the cosine schedule, ruins
/// `heun`, `plms` and `dpm-solver-3`.
pub const SPACING: &str = "exponential";
/// The spacings that are compared, with these samplers.
const SPACINGS: &[&str] = &["leading", "trailing", "linspace", "karras", "exponential", "beta"];
const COMPARED: &[&str] = &["ddim", "heun", "dpm++2m", "unipc3"];
/// The comparison uses one picture of so many.
const FEWER: usize = 4;
/// The metric of the sampler that needs the fewest evaluations to come within 5 % of the reference.
pub const FEWEST: &str = "fewest evaluations within 5 %";
/// Steps of the reference, or T where that is less.
const REFERENCE: usize = 1000;

/// The most steps, from 2 on, that `budget` evaluations allow.
pub fn steps_within(sampler: Sampler, budget: usize) -> Option<usize> {
    (2..=budget).take_while(|&n| sampler.evaluations(n) <= budget).last()
}

/// One thing to measure.
struct Task<'a> {
    key: String,
    entry: &'a Entry,
    spacing: &'a str,
    steps: usize,
    pictures: usize,
}

impl Task<'_> {
    /// Evaluations of the network for a picture.
    fn evaluations(&self) -> usize {
        self.entry.sampler.evaluations(self.steps)
    }

    /// The same for all pictures.
    fn cost(&self) -> u64 {
        (self.evaluations() * self.pictures) as u64
    }
}

/// What all measurements share.
struct Bench<'a> {
    trained: &'a Trained,
    judge: Judge,
    seed: u64,
    progress: Progress,
    done: u64,
}

impl Bench<'_> {
    /// `{ "fd", "seconds" }` of one task; seconds are those of a picture.
    fn measure(&mut self, task: &Task, cells: &mut Cells) -> Result<Value> {
        let value = cells.cell(&task.key, || {
            let schedule = &self.trained.process.schedule;
            let times = Grid::parse(task.spacing)?.times(schedule, task.steps)?;
            let plan = Plan { sampler: task.entry.sampler, times, seed: self.seed, brownian: false };
            let started = Instant::now();
            let images = generate(self.trained, &plan, task.pictures);
            let seconds = started.elapsed().as_secs_f64() / task.pictures as f64;
            Ok(json!({ "fd": self.judge.fd(&images)?, "seconds": seconds }))
        });
        self.done += task.cost();
        self.progress.at(self.done, || task.key.clone());
        value.with_context(|| task.key.clone())
    }
}

/// Pictures 0..`count` of the plan's seed.
fn generate(trained: &Trained, plan: &Plan, count: usize) -> Tensor {
    let size = trained.batch();
    let batch = |first: usize| {
        let samples = first as u64..count.min(first + size) as u64;
        let x = start(trained, samples.clone(), plan.seed);
        with_denoiser(trained, |d| plan.run(d, &trained.process.schedule, x, samples, &mut |_| ()))
    };
    Tensor::cat(&(0..count).step_by(size).map(batch).collect::<Vec<_>>(), 0)
}

/// Every sampler at every budget, rising; equal numbers of steps once.
fn tasks(config: &StudyConfig) -> Result<Vec<Task<'static>>> {
    let mut all = Vec::new();
    for name in SAMPLERS {
        let entry = find_sampler(name)?;
        let mut steps: Vec<usize> = config.steps.iter().filter_map(|&b| steps_within(entry.sampler, b)).collect();
        steps.dedup();
        all.extend(steps.into_iter().map(|steps| Task {
            key: format!("fd/{name}/{}", entry.sampler.evaluations(steps)),
            entry,
            spacing: SPACING,
            steps,
            pictures: config.samples,
        }));
    }
    Ok(all)
}

/// The spacings at the budget in the middle, with fewer pictures.
fn comparison(config: &StudyConfig) -> Result<Vec<Task<'static>>> {
    let budget = config.steps[config.steps.len() / 2].max(3); // two steps of heun
    let pairs = SPACINGS.iter().flat_map(|spacing| COMPARED.iter().map(move |name| (*spacing, *name)));
    pairs
        .map(|(spacing, name)| {
            let entry = find_sampler(name)?;
            let steps = steps_within(entry.sampler, budget).context("the compared samplers take a budget of 3")?;
            let pictures = (config.samples / FEWER).max(2);
            Ok(Task { key: format!("spacing/{spacing}/{name}"), entry, spacing, steps, pictures })
        })
        .collect()
}

/// Puts `value` into the map at a path of two names.
fn put(map: &mut Map<String, Value>, path: [&str; 2], value: Value) {
    let inner = map.entry(path[0]).or_insert_with(|| json!({}));
    inner[path[1]] = value;
}

/// Measures.
pub fn measure(trained: &Trained, config: &StudyConfig, cells: &mut Cells) -> Result<Evaluation> {
    let (tasks, compared) = (tasks(config)?, comparison(config)?);
    let long = REFERENCE.min(trained.process.schedule.steps());
    let reference = Task {
        key: format!("reference/ddim-{long}"),
        entry: find_sampler("ddim")?,
        spacing: SPACING,
        steps: long,
        pictures: config.samples,
    };
    let total = tasks.iter().chain(&compared).chain([&reference]).map(Task::cost).sum();
    let judge = Judge::new(trained.device)?;
    let progress = Progress::new("measuring", total, "evaluations");
    let mut bench = Bench { trained, judge, seed: config.seed, progress, done: 0 };
    bench.progress.at(0, String::new);
    let (mut fd, mut seconds, mut spacings) = (Map::new(), Map::new(), Map::new());
    for task in &compared {
        put(&mut spacings, [task.spacing, task.entry.name], bench.measure(task, cells)?["fd"].clone());
    }
    for task in &tasks {
        let (value, evaluations) = (bench.measure(task, cells)?, task.evaluations().to_string());
        put(&mut fd, [task.entry.name, &evaluations], value["fd"].clone());
        put(&mut seconds, [task.entry.name, &evaluations], value["seconds"].clone());
    }
    let of_reference = bench.measure(&reference, cells)?;
    let floor = cells.number("floor", || bench.judge.floor(config.samples))?;
    bench.progress.finish();

    let mut metrics = Map::new();
    metrics.insert("model".into(), json!(provenance(trained)));
    metrics.insert("samples".into(), json!(config.samples));
    metrics.insert("budgets".into(), json!(config.steps));
    metrics.insert("spacing".into(), json!(SPACING));
    metrics.insert("spacings".into(), Value::Object(spacings));
    metrics.insert("fd".into(), Value::Object(fd));
    metrics.insert("reference".into(), json!({ format!("ddim-{long}"): of_reference["fd"] }));
    metrics.insert("floor".into(), json!(floor));
    metrics.insert("seconds/picture".into(), Value::Object(seconds));
    let needed = SAMPLERS.iter().map(|name| Ok((name.to_string(), json!(Results(&metrics).evaluations_needed(name)?))));
    let needed = needed.collect::<Result<Map<_, _>>>()?;
    let fewest = needed.values().filter_map(Value::as_u64).min();
    metrics.insert(FEWEST.into(), json!(fewest));
    metrics.insert("evaluations within 5 %".into(), Value::Object(needed));
    let markdown = format!("{}\n{}", quality(&metrics)?, spacing_table(&metrics, &compared)?);
    Ok(Evaluation { metrics, markdown })
}

/// The table of samplers.
fn quality(metrics: &Map<String, Value>) -> Result<String> {
    let results = Results(metrics);
    let (budgets, (name, reference), floor) = (results.budgets()?, results.reference()?, results.floor()?);
    let mut lines = vec![
        format!(
            "`fd-digits` of {} pictures, spacing {SPACING}, all from the same noise. `{name}`: {reference:.3}; real pictures: \
             {floor:.3}. The second column is the fewest evaluations measured that \
             are within {:.0} % of `{name}`, as all that are more. A column \"n\" holds the most steps that n evaluations allow.\n",
            results.samples()?,
            100.0 * WITHIN
        ),
        format!(
            "| sampler | evaluations needed | {} |",
            budgets.iter().map(usize::to_string).collect::<Vec<_>>().join(" | ")
        ),
        format!("|---|---|{}", "---|".repeat(budgets.len())),
    ];
    for sampler in SAMPLERS {
        let cell = |b: &usize| Ok(results.at_budget(sampler, *b)?.map_or("-".into(), |fd| format!("{fd:.3}")));
        let cells = budgets.iter().map(cell).collect::<Result<Vec<String>>>()?;
        lines.push(format!("| {sampler} | {} | {} |", results.needed_in_words(sampler)?, cells.join(" | ")));
    }
    for (left_out, same) in EQUAL {
        lines.push(format!("\n`{left_out}` gives the same as `{same}`."));
    }
    Ok(lines.join("\n") + "\n")
}

/// The table of spacings.
fn spacing_table(metrics: &Map<String, Value>, compared: &[Task]) -> Result<String> {
    let first = compared.first().context("there are spacings")?;
    let mut lines = vec![
        format!(
            "`fd-digits` of {} pictures by spacing, at most {} evaluations:\n",
            first.pictures,
            first.evaluations()
        ),
        format!("| spacing | {} |", COMPARED.join(" | ")),
        format!("|---|{}", "---|".repeat(COMPARED.len())),
    ];
    for spacing in SPACINGS {
        let fd = |name: &&str| Ok(format!("{:.3}", number(metrics, &["spacings", spacing, name])?));
        let cells = COMPARED.iter().map(fd).collect::<Result<Vec<String>>>()?;
        lines.push(format!("| {spacing} | {} |", cells.join(" | ")));
    }
    Ok(lines.join("\n") + "\n")
}
