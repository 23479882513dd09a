"""SkyWalking's agent, with its plugins off."""

import sys

from skywalking import agent, config as settings

# A closed port. Segments are dropped.
settings.init(agent_collector_backend_services="127.0.0.1:9", agent_name="interop", agent_instance_name="interop-1")
settings.agent_disable_plugins = [".*"]
settings.agent_meter_reporter_active = False
settings.agent_log_reporter_active = False
settings.agent_profile_active = False
agent.start()

from skywalking.trace.carrier import Carrier  # noqa: E402
from skywalking.trace.context import SpanContext  # noqa: E402

from headers import as_dict  # noqa: E402
from protocol import serve  # noqa: E402


def read(headers):
    carrier, received = Carrier(), as_dict(headers)
    for item in carrier:
        if item.key in received:
            item.val = received[item.key]
    return carrier


def write(context):
    with context.new_exit_span(op="/interop", peer="peer.test:80") as span:
        carrier = span.inject()
        return {
            "headers": [[item.key, item.val] for item in carrier if item.val],
            "trace_text": carrier.trace_id,
            "segment_id": carrier.segment_id,
            "span_number": int(carrier.span_id),
        }


def inject(sampled, baggage={}):
    context = SpanContext()
    with context.new_entry_span(op="/root"):
        for key, value in baggage.items():
            context.put_correlation(key, value)
        return write(context)


def extract(headers):
    context = SpanContext()
    with context.new_entry_span(op="/entry", carrier=read(headers)) as span:
        if not span.refs:
            return {}
        caller = span.refs[0]
        return {
            "trace_text": caller.trace_id,
            "segment_id": caller.segment_id,
            "span_number": int(caller.span_id),
            "baggage": dict(context._correlation),
        }


def through(headers):
    context = SpanContext()
    with context.new_entry_span(op="/entry", carrier=read(headers)):
        return write(context)


serve("skywalking", "apache-skywalking", sys.argv[1], {"inject": inject, "extract": extract, "through": through})
