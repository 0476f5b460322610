//! The `easel` program: built by cargo when it is needed.

use std::{
    env,
    ffi::OsStr,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use crate::workspace::{Result, cargo};

/// Where cargo puts the program: beside this one.
fn path() -> Option<PathBuf> {
    let path = env::current_exe().ok()?.with_file_name("easel");
    path.is_file().then_some(path)
}

/// A cargo command for the program: silent once it was built, else with cargo's own progress.
fn of_program(name: &str) -> Command {
    let mut command = cargo([name, "--package", "experiments", "--bin", "easel"]);
    if path().is_some() {
        command.arg("--quiet");
    } else {
        eprintln!("easel: building (the first time takes about 6 minutes)");
    }
    command
}

/// Builds the program, and tells whether that went well.
///
/// # Errors
/// When cargo cannot be run.
pub fn build() -> Result<bool> {
    let mut command = of_program("build");
    Ok(command.stdin(Stdio::null()).status()?.success())
}

/// The command that runs the program with those arguments, in the folder where the user is.
///
/// `built` tells that it was built just now.
pub fn command<I>(arguments: I, built: bool) -> Command
where
    I: IntoIterator<Item: AsRef<OsStr>>,
{
    let mut command =
        if built { cargo(["run", "--package", "experiments", "--bin", "easel", "--quiet"]) } else { of_program("run") };
    command.arg("--").args(arguments);
    command
}

/// What the program says of its commands, if it was built and can be run.
pub fn help() -> Option<String> {
    let output = Command::new(path()?).arg("--help").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// Becomes another command, so that signals and the exit code are its own.
///
/// # Errors
/// When it cannot be run.
pub fn become_command(mut command: Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(format!("{} cannot be run: {error}", command.get_program().display()).into())
}
