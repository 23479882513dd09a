"""New Relic's agent, in the mode for functions, which needs no connection."""

import os
import sys

os.environ.update(
    NEW_RELIC_SERVERLESS_MODE_ENABLED="true",
    NEW_RELIC_ACCOUNT_ID="1",
    NEW_RELIC_TRUSTED_ACCOUNT_KEY="1",
    NEW_RELIC_PRIMARY_APPLICATION_ID="2",
    # By default it decides every trace anew, by its rate.
    NEW_RELIC_DISTRIBUTED_TRACING_SAMPLER_REMOTE_PARENT_SAMPLED="always_on",
    NEW_RELIC_DISTRIBUTED_TRACING_SAMPLER_REMOTE_PARENT_NOT_SAMPLED="always_off",
    NEW_RELIC_LOG="stderr",
    NEW_RELIC_STARTUP_TIMEOUT="5",
)

import newrelic.agent  # noqa: E402

newrelic.agent.initialize()
application = newrelic.agent.register_application(timeout=5)

from headers import as_dict  # noqa: E402
from protocol import serve  # noqa: E402


def write(transaction):
    headers = []
    transaction.insert_distributed_trace_headers(headers)
    return {
        "headers": [[name, value] for name, value in headers if name != "newrelic" or config == "newrelic"],
        "trace_id": transaction.trace_id.rjust(32, "0"),
        "span_id": newrelic.agent.current_span_id(),
        "sampled": transaction.sampled,
    }


def inject(sampled):
    with newrelic.agent.BackgroundTask(application, "root") as transaction:
        transaction._sampled, transaction._priority = sampled, 1.5 if sampled else 0.5
        return write(transaction)


def accept(transaction, headers):
    headers = as_dict(headers)
    return transaction.accept_distributed_trace_headers(list(headers.items()))


def extract(headers):
    with newrelic.agent.BackgroundTask(application, "entry") as transaction:
        accept(transaction, headers)
        if not transaction.parent_span:
            return {}
        return {
            "trace_id": transaction.trace_id.rjust(32, "0"),
            "span_id": transaction.parent_span,
            "sampled": transaction._remote_parent_sampled,
        }


def through(headers):
    with newrelic.agent.BackgroundTask(application, "child") as transaction:
        accept(transaction, headers)
        return {**write(transaction), "parent": transaction.parent_span}


config = sys.argv[1]
serve("newrelic", "newrelic", config, {"inject": inject, "extract": extract, "through": through})
