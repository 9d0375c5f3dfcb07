"""What holds for any middleware: every legal message and scope arrives, and what it was given stays as it was."""

import asyncio
from typing import Any

from asgi_middleware import SessionMiddleware

from .. import apps
from ..apps import TEXT, body, sends, start
from ..asgi import Exchange, deeply, drive, http, step, websocket
from ..compressing import DEBUG, HINT, PATHSEND, PUSH, TRAILERS, ZEROCOPY
from ..subjects import SECRET, SUBJECTS, stopped
from .rows import FINE, Row, Seen, Topic, all_of, answered, only
from .subjects import HOST, ORIGIN, OTHERS, STARLETTE, Wrap, in_use

ID = "6f0c1d5e9a3b4c7d8e2f1a0b3c4d5e6f"
# What a browser sends, for each middleware something to act on.
REQUEST = [
    ("host", HOST),
    ("origin", ORIGIN),
    ("accept-encoding", "gzip, br, zstd"),
    ("x-request-id", ID),
]
TYPE = (b"content-type", b"text/plain")


def opening(**more: Any) -> dict[str, Any]:
    """A start as most applications send it: what one row asks for is no part of the others."""
    return start(headers=[TYPE], **more)


def ask(app: Any, headers: Any = REQUEST, **changes: Any) -> Exchange:
    return drive(app, http(headers=headers, scheme="https", **changes))


def arrives(wrap: Wrap, *messages: dict[str, Any]) -> str:
    """FINE if the client can read the body of what the application sends."""
    if answered(ask(wrap(sends(*messages)))).body != TEXT:
        raise Seen("another body")
    return FINE


def kept_messages(wrap: Wrap) -> str:
    """The same objects twenty times, to a client that takes encoded bodies and to one that takes none."""
    app = wrap(sends(opening(), body(TEXT)))
    grown: set[str] = set()
    for headers in (REQUEST[:2], REQUEST):
        sizes = [sizes_of(answered(ask(app, headers))) for _ in range(20)]
        grown |= {name for name, size in sizes[-1].items() if size > sizes[0].get(name, 0)}
    return only(sorted(grown), "{} grows with each response")


def sizes_of(exchange: Exchange) -> dict[str, int]:
    """How long the values of each header are, all lines together."""
    sizes: dict[str, int] = {}
    for name, value in exchange.headers:
        sizes[name.title()] = sizes.get(name.title(), 0) + len(value)
    return sizes


def other_headers(wrap: Wrap) -> str:
    arrives(wrap, start(headers=(TYPE,)), body())
    if answered(ask(wrap(apps.FreshHeaders()))).body != TEXT:
        raise Seen("another body")
    return FINE


def keys_left_out(wrap: Wrap) -> str:
    arrives(wrap, {"type": "http.response.start", "status": 200}, body())
    arrives(wrap, opening(), body(TEXT, more=True), {"type": "http.response.body"})
    return arrives(wrap, opening(), {"type": "http.response.body", "more_body": True}, body(TEXT))


EXTENSIONS = {message["type"]: message for message in (PUSH, HINT, DEBUG, TRAILERS, PATHSEND, ZEROCOPY)}


def extensions(wrap: Wrap) -> str:
    """Each message of an extension that the application still sees offered; a hint not before the start."""
    lost = [kind.removeprefix("http.response.") for kind in EXTENSIONS if not passes(wrap, kind)]
    told = [f"loses {', '.join(lost)}"] if lost else []
    if "early_hint" not in lost and not passes(wrap, HINT["type"], behind="http.response.start"):
        told.append("early hints overtake the start")
    return all_of(told)


def passes(wrap: Wrap, kind: str, behind: str | None = None) -> bool:
    """Whether a message arrives (behind another), if the application is still told that it may send it."""
    offered: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        offered.append(kind in scope["extensions"])
        await send(opening(trailers=kind == TRAILERS["type"]))
        parts = [EXTENSIONS[kind], body(b"ok")]
        if kind == TRAILERS["type"]:
            parts.reverse()
        elif kind in (PATHSEND["type"], ZEROCOPY["type"]):
            parts.pop()
        for part in parts if offered[0] else [body(b"ok")]:
            await send(part)

    types = [message["type"] for message in ask(wrap(app), extensions={kind: {}}).sent]
    if not offered[0]:
        return True
    return kind in types and (behind is None or types.index(behind) < types.index(kind))


OPTIONAL: dict[str, Any] = dict.fromkeys(
    ("scheme", "root_path", "client", "server", "extensions", "state", "raw_path"),
)


def bare_scope(wrap: Wrap) -> str:
    exchange = drive(wrap(apps.text()), http(headers=REQUEST, **OPTIONAL))
    if answered(exchange).status != 200:
        raise Seen(str(exchange.status))
    answered(drive(wrap(apps.accepts()), websocket(headers=REQUEST, **OPTIONAL, subprotocols=None)))
    return FINE


def names_in_capitals(wrap: Wrap) -> str:
    """The same request, its names as some servers give them: the same response, as far as names tell."""
    capitals = [(name.title(), value) for name, value in REQUEST]
    lower, upper = (answered(ask(wrap(apps.text()), headers)) for headers in (REQUEST, capitals))
    if lower.status != upper.status:
        raise Seen(f"not seen: {upper.status}")
    names = [{name for name, _ in exchange.headers} for exchange in (lower, upper)]
    if names[0] != names[1] or lower.header("x-request-id") != upper.header("x-request-id"):
        raise Seen("not seen")
    return FINE


def given_scope(wrap: Wrap) -> str:
    scope = http(headers=[pair for pair in REQUEST if pair[0] != "x-request-id"], scheme="https")
    before = deeply(scope)
    answered(drive(wrap(apps.text()), scope))
    changed = sorted(f"`{key}`" for key in scope if scope[key] != before.get(key))
    return only(changed, "writes {}")


def other_scopes(wrap: Wrap) -> str:
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.append(given)

    async def receive() -> Any:
        raise AssertionError

    async def send(message: Any) -> None:
        raise AssertionError

    for kind in ("lifespan", "webtransport"):
        given = ({"type": kind}, receive, send)
        step(wrap(app)(*given))
        if any(one is not other for one, other in zip(seen.pop(), given, strict=True)):
            raise Seen("other objects")
    return FINE


def faults(wrap: Wrap) -> str:
    """Of the application before and after its start, of the server, and cancellation."""
    for error in (ValueError("of the app"), asyncio.CancelledError()):
        for before in ((), (opening(),), (opening(), body(TEXT, more=True))):
            if ask(wrap(apps.raises(error, *before))).error is not error:
                raise Seen("swallowed")
    gone = OSError("the client has gone")
    if drive(wrap(apps.text()), http(headers=REQUEST, scheme="https"), send_fails=gone).error is not gone:
        raise Seen("swallowed")
    return FINE


def denial(wrap: Wrap) -> str:
    """From another site, to another host, over a connection without TLS: whoever wants to refuse has a reason."""
    headers = [("host", "other.example"), ("origin", "https://foreign.example")]
    exchange = drive(wrap(apps.accepts()), websocket(headers=headers, extensions={}))
    if any(message["type"].startswith("websocket.http.response") for message in exchange.sent):
        raise Seen("a message that the server does not know")
    return FINE


ASGI = "ASGI HTTP 2.5"
OURS: dict[str, Wrap] = {
    **SUBJECTS,
    "sessions in use": lambda app: SessionMiddleware(in_use(app), SECRET, clock=stopped),
}
TOPIC = Topic(
    "Any middleware",
    OURS,
    {"Starlette": STARLETTE, **{name: {name: wrap} for name, wrap in OTHERS.items()}},
    (
        Row("message objects that the application keeps and sends again stay as they are", ASGI, kept_messages),
        Row("headers may be a tuple, or a generator as Sanic has it", f"{ASGI}, Response Start", other_headers),
        Row("a start may have no headers, a message of a stream no `body`", f"{ASGI}, Response Body", keys_left_out),
        Row("messages of extensions that the server offers arrive, in their order", "ASGI extensions", extensions),
        Row("keys of the scope that are optional may be missing", "ASGI HTTP and WebSocket 2.5, scope", bare_scope),
        Row("names of request headers may have capitals", f"{ASGI}, scope", names_in_capitals),
        Row("the server's scope is left as it is", "ASGI 3.0, Middleware", given_scope),
        Row("a WebSocket is denied by messages only where the server knows them", "ASGI extensions", denial),
        Row("lifespan and scopes of kinds to come pass through", "ASGI 3.0, Applications", other_scopes),
        Row("exceptions, cancellation and a client that has gone travel on", "ASGI 3.0", faults),
    ),
)
