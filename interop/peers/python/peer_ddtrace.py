"""Datadog's tracer. Configurations are its styles of propagation."""

import os
import sys

STYLES = {
    "datadog": "datadog",
    "w3c": "tracecontext,baggage",
    "ot-baggage": "datadog",
    "b3": "b3",
    "b3multi": "b3multi",
    "default": "datadog,tracecontext,baggage",
}

config = sys.argv[1]
os.environ.update(
    DD_TRACE_PROPAGATION_STYLE=STYLES[config],
    DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED=str(config == "ot-baggage").lower(),
    DD_TRACE_AGENT_URL="http://127.0.0.1:9",
    DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
    DD_REMOTE_CONFIGURATION_ENABLED="false",
    DD_TRACE_COMPUTE_STATS="false",
    DD_TRACE_STARTUP_LOGS="false",
    DD_CRASHTRACKING_ENABLED="false",
)

from ddtrace.propagation.http import HTTPPropagator  # noqa: E402
from ddtrace.trace import Context, tracer  # noqa: E402

from headers import as_dict  # noqa: E402
from protocol import serve  # noqa: E402


def fields(context):
    priority = context.sampling_priority
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "sampled": None if priority is None else priority > 0,
        "priority": priority,
        "origin": context.dd_origin,
        "tags": {key: value for key, value in context._meta.items() if key.startswith("_dd.p.") and key != "_dd.p.tid"},
        "baggage": context.get_all_baggage_items(),
    }


def write(span):
    headers = {}
    HTTPPropagator.inject(span, headers)
    answer = {"headers": list(headers.items()), **fields(span.context)}
    answer.pop("baggage")
    if config in ("b3", "b3multi"):
        # These cannot hold it.
        for key in ("priority", "origin", "tags"):
            answer.pop(key)
    span.finish()
    return answer


def inject(sampled, baggage={}):
    span = tracer.start_span("root", child_of=Context())
    span.context.sampling_priority = 1 if sampled else 0
    for key, value in baggage.items():
        span.context.set_baggage_item(key, value)
    return write(span)


def extract(headers):
    context = HTTPPropagator.extract(as_dict(headers))
    return fields(context) if context.trace_id else {}


def through(headers):
    span = tracer.start_span("child", child_of=HTTPPropagator.extract(as_dict(headers)))
    return {**write(span), "parent": f"{span.parent_id or 0:016x}"}


serve("ddtrace", "ddtrace", config, {"inject": inject, "extract": extract, "through": through})
