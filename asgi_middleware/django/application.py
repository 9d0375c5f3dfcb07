"""Django's handler as servers want it: header names in lower case, WebSockets refused, lifespan answered."""

from typing import Any

from .._options import Options
from .._responder import Responder
from .._scope import extend
from .._types import Application, ASGIApp, Message, Receive, Scope, Send, returns_awaitable
from ..exceptions import MissingExtra
from ..stack.lifespan import shielded

# In the scope of a request that came through the stack: the key of its session there.
PASSED = "asgi_middleware.django"


def get_asgi_application() -> Application:
    """In place of Django's function of this name: its handler, with the stack of the settings around it.

    Raises ConfigError that names the setting, with every problem, and MissingExtra where Django is not installed.
    """
    try:
        from django.core.asgi import get_asgi_application as django
    except ImportError:
        raise MissingExtra("asgi_middleware.django", "get_asgi_application", "django", "django") from None
    return wrap(django())


def wrap(app: ASGIApp) -> Application:
    """The stack of the settings around an application of yours that hands requests to Django, once Django is set up.

    Raises ConfigError as `get_asgi_application` does.
    """
    options = Options("asgi_middleware.django")
    options.app(app)
    options.raise_problems()

    from . import settings

    stack = settings.load()
    if _knows_no_websockets(app):
        app = _without_websockets(app)
    return stack(Innermost(shielded(app), settings.session_key(stack)))


def _knows_no_websockets(app: ASGIApp) -> bool:
    """Whether it is Django's handler, or that for static files around it."""
    from django.core.handlers.asgi import ASGIHandler

    return isinstance(app, ASGIHandler) and isinstance(getattr(app, "application", app), ASGIHandler)


class Innermost:
    """What the stack wraps: it tells ScopeMiddleware that a request came this way, and lowers header names."""

    def __init__(self, app: ASGIApp, session_key: str) -> None:
        self.app = app
        self._passed = {PASSED: session_key}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = extend(scope, {**self._passed})
            send = _LowerCase(send).send
        await self.app(scope, receive, send)


class _LowerCase(Responder):
    """HTTP/2 and HTTP/3 know no other names (RFC 9113, 8.2.1; RFC 9114, 4.2). Django writes `Content-Type`.

    Hypercorn drops the whole response over HTTP/3 for one capital.
    """

    __slots__ = ()

    def edit(self, start: Message) -> None:
        start["headers"] = [(name.lower(), value) for name, value in start["headers"]]


def _without_websockets(django: ASGIApp) -> ASGIApp:
    """The handler, which would answer a WebSocket with an exception: servers log that, and say 500."""

    @returns_awaitable
    def call(scope: Scope, receive: Receive, send: Send) -> Any:
        return django(scope, receive, send) if scope["type"] != "websocket" else _refuse(receive, send)

    vars(call)["app"] = django  # for those who look inside
    return call


async def _refuse(receive: Receive, send: Send) -> None:
    """A close before accept, which servers answer with 403. After a denial response uvicorn would log an error."""
    if (await receive())["type"] == "websocket.connect":
        await send({"type": "websocket.close", "code": 1000, "reason": ""})
