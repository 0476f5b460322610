//! `easel list`.

use anyhow::Result;
use serde_json::json;
use solvers::catalogue::ALL;

use crate::experiment::{check_expected, registry};

/// Prints every experiment with its presets, figures and measured numbers.
pub fn list(as_json: bool) -> Result<()> {
    if as_json {
        let all: Vec<_> = registry()
            .into_iter()
            .map(|e| {
                Ok(json!({
                    "name": e.name(), "citation": e.citation(), "about": e.about(), "presets": e.presets(),
                    "figures": e.figures(), "expected": e.expected(), "measured": e.shipped_metrics()?,
                }))
            })
            .collect::<Result<_>>()?;
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    for e in registry() {
        println!("{}  {}\n  {}", e.name(), e.about(), e.citation());
        println!("  presets");
        let measured = e.shipped_metrics()?;
        for (i, p) in e.presets().iter().enumerate() {
            let time = measured.get("training_seconds").and_then(|v| v.as_f64()).filter(|_| i == 0);
            let time = time.map_or(String::new(), |s| format!(" (trained in {s:.0} s)"));
            println!("    {:<16} {}{time}{}", p.name, p.about, if i == 0 { " [default]" } else { "" });
        }
        let checks = check_expected(e, e.presets()[0].name, &measured);
        if !checks.is_empty() {
            println!("  shipped weights");
            checks.iter().for_each(|(line, _)| println!("    {line}"));
        }
        if !e.figures().is_empty() {
            println!("  figures");
            e.figures().iter().for_each(|f| println!("    {:<24} {}", f.name, f.about));
        }
        println!();
    }
    Ok(())
}

/// Prints every sampler.
pub fn samplers(as_json: bool) -> Result<()> {
    if as_json {
        let all: Vec<_> = ALL
            .iter()
            .map(|e| {
                json!({
                    "name": e.name, "order": e.order, "evaluations": e.evaluations,
                    "stochastic": e.sampler.is_stochastic(), "source": e.source,
                })
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    println!("{:<16}{:<8}{:<14}{:<8}source", "sampler", "order", "evaluations", "noise");
    for e in ALL {
        let order = e.order.map_or("-".to_string(), |o| o.to_string());
        let noise = if e.sampler.is_stochastic() { "yes" } else { "no" };
        println!("{:<16}{order:<8}{:<14}{noise:<8}{}", e.name, e.evaluations, e.source);
    }
    Ok(())
}
