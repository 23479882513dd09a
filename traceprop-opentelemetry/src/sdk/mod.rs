//! For `opentelemetry_sdk`: received decisions, trace ids and links.

mod ids;
mod links;
mod sampler;

pub use ids::IncomingIds;
pub use links::IncomingLinks;
pub use sampler::IncomingSampler;
