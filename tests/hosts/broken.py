"""The stack broken on purpose, each fault under a path of its own: what the checks must notice.

`Faulty` serves `/<fault>/...`; `FAULTS` says which checks must fail there, and no others may.
"""

import gzip
from collections.abc import Callable
from typing import Any

from asgi_middleware import Stack
from tests.asgi import App

from .stacks import load, six

Send = Callable[[Any], Any]
Edit = Callable[[Any, Send], Any]  # gets a message and the `send` to pass it to
Pairs = list[tuple[bytes, bytes]]

STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


def edited(app: App, make: Callable[[], Edit]) -> App:
    """The app, each of its messages handed to an edit that is made anew for each request."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        edit = make()

        async def sends(message: Any) -> None:
            await edit(message, send)

        await app(scope, receive, sends)

    return wrapped


def headers(change: Callable[[Pairs], Pairs], starts: tuple[str, ...] = STARTS) -> Callable[[App], App]:
    """Changes the headers of these messages."""

    async def edit(message: Any, send: Send) -> None:
        if message["type"] in starts:
            pairs = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
            message = {**message, "headers": change(pairs)}
        await send(message)

    return lambda app: edited(app, lambda: edit)


def doubled(name: bytes) -> Callable[[App], App]:
    """One header twice, on HTTP responses."""
    return headers(lambda pairs: pairs + [pair for pair in pairs if pair[0].lower() == name], STARTS[:1])


def dropped(prefix: bytes, starts: tuple[str, ...] = STARTS) -> Callable[[App], App]:
    """No header whose name begins so."""
    return headers(lambda pairs: [pair for pair in pairs if not pair[0].lower().startswith(prefix)], starts)


def split_vary(app: App) -> App:
    """Vary on a line for each name."""

    def change(pairs: Pairs) -> Pairs:
        names = [name.strip() for key, value in pairs if key == b"vary" for name in value.split(b",")]
        return [pair for pair in pairs if pair[0] != b"vary"] + [(b"vary", name) for name in names]

    return headers(change, STARTS[:1])(app)


def replaced(old: bytes, new: bytes) -> Callable[[App], App]:
    """Other bytes in the body, as many as before."""

    async def edit(message: Any, send: Send) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": message.get("body", b"").replace(old, new)}
        await send(message)

    return lambda app: edited(app, lambda: edit)


def shouting(app: App) -> App:
    """What a WebSocket sends, in capitals."""

    async def edit(message: Any, send: Send) -> None:
        await send({**message, "text": message["text"].upper()} if message["type"] == "websocket.send" else message)

    return edited(app, lambda: edit)


def held(app: App) -> App:
    """The whole body at once, when it is complete."""

    def make() -> Edit:
        body = b""

        async def edit(message: Any, send: Send) -> None:
            nonlocal body
            if message["type"] == "http.response.body":
                body += message.get("body", b"")
                if message.get("more_body", False):
                    return
                message = {"type": "http.response.body", "body": body}
            await send(message)

        return edit

    return edited(app, make)


def naive(app: App) -> App:
    """A compressor as one writes it on a first afternoon: case-blind, and it asks nobody."""

    def make() -> Edit:
        first: Any = None

        async def edit(message: Any, send: Send) -> None:
            nonlocal first
            if message["type"] == "http.response.start":
                first = message
            elif message["type"] == "http.response.body":
                body = gzip.compress(message["body"])
                kept = [pair for pair in first["headers"] if pair[0] != b"content-length"]
                length = (b"content-length", b"%d" % len(body))
                await send({**first, "headers": [*kept, (b"content-encoding", b"gzip"), length]})
                await send({**message, "body": body})
            else:
                await send(message)

        return edit

    return edited(app, make)


def deaf_to_origins(app: App) -> App:
    """CORS that leaves WebSockets alone."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"origin"]}
        await six()(app)(scope, receive, send)

    return wrapped


def cookieless(app: App) -> App:
    """Sessions that do not see the client's cookie."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        seen = [pair for pair in scope["headers"] if pair[0] != b"cookie"]
        await app({**scope, "headers": seen}, receive, send)

    return wrapped


_BODIES = {"json", "wire", "stream", "events", "visits", "echo", "stranger", "missing"}

# A fault: how the raw application is wrapped then, and which checks must fail.
FAULTS: dict[str, tuple[Callable[[App], App], set[str]]] = {
    "none": (lambda app: six()(app), set()),
    "length-twice": (lambda app: doubled(b"content-length")(six()(app)), {"wire"}),
    "id-twice": (lambda app: doubled(b"x-request-id")(six()(app)), _BODIES | {"own"}),
    "id-missing": (lambda app: dropped(b"x-request-id")(six()(app)), _BODIES | {"own", "accept"}),
    "id-missing-on-accept": (lambda app: dropped(b"x-request-id", STARTS[1:2])(six()(app)), {"accept"}),
    "two-varies": (lambda app: split_vary(six()(app)), _BODIES - {"missing"}),
    "no-vary": (lambda app: dropped(b"vary")(six()(app)), _BODIES | {"own"}),
    "no-cors": (lambda app: dropped(b"access-control-allow-origin")(six()(app)), (_BODIES | {"own"}) - {"stranger"}),
    "no-set-cookie": (lambda app: dropped(b"set-cookie")(six()(app)), {"visits"}),
    "no-cookie": (lambda app: cookieless(six()(app)), {"visits"}),
    "other-words": (lambda app: six()(replaced(b"coffee", b"toffee")(app)), {"json", "wire", "stranger"}),
    "other-chunks": (lambda app: six()(replaced(b"lazy", b"busy")(app)), {"stream"}),
    "other-echo": (lambda app: six()(replaced(b"carries", b"brought")(app)), {"echo"}),
    "shouting": (lambda app: shouting(six()(app)), {"socket"}),
    "any-origin": (lambda app: deaf_to_origins(app), {"foreign"}),
    "held": (lambda app: held(six()(app)), {"events"}),
    "uncompressed": (
        lambda app: Stack([entry for entry in six() if "compression" not in repr(entry)])(app),
        {"json", "wire", "stream", "events", "echo", "stranger"},
    ),
    "naive": (lambda app: six()(naive(load("django"))), _BODIES),
}


class Faulty:
    """Sends each path to its own fault, less the name of the fault."""

    def __init__(self) -> None:
        self._apps = {name: wrap(load("raw")) for name, (wrap, _) in FAULTS.items()}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await load("raw")(scope, receive, send)
            return
        _, name, path = scope["path"].split("/", 2)
        await self._apps[name]({**scope, "path": f"/{path}", "raw_path": f"/{path}".encode()}, receive, send)
