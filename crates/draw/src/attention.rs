//! Selective attention on batches of tensors: the layer of five numbers, the filterbanks, read and write.
//!
//! Up to what normalisation removes, the exponent $-(a-\mu)^2/2\sigma^2$ is $a\mu/\sigma^2 - a^2/2\sigma^2$, and
//! $\mu^i = g + o_i\delta$: all exponents of both filterbanks are linear in $(g_X, g_Y, \delta, 1)/\sigma^2$. So a glimpse takes
//! one product with a constant matrix and one softmax. Pixels are counted from the centre of the picture, where numbers are
//! small. [`crate::window`] is the same in the paper's own form.
//!
//! Pictures are `[B, H, C W]`, rows of all channels side by side: then a filterbank works on all channels in one product.

use easel_nn::params::Role;
use easel_nn::{NnError, Path};
use tch::{Device, Kind, Tensor};

use crate::window::Window;

/// Outputs of the layer: $(\tilde g_X, \tilde g_Y, \log\sigma^2, \log\tilde\delta, \log\gamma)$.
pub const NUMBERS: i64 = 5;

/// Outputs a window that the filterbanks are computed from, see [`joined`].
pub const MIXED: i64 = 9;

/// Whether the gain multiplies or divides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Reading: $\gamma$ (eq. 27).
    Read,
    /// Writing: $1/\hat\gamma$ (eq. 29).
    Write,
}

/// Size of pictures and patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// N, filters a side.
    pub n: i64,
    /// B, rows of a picture.
    pub height: i64,
    /// A, columns of a picture.
    pub width: i64,
}

/// The attention layer of a recurrent state of a given width (eq. 21).
#[derive(Debug)]
pub struct Attention {
    weight: Tensor,  // [5, hidden]
    bias: Tensor,    // [5]
    mixing: Tensor,  // [9, 5]
    offsets: Tensor, // [9]
    grid: Grid,
}

/// The layer of one pass over all glimpses, with what does not change between them computed once.
#[derive(Debug)]
pub struct Glimpses<'a> {
    weight: Tensor, // [9, hidden]
    bias: Tensor,   // [9]
    basis: Basis,
    attention: std::marker::PhantomData<&'a Attention>,
}

/// The exponents of all filters of several windows as a constant linear map.
#[derive(Debug)]
pub struct Basis {
    matrix: Tensor, // [4 windows, sum of N (A + B)]
    grids: Vec<Grid>,
}

/// The filterbanks of one glimpse of a batch.
#[derive(Debug)]
pub struct Filters {
    /// $F_Y$ `[B, N, H]`.
    pub y: Tensor,
    /// $F_X$ `[B, N, W]`.
    pub x: Tensor,
    /// $\gamma$ for reading, $1/\hat\gamma$ for writing, `[B, 1, 1]`.
    pub gain: Tensor,
}

impl Attention {
    /// Declares `weight` `[5, hidden]` and `bias` `[5]`.
    ///
    /// # Errors
    /// N below 2 (the stride divides by N - 1), a picture without pixels, or a name that is taken.
    pub fn new(path: &Path, hidden: i64, grid: Grid, purpose: Use) -> Result<Self, NnError> {
        if grid.n < 2 || grid.height < 1 || grid.width < 1 {
            let message = format!("{grid:?}: at least 2 filters a side and pictures of at least 1 x 1 are needed");
            return Err(NnError::Input { input: "attention", message });
        }
        let weight = path.declare("weight", &[NUMBERS, hidden], Role::Weight)?;
        let bias = path.declare("bias", &[NUMBERS], Role::Bias { fan_in: hidden })?;
        Ok(Self::from_tensors(weight, bias, grid, purpose, (Kind::Float, path.device())))
    }

    /// The layer over given weights `[5, hidden]` and biases `[5]`, computing in `options`; N is at least 2.
    pub fn from_tensors(weight: Tensor, bias: Tensor, grid: Grid, purpose: Use, options: (Kind, Device)) -> Self {
        let put = |values: &[f64], shape: [i64; 2]| {
            Tensor::from_slice(values).reshape(shape).to_kind(options.0).to_device(options.1)
        };
        let sign = match purpose {
            Use::Read => 1.0,
            Use::Write => -1.0,
        };
        #[rustfmt::skip]
        let mixing = [
            // First the factors of (g_X, g_Y, delta, 1) / sigma^2 that are not exponentials,
            1.0, 0.0,  0.0, 0.0, 0.0,
            0.0, 1.0,  0.0, 0.0, 0.0,
            0.0, 0.0,  0.0, 0.0, 0.0,
            0.0, 0.0,  0.0, 0.0, 0.0,
            // then the logarithms of those that are, and of the gain.
            0.0, 0.0, -1.0, 0.0, 0.0,
            0.0, 0.0, -1.0, 0.0, 0.0,
            0.0, 0.0, -1.0, 1.0, 0.0,
            0.0, 0.0, -1.0, 0.0, 0.0,
            0.0, 0.0,  0.0, 0.0, sign,
        ];
        let offsets = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        Self {
            weight,
            bias,
            mixing: put(&mixing, [MIXED, NUMBERS]),
            offsets: put(&offsets, [1, MIXED]).reshape([MIXED]),
            grid,
        }
    }

    /// What all glimpses of one pass share.
    pub fn glimpses(&self) -> Glimpses<'_> {
        let (weight, bias) = joined(&[self]);
        Glimpses { weight, bias, basis: Basis::of(&[self]), attention: std::marker::PhantomData }
    }

    /// The layer's five outputs `[B, 5]` at states `[B, hidden]`.
    pub fn outputs(&self, hidden: &Tensor) -> Tensor {
        hidden.linear(&self.weight, Some(&self.bias))
    }

    /// The windows at states `[B, hidden]`.
    ///
    /// # Errors
    /// Outputs that are no floating-point numbers on a device that can be read.
    pub fn windows(&self, hidden: &Tensor) -> Result<Vec<Window>, NnError> {
        let outputs = self.outputs(hidden).detach().to_kind(Kind::Double);
        let outputs: ndarray::Array2<f64> = easel_core::tensor::to_array("attention", &outputs)?;
        let Grid { n, height, width } = self.grid;
        let window = |row: ndarray::ArrayView1<f64>| {
            let numbers = [row[0], row[1], row[2], row[3], row[4]];
            Window::from_outputs(numbers, (height as usize, width as usize), n as usize)
        };
        Ok(outputs.rows().into_iter().map(window).collect())
    }
}

/// The layers of several windows of one state as one linear layer `[9 windows, hidden]`, `[9 windows]`, whose outputs
/// [`Basis::filters`] takes: first the factors of $(g_X, g_Y, \delta, 1)/\sigma^2$ that are no exponentials, of all windows, then the
/// logarithms of those that are, then those of the gains. It is the same for all glimpses of a pass, so compute it once.
pub fn joined(windows: &[&Attention]) -> (Tensor, Tensor) {
    let weights: Vec<Tensor> = windows.iter().map(|w| w.mixing.matmul(&w.weight)).collect();
    let biases: Vec<Tensor> = windows.iter().map(|w| w.mixing.mv(&w.bias) + &w.offsets).collect();
    let ordered = |of: &[Tensor]| {
        let part = |(start, length)| of.iter().map(move |t: &Tensor| t.narrow(0, start, length));
        Tensor::cat(&[(0, 4), (4, 4), (8, 1)].into_iter().flat_map(part).collect::<Vec<_>>(), 0)
    };
    (ordered(&weights), ordered(&biases))
}

impl Glimpses<'_> {
    /// The filterbanks at states `[B, hidden]` (eqs. 19 to 26).
    pub fn filters(&self, hidden: &Tensor) -> Filters {
        self.basis.filters(&hidden.linear(&self.weight, Some(&self.bias))).pop().expect("one window")
    }
}

impl Basis {
    /// For the windows of [`joined`].
    pub fn of(windows: &[&Attention]) -> Self {
        let grids: Vec<Grid> = windows.iter().map(|w| w.grid).collect();
        let like = windows.first().map(|w| w.mixing.shallow_clone());
        let columns: i64 = grids.iter().map(Grid::filters).sum();
        let mut matrix = vec![0.0; 4 * grids.len() * columns as usize];
        let mut first = 0;
        for (k, grid) in grids.iter().enumerate() {
            let block = exponents(*grid);
            let width = grid.filters() as usize;
            for (row, values) in block.chunks_exact(width).enumerate() {
                let start = (4 * k + row) * columns as usize + first;
                matrix[start..start + width].copy_from_slice(values);
            }
            first += width;
        }
        let matrix = Tensor::from_slice(&matrix).view([-1, columns.max(1)]);
        Self { matrix: like.map_or(matrix.shallow_clone(), |t| matrix.to_kind(t.kind()).to_device(t.device())), grids }
    }

    /// The filterbanks (eqs. 19 to 26) of each window from outputs `[B, 9 windows]` of [`joined`].
    pub fn filters(&self, mixed: &Tensor) -> Vec<Filters> {
        let count = self.grids.len() as i64;
        let parts = mixed.unsafe_split_with_sizes([4 * count, 5 * count], 1);
        let exponentials = parts[1].exp().unsafe_split_with_sizes([4 * count, count], 1);
        let exponents = (&parts[0] * &exponentials[0]).mm(&self.matrix);
        let side = self.grids[0].width;
        let sizes = |of: &dyn Fn(&Grid) -> [i64; 2]| self.grids.iter().flat_map(of).collect::<Vec<i64>>();
        let banks: Vec<Tensor> = if self.grids.iter().all(|g| (g.width, g.height) == (side, side)) {
            let rows = sizes(&|g| [g.n, g.n]);
            exponents.view([-1, rows.iter().sum(), side]).softmax(-1, None).unsafe_split_with_sizes(rows, 1)
        } else {
            let lengths = sizes(&|g| [g.width, g.height]);
            let pieces = exponents.unsafe_split_with_sizes(sizes(&|g| [g.n * g.width, g.n * g.height]), 1);
            let bank =
                |(piece, length): (&Tensor, &i64)| piece.reshape([piece.size()[0], -1, *length]).softmax(-1, None);
            pieces.iter().zip(&lengths).map(bank).collect()
        };
        let gains = exponentials[1].unsafe_split(1, 1);
        let filters = |(pair, gain): (&[Tensor], &Tensor)| Filters {
            x: pair[0].shallow_clone(),
            y: pair[1].shallow_clone(),
            gain: gain.unsqueeze(-1),
        };
        banks.chunks_exact(2).zip(&gains).map(filters).collect()
    }
}

impl Clone for Basis {
    /// Another handle of the same matrix.
    fn clone(&self) -> Self {
        Self { matrix: self.matrix.shallow_clone(), grids: self.grids.clone() }
    }
}

impl Grid {
    /// Numbers in both filterbanks.
    fn filters(&self) -> i64 {
        self.n * (self.width + self.height)
    }
}

impl Filters {
    /// Reads pictures `[B, H, C W]`: gain times $F_Y x F_X^\top$, `[B, N C, N]` (rows of all channels in turn).
    pub fn read(&self, x: &Tensor) -> Tensor {
        self.gather(self.y.bmm(x))
    }

    // excerpt: read-error
    /// $\gamma\,[F_Y x F_X^\top, F_Y\hat x F_X^\top]$ with $\hat x = x - \bar x$ for pictures `[B, H, C W]` (eqs. 3 and 27): `[B, 2 C N^2]`.
    pub fn read_error(&self, x: &Tensor, mean: &Tensor) -> Tensor {
        let rows = self.y.bmm(x);
        let error = rows.baddbmm(&self.y, mean, 1.0, -1.0);
        self.gather(Tensor::cat(&[rows, error], 1)).flatten(1, 2)
    }
    // end excerpt

    fn gather(&self, rows: Tensor) -> Tensor {
        let (width, size) = (self.x.size()[2], rows.size());
        rows.view([size[0], -1, width]).bmm(&self.x.transpose(1, 2)) * &self.gain
    }

    /// Adds to canvases `[B, H, C W]` the patches `[B, N C, N]`: gain times $F_Y^\top w F_X$ (eqs. 8 and 29).
    pub fn write(&self, patch: &Tensor, canvas: &Tensor) -> Tensor {
        let (n, size) = (self.y.size()[1], canvas.size());
        let rows = (patch * &self.gain).bmm(&self.x).view([size[0], n, size[2]]);
        canvas.baddbmm(&self.y.transpose(1, 2), &rows, 1.0, 1.0)
    }
}

/// The constant matrix `[4, N A + N B]` from $(\tilde g_X, \tilde g_Y, \tilde\delta, 1)/\sigma^2$ to the exponents of $F_X$ and $F_Y$.
fn exponents(Grid { n, height, width }: Grid) -> Vec<f64> {
    let stride = (height.max(width) - 1) as f64 / (n - 1) as f64;
    let mut rows = vec![Vec::new(); 4];
    for (axis, length) in [(0, width), (1, height)] {
        for i in 0..n {
            for a in 0..length {
                let (pixel, offset) = (a as f64 - 0.5 * (length - 1) as f64, i as f64 - 0.5 * (n - 1) as f64);
                let centre = 0.5 * (length + 1) as f64 * pixel;
                rows[0].push(if axis == 0 { centre } else { 0.0 });
                rows[1].push(if axis == 1 { centre } else { 0.0 });
                rows[2].push(offset * stride * pixel);
                rows[3].push(-0.5 * pixel * pixel);
            }
        }
    }
    rows.concat()
}
