//! `easel sample`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use easel_core::weights;
use easel_plot::{Figure, ImageGrid, text};

use crate::experiment::{SampleRequest, find};
use crate::sampling::{GuidanceOptions, SamplerOptions};
use crate::tensors::pictures;

/// Generates pictures and writes them as the ending of `out` says.
pub fn sample(paper: &str, request: SampleRequest, out: &Path) -> Result<()> {
    let experiment = find(paper)?;
    anyhow::ensure!(request.count >= 1, "--count 0: at least 1");
    let ending = out.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if !matches!(ending, "png" | "safetensors") {
        bail!("--out {}: the name must end in .png or .safetensors", out.display());
    }
    let prompts = &request.prompts;
    if !prompts.is_empty() && !experiment.takes_prompts() {
        bail!("--prompt: {paper} reads no text; `easel list` tells what each paper does");
    }
    if let Some(empty) = prompts.iter().position(|p| p.trim().is_empty()) {
        bail!("--prompt number {} is empty", empty + 1);
    }
    let chain = request.sampler != SamplerOptions::default() || request.guidance != GuidanceOptions::default();
    if chain && !experiment.is_diffusion() {
        bail!("{paper} generates in one pass: options of samplers, labels and guidance belong to the diffusion models");
    }
    let images = experiment.sample(&request)?;
    let caption_of = |k: usize| &prompts[k % prompts.len()];
    if ending == "safetensors" {
        let mut metadata = BTreeMap::from([("paper".into(), paper.into()), ("seed".into(), request.seed.to_string())]);
        if !prompts.is_empty() {
            let of_samples: Vec<_> = (0..request.count).map(caption_of).collect();
            metadata.insert("prompts".into(), serde_json::to_string(&of_samples)?);
        }
        weights::write(out, &[("images".into(), images)], &metadata)?;
        println!("{}", out.display());
    } else {
        let stem = out.file_stem().and_then(|s| s.to_str()).context("--out names no file")?;
        let folder = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let columns = (request.count as f64).sqrt().ceil() as usize;
        let mut grid = ImageGrid::new(pictures(&images)?, columns.min(16));
        if !prompts.is_empty() {
            grid = grid.captions((0..request.count).map(|k| text::literal(caption_of(k))));
        }
        for path in Figure::new().panel(grid).save(folder, stem)? {
            println!("{}", path.display());
        }
    }
    Ok(())
}
