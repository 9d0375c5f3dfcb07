"""`RequestIDMiddleware`."""

import inspect
import logging
import re
from collections.abc import Callable
from typing import Any, Literal

from .. import _headers
from .._options import Options
from .._responder import Responder
from .._scope import extend, header, readable
from .._types import ASGIApp, Header, Message, Receive, Scope, Send
from .context import Holder, current
from .generators import uuid4

logger = logging.getLogger("asgi_middleware.request_id")

# Long enough for every ID in use (nginx, Heroku, Cloudflare, ULID, UUID, trace-id), short enough for any log line.
_LONGEST = 128
_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-+/=:@"
_UUID = re.compile(rb"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


class RequestIDMiddleware:
    """Gives every HTTP request and WebSocket an ID.

    - `header`: the name in requests and responses.
    - `trust`: whether a client's ID is used: True, False, or `trust(scope) -> bool` (say, for known proxies only).
    - `validator`: what a trusted ID may be. `"safe"`: 1 to 128 bytes of letters, digits and `. _ ~ - + / = : @`;
      `"uuid"`: 32 hexadecimal digits, with or without hyphens; or `validator(value: str) -> bool`, asked after the
      length and character rule of `"safe"`. An ID that fails, or is sent twice, is replaced.
    - `generator`: `"uuid4"` (32 hexadecimal digits, RFC 9562), or a function without arguments that returns a safe ID.
    - `response_header`, `request_header`: whether the ID is put on the response and on the inner request.

    A function that raises or returns something else than it should costs the request nothing: a trust or validator
    function then says no, a generator gives way to `"uuid4"`, and that is logged once. Raises ConfigError with every
    problem.
    """

    middleware_kind = "request_id"

    def __init__(
        self,
        app: ASGIApp,
        *,
        header: str = "X-Request-ID",
        trust: bool | Callable[[Scope], bool] = True,
        validator: Literal["safe", "uuid"] | Callable[[str], bool] = "safe",
        generator: Literal["uuid4"] | Callable[[], str] = "uuid4",
        response_header: bool = True,
        request_header: bool = True,
    ) -> None:
        options = Options("RequestIDMiddleware")
        options.app(app)
        name = options.header_name("header", header)
        for option, value, known in (
            ("trust", trust, (False, True)),
            ("validator", validator, ("safe", "uuid")),
            ("generator", generator, ("uuid4",)),
        ):
            if callable(value):
                options.function(option, value, plain=True)
            else:
                options.choice(option, value, known)
        options.boolean("response_header", response_header)
        options.boolean("request_header", request_header)
        options.raise_problems()
        self.app = app
        self._name = name.lower().encode()
        self._trust = trust
        self._validator = validator
        self._generator: Callable[[], str] = generator if callable(generator) else uuid4
        self._response_header = response_header
        self._request_header = request_header
        self._reported: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope = readable(scope)
        sent = header(scope, self._name)
        value = self._accepted(scope, sent) or self._generated()
        additions: dict[str, Any] = {"request_id": value}
        pair = (self._name, value.encode())
        if self._request_header and sent != pair[1]:
            headers = scope.get("headers") or ()
            additions["headers"] = [*headers, pair] if sent is None else _headers.put(headers, *pair)
        inner = extend(scope, **additions)
        if self._response_header:
            responder = _Responder(send)
            responder.pair = pair
            send = responder.send
        outer = current.get()
        holder = Holder(value)
        current.set(holder)
        try:
            await self.app(inner, receive, send)
        except BaseException:
            holder.live = False
            current.set(holder)  # a call inside may have left its own
            raise
        holder.live = False
        current.set(outer if outer is not None and outer.live else holder)

    def _accepted(self, scope: Scope, sent: bytes | None) -> str | None:
        """The client's ID if it may be used. Lines doubled in the request arrive joined by `, `, which is not safe."""
        if sent is None or self._trust is False or not 0 < len(sent) <= _LONGEST or sent.translate(None, _SAFE):
            return None
        if self._validator == "uuid":
            if not _UUID.fullmatch(sent):
                return None
        elif callable(self._validator) and not self._asked("validator", self._validator, sent.decode()):
            return None
        if callable(self._trust) and not self._asked("trust", self._trust, scope):
            return None
        return sent.decode()

    def _asked(self, option: str, function: Callable[[Any], bool], argument: Any) -> bool:
        try:
            answer: Any = function(argument)
        except Exception as error:  # noqa: BLE001  # a broken hook costs its answer, never the request
            self._report(option, f"raised {type(error).__name__}")
            return False
        if isinstance(answer, bool):
            return answer
        if inspect.iscoroutine(answer):
            answer.close()
        self._report(option, f"returned {type(answer).__name__}, neither True nor False")
        return False

    def _generated(self) -> str:
        if self._generator is uuid4:
            return uuid4()
        try:
            value: Any = self._generator()
        except Exception as error:  # noqa: BLE001  # as above
            self._report("generator", f"raised {type(error).__name__}")
            return uuid4()
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not value.isascii():
            self._report("generator", f"returned {type(value).__name__} that is no ID of 1 to {_LONGEST} characters")
            return uuid4()
        if value.encode().translate(None, _SAFE):
            self._report("generator", "returned characters outside of letters, digits and ._~-+/=:@")
            return uuid4()
        return value

    def _report(self, option: str, what: str) -> None:
        if option not in self._reported:
            self._reported.add(option)
            # The kind of the exception alone: its text may quote the client's value.
            logger.error("request_id: %s %s; the ID is a generated one. Reported once.", option, what)


class _Responder(Responder):
    """Puts the ID on the response, unless the application set its own."""

    __slots__ = ("pair",)

    pair: Header

    def edit(self, start: Message) -> None:
        headers = start["headers"]
        if _headers.get(headers, self.pair[0]) is None:
            headers.append(self.pair)
