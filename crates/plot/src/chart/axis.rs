use crate::error::{PlotError, Result, all_positive};
use crate::style::SMALL_SIZE;
use crate::text::{self, Face};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged};
use plotters::coord::types::RangedCoordf64;
use std::ops::Range;

/// A linear or logarithmic axis over `low..high`; the coordinate type that the charts give to plotters.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub low: f64,
    pub high: f64,
    pub log: bool,
}

/// Values beyond this many lengths of the axis are drawn there: far outside the clip, and safe in integers.
const FAR: f64 = 16.0;

impl Axis {
    /// Fit an axis around `values`, or take `fixed`. `pad` is the share of the length left free at each end that is not fixed.
    pub fn fit(what: &str, values: &[f64], log: bool, fixed: Option<Range<f64>>, pad: [f64; 2]) -> Result<Self> {
        if log {
            all_positive(what, values)?;
        }
        if let Some(Range { start, end }) = fixed {
            let valid = start.is_finite() && end.is_finite() && start < end && (!log || start > 0.0);
            let why = || format!("is {start}..{end}; give low < high, and low > 0 on a logarithmic axis");
            return if valid {
                Ok(Self { low: start, high: end, log })
            } else {
                Err(PlotError::setting(format!("range of {what}"), why()))
            };
        }
        let warp = |v: f64| if log { v.log10() } else { v };
        let low = values.iter().copied().fold(f64::INFINITY, |m, v| m.min(warp(v)));
        let high = values.iter().copied().fold(f64::NEG_INFINITY, |m, v| m.max(warp(v)));
        if low > high {
            return Err(PlotError::empty(what, "value"));
        }
        if low.abs().max(high.abs()) > 1e100 {
            return Err(PlotError::setting(what, "holds values beyond 1e100, which cannot be drawn"));
        }
        // A constant gets an axis around it.
        let flat = (high - low) <= 1e-9 * low.abs().max(high.abs()) || high == low;
        let (low, high) = if flat {
            let half = if log {
                0.5
            } else if low == 0.0 {
                1.0
            } else {
                0.1 * low.abs()
            };
            (low - half, high + half)
        } else {
            (low - pad[0] * (high - low), high + pad[1] * (high - low))
        };
        Ok(if log { Self { low: 10f64.powf(low), high: 10f64.powf(high), log } } else { Self { low, high, log } })
    }

    /// Place of `v` on the axis: 0 at `low`, 1 at `high`.
    pub fn fraction(&self, v: f64) -> f64 {
        let warp = |v: f64| if self.log { v.max(f64::MIN_POSITIVE).ln() } else { v };
        ((warp(v) - warp(self.low)) / (warp(self.high) - warp(self.low))).clamp(-FAR, FAR)
    }

    /// At most `most` round values, ascending.
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        let most = most.max(2);
        if self.log {
            return self.log_ticks(most);
        }
        // plotters' search for round numbers compares with an absolute epsilon, so it is given a span between 1 and 10.
        let unit = 10f64.powf((self.high - self.low).log10().floor());
        let scaled = RangedCoordf64::from(self.low / unit..self.high / unit).key_points(most);
        scaled.into_iter().map(|v| v * unit).filter(|v| (-1e-9..=1.0 + 1e-9).contains(&self.fraction(*v))).collect()
    }

    /// Powers of ten, thinned to fit; over less than two decades also 2 and 5 times them.
    fn log_ticks(&self, most: usize) -> Vec<f64> {
        let (first, last) = (self.low.log10(), self.high.log10());
        let decades = || (first.floor() as i32..=last.ceil() as i32).map(|e| (e, 10f64.powi(e)));
        let inside = |v: &f64| (-1e-9..=1.0 + 1e-9).contains(&self.fraction(*v));
        let whole: Vec<(i32, f64)> = decades().filter(|(_, v)| inside(v)).collect();
        if whole.len() >= 3 || (last - first) >= 2.0 {
            let stride = whole.len().div_ceil(most) as i32;
            return whole.into_iter().filter(|(e, _)| e.rem_euclid(stride) == 0).map(|(_, v)| v).collect();
        }
        let fine: Vec<f64> = decades().flat_map(|(_, v)| [v, 2.0 * v, 5.0 * v]).filter(inside).collect();
        // Within less than a third of a decade the axis is nearly linear.
        if fine.len() >= 2 { fine } else { Self { log: false, ..self.clone() }.ticks(most) }
    }

    /// Labels of `ticks`, in one number of decimals; powers of ten where plain numbers would be long.
    pub fn labels(&self, ticks: &[f64]) -> Vec<String> {
        let largest = ticks.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let decade = |v: f64| (v.log10() - v.log10().round()).abs() < 1e-9;
        if self.log && ticks.iter().all(|&v| decade(v)) && (largest > 1e4 || ticks.iter().any(|&v| v < 1e-2)) {
            return ticks.iter().map(|v| format!("10^{{{}}}", minus(&format!("{}", v.log10().round())))).collect();
        }
        if self.log && ticks.iter().all(|&v| decade(v) || decade(v / 2.0) || decade(v / 5.0)) {
            let plain = |v: f64| (1e-3..1e5).contains(&v);
            let label = |&v: &f64| if plain(v) { group(&minus(&format!("{v}"))) } else { scientific(v, 6) };
            return ticks.iter().map(label).collect();
        }
        let step = ticks.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min).min(self.high - self.low);
        if (largest >= 1e6 && step >= 1e4) || largest >= 1e12 || step < 1e-5 {
            let label = |&v: &f64| {
                let digits = (v.abs().log10().floor() - (step.log10() + 1e-9).floor()).clamp(0.0, 15.0);
                if v.abs() < 1e-6 * step { "0".into() } else { scientific(v, digits as i32) }
            };
            return ticks.iter().map(label).collect();
        }
        let decimals = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
        ticks.iter().map(|v| group(&minus(&format!("{v:.decimals$}")))).collect()
    }

    /// Widest label, px.
    pub fn label_width(labels: &[String]) -> f64 {
        labels.iter().map(|l| text::width(l, SMALL_SIZE, Face::Sans)).fold(0.0, f64::max)
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        from + (f64::from(to - from) * self.fraction(*value)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        self.ticks(hint.max_num_points())
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

/// Mantissa of at most `digits` decimals and power of ten.
fn scientific(v: f64, digits: i32) -> String {
    let exponent = v.abs().log10().floor();
    let mantissa = (v / 10f64.powf(exponent) * 10f64.powi(digits)).round() / 10f64.powi(digits);
    let power = minus(&format!("10^{{{exponent}}}"));
    if mantissa == 1.0 { power } else { minus(&format!("{mantissa}×{power}")) }
}

/// Hyphens to minus signs; no negative zero.
fn minus(number: &str) -> String {
    let zero = number.trim_start_matches('-').chars().all(|c| c == '0' || c == '.');
    if zero { number.trim_start_matches('-').into() } else { number.replace('-', "\u{2212}") }
}

/// Thin spaces between thousands from five digits on.
fn group(number: &str) -> String {
    let whole = number.split('.').next().unwrap_or(number);
    let digits = whole.chars().filter(char::is_ascii_digit).count();
    if digits < 5 {
        return number.into();
    }
    let mut left = digits;
    let mut out = String::new();
    for c in whole.chars() {
        out.push(c);
        if c.is_ascii_digit() {
            left -= 1;
            if left > 0 && left.is_multiple_of(3) {
                out.push('\u{2009}');
            }
        }
    }
    out + &number[whole.len()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, log: bool) -> Vec<String> {
        let axis = Axis { low, high, log };
        axis.labels(&axis.ticks(6))
    }

    #[test]
    fn round_labels() {
        assert_eq!(labels(0.0, 1.0, false), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(-1.0, 1.0, false), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(labels(0.0, 1000.0, false), ["0", "200", "400", "600", "800", "1000"]);
        assert_eq!(labels(0.0, 20000.0, false), ["0", "5000", "10\u{2009}000", "15\u{2009}000", "20\u{2009}000"]);
        assert_eq!(labels(1e-4, 1.0, true), ["10^{−4}", "10^{−3}", "10^{−2}", "10^{−1}", "10^{0}"]);
        assert_eq!(labels(1.0, 10.0, true), ["1", "2", "5", "10"]);
        assert_eq!(labels(0.0, 4e-20, false), ["0", "10^{−20}", "2×10^{−20}", "3×10^{−20}", "4×10^{−20}"]);
    }

    #[test]
    fn ticks_stay_few_round_and_inside() {
        for log in [false, true] {
            for (low, high) in [(1e-30, 2e-30), (0.3, 0.31), (1.0, 1e9), (5.0, 7e4), (2.0, 900.0), (1e6, 1e6 + 1.0)] {
                let axis = Axis { low, high, log };
                let ticks = axis.ticks(7);
                assert!((2..=8).contains(&ticks.len()), "{low}..{high} {log}: {ticks:?}");
                assert!(ticks.windows(2).all(|w| w[0] < w[1]));
                assert!(ticks.iter().all(|&v| (-1e-6..=1.000001).contains(&axis.fraction(v))), "{ticks:?}");
                let labels = axis.labels(&ticks);
                assert!(labels.windows(2).all(|w| w[0] != w[1]), "{low}..{high} {log}: {labels:?}");
            }
        }
    }
}
