//! `easel figure`.

use std::path::Path;

use anyhow::{Result, bail};
use tch::Device;

use crate::experiment::registry;

/// Draws a figure, a paper's figures, or all.
pub fn figure(name: &str, run: Option<&Path>, out: &Path, device: Device) -> Result<()> {
    let mut drawn = 0;
    for experiment in registry() {
        for info in experiment.figures() {
            if name == info.name || name == experiment.name() || name == "all" {
                for path in experiment.figure(info.name, run, device)?.save(out, info.name)? {
                    println!("{}", path.display());
                }
                drawn += 1;
            }
        }
    }
    if drawn == 0 {
        let known: Vec<_> = registry().iter().flat_map(|e| e.figures().iter().map(|f| f.name)).collect();
        bail!("no figure is called `{name}`; there are: {}", known.join(", "));
    }
    Ok(())
}
