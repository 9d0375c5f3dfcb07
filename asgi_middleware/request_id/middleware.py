"""`RequestIDMiddleware`: which ID a request has, where it is put, and for how long the context knows it."""

import os
import re
import time
from collections.abc import Callable
from typing import Any, Literal

from .. import _headers
from .._hooks import Hook
from .._options import Options, shown
from .._responder import Responder
from .._scope import extend, fields, readable
from .._types import ASGIApp, Header, Message, Receive, Scope, Send, Strings
from .context import Holder, current, running_task
from .generators import UUID7, Buffer, span_ids, spans, uuid4, uuid7, uuids4
from .trace import RANDOM, TRACEPARENT, TRACESTATE, Trace, parse_traceparent, parse_tracestate, traced

# Bound once: where a name is imported, the interpreter binds its methods anew for every call.
_get, _set = current.get, current.set

# Long enough for every ID in use (nginx, Heroku, Cloudflare, ULID, UUID, trace-id), short enough for any log line.
_LONGEST = 128
_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-+/=:@"
_UUID = re.compile(rb"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def _accepted(options: Options, accept: Strings) -> tuple[str, ...]:
    before = len(options.problems)
    names = options.strings("accept", accept, example="['X-Request-ID']")
    if not names and len(options.problems) == before:
        options.problem("accept", shown(accept), "names no header", "name some, or set trust=False to accept no ID")
    return tuple(options.header_name("accept", name) for name in names)


class RequestIDMiddleware:
    """Gives every HTTP request and WebSocket an ID, and a place in a trace if you want.

    - `header`: the name in responses and in the inner request.
    - `accept`: the names, in their order, under which a request may bring an ID; the first that is there decides.
      None for `header` alone.
    - `trust`: whether what a client brings is used: True, False, or `trust(scope) -> bool` (say, for known proxies).
    - `validator`: what a trusted ID may be. `"safe"`: 1 to 128 bytes of letters, digits and `. _ ~ - + / = : @`;
      `"uuid"`: 32 hexadecimal digits, with or without hyphens; or `validator(value: str) -> bool`, asked after the
      length and character rule of `"safe"`. An ID that fails, or is sent twice, is replaced.
    - `generator`: `"uuid4"` (32 hexadecimal digits, RFC 9562), `"uuid7"` (likewise, in the order of time), `"trace"`
      (the trace-id), or a function without arguments that returns a safe ID.
    - `response_header`, `request_header`: whether the ID is put on the response and on the inner request.
    - `trace`: `"continue"` reads traceparent and tracestate of trusted requests, or begins a new trace, and puts a
      `Trace` into `scope["trace"]`. See the module for what goes inwards.
    - `clock`: seconds since the epoch, for `"uuid7"`. `token_bytes`: so many random bytes.

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
        accept: Strings | None = None,
        trust: bool | Callable[[Scope], bool] = True,
        validator: Literal["safe", "uuid"] | Callable[[str], bool] = "safe",
        generator: Literal["uuid4", "uuid7", "trace"] | Callable[[], str] = "uuid4",
        response_header: bool = True,
        request_header: bool = True,
        trace: Literal["off", "continue"] = "off",
        clock: Callable[[], float] = time.time,
        token_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        options = Options("RequestIDMiddleware")
        options.app(app)
        header = options.header_name("header", header)
        accepted = (header,) if accept is None else _accepted(options, accept)
        for option, value, known in (
            ("trust", trust, (False, True)),
            ("validator", validator, ("safe", "uuid")),
            ("generator", generator, ("uuid4", "uuid7", "trace")),
        ):
            if callable(value):
                options.function(option, value, plain=True)
            else:
                options.choice(option, value, known)
        options.boolean("response_header", response_header)
        options.boolean("request_header", request_header)
        options.choice("trace", trace, ("off", "continue"))
        if generator == "trace" and trace == "off":
            options.problem("generator", "'trace'", "takes its IDs from traces", "set trace='continue' as well")
        if header.lower().encode() in (TRACEPARENT, TRACESTATE):
            options.problem("header", shown(header), "has a meaning of its own", "leave it to trace='continue'")
        options.function("clock", clock, optional=False, plain=True)
        options.function("token_bytes", token_bytes, optional=False, plain=True)
        options.raise_problems()
        self.app = app
        self._header = header
        self._name = header.lower().encode()
        self._length = len(self._name)
        accept_names = tuple(name.lower().encode() for name in accepted)
        # empty where `header` alone is read, which `__call__` does anyway
        self._accept = () if accept_names == (self._name,) else accept_names
        self._trust = _hook("trust", trust, bool) if callable(trust) else trust
        self._validator = _hook("validator", validator, bool) if callable(validator) else validator
        self._response_header = response_header
        self._request_header = request_header
        self._traces = trace == "continue"
        # an ordinary request brings nothing that is to be looked at, and gets one header
        self._plain = request_header and not self._traces and not self._accept
        self._by_trace = generator == "trace"
        ours = token_bytes is os.urandom
        self._uuid4 = uuid4.take if ours else Buffer(uuids4, token_bytes).take
        self._span_id = spans.take if ours else Buffer(span_ids, token_bytes).take
        self._generate: Callable[[], str] = self._uuid4
        if callable(generator):
            self._given = _hook("generator", generator, str)
            self._generate = self._checked
        elif generator == "uuid7":
            self._generate = uuid7.take if ours and clock is time.time else UUID7(clock, token_bytes).take

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = scope.get("headers")
        if type(headers) is not list:
            scope = readable(scope)
            headers = scope.get("headers") or ()
        name, length = self._name, self._length
        # `_headers.get_all`, of which this is the body, would be a tenth of what an ordinary request costs
        sent = [line for key, line in headers if len(key) == length and key.lower() == name]
        if self._plain and not sent:
            value, trace = self._generate(), None
            pair = (name, value.encode())
            additions: dict[str, Any] = {"request_id": value, "headers": [*headers, pair]}
        else:
            value, trace = self._believed(scope, sent)
            pair = (name, value.encode())
            additions = self._additions(headers, sent, pair, trace)
        inner = extend(scope, additions)
        if self._response_header:
            responder = _Responder(send)
            responder.pair = pair
            send = responder.send
        holder = Holder()
        holder.client = scope.get("client")
        holder.header = self._header
        holder.live = True
        holder.task = running_task()
        holder.trace = trace
        holder.value = value
        outer = _get()
        _set(holder)
        try:
            await self.app(inner, receive, send)
        except BaseException as error:
            holder.live = False
            holder.task = None  # whose context holds the holder: without this only the garbage collector frees them
            if not isinstance(error, GeneratorExit):  # given up, and closed in whatever request that happens to be
                _set(holder)  # a call inside may have left its own
            raise
        task, holder.task = holder.task, None
        holder.live = False
        if outer is not None and outer.live and (outer.task is task or outer.client != holder.client):
            _set(outer)
        elif _get() is not holder:  # likewise
            _set(holder)

    def _believed(self, scope: Scope, sent: list[bytes]) -> tuple[str, Trace | None]:
        """The ID and the trace of a request that brings one of them, or that is traced."""
        brought = self._brought(scope) if self._accept else sent
        parent, state = fields(scope, (TRACEPARENT, TRACESTATE)) if self._traces else (None, None)
        trust = self._trust if brought or parent is not None else False
        trusted = trust if isinstance(trust, bool) else trust(scope) is True
        trace = self._trace(parent if trusted else None, state) if self._traces else None
        if trusted and len(brought) == 1 and self._is_valid(brought[0]):
            return brought[0].decode(), trace
        return trace.trace_id if trace is not None and self._by_trace else self._generate(), trace

    def _brought(self, scope: Scope) -> list[bytes]:
        """The lines of the first accepted name that is there."""
        for name in self._accept:
            lines = _headers.get_all(scope.get("headers") or (), name)
            if lines:
                return lines
        return []

    def _trace(self, parent: bytes | None, state: bytes | None) -> Trace:
        """The caller's trace with a span of this request; or a new one, which nobody has decided to record yet."""
        known = None if parent is None else parse_traceparent(parent)
        if known is None:
            return Trace(self._uuid4(), None, self._span_id(), RANDOM)
        trace_id, parent_id, flags = known
        return Trace(trace_id, parent_id, self._span_id(), flags, "" if state is None else parse_tracestate(state))

    def _additions(self, headers: Any, sent: list[bytes], pair: Header, trace: Trace | None) -> dict[str, Any]:
        """What goes into the scope: the ID, the trace, and the headers where they are to be others."""
        additions: dict[str, Any] = {"request_id": pair[1].decode()}
        if trace is not None:
            additions["trace"] = trace
        if self._request_header:
            inner = headers
            if sent != [pair[1]]:
                inner = _headers.put(headers, *pair) if sent else [*headers, pair]
            if trace is not None:
                inner = traced(inner, trace)
            if inner is not headers:
                additions["headers"] = inner
        return additions

    def _is_valid(self, sent: bytes) -> bool:
        if not _is_safe(sent):
            return False
        if callable(self._validator):
            return self._validator(sent.decode()) is True
        return self._validator == "safe" or _UUID.fullmatch(sent) is not None

    def _checked(self) -> str:
        """An ID of the function that was given as generator, or one of ours."""
        value: str | None = self._given()
        if value is None:
            return self._uuid4()
        if not _is_safe(value.encode("ascii", "replace")):
            self._given.seen(f"returned no ID of 1 to {_LONGEST} letters, digits and ._~-+/=:@")
            return self._uuid4()
        return value


def _hook(option: str, function: Callable[..., Any], kind: type) -> Hook:
    return Hook("request_id", option, function, (kind,), otherwise="the ID is a generated one")


def _is_safe(value: bytes) -> bool:
    return 0 < len(value) <= _LONGEST and not value.translate(None, _SAFE)


class _Responder(Responder):
    """Puts the ID on the response, unless the application set its own."""

    __slots__ = ("pair",)

    pair: Header

    def edit(self, start: Message) -> None:
        pair = self.pair
        length = len(pair[0])
        headers = start["headers"]
        for name, _ in headers:
            if len(name) == length and name.lower() == pair[0]:
                return
        headers.append(pair)
