//! Table 2 of the paper, and the same numbers of this run.

use anyhow::Result;
use easel_plot::{Bars, Cell, Figure};

use crate::papers::draw::models::Models;
use crate::papers::study::number;

/// Nats a test picture of binarised MNIST as the paper's table 2 prints them; a bound where it gives one alone.
const PUBLISHED: [(&str, f64); 11] = [
    ("DBM", 84.62),
    ("DBN", 84.55),
    ("NADE", 88.33),
    ("EoNADE", 85.10),
    ("EoNADE-5", 84.68),
    ("DLGM", 86.60),
    ("DLGM 8 steps", 85.51),
    ("DARN 1 layer", 84.13),
    ("DARN 12 layers ≤", 87.72),
    ("DRAW plain ≤", 87.40),
    ("DRAW ≤", 80.97),
];

/// The published values, and ours beside them.
pub fn draw_table(models: &Models) -> Result<Figure> {
    let get = |key: &str| number(&models.results, &[key]);
    let names = ["VAE", "DRAW plain", "DRAW"];
    let of = |key: &str| -> Result<Vec<f64>> {
        ["vae/", "plain/", ""].iter().map(|prefix| get(&format!("{prefix}{key}"))).collect()
    };
    let published = Bars::new("nats a picture", PUBLISHED.map(|p| p.0)).series("", &PUBLISHED.map(|p| p.1)).values(2);
    let draws = models.config.evaluate.draws;
    let ours = Bars::new("nats a picture", names)
        .series("bound", &of("bound")?)
        .series(format!("importance-weighted, K = {draws}"), &of("importance-weighted")?)
        .values(1);
    let seconds = |prefix: &str| get(&format!("{prefix}training_seconds"));
    Ok(Figure::new()
        .width(1000.0)
        .title("Bounds on the negative log-likelihood of digits")
        .panel(Cell::new(published).title("(a) Published (Gregor et al. 2015, table 2): 60,000 digits"))
        .panel(Cell::new(ours).title("(b) This run: 10,000 digits"))
        .caption(format!(
            "Lower is better. (a) as printed; ≤ marks upper bounds. (b) ours, {} test digits after {:.0} s (DRAW), {:.0} s (plain: without \
             attention) and {:.0} s (VAE) of training on a sixth of the digits, binarised by a draw of our own: not comparable with (a) number \
             by number. {}",
            models.config.evaluate.pictures,
            seconds("")?,
            seconds("plain/")?,
            seconds("vae/")?,
            models.provenance()
        )))
}
