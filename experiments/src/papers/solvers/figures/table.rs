//! What each sampler needs, as a table.

use anyhow::Result;
use easel_plot::text::literal;
use easel_plot::{Best, Cell, Figure, Table};

use crate::papers::solvers::measure::{EQUAL, SAMPLERS, SPACING};
use crate::papers::solvers::results::{Results, WITHIN};
use crate::sampling::find_sampler;

/// The smallest budgets of the table.
const SHOWN: usize = 3;

/// Order, evaluations needed, `fd-digits` at the smallest budgets, and source of every measured sampler.
pub fn solver_table(results: Results) -> Result<Figure> {
    let (name, reference) = results.reference()?;
    let budgets: Vec<usize> = results.budgets()?.into_iter().take(SHOWN).collect();
    let percent = format!("{:.0} %", 100.0 * WITHIN);
    let mut header = vec!["sampler".to_string(), "order".into(), format!("evaluations to within {percent}")];
    header.extend(budgets.iter().map(|b| format!("fd at {b}")));
    header.push("source".into());
    let mut table = Table::new(header).best(2, Best::Lowest);
    for column in 0..budgets.len() {
        table = table.best(3 + column, Best::Lowest);
    }
    for sampler in SAMPLERS {
        let entry = find_sampler(sampler)?;
        let mut row = vec![literal(sampler), entry.order.map_or("-".into(), |o| o.to_string())];
        row.push(results.needed_in_words(sampler)?);
        for &budget in &budgets {
            row.push(results.at_budget(sampler, budget)?.map_or("-".into(), |fd| format!("{fd:.3}")));
        }
        row.push(entry.source.into());
        table = table.row(row);
    }
    let same: Vec<String> = EQUAL.iter().map(|(a, b)| format!("{} is {}", literal(a), literal(b))).collect();
    Ok(Figure::new().title("What each sampler needs").panel(Cell::new(table)).caption(format!(
        "Order: of the trajectory for deterministic samplers, of the law for ddpm and dpm++2m-sde. Third column: the fewest evaluations \
         measured that have, as all that are more, at most {:.2} times the fd-digits of {name} ({reference:.3}; real pictures {:.3}). fd at n: the most steps that n \
         evaluations allow. {} pictures from the same noise, spacing {SPACING}. On equal times {}. {}",
        1.0 + WITHIN,
        results.floor()?,
        results.samples()?,
        same.join(", "),
        results.model()?
    )))
}
