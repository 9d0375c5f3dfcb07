"""What a server is pointed at: `tests.hosts.served:app`, the object that the stack gives, with nothing around it.

HOSTS_APP names a module of `apps`, or `broken`; HOSTS_STACK says `six`, `native`: the six in the framework's own way,
`none`, `lint`: the six between two checkers, whose findings are printed, `compression`: that alone, and /sent
tells of the messages that left it last, `peer`: Starlette's compression in its place, or `auth`: the application of
`auth_app`.
HOSTS_FOLDER is where files to be served are.
"""

import functools
import json
import os
from typing import Any

from asgi_middleware import CompressionMiddleware
from tests.asgi import App

from .broken import Faulty
from .stacks import linted, load, native, six


def watched(app: App) -> App:
    """The application under compression; /sent tells the types of the messages that left for the server last.

    A request with `X-Without-Pathsend` is not offered that extension, whatever the server offers.
    """
    sent: list[str] = []
    inner = CompressionMiddleware(app)

    async def told(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        if scope["path"] == "/sent":
            await _tell(sent, send)
            return
        sent.clear()
        if any(bytes(name) == b"x-without-pathsend" for name, _ in scope["headers"]):
            scope = {**scope, "extensions": {**scope["extensions"]}}
            del scope["extensions"]["http.response.pathsend"]

        async def sends(message: Any) -> None:
            sent.append(message["type"])
            await send(message)

        await inner(scope, receive, sends)

    return told


async def _tell(what: Any, send: Any) -> None:
    body = json.dumps(what).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


name = os.environ["HOSTS_APP"]
app = Faulty() if name == "broken" else load(name)
if os.environ["HOSTS_STACK"] == "six":
    app = six()(app)
elif os.environ["HOSTS_STACK"] == "native":
    app = native(name)
elif os.environ["HOSTS_STACK"] == "auth":
    from .auth_app import app
elif os.environ["HOSTS_STACK"] == "lint":
    app = linted(app, functools.partial(print, flush=True))
elif os.environ["HOSTS_STACK"] == "compression":
    app = watched(app)
elif os.environ["HOSTS_STACK"] == "peer":
    from starlette.middleware.gzip import GZipMiddleware

    app = GZipMiddleware(app)
