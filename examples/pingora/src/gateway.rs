//! A Pingora gateway: reads the context of each request, and writes a context of its own for the upstream.

use async_trait::async_trait;
use pingora_core::{Result, upstreams::peer::HttpPeer};
use pingora_http::RequestHeader;
use pingora_proxy::{ProxyHttp, Session};
use traceprop_core::carrier::{FieldName, FieldValue};
use traceprop_core::{Allow, CarrierMut, IdGenerator, InjectOptions, OwnedContext, Propagator, RandomIds};
use traceprop_http::HeaderCarrier;

/// The trust of the propagator says which callers are believed. The address is that of the upstream.
pub struct Gateway(pub Propagator, pub std::net::SocketAddr);

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Option<OwnedContext>;

    fn new_ctx(&self) -> Self::CTX {
        None
    }

    async fn upstream_peer(&self, _: &mut Session, _: &mut Self::CTX) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.1, false, String::new())))
    }

    async fn request_filter(&self, session: &mut Session, context: &mut Self::CTX) -> Result<bool> {
        let headers = HeaderCarrier::new(&session.req_header().headers);
        let extraction = self.0.extract(&headers);
        *context = Some(OwnedContext::from_span(&extraction, &extraction.new_span(&RandomIds)));
        Ok(false)
    }

    /// Called for each attempt, with a copy of the request. What was refused or is not allowed is removed from it.
    async fn upstream_request_filter(
        &self,
        _: &mut Session,
        to: &mut RequestHeader,
        ctx: &mut Self::CTX,
    ) -> Result<()> {
        if let Some(attempt) = ctx.as_ref().and_then(|context| context.child(RandomIds.new_span_id())) {
            let options = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
            self.0.inject(&attempt, &options, &mut UpstreamRequest(to));
        }
        Ok(())
    }
}

/// Pingora keeps the letter case of names beside the map, so headers are changed by its own methods.
struct UpstreamRequest<'r>(&'r mut RequestHeader);

impl CarrierMut for UpstreamRequest<'_> {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        let _ = self.0.append_header(name.as_str().to_owned(), value.to_string());
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        let names: Vec<_> = self.0.headers.keys().filter(|name| stale(name.as_str())).cloned().collect();
        names.iter().for_each(|name| drop(self.0.remove_header(name)));
    }
}
