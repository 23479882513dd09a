//! actix-web 4: a middleware that reads the context of a request, and makes it current for the handler.

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpMessage, HttpServer, body::MessageBody, rt, web};
use traceprop_core::carrier::{FieldName, FieldValue};
use traceprop_core::{Carrier, CarrierMut, InContext, OwnedContext, Propagator, RandomIds, presets};

/// The headers of actix, which has a map of its own. To be written, they are those of a call with awc.
struct Headers<M>(M);

impl Carrier for Headers<&HeaderMap> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

impl CarrierMut for Headers<&mut HeaderMap> {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        if let (Ok(name), Ok(value)) = (name.as_str().parse(), value.to_string().parse()) {
            self.0.append(name, value);
        }
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        self.0.retain(|name, _| !stale(name.as_str()));
    }
}

/// A body that is sent after the handler has no current context.
async fn trace<B: MessageBody>(
    propagator: web::Data<Propagator>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let headers = Headers(request.headers());
    let extraction = propagator.extract(&headers);
    let context = OwnedContext::from_span(&extraction, &extraction.new_span(&RandomIds));
    // A handler that copies headers into a call then copies nothing that was refused.
    propagator.strip(&mut Headers(request.headers_mut()));
    request.extensions_mut().insert(context.clone());
    next.call(request).in_context(context).await
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let propagator = web::Data::new(presets::ALL_TO_W3C.propagator());
    let show = || async { OwnedContext::current().and_then(|context| context.trace_id()).map(|id| id.to_string()) };
    let app = move || App::new().app_data(propagator.clone()).wrap(from_fn(trace)).route("/", web::get().to(show));
    rt::System::new().block_on(async {
        let server = HttpServer::new(app).workers(1).bind("127.0.0.1:0")?;
        let url = format!("http://{}/", server.addrs()[0]);
        rt::spawn(server.run());
        let request =
            reqwest::Client::new().get(url).header("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
        println!("trace {}", request.send().await?.text().await?);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::HttpRequest;
    use actix_web::test as actix;
    use traceprop_core::{IdGenerator, InjectOptions, Trust};

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    /// Answers with the trace headers of a call that copies the headers of the request.
    async fn call(request: HttpRequest) -> String {
        tokio::task::yield_now().await;
        let context = OwnedContext::current().unwrap();
        assert_eq!(request.extensions().get::<OwnedContext>().and_then(OwnedContext::span_id), context.span_id());
        let mut headers = request.headers().clone();
        assert_eq!(headers.len(), 1, "the handler sees no trace header: {headers:?}");
        let call = context.child(RandomIds.new_span_id()).unwrap();
        presets::W3C.propagator().inject(&call, &InjectOptions::new(), &mut Headers(&mut headers));
        let mut names: Vec<_> = headers.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        format!("{} {}", names.join(","), headers.get("traceparent").unwrap().to_str().unwrap())
    }

    /// Returns what a call has after a request with headers of two formats.
    fn called(trust: Trust) -> String {
        let propagator = web::Data::new(presets::ALL_TO_W3C.builder().trust(trust).build().unwrap());
        rt::System::new().block_on(async {
            let app = App::new().app_data(propagator).wrap(from_fn(trace)).route("/", web::get().to(call));
            let request = actix::TestRequest::get().uri("/").insert_header(("accept", "*/*"));
            let request = request.insert_header(("b3", format!("{TRACE}-00f067aa0ba902b7-1")));
            let request = request.insert_header(("baggage", "user=alice")).to_request();
            let answer = actix::call_and_read_body(&actix::init_service(app).await, request).await;
            String::from_utf8(answer.to_vec()).unwrap()
        })
    }

    #[test]
    fn ok_the_handler_is_in_the_trace_of_the_request() {
        let called = called(Trust::Continue);
        assert!(called.starts_with(&format!("accept,traceparent 00-{TRACE}-")), "{called}");
        assert!(called.ends_with("-01") && !called.contains("00f067aa0ba902b7"), "{called}");
    }

    #[test]
    fn ok_nothing_of_a_refused_context_is_copied_into_a_call() {
        let called = called(Trust::Ignore);
        assert!(called.starts_with("accept,traceparent 00-") && !called.contains(TRACE), "{called}");
    }
}
