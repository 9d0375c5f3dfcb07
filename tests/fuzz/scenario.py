"""One case: a client, a server's scope, and an application, all legal, all plain data that can be cut down."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ..asgi import CONNECT, App

Pair = tuple[bytes, bytes]

CHUNKS = (
    b"",
    b"a",
    b"data: tick\n\n",
    b"the quick brown fox " * 20,
    bytes(range(256)) * 6,
    b'{"key": "value"}, ' * 300,
)
TYPES = (b"text/plain", b"text/html; charset=utf-8", b"application/json", b"image/png", b"text/event-stream", b"")
ENCODINGS = (
    b"gzip",
    b"br",
    b"zstd, br, gzip",
    b"gzip;q=0",
    b"*",
    b"identity;q=1, *;q=0.5",
    b"GZIP;Q=0.3, x",
    b";;,q",
    b"\xff",
)
ORIGINS = (b"https://app.example.com", b"https://evil.example", b"null", b"\xffhttp://x", b"https://" + b"a" * 400)
REQUEST_HEADERS: dict[bytes, tuple[bytes, ...]] = {
    b"accept-encoding": ENCODINGS,
    b"origin": ORIGINS,
    b"host": (b"api.example.com", b"localhost:8000"),
    b"cookie": (b"theme=dark", b"session=garbage", b"session=a.b.c; session=", b"\xff=\xfe; ;;=", b'session="x"'),
    b"authorization": (b"Bearer a.b.c", b"Basic !!!", b"Digest x", b"Bearer", b"\xff"),
    b"x-request-id": (b"known-id", b"bad id\xff", b"x" * 200, b""),
    b"traceparent": (
        b"00-12345678901234567890123456789012-1234567890123456-01",
        b"cc-12345678901234567890123456789012-1234567890123456-ff-more",
        b"00-1-\xff",
    ),
    b"tracestate": (b"a=1, b=2", b"a=1,a=1", b"\xff=,", b""),
    b"access-control-request-method": (b"GET", b"PUT", b"bad method"),
    b"access-control-request-headers": (b"authorization", b",,x-a, ,", b"\xff"),
    b"cache-control": (b"no-transform", b"max-age=0"),
    b"accept": (b"text/html", b"*/*;q=0.1, application/json", b"\xff;;"),
    b"x-other": (b"1", b"\xe4\xf6"),
}
RESPONSE_HEADERS: dict[bytes, tuple[bytes, ...]] = {
    b"vary": (b"Accept-Language", b"Origin, accept-encoding", b"*", b"a,, b"),
    b"etag": (b'"strong"', b'W/"weak"'),
    b"cache-control": (b"no-transform", b"max-age=60", b"private"),
    b"content-encoding": (b"identity", b"br"),
    b"set-cookie": (b"a=1", b"b=2; path=/"),
    b"accept-ranges": (b"bytes",),
    b"content-digest": (b"sha-256=:x:",),
    b"access-control-allow-origin": (b"https://else.example",),
    b"x-request-id": (b"the-apps-own",),
    b"server-timing": (b"db;dur=1",),
    b"location": (b"/elsewhere",),
    b"x-kept": (b"1", b"2", b"\xe4\xf6"),
}
STATUSES = (200, 200, 200, 200, 201, 204, 206, 301, 304, 404, 500)
EXTENSIONS = (
    "http.response.trailers",
    "http.response.pathsend",
    "http.response.zerocopysend",
    "http.response.push",
    "http.response.early_hint",
    "http.response.debug",
    "websocket.http.response",
    "tls",
)
OPTIONAL_KEYS = (
    "scheme",
    "root_path",
    "raw_path",
    "query_string",
    "client",
    "server",
    "state",
    "extensions",
    "headers",
)


class File:
    """Something with a descriptor, for zero-copy send. Nobody reads it."""

    def fileno(self) -> int:
        return 3

    def __deepcopy__(self, memo: Any) -> "File":
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, File)

    __hash__ = None  # type: ignore[assignment]  # all of them are equal


class AppError(Exception):
    """What a fuzzed application raises."""


@dataclass(frozen=True)
class Step:
    """One thing that the application does: send `message`, with its headers in `container`, or receive, or raise."""

    action: str  # "send", "receive" or "raise"
    message: dict[str, Any] = field(default_factory=dict)
    container: str = "list"
    needs: str | None = None  # the extension without which it does not send this
    unless: str | None = None  # the extension with which it does not

    def made(self) -> dict[str, Any]:
        """The message as the application would make it, its headers in their container."""
        message = dict(self.message)
        if "headers" in message:
            message["headers"] = contained(message["headers"], self.container)
        return message


def contained(headers: list[Pair], container: str) -> Any:
    if container == "tuple":
        return tuple(headers)
    if container == "lists":
        return [list(pair) for pair in headers]
    if container == "iterator":
        return iter(headers)
    return list(headers)


@dataclass(frozen=True)
class Scenario:
    """A whole case."""

    scope: dict[str, Any]
    received: tuple[dict[str, Any], ...]
    steps: tuple[Step, ...]
    container: str = "list"  # of the request's headers

    def fresh_scope(self) -> dict[str, Any]:
        scope = {**self.scope, "state": {}} if "state" in self.scope else dict(self.scope)
        if "headers" in scope:
            scope["headers"] = contained(scope["headers"], self.container)
        return scope

    def smaller(self) -> Iterator["Scenario"]:
        """Cases with one thing less."""
        for index in range(len(self.steps)):
            yield replace(self, steps=self.steps[:index] + self.steps[index + 1 :])
        for key in ("extensions", "headers"):
            for index, _ in enumerate(self.scope.get(key, ())):
                kept = [item for number, item in enumerate(self.scope[key]) if number != index]
                value: Any = {name: {} for name in kept} if key == "extensions" else kept
                yield replace(self, scope={**self.scope, key: value})
        for index, step in enumerate(self.steps):
            for number, _ in enumerate(step.message.get("headers", ())):
                headers = [pair for place, pair in enumerate(step.message["headers"]) if place != number]
                less = replace(step, message={**step.message, "headers": headers})
                yield replace(self, steps=(*self.steps[:index], less, *self.steps[index + 1 :]))
        if self.container != "list":
            yield replace(self, container="list")


class Application:
    """Runs the steps. `sent` has what it handed over, `error` what it raised, `called` how often it ran."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.steps = steps
        self.called = 0
        self.sent: list[dict[str, Any]] = []
        self.error: BaseException | None = None
        self.on_sent: Any = None  # called after each send has returned
        self.headers: list[Pair] = []  # of the request, as it saw them

    def app(self) -> App:
        async def run(scope: Any, receive: Any, send: Any) -> None:
            self.called += 1
            self.headers = [(name.lower(), value) for name, value in scope.get("headers") or ()]
            offered = scope.get("extensions") or {}
            for step in self.steps:
                if step.action == "receive":
                    await receive()
                elif step.action == "raise":
                    self.error = AppError("fuzzed")
                    raise self.error
                elif (step.needs is None or step.needs in offered) and step.unless not in offered:
                    self.sent.append(step.message)
                    await send(step.made())
                    if self.on_sent is not None:
                        self.on_sent()

        return run


def generate(seed: int, number: int) -> Scenario:
    """The case of this number: the same for the same seed, on every machine and Python."""
    rng = random.Random(seed * 1_000_003 + number)  # noqa: S311  # repeatable on purpose
    kind = rng.choices(("http", "websocket", "lifespan"), (80, 15, 5))[0]
    scope = _scope(rng, kind)
    if kind == "http":
        received = _request(rng)
        steps = _response(rng, scope)
    elif kind == "websocket":
        received = (CONNECT, {"type": "websocket.receive", "text": "hello"})
        steps = _socket(rng)
    else:
        received = ({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
        steps = _lifespan(rng)
    return Scenario(scope, received, tuple(steps), rng.choice(("list", "list", "tuple", "lists", "iterator")))


def _some(rng: random.Random, pool: dict[bytes, tuple[bytes, ...]], likely: float) -> list[Pair]:
    """Headers from a pool, in any case, sometimes doubled."""
    headers = [(name, rng.choice(values)) for name, values in pool.items() if rng.random() < likely]
    headers += [rng.choice(headers) for _ in range(2) if headers and rng.random() < 0.1]
    rng.shuffle(headers)
    return [(name.title() if rng.random() < 0.2 else name, value) for name, value in headers]


def _scope(rng: random.Random, kind: str) -> dict[str, Any]:
    scope: dict[str, Any] = {"type": kind, "asgi": {"version": "3.0", "spec_version": "2.3"}}
    if kind == "lifespan":
        return {**scope, "state": {}}
    scope |= {
        "http_version": rng.choice(("1.0", "1.1", "2", "3")),
        "path": rng.choice(("/", "/a/b", "/ä", "/x//..")),
        "scheme": rng.choice(("http", "https") if kind == "http" else ("ws", "wss")),
        "raw_path": rng.choice((b"/", b"/%2e", None)),
        "query_string": b"a=1",
        "root_path": rng.choice(("", "/sub")),
        "headers": _some(rng, REQUEST_HEADERS, 0.35),
        "client": rng.choice((("127.0.0.1", 50000), ["::1", 1], None)),
        "server": ("127.0.0.1", 8000),
        "state": {},
        "extensions": {name: {} for name in EXTENSIONS if rng.random() < 0.4},
    }
    if kind == "http":
        scope["method"] = rng.choice(("GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "PURGE"))
    else:
        scope["subprotocols"] = ["chat"]
    scope["path"] = scope["root_path"] + scope["path"]
    for key in OPTIONAL_KEYS:
        if rng.random() < 0.05:
            del scope[key]
    offered = scope.get("extensions", {})
    if offered.pop("tls", None) is not None and scope.get("scheme") in ("https", "wss"):
        offered["tls"] = {"server_cert": None, "tls_version": 0x0304, "cipher_suite": None}
    return scope


def _request(rng: random.Random) -> tuple[dict[str, Any], ...]:
    chunks = [rng.choice(CHUNKS) for _ in range(rng.randrange(3))]
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    last: dict[str, Any] = {"type": "http.request"}
    if rng.random() < 0.5:
        last |= {"body": b"", "more_body": False}
    return (*messages, last)


def _body(rng: random.Random, chunk: bytes, *, more: bool) -> Step:
    message: dict[str, Any] = {"type": "http.response.body"}
    if chunk or rng.random() < 0.7:
        message["body"] = chunk
    if more or rng.random() < 0.7:
        message["more_body"] = more
    return Step("send", message)


def _response(rng: random.Random, scope: dict[str, Any]) -> list[Step]:
    status = rng.choice(STATUSES)
    bodiless = status in (204, 304)
    whole = [] if bodiless else [rng.choice(CHUNKS) for _ in range(rng.randrange(4))]
    headers = _some(rng, RESPONSE_HEADERS, 0.15)
    if rng.random() < 0.8 and not bodiless:
        headers.append((b"content-type", rng.choice(TYPES)))
    ways = "body" if bodiless else rng.choices(("body", "path", "file"), (90, 5, 5))[0]
    size = sum(map(len, whole))
    if ways == "body" and rng.random() < 0.5 and status != 204:
        headers.append((b"Content-Length" if rng.random() < 0.2 else b"content-length", b"%d" % size))
    message: dict[str, Any] = {"type": "http.response.start", "status": status}
    if headers or rng.random() < 0.7:
        message["headers"] = headers
    trailing = ways == "body" and rng.random() < 0.1
    if trailing and "http.response.trailers" in (scope.get("extensions") or {}):
        message["trailers"] = True
    container = rng.choice(("list", "list", "tuple", "lists", "iterator"))
    steps = [Step("receive")] if rng.random() < 0.6 else []
    steps += _extras(rng, ("debug", "early_hint"))
    steps.append(Step("send", message, container))
    steps += _extras(rng, ("push",))
    if ways == "path":
        name = "http.response.pathsend"
        steps.append(Step("send", {"type": name, "path": "/srv/a.txt"}, needs=name))
        steps.append(Step("send", {"type": "http.response.body"}, unless=name))
    else:
        for chunk in whole:
            steps.append(_body(rng, chunk, more=True))
            steps += _extras(rng, ("push",), 0.03)
        if ways == "file":
            name = "http.response.zerocopysend"
            steps.append(Step("send", {"type": name, "file": File(), "more_body": True}, needs=name))
        last = steps[-1].message
        if whole and ways == "body" and rng.random() < 0.5 and last["type"] == "http.response.body":
            last.pop("more_body")  # the last chunk ends the response
        else:
            steps.append(_body(rng, b"", more=False))
    if "trailers" in message:
        steps.append(Step("send", {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}))
    return _spoilt(rng, steps)


def _extras(rng: random.Random, names: tuple[str, ...], likely: float = 0.08) -> list[Step]:
    contents: dict[str, dict[str, Any]] = {
        "debug": {"info": {"template": "x"}},
        "early_hint": {"links": [b"</a.css>; rel=preload"]},
        "push": {"path": "/a.css", "headers": []},
    }
    found: list[Step] = []
    for name in names:
        kind = f"http.response.{name}"
        if rng.random() < likely:
            found.append(Step("send", {"type": kind, **contents[name]}, needs=kind))
    return found


def _spoilt(rng: random.Random, steps: list[Step]) -> list[Step]:
    """Sometimes the application raises on the way."""
    if rng.random() < 0.12:
        return [*steps[: rng.randrange(len(steps) + 1)], Step("raise")]
    return steps


def _socket(rng: random.Random) -> list[Step]:
    way = rng.choice(("accept", "accept", "close", "deny"))
    headers = _some(rng, {name: RESPONSE_HEADERS[name] for name in (b"set-cookie", b"x-kept", b"x-request-id")}, 0.3)
    if way == "close":
        return _spoilt(rng, [Step("receive"), Step("send", {"type": "websocket.close", "code": 1000})])
    if way == "deny":
        name = "websocket.http.response"
        denial = {"type": f"{name}.start", "status": 403, "headers": headers}
        body = {"type": f"{name}.body", "body": b"no"}
        close = Step("send", {"type": "websocket.close"}, unless=name)
        return [Step("receive"), Step("send", denial, needs=name), Step("send", body, needs=name), close]
    accept: dict[str, Any] = {"type": "websocket.accept"}
    if rng.random() < 0.7:
        accept["headers"] = headers
    if rng.random() < 0.3:
        accept["subprotocol"] = "chat"
    echo = (
        {"type": "websocket.send", "text": "hello"} if rng.random() < 0.5 else {"type": "websocket.send", "bytes": b"a"}
    )
    steps = [Step("receive"), Step("send", accept, rng.choice(("list", "tuple", "lists"))), Step("receive")]
    return _spoilt(rng, [*steps, Step("send", echo), Step("send", {"type": "websocket.close", "code": 1001})])


def _lifespan(rng: random.Random) -> list[Step]:
    started = rng.choice(("lifespan.startup.complete", "lifespan.startup.complete", "lifespan.startup.failed"))
    steps = [Step("receive"), Step("send", {"type": started})]
    if started.endswith("complete"):
        steps += [Step("receive"), Step("send", {"type": "lifespan.shutdown.complete"})]
    return _spoilt(rng, steps)
