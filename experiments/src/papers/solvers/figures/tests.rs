//! Figures from a network with fresh weights and the measurements of a smoke run.

use ddpm::{Ddpm, Process};
use easel_nn::{InitScheme, Params};
use solvers::exponential::Form;
use tch::Device;

use super::cosine::{alpha_bars, posterior, wrong_betas};
use super::orders::{Orders, deterministic};
use super::{ALL, draw};
use crate::papers::ddpm::settings::preset;
use crate::papers::ddpm::trained::Trained;
use crate::papers::solvers::exact::Trajectories;
use crate::papers::solvers::measure::measure;
use crate::papers::study::{Cells, Material, StudyConfig};

fn untrained() -> Trained {
    let (config, device) = (preset("smoke", 0).expect("a preset"), Device::Cpu);
    let params = Params::new(device, config.seed, InitScheme::Public);
    let model = Ddpm::new(&params.root(), &config.model).expect("a valid preset");
    let schedule = config.model.schedule.build(config.model.timesteps).expect("a valid preset");
    let process = Process::new(schedule, config.model.parameterisation, device);
    Trained { config, model, weak: None, process, log: Vec::new(), device }
}

#[test]
fn every_figure_is_drawn_from_a_smoke_run() {
    let trained = untrained();
    let (paper, preset, model) = ("solvers".into(), "smoke".into(), "shipped".into());
    let config = StudyConfig { paper, preset, seed: 0, model, samples: 8, steps: vec![3, 4] };
    let results = measure(&trained, &config, &mut Cells::in_memory()).expect("measured").metrics;
    let material = Material { trained, results };
    for figure in ALL {
        let svg = draw(figure.name, &material).and_then(|f| Ok(f.to_svg()?));
        let svg = svg.unwrap_or_else(|e| panic!("{}: {e:#}", figure.name));
        assert!(svg.starts_with("<svg"), "{}", figure.name);
    }
}

#[test]
fn the_orders_shown_are_those_of_the_catalogue() {
    for (entry, curve) in deterministic() {
        let stated = entry.order.expect("every deterministic solver has an order");
        assert!((curve.order - f64::from(stated)).abs() < 0.2, "{}: {} of {stated}", entry.name, curve.order);
    }
    let trajectories = Trajectories::new();
    for (form, published, corrected) in [(Form::Epsilon, 2.0, 3.0), (Form::Data, 2.0, 3.0), (Form::DataSde, 1.0, 2.0)] {
        let found = Orders::of(form, &trajectories);
        assert!((found.published.order - published).abs() < 0.2, "{form:?}: {}", found.published.order);
        assert!((found.corrected.order - corrected).abs() < 0.2, "{form:?}: {}", found.corrected.order);
    }
}

#[test]
fn integer_division_leaves_one_beta() {
    for steps in [1, 7, 1000] {
        let betas = wrong_betas(steps);
        assert!(betas[..steps - 1].iter().all(|b| *b == 0.0) && betas[steps - 1] == 0.999);
        let alpha_bar = alpha_bars(&betas);
        assert!(alpha_bar[..steps].iter().all(|a| *a == 1.0));
        let [of_x0, of_x, _] = posterior(&alpha_bar, steps, steps - 1);
        assert!((of_x0 - 1.0).abs() < 1e-12 && of_x == 0.0);
        if steps > 1 {
            assert_eq!(posterior(&alpha_bar, steps - 1, steps - 2)[..2], [0.0, 0.0]);
        }
    }
}

/// On a right schedule nothing is held.
#[test]
fn the_posterior_is_the_schedules() {
    let schedule = easel_core::NoiseSchedule::cosine(50).expect("a schedule");
    for (to, from) in [(0, 1), (10, 25), (49, 50)] {
        let (found, p) = (posterior(schedule.alpha_bars(), from, to), schedule.posterior(to, from));
        for (a, b) in found.into_iter().zip([p.x0, p.x_t, p.variance.max(1e-20)]) {
            assert!((a - b).abs() < 1e-9, "{to} {from}: {a} {b}");
        }
    }
}
