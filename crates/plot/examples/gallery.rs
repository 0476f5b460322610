//! Draws every kind of panel with plain mathematics: `cargo run -p easel-plot --example gallery -- DIR`.

use easel_plot::style::{AXIS, BLUE, BROWN, GREEN, PURPLE, VERMILION};
use easel_plot::{
    Bars, Best, Cell, Chart, Code, Diagram, Figure, Heat, ImageGrid, NodeId, Picture, Result, Rows, Series, Strip,
    Table,
};
use std::f64::consts::PI;
use std::path::Path;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).ok_or("give the directory for the figures: gallery DIR")?;
    let figures: [(&str, Figure); 9] = [
        ("grid", grid()?),
        ("strip", strip()?),
        ("curves", curves()),
        ("logarithmic", logarithmic()),
        ("densities", densities()),
        ("bars", bars()),
        ("tables", tables()),
        ("graphical_model", graphical_model()?),
        ("network", network()),
    ];
    for (name, figure) in &figures {
        for path in figure.save(Path::new(&dir), name)? {
            println!("{}", path.display());
        }
    }
    Ok(())
}

/// `n` numbers from `a` to `b`.
fn linspace(a: f64, b: f64, n: usize) -> Vec<f64> {
    (0..n).map(|k| a + (b - a) * k as f64 / (n - 1) as f64).collect()
}

fn map(x: &[f64], f: impl Fn(f64) -> f64) -> Vec<f64> {
    x.iter().map(|&x| f(x)).collect()
}

/// A hash of two integers and a salt, uniform in [0, 1).
fn uniform(i: usize, j: usize, salt: usize) -> f64 {
    let mut z = (i as u64) << 40 ^ (j as u64) << 20 ^ salt as u64 ^ 0x9e37_79b9_7f4a_7c15;
    for m in [0xbf58_476d_1ce4_e5b9u64, 0x94d0_49bb_1331_11eb] {
        z = (z ^ (z >> 29)).wrapping_mul(m);
    }
    ((z ^ (z >> 32)) >> 11) as f64 / (1u64 << 53) as f64
}

/// A standard normal number by Box and Muller.
fn normal(i: usize, j: usize, salt: usize) -> f64 {
    (-2.0 * (1.0 - uniform(i, j, salt)).ln()).sqrt() * (2.0 * PI * uniform(i, j, salt + 7919)).cos()
}

/// A ring of petals, `h` by `w`, in [-1, 1].
fn flower(h: usize, w: usize, petals: f64, turn: f64) -> Vec<f64> {
    let at = |k: usize, n: usize| (k as f64 + 0.5) / n as f64 * 2.0 - 1.0;
    (0..h * w)
        .map(|k| {
            let (y, x) = (at(k / w, h), at(k % w, w));
            let edge = 0.55 + 0.25 * (petals * y.atan2(x) + turn).cos() - x.hypot(y);
            (9.0 * edge).tanh()
        })
        .collect()
}

fn grey(h: usize, w: usize, values: &[f64]) -> Result<Picture> {
    Picture::from_f32(h, w, 1, &values.iter().map(|&v| v as f32).collect::<Vec<_>>())
}

/// `sqrt(a) x + sqrt(1 - a) noise`.
fn noised(values: &[f64], alpha_bar: f64, salt: usize) -> Vec<f64> {
    let noise = |k: usize| normal(k, 0, salt);
    values.iter().enumerate().map(|(k, v)| alpha_bar.sqrt() * v + (1.0 - alpha_bar).sqrt() * noise(k)).collect()
}

fn colour(petals: f64, hue: f64) -> Result<Picture> {
    let base = flower(24, 32, petals, hue);
    let channel = |v: f64, c: usize| (v * (0.55 + 0.45 * (hue + 2.1 * c as f64).cos())) as f32;
    let data: Vec<f32> = base.iter().flat_map(|&v| (0..3).map(move |c| channel(v, c))).collect();
    Picture::from_f32(24, 32, 3, &data)
}

fn grid() -> Result<Figure> {
    let mut tiles = Vec::new();
    for row in 0..3 {
        for column in 0..6 {
            tiles.push(colour(2.0 + column as f64, 1.3 * row as f64)?);
        }
    }
    let first = ImageGrid::new(tiles, 6)
        .tile(96.0)
        .row_labels(["warm", "cool", r"$\hat{x}_0$ at $t = 500$"])
        .column_labels((2..8).map(|p| format!("$p = {p}$")))
        .frame(8, VERMILION)
        .frame(15, BLUE);
    let small: Vec<Picture> =
        (0..8).map(|k| grey(28, 28, &flower(28, 28, 3.0, 0.8 * k as f64))).collect::<Result<_>>()?;
    let second = ImageGrid::new(small, 4).captions((0..8).map(|k| format!("turn {:.1}", 0.8 * k as f64)));
    Ok(Figure::new()
        .title("Image grids keep every pixel square")
        .row([Cell::new(first).title("(a) Labels and frames").weight(1.6), Cell::new(second).title("(b) Captions")])
        .caption("Polar curves $r = 0.55 + 0.25 \\cos(p\\phi)$, softened by a hyperbolic tangent. Tiles are 24 × 32 pixels in (a) and 28 × 28 in (b)."))
}

fn strip() -> Result<Figure> {
    let x0 = flower(28, 28, 5.0, 0.4);
    let steps = [0, 100, 200, 350, 500, 700, 850, 1000];
    let alpha_bar = |t: i32| (-5e-6 * f64::from(t * t) - 1e-4 * f64::from(t)).exp();
    let pictures: Vec<Picture> =
        steps.iter().map(|&t| grey(28, 28, &noised(&x0, alpha_bar(t), 3))).collect::<Result<_>>()?;
    let labels: Vec<String> = steps.iter().map(|t| format!("$t = {t}$")).collect();
    let forward = Strip::new(pictures.clone()).arrow_labels([r"$q(x_t | x_{t-1})$"]).labels(labels);
    let backward = Strip::new(pictures[..5].to_vec()).backward().arrow_labels((1..5).map(|k| format!("$p_{{{k}}}$")));
    Ok(Figure::new()
        .title("A picture dissolves into noise")
        .panel(Cell::new(forward).title("Forward"))
        .panel(Cell::new(backward).title("Backward, with a label for each arrow"))
        .caption("$x_t = \\sqrt{}\\bar{\\alpha}_t x_0 + \\sqrt{}(1 - \\bar{\\alpha}_t) \\epsilon$ with one noise $\\epsilon \\sim N(0, I)$ for all steps.".replace("\\sqrt{}", "√")))
}

fn curves() -> Figure {
    let t = linspace(0.0, 1000.0, 201);
    let linear = map(&t, |t| (-(1e-4 * t + 0.5 * (0.02 - 1e-4) * t * t / 1000.0)).exp());
    let cosine = map(&t, |t| ((t / 1000.0 + 0.008) / 1.008 * PI / 2.0).cos().powi(2));
    let sigmoid = map(&t, |t| 1.0 / (1.0 + ((t - 500.0) / 110.0).exp()));
    let schedules = Chart::new("step $t$", r"$\bar{\alpha}_t$")
        .series(Series::line("linear", &t, &linear))
        .series(Series::line("cosine", &t, &cosine))
        .series(Series::line("sigmoid", &t, &sigmoid).dashed())
        .line_at_x(250.0, "$t = 250$")
        .range_x(0.0..600.0)
        .direct_labels();
    let x = linspace(0.0, 12.0, 120);
    let mean = map(&x, |x| (-x / 5.0).exp() * (1.6 * x).cos());
    let (low, high) = (
        map(&x, |x| (-x / 5.0).exp() * (1.6 * x).cos() - 0.16),
        map(&x, |x| (-x / 5.0).exp() * (1.6 * x).cos() + 0.16),
    );
    let samples = linspace(0.3, 11.7, 24);
    let measured: Vec<f64> =
        samples.iter().enumerate().map(|(k, x)| (-x / 5.0).exp() * (1.6 * x).cos() + 0.08 * normal(k, 1, 5)).collect();
    let oscillation = Chart::new("time (s)", "displacement (mm)")
        .series(Series::line("mean ± 2 s.d.", &x, &mean).band(&low, &high))
        .series(Series::points("measured", &samples, &measured))
        .line_at_y(0.0, "");
    Figure::new()
        .title("Curves with direct labels, bands and points")
        .row([
            Cell::new(schedules).title("(a) Noise schedules"),
            Cell::new(oscillation).title("(b) A damped oscillation"),
        ])
        .caption("Lines are smooth in SVG and PNG alike. Names stand at the curves in (a) and in a legend in (b).")
}

fn logarithmic() -> Figure {
    let n: Vec<f64> = (0..=40).map(|k| 10f64.powf(f64::from(k) / 10.0)).collect();
    let order = |p: i32, c: f64| map(&n, |n| c * n.powi(-p));
    let convergence = Chart::new("steps", "error")
        .log_x()
        .log_y()
        .range_y(1e-10..10.0)
        .series(Series::line("order 1", &n, &order(1, 1.0)))
        .series(Series::line("order 2", &n, &order(2, 0.6)))
        .series(Series::line("order 4", &n, &order(4, 0.4)).band(&order(4, 0.1), &order(4, 1.6)))
        .line_at_y(1e-6, "tolerance");
    let step = linspace(1.0, 20000.0, 300);
    let loss = map(&step, |s| 0.02 + 0.9 * (s / 40.0 + 1.0).powf(-0.7));
    let training = Chart::new("step", "error")
        .log_y()
        .series(Series::line("$0.02 + 0.9 (s / 40 + 1)^{-0.7}$", &step, &loss))
        .line_at_x(10_000.0, "half way");
    Figure::new()
        .title("Logarithmic axes")
        .row([Cell::new(convergence).title("(a) Order of convergence"), Cell::new(training).title("(b) A power law")])
}

/// Density of a mixture of two Gaussians after noising, on the line.
fn mixture(x: f64, a: f64) -> f64 {
    let gauss = |m: f64, s: f64| {
        let v = a * s * s + 1.0 - a;
        (-(x - a.sqrt() * m).powi(2) / (2.0 * v)).exp() / (2.0 * PI * v).sqrt()
    };
    0.35 * gauss(-1.6, 0.25) + 0.65 * gauss(1.2, 0.35)
}

fn densities() -> Figure {
    let edges = linspace(-4.0, 4.0, 49);
    let sample = |k: usize, a: f64| {
        let (m, s) = if uniform(k, 0, 1) < 0.35 { (-1.6, 0.25) } else { (1.2, 0.35) };
        a.sqrt() * (m + s * normal(k, 0, 2)) + (1.0 - a).sqrt() * normal(k, 0, 3)
    };
    let x = linspace(-4.0, 4.0, 200);
    let panels = [(1.0, "$t = 0$"), (0.6, "$t = 0.5 T$"), (0.02, "$t = T$")].map(|(a, title)| {
        let mut count = vec![0.0; 48];
        for k in 0..4000 {
            let bin = ((sample(k, a) + 4.0) * 6.0).floor();
            if (0.0..48.0).contains(&bin) {
                count[bin as usize] += 6.0 / 4000.0;
            }
        }
        let chart = Chart::new("$x$", "density")
            .range_y(0.0..0.95)
            .series(Series::histogram("4000 samples", &edges, &count).color(AXIS))
            .series(Series::line("$q(x_t)$", &x, &map(&x, |x| mixture(x, a))).color(BLUE))
            .height(300.0);
        Cell::new(chart).title(title)
    });
    let ring = |x: f64, y: f64| {
        (0..5)
            .map(|k| (2.0 * PI * f64::from(k) / 5.0).sin_cos())
            .map(|(s, c)| (-((x - 2.0 * c).powi(2) + (y - 2.0 * s).powi(2)) / 0.5).exp())
            .sum::<f64>()
            / (5.0 * 0.5 * PI)
    };
    let spiral = |turn: f64| {
        let r = linspace(3.0, 2.0, 60);
        let angle = |r: f64| turn + 2.2 * (r - 2.0);
        (map(&r, |r| r * angle(r).cos()), map(&r, |r| r * angle(r).sin()))
    };
    let mut heat = Chart::new("$x_1$", "$x_2$")
        .heat(Heat::of("density", -3.2..3.2, -3.2..3.2, 128, 128, ring))
        .equal_aspect()
        .height(440.0);
    for (k, color) in [VERMILION, PURPLE, GREEN].into_iter().enumerate() {
        let (x, y) = spiral(2.0 * PI * k as f64 / 5.0);
        heat = heat.series(Series::line("", &x, &y).color(color));
    }
    let lattice: Vec<(f64, f64)> =
        (0..169).map(|k| (f64::from(k % 13) * 0.45 - 2.7, f64::from(k / 13) * 0.45 - 2.7)).collect();
    let (gx, gy): (Vec<f64>, Vec<f64>) = lattice.into_iter().unzip();
    let score = |k: usize, dx: f64, dy: f64| {
        let e = 1e-4;
        0.05 * ((ring(gx[k] + dx * e, gy[k] + dy * e) + 1e-3).ln() - (ring(gx[k] - dx * e, gy[k] - dy * e) + 1e-3).ln())
            / (2.0 * e)
    };
    let u: Vec<f64> = (0..169).map(|k| score(k, 1.0, 0.0)).collect();
    let v: Vec<f64> = (0..169).map(|k| score(k, 0.0, 1.0)).collect();
    let field = Chart::new("$x_1$", "$x_2$")
        .series(Series::arrows(r"$\nabla \log p(x)$, scaled", &gx, &gy, &u, &v))
        .range_x(-3.2..3.2)
        .range_y(-3.2..3.2)
        .equal_aspect()
        .height(440.0);
    Figure::new()
        .title("Densities")
        .row(panels)
        .row([Cell::new(heat).title("A ring of Gaussians, with paths"), Cell::new(field).title("Its score")])
        .caption("Above: a mixture of two Gaussians on the line, noised. Below: a mixture of five in the plane, three spirals, and the gradient of its logarithm.")
}

/// Right digits of `exp(-1)` from `n` steps of a method for `y' = -y`, given by its factor for a step `h`.
fn digits(n: i32, factor: impl Fn(f64) -> f64) -> f64 {
    -((factor(1.0 / f64::from(n)).powi(n) - (-1f64).exp()).abs()).log10()
}

fn bars() -> Figure {
    let taylor = |order: i32| {
        move |h: f64| (0..=order).rev().fold(1.0, |sum, k| if k == 0 { sum } else { 1.0 - h / f64::from(k) * sum })
    };
    let trapezium = |h: f64| (1.0 - h / 2.0) / (1.0 + h / 2.0);
    let mut chart = Bars::new("digits", ["Euler", "trapezium", "Heun", "Runge-Kutta"]).values(1);
    for n in [10, 30, 100] {
        chart = chart.series(
            format!("{n} steps"),
            &[digits(n, taylor(1)), digits(n, trapezium), digits(n, taylor(2)), digits(n, taylor(4))],
        );
    }
    let x = linspace(-2.5, 2.5, 40);
    let scatter = Chart::new("$x$", "$x$ + noise")
        .series(Series::points(
            "seed 1",
            &x,
            &x.iter().enumerate().map(|(k, x)| x + 0.5 * normal(k, 0, 11)).collect::<Vec<_>>(),
        ))
        .series(Series::points(
            "seed 2",
            &x,
            &x.iter().enumerate().map(|(k, x)| x + 0.5 * normal(k, 0, 12)).collect::<Vec<_>>(),
        ))
        .series(Series::line("identity", &x, &x).dashed());
    Figure::new().title("Bars and scatter").row([
        Cell::new(chart).title("(a) $-\\log_{10}$ of the error in $e^{-1}$").weight(1.3),
        Cell::new(scatter).title("(b) Scatter"),
    ])
}

/// Name, integrand, upper end (the lower one is 0), exact value.
type Integral = (&'static str, fn(f64) -> f64, f64, f64);

fn tables() -> Figure {
    let integrals: [Integral; 3] = [
        (r"$\int_0^1 x^2\, dx$", |x| x * x, 1.0, 1.0 / 3.0),
        (r"$\int_0^\pi \sin x\, dx$", f64::sin, PI, 2.0),
        (r"$\int_0^1 \sqrt\,x\, dx$", f64::sqrt, 1.0, 2.0 / 3.0),
    ];
    let mut table = Table::new(["integral", "exact", "trapezium, 8 cells", "Simpson, 8 cells", "error of Simpson"]);
    for (name, f, end, exact) in integrals {
        let sum =
            |weight: fn(usize) -> f64| (0..=8).map(|k| weight(k) * f(end * k as f64 / 8.0)).sum::<f64>() * end / 8.0;
        let trapezium = sum(|k| if k % 8 == 0 { 0.5 } else { 1.0 });
        let simpson = sum(|k| if k % 8 == 0 { 1.0 } else { 2.0 + 2.0 * (k % 2) as f64 } / 3.0);
        let numbers = [exact, trapezium, simpson, (simpson - exact).abs()].map(|v| format!("{v:.6}"));
        table = table.row([name.to_string()].into_iter().chain(numbers));
    }
    let table = table
        .row(["none", "–", "–", "–", "–"])
        .best(4, Best::Lowest)
        .notes("The smallest error is bold. A dash takes no part.");
    let training = Code::new(
        "Algorithm 1  Training",
        [
            "repeat",
            "  $x_0 \\sim q(x_0)$",
            "  $t \\sim$ Uniform({1, …, $T$})",
            "  $\\epsilon \\sim N(0, I)$",
            "  take a gradient step on",
            r"    $\nabla_\theta \|\epsilon - \epsilon_\theta(√\bar{\alpha}_t x_0 + √(1 - \bar{\alpha}_t) \epsilon, t)\|^2$",
            "until converged",
        ],
    );
    let sampling = Code::new(
        "Algorithm 2  Sampling",
        [
            "$x_T \\sim N(0, I)$",
            "for $t = T$, …, 1 do",
            "  $z \\sim N(0, I)$ if $t > 1$ else $z = 0$",
            "  $x_{t-1} = 1/√\\alpha_t (x_t - \\beta_t/√(1 - \\bar{\\alpha}_t) \\epsilon_\\theta(x_t, t)) + \\sigma_t z$",
            "end for",
            "return $x_0$",
        ],
    );
    Figure::new().title("Tables and algorithms").panel(table).row([Cell::new(training), Cell::new(sampling)]).caption(
        "Algorithms 1 and 2 of Ho et al. 2020. Hostile text stays text: <b>&amp;</b> \"quotes\" 5 $ and C:\\name.",
    )
}

fn graphical_model() -> Result<Figure> {
    let x0 = flower(28, 28, 5.0, 0.4);
    let picture = |a: f64| grey(28, 28, &noised(&x0, a, 3));
    let mut chain = Diagram::new();
    let y = 1.9;
    let noise = chain.circle(0.8, y, 0.5, "$x_T$");
    let dots = chain.words(2.8, y, "…");
    let (xt, before) = (chain.circle(5.2, y, 0.5, "$x_t$"), chain.circle(8.4, y, 0.5, "$x_{t-1}$"));
    let more = chain.words(10.8, y, "…");
    let data = chain.circle(13.0, y, 0.5, "$x_0$");
    chain.style(data).color(GREEN).caption("data");
    chain.style(noise).caption("$N(0, I)$");
    for (a, b) in [(noise, dots), (dots, xt), (before, more), (more, data)] {
        chain.arrow(a, b);
    }
    chain.arrow(xt, before).label(r"$p_\theta(x_{t-1} | x_t)$").below();
    chain.arrow(before, xt).label("$q(x_t | x_{t-1})$").dashed().bend(0.34).below();
    let mut shown = Diagram::new();
    let nodes: Vec<NodeId> = [(0.0, "$x_T$"), (0.3, "$x_t$"), (0.5, "$x_{t-1}$"), (1.0, "$x_0$")]
        .into_iter()
        .enumerate()
        .map(|(k, (a, label))| Ok(shown.picture(1.2 + 3.85 * k as f64, 0.9, 1.5, picture(a)?, label)))
        .collect::<Result<_>>()?;
    for pair in nodes.windows(2) {
        shown.arrow(pair[0], pair[1]).label(r"$p_\theta$");
    }
    Ok(Figure::new()
        .title("A Markov chain, with symbols and with pictures")
        .panel(chain)
        .panel(shown)
        .caption("After Fig. 2 of Ho et al. 2020."))
}

fn network() -> Figure {
    let mut d = Diagram::new().unit(72.0);
    d.plate(3.1, 0.15, 8.8, 4.3, "× 4 resolutions");
    let x = d.words(0.7, 1.6, "$x_t$");
    let conv = d.block(2.0, 1.6, 1.4, 1.0, "conv\n3 × 3");
    let res = d.block(4.5, 1.6, 1.9, 1.0, "residual block");
    let att = d.block(7.4, 1.6, 1.9, 1.0, "self-attention");
    let up = d.block(10.4, 1.6, 1.9, 1.0, "residual block");
    let out = d.block(13.0, 1.6, 1.4, 1.0, "conv\n3 × 3");
    let eps = d.words(14.5, 1.6, r"$\epsilon_\theta$");
    let time = d.circle(4.5, 3.5, 0.4, "$t$");
    let prompt = d.block(7.4, 3.5, 2.4, 0.8, "text encoder");
    for id in [res, up] {
        d.style(id).color(GREEN);
    }
    d.style(att).color(PURPLE);
    d.style(time).color(BROWN);
    d.style(prompt).color(BROWN);
    for (a, b) in [(x, conv), (conv, res), (res, att), (att, up), (up, out), (out, eps)] {
        d.arrow(a, b);
    }
    d.arrow(time, res).label("embed");
    d.arrow(prompt, att).label("keys, values");
    d.arrow(res, up).label("skip").dashed().bend(0.18);
    let x = linspace(0.0, 1.0, 60);
    let chart =
        Chart::new("$u$", "weight").series(Series::line("$u^2$", &x, &map(&x, |x| x * x)).filled()).height(260.0);
    let nested = Rows::new().row([
        Cell::new(chart).title("Nested (left)"),
        Cell::new(Table::new(["part", "share"]).row(["a", "0.25"]).row(["b", "0.75"])).title("Nested (right)"),
    ]);
    Figure::new().title("Boxes, plates, bends").panel(d).panel(nested)
}
