//! The scalars between two log lines.

use tch::{Device, Kind, Tensor};

use crate::error::TrainError;

/// Named scalar tensors of one step; the first is the one a progress bar shows.
pub type Scalars = Vec<(&'static str, Tensor)>;

/// By name, in order of appearance: (step, value).
pub type Series = Vec<(String, Vec<(u64, f64)>)>;

/// What the steps since the last log line gave; it stays on the device until it is asked for.
#[derive(Debug, Default)]
pub struct Window {
    fetched: Series,
    waiting: Vec<(u64, Scalars)>,
}

impl Window {
    /// Goes on from what an interrupted run had fetched.
    pub fn resume(fetched: Series) -> Self {
        Self { fetched, waiting: Vec::new() }
    }

    /// Takes in the scalars of `step` (counted from 1).
    pub fn push(&mut self, step: u64, scalars: Scalars) {
        self.waiting.push((step, scalars));
    }

    /// Everything since the last log line, brought over in one transfer a name and checked.
    ///
    /// # Errors
    /// A value that is NaN or infinite: the first step at fault is named, with `kept`, the step of the last checkpoint.
    pub fn fetch(&mut self, kept: Option<u64>) -> Result<&Series, TrainError> {
        let mut columns: Vec<(&'static str, Vec<u64>, Vec<Tensor>)> = Vec::new();
        for (step, scalars) in self.waiting.drain(..) {
            for (name, value) in scalars {
                let at = columns.iter().position(|c| c.0 == name).unwrap_or_else(|| {
                    columns.push((name, Vec::new(), Vec::new()));
                    columns.len() - 1
                });
                columns[at].1.push(step);
                columns[at].2.push(value.detach().reshape([]));
            }
        }
        for (name, steps, values) in columns {
            let values = Tensor::f_stack(&values, 0)?.to_device(Device::Cpu).to_kind(Kind::Double);
            let pairs = steps.into_iter().zip(Vec::<f64>::try_from(values)?);
            match self.fetched.iter_mut().find(|(known, _)| known == name) {
                Some((_, series)) => series.extend(pairs),
                None => self.fetched.push((name.to_string(), pairs.collect())),
            }
        }
        let all =
            self.fetched.iter().flat_map(|(name, series)| series.iter().map(move |&(step, value)| (step, name, value)));
        match all.filter(|(_, _, value)| !value.is_finite()).min_by_key(|(step, ..)| *step) {
            Some((step, name, value)) => Err(TrainError::not_finite(name, value, step, kept)),
            None => Ok(&self.fetched),
        }
    }

    /// The mean of each scalar since the last log line, after the check of [`Window::fetch`]; the window is then empty.
    pub fn close(&mut self, kept: Option<u64>) -> Result<Vec<(String, f64)>, TrainError> {
        self.fetch(kept)?;
        let mean = |series: Vec<(u64, f64)>| series.iter().map(|(_, v)| v).sum::<f64>() / series.len() as f64;
        Ok(std::mem::take(&mut self.fetched).into_iter().map(|(name, series)| (name, mean(series))).collect())
    }
}
