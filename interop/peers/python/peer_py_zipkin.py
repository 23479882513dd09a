"""py_zipkin. It reads both encodings of B3, and writes X-B3-*."""

import sys

from py_zipkin.request_helpers import create_http_headers, extract_zipkin_attrs_from_headers
from py_zipkin.storage import Stack
from py_zipkin.util import create_attrs_for_span, generate_random_64bit_string

from headers import CaseInsensitive
from protocol import serve

config = sys.argv[1]


def fields(attrs):
    return {
        "trace_id": attrs.trace_id.rjust(32, "0"),
        "span_id": attrs.span_id,
        "sampled": attrs.is_sampled or attrs.flags == "1",
        "debug": attrs.flags == "1",
    }


def write(attrs):
    headers = create_http_headers(context_stack=Stack([attrs]))
    return {"headers": [[name, value] for name, value in headers.items() if value is not None], **fields(attrs)}


def inject(sampled):
    return write(create_attrs_for_span(sample_rate=100.0 if sampled else 0.0, use_128bit_trace_id=config == "b3multi"))


def read(headers):
    return extract_zipkin_attrs_from_headers(CaseInsensitive(headers), use_128bit_trace_id=True)


def extract(headers):
    attrs = read(headers)
    return fields(attrs) if attrs else {}


def through(headers):
    caller = read(headers)
    child = caller._replace(span_id=generate_random_64bit_string(), parent_span_id=caller.span_id)
    return {**write(child), "parent": caller.span_id}


serve("py_zipkin", "py_zipkin", config, {"inject": inject, "extract": extract, "through": through})
