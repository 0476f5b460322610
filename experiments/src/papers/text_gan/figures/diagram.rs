//! The networks as blocks, with the sizes of the real tensors and modules.

use anyhow::Result;
use easel_nn::Params;
use easel_plot::style::{BLUE, GREEN, VERMILION};
use easel_plot::{Diagram, Figure};
use gan::blocks::Doubling;
use tch::{Device, Kind, Tensor, no_grad};
use text_gan::{Discriminator, Generator, TextGanConfig};

use crate::papers::text_gan::measure::Measure;
use crate::tensors::pictures;

/// Distance of two blocks.
const STEP: f64 = 2.35;

/// Scalars in the parameters whose names begin so.
fn scalars(params: &Params, start: &str) -> i64 {
    params.shapes().iter().filter(|(name, _)| name.starts_with(start)).map(|(_, s)| s.iter().product::<i64>()).sum()
}

/// A number of scalars, short.
fn short(count: i64) -> String {
    if count >= 10_000 { format!("{:.0} k", count as f64 / 1e3) } else { count.to_string() }
}

fn shape(map: &Tensor) -> String {
    let size = map.size();
    format!("{}×{}×{}", size[1], size[2], size[3])
}

/// Fig. 2.
pub fn networks(measure: &Measure<'_>) -> Result<Figure> {
    let trained = measure.trained;
    let config: &TextGanConfig = &trained.config.model;
    let class = measure.world.seen[0];
    let (z, texts) = (trained.noise("figure/networks", 0..1), measure.texts(&[class])?);
    let made = trained.main().pictures(&z, &texts);
    // Fresh networks of the same sizes tell shapes and counts; the picture is the trained one's.
    let (g_params, d_params) = (Params::zeros(Device::Cpu), Params::zeros(Device::Cpu));
    let generator = Generator::new(&g_params.root(), config)?;
    let discriminator = Discriminator::new(&d_params.root(), config)?;
    let zeros = |size: &[i64]| Tensor::zeros(size, (Kind::Float, Device::Cpu));
    let (maps, features) = no_grad(|| {
        let maps = generator.maps(&zeros(&[1, config.noise]), &zeros(&[1, config.text]), false);
        let features = discriminator.maps(maps.last().unwrap_or(&zeros(&[1])), false);
        (maps, features)
    });

    let mut graph = Diagram::new().unit(62.0);
    let (top, bottom) = (1.4, 8.5);
    let text = graph.block(1.2, top, 1.9, 1.6, format!("$φ(t)$\n{}", config.text));
    let projected = graph.block(1.2 + STEP, top, 1.7, 1.6, format!("FC\nLReLU\n{}", config.projected));
    graph.style(projected).color(BLUE).caption(short(scalars(&g_params, "text")));
    let noise = graph.block(1.2 + STEP, top + 2.5, 1.7, 0.9, format!("$z$  {}", config.noise));
    graph.arrow(text, projected);
    let mut before = vec![projected, noise];
    let (double, doubled) = match config.doubling {
        Doubling::Transposed => ("convT", "Transposed convolutions of 4 × 4 double"),
        Doubling::Nearest => ("× 2, conv", "Repeated pixels and convolutions of 3 × 3 double"),
    };
    for (k, map) in maps.iter().enumerate() {
        let last = k + 1 == maps.len();
        let x = 1.2 + STEP * (k as f64 + 2.0);
        let (name, start) = match k {
            0 => ("FC\nBN, ReLU".to_string(), "first".to_string()),
            _ if last => (format!("{double}\ntanh"), "last".into()),
            _ => (format!("{double}\nBN, ReLU"), format!("blocks.{}", k - 1)),
        };
        let node = graph.block(x, top, 1.95, 1.6, format!("{name}\n{}", shape(map)));
        graph.style(node).color(BLUE).caption(short(scalars(&g_params, &start)));
        for from in before.drain(..) {
            graph.arrow(from, node);
        }
        before.push(node);
    }
    let x = 1.2 + STEP * (maps.len() as f64 + 2.0);
    let picture = graph.picture(x, top, 1.5, pictures(&made)?.remove(0), "$G(z, φ(t))$");
    graph.arrow(before[0], picture);

    // D runs the other way, from the picture back to the text.
    let bent = if config.normalised { "BN, LReLU" } else { "LReLU" };
    let seen = graph.picture(x, bottom, 1.5, pictures(&made)?.remove(0), "real or generated");
    let mut from = seen;
    let mut at = x - STEP;
    for (k, map) in features.iter().enumerate() {
        let name = if k == 0 { "conv\nLReLU".to_string() } else { format!("conv\n{bent}") };
        let node = graph.block(at, bottom, 1.95, 1.6, format!("{name}\n{}", shape(map)));
        graph.style(node).color(VERMILION).caption(short(scalars(&d_params, &format!("trunk.{k}."))));
        graph.arrow(from, node);
        (from, at) = (node, at - STEP);
    }
    let width = config.discriminator << (config.doublings() - 1);
    let join = graph.block(at, bottom, 1.95, 1.6, format!("conv 1×1\n{bent}\n{width}×4×4"));
    let count = scalars(&d_params, "join") + scalars(&d_params, "norm");
    graph.style(join).color(VERMILION).caption(short(count));
    graph.arrow(from, join);
    let planes = graph.block(at, bottom - 2.5, 1.95, 1.5, format!("FC\nLReLU\n{}×4×4", config.projected));
    graph.style(planes).color(GREEN);
    let count = scalars(&d_params, "text");
    graph.arrow(planes, join).label(format!("repeated, {}", short(count)));
    let text = graph.block(at - STEP, bottom - 2.5, 1.7, 1.5, format!("$φ(t)$\n{}", config.text));
    graph.arrow(text, planes);
    let score = graph.block(at - STEP, bottom, 1.7, 1.6, "conv 4×4\nscore $s$");
    graph.style(score).color(VERMILION).caption(short(scalars(&d_params, "last")));
    graph.arrow(join, score);
    Ok(Figure::new().width(1280.0).title("A text for the generator and for the discriminator").panel(graph).caption(format!(
        "After Fig. 2 of Reed et al. 2016. Top: the generator, {} parameters; bottom: the discriminator, {}. Under a block: its \
         parameters. {doubled} and convolutions of 4 × 4 halve the side. The picture is for \"{}\". {}",
        g_params.count(),
        d_params.count(),
        easel_plot::text::literal(measure.world.caption(class)),
        trained.provenance()
    )))
}
