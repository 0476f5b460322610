//! Build script of every package that links libtorch: writes its folder into the run path of the
//! package's programs, tests and benches, so that they start without any variable set.

use std::{env, path::Path};

fn main() {
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    let Ok(lib) = env::var("DEP_TCH_LIBTORCH_LIB") else {
        return;
    };
    println!("cargo:rerun-if-changed={lib}");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    // No symbol of the CUDA library is called by name: it registers its kernels when it is loaded.
    // Linkers that drop unused libraries must be told to keep it.
    if Path::new(&lib).join("libtorch_cuda.so").exists() {
        println!("cargo:rustc-link-arg=-Wl,--no-as-needed,-ltorch_cuda,--as-needed");
    }
}
