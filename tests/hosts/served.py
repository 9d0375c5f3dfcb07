"""What a server is pointed at: `tests.hosts.served:app`, the object that the stack gives, with nothing around it.

HOSTS_APP names a module of `apps`, or `broken`; HOSTS_STACK says `six`, `none`, or `lint`: the six between two
checkers, whose findings are at /violations.
"""

import json
import os
from typing import Any

from asgi_middleware import LintMiddleware
from asgi_middleware.lint import RULES, ASGIViolation
from tests.asgi import App

from .broken import Faulty
from .stacks import load, six


def linted(inner: App) -> App:
    """The stack between two checkers; /violations tells who broke which rule, in order of finding."""
    found: dict[str, None] = {}

    def finder(side: str) -> Any:
        def keep(violation: ASGIViolation) -> None:
            found[f"{side}: {RULES[violation.rule].fault}: {violation.rule}"] = None

        return keep

    watched = LintMiddleware(six()(LintMiddleware(inner, mode=finder("inside"))), mode=finder("outside"))

    async def told(scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") != "/violations":
            await watched(scope, receive, send)
            return
        body = json.dumps(list(found)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return told


name = os.environ["HOSTS_APP"]
app = Faulty() if name == "broken" else load(name)
if os.environ["HOSTS_STACK"] == "six":
    app = six()(app)
elif os.environ["HOSTS_STACK"] == "lint":
    app = linted(app)
