//! Noise schedules, and the levels that each spacing visits.

use anyhow::Result;
use easel_core::sampling::Schedule;
use easel_core::{NoiseSchedule, ScheduleConfig};
use easel_plot::{Cell, Chart, Figure, Series};

use crate::papers::ddpm::trained::Trained;
use crate::sampling::Grid;

/// Steps of the spacings.
const STEPS: usize = 12;
/// The spacings.
const SPACINGS: [&str; 7] = ["trailing", "leading", "linspace", "quadratic", "karras", "exponential", "beta"];

/// The schedules that exist at this T, the ends of their betas scaled by 1000 / T.
fn schedules(steps: usize) -> Vec<(&'static str, NoiseSchedule)> {
    let scale = 1000.0 / steps as f64;
    let all = [
        ("linear", ScheduleConfig::Linear {}),
        ("cosine", ScheduleConfig::Cosine { s: 0.008, beta_cap: easel_core::schedule::BETA_CAP }),
        ("scaled linear", ScheduleConfig::ScaledLinear { beta_first: 0.00085 * scale, beta_last: 0.012 * scale }),
        ("sigmoid", ScheduleConfig::SigmoidAlphaBar { start: -3.0, end: 3.0, tau: 1.0 }),
        ("square root", ScheduleConfig::Sqrt { s: 1e-4 }),
        ("linear, zero terminal SNR", ScheduleConfig::ZeroTerminalSnr { base: Box::new(ScheduleConfig::Linear {}) }),
    ];
    all.into_iter().filter_map(|(name, config)| Some((name, config.build(steps).ok()?))).collect()
}

fn with_look(series: Series, k: usize) -> Series {
    if k >= easel_plot::style::PALETTE.len() { series.dashed() } else { series }
}

/// Schedules, and spacings on the model's own.
pub fn solver_grids(trained: &Trained) -> Result<Figure> {
    let own = &trained.process.schedule;
    let steps = own.steps();
    let all = schedules(steps);
    let curve = |chart: Chart, f: &dyn Fn(&NoiseSchedule, usize) -> f64| {
        all.iter().fold(chart, |chart, (name, schedule)| {
            let finite = (1..=steps).map(|t| (t as f64 / steps as f64, f(schedule, t))).filter(|p| p.1.is_finite());
            let (x, y): (Vec<f64>, Vec<f64>) = finite.unzip();
            let series = Series::line(*name, &x, &y);
            // It lies on the linear schedule nearly everywhere.
            chart.series(if name.contains("zero") { series.dashed() } else { series })
        })
    };
    let signal = curve(Chart::new("$t / T$", r"$\bar{\alpha}_t$").range_x(0.0..1.0), &|s, t| s.alpha_bar(t));
    let ratio = curve(Chart::new("$t / T$", "log SNR").range_x(0.0..1.0).range_y(-16.0..12.0), &|s, t| s.log_snr(t));
    let mut visited = Chart::new("step", r"$\lambda$");
    for (k, name) in SPACINGS.iter().enumerate() {
        let times = Grid::parse(name)?.times(own, STEPS)?;
        // The last time is clean data, whose lambda is infinite.
        let lambdas: Vec<f64> = times[..times.len() - 1].iter().map(|&t| own.level(t).lambda()).collect();
        let index: Vec<f64> = (1..=lambdas.len()).map(|i| i as f64).collect();
        let color = easel_plot::style::palette(k);
        visited = visited
            .series(with_look(Series::line(*name, &index, &lambdas).color(color), k))
            .series(Series::points("", &index, &lambdas).color(color));
    }
    Ok(Figure::new()
        .title("Noise schedules, and where a short chain spends its steps")
        .row([
            Cell::new(signal.height(500.0)).title("(a) Signal left"),
            Cell::new(ratio.height(500.0)).title("(b) Signal-to-noise ratio"),
            Cell::new(visited.height(500.0)).title(format!("(c) Levels of {STEPS} steps")),
        ])
        .caption(format!(
            "$T = {steps}$. Ends of $\\beta$ for $T = 1000$: linear $10^{{-4}}$ and 0.02, scaled linear 0.00085 and 0.012. Sigmoid: Jabri et al. 2022; square root: \
             Li et al. 2022; zero terminal SNR: Lin et al. 2024, whose SNR at $T$ is 0. (c): half the log SNR, $\\lambda$, of the network's evaluations on \
             the schedule of the model (\"{}\"); all spacings go on to clean data. Quadratic ends at $0.8\\,T$.",
            schedule_name(trained)
        )))
}

/// The kind of the model's schedule, as its configuration names it.
fn schedule_name(trained: &Trained) -> String {
    let value = serde_json::to_value(&trained.config.model.schedule).unwrap_or_default();
    value["kind"].as_str().unwrap_or("its own").replace('_', " ")
}
