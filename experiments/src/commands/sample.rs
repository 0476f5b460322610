//! `easel sample`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use easel_core::weights;
use easel_plot::{Figure, ImageGrid};

use crate::experiment::{SampleRequest, find};
use crate::tensors::pictures;

/// Generates pictures and writes them as the ending of `out` says.
pub fn sample(paper: &str, request: SampleRequest, out: &Path) -> Result<()> {
    let experiment = find(paper)?;
    anyhow::ensure!(request.count >= 1, "--count 0: at least 1");
    let ending = out.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if !matches!(ending, "png" | "safetensors") {
        bail!("--out {}: the name must end in .png or .safetensors", out.display());
    }
    let images = experiment.sample(&request)?;
    if ending == "safetensors" {
        let metadata = BTreeMap::from([("paper".into(), paper.into()), ("seed".into(), request.seed.to_string())]);
        weights::write(out, &[("images".into(), images)], &metadata)?;
        println!("{}", out.display());
    } else {
        let stem = out.file_stem().and_then(|s| s.to_str()).context("--out names no file")?;
        let folder = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let columns = (request.count as f64).sqrt().ceil() as usize;
        let figure = Figure::new().panel(ImageGrid::new(pictures(&images)?, columns.min(16)));
        for path in figure.save(folder, stem)? {
            println!("{}", path.display());
        }
    }
    Ok(())
}
