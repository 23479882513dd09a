//! RabbitMQ, by lapin.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use traceprop_core::carrier::{FieldName, FieldValue};
use traceprop_core::{Carrier, CarrierMut};

use super::queue::{Program, Queue};
use crate::Error;
use crate::run::Run;
use crate::servers::{Folder, Server, free_port};

pub(super) const PROGRAM: Program =
    Program { name: "rabbitmq", program: "rabbitmq-server", package: "rabbitmq-server", version: "" };

/// The headers of a message: typed values by name.
#[derive(Debug, Default)]
pub(super) struct Headers(FieldTable);

impl Carrier for Headers {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.inner().iter().filter_map(|(name, value)| match value {
            AMQPValue::LongString(text) => Some((name.as_str(), text.as_bytes())),
            _ => None,
        })
    }
}

impl CarrierMut for Headers {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        let before = self.0.inner().get(name.as_str()).and_then(AMQPValue::as_long_string);
        // A table holds one value a name. Further lines are appended after a comma.
        let value = before.map_or(value.to_string(), |before| format!("{before},{value}"));
        self.0.insert(name.as_str().into(), AMQPValue::LongString(value.into()));
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        let kept = self.0.inner().iter().filter(|(name, _)| !stale(name.as_str()));
        let kept: std::collections::BTreeMap<_, _> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        self.0 = kept.into();
    }
}

/// A connection, its channel and a consumer for each topic.
pub(super) struct RabbitMq {
    // The connection is closed when it is dropped.
    _connection: Connection,
    channel: Channel,
    topics: HashMap<&'static str, Consumer>,
}

/// Starts the server, and the daemon that Erlang's nodes register with.
pub(super) fn start(run: &Run, program: &Path, port: u16) -> Result<Vec<Server>, Error> {
    let folder = Folder::create(PROGRAM.name)?;
    let registry = free_port()?;
    let mut command = Command::new("epmd");
    command.args(["-port", &registry.to_string(), "-address", "127.0.0.1"]);
    let mut daemon = Server::start(run, "epmd", None, &command)?;
    daemon.wait_for_port(registry)?;

    let mut command = Command::new(program);
    command.env("HOME", folder.path()).current_dir(folder.path());
    command.env("ERL_EPMD_PORT", registry.to_string()).env("ERL_EPMD_ADDRESS", "127.0.0.1");
    command.env("RABBITMQ_NODENAME", format!("traceprop-{}@localhost", std::process::id()));
    command.env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1").env("RABBITMQ_NODE_PORT", port.to_string());
    command.env("RABBITMQ_DIST_PORT", free_port()?.to_string());
    command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}");
    for (name, path) in [
        ("RABBITMQ_MNESIA_BASE", "data"),
        ("RABBITMQ_LOG_BASE", "log"),
        ("RABBITMQ_CONFIG_FILE", "rabbitmq.conf"),
        ("RABBITMQ_CONF_ENV_FILE", "rabbitmq-env.conf"),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", "plugins"),
        ("RABBITMQ_FEATURE_FLAGS_FILE", "feature_flags"),
    ] {
        command.env(name, folder.path().join(path));
    }
    std::fs::write(folder.path().join("rabbitmq.conf"), "")?;
    std::fs::write(folder.path().join("rabbitmq-env.conf"), "")?;
    // Its script then becomes the server.
    command.env("RABBITMQ_LOGS", "-").env("RUNNING_UNDER_SYSTEMD", "yes");
    let mut server = Server::start(run, PROGRAM.name, None, &command)?;
    server.wait_for_port(port)?;
    Ok(vec![server.with_folder(folder), daemon])
}

impl Queue for RabbitMq {
    type Headers = Headers;

    async fn connect(port: u16, topics: [&'static str; 2]) -> Result<Self, Error> {
        let address = format!("amqp://127.0.0.1:{port}/%2f");
        let mut attempts = 0;
        // The port is open before the server is ready.
        let connection = loop {
            match Connection::connect(&address, ConnectionProperties::default()).await {
                Ok(connection) => break connection,
                Err(error) if attempts == 50 => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
            attempts += 1;
        };
        let channel = connection.create_channel().await?;
        let mut consumers = HashMap::new();
        for topic in topics {
            let options = QueueDeclareOptions { auto_delete: true, ..QueueDeclareOptions::default() };
            channel.queue_declare(topic.into(), options, FieldTable::default()).await?;
            let options = BasicConsumeOptions::default();
            consumers.insert(
                topic,
                channel.basic_consume(topic.into(), topic.into(), options, FieldTable::default()).await?,
            );
        }
        Ok(Self { _connection: connection, channel, topics: consumers })
    }

    async fn send(&mut self, topic: &'static str, headers: Headers) -> Result<(), Error> {
        let properties = BasicProperties::default().with_headers(headers.0);
        let options = BasicPublishOptions::default();
        self.channel.basic_publish("".into(), topic.into(), options, b"order", properties).await?.await?;
        Ok(())
    }

    async fn receive(&mut self, topic: &'static str) -> Result<Headers, Error> {
        let delivery = self.topics.get_mut(topic).ok_or("no such topic")?.next().await.ok_or("no message")??;
        delivery.ack(BasicAckOptions::default()).await?;
        Ok(Headers(delivery.properties.headers().clone().unwrap_or_default()))
    }
}
