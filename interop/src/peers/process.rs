//! A running peer: one request and one answer a line, in JSON.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value};

use super::plan::{Config, Peer};

/// Keys and values of a request or an answer.
pub(super) type Answer = Map<String, Value>;

/// Names and values of headers, in order.
pub(super) type Headers = Vec<(String, String)>;

const START: Duration = Duration::from_secs(120);
const ANSWER: Duration = Duration::from_secs(30);

/// A started peer. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    /// The version that the peer says it has.
    pub(super) version: String,
}

impl Process {
    /// Starts the peer, and waits for its first line.
    pub(super) fn start(folder: &Path, peer: &Peer, config: &Config) -> Result<Self, String> {
        let log = folder.join(".cache/logs").join(format!("{}-{}.log", peer.name, config.name));
        let log = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let script = folder.join("peers").join(&peer.language).join("start");
        let mut command = Command::new(&script);
        command.args([&peer.name, &config.name]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", script.display()))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or("no stdout")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut process = Self { child, stdin, lines, version: String::new() };
        let hello = process.answer(START)?;
        let is_text = |key: &str, text: &str| hello.get(key).and_then(Value::as_str) == Some(text);
        if !is_text("peer", &peer.name) || !is_text("config", &config.name) {
            return Err(format!("the first line is not that of {} {}: {hello:?}", peer.name, config.name));
        }
        hello
            .get("version")
            .and_then(Value::as_str)
            .ok_or("the first line has no version")?
            .clone_into(&mut process.version);
        Ok(process)
    }

    /// Asks the peer to do something.
    pub(super) fn ask(&mut self, request: &Value) -> Result<Answer, String> {
        let stdin = self.stdin.as_mut().ok_or("stdin is closed")?;
        let line = format!("{request}\n");
        stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()).map_err(|error| format!("no answer: {error}"))?;
        let answer = self.answer(ANSWER)?;
        match answer.get("error") {
            Some(error) => Err(format!("the peer says: {error}")),
            None => Ok(answer),
        }
    }

    fn answer(&mut self, wait: Duration) -> Result<Answer, String> {
        let line = self.lines.recv_timeout(wait).map_err(|error| {
            let end = self.child.try_wait().ok().flatten().map(|status| format!(", it ended with {status}"));
            format!("no answer ({error}{}); see its log", end.unwrap_or_default())
        })?;
        serde_json::from_str(&line).map_err(|error| format!("not a JSON object: {line} ({error})"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A peer ends when its input does. One that does not is ended.
        self.stdin = None;
        for _ in 0..20 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        // If it has ended meanwhile, that is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the headers of an answer.
pub(super) fn headers_of(answer: &Answer) -> Result<Headers, String> {
    let headers = answer.get("headers").cloned().unwrap_or_default();
    serde_json::from_value(headers).map_err(|error| format!("`headers` is not a list of pairs: {error}"))
}
