"""A crash that the client can read: 500 as `application/problem+json`, with the request's ID.

    from asgi_middleware import CORSMiddleware, ErrorsMiddleware

    app = CORSMiddleware(ErrorsMiddleware(app), allow_origins=["https://app.example.com"])

Stands inside CORS, request ID and timing, whose headers the 500 then carries: a crash without CORS headers reads as
"blocked by CORS" in the browser. An exception raised before the response started becomes a 500 (RFC 9457; HTML or
plain text by Accept) and is raised again, so that the server, error trackers and test clients still see it. It never
tells the exception's text. After the start it only raises, and the server cuts the connection.

Not turned into a response: cancellation, exception groups, and the OSError of a `send` to a client that has gone.

Where the framework answers crashes itself and is wrapped from outside (Starlette, FastAPI, Django), its own body stays;
then only the headers of request ID, timing and CORS are promised. In Starlette's or FastAPI's own list of middlewares
their answer stands outside of all: without this middleware in the list, a crash has none of those headers.
"""

import contextlib
import html
import ipaddress
import json
import logging
import traceback
from typing import Any

from ._headers import weighted
from ._options import Options
from ._reply import can_deny, reply
from ._responder import Responder
from ._scope import header, readable
from ._types import STARTS, ASGIApp, Message, Receive, Scope, Send, returns_awaitable

__all__ = ["ErrorsMiddleware"]

logger = logging.getLogger("asgi_middleware.errors")

_TITLE = "Internal Server Error"
# A request that came through a proxy is not from this machine, whatever its client address says.
_PROXIED = (b"forwarded", b"via")


class ErrorsMiddleware:
    """Answers the application's crashes.

    - `debug`: put the traceback into the response, for loopback clients only, and only without a Forwarded,
      X-Forwarded-* or Via header.
    - `reraise`: raise the exception again after the response. With False it is logged here, with its traceback, and
      ends here.

    Raises ConfigError with every problem.
    """

    middleware_kind = "errors"

    def __init__(self, app: ASGIApp, *, debug: bool = False, reraise: bool = True) -> None:
        options = Options("ErrorsMiddleware")
        options.app(app)
        options.boolean("debug", debug)
        options.boolean("reraise", reraise)
        options.raise_problems()
        self.app = app
        self._debug = debug
        self._reraise = reraise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope = readable(scope)
        connection = _Connection(send)
        connection.from_client = receive
        connection.started = False
        connection.gone = connection.last = None
        if scope["type"] == "websocket":
            receive = connection.receive
        try:
            await self.app(scope, receive, connection.send)
        except ExceptionGroup:
            raise
        except Exception as error:
            if connection.started or error is connection.gone:
                raise
            if not self._reraise:
                logger.exception("unhandled exception of the application; it ends here")
            if scope["type"] == "http" or can_deny(scope):
                await self._answer(scope, connection, error)
            elif not self._reraise:
                await self._refuse(connection)
            if self._reraise:
                raise

    async def _answer(self, scope: Scope, connection: "_Connection", error: Exception) -> None:
        shown = _traceback(error) if self._debug and _is_local(scope) else None
        content_type, body = _page(scope, shown)
        # A client that has gone meanwhile must not hide the exception that is raised next.
        with contextlib.suppress(OSError):
            await reply(scope, connection.connect, connection.send, status=500, body=body, content_type=content_type)

    async def _refuse(self, connection: "_Connection") -> None:
        with contextlib.suppress(OSError):
            if (await connection.connect())["type"] == "websocket.connect":
                await connection.send({"type": "websocket.close", "code": 1011})  # internal error (RFC 6455, 7.4.1)


class _Connection(Responder):
    """Knows whether the response has started, and which OSError before that came from a client that has gone."""

    __slots__ = ("from_client", "gone", "last", "started")

    watches = True

    from_client: Receive
    started: bool
    gone: OSError | None
    last: Message

    async def receive(self) -> Message:
        self.last = await self.from_client()
        return self.last

    async def connect(self) -> Message:
        """The handshake, or the disconnect: what the application received last, if it received anything."""
        return await self.from_client() if self.last is None else self.last

    def edit(self, start: Message) -> None:
        self.started = True

    @returns_awaitable
    def send(self, message: Message) -> Any:
        if self.started:
            return self._others(message)
        kind = message["type"]
        if kind in STARTS:
            self.started = True
            return self._send(message)
        if kind == "websocket.close":
            self.started = True
        return self._watched(message)

    async def _watched(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError as error:
            self.gone = error
            raise


def _page(scope: Scope, shown: str | None) -> tuple[bytes, bytes]:
    """Content type and body: problem+json, unless the client prefers HTML or plain text."""
    request_id: Any = scope.get("request_id")
    kind = _preferred(header(scope, b"accept"))
    if kind == b"text/html":
        parts = [f"<h1>{_TITLE}</h1>"]
        if isinstance(request_id, str):
            parts.append(f"<p>Request ID: <code>{html.escape(request_id)}</code></p>")
        if shown is not None:
            parts.append(f"<pre>{html.escape(shown)}</pre>")
        page = f"<!doctype html><html lang=en><meta charset=utf-8><title>{_TITLE}</title>{''.join(parts)}</html>"
        return b"text/html; charset=utf-8", page.encode("utf-8", "backslashreplace")
    if kind == b"text/plain":
        lines = [_TITLE]
        if isinstance(request_id, str):
            lines.append(f"Request ID: {request_id}")
        if shown is not None:
            lines.append(shown)
        return b"text/plain; charset=utf-8", "\n".join(lines).encode("utf-8", "backslashreplace")
    problem: dict[str, Any] = {"type": "about:blank", "title": _TITLE, "status": 500}
    if isinstance(request_id, str):
        problem["request_id"] = request_id
    if shown is not None:
        problem["traceback"] = shown
    return b"application/problem+json", json.dumps(problem).encode()


# Media ranges that ask for each form, best form first where the weights are equal.
_FORMS = (
    (b"application/problem+json", (b"application/problem+json", b"application/json", b"application/*", b"*/*")),
    (b"text/html", (b"text/html", b"text/*", b"*/*")),
    (b"text/plain", (b"text/plain", b"text/*", b"*/*")),
)


def _preferred(accept: bytes | None) -> bytes:
    weights: dict[bytes, float] = {}
    for name, weight in weighted(accept or b"*/*"):
        weights.setdefault(name, weight)
    best, best_weight = _FORMS[0][0], 0.0
    for form, ranges in _FORMS:
        weight = next((weights[name] for name in ranges if name in weights), 0.0)
        if weight > best_weight:
            best, best_weight = form, weight
    return best


def _is_local(scope: Scope) -> bool:
    client = scope.get("client")
    if not client:
        return False
    for name, _ in scope.get("headers") or ():
        lower = name.lower()
        if lower in _PROXIED or lower.startswith(b"x-forwarded-"):
            return False
    try:
        return ipaddress.ip_address(client[0]).is_loopback
    except (ValueError, LookupError, TypeError):  # no address, or no pair at all
        return False


def _traceback(error: Exception) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception as failure:  # noqa: BLE001  # a SyntaxError made by hand may be more than `traceback` can show
        return f"{type(error).__name__}, whose traceback cannot be shown ({type(failure).__name__})"
