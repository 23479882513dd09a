//! Finds programs, and installs what is not there.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::is_root;
use crate::run::Run;

/// Where Debian has servers that are not in every path.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// The script of RabbitMQ itself. That in the path starts it as a user who cannot write here.
const RABBITMQ: &str = "/usr/lib/rabbitmq/bin";

/// Returns the path of a program, after installing Debian's package of it if needed. What cannot be had is left out.
pub(crate) fn debian(run: &mut Run, program: &str, package: &str) -> Option<PathBuf> {
    if let Some(path) = find("setpriv").and_then(|_| find(program)) {
        return Some(path);
    }
    if find("apt-get").is_none() || find("setpriv").is_none() || !is_root() {
        run.leave_out(format!("{program}: it is not installed, and only root can install Debian's package {package}"));
        return None;
    }
    println!("installing {package}");
    let log = run.cache().join("logs/apt.log");
    let installed = apt(&log, &["install", "--yes", "--no-install-recommends", package])
        || (apt(&log, &["update"]) && apt(&log, &["install", "--yes", "--no-install-recommends", package]));
    let found = if installed { find(program) } else { None };
    if found.is_none() {
        run.leave_out(format!("{program}: Debian's package {package} cannot be installed, see {}", log.display()));
    }
    found
}

/// Returns a program of a Python package, installed into an environment of its own. What cannot be had is left out.
pub(crate) fn python(run: &mut Run, package: &str, version: Option<&str>, program: &str) -> Option<PathBuf> {
    let folder = run.cache().join(package).join(version.unwrap_or("newest"));
    let path = folder.join("bin").join(program);
    let log = run.cache().join("logs").join(format!("{package}.log"));
    if version.is_none() || !path.is_file() {
        let wanted = version.map_or(package.to_owned(), |version| format!("{package}=={version}"));
        println!("installing {wanted}");
        let pip = folder.join("bin/pip");
        let is_installed = logged(&log, Command::new("python3").args(["-m", "venv"]).arg(&folder))
            && logged(&log, Command::new(pip).args(["install", "--no-input", "--upgrade", &wanted]));
        if !is_installed {
            run.leave_out(format!("{wanted}: it cannot be installed, see {}", log.display()));
            return None;
        }
    }
    Some(path)
}

/// Runs a command that writes to a log. Returns whether it succeeded.
fn logged(log: &Path, command: &mut Command) -> bool {
    let Ok(file) = File::options().create(true).append(true).open(log) else { return false };
    let Ok(errors) = file.try_clone() else { return false };
    let status = command.stdin(Stdio::null()).stdout(file).stderr(errors).status();
    status.is_ok_and(|status| status.success())
}

fn apt(log: &Path, args: &[&str]) -> bool {
    let mut command = Command::new("timeout");
    // No service is started by its package: each is started here, with a configuration of its own.
    command.args(["300", "apt-get"]).args(args).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    logged(log, &mut command)
}

/// Returns the path of a program that is installed.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let postgres = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = postgres.map(|folder| folder.path().join("bin")).collect();
    // The newest first.
    folders.sort();
    folders.reverse();
    folders.push(RABBITMQ.into());
    folders.extend(std::env::split_paths(&path));
    folders.extend(FOLDERS.map(PathBuf::from));
    folders.into_iter().map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Returns the first number with a dot that a program says of itself.
pub(crate) fn version_of(program: &Path, argument: &str) -> String {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    let Ok(output) = output else { return String::new() };
    let text = [output.stdout, output.stderr].concat();
    version_in(&String::from_utf8_lossy(&text))
}

/// Returns the version of a package of Debian, for a server that takes long to say its own.
pub(crate) fn version_of_package(package: &str) -> String {
    let output = Command::new("dpkg-query").args(["--show", "--showformat", "${Version}", package]).output();
    output.map_or_else(|_| String::new(), |output| version_in(&String::from_utf8_lossy(&output.stdout)))
}

fn version_in(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let numbers = text.split(|c: char| !is_part(c)).map(|number| number.trim_matches('.'));
    numbers.into_iter().find(|number| number.contains('.')).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_finds_the_version() {
        assert_eq!(version_in("nats-server: v2.9.10"), "2.9.10");
        assert_eq!(version_in("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), "15.18");
        assert_eq!(version_in("HAProxy version 2.6.12-1+deb12u4 2023"), "2.6.12");
        assert_eq!(version_in("none"), "");
    }
}
