"""Sentry's SDK."""

import sys

import sentry_sdk
from sentry_sdk.transport import Transport

from headers import as_dict
from protocol import serve


class Nowhere(Transport):
    def capture_envelope(self, envelope):
        pass


sentry_sdk.init(
    dsn="http://key@127.0.0.1:9/1",
    traces_sample_rate=1.0,
    transport=Nowhere,
    default_integrations=False,
    auto_enabling_integrations=False,
)


def write(transaction):
    headers = sentry_sdk.get_current_scope().iter_trace_propagation_headers(span=transaction)
    return {
        "headers": [list(header) for header in headers],
        "trace_id": transaction.trace_id,
        "span_id": transaction.span_id,
        "sampled": transaction.sampled,
        "sampling_context": transaction.get_baggage().dynamic_sampling_context(),
    }


def inject(sampled):
    with sentry_sdk.isolation_scope(), sentry_sdk.start_transaction(name="root", sampled=sampled) as transaction:
        return write(transaction)


def extract(headers):
    with sentry_sdk.isolation_scope():
        transaction = sentry_sdk.continue_trace(as_dict(headers))
    if not transaction.parent_span_id:
        return {}
    return {
        "trace_id": transaction.trace_id,
        "span_id": transaction.parent_span_id,
        "sampled": transaction.parent_sampled,
        "sampling_context": transaction.get_baggage().dynamic_sampling_context(),
    }


def through(headers):
    with sentry_sdk.isolation_scope():
        continued = sentry_sdk.continue_trace(as_dict(headers))
        with sentry_sdk.start_transaction(continued) as transaction:
            return {**write(transaction), "parent": transaction.parent_span_id}


serve("sentry", "sentry-sdk", sys.argv[1], {"inject": inject, "extract": extract, "through": through})
