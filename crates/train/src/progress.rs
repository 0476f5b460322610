//! Progress on standard error: a bar with rate and time left on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Reports how far a piece of work is.
#[derive(Debug)]
pub struct Progress {
    what: String,
    total: u64,
    unit: &'static str,
    started: Instant,
    first: Option<u64>,
    display: Display,
}

#[derive(Debug)]
enum Display {
    Bar(ProgressBar),
    Lines { next: Instant, every: Duration },
    Silent,
}

impl Progress {
    /// `total` units of `what`: a bar on a terminal, else a line about every ten seconds.
    pub fn new(what: impl Into<String>, total: u64, unit: &'static str) -> Self {
        let what = what.into();
        let display = if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg} {per_sec} left {eta}")
                .expect("the template is fixed")
                .progress_chars("=> ");
            Display::Bar(ProgressBar::new(total).with_style(style).with_prefix(what.clone()))
        } else {
            let every = Duration::from_secs(10);
            Display::Lines { next: Instant::now() + every, every }
        };
        Self { what, total, unit, started: Instant::now(), first: None, display }
    }

    /// Reports nothing.
    pub fn silent() -> Self {
        Self { what: String::new(), total: 0, unit: "", started: Instant::now(), first: None, display: Display::Silent }
    }

    /// `done` of `total` are done; `message` says how it goes.
    pub fn at(&mut self, done: u64, message: impl FnOnce() -> String) {
        let first = *self.first.get_or_insert(done);
        match &mut self.display {
            Display::Bar(bar) => {
                if first == done {
                    bar.reset_eta();
                }
                bar.set_position(done);
                bar.set_message(message());
            }
            Display::Lines { next, every } => {
                let now = Instant::now();
                if now >= *next || done == self.total {
                    *next = now + *every;
                    let seconds = self.started.elapsed().as_secs_f64();
                    let rate = done.saturating_sub(first) as f64 / seconds.max(1e-9);
                    let left = self.total.saturating_sub(done) as f64 / rate.max(1e-9);
                    eprintln!(
                        "{}: {done}/{} {}, {} ({rate:.1} {} a second, {left:.0} s left)",
                        self.what,
                        self.total,
                        self.unit,
                        message(),
                        self.unit
                    );
                }
            }
            Display::Silent => {}
        }
    }

    /// Clears the bar.
    pub fn finish(self) {
        if let Display::Bar(bar) = self.display {
            bar.finish_and_clear();
        }
    }
}
