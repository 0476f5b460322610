//! The Markov chain as a graphical model, with the states of a real sample in its nodes.

use anyhow::Result;
use easel_plot::style::{BLUE, VERMILION};
use easel_plot::{Diagram, Figure};

use super::common::{all_pictures, provenance, reverse_states, time_at};
use crate::papers::ddpm::trained::Trained;

/// Share of T at which the middle of the chain is shown.
const MIDDLE: f64 = 0.35;

/// Figure 2 of Ho et al. 2020.
pub fn ddpm_chain(trained: &Trained) -> Result<Figure> {
    let steps = trained.process.schedule.steps();
    let t = time_at(trained, MIDDLE).max(1);
    let shown = [steps, t, t - 1, 0];
    let labels = [r"$x_T$".to_string(), "$x_t$".into(), "$x_{t-1}$".into(), "$x_0$".into()];
    let states = all_pictures(&reverse_states(trained, &shown))?;
    let mut graph = Diagram::new().unit(80.0);
    let places = [1.0, 5.1, 9.2, 13.3];
    let nodes: Vec<_> = states
        .into_iter()
        .zip(places)
        .zip(&labels)
        .map(|((picture, x), label)| graph.picture(x, 1.0, 1.8, picture, label.as_str()))
        .collect();
    let [noise, x_t, before, data] = nodes[..] else { unreachable!("four times are shown") };
    let gaps = [graph.words(3.05, 1.0, "⋯"), graph.words(11.25, 1.0, "⋯")];
    for (from, to) in [(noise, gaps[0]), (gaps[0], x_t), (before, gaps[1]), (gaps[1], data)] {
        graph.arrow(from, to).color(BLUE);
    }
    graph.arrow(x_t, before).label(r"$p_\theta(x_{t-1} | x_t)$").color(BLUE);
    graph.arrow(before, x_t).label("$q(x_t | x_{t-1})$").dashed().bend(0.36).below().color(VERMILION);
    Ok(Figure::new().title("The chain is a latent variable model").panel(graph).caption(format!(
        "After Fig. 2 of Ho et al. 2020. Solid: the learned reverse process; dashed: the fixed forward process. \
         The pictures are the states of one sample at $t = {steps}, {t}, {}, 0$ of all {steps} steps. {}",
        t - 1,
        provenance(trained)
    )))
}
