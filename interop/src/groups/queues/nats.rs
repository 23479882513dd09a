//! NATS, by async-nats.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use async_nats::{Client, HeaderMap, Subscriber};
use futures_util::StreamExt;
use traceprop_core::carrier::{FieldName, FieldValue};
use traceprop_core::{Carrier, CarrierMut};

use super::queue::{Program, Queue};
use crate::Error;
use crate::run::Run;
use crate::servers::Server;

pub(super) const PROGRAM: Program =
    Program { name: "nats", program: "nats-server", package: "nats-server", version: "-v" };

/// The headers of a message. A name can have several values.
#[derive(Debug, Default)]
pub(super) struct Headers(HeaderMap);

impl Carrier for Headers {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().flat_map(|(name, values)| values.iter().map(move |value| (name.as_ref(), value.as_ref())))
    }
}

impl CarrierMut for Headers {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        self.0.append(name.as_str(), value.to_string());
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        let all = std::mem::take(&mut self.0);
        // No method removes a name.
        for (name, values) in all.iter().filter(|(name, _)| !stale(name.as_ref())) {
            values.iter().for_each(|value| self.0.append(name.clone(), value.clone()));
        }
    }
}

#[derive(Debug)]
pub(super) struct Nats {
    client: Client,
    topics: HashMap<&'static str, Subscriber>,
}

/// Starts the server.
pub(super) fn start(run: &Run, program: &Path, port: u16) -> Result<Vec<Server>, Error> {
    let mut command = Command::new(program);
    command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
    let mut server = Server::start(run, PROGRAM.name, None, &command)?;
    server.wait_for_port(port)?;
    Ok(vec![server])
}

impl Queue for Nats {
    type Headers = Headers;

    async fn connect(port: u16, topics: [&'static str; 2]) -> Result<Self, Error> {
        let client = async_nats::connect(format!("127.0.0.1:{port}")).await?;
        let mut queue = Self { client, topics: HashMap::new() };
        for topic in topics {
            queue.topics.insert(topic, queue.client.subscribe(topic).await?);
        }
        // A subscription counts when the server knows it.
        queue.client.flush().await?;
        Ok(queue)
    }

    async fn send(&mut self, topic: &'static str, headers: Headers) -> Result<(), Error> {
        self.client.publish_with_headers(topic, headers.0, "order".into()).await?;
        Ok(self.client.flush().await?)
    }

    async fn receive(&mut self, topic: &'static str) -> Result<Headers, Error> {
        let message = self.topics.get_mut(topic).ok_or("no such topic")?.next().await.ok_or("no message")?;
        Ok(Headers(message.headers.unwrap_or_default()))
    }
}
