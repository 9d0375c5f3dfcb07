"""What logs its request's ID wherever it can: `/POLICY/TOKEN/...`, Django below `/django`, else Starlette.

The policies, each around the same site:

- `ours`: RequestIDMiddleware
- `none`: nothing
- `never`: sets a variable of its own, never takes it back, and asks it again for the response
- `always`: the same, but takes it back in any case
- `kept`: the same as `never`, but an ID that is there already stays
- `based`: RequestIDMiddleware, and a BaseHTTPMiddleware of Starlette around it
"""

import logging
import sys
import uuid
from contextvars import ContextVar
from typing import Any

from starlette.middleware.base import BaseHTTPMiddleware

from asgi_middleware import RequestIDMiddleware
from tests.asgi import App

from ..logged import lines
from ..logged.with_django import django
from ..logged.with_starlette import starlette

_STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class Naive:
    """A request ID as many make it; each way is wrong somewhere."""

    def __init__(self, app: App, variable: ContextVar[str], *, resets: bool = False, keeps: bool = False) -> None:
        self.app = app
        self.variable = variable
        self.resets = resets
        self.keeps = keeps

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        value = dict(scope["headers"]).get(b"x-request-id", b"").decode() or uuid.uuid4().hex
        if self.keeps and self.variable.get() != lines.NONE:
            value = self.variable.get()
        before = self.variable.set(value)

        async def sends(message: Any) -> None:
            if message["type"] in _STARTS:
                pair = (b"x-request-id", self.variable.get().encode())
                message = {**message, "headers": [*message.get("headers", ()), pair]}
            await send(message)

        try:
            await self.app(scope, receive, sends)
        finally:
            if self.resets:
                self.variable.reset(before)


class Passes(BaseHTTPMiddleware):
    async def dispatch(self, request: Any, call_next: Any) -> Any:
        return await call_next(request)


async def site(scope: Any, receive: Any, send: Any) -> None:
    await (django if scope.get("path", "").startswith("/django/") else starlette)(scope, receive, send)


_ours = RequestIDMiddleware(site)
POLICIES: dict[str, App] = {
    "ours": _ours,
    "none": site,
    "never": Naive(site, lines.NAIVE["never"]),
    "always": Naive(site, lines.NAIVE["always"], resets=True),
    "kept": Naive(site, lines.NAIVE["kept"], keeps=True),
    "based": Passes(_ours),
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _ours(scope, receive, send)
        return
    _, policy, token, rest = [*scope["path"].split("/", 3), "", ""][:4]
    path = f"/{rest}"
    inner = {**scope, "path": path, "raw_path": path.encode(), "token": token, "again": app}
    await POLICIES.get(policy, _ours)(inner, receive, send)


lines.install()
if "hypercorn" in sys.modules:
    from hypercorn.config import Config  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`

    # Before its loggers are made, as `--access-logfile` would say it, but for the root to see.
    Config.accesslog = logging.getLogger("hypercorn.access")
if "daphne" in sys.modules:
    from daphne.access import AccessLogGenerator  # type: ignore[import-not-found,import-untyped,unused-ignore]  # as above

    _written = AccessLogGenerator.__call__

    def _told(self: Any, protocol: str, action: str, details: Any) -> None:
        """It writes to a file, without a logger. What a logger in its place would have known:"""
        _written(self, protocol, action, details)
        logging.getLogger("daphne.access").info("%s %s %s", protocol, action, details["path"])

    AccessLogGenerator.__call__ = _told
