"""Requests, the bare application, and calls of it without an event loop.

The application makes its messages anew for every call. Constant ones are legal, and ours leave them alone, but the
peers edit what they are given: their headers would grow from call to call, and with them the time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from asgi_middleware import Stack
from asgi_middleware.auth import JWT, Bearer, HMACKey

from ..asgi import App, Message, drive, http
from .measuring import EMPTY_WRAPPERS, ROUNDS, Row, Sample, Scene, Variant, looped

MakeScope = Callable[[], dict[str, Any]]

SECRET = "a-secret-of-the-bench-that-is-long-enough"
ORIGIN = "https://app.example.com"
ISSUER = "https://idp.example.com"
AUDIENCE = "api"
KIB = 1024

BODY = b'{"message":"Hello, world!","items":3}'
assert len(BODY) == 37

# What a browser sends with a fetch() to another origin.
BROWSER = (
    ("host", "api.example.com"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept", "*/*"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("referer", "https://app.example.com/"),
    ("origin", ORIGIN),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-site", "same-site"),
    ("cookie", "theme=dark; consent=2026-01-01; visitor=5d2f8a90"),
)


def foreign_cookies() -> str:
    """60 KB of cookies that somebody else has set."""
    return "; ".join(f"name{number}=value" for number in range(60 * KIB // 16))


class Crash(Exception):
    """What the crashing application raises."""


def request(*extra: tuple[str, str], without: str = "", path: str = "/items", **changes: Any) -> MakeScope:
    """Makes a scope, anew for each call: the browser's headers but `without`, and those of `extra` in their place."""
    replaced = {without, *(name for name, _ in extra)}
    kept = [pair for pair in BROWSER if pair[0] not in replaced]
    template = http(path, headers=[*kept, *extra], **changes)
    pairs = template["headers"]

    def make() -> dict[str, Any]:
        return {**template, "headers": [*pairs], "state": {}, "extensions": {}}

    return make


def answering(body: bytes, content_type: bytes = b"application/json") -> App:
    """An application that answers everything with `body`."""
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [*headers]})
        await send({"type": "http.response.body", "body": body})

    return app


answer = answering(BODY)


async def crash(scope: Any, receive: Any, send: Any) -> None:
    raise Crash


class Empty:
    """A middleware that does nothing: the unit."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


def empty(app: App, times: int) -> App:
    for _ in range(times):
        app = Empty(app)
    return app


def bearer() -> Bearer:
    return Bearer(JWT(HMACKey(SECRET), issuer=ISSUER, audience=AUDIENCE))


def ours(app: App) -> App:
    """Our six in plain configuration, and errors, which the peers' six have not."""
    stack = Stack(
        [
            "request_id",
            "timing",
            ("cors", {"allow_origins": [ORIGIN]}),
            "errors",
            "compression",
            ("sessions", {"secret_key": SECRET}),
            ("auth", {"backend": bearer()}),
        ]
    )
    return stack(app)


def check(app: App, scope: dict[str, Any], status: int, header: tuple[str, str] | None) -> None:
    """RuntimeError unless the answer is the one that is to be timed."""
    exchange = drive(app, scope)
    if exchange.error is not None and not isinstance(exchange.error, Crash):
        raise RuntimeError(f"it raises {exchange.error!r}") from exchange.error
    if exchange.status != status or (header is not None and header not in exchange.headers):
        raise RuntimeError(f"it answers {exchange.status} {exchange.headers}, not {status} with {header}")


async def receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Message) -> None:
    pass


def caller(app: App, scope: MakeScope) -> Callable[[], None]:
    """Calls `app` once, to its end. RuntimeError if it suspends: there is no event loop to wake it."""

    def call() -> None:
        coroutine: Any = app(scope(), receive, send)
        try:
            coroutine.send(None)
        except (StopIteration, Crash):
            return
        coroutine.close()
        raise RuntimeError("the application suspended")

    return call


ordinary = request()


def calling(
    make: Callable[[], App],
    scope: MakeScope = ordinary,
    *,
    status: int = 200,
    header: tuple[str, str] | None = None,
    base: str | None = "bare",
    allowance: float = 0.0,
) -> Variant:
    """The variant that calls the application of `make`, which must answer with `status` and `header`."""

    def sample() -> Sample:
        app = make()
        for _ in range(2):  # the second answer must not depend on the first
            check(app, scope(), status, header)
        return looped(caller(app, scope))

    return Variant(sample, base, allowance)


def floor(app: App = answer, scope: MakeScope = ordinary) -> dict[str, Variant]:
    """What every scene is measured against: the bare application, and empty wrappers around it."""
    return {
        "bare": calling(lambda: app, scope, base=None),
        "empty": calling(lambda: empty(app, EMPTY_WRAPPERS), scope),
    }


def in_process(title: str, variants: Mapping[str, Variant], rows: Sequence[Row], rounds: int = ROUNDS) -> Scene:
    """A scene of calls by hand."""
    return Scene(title, variants, rows, rounds, apart=True)


def cycled(scopes: Iterable[MakeScope]) -> MakeScope:
    """Another one of `scopes` for each call, so that no memory of the last one helps."""
    makers = list(scopes)
    position = -1

    def make() -> dict[str, Any]:
        nonlocal position
        position = (position + 1) % len(makers)
        return makers[position]()

    return make
