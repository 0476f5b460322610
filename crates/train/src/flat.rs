//! All parameters of a group in one buffer.

use tch::{Device, Kind, Tensor, no_grad};

/// Named parameters whose storage is one flat f32 buffer, the master copy.
///
/// Each parameter is a leaf tensor that views a slice of the working buffer: the master itself in f32, or a bfloat16
/// shadow that is refreshed after every update (mixed precision: arithmetic in bfloat16, update in f32).
#[derive(Debug)]
pub struct FlatParams {
    entries: Vec<Entry>,
    master: Tensor,
    shadow: Option<Tensor>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    leaf: Tensor,
    shape: Vec<i64>,
    offset: i64,
    numel: i64,
}

impl FlatParams {
    /// Moves `named` leaf tensors (any shapes, f32) into one buffer; the tensors the model holds become views of it.
    ///
    /// `kind` is the kind in which the model computes: [`Kind::Float`] or [`Kind::BFloat16`].
    pub fn new(named: Vec<(String, Tensor)>, kind: Kind) -> Self {
        no_grad(|| {
            let pieces: Vec<Tensor> =
                named.iter().map(|(_, t)| t.detach().to_kind(Kind::Float).reshape([-1])).collect();
            let master = if pieces.is_empty() {
                Tensor::zeros([0], (Kind::Float, Device::Cpu))
            } else {
                Tensor::cat(&pieces, 0)
            };
            let mut offset = 0;
            let entries = named
                .into_iter()
                .map(|(name, leaf)| {
                    let (shape, numel) = (leaf.size(), leaf.numel() as i64);
                    let entry = Entry { name, leaf, shape, offset, numel };
                    offset += numel;
                    entry
                })
                .collect();
            let shadow = (kind != Kind::Float).then(|| master.to_kind(kind));
            let mut flat = Self { entries, master, shadow };
            flat.bind_working();
            flat
        })
    }

    fn bind_working(&mut self) {
        let working = self.shadow.as_ref().unwrap_or(&self.master).shallow_clone();
        self.bind(&working);
    }

    fn bind(&mut self, buffer: &Tensor) {
        for e in &mut self.entries {
            e.leaf.set_data(&buffer.narrow(0, e.offset, e.numel).view(e.shape.as_slice()));
        }
    }

    /// Number of scalars.
    pub fn numel(&self) -> i64 {
        self.master.numel() as i64
    }

    /// The master copy, f32 `[numel]`.
    pub fn master(&self) -> &Tensor {
        &self.master
    }

    /// The leaf tensors, in order.
    pub fn leaves(&self) -> Vec<&Tensor> {
        self.entries.iter().map(|e| &e.leaf).collect()
    }

    /// Gradients of the scalar `loss` with respect to all parameters: f32 `[numel]`; a parameter that the loss does not
    /// reach has gradient zero.
    ///
    /// # Errors
    /// A loss that depends on no parameter at all, or one that is not a scalar.
    pub fn gradient(&self, loss: &Tensor) -> Result<Tensor, tch::TchError> {
        if !loss.requires_grad() {
            // libtorch would follow a null pointer here.
            return Err(tch::TchError::Torch(
                "the loss depends on no parameter, or was computed without gradients".into(),
            ));
        }
        let gradients = Tensor::f_run_backward(&[loss], &self.leaves(), false, false)?;
        let pieces: Vec<Tensor> = gradients
            .iter()
            .zip(&self.entries)
            .map(|(g, e)| if g.defined() { g.reshape([-1]) } else { e.leaf.detach().zeros_like().reshape([-1]) })
            .collect();
        Ok(Tensor::cat(&pieces, 0).to_kind(Kind::Float))
    }

    /// Changes the master copy in place and refreshes the working copy.
    pub fn update(&mut self, change: impl FnOnce(&mut Tensor)) {
        no_grad(|| {
            change(&mut self.master);
            if let Some(shadow) = &mut self.shadow {
                shadow.copy_(&self.master);
            }
        });
    }

    /// Runs `f` while the model computes with `weights` (f32 `[numel]`, for example a moving average).
    ///
    /// The working weights are back afterwards, also when `f` panics.
    pub fn with<R>(&mut self, weights: &Tensor, f: impl FnOnce() -> R) -> R {
        let temporary = match &self.shadow {
            Some(shadow) => weights.to_kind(shadow.kind()),
            None => weights.shallow_clone(),
        };
        no_grad(|| self.bind(&temporary));
        let _restore = Restore(self);
        f()
    }

    /// The slices of a flat buffer `[numel]` under the parameters' names and shapes (views, no copies).
    pub fn named(&self, flat: &Tensor) -> Vec<(String, Tensor)> {
        let flat = flat.detach();
        self.entries
            .iter()
            .map(|e| (e.name.clone(), flat.narrow(0, e.offset, e.numel).view(e.shape.as_slice())))
            .collect()
    }
}

/// Puts the working weights back when it goes out of scope.
struct Restore<'a>(&'a mut FlatParams);

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        no_grad(|| self.0.bind_working());
    }
}
