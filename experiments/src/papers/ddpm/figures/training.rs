//! The algorithms beside the loss of our training.

use anyhow::{Result, ensure};
use ddpm::config::Objective;
use easel_core::Parameterisation;
use easel_plot::style::{BLUE, VERMILION, WHITE};
use easel_plot::{Cell, Chart, Code, Figure, Series};
use serde_json::Value;

use super::common::{moving_mean, provenance};
use crate::papers::ddpm::trained::Trained;

/// Algorithms 1 and 2 of Ho et al. 2020, and the logged loss.
pub fn ddpm_train(trained: &Trained) -> Result<Figure> {
    let number = |line: &serde_json::Map<String, Value>, key: &str| line.get(key).and_then(Value::as_f64);
    let logged = trained.log.iter().filter_map(|line| Some((number(line, "step")?, number(line, "loss")?)));
    let (step, loss): (Vec<f64>, Vec<f64>) = logged.filter(|(_, loss)| *loss > 0.0).unzip();
    ensure!(
        !step.is_empty(),
        "the training log holds no loss; train with `easel run ddpm` and give its folder with --run"
    );
    let symbol = match trained.config.model.objective {
        Objective::Simple => "L_{simple}",
        Objective::Hybrid => "L_{hybrid}",
        Objective::Vlb => "L_{vlb}",
    };
    // The window grows with the step, since the axis is logarithmic.
    let smoothed = moving_mean(&loss, |i| i / 10);
    let every = trained.config.steps.log_every;
    let chart = Chart::new("training step", format!("${symbol}$"))
        .log_x()
        .log_y()
        .series(Series::line(format!("mean of {every} steps"), &step, &loss).color(BLUE.mix(WHITE, 0.55)))
        .series(Series::line("smoothed", &step, &smoothed).color(VERMILION))
        .height(400.0);
    Ok(Figure::new()
        .title("Training and sampling")
        .row([Cell::new(training_box()), Cell::new(sampling_box())])
        .panel(Cell::new(chart).title("Loss of our training"))
        .caption(format!(
            "Algorithms 1 and 2 of Ho et al. 2020, for a network that predicts ε; ours predicts {}, and the loss is of that. \
             The smoothed curve averages a tenth of the log so far on each side. {}",
            prediction(trained.config.model.parameterisation),
            provenance(trained)
        )))
}

/// The paper's symbol of what a network predicts.
fn prediction(parameterisation: Parameterisation) -> &'static str {
    match parameterisation {
        Parameterisation::Epsilon => "ε",
        Parameterisation::X0 => "x_{0}",
        Parameterisation::V => "v",
        Parameterisation::Mean => "the mean of x_{t-1}",
        Parameterisation::Score => "the score",
    }
}

fn training_box() -> Code {
    Code::new(
        "Algorithm 1  Training",
        [
            "repeat",
            r"  $x_0 \sim q(x_0)$",
            r"  $t \sim$ Uniform({1, …, $T$})",
            r"  $\epsilon \sim N(0, I)$",
            "  take a gradient step on",
            r"    $\nabla_\theta \|\epsilon - \epsilon_\theta(√\bar{\alpha}_t x_0 + √(1 - \bar{\alpha}_t) \epsilon, t)\|^2$",
            "until converged",
        ],
    )
}

fn sampling_box() -> Code {
    Code::new(
        "Algorithm 2  Sampling",
        [
            r"$x_T \sim N(0, I)$",
            "for $t = T$, …, 1 do",
            r"  $z \sim N(0, I)$ if $t > 1$ else $z = 0$",
            r"  $x_{t-1} = 1/√\alpha_t (x_t - \beta_t/√(1 - \bar{\alpha}_t) \epsilon_\theta(x_t, t)) + \sigma_t z$",
            "end for",
            "return $x_0$",
        ],
    )
}
