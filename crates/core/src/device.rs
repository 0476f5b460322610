//! Devices by the names users write.

use tch::{Cuda, Device};

/// A device name that means nothing here, or a device that this machine or this libtorch lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// Not a device name.
    #[error("unknown device \"{name}\"; use cpu, cuda, cuda:N or mps")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// libtorch sees no CUDA.
    #[error(
        "device \"{name}\" is not available: libtorch finds no CUDA device (a processor-only libtorch has none); use cpu"
    )]
    NoCuda {
        /// What was asked for.
        name: String,
    },
    /// There are fewer CUDA devices.
    #[error("device \"{name}\" is not available: there are {count} CUDA device(s), numbered from 0")]
    CudaIndex {
        /// What was asked for.
        name: String,
        /// Devices present.
        count: i64,
    },
    /// libtorch has no MPS.
    #[error("device \"mps\" is not available: this libtorch is built without it; use cpu")]
    NoMps,
}

/// The device called `cpu`, `cuda` (the first), `cuda:N` or `mps`.
///
/// # Errors
/// An unknown name, or a device that is not there.
pub fn parse_device(name: &str) -> Result<Device, DeviceError> {
    let unknown = || DeviceError::Unknown { name: name.to_owned() };
    match name {
        "cpu" => Ok(Device::Cpu),
        "mps" if tch::utils::has_mps() => Ok(Device::Mps),
        "mps" => Err(DeviceError::NoMps),
        "cuda" => cuda(name, 0),
        _ => {
            let index = name.strip_prefix("cuda:").ok_or_else(unknown)?;
            let digits = !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit());
            cuda(name, digits.then(|| index.parse().ok()).flatten().ok_or_else(unknown)?)
        }
    }
}

fn cuda(name: &str, index: usize) -> Result<Device, DeviceError> {
    let name = name.to_owned();
    if !Cuda::is_available() {
        return Err(DeviceError::NoCuda { name });
    }
    match Cuda::device_count() {
        count if (index as i64) < count => Ok(Device::Cuda(index)),
        count => Err(DeviceError::CudaIndex { name, count }),
    }
}
