//! `easel compare`: every model that draws captions, on the same captions, by the same judge.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use easel_core::Noise;
use easel_core::files::write_atomic;
use easel_data::Split;
use easel_plot::{Bars, Figure, Rows};
use ndarray::Array2;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};

use crate::experiment::{Experiment, SampleRequest, configure, find, metrics_of, registry};
use crate::papers::scorer::pairs::Pairs;
use crate::papers::scorer::{Judge, judge, measure};
use crate::sampling::{GuidanceOptions, SamplerOptions};
use crate::tensors::{all_images, bytes, to_unit};

/// Pictures of each caption at least, whose distances to each other tell how diverse a model is.
const EACH: usize = 4;
/// Captions at least: each real picture needs three neighbours.
const CAPTIONS: usize = 4;

/// What to compare.
#[derive(Debug, clap::Args)]
pub struct CompareOptions {
    /// The data set whose held-out captions are drawn: emoji or sprite-scenes.
    #[arg(long)]
    data: String,
    /// Pictures of each model, 16 or more: four of each caption.
    #[arg(long, default_value_t = 400)]
    count: usize,
    /// Seed of captions and noise.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A run of a paper instead of its shipped weights: PAPER=DIR. May be repeated.
    #[arg(long = "run", value_name = "PAPER=DIR")]
    runs: Vec<String>,
    /// A run of the scorer instead of the shipped one.
    #[arg(long)]
    scorer: Option<PathBuf>,
    /// Where to write compare-DATA.md, .json, .svg and .png.
    #[arg(long, default_value = "compare")]
    out: PathBuf,
    /// Prints the JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// One model to compare.
struct Entry {
    experiment: &'static dyn Experiment,
    run: Option<PathBuf>,
}

/// A line of the comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The model.
    pub model: String,
    /// Frechet distance on the scorer's features.
    pub fd: f64,
    /// Share of pictures whose own caption ranks first.
    pub r_precision: f64,
    /// Its standard error.
    pub r_precision_error: f64,
    /// Share of pictures inside the real ones' manifold.
    pub precision: f64,
    /// Share of the real ones inside the pictures' manifold.
    pub recall: f64,
    /// Mean distance of the features of two pictures of one caption.
    pub diversity: Option<f64>,
    /// Share of the claims of the captions that the oracle reads from the pictures, where there is an exact one.
    pub oracle: Option<f64>,
    /// Scalars in all parameters.
    pub parameters: Option<i64>,
    /// Seconds of training, where they are known.
    pub training_seconds: Option<f64>,
    /// Seconds to draw one picture, loading included.
    pub seconds_a_picture: Option<f64>,
}

/// Held-out captions to draw, all different, with the held-out picture of each.
pub struct Task {
    pairs: Pairs,
    pictures: Vec<usize>,
    captions: Vec<String>,
}

impl Task {
    /// Up to `count` captions of the judge's set, drawn from `seed` among those that `reads` takes.
    pub fn draw(
        judge: &Judge,
        count: usize,
        seed: u64,
        reads: impl Fn(&[String]) -> Result<Vec<bool>>,
    ) -> Result<Self> {
        let pairs = Pairs::open(judge.scorer.name(), Split::Test)?;
        let keys: Vec<String> = (0..pairs.len()).map(|picture| pairs.key(picture).to_owned()).collect();
        let readable = reads(&keys)?;
        let order = Noise::new(seed).purpose("compare/captions").permutation(0, pairs.len());
        let (mut pictures, mut captions) = (Vec::new(), Vec::<String>::new());
        for picture in order {
            if captions.len() < count && readable[picture] && !captions.contains(&keys[picture]) {
                captions.push(keys[picture].clone());
                pictures.push(picture);
            }
        }
        ensure!(
            !captions.is_empty(),
            "no held-out caption of {} has only words that all models know",
            pairs.data.name()
        );
        Ok(Self { pairs, pictures, captions })
    }

    /// The captions.
    pub fn captions(&self) -> &[String] {
        &self.captions
    }

    /// The held-out pictures of the captions, u8 `[M, C, H, W]`.
    pub fn pictures(&self) -> Tensor {
        all_images(&self.pairs.data.subset(&self.pictures))
    }

    /// Share of what the captions claim that an oracle reads from pictures f32 in [-1, 1], picture k being of caption k mod
    /// M; none where the set has no oracle.
    fn claims(&self, images: &Tensor) -> Result<Option<f64>> {
        let side = images.size()[2] as usize;
        let (n, mut sum) = (images.size()[0], 0.0);
        for (k, bytes) in bytes(images)?.iter().enumerate() {
            match self.pairs.claims(self.pictures[k % self.pictures.len()], bytes, side)? {
                Some(share) => sum += share,
                None => return Ok(None),
            }
        }
        Ok(Some(sum / n as f64))
    }
}

/// Measures pictures f32 `[N, 3, S, S]` in [-1, 1], picture k being of caption k mod M.
pub fn row(judge: &Judge, model: &str, images: &Tensor, task: &Task, seed: u64) -> Result<Row> {
    let n = images.size()[0] as usize;
    let own: Vec<String> = task.captions.iter().cycle().take(n).cloned().collect();
    let features = judge.scorer.features(images)?;
    let manifold = judge.manifold(features.view())?;
    let r_precision = judge.r_precision(images, &own, seed)?;
    Ok(Row {
        model: model.to_owned(),
        fd: judge.distance(features.view())?,
        r_precision: r_precision.mean,
        r_precision_error: r_precision.standard_error,
        precision: manifold.precision,
        recall: manifold.recall,
        diversity: diversity(&features, task.captions.len()),
        oracle: task.claims(images)?,
        parameters: None,
        training_seconds: None,
        seconds_a_picture: None,
    })
}

/// What real pictures get: their captions' own for what concerns captions, `count` others for what concerns the set.
fn real_row(judge: &Judge, task: &Task, count: usize, seed: u64) -> Result<Row> {
    let features = judge.real(count);
    let manifold = judge.manifold(features)?;
    let captions = row(judge, "real pictures", &to_unit(&task.pictures()), task, seed)?;
    Ok(Row { fd: judge.distance(features)?, precision: manifold.precision, recall: manifold.recall, ..captions })
}

/// Mean Euclidean distance of two rows of features `[N, d]` of one caption, row k being of caption k mod `captions`.
/// None where no caption has two rows.
pub fn diversity(features: &Array2<f64>, captions: usize) -> Option<f64> {
    let n = features.nrows();
    let mut distances = Vec::new();
    for a in 0..n {
        for b in (a + captions..n).step_by(captions) {
            let difference = &features.row(a) - &features.row(b);
            distances.push(difference.dot(&difference).sqrt());
        }
    }
    (!distances.is_empty()).then(|| distances.iter().sum::<f64>() / distances.len() as f64)
}

/// The models that draw captions of `data`, from the named runs or else the shipped weights.
fn entries(data: &str, runs: &[String]) -> Result<Vec<Entry>> {
    let mut given = Vec::new();
    for run in runs {
        let (paper, folder) = run.split_once('=').with_context(|| format!("--run {run}: expected PAPER=DIR"))?;
        let (experiment, folder) = (find(paper)?, PathBuf::from(folder));
        ensure!(experiment.takes_prompts(), "--run {run}: {paper} reads no text");
        let sets = experiment.data_sets(Some(&folder))?;
        ensure!(sets.iter().any(|set| set == data), "--run {run}: trained on {}, not on {data}", sets.join(", "));
        given.push(Entry { experiment, run: Some(folder) });
    }
    let mut all = Vec::new();
    for experiment in registry().into_iter().filter(|e| e.takes_prompts()) {
        let (ours, others) = given.into_iter().partition(|e: &Entry| e.experiment.name() == experiment.name());
        given = others;
        let ours: Vec<Entry> = ours;
        if ours.is_empty() && experiment.data_sets(None)?.iter().any(|set| set == data) {
            all.push(Entry { experiment, run: None });
        }
        all.extend(ours);
    }
    Ok(all)
}

/// Draws the captions with a model and measures it.
fn measured(judge: &Judge, entry: &Entry, task: &Task, options: &CompareOptions, device: Device) -> Result<Row> {
    let (experiment, run) = (entry.experiment, &entry.run);
    let request = SampleRequest {
        run: run.clone(),
        count: options.count,
        seed: options.seed,
        prompts: task.captions.clone(),
        sampler: SamplerOptions::default(),
        guidance: GuidanceOptions::default(),
        device,
    };
    let start = Instant::now();
    let images = experiment.sample(&request)?;
    let seconds = start.elapsed().as_secs_f64() / options.count as f64;
    let (config, metrics) = match run {
        Some(run) => {
            let read = |name: &str| {
                let path = run.join(name);
                std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
            };
            (read("config.toml")?.parse()?, metrics_of(&read("results.json")?)?)
        }
        None => (configure(experiment, experiment.presets()[0].name, 0, &[])?, experiment.shipped_metrics()?),
    };
    let name = match run {
        Some(run) => format!("{} ({})", experiment.name(), run.display()),
        None => experiment.name().to_owned(),
    };
    Ok(Row {
        parameters: Some(experiment.info(&config)?.parameters),
        training_seconds: metrics.get("training_seconds").and_then(Value::as_f64),
        seconds_a_picture: Some(seconds),
        ..row(judge, &name, &images, task, options.seed)?
    })
}

/// Compares the models and writes table and plot.
pub fn compare(options: &CompareOptions, device: Device) -> Result<()> {
    ensure!(options.count >= EACH * CAPTIONS, "--count {}: at least {}", options.count, EACH * CAPTIONS);
    let judge = judge(&options.data, options.scorer.as_deref(), device)?;
    let entries = entries(&options.data, &options.runs)?;
    // All models draw the same captions: those that each can read.
    let reads = |captions: &[String]| {
        let mut readable = vec![true; captions.len()];
        for entry in &entries {
            let own = entry.experiment.reads(captions, entry.run.as_deref())?;
            readable.iter_mut().zip(own).for_each(|(all, own)| *all &= own);
        }
        Ok(readable)
    };
    let task = Task::draw(&judge, options.count.div_ceil(EACH), options.seed, reads)?;
    let mut rows = Vec::new();
    for entry in &entries {
        eprintln!("{}: {} pictures", entry.experiment.name(), options.count);
        let measured = measured(&judge, entry, &task, options, device);
        rows.push(measured.with_context(|| format!("comparing {}", entry.experiment.name()))?);
    }
    rows.push(real_row(&judge, &task, options.count, options.seed)?);
    let table = markdown(&judge, &rows, options, task.captions.len());
    let results = json!({
        "data": options.data, "pictures": options.count, "captions": task.captions.len(), "seed": options.seed,
        "models": rows, "scorer": scorer_metrics(&judge)?,
    });
    let name = format!("compare-{}", options.data);
    std::fs::create_dir_all(&options.out).with_context(|| format!("cannot make {}", options.out.display()))?;
    write_atomic(&options.out.join(format!("{name}.md")), table.as_bytes())?;
    write_atomic(&options.out.join(format!("{name}.json")), format!("{results:#}\n").as_bytes())?;
    let saved = plot(&options.data, &rows)?.save(&options.out, &name)?;
    if options.json {
        println!("{results:#}");
        return Ok(());
    }
    println!("{table}");
    let written = ["md", "json"].map(|ending| options.out.join(format!("{name}.{ending}")));
    written.iter().chain(&saved).for_each(|path| println!("{}", path.display()));
    if rows.len() == 1 {
        bail!(
            "no model draws captions of {} yet: train one and name it with --run PAPER=DIR, or see `easel list`",
            options.data
        );
    }
    Ok(())
}

/// What the scorer is worth, without the set's name.
fn scorer_metrics(judge: &Judge) -> Result<Map<String, Value>> {
    let (metrics, _) = measure::measure(judge, 0)?;
    let prefix = format!("{}/", judge.scorer.name());
    Ok(metrics.into_iter().map(|(k, v)| (k.strip_prefix(&prefix).unwrap_or(&k).to_owned(), v)).collect())
}

fn markdown(judge: &Judge, rows: &[Row], options: &CompareOptions, captions: usize) -> String {
    let data = judge.scorer.name();
    let with_oracle = rows.iter().any(|r| r.oracle.is_some());
    let oracle = |text: &str| if with_oracle { format!(" {text} |") } else { String::new() };
    let mut table = format!(
        "# Models that draw captions of {data}\n\n\
         {} pictures a model of {captions} held-out captions, seed {}. R-precision: the picture's own caption ranks first \
         among {} (chance {:.1} %). `diversity`: mean distance of the features of two pictures of one caption.\n\n\
         | model | fd-{data} | R-precision | precision | recall | diversity |{} parameters | training, s | a picture, s |\n\
         |---|---:|---:|---:|---:|---:|{}---:|---:|---:|\n",
        options.count,
        options.seed,
        judge.captions.len().min(crate::papers::scorer::contrast::CANDIDATES),
        100.0 / judge.captions.len().min(crate::papers::scorer::contrast::CANDIDATES) as f64,
        oracle("claims that hold"),
        oracle("---:").trim_start(),
    );
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "–".into());
    for r in rows {
        table += &format!(
            "| {} | {:.3} | {:.1} ± {:.1} % | {:.2} | {:.2} | {} |{} {} | {} | {} |\n",
            r.model,
            r.fd,
            100.0 * r.r_precision,
            100.0 * r.r_precision_error,
            r.precision,
            r.recall,
            or_dash(r.diversity.map(|v| format!("{v:.2}"))),
            oracle(&or_dash(r.oracle.map(|v| format!("{:.1} %", 100.0 * v)))),
            or_dash(r.parameters.map(|v| v.to_string())),
            or_dash(r.training_seconds.map(|v| format!("{v:.0}"))),
            or_dash(r.seconds_a_picture.map(|v| format!("{v:.4}"))),
        );
    }
    table
}

fn plot(data: &str, rows: &[Row]) -> Result<Figure> {
    let names: Vec<&str> = rows.iter().map(|r| r.model.split(" (").next().unwrap_or_default()).collect();
    let bars = |label: &str, values: Vec<f64>, decimals: usize| {
        Bars::new(label, names.clone()).series("", &values).values(decimals)
    };
    let chart = Rows::new().row([
        bars(&format!("fd-{data}, lower is better"), rows.iter().map(|r| r.fd).collect(), 2).into(),
        bars("R-precision, %", rows.iter().map(|r| 100.0 * r.r_precision).collect(), 1).into(),
    ]);
    Ok(Figure::new().title(format!("Models that draw captions of {data}")).panel(chart))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// Real pictures, one scorer trained for a moment, and what is said of them and of noise.
    #[test]
    fn real_pictures_beat_noise() {
        let folder = tempfile::tempdir().expect("a folder");
        let scorer = find("scorer").expect("registered");
        let sets = ["data=shapes", "loop.steps=60", "batch=32"].map(String::from);
        let config = configure(scorer, "smoke", 0, &sets).expect("valid");
        let out = folder.path().join("run");
        let request = crate::experiment::RunRequest { config, out: out.clone(), resume: false, device: Device::Cpu };
        scorer.run(&request).expect("a run");

        let judge = judge("shapes", Some(&out), Device::Cpu).expect("trained");
        let task = Task::draw(&judge, 25, 0, |captions| Ok(vec![true; captions.len()])).expect("held-out captions");
        let red = |captions: &[String]| Ok(captions.iter().map(|c| c.contains("red")).collect());
        let some = Task::draw(&judge, 25, 0, red).expect("held-out captions");
        assert!(
            !some.captions().is_empty() && some.captions().iter().all(|c| c.contains("red")),
            "{:?}",
            some.captions()
        );
        let none = Task::draw(&judge, 25, 0, |captions| Ok(vec![false; captions.len()])).err().map(|e| e.to_string());
        assert!(none.is_some_and(|why| why.contains("all models know")));
        let n = task.captions().len() as i64;
        let pictures = to_unit(&task.pictures()).repeat([4, 1, 1, 1]);
        let noise = Tensor::rand_like(&pictures) * 2.0 - 1.0;
        let (copied, noisy) = (row(&judge, "copied", &pictures, &task, 0), row(&judge, "noise", &noise, &task, 0));
        let (copied, noisy) = (copied.expect("measured"), noisy.expect("measured"));
        assert_eq!((pictures.size()[0], n), (100, 25));
        assert!(copied.fd < noisy.fd && copied.precision > noisy.precision, "{copied:?} {noisy:?}");
        assert_eq!(copied.diversity, Some(0.0));
        assert!(copied.oracle > Some(0.95) && noisy.oracle < Some(0.5), "{:?} {:?}", copied.oracle, noisy.oracle);
        let real = real_row(&judge, &task, 100, 0).expect("measured");
        assert!(real.fd < noisy.fd && real.diversity.is_none(), "{real:?}");
        let figure = plot("shapes", &[copied.clone(), real.clone()]).expect("a figure");
        assert!(figure.to_svg().is_ok());

        // The command itself, on whatever is registered.
        let options = CompareOptions {
            data: "shapes".into(),
            count: 40,
            seed: 0,
            runs: Vec::new(),
            scorer: Some(out.clone()),
            out: folder.path().join("compare"),
            json: false,
        };
        let outcome = compare(&options, Device::Cpu);
        let files = ["md", "json", "svg", "png"].map(|e| folder.path().join(format!("compare/compare-shapes.{e}")));
        assert!(files.iter().all(|file| file.exists()), "{outcome:?}");
        let wrong = CompareOptions { runs: vec![format!("scorer={}", out.display())], ..options };
        let error = compare(&wrong, Device::Cpu).expect_err("a scorer draws nothing").to_string();
        assert!(error.contains("reads no text"), "{error}");
    }

    #[test]
    fn diversity_is_the_mean_distance_within_a_caption() {
        // Captions 0 and 1 in turn: rows 0, 2, 4 and rows 1, 3.
        let features = array![[0.0, 0.0], [1.0, 1.0], [3.0, 4.0], [1.0, 1.0], [0.0, 0.0]];
        let expected = (5.0 + 0.0 + 5.0 + 0.0) / 4.0;
        assert!((diversity(&features, 2).expect("pairs") - expected).abs() < 1e-12);
        assert_eq!(diversity(&features, 5), None);
    }
}
