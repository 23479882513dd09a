use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::{HeaderMap, Request, Response};
use tower::Service;

use crate::allocations;
use crate::found::Found;
use crate::input::{CHILD, Input, outgoing};
use crate::server::Answer;

/// The contender that ratios are taken to; the first of each case where it takes part.
pub const OURS: &str = "traceprop";

/// The contender that does the same by hand, and no more: see [`floor`](crate::floor).
pub const FLOOR: &str = "floor";

/// Outgoing maps that are written between two looks at the clock: enough to hide the clock, few enough to stay in cache.
const MAPS: usize = 32;
/// Requests that are served between two looks at the clock, for the same reasons.
const REQUESTS: usize = 32;

/// Equal work for every contender.
pub struct Case {
    /// `extract/traceparent/16-other`; with a contender's name after it, the id of a benchmark.
    pub name: String,
    pub contenders: Vec<Contender>,
}

/// Somebody's way to do the work of a case.
pub struct Contender {
    pub name: &'static str,
    run: Box<dyn FnMut(u64) -> Sample>,
}

/// Many runs in one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    pub elapsed: Duration,
    /// 0 unless the program counts (see [`allocations`]).
    pub allocations: u64,
}

/// Where a call finds its request and what goes with it, and leaves it or the response.
pub(crate) struct Exchange {
    pub(crate) extensions: http::Extensions,
    pub(crate) request: Option<reqwest::Request>,
    pub(crate) response: Option<reqwest::Response>,
    /// There was no connection, as intended.
    pub(crate) refused: bool,
}

impl Contender {
    /// Reads a request; every answer is compared in the loop.
    pub fn extract(
        name: &'static str,
        input: &'static Input,
        others: usize,
        extract: impl Fn(&HeaderMap) -> Found + 'static,
    ) -> Self {
        let headers = input.request(others);
        let expected = extract(&headers);
        input.assert_found(name, expected);
        // The loop is in here, and `extract` a type of its own: no contender pays for a call through a pointer.
        let run = move |runs| {
            Sample::of(|| {
                for _ in 0..runs {
                    let found = extract(black_box(&headers));
                    assert!(found == expected, "{name} changed its mind");
                }
            })
        };
        Self { name, run: Box::new(run) }
    }

    /// Writes a context that is made before the clock starts: that of a participant, whose span is [`CHILD`].
    pub fn inject<C: 'static>(
        name: &'static str,
        input: &'static Input,
        context: impl Fn(&HeaderMap) -> C,
        inject: impl Fn(&C, &mut HeaderMap) + 'static,
    ) -> Self {
        let context = context(&input.request(0));
        Self::write(name, input, Some(CHILD), move |to| inject(black_box(&context), to))
    }

    /// Creates a participant: reads the request, puts its own `span_id` in, writes the next request.
    pub fn child(
        name: &'static str,
        input: &'static Input,
        others: usize,
        span_id: u64,
        child: impl Fn(&HeaderMap, u64, &mut HeaderMap) + 'static,
    ) -> Self {
        let from = input.request(others);
        Self::write(name, input, Some(span_id), move |to| child(black_box(&from), black_box(span_id), to))
    }

    /// Creates a service that reports no spans: it forwards what it received.
    pub fn passthrough(
        name: &'static str,
        input: &'static Input,
        others: usize,
        passthrough: impl Fn(&HeaderMap, &mut HeaderMap) + 'static,
    ) -> Self {
        let from = input.request(others);
        Self::write(name, input, None, move |to| passthrough(black_box(&from), to))
    }

    /// Creates a server around a handler that answers at once with the trace id it can see.
    ///
    /// The request is made outside the measured time.
    pub fn serve<S>(name: &'static str, input: &'static Input, others: usize, sees_trace: bool, server: S) -> Self
    where
        S: Service<Request<()>, Response = Response<Answer>, Error = Infallible> + 'static,
    {
        let mut headers = input.request(others);
        // Where it has come, the layer that makes one has nothing to do.
        headers.remove("x-request-id");
        let expected = if sees_trace { input.found.trace_id } else { 0 };
        let mut server = server;
        let mut requests = Vec::with_capacity(REQUESTS);
        let mut answers = Vec::with_capacity(REQUESTS);
        let run = move |runs: u64| {
            let mut total = Sample::default();
            let mut left = runs;
            while left > 0 {
                let now = left.min(REQUESTS as u64);
                requests.extend((0..now).map(|_| {
                    let mut request = Request::new(());
                    *request.headers_mut() = headers.clone();
                    request
                }));
                let sample = Sample::of(|| {
                    for request in requests.drain(..) {
                        answers.push(answer(&mut server, black_box(request)));
                    }
                });
                for answer in answers.drain(..) {
                    assert_eq!(answer.trace_id, expected, "{name} on {}", input.name);
                }
                total.elapsed += sample.elapsed;
                total.allocations += sample.allocations;
                left -= now;
            }
            total
        };
        Self { name, run: Box::new(run) }
    }

    /// Creates a client that sends a built request to a transport.
    ///
    /// `around` runs a whole batch in what is current for it. It is not measured, nor is `check`.
    pub(crate) fn call(
        name: &'static str,
        call: impl Fn() -> Exchange + 'static,
        around: impl Fn(&mut dyn FnMut()) + 'static,
        send: impl Fn(&mut Exchange) + 'static,
        check: impl Fn(&Exchange) + 'static,
    ) -> Self {
        let mut calls = Vec::with_capacity(REQUESTS);
        let run = move |runs: u64| {
            let mut total = Sample::default();
            let mut left = runs;
            while left > 0 {
                let now = left.min(REQUESTS as u64);
                calls.extend((0..now).map(|_| call()));
                let mut sample = Sample::default();
                around(&mut || {
                    sample = Sample::of(|| {
                        for call in &mut calls {
                            send(black_box(call));
                        }
                    });
                });
                for call in calls.drain(..) {
                    check(&call);
                }
                total.elapsed += sample.elapsed;
                total.allocations += sample.allocations;
                left -= now;
            }
            total
        };
        Self { name, run: Box::new(run) }
    }

    /// Writes into maps that have the ordinary headers and room for more; each is compared, off the clock.
    fn write(
        name: &'static str,
        input: &'static Input,
        span_id: Option<u64>,
        write: impl Fn(&mut HeaderMap) + 'static,
    ) -> Self {
        let mut maps: [HeaderMap; MAPS] = std::array::from_fn(|_| outgoing());
        let run = move |runs: u64| {
            let mut total = Sample::default();
            let mut left = runs;
            while left > 0 {
                let now = left.min(MAPS as u64);
                let maps = &mut maps[..now as usize];
                let sample = Sample::of(|| {
                    for map in &mut *maps {
                        write(black_box(map));
                    }
                });
                for map in maps {
                    input.take_written(name, span_id, map);
                }
                total.elapsed += sample.elapsed;
                total.allocations += sample.allocations;
                left -= now;
            }
            total
        };
        Self { name, run: Box::new(run) }
    }

    /// Runs the work `runs` times. Panics if one result is wrong.
    pub fn run(&mut self, runs: u64) -> Sample {
        (self.run)(runs)
    }
}

/// Serves one request. The handler does not wait, so no waker is needed.
fn answer<S>(server: &mut S, request: Request<()>) -> Answer
where
    S: Service<Request<()>, Response = Response<Answer>, Error = Infallible>,
{
    let mut context = Context::from_waker(Waker::noop());
    assert!(server.poll_ready(&mut context).is_ready(), "not ready");
    match pin!(server.call(request)).poll(&mut context) {
        Poll::Ready(Ok(response)) => response.into_body(),
        Poll::Pending => panic!("the handler waits"),
    }
}

impl Sample {
    fn of(work: impl FnOnce()) -> Self {
        let before = allocations::so_far();
        let start = Instant::now();
        work();
        let elapsed = start.elapsed();
        Self { elapsed, allocations: allocations::so_far() - before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fastrace, w3c};

    #[test]
    #[should_panic(expected = "opentelemetry on")]
    fn err_extract_wrong_answer() {
        Contender::extract("opentelemetry", &w3c::TRACEPARENT, 16, |headers| Found {
            sampled: false,
            ..fastrace::extract(headers)
        });
    }

    #[test]
    #[should_panic(expected = "changed its mind")]
    fn err_extract_answer_that_changes() {
        let calls = std::cell::Cell::new(0);
        let mut contender = Contender::extract("fastrace", &w3c::TRACEPARENT, 16, move |headers| {
            calls.set(calls.get() + 1);
            if calls.get() < 3 { fastrace::extract(headers) } else { Found::default() }
        });
        contender.run(3);
    }

    #[test]
    #[should_panic(expected = "tracestate of traceparent+tracestate")]
    fn err_write_without_tracestate() {
        let input = &w3c::WITH_STATE;
        let mut contender = Contender::passthrough("fastrace", input, 16, |from, to| {
            fastrace::passthrough(from, to);
            to.remove("tracestate");
        });
        contender.run(1);
    }

    #[test]
    #[should_panic(expected = "wrote more than")]
    fn err_write_other_header() {
        let mut contender = Contender::passthrough("fastrace", &w3c::ABSENT, 16, |_, to| {
            to.insert("b3", http::HeaderValue::from_static("0"));
        });
        contender.run(1);
    }
}
