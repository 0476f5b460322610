//! A notebook of the real program, run from top to bottom by a real kernel.
#![cfg(unix)] // what stands for cargo is a shell script

use crate::{folder, good, jupyter, path};

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

/// The story of DRAW: figures of the shipped weights, and the whole path on the preset `smoke`.
#[test]
fn a_notebook_runs_from_top_to_bottom() {
    let Some(python) = jupyter::find() else { return };
    let there = folder();
    let site = path(&there, "site");
    good(&["export", "draw", "--lang", "en", "--to", "notebook", "--out", &site]);
    // `cargo easel WORDS` with the program that is already built.
    let program = env!("CARGO_BIN_EXE_easel");
    let cargo = format!("#!/bin/sh\nshift\nOMP_NUM_THREADS=1 exec '{program}' \"$@\" --threads 1\n");
    let said = jupyter::run(&python, RUN, &format!("{site}/draw/draw.ipynb"), &cargo);
    assert!(!said.contains("error: "), "{said}");
    for figure in experiments::registry().iter().filter(|e| e.name() == "draw").flat_map(|e| e.figures()) {
        for file in [format!("figures/{}.svg", figure.name), format!("draw-smoke/figures/{}.svg", figure.name)] {
            let svg = std::fs::read_to_string(format!("{site}/draw/{file}")).unwrap_or_default();
            assert!(svg.starts_with("<svg") || svg.starts_with("<?xml"), "{file}\n{said}");
        }
    }
}
