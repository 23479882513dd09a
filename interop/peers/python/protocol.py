"""The protocol of a peer: one JSON object a line, see interop/README.md."""

import json
import os
import sys
from importlib.metadata import version

# Packages may print. Answers go to what was stdout at first.
_answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def serve(peer, package, config, commands):
    """Answers requests until the input ends. `commands` has a function for each `do`."""
    _say({"peer": peer, "version": version(package), "language": "python", "config": config})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = commands[request.pop("do")](**request)
        except Exception as error:  # The driver shows it.
            import traceback

            traceback.print_exc()
            answer = {"error": repr(error)}
        _say(answer)
    # Agents have threads that would keep the process alive.
    os._exit(0)


def _say(answer):
    _answers.write(json.dumps(answer) + "\n")
    _answers.flush()
