//! A Python that runs notebooks, with a shell script in the place of `cargo`.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// The Python with Jupyter's libraries: that of `EASEL_PYTHON`, or `python3`. Where they are missing, none, which is said on the
/// terminal, past the capture of test output.
pub fn find() -> Option<String> {
    let python = std::env::var("EASEL_PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&python).args(["-c", "import nbformat, nbclient, ipykernel"]).output();
    if there.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: {python} has no nbformat, nbclient and ipykernel, so that no notebook was run. Install them (Debian: \
         apt-get install python3-nbformat python3-nbclient python3-ipykernel), or set EASEL_PYTHON to a Python that has them"
    );
    None
}

/// What the Python `script` prints on `argument`; cells that call `cargo` run the shell script `cargo`.
pub fn run(python: &str, script: &str, argument: &str, cargo: &str) -> String {
    let programs = tempfile::tempdir().expect("a folder");
    let file = programs.path().join("cargo");
    std::fs::write(&file, cargo).expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("permitted");
    let before = std::env::var_os("PATH").unwrap_or_default();
    let all = [programs.path().to_owned()].into_iter().chain(std::env::split_paths(&before));
    let path = std::env::join_paths(all).expect("a path");
    let output = Command::new(python).args(["-c", script, argument]).env("PATH", path).output().expect("run");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{errors}");
    said.into_owned()
}
