"""OpenTelemetry's SDK with its propagators."""

import sys

from opentelemetry import baggage, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.aws import AwsXRayPropagator
from opentelemetry.propagators.b3 import B3MultiFormat, B3SingleFormat
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.jaeger import JaegerPropagator
from opentelemetry.propagators.ot_trace import OTTracePropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from headers import CaseInsensitive
from protocol import serve

PROPAGATORS = {
    "w3c": [TraceContextTextMapPropagator(), W3CBaggagePropagator()],
    "mixed": [B3MultiFormat(), JaegerPropagator(), TraceContextTextMapPropagator(), W3CBaggagePropagator()],
    "b3": [B3SingleFormat()],
    "b3multi": [B3MultiFormat()],
    "jaeger": [JaegerPropagator()],
    "xray": [AwsXRayPropagator()],
    "ottrace": [OTTracePropagator()],
}

config = sys.argv[1]
propagator = CompositePropagator(PROPAGATORS[config])


def tracer(sampled=True):
    return TracerProvider(sampler=ParentBased(ALWAYS_ON if sampled else ALWAYS_OFF)).get_tracer("interop")


def read(headers):
    return propagator.extract(CaseInsensitive(headers), context=Context())


def write(span, context):
    carrier = {}
    propagator.inject(carrier, context=trace.set_span_in_context(span, context))
    return {"headers": list(carrier.items()), **ids(span.get_span_context())}


def ids(context):
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
        "sampled": context.trace_flags.sampled,
    }


def inject(sampled, baggage={}):
    context = Context()
    for key, value in baggage.items():
        context = set_baggage(key, value, context)
    return write(tracer(sampled).start_span("root", context=context), context)


def set_baggage(key, value, context):
    return baggage.set_baggage(key, value, context)


def extract(headers):
    context = read(headers)
    span = trace.get_current_span(context).get_span_context()
    if not span.is_valid:
        return {}
    return {**ids(span), "baggage": dict(baggage.get_all(context))}


def through(headers):
    context = read(headers)
    parent = trace.get_current_span(context).get_span_context()
    span = tracer().start_span("child", context=context)
    return {**write(span, context), "parent": trace.format_span_id(parent.span_id)}


serve("opentelemetry", "opentelemetry-sdk", config, {"inject": inject, "extract": extract, "through": through})
