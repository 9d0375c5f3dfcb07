"""One ID for each request: in the response, in the scope, in every log line whose format asks for it.

    from asgi_middleware import RequestIDMiddleware, get_request_id
    from asgi_middleware.request_id import RequestIDFilter

    app = RequestIDMiddleware(app)

    handler = logging.StreamHandler()                  # and likewise for the handlers of "uvicorn" and "uvicorn.access"
    handler.addFilter(RequestIDFilter())
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s [%(request_id)s]"))
    logging.getLogger().addHandler(handler)

Stands outermost, so that errors, preflights and refusals carry the ID too. It never rejects a request, never echoes
an ID that it did not check, never writes a raw one to a log, and leaves an ID that the application set itself.

Where the ID is: the response header (also on `websocket.accept` and on denial responses), the inner request's
header (collapsed to one), `scope["request_id"]`, and `get_request_id()`.

The context variable follows a rule that was tried on six servers; every simpler one logged a wrong or missing ID
somewhere. uvicorn reuses one context for pipelined requests, gunicorn and Granian write the access line after the
application has returned, and error logs are written outside of us:

    entry            remember the outer holder, set ours
    any exit         our holder is no longer live
    normal return    put the outer holder back if it is still live, otherwise leave ours
    exception        leave ours: the server's error line is about this request

What remains: Daphne's exception line and Granian's WebSocket line are written in other contexts, and a
BaseHTTPMiddleware outside loses what is set here.

For those who come from asgi-correlation-id:

    header_name="X-Request-ID"      header="X-Request-ID"
    update_request_header=True      request_header=True
    generator=lambda: ...           generator=lambda: ...
    validator=is_valid_uuid4        validator="uuid", or validator="safe" (the default)
    transformer=lambda x: ...       none: generate what you want to see
    correlation_id.get()            get_request_id()
    CorrelationIdFilter()           RequestIDFilter()
"""

import inspect
import logging
import os
import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Literal

from . import _headers
from ._options import Options
from ._responder import Responder
from ._scope import extend, header, readable
from ._types import ASGIApp, Header, Message, Receive, Scope, Send

__all__ = ["RequestIDFilter", "RequestIDMiddleware", "get_request_id"]

logger = logging.getLogger("asgi_middleware.request_id")

# Long enough for every ID in use (nginx, Heroku, Cloudflare, ULID, UUID, trace-id), short enough for any log line.
_LONGEST = 128
_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-+/=:@"
_UUID = re.compile(rb"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


class _Holder:
    """What the context variable holds: the ID, and whether its request is still under way."""

    __slots__ = ("live", "value")

    def __init__(self, value: str) -> None:
        self.value = value
        self.live = True


_current: ContextVar[_Holder | None] = ContextVar("asgi_middleware.request_id", default=None)


def get_request_id() -> str | None:
    """The ID of the request under way in this context; after it, of the last one; None where there was none."""
    holder = _current.get()
    return None if holder is None else holder.value


class RequestIDFilter(logging.Filter):
    """Adds `record.request_id`, `default` outside of a request. It never drops a record."""

    def __init__(self, default: str = "-") -> None:
        super().__init__()
        self.default = default

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = get_request_id() or self.default
        return True


class _Entropy:
    """Version-4 UUIDs in hex from a buffer: asking the system once per 256 takes a twelfth of asking each time."""

    __slots__ = ("_ids", "_random")

    # RFC 9562, 5.4: the high digit of byte 6 is 4, the two high bits of byte 8 are 10.
    _VERSION = bytes(0x40 | (byte & 0x0F) for byte in range(256))
    _VARIANT = bytes(0x80 | (byte & 0x3F) for byte in range(256))

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random
        self._ids: list[str] = []

    def __call__(self) -> str:
        try:
            return self._ids.pop()  # one bytecode, so no thread gets another's
        except IndexError:
            pool = bytearray(self._random(16 * 256))
            pool[6::16] = pool[6::16].translate(self._VERSION)
            pool[8::16] = pool[8::16].translate(self._VARIANT)
            text = pool.hex()
            fresh = [text[start : start + 32] for start in range(0, len(text), 32)]
            last = fresh.pop()
            self._ids.extend(fresh)
            return last

    def clear(self) -> None:
        self._ids.clear()


_uuid4 = _Entropy()
if hasattr(os, "register_at_fork"):
    # Forked workers would otherwise hand out the same buffer, ID by ID.
    os.register_at_fork(after_in_child=_uuid4.clear)


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
        self._generator: Callable[[], str] = generator if callable(generator) else _uuid4
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
        outer = _current.get()
        holder = _Holder(value)
        _current.set(holder)
        try:
            await self.app(inner, receive, send)
        except BaseException:
            holder.live = False
            _current.set(holder)  # a call inside may have left its own
            raise
        holder.live = False
        _current.set(outer if outer is not None and outer.live else holder)

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
        if self._generator is _uuid4:
            return _uuid4()
        try:
            value: Any = self._generator()
        except Exception as error:  # noqa: BLE001  # as above
            self._report("generator", f"raised {type(error).__name__}")
            return _uuid4()
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not value.isascii():
            self._report("generator", f"returned {type(value).__name__} that is no ID of 1 to {_LONGEST} characters")
            return _uuid4()
        if value.encode().translate(None, _SAFE):
            self._report("generator", "returned characters outside of letters, digits and ._~-+/=:@")
            return _uuid4()
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
