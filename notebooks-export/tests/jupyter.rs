//! Notebooks with the real validator, and with a real kernel.
#![cfg(unix)] // the stand-in for the program is a shell script

mod support;

use std::io::Write;
use std::path::Path;
use std::process::Command;

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
    let python = std::env::var("EASEL_PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&python).args(["-c", "import nbformat, nbclient, ipykernel"]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {python} has no nbformat, nbclient and ipykernel, so that no notebook was validated or run. Install \
             them (Debian: apt-get install python3-nbformat python3-nbclient python3-ipykernel), or set EASEL_PYTHON to \
             a Python that has them"
        );
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (site, programs) = (folder.path().join("site"), folder.path().join("bin"));
    export(&Fake::default(), &everything(&site)).expect("exported");
    std::fs::create_dir(&programs).expect("made");
    let cargo = programs.join("cargo");
    std::fs::write(&cargo, CARGO).expect("written");
    make_executable(&cargo);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&path))).expect("a path");
    let output = Command::new(&python).args(["-c", CHECK]).arg(&site).env("PATH", path).output().expect("run");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{errors}");
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

fn make_executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("permitted");
}
