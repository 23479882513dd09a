//! Streams of Redis, by the crate redis.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use redis::aio::MultiplexedConnection;

use super::queue::{Program, Queue};
use crate::Error;
use crate::run::Run;
use crate::servers::{Folder, Server};

pub(super) const PROGRAM: Program =
    Program { name: "redis", program: "redis-server", package: "redis-server", version: "--version" };

/// The fields of an entry. A list of pairs is a carrier.
type Fields = Vec<(String, String)>;

/// The answer of XREAD: streams, their entries, and the fields of each.
type Read = Option<Vec<(String, Vec<(String, Fields)>)>>;

#[derive(Debug)]
pub(super) struct Streams {
    connection: MultiplexedConnection,
    /// The id of the last entry that was read.
    read: HashMap<&'static str, String>,
}

/// Starts the server.
pub(super) fn start(run: &Run, program: &Path, port: u16) -> Result<Vec<Server>, Error> {
    let folder = Folder::create(PROGRAM.name)?;
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()]).current_dir(folder.path());
    let mut server = Server::start(run, PROGRAM.name, None, &command)?;
    server.wait_for_port(port)?;
    Ok(vec![server.with_folder(folder)])
}

impl Queue for Streams {
    type Headers = Fields;

    async fn connect(port: u16, topics: [&'static str; 2]) -> Result<Self, Error> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        // A stream keeps its entries after they were read.
        let () = redis::cmd("DEL").arg(&topics).query_async(&mut connection).await?;
        Ok(Self { connection, read: HashMap::new() })
    }

    async fn send(&mut self, topic: &'static str, headers: Fields) -> Result<(), Error> {
        let mut command = redis::cmd("XADD");
        command.arg(topic).arg("*").arg("what").arg("order");
        for (name, value) in headers.iter().filter(|(name, _)| name != "what") {
            command.arg(name).arg(value);
        }
        Ok(command.query_async(&mut self.connection).await?)
    }

    async fn receive(&mut self, topic: &'static str) -> Result<Fields, Error> {
        let last = self.read.get(topic).map_or("0", String::as_str);
        // It does not block, since the connection is shared: the message was sent before.
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(1).arg("STREAMS").arg(topic).arg(last);
        let read: Read = command.query_async(&mut self.connection).await?;
        let entry = read.unwrap_or_default().pop().and_then(|(_, mut entries)| entries.pop());
        let (id, fields) = entry.ok_or("no message")?;
        self.read.insert(topic, id);
        Ok(fields)
    }
}
