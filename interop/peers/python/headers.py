"""Headers as an HTTP server hands them to a tracer: names without case, values joined."""


def as_dict(headers):
    """Returns a dictionary with names in lower case."""
    merged = {}
    for name, value in headers:
        name = name.lower()
        merged[name] = merged[name] + "," + value if name in merged else value
    return merged


class CaseInsensitive(dict):
    """A dictionary like the headers of requests, Django and Starlette."""

    def __init__(self, headers):
        super().__init__(as_dict(headers))

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __contains__(self, name):
        return super().__contains__(name.lower())

    def get(self, name, default=None):
        return super().get(name.lower(), default)
