//! Grids of pictures.

use anyhow::Result;
use easel_core::Noise;
use easel_plot::text::literal;
use easel_plot::{Cell, Figure, ImageGrid};
use tch::{Kind, Tensor};
use text_gan::interpolate::interpolate;

use crate::papers::text_gan::measure::{Measure, pictures_of};
use crate::papers::text_gan::world::World;
use crate::tensors::pictures;

/// Captions of the results, and noise vectors for each.
const RESULTS: (usize, usize) = (6, 4);
/// Style pictures.
const STYLES: usize = 8;
/// Captions of the data that are drawn in them.
const CAPTIONS: usize = 4;
/// Steps of an interpolation.
const STEPS: usize = 8;
/// Rows of an interpolation.
const ROWS: usize = 4;

/// `count` classes, spread by the seed: those without training pictures where there are any.
fn captioned(measure: &Measure<'_>, count: usize) -> Vec<usize> {
    let world = measure.world;
    let classes = if world.unseen.is_empty() {
        let mut held: Vec<usize> = World::classes(&world.held).iter().map(|&c| c as usize).collect();
        held.dedup();
        held
    } else {
        world.unseen.clone()
    };
    let order = Noise::new(0).purpose("figure/captions").permutation(0, classes.len());
    order.into_iter().cycle().take(count).map(|i| classes[i]).collect()
}

/// Words about what was held out, for captions.
fn held_out(world: &World) -> &'static str {
    match world.name {
        "shapes" => "No training picture has these pairs of colour and shape",
        "sprite-scenes" => "No training picture has these captions",
        _ => "Real pictures are held-out drawings, whose concepts were seen in the other styles",
    }
}

/// Fig. 3: rows of real pictures and of each variant for held-out captions.
pub fn results(measure: &Measure<'_>) -> Result<Figure> {
    let (trained, world) = (measure.trained, measure.world);
    let (captions, draws) = RESULTS;
    let z = trained.noise("figure/results", 0..draws as u64);
    let mut cells = Vec::new();
    for class in captioned(measure, captions) {
        let labels = World::classes(&world.held);
        let own: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] as usize == class).collect();
        let real: Vec<usize> = own.iter().copied().cycle().take(draws).collect();
        let mut tiles = vec![pictures_of(&world.held, &real)];
        let texts = measure.texts(&vec![class; draws])?;
        tiles.extend(trained.models.iter().map(|model| model.pictures(&z, &texts)));
        let names = ["real"].into_iter().chain(trained.models.iter().map(|m| m.variant.title()));
        let grid = ImageGrid::new(pictures(&Tensor::cat(&tiles, 0))?, draws).tile(56.0).row_labels(names);
        cells.push(Cell::new(grid).title(literal(world.caption(class))));
    }
    let mut figure = Figure::new().width(1280.0).title("Pictures of held-out captions");
    while !cells.is_empty() {
        figure = figure.row(cells.drain(..cells.len().min(3)).collect::<Vec<_>>());
    }
    Ok(figure.caption(format!(
        "After Fig. 3 of Reed et al. 2016. {}. A column has the same noise in all rows; not selected. {}",
        held_out(world),
        trained.provenance()
    )))
}

/// Captions in other words than the training's.
fn hand_written(world: &World) -> [&'static str; 3] {
    match world.name {
        "emoji" | "emoji-full" => ["green fruit", "a happy cat", "a small house and a tree"],
        "sprite-scenes" => ["a cat on a ground of green", "two keys", "a big pink star on a white ground"],
        _ => ["one red ring, very large", "the small green thing is a star", "blue cross"],
    }
}

/// Fig. 6: the style of a real picture in each column, the content of a caption in each row.
pub fn styles(measure: &Measure<'_>) -> Result<Figure> {
    let (trained, world) = (measure.trained, measure.world);
    let style = world.styles().next().unwrap_or_default();
    let values = &world.train.values[style];
    let kinds = world.attributes[style].values.len();
    let order = Noise::new(0).purpose("figure/styles").permutation(0, values.len());
    let source = |k: usize| {
        let mut of_kind = order.iter().copied().filter(|&i| values[i] as usize == k % kinds);
        of_kind.nth(k / kinds).unwrap_or(order[k])
    };
    let sources: Vec<usize> = (0..STYLES).map(source).collect();
    let real = pictures_of(&world.train, &sources);
    let s = trained.main().styles(&real.to_device(trained.device));
    let mut captions: Vec<String> = captioned(measure, CAPTIONS).iter().map(|&c| world.caption(c).to_owned()).collect();
    captions.extend(hand_written(world).map(str::to_owned));
    let texts = trained.text.encode(&captions)?;
    let mut tiles = vec![real];
    for row in texts.split(1, 0) {
        tiles.push(trained.main().pictures(&s, &row.expand([STYLES as i64, -1], false)));
    }
    let names = ["style".to_string()].into_iter().chain(captions.iter().map(|c| literal(c)));
    let grid = ImageGrid::new(pictures(&Tensor::cat(&tiles, 0))?, STYLES).tile(72.0).row_labels(names);
    Ok(Figure::new().title("Style from a picture, content from a caption").panel(grid).caption(format!(
        "After Fig. 6 of Reed et al. 2016. Top: real pictures $x$; below: $G(S(x), φ(t))$ for the caption on the left. {}; \
         the last three rows have captions in words of their own. {}. {}",
        held_out(world),
        trained.main().variant.title(),
        trained.provenance()
    )))
}

/// Fig. 8: between two captions at one noise, and between two noise vectors at one caption.
pub fn interpolation(measure: &Measure<'_>) -> Result<Figure> {
    let (trained, world) = (measure.trained, measure.world);
    let share = |k: usize| k as f64 / (STEPS - 1) as f64;
    let order = Noise::new(0).purpose("figure/ends").permutation(0, world.seen.len());
    let classes: Vec<usize> = order.iter().cycle().take(3 * ROWS).map(|&i| world.seen[i]).collect();
    let texts = measure.texts(&classes)?;
    let z = trained.noise("figure/interpolation", 0..3 * ROWS as u64);
    // `from` at 0, `to` at 1.
    let between = |from: &Tensor, to: &Tensor| -> Tensor {
        let rows: Vec<Tensor> = (0..STEPS).map(|k| interpolate(to, from, share(k))).collect();
        Tensor::stack(&rows, 0)
    };
    let (mut by_text, mut by_noise) = (Vec::new(), Vec::new());
    for r in 0..ROWS as i64 {
        let repeat = |x: Tensor| x.unsqueeze(0).expand([STEPS as i64, -1], false);
        let way = between(&texts.get(2 * r), &texts.get(2 * r + 1));
        by_text.push(trained.main().pictures(&repeat(z.get(r)), &way));
        let way = between(&z.get(2 * r), &z.get(2 * r + 1));
        by_noise.push(trained.main().pictures(&way, &repeat(texts.get(2 * ROWS as i64 + r))));
    }
    let ends: Vec<String> = (0..ROWS)
        .map(|r| literal(&format!("{} → {}", world.caption(classes[2 * r]), world.caption(classes[2 * r + 1]))))
        .collect();
    let fixed: Vec<String> = (0..ROWS).map(|r| literal(world.caption(classes[2 * ROWS + r]))).collect();
    let columns = |ends: [&str; 2]| -> Vec<String> {
        let label = |k: usize| {
            if k == 0 {
                ends[0]
            } else if k == STEPS - 1 {
                ends[1]
            } else {
                ""
            }
        };
        (0..STEPS).map(|k| label(k).to_string()).collect()
    };
    let grid = |tiles: &[Tensor], rows: &[String], ends: [&str; 2]| -> Result<ImageGrid> {
        let tiles = Tensor::cat(tiles, 0).to_kind(Kind::Float);
        Ok(ImageGrid::new(pictures(&tiles)?, STEPS).tile(64.0).column_labels(columns(ends)).row_labels(rows.to_vec()))
    };
    Ok(Figure::new()
        .width(1280.0)
        .title("Between captions, and between noise vectors")
        .panel(Cell::new(grid(&by_text, &ends, ["$β = 0$", "$β = 1$"])?).title("(a) Two captions, one noise"))
        .panel(Cell::new(grid(&by_noise, &fixed, ["$z_0$", "$z_1$"])?).title("(b) One caption, two noise vectors"))
        .caption(format!(
            "After Fig. 8 of Reed et al. 2016, on straight ways. (a) From the first caption to the second; not selected. {}. {}",
            trained.main().variant.title(),
            trained.provenance()
        )))
}
