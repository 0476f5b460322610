//! A sample step by step, as pictures: canvases with the window of writing, and attention over words.

use align_draw::source::channels;
use anyhow::Result;
use draw::window::Window;
use easel_plot::Picture;
use easel_plot::style::{Color, VERMILION, sequential};
use tch::{Device, Kind, Tensor};

use crate::papers::align_draw::trained::Trained;

/// Pixels of a figure for one of a canvas.
const SCALE: usize = 3;

/// One sample and what happened on the way.
pub struct Trace {
    /// $\sigma(c_t)$ `[T, C, H, W]`.
    pub canvases: Tensor,
    /// Where each step wrote.
    pub windows: Vec<Window>,
    /// $\alpha^t_k$, by step and word.
    pub alpha: Vec<Vec<f64>>,
    /// The words.
    pub words: Vec<String>,
}

/// Draws one sample of a caption and watches.
pub fn trace(trained: &Trained, caption: &str, sample: u64) -> Result<Trace> {
    let (mut canvases, mut windows, mut alpha) = (Vec::new(), Vec::new(), Vec::new());
    let _ = trained.observe(&[caption.to_owned()], trained.config.seed, sample, |step| {
        canvases.push(channels(&step.state.canvas.sigmoid(), trained.config.model.channels));
        windows.push(trained.model.write_attention().windows(&step.state.generative.hidden));
        alpha.push(Vec::<f64>::try_from(step.alpha.get(0).to_device(Device::Cpu).to_kind(Kind::Double)));
    })?;
    let mut flat = Vec::new();
    for step in windows {
        flat.extend(step?);
    }
    Ok(Trace {
        canvases: Tensor::cat(&canvases, 0).to_device(Device::Cpu).to_kind(Kind::Float),
        windows: flat,
        alpha: alpha.into_iter().collect::<Result<_, _>>()?,
        words: easel_text::vocabulary::words(caption),
    })
}

impl Trace {
    /// $c_t$ enlarged, with the square through the outermost filters of the writing window.
    pub fn canvas(&self, t: usize, filters: usize) -> Result<Picture> {
        let canvas = self.canvases.get(t as i64);
        let [c, h, w] = <[i64; 3]>::try_from(canvas.size()).map_err(|s| anyhow::anyhow!("a canvas of shape {s:?}"))?;
        let values = Vec::<f32>::try_from(canvas.contiguous().view([-1]))?;
        let (c, h, w) = (c as usize, h as usize, w as usize);
        let (height, width) = (h * SCALE, w * SCALE);
        let value =
            |ch: usize, y: usize, x: usize| (255.0 * values[(ch.min(c - 1) * h + y / SCALE) * w + x / SCALE]) as u8;
        let mut rgb: Vec<[u8; 3]> =
            (0..height * width).map(|i| [0, 1, 2].map(|ch| value(ch, i / width, i % width))).collect();
        let Color(r, g, b) = VERMILION;
        let [left, top, right, bottom] = self.windows[t].bounds(filters).map(|p| (p - 0.5) * SCALE as f64);
        for y in 0..height {
            for x in 0..width {
                let (px, py) = (x as f64 + 0.5, y as f64 + 0.5);
                let near = |v: f64, edge: f64| (v - edge).abs() <= 1.0;
                let inside = |v: f64, low: f64, high: f64| v >= low - 1.0 && v <= high + 1.0;
                let vertical = (near(px, left) || near(px, right)) && inside(py, top, bottom);
                let horizontal = (near(py, top) || near(py, bottom)) && inside(px, left, right);
                if vertical || horizontal {
                    rgb[y * width + x] = [r, g, b];
                }
            }
        }
        Ok(Picture::from_u8(height, width, 3, &rgb.concat())?)
    }

    /// $\alpha^t_k$ of word `k` for all t, a cell a step, dark for 0 and bright for `most`.
    pub fn word(&self, k: usize, most: f64) -> Result<Picture> {
        let (cell, height) = (24, 22);
        let row: Vec<u8> = self
            .alpha
            .iter()
            .flat_map(|step| {
                let Color(r, g, b) = sequential((step[k] / most).min(1.0));
                // A white column parts the steps.
                [[r, g, b].repeat(cell - 1), vec![255; 3]].concat()
            })
            .collect();
        Ok(Picture::from_u8(height, self.alpha.len() * cell, 3, &row.repeat(height))?)
    }

    /// The largest weight of any word at any step.
    pub fn most(&self) -> f64 {
        self.alpha.iter().flatten().fold(0.0, |m: f64, v| m.max(*v))
    }
}
