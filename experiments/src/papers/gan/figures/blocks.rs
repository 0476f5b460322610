//! The two networks as they are built.

use anyhow::{Context, Result};
use easel_data::Split;
use easel_nn::Params;
use easel_plot::style::{BLUE, Color, GREEN, PURPLE, VERMILION};
use easel_plot::{Diagram, Figure, NodeId};
use gan::Discriminator;
use tch::{Device, Tensor, no_grad};

use super::super::data;
use super::super::trained::Trained;
use crate::tensors::{all_images, pictures, to_unit};

/// One layer: its name, the shape that it puts out, its parameters.
struct Layer {
    name: String,
    shape: Vec<i64>,
    parameters: i64,
}

/// The layers that `stages` passed through, with the parameters under each one's name in `params` below `prefix`.
fn layers(stages: &[(String, Tensor)], params: &Params, prefix: &str) -> Vec<Layer> {
    let layer = |(name, output): &(String, Tensor)| {
        let under = format!("{prefix}.{name}.");
        let own = params.trained().into_iter().filter(|(n, _)| n.starts_with(&under));
        Layer {
            name: name.clone(),
            shape: output.size()[1..].to_vec(),
            parameters: own.map(|(_, t)| t.numel() as i64).sum(),
        }
    };
    stages.iter().map(layer).collect()
}

fn sized(shape: &[i64]) -> String {
    if shape.is_empty() { "1".into() } else { shape.iter().map(i64::to_string).collect::<Vec<_>>().join(" × ") }
}

/// From one block to the next, in the diagram's units.
const STEP: f64 = 2.75;

/// A row of blocks from `x` on, `step` apart; the nodes.
fn row(diagram: &mut Diagram, layers: &[Layer], x: f64, step: f64, y: f64, color: Color) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    for (k, layer) in layers.iter().enumerate() {
        let what = match layer.name.split('.').next().unwrap_or_default() {
            "dense" if color == BLUE => "linear, BN, leaky ReLU",
            "dense" | "project" => "linear, BN, ReLU",
            "up" => "transposed conv 4 × 4 / 2, BN, ReLU",
            "to_picture" => "transposed conv 4 × 4 / 2, tanh",
            "down" if k == 0 => "conv 4 × 4 / 2, leaky ReLU",
            "down" => "conv 4 × 4 / 2, BN, leaky ReLU",
            "hidden" if layers.len() > 1 && layers[layers.len() - 1].shape.is_empty() => "maxout, dropout",
            "hidden" => "linear, ReLU",
            "to_logit" => "linear",
            _ if layer.shape.is_empty() => "linear",
            _ => "linear, sigmoid",
        };
        let text = format!("{what}\n{}\n{}", sized(&layer.shape), grouped(layer.parameters));
        let node = diagram.block(x + step * k as f64, y, 2.25, 1.95, text);
        diagram.style(node).color(color);
        if let Some(&before) = nodes.last() {
            diagram.arrow(before, node);
        }
        nodes.push(node);
    }
    nodes
}

/// 1234567 as `1,234,567`.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut parts: Vec<&str> = if first > 0 { vec![&digits[..first]] } else { vec![] };
    parts.extend((first..digits.len()).step_by(3).map(|k| &digits[k..k + 3]));
    parts.join(",")
}

/// The block diagram.
pub fn gan(trained: &Trained) -> Result<Figure> {
    let config = &trained.config.model;
    // Names and sizes of G's parameters, and a D of the configuration: D itself is not kept after training.
    let (g_params, d_params) = (Params::zeros(Device::Cpu), Params::zeros(Device::Cpu));
    gan::Generator::new(&g_params.root().sub("generator"), config)?;
    let discriminator = Discriminator::new(&d_params.root().sub("discriminator"), config)?;
    let z = trained.latents(config.pack as usize);
    let stages = no_grad(|| trained.generator.stages(&z, false));
    let fake = stages.last().context("a generator has layers")?.1.to_device(Device::Cpu);
    let g = layers(&stages, &g_params, "generator");
    let d = layers(&no_grad(|| discriminator.stages(&fake, false)), &d_params, "discriminator");
    let real = to_unit(&all_images(&data(&trained.config, Split::Train)?).narrow(0, 0, 1));
    let picture = |t: &Tensor| -> Result<_> { pictures(t)?.pop().context("one picture") };

    // G runs to the right, D back to the left: real pictures and fakes meet at the right end.
    let mut diagram = Diagram::new();
    let (top, bottom) = (0.0, 3.0);
    let widest = g.len().max(d.len()) as f64;
    let noise = diagram.circle(STEP * (widest - g.len() as f64), top, 0.55, "$z$");
    diagram.style(noise).caption(format!("{} numbers", config.latent));
    let g_nodes = row(&mut diagram, &g, STEP * (widest - g.len() as f64 + 1.0), STEP, top, GREEN);
    let right = STEP * (widest + 1.0);
    let made = diagram.picture(right, top, 1.5, picture(&config.crop(&fake))?, "");
    let found = diagram.picture(right, bottom, 1.5, picture(&real)?, "$x$, a training picture");
    diagram.arrow(noise, g_nodes[0]);
    diagram.arrow(g_nodes[g.len() - 1], made);

    let d_nodes = row(&mut diagram, &d, STEP * widest, -STEP, bottom, BLUE);
    diagram.arrow(found, d_nodes[0]);
    diagram.arrow(made, d_nodes[0]).label("$G(z)$");
    let left = STEP * (widest - d.len() as f64);
    let belief = diagram.circle(left, bottom, 0.7, "$D$");
    diagram.arrow(d_nodes[d.len() - 1], belief);
    let d_loss = diagram.block(left - 3.1, bottom + 0.75, 3.2, 1.1, "$L_D = -log D(x) - log(1 - D(G(z)))$");
    let g_loss = diagram.block(left - 3.1, bottom - 0.75, 3.2, 1.1, "$L_G = -log D(G(z))$");
    diagram.style(belief).caption("sigmoid");
    diagram.style(d_loss).color(VERMILION);
    diagram.style(g_loss).color(PURPLE);
    diagram.arrow(belief, d_loss);
    diagram.arrow(belief, g_loss);
    let total = |layers: &[Layer]| grouped(layers.iter().map(|l| l.parameters).sum());
    Ok(Figure::new().title("Generator and discriminator").panel(diagram).caption(format!(
        "In each block: what it computes, the shape that it puts out, its parameters. G (green) has {} in all and learns from \
         $L_G$ through D, which stands still; D (blue) has {} and learns from $L_D$, in which G stands still. BN is batch \
         normalisation. D judges packs of {} pictures. The lecture's picture of this name is a generic one. {}",
        total(&g),
        total(&d),
        config.pack,
        trained.provenance()
    )))
}
