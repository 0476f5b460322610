//! The figures.

use anyhow::{Result, bail};
use ddim::{StepNoise, slerp};
use easel_plot::style::{BLUE, GREEN, PALETTE, VERMILION};
use easel_plot::{Cell, Chart, Diagram, Figure, ImageGrid, Series, Table};
use serde_json::Value;
use tch::Tensor;

use super::measure::{COLUMNS, codes, plan};
use crate::experiment::FigureInfo;
use crate::papers::ddpm::figures::provenance;
use crate::papers::ddpm::generate::{start, with_denoiser};
use crate::papers::ddpm::trained::Trained;
use crate::papers::study::{Material, number};
use crate::sampling::Plan;
use crate::tensors::{all_images, pictures, to_unit};

/// All figures.
pub const ALL: &[FigureInfo] = &[
    FigureInfo { name: "ddim_chain", about: "the Markov chain beside the process that DDIM stands on" },
    FigureInfo { name: "ddim_accel", about: "pictures, and the time of one, against the number of steps" },
    FigureInfo { name: "ddim_results", about: "the table of steps and noise, on real digits" },
    FigureInfo { name: "ddim_consistency", about: "one latent at many step counts, with and without noise" },
    FigureInfo { name: "ddim_interpolation", about: "spherical interpolation between latents" },
    FigureInfo { name: "ddim_reconstruction", about: "encoding and reconstruction against the number of steps" },
];

/// Step counts of the pictures.
const SHOWN: [usize; 6] = [2, 5, 10, 20, 50, 100];

/// Draws the figure called `name`.
pub fn draw(name: &str, material: &Material) -> Result<Figure> {
    match name {
        "ddim_chain" => chain(&material.trained),
        "ddim_accel" => accel(material),
        "ddim_results" => results(material),
        "ddim_consistency" => consistency(&material.trained),
        "ddim_interpolation" => interpolation(&material.trained),
        "ddim_reconstruction" => reconstruction(material),
        other => bail!(
            "ddim has no figure `{other}`; there are: {}",
            ALL.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Runs a plan on the first `count` latents of the seed.
fn run(trained: &Trained, plan: &Plan, x: Tensor) -> Tensor {
    let count = x.size()[0] as u64;
    with_denoiser(trained, |denoiser| plan.run(denoiser, &trained.process.schedule, x, 0..count, &mut |_| {}))
}

/// Figure 1 of the paper, with the states of one DDIM chain in the nodes.
fn chain(trained: &Trained) -> Result<Figure> {
    let steps = trained.config.model.timesteps;
    let times = [steps, steps * 6 / 10, steps * 3 / 10, 0];
    let list = plan(trained, StepNoise::Eta(0.0), 20, trained.config.seed)?;
    let x = start(trained, 0..1, trained.config.seed);
    let mut states = vec![(list.times[0], x.shallow_clone())];
    let _ = with_denoiser(trained, |denoiser| {
        list.run(denoiser, &trained.process.schedule, x, 0..1, &mut |step| {
            states.push((step.level.t, step.x.shallow_clone()));
        })
    });
    let nearest = |t: usize| {
        let distance = |at: f64| (at - t as f64).abs();
        let found = states.iter().min_by(|a, b| distance(a.0).total_cmp(&distance(b.0)));
        found.map(|(_, x)| x.shallow_clone()).expect("a chain has states")
    };
    let shown = pictures(&Tensor::cat(&times.map(nearest), 0))?;
    let labels = ["$x_3$", "$x_2$", "$x_1$", "$x_0$"];
    let graph = |non_markov: bool| {
        let mut graph = Diagram::new().unit(64.0);
        let nodes: Vec<_> = shown
            .iter()
            .zip(labels)
            .enumerate()
            .map(|(i, (picture, label))| graph.picture(1.0 + 3.4 * i as f64, 1.0, 1.6, picture.clone(), label))
            .collect();
        for pair in nodes.windows(2) {
            graph.arrow(pair[0], pair[1]).color(BLUE);
        }
        if non_markov {
            for (i, node) in nodes[..3].iter().enumerate() {
                graph.arrow(nodes[3], *node).dashed().bend(0.28 + 0.1 * i as f64).color(VERMILION);
            }
        } else {
            for pair in nodes.windows(2) {
                graph.arrow(pair[1], pair[0]).dashed().bend(0.36).below().color(VERMILION);
            }
        }
        graph
    };
    Ok(Figure::new()
        .title("Two processes with the same marginals")
        .panel(Cell::new(graph(false)).title("(a) DDPM: each state from the one before"))
        .panel(Cell::new(graph(true)).title("(b) DDIM: every state knows $x_0$"))
        .caption(format!(
            "After Fig. 1 of Song et al. 2021. Solid: the learned reverse process; dashed: the process that training \
             assumes, $q(x_t | x_{{t-1}})$ above and $q_\\sigma(x_t | x_{{t-1}}, x_0)$ below, of which the network sees only \
             the marginals. The pictures are states of one deterministic chain of 20 steps, near \
             $t = {}, {}, {}, 0$. {}",
            times[0],
            times[1],
            times[2],
            provenance(trained)
        )))
}

/// Figures 4 and 2 of the paper: the same latents with more and more steps, and what they cost.
fn accel(material: &Material) -> Result<Figure> {
    let trained = &material.trained;
    const ROWS: u64 = 5;
    let mut columns = Vec::new();
    for steps in SHOWN {
        let x = start(trained, 0..ROWS, trained.config.seed);
        columns.push(run(trained, &plan(trained, StepNoise::Eta(0.0), steps, trained.config.seed)?, x));
    }
    let grid = ImageGrid::new(pictures(&Tensor::stack(&columns, 1).flatten(0, 1))?, SHOWN.len())
        .tile(78.0)
        .column_labels(SHOWN.map(|s| s.to_string()));
    let (x, y) = measured(material, "seconds/picture")?;
    let chart = Chart::new("steps", "seconds a picture")
        .series(Series::line("measured", &x, &y).color(BLUE))
        .series(Series::points("", &x, &y).color(BLUE))
        .height(320.0);
    Ok(Figure::new()
        .title("Fewer steps, the same latent")
        .row([
            Cell::new(grid).title(r"(a) $\eta = 0$, one latent a row; steps above").weight(1.5),
            Cell::new(chart).title("(b) Time"),
        ])
        .caption(format!(
            "After Figs. 2 and 4 of Song et al. 2021. (a) Latents 0 to {} of the seed, not selected, on trailing times. \
             (b) Wall time of a picture in batches of {}, as `cargo easel run ddim` measured it. {}",
            ROWS - 1,
            trained.batch(),
            provenance(trained)
        )))
}

/// A measured curve over the step counts of the results.
fn measured(material: &Material, key: &str) -> Result<(Vec<f64>, Vec<f64>)> {
    let Some(rows) = material.results.get(key).and_then(Value::as_object) else {
        bail!("the results hold no {key}: run `easel run ddim` first");
    };
    let mut points = Vec::new();
    for steps in rows.keys() {
        points.push((steps.parse::<f64>()?, number(&material.results, &[key, steps])?));
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(points.into_iter().unzip())
}

/// Table 1 of the paper.
fn results(material: &Material) -> Result<Figure> {
    let heads = [r"$\eta = 0$", r"$\eta = 0.2$", r"$\eta = 0.5$", r"$\eta = 1$", r"$\hat{\sigma}$"];
    let Some(rows) = material.results.get("fd").and_then(Value::as_object) else {
        bail!("the results hold no table: run `easel run ddim` first");
    };
    let mut steps: Vec<usize> = rows.keys().map(|s| s.parse()).collect::<Result<_, _>>()?;
    steps.sort_unstable();
    let at = |steps: usize, column: &str| number(&material.results, &["fd", &steps.to_string(), column]);
    let mut table = Table::new(std::iter::once("steps".to_string()).chain(heads.map(String::from)));
    for &s in &steps {
        let mut cells = vec![s.to_string()];
        for (column, _) in COLUMNS {
            cells.push(format!("{:.2}", at(s, column)?));
        }
        table = table.row(cells);
    }
    let x: Vec<f64> = steps.iter().map(|s| *s as f64).collect();
    let mut chart = Chart::new("steps", "fd-digits").log_x().log_y();
    for (i, (column, _)) in COLUMNS.into_iter().enumerate() {
        let y = steps.iter().map(|s| at(*s, column)).collect::<Result<Vec<_>>>()?;
        chart = chart.series(Series::line(heads[i], &x, &y).color(PALETTE[i]));
    }
    let floor = number(&material.results, &["fd-digits/real"])?;
    let samples = number(&material.results, &["samples"])?;
    Ok(Figure::new()
        .title("Noise hurts short chains")
        .row([
            Cell::new(table).title("(a) fd-digits").weight(1.2),
            Cell::new(chart.line_at_y(floor, "real against real")).title("(b) The same"),
        ])
        .caption(format!(
            "After Table 1 of Song et al. 2021: `fd-digits`, a Frechet distance on the features of our classifier of digits, \
             of {samples} pictures a cell against 5,000 real ones; real against real {floor:.2}. Trailing times. $\\eta = 1$ is \
             DDPM on the times; $\\hat{{\\sigma}}$ its larger variance, which does not keep the marginals. {}",
            provenance(&material.trained)
        )))
}

/// Figure 5 of the paper: with and without noise.
fn consistency(trained: &Trained) -> Result<Figure> {
    const ROWS: u64 = 4;
    let panel = |noise: StepNoise| -> Result<ImageGrid> {
        let mut columns = Vec::new();
        for steps in SHOWN {
            let x = start(trained, 8..8 + ROWS, trained.config.seed);
            columns.push(run(trained, &plan(trained, noise, steps, trained.config.seed)?, x));
        }
        Ok(ImageGrid::new(pictures(&Tensor::stack(&columns, 1).flatten(0, 1))?, SHOWN.len())
            .tile(70.0)
            .column_labels(SHOWN.map(|s| s.to_string())))
    };
    Ok(Figure::new()
        .title("A latent is a code only without noise")
        .row([
            Cell::new(panel(StepNoise::Eta(0.0))?).title(r"(a) $\eta = 0$"),
            Cell::new(panel(StepNoise::Eta(1.0))?).title(r"(b) $\eta = 1$"),
        ])
        .caption(format!(
            "After Fig. 5 of Song et al. 2021. A row has one latent $x_T$, a column one number of steps (trailing times); \
             latents 8 to {} of the seed, not selected. {}",
            7 + ROWS,
            provenance(trained)
        )))
}

/// Figure 6 of the paper.
fn interpolation(trained: &Trained) -> Result<Figure> {
    const ROWS: u64 = 6;
    const COLUMNS: usize = 11;
    let list = plan(trained, StepNoise::Eta(0.0), 25, trained.config.seed)?;
    let ends = start(trained, 0..2 * ROWS, trained.config.seed);
    let mut latents = Vec::new();
    for row in 0..ROWS as i64 {
        let (a, b) = (ends.narrow(0, 2 * row, 1), ends.narrow(0, 2 * row + 1, 1));
        latents.extend((0..COLUMNS).map(|c| slerp(&a, &b, c as f64 / (COLUMNS - 1) as f64)));
    }
    let images = run(trained, &list, Tensor::cat(&latents, 0));
    let labels = (0..COLUMNS).map(|c| format!("{}", c as f64 / (COLUMNS - 1) as f64));
    let grid = ImageGrid::new(pictures(&images)?, COLUMNS).tile(78.0).column_labels(labels);
    Ok(Figure::new().title("Between two latents").panel(grid).caption(format!(
        "After Fig. 6 of Song et al. 2021: spherical interpolation of $x_T$ between latents 0 and 1, 2 and 3, .. of the seed, \
         then {} steps with $\\eta = 0$. Not selected. {}",
        list.times.len() - 1,
        provenance(trained)
    )))
}

/// Table 2 of the paper, drawn.
fn reconstruction(material: &Material) -> Result<Figure> {
    let trained = &material.trained;
    const ROWS: i64 = 6;
    let test = crate::papers::ddpm::data(&trained.config, easel_data::Split::Test)?;
    let images = to_unit(&all_images(&test).narrow(0, 0, ROWS)).to_device(trained.device);
    let mut columns = vec![images.shallow_clone()];
    let shown = [5, 20, 100];
    for steps in shown {
        let list = plan(trained, StepNoise::Eta(0.0), steps, trained.config.seed)?;
        let code = codes(trained, &list, &images);
        columns.extend([code.shallow_clone() / 3.0, run(trained, &list, code)]);
    }
    let mut labels = vec!["original".to_string()];
    labels.extend(shown.iter().flat_map(|s| [format!("code, {s}"), format!("back, {s}")]));
    let grid = ImageGrid::new(pictures(&Tensor::stack(&columns, 1).flatten(0, 1))?, columns.len())
        .tile(78.0)
        .column_labels(labels);
    let (x, y) = measured(material, "reconstruction")?;
    let chart = Chart::new("steps", "mean squared error, pixels in [0, 1]")
        .log_x()
        .log_y()
        .series(Series::line("held-out digits", &x, &y).color(GREEN))
        .series(Series::points("", &x, &y).color(GREEN));
    Ok(Figure::new()
        .title("Pictures as codes")
        .row([
            Cell::new(grid).title("(a) Encoded and sampled back").weight(1.6),
            Cell::new(chart).title("(b) Error"),
        ])
        .caption(format!(
            "After Table 2 of Song et al. 2021. (a) Held-out digits, their codes $x_T$ (drawn at a third of their contrast) and \
             what DDIM makes of the codes, with the given number of steps both ways. (b) 100 held-out digits. {}",
            provenance(trained)
        )))
}
