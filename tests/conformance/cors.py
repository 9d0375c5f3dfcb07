"""Rows of CORS: who is let in, what a browser is told, and what is not said to strangers."""

from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from asgi_middleware import ConfigError, CORSMiddleware, ErrorsMiddleware

from .. import apps
from ..apps import body, sends, start
from ..asgi import Exchange, drive, http, websocket
from ..bench import peers
from ..bench.peers import peer
from .rows import FINE, Row, Seen, Topic, answered, only
from .subjects import ORIGIN

FOREIGN = "https://foreign.example"


def litestar(app: Any, **options: Any) -> Any:
    """Litestar has its own in front of its router, so the application stands behind one of its routes."""
    received = peer("litestar.types:Receive"), peer("litestar.types:Scope"), peer("litestar.types:Send")

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    mounted.__annotations__.update(zip(("receive", "scope", "send"), received, strict=True))
    return peer("litestar:Litestar")(
        [peer("litestar:asgi")("/", is_mount=True, copy_scope=True)(mounted)],
        cors_config=peer("litestar.config.cors:CORSConfig")(**options),
        openapi_config=None,
        logging_config=None,
    )


def ask(make: Any, origin: str | None = ORIGIN, app: Any = None, *, method: str = "GET", **options: Any) -> Exchange:
    """An ordinary request, under a policy that allows one origin."""
    headers = [] if origin is None else [("origin", origin)]
    wrapped = make(app or apps.text(), **{"allow_origins": [ORIGIN], **options})
    return answered(drive(wrapped, http(headers=headers, method=method)))


def preflight(make: Any, *names: str, origin: str = ORIGIN, method: str = "GET", **options: Any) -> Exchange:
    """A preflight; `names`: the lines of Access-Control-Request-Headers."""
    lines = [("access-control-request-headers", name) for name in names]
    headers = [("origin", origin), ("access-control-request-method", method), *lines]
    wrapped = make(apps.text(), **{"allow_origins": [ORIGIN], **options})
    return answered(drive(wrapped, http(headers=headers, method="OPTIONS")))


def passes(exchange: Exchange, *names: str) -> str:
    """FINE if a browser would let the request of this preflight go out."""
    if not 200 <= exchange.status < 300:
        raise Seen(f"refused with {exchange.status}")
    allowed = {
        name.strip().lower() for value in exchange.header("access-control-allow-headers") for name in value.split(",")
    }
    if missing := [name for name in names if name not in allowed]:
        raise Seen(f"{', '.join(missing)} is not allowed")
    return FINE


def granted(exchange: Exchange) -> list[str]:
    return exchange.header("access-control-allow-origin")


def foreign_socket(make: Any) -> str:
    app = make(apps.accepts(), allow_origins=[ORIGIN])
    exchange = drive(app, websocket(headers=[("origin", FOREIGN), ("host", "app.example.com")]))
    if any(message["type"] == "websocket.accept" for message in exchange.sent):
        raise Seen("accepted")
    return FINE


def lines_and_members(make: Any) -> str:
    for lines in (["", "x-a"], ["x-a,,x-b"], ["x-a, "]):
        passes(preflight(make, *lines, allow_headers=["X-A", "X-B"]))
    passes(preflight(make, "x-a", "x-b", allow_headers=["*"]), "x-a", "x-b")
    return FINE


def much_asked(make: Any) -> str:
    exchange = preflight(make, "x-a," * 16384, allow_headers=["*"])
    size = sum(len(value) for _, value in exchange.headers) // 1024
    if size > 8:
        raise Seen(f"{size} KB come back")
    return FINE


def told_to_strangers(make: Any) -> str:
    """Of a refused origin: on a preflight and on a response."""
    options: dict[str, Any] = {"allow_credentials": True, "allow_headers": ["X-A"]}
    refused = [preflight(make, "x-a", origin=FOREIGN, **options), ask(make, FOREIGN, **options)]
    own = "access-control-"
    names = {name.removeprefix(own).title() for each in refused for name, _ in each.headers if name.startswith(own)}
    return only(sorted(names), "it is told {}")


def everybody_with_credentials(make: Any) -> str:
    try:
        exchange = ask(make, FOREIGN, allow_origins=["*"], allow_credentials=True)
    except ConfigError:
        return FINE
    if granted(exchange) == [FOREIGN]:
        raise Seen("each origin is allowed, with credentials")
    return FINE


def starts_for_everybody(make: Any) -> str:
    try:
        make(apps.text(), allow_origins=["*"], allow_credentials=True)
    except ConfigError:
        raise Seen(REFUSED) from None
    return FINE


def origins_as_text(make: Any) -> str:
    try:
        exchange = ask(make, "h", allow_origins=f"{ORIGIN},https://b.example")
    except ConfigError:
        return FINE
    if granted(exchange) == ["h"]:
        raise Seen("the origin `h` is allowed")
    return FINE


def whole_expressions(make: Any) -> str:
    pattern = r"https://.*\.example\.com"
    if not granted(ask(make, allow_origins=[], allow_origin_regex=pattern)):
        raise Seen("the right origin is refused")
    if granted(ask(make, f"{ORIGIN}.evil.example", allow_origins=[], allow_origin_regex=pattern)):
        raise Seen("an origin that begins so is allowed")
    return FINE


def vary(make: Any) -> str:
    """Also where the application varies by something else."""
    told = []
    for origin, who in ((ORIGIN, "allowed"), (FOREIGN, "refused"), (None, "none is sent")):
        app = sends(start(headers=[(b"vary", b"Cookie")]), body())
        values = ", ".join(ask(make, origin, app=app).header("vary")).lower().split(", ")
        told += [f"no {name.title()} where {who}" for name in ("origin", "cookie") if name not in values]
    return only(told, "{}")


def crash(make: Any) -> str:
    """Of a route of a Starlette application, with the middlewares in its own list."""

    async def crashing(request: Any) -> Any:
        raise ValueError

    own = [Middleware(make, allow_origins=[ORIGIN])]
    listed = [*own, Middleware(ErrorsMiddleware)] if make is CORSMiddleware else own
    app = Starlette(routes=[Route("/", crashing)], middleware=listed)
    exchange = drive(app, http(headers=[("origin", ORIGIN)]))
    if granted(exchange) != [ORIGIN]:
        raise Seen("no CORS headers")
    return FINE


REFUSED = "refused; there is `dangerously_allow_any_origin_with_credentials`"
PEER, LITESTAR = "Starlette", "Litestar"
TOPIC = Topic(
    "CORS",
    {"CORSMiddleware": CORSMiddleware},
    {PEER: {PEER: peers.starlette_cors}, LITESTAR: {LITESTAR: litestar}},
    (
        Row("a WebSocket of a foreign origin is refused", "CWE-1385; RFC 6455, 10.2", foreign_socket),
        Row(
            "all lines of Access-Control-Request-Headers count, empty members do not",
            "RFC 9110, 5.3, 5.6.1",
            lines_and_members,
        ),
        Row("64 KB of Access-Control-Request-Headers do not come back", "GO-2024-2883", much_asked),
        Row("a refused origin is told nothing of the policy", "Fetch: CORS protocol", told_to_strangers),
        Row(
            "`*` with credentials does not let every site act for the user",
            "Fetch: credentials",
            everybody_with_credentials,
        ),
        Row("text in the place of a list of origins allows nobody by accident", "CWE-183", origins_as_text),
        Row("a regular expression matches whole origins", "CVE-2026-37737", whole_expressions),
        Row("Vary names Origin, whoever asks, beside what the application varies by", "Fetch: HTTP caches", vary),
        Row(
            "a crash in a Starlette application can be read by its page; ours with `errors` inside",
            "Fetch: CORS protocol",
            crash,
            peers=(PEER,),
        ),
        Row("`*` with credentials starts without a question", "", starts_for_everybody, ours=REFUSED),
    ),
)
