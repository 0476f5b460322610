//! The Python that fetches and unpacks, and the one whose torch is used.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::workspace::{Result, first_line, variable};

/// Unpacks and checks wheels.
const WHEELS: &str = include_str!("wheels.py");

/// Names of the interpreter, the likelier first: the binding's build script looks for the same ones.
fn names() -> [&'static str; 2] {
    if variable("VIRTUAL_ENV").is_some() { ["python", "python3"] } else { ["python3", "python"] }
}

/// A Python 3 that can be run.
#[derive(Clone, Debug)]
pub struct Python {
    /// Its command.
    pub command: &'static str,
    /// Its version, such as `3.12.1`.
    pub version: String,
}

impl Python {
    fn of(command: &'static str) -> Option<Python> {
        let script = "import platform; print(platform.python_version())";
        let version = first_line(Command::new(command).args(["-c", script]))?;
        version.starts_with("3.").then_some(Python { command, version })
    }

    /// The first Python found.
    pub fn any() -> Option<Python> {
        names().into_iter().find_map(Python::of)
    }

    /// The first Python found that has pip.
    ///
    /// # Errors
    /// When there is none: says what to install.
    pub fn with_pip() -> Result<Python> {
        let found = names().into_iter().filter_map(Python::of);
        let with_pip = found.into_iter().find(|python| python.pip().is_some());
        with_pip.ok_or_else(|| {
            let lack = match Python::any() {
                Some(python) => format!("{} {} has no pip", python.command, python.version),
                None => "there is no Python 3".to_owned(),
            };
            format!(
                "libtorch is fetched with Python's pip, and {lack}. Install it (on Debian and \
                 Ubuntu: apt install python3-pip; with uv: uv venv --seed, and activate it), or \
                 set LIBTORCH to the folder of a libtorch."
            )
            .into()
        })
    }

    /// Version of its pip, if it has one.
    pub fn pip(&self) -> Option<String> {
        let line = first_line(Command::new(self.command).args(["-m", "pip", "--version"]))?;
        line.split(' ').nth(1).map(str::to_owned)
    }

    /// The script that works on wheels, ready for its arguments.
    pub fn wheels(&self) -> Command {
        let mut command = Command::new(self.command);
        command.args(["-I", "-c", WHEELS]);
        command
    }
}

/// The folder of the torch that Python imports.
///
/// # Errors
/// When Python cannot be run or has no torch.
pub fn torch() -> Result<PathBuf> {
    let command = names()[0];
    // Found, not imported: importing takes seconds.
    let script = "from importlib.util import find_spec\n\
                  print(find_spec('torch').submodule_search_locations[0])";
    let output = Command::new(command).args(["-c", script]).output();
    torch_folder(output.ok().as_ref()).ok_or_else(|| {
        format!(
            "LIBTORCH_USE_PYTORCH is set, but {command} finds no torch: activate the environment \
             that has it, or unset the variable to have libtorch fetched."
        )
        .into()
    })
}

fn torch_folder(output: Option<&Output>) -> Option<PathBuf> {
    let output = output.filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(Path::new(text.lines().last()?).to_path_buf())
}
