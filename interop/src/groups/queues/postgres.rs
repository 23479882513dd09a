//! PostgreSQL: a comment of a statement names the trace, in the server's log and in its list of activities.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::queue::Program;
use crate::Error;
use crate::run::Run;
use crate::servers::{self, Folder, Server};

pub(super) const PROGRAM: Program =
    Program { name: "postgresql", program: "postgres", package: "postgresql", version: "--version" };

/// The database, with a client and one that looks on.
pub(super) struct Database {
    pub(super) version: String,
    client: Client,
    observer: Client,
    server: Server,
}

/// Starts the server.
pub(super) fn start(run: &Run, program: &Path, port: u16) -> Result<Server, Error> {
    let folder = Folder::create(PROGRAM.name)?;
    // It refuses to run as root. Debian's package makes this user.
    let user = servers::is_root().then_some("postgres");
    let folder_text = folder.path().display().to_string();
    if let Some(user) = user {
        servers::run_as(None, Path::new("chown"), &[user, &folder_text])?;
    }
    let data = folder.path().join("data").display().to_string();
    let args = ["--pgdata", &data, "--username", "postgres", "--auth", "trust", "--no-sync", "--locale", "C"];
    servers::run_as(user, &program.with_file_name("initdb"), &args)?;
    let mut command = Command::new(program);
    command.args(["-D", &data, "-p", &port.to_string()]).current_dir("/");
    for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "log_statement=all"] {
        command.args(["-c", setting]);
    }
    let mut server = Server::start(run, PROGRAM.name, user, &command)?;
    server.wait_for_port(port)?;
    Ok(server.with_folder(folder))
}

async fn connect(port: u16) -> Result<Client, Error> {
    let address = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres connect_timeout=10");
    let mut attempts = 0;
    // The port is open before the server is ready.
    let (client, connection) = loop {
        match tokio_postgres::connect(&address, NoTls).await {
            Ok(connected) => break connected,
            Err(error) if attempts == 50 => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
        attempts += 1;
    };
    // It ends with its client.
    tokio::spawn(connection);
    Ok(client)
}

impl Database {
    pub(super) async fn connect(server: Server, port: u16, version: String) -> Result<Self, Error> {
        let (client, observer) = (connect(port).await?, connect(port).await?);
        Ok(Self { version, client, observer, server })
    }

    /// Executes a statement.
    pub(super) async fn execute(&self, statement: &str) -> Result<(), Error> {
        Ok(self.client.simple_query(statement).await.map(drop)?)
    }

    /// Returns the last statement of the client, as the server lists it.
    pub(super) async fn last_activity(&self) -> Result<String, Error> {
        let query =
            "SELECT query FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let rows = self.observer.simple_query(query).await?;
        let row = rows.iter().find_map(|row| match row {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(row.unwrap_or_default().to_owned())
    }

    /// Returns whether the server's log has the statement. It is written before the statement is answered.
    pub(super) fn has_logged(&self, statement: &str) -> Result<bool, Error> {
        let log = std::fs::read_to_string(&self.server.log)?;
        Ok(log.lines().any(|line| line.split_once("statement: ").is_some_and(|(_, logged)| logged == statement)))
    }
}
