//! A notebook of the real program, run from top to bottom by a real kernel.
#![cfg(unix)] // what stands for cargo is a shell script

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::{folder, good, path};

/// Runs the notebook beside itself and prints what its cells print.
const RUN: &str = r#"
import os, sys, nbformat, nbclient
path = sys.argv[1]
notebook = nbformat.read(path, as_version=4)
nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": os.path.dirname(path)}}).execute()
for cell in notebook.cells:
    for output in cell.get("outputs", []):
        print(output.text if output.output_type == "stream" else output)
"#;

/// `cargo easel WORDS` with the program that is already built.
const CARGO: &str = "#!/bin/sh\nshift\nexec \"$EASEL\" \"$@\" --threads 1\n";

/// The story of DRAW: figures of the shipped weights, and the whole path on the preset `smoke`.
#[test]
fn a_notebook_runs_from_top_to_bottom() {
    let python = std::env::var("EASEL_PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&python).args(["-c", "import nbformat, nbclient, ipykernel"]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {python} has no nbformat, nbclient and ipykernel, so that no notebook was run. Install them, or set \
             EASEL_PYTHON to a Python that has them"
        );
        return;
    }
    let there = folder();
    let (site, programs) = (path(&there, "site"), there.path().join("bin"));
    good(&["export", "draw", "--lang", "en", "--to", "notebook", "--out", &site]);
    std::fs::create_dir(&programs).expect("made");
    let cargo = programs.join("cargo");
    std::fs::write(&cargo, CARGO).expect("written");
    std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).expect("permitted");
    let before = std::env::var_os("PATH").unwrap_or_default();
    let programs = std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&before))).expect("a path");
    let output = Command::new(&python)
        .args(["-c", RUN, &format!("{site}/draw/draw.ipynb")])
        .env("PATH", programs)
        .env("EASEL", env!("CARGO_BIN_EXE_easel"))
        .env("OMP_NUM_THREADS", "1")
        .output()
        .expect("run");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{errors}");
    assert!(!said.contains("error: "), "{said}");
    for figure in experiments::registry().iter().filter(|e| e.name() == "draw").flat_map(|e| e.figures()) {
        for file in [format!("figures/{}.svg", figure.name), format!("draw-smoke/figures/{}.svg", figure.name)] {
            let svg = std::fs::read_to_string(format!("{site}/draw/{file}")).unwrap_or_default();
            assert!(svg.starts_with("<svg") || svg.starts_with("<?xml"), "{file}\n{said}");
        }
    }
}
