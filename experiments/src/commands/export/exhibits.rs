//! What can be moved on the pages: frames of chains, samples over guidance and eta, schedules.

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, Result};
use easel_core::ScheduleConfig;
use easel_core::schedule::BETA_CAP;
use image::{ImageFormat, Rgb, RgbImage};
use notebooks_export::source::{Chain, Frame, GuidanceGrid, SamplerTimes, ScheduleCurve, Schedules};
use tch::{Device, Tensor};

use crate::papers::ddpm::figures::{chains, provenance};
use crate::papers::ddpm::trained::Trained;
use crate::papers::guidance::model::Guided;
use crate::papers::guidance::over_scale_and_eta;
use crate::sampling::Grid;
use crate::tensors::pictures;

/// Steps between the frames of a chain, as a share of T.
const FRAMES: usize = 40;
/// Guidance scales s.
const SCALES: [f64; 6] = [0.0, 1.0, 2.0, 3.0, 5.0, 8.0];
/// Shares of fresh noise.
const ETAS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// Numbers of sampling steps.
const STEPS: [usize; 4] = [5, 10, 20, 50];
/// T of the schedules.
const TIMES: usize = 1000;
/// Samplers with a spacing that is usual for them.
const SAMPLERS: [(&str, &str); 6] = [
    ("ddim, leading", "leading"),
    ("ddim, trailing", "trailing"),
    ("ddim, quadratic", "quadratic"),
    ("dpm++2m, karras", "karras"),
    ("dpm++2m, exponential", "exponential"),
    ("dpm++2m, beta", "beta"),
];

/// A held-out picture on its way to noise, and a sample on its way from noise.
pub fn chain(run: Option<&Path>, device: Device) -> Result<Chain> {
    let trained = Trained::load(run, device)?;
    let last = trained.config.model.timesteps;
    let mut times: Vec<usize> = (0..=FRAMES).map(|k| k * last / FRAMES).collect();
    times.dedup();
    let (forward, reverse) = chains(&trained, &times)?;
    let frames = |states: &[Tensor]| -> Result<Vec<Frame>> {
        times.iter().zip(states).map(|(&t, state)| Ok(Frame { t, png: png(state, 1)? })).collect()
    };
    let mut reverse = frames(&reverse)?;
    reverse.reverse();
    Ok(Chain { about: plain(&provenance(&trained)), forward: frames(&forward)?, reverse })
}

/// One sample a label under rising guidance and rising eta.
pub fn guidance_grid(run: Option<&Path>, device: Device) -> Result<GuidanceGrid> {
    let guided = Guided::load(run, device)?;
    let samples = over_scale_and_eta(&guided, &SCALES, &ETAS)?;
    let row = |row: &Vec<Tensor>| row.iter().map(|images| png(images, 5)).collect::<Result<Vec<_>>>();
    Ok(GuidanceGrid {
        about: plain(&provenance(&guided.trained)),
        scales: SCALES.to_vec(),
        etas: ETAS.to_vec(),
        frames: samples.iter().map(row).collect::<Result<_>>()?,
    })
}

/// Four schedules, and the times that samplers visit on them.
pub fn schedules() -> Result<Schedules> {
    let kinds = [
        ("linear", ScheduleConfig::Linear {}),
        ("cosine", ScheduleConfig::Cosine { s: 0.008, beta_cap: BETA_CAP }),
        ("scaled linear", ScheduleConfig::ScaledLinear { beta_first: 0.00085, beta_last: 0.012 }),
        ("sigmoid", ScheduleConfig::Sigmoid { beta_first: 1e-4, beta_last: 0.02 }),
    ];
    let mut all = Vec::new();
    for (name, kind) in kinds {
        let schedule = kind.build(TIMES)?;
        let mut samplers = Vec::new();
        for (sampler, spacing) in SAMPLERS {
            let mut times = Vec::new();
            for steps in STEPS {
                let mut of = Grid::parse(spacing)?
                    .times(&schedule, steps)
                    .with_context(|| format!("{spacing} on the schedule {name}"))?;
                // At t = 0 the network is not asked.
                of.retain(|&t| t > 0.0);
                times.push(of);
            }
            samplers.push(SamplerTimes { name: sampler.to_owned(), times });
        }
        all.push(ScheduleCurve { name: name.to_owned(), alpha_bar: schedule.alpha_bars().to_vec(), samplers });
    }
    Ok(Schedules { steps: STEPS.to_vec(), schedules: all })
}

/// A caption's words without its markup.
fn plain(markup: &str) -> String {
    easel_plot::text::plain(markup)
}

/// Pictures f32 `[N, C, H, W]` in [-1, 1] side by side, one pixel of white apart, as PNG.
fn png(images: &Tensor, columns: usize) -> Result<Vec<u8>> {
    let pictures = pictures(images)?;
    let (h, w) = pictures.first().context("no picture to show")?.size();
    let side = |count: usize, size: usize| (count * (size + 1) - 1) as u32;
    let (width, height) = (side(columns.min(pictures.len()), w), side(pictures.len().div_ceil(columns), h));
    let mut sheet = RgbImage::from_pixel(width, height, Rgb([255; 3]));
    for (k, picture) in pictures.iter().enumerate() {
        let (left, top) = (k % columns * (w + 1), k / columns * (h + 1));
        for (y, x) in (0..h).flat_map(|y| (0..w).map(move |x| (y, x))) {
            sheet.put_pixel((left + x) as u32, (top + y) as u32, Rgb(picture.pixel(y, x)));
        }
    }
    let mut out = Cursor::new(Vec::new());
    sheet.write_to(&mut out, ImageFormat::Png)?;
    Ok(out.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sampler_has_its_times_on_every_schedule() {
        let all = schedules().expect("schedules");
        assert_eq!(all.schedules.len(), 4);
        for curve in &all.schedules {
            assert_eq!((curve.alpha_bar.len(), curve.alpha_bar[0]), (TIMES + 1, 1.0));
            for sampler in &curve.samplers {
                for (times, steps) in sampler.times.iter().zip(STEPS) {
                    let falling = times.windows(2).all(|pair| pair[0] > pair[1]);
                    let inside = times.iter().all(|t| (0.0..=TIMES as f64).contains(t));
                    assert!(falling && inside && times.len() <= steps, "{} {} {times:?}", curve.name, sampler.name);
                }
            }
        }
    }

    #[test]
    fn pictures_lie_side_by_side() {
        let images = Tensor::from_slice(&[-1.0f32, 1.0, 1.0]).reshape([3, 1, 1, 1]);
        let sheet = image::load_from_memory(&png(&images, 2).expect("written")).expect("a PNG").to_rgb8();
        assert_eq!(sheet.dimensions(), (3, 3));
        assert_eq!((sheet.get_pixel(0, 0).0, sheet.get_pixel(2, 0).0), ([0; 3], [255; 3]));
    }
}
