//! Notebooks with the real validator, and with a real kernel.
#![cfg(unix)] // the stand-in for the program is a shell script

#[path = "support/jupyter.rs"]
mod jupyter;
mod support;

use notebooks_export::export;
use support::{Fake, everything};

/// Checks each notebook and its text as Jupyter writes it, then runs one from top to bottom.
const CHECK: &str = r#"
import os, sys, nbformat, nbclient
site = sys.argv[1]
for folder, _, names in os.walk(site):
    for name in names:
        if name.endswith(".ipynb"):
            path = os.path.join(folder, name)
            text = open(path, encoding="utf-8").read()
            notebook = nbformat.reads(text, as_version=4)
            nbformat.validate(notebook)
            assert notebook.nbformat_minor == 5, path
            assert nbformat.writes(notebook).strip("\n") == text.strip("\n"), path + " changes when it is saved"
            print("valid", name)
path = os.path.join(site, "ddpm", "ddpm.ipynb")
notebook = nbformat.read(path, as_version=4)
nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": os.path.dirname(path)}}).execute()
nbformat.validate(notebook)
for cell in notebook.cells:
    for output in cell.get("outputs", []):
        assert output.output_type == "stream", output
        print("output", output.text.strip())
"#;

/// Stands for the program: notes its arguments and draws a dot.
const CARGO: &str =
    "#!/bin/sh\necho \"ran $*\"\nif [ \"$2\" = figure ]; then mkdir -p \"$5\" && echo drawn > \"$5/$3.svg\"; fi\n";

#[test]
fn notebooks_are_valid_and_run_from_top_to_bottom() {
    let Some(python) = jupyter::find() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let site = folder.path().join("site");
    export(&Fake::default(), &everything(&site)).expect("exported");
    let said = jupyter::run(&python, CHECK, site.to_str().expect("UTF-8"), CARGO);
    assert_eq!(said.matches("valid ").count(), 6, "{said}");
    for call in [
        "figure ddpm_chain --out figures",
        "figure ddpm_loss --out figures",
        "info ddpm --preset small",
        "run ddpm --preset smoke --out ddpm-smoke",
    ] {
        assert!(said.contains(&format!("output ran easel {call}")), "{said}");
    }
    let drawn = std::fs::read_to_string(site.join("ddpm/figures/ddpm_chain.svg")).expect("a figure");
    assert_eq!(drawn, "drawn\n", "figures are drawn beside the notebook");
}
