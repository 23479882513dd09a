//! ureq 3: a middleware that writes the current context into each call, as far as a rule for the host allows it.

use std::io::{BufRead, BufReader, Result as IoResult, Write};
use std::net::TcpListener;

use traceprop_core::{IdGenerator, InjectOptions, OwnedContext, RandomIds, SpanContext, presets};
use traceprop_http::{Destination, Rule, Rules};
use ureq::http::{Request, Response};
use ureq::middleware::{Middleware, MiddlewareNext};
use ureq::{Agent, Body, Error, SendBody};

struct Propagate(Rules);

impl Middleware for Propagate {
    fn handle(&self, mut request: Request<SendBody>, next: MiddlewareNext<'_>) -> Result<Response<Body>, Error> {
        // Each call has a span id of its own.
        if let Some(call) = OwnedContext::current().and_then(|context| context.child(RandomIds.new_span_id())) {
            let uri = request.uri().clone();
            let (options, headers) = (InjectOptions::new(), request.headers_mut());
            self.0.inject_headers(&call, &options, Destination::from_uri(&uri), headers);
        }
        next.handle(request)
    }
}

fn agent(rules: Rules) -> Agent {
    // ureq follows redirects inside of its middleware: another host would get the headers that the first one may have.
    Agent::config_builder().middleware(Propagate(rules)).max_redirects(0).build().into()
}

/// Answers one request with the head that it received.
fn echo(listener: &TcpListener) -> IoResult<()> {
    let (mut stream, _) = listener.accept()?;
    let (mut reader, mut head) = (BufReader::new(stream.try_clone()?), String::new());
    while reader.read_line(&mut head)? > 2 {}
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{head}", head.len())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/items", listener.local_addr()?);
    let server = std::thread::spawn(move || echo(&listener));
    let rules = Rules::builder(presets::W3C).rule("127.0.0.1", Rule::trace_context()).rule("*", Rule::nothing());
    let (agent, span) = (agent(rules.build()?), SpanContext::root(&RandomIds));
    println!("trace {}, span {}", span.trace_id(), span.span_id());
    let answer = OwnedContext::new(span).scope(|| agent.get(&url).call())?;
    print!("{}", answer.into_body().read_to_string()?);
    Ok(server.join().map_err(|_| "the server panicked")??)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    /// Returns the trace headers that a host receives of a call which copied a caller's headers.
    fn received(rule: Rule, context: Option<OwnedContext>) -> Vec<(String, String)> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || echo(&listener));
        let agent = agent(Rules::builder(presets::W3C).rule("127.0.0.1", rule).build().unwrap());
        let copied = [("traceparent", "00-1-2-01"), ("baggage", "tenant=acme,user=alice"), ("x-mine", "1")];
        let request = copied.iter().fold(agent.get(&url), |request, (name, value)| request.header(*name, *value));
        let answer = match context {
            Some(context) => context.scope(|| request.call()),
            None => request.call(),
        };
        let head = answer.unwrap().into_body().read_to_string().unwrap();
        server.join().unwrap().unwrap();
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let lines = lines.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        lines.filter(|(name, _)| copied.iter().any(|(copied, _)| copied == name)).collect()
    }

    fn context() -> OwnedContext {
        let request = [("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01")), ("baggage", "tenant=acme".into())];
        let propagator = presets::W3C.propagator();
        let extraction = propagator.extract(&request);
        OwnedContext::from_span(&extraction, &extraction.new_span(&RandomIds))
    }

    fn names(received: &[(String, String)]) -> Vec<&str> {
        let mut names: Vec<_> = received.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn ok_a_call_has_the_current_context_and_a_span_id_of_its_own() {
        let context = context();
        let received = received(Rule::trace_context(), Some(context.clone()));
        assert_eq!(names(&received), ["traceparent", "x-mine"]);
        let (_, traceparent) = received.iter().find(|(name, _)| name == "traceparent").unwrap();
        assert!(traceparent.starts_with(&format!("00-{TRACE}-")) && traceparent.ends_with("-01"), "{traceparent}");
        assert!(!traceparent.contains(&context.span_id().unwrap().to_string()), "{traceparent}");
    }

    #[test]
    fn ok_the_rule_of_the_host_decides() {
        let allowed = received(Rule::trace_context().allow_baggage(["tenant"]), Some(context()));
        assert!(allowed.contains(&("baggage".to_owned(), "tenant=acme".to_owned())), "{allowed:?}");
        assert_eq!(names(&received(Rule::nothing(), Some(context()))), ["x-mine"]);
    }

    #[test]
    fn ok_without_a_context_the_request_is_left_alone() {
        let received = received(Rule::trace_context(), None);
        assert_eq!(names(&received), ["baggage", "traceparent", "x-mine"]);
    }
}
