"""Elastic's agent."""

import sys

import elasticapm
from elasticapm.conf import constants
from elasticapm.utils.disttracing import TraceParent, TracingOptions

from headers import as_dict
from protocol import serve

config = sys.argv[1]
client = elasticapm.Client(
    service_name="interop",
    server_url="http://127.0.0.1:9",
    disable_send=True,
    central_config=False,
    cloud_provider=False,
    metrics_interval="0s",
    use_elastic_traceparent_header=config == "legacy",
)


def write(transaction):
    # As the instrumentations of HTTP clients do.
    sent = transaction.trace_parent.copy_from(
        span_id=transaction.id, trace_options=TracingOptions(recorded=transaction.is_sampled)
    )
    headers = {constants.TRACEPARENT_HEADER_NAME: sent.to_string()}
    if client.config.use_elastic_traceparent_header:
        headers[constants.TRACEPARENT_LEGACY_HEADER_NAME] = sent.to_string()
    if sent.tracestate:
        headers[constants.TRACESTATE_HEADER_NAME] = sent.tracestate
    return {
        "headers": list(headers.items()),
        "trace_id": sent.trace_id,
        "span_id": transaction.id,
        "sampled": transaction.is_sampled,
    }


def inject(sampled):
    client.config.update("1", transaction_sample_rate="1.0" if sampled else "0.0")
    transaction = client.begin_transaction("interop")
    try:
        return write(transaction)
    finally:
        client.end_transaction("root", "ok")


def read(headers):
    return TraceParent.from_headers(as_dict(headers))


def extract(headers):
    caller = read(headers)
    if caller is None:
        return {}
    return {"trace_id": caller.trace_id, "span_id": caller.span_id, "sampled": bool(caller.trace_options.recorded)}


def through(headers):
    transaction = client.begin_transaction("interop", trace_parent=read(headers))
    try:
        return {**write(transaction), "parent": transaction.trace_parent.span_id}
    finally:
        client.end_transaction("child", "ok")


serve("elastic", "elastic-apm", config, {"inject": inject, "extract": extract, "through": through})
