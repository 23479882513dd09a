//! Servers of others: found or installed, started on loopback, and stopped at the end, also after a failure.

mod install;

pub(crate) use install::{debian, python, version_of, version_of_package};

use std::fs::File;
use std::io::{Error as IoError, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Error;
use crate::run::Run;

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// A server that was started. It is stopped, and its folder removed, when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    child: Child,
    /// Where it writes its standard output and error.
    pub(crate) log: PathBuf,
    folder: Option<Folder>,
}

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Creates an empty folder among the system's temporary files: servers that run as a user of their own can enter it,
    /// and paths of sockets stay short.
    pub(crate) fn create(name: &str) -> Result<Self, Error> {
        let path = std::env::temp_dir().join(format!("traceprop-{name}-{}", std::process::id()));
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it is among temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Server {
    /// Starts a program. It ends with this process, whatever happens to it.
    pub(crate) fn start(run: &Run, name: &str, user: Option<&str>, command: &Command) -> Result<Self, Error> {
        let log = run.cache().join("logs").join(format!("{name}.log"));
        let file = File::create(&log)?;
        let mut guarded = guarded(user);
        guarded.arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(key, value),
                None => guarded.env_remove(key),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            guarded.current_dir(folder);
        }
        guarded.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
        let child = guarded.spawn().map_err(|error| format!("{name} cannot be started: {error}"))?;
        Ok(Self { name: name.to_owned(), child, log, folder: None })
    }

    /// Removes the folder after the server has ended.
    pub(crate) fn with_folder(mut self, folder: Folder) -> Self {
        self.folder = Some(folder);
        self
    }

    /// Waits until `is_ready`.
    pub(crate) fn wait_until(&mut self, mut is_ready: impl FnMut() -> bool) -> Result<(), Error> {
        let begin = Instant::now();
        loop {
            if is_ready() {
                return Ok(());
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || begin.elapsed() > START {
                let how =
                    ended.map_or("is not ready after a minute".to_owned(), |status| format!("ended with {status}"));
                return Err(
                    format!("{} {how}; the end of {}: {}", self.name, self.log.display(), self.log_end()).into()
                );
            }
            sleep(PAUSE);
        }
    }

    /// Waits until the server accepts connections.
    pub(crate) fn wait_for_port(&mut self, port: u16) -> Result<(), Error> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        self.wait_until(|| TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok())
    }

    fn log_end(&self) -> String {
        let mut text = Vec::new();
        // A log that cannot be read is an empty one.
        let _ = File::open(&self.log).and_then(|mut log| log.read_to_end(&mut text));
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        text.chars().skip(text.chars().count().saturating_sub(600)).collect()
    }

    /// Sends a signal to the server and what it has started.
    fn signal(&self, name: &str) -> Result<(), IoError> {
        let group = format!("-{}", self.child.id());
        Command::new("kill").args(["-s", name, "--", &group]).stderr(Stdio::null()).status().map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody is there to be told that it could not be stopped.
        let _ = self.signal("TERM");
        let begin = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begin.elapsed() < STOP {
            sleep(PAUSE);
        }
        let _ = self.signal("KILL");
        let _ = self.child.wait();
    }
}

/// A command whose program is told to end when this process ends.
///
/// The signal is sent when the thread ends that has started the program, so servers are started by the main thread.
fn guarded(user: Option<&str>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]);
    if let Some(user) = user {
        command.args(["--reuid", user, "--regid", user, "--init-groups"]);
    }
    command
}

/// Runs a command as another user, and waits for it.
pub(crate) fn run_as(user: Option<&str>, program: &Path, args: &[&str]) -> Result<(), Error> {
    let output = guarded(user).arg(program).args(args).stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}", program.display(), String::from_utf8_lossy(&output.stderr).trim()).into())
}

/// Returns a port of loopback that is free now.
pub(crate) fn free_port() -> Result<u16, Error> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Returns whether this process may do everything.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
