//! The packages that libtorch is taken from on each platform, pinned by their hashes.

use std::env::consts::{ARCH, OS};

use crate::libtorch::VERSION;

/// One wheel of the Python package registry.
#[derive(Debug)]
pub struct Wheel {
    /// Name of the package.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Platform tag that selects the file.
    pub tag: &'static str,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What a platform needs.
#[derive(Debug)]
pub struct Platform {
    /// Operating system and processor, as Rust names them.
    pub name: &'static str,
    /// The wheels, in the order in which they are fetched.
    pub wheels: &'static [Wheel],
    /// The libraries to keep, by their names; `*` stands for any letters.
    pub libraries: &'static [&'static str],
    /// Bytes of disk that the kept files take, headers included.
    pub unpacked: u64,
}

const fn torch(tag: &'static str, sha256: &'static str, bytes: u64) -> Wheel {
    Wheel { package: "torch", version: VERSION, tag, sha256, bytes }
}

const fn cuda_runtime(tag: &'static str, sha256: &'static str, bytes: u64) -> Wheel {
    Wheel { package: "nvidia-cuda-runtime", version: "13.0.96", tag, sha256, bytes }
}

const fn cupti(tag: &'static str, sha256: &'static str, bytes: u64) -> Wheel {
    Wheel { package: "nvidia-cuda-cupti", version: "13.0.85", tag, sha256, bytes }
}

/// On Linux, the registry's torch is built for CUDA: its processor part alone is kept, which still
/// loads the CUDA runtime and CUPTI (small, and idle without a device).
const PLATFORMS: [Platform; 3] = [
    Platform {
        name: "linux-x86_64",
        wheels: &[
            torch(
                "manylinux_2_28_x86_64",
                "796633c4cdf0fe2cdced72d8f88f22e73dbcfce83132763162f6d4bff13b820b",
                526_605_292,
            ),
            cuda_runtime(
                "manylinux2014_x86_64",
                "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
                2_243_632,
            ),
            cupti(
                "manylinux_2_25_x86_64",
                "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
                10_715_597,
            ),
        ],
        libraries: &[
            "libc10.so",
            "libtorch_cpu.so",
            "libtorch_global_deps.so",
            "libshm.so",
            "libgomp.so.1",
            "libcudart.so.13",
            "libcupti.so.13",
        ],
        unpacked: 511_000_000,
    },
    Platform {
        name: "linux-aarch64",
        wheels: &[
            torch(
                "manylinux_2_28_aarch64",
                "572df8be8ffb4599c88cbd6a0726f1f854f4da65d2e3c09f0e2c2283333cd6d4",
                427_210_998,
            ),
            cuda_runtime(
                "manylinux2014_aarch64",
                "ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55",
                2_261_060,
            ),
            cupti(
                "manylinux_2_25_aarch64",
                "796bd679890ee55fb14a94629b698b6db54bcfd833d391d5e94017dd9d7d3151",
                10_310_827,
            ),
        ],
        libraries: &[
            "libc10.so",
            "libtorch_cpu.so",
            "libtorch_global_deps.so",
            "libshm.so",
            "libgomp.so.1",
            "libarm_compute*.so",
            "libnvpl_*.so.0",
            "libcudart.so.13",
            "libcupti.so.13",
        ],
        unpacked: 371_000_000,
    },
    Platform {
        name: "macos-aarch64",
        wheels: &[torch(
            "macosx_14_0_arm64",
            "2fe228aba290d14b9f31b049be550dbd469c3fd3013d7a19705b30454da97027",
            111_213_045,
        )],
        libraries: &[
            "libc10.dylib",
            "libtorch.dylib",
            "libtorch_cpu.dylib",
            "libtorch_global_deps.dylib",
            "libshm.dylib",
            "libomp.dylib",
        ],
        unpacked: 407_000_000,
    },
];

impl Platform {
    /// The platform of that operating system and processor, if libtorch can be fetched for it.
    pub fn of(os: &str, arch: &str) -> Option<&'static Platform> {
        let name = format!("{os}-{arch}");
        PLATFORMS.iter().find(|platform| platform.name == name)
    }

    /// The platform of this machine.
    pub fn here() -> Option<&'static Platform> {
        Platform::of(OS, ARCH)
    }

    /// Name of its folder in the cache.
    pub fn folder(&self) -> String {
        format!("libtorch-{VERSION}-{}", self.name)
    }

    /// Bytes to fetch.
    pub fn download(&self) -> u64 {
        self.wheels.iter().map(|wheel| wheel.bytes).sum()
    }

    /// Bytes of disk that fetching takes at its highest: the wheels twice while pip copies them, or
    /// the wheels beside what was unpacked from them.
    pub fn space(&self) -> u64 {
        self.download() + self.download().max(self.unpacked)
    }
}

/// Name of a shared library's file on this system.
pub fn library(name: &str) -> String {
    let ending = if OS == "macos" { "dylib" } else { "so" };
    format!("lib{name}.{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wheel_is_pinned() {
        for platform in &PLATFORMS {
            assert_eq!(platform.wheels[0].package, "torch");
            assert_eq!(platform.wheels[0].version, VERSION);
            for wheel in platform.wheels {
                assert_eq!(wheel.sha256.len(), 64, "{wheel:?}");
                assert!(wheel.sha256.bytes().all(|b| b.is_ascii_hexdigit()));
                assert!(wheel.bytes > 0, "{wheel:?}");
                let processor = platform.name.rsplit('-').next().unwrap_or_default();
                let arm = processor == "aarch64" && wheel.tag.ends_with("arm64");
                assert!(wheel.tag.ends_with(processor) || arm, "{wheel:?}");
            }
            assert!(platform.space() >= platform.download() + platform.unpacked);
        }
    }

    #[test]
    fn hashes_differ() {
        let mut hashes: Vec<_> =
            PLATFORMS.iter().flat_map(|platform| platform.wheels.iter().map(|wheel| wheel.sha256)).collect();
        let all = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), all);
    }

    #[test]
    fn platforms_are_found_by_the_names_of_rust() {
        assert_eq!(
            Platform::of("linux", "x86_64").map(Platform::folder),
            Some("libtorch-2.13.0-linux-x86_64".to_owned())
        );
        assert!(Platform::of("macos", "aarch64").is_some());
        assert!(Platform::of("macos", "x86_64").is_none());
        assert!(Platform::of("windows", "x86_64").is_none());
    }
}
