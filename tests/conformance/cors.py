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
from .subjects import ORIGIN, Wrap

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
        raise Seen(str(exchange.status))
    allowed = {name.strip().lower() for value in exchange.header("access-control-allow-headers") for name in value.split(",")}
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


def empty_members(make: Any) -> str:
    for line in ("", "x-a,,x-b", "x-a, "):
        passes(preflight(make, line, allow_headers=["X-A", "X-B"]))
    return FINE


def several_lines(make: Any) -> str:
    passes(preflight(make, "x-a", "x-b", allow_headers=["*"]), "x-a", "x-b")
    if preflight(make, "x-a", "x-c", allow_headers=["X-A"]).status == 200:
        raise Seen("only the first is looked at")
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
        raise Seen("refused; there is `dangerously_allow_any_origin_with_credentials`") from None
    return FINE


def origins_as_text(make: Any) -> str:
    try:
        exchange = ask(make, "h", allow_origins=f"{ORIGIN},https://b.example")
    except ConfigError:
        return FINE
    if granted(exchange) == ["h"]:
        raise Seen("the origin `h` is allowed")
    return FINE


def never_matching(make: Any) -> str:
    try:
        make(apps.text(), allow_origins=[f"{ORIGIN}/"])
    except ConfigError:
        return FINE
    raise Seen("taken; it matches nothing")


def whole_expressions(make: Any) -> str:
    pattern = r"https://.*\.example\.com"
    if not granted(ask(make, allow_origins=[], allow_origin_regex=pattern)):
        raise Seen("the right origin is refused")
    if granted(ask(make, f"{ORIGIN}.evil.example", allow_origins=[], allow_origin_regex=pattern)):
        raise Seen("an origin that begins so is allowed")
    return FINE


def vary_always(make: Any) -> str:
    for origin, who in ((ORIGIN, "allowed"), (FOREIGN, "refused"), (None, "without Origin")):
        if not any("origin" in value.lower() for value in ask(make, origin).header("vary")):
            raise Seen(f"not where {who}")
    return FINE


def vary_merged(make: Any) -> str:
    for given in (b"Origin", b"*"):
        vary = ", ".join(ask(make, app=sends(start(headers=[(b"vary", given)]), body())).header("vary"))
        if vary != given.decode():
            raise Seen(f"`{vary}`")
    return FINE


def vary_of_the_app(make: Any) -> str:
    vary = ", ".join(ask(make, app=sends(start(headers=[(b"vary", b"Cookie")]), body())).header("vary"))
    if "cookie" not in vary.lower():
        raise Seen("overwritten")
    return FINE


def cookies_change_nothing(make: Any) -> str:
    """Under `*`: whether a request brought credentials cannot be seen, so nothing hangs on a cookie."""
    headers = [("origin", FOREIGN), ("cookie", "theme=dark")]
    exchange = answered(drive(make(apps.text(), allow_origins=["*"]), http(headers=headers)))
    if granted(exchange) != ["*"]:
        raise Seen("with a cookie the origin is told back")
    return FINE


def own_line_of_the_app(make: Any) -> str:
    app = sends(start(headers=[(b"access-control-allow-origin", b"*")]), body())
    lines = granted(ask(make, app=app))
    if len(lines) != 1:
        raise Seen(f"{len(lines)} lines")
    return FINE


def other_methods(make: Any) -> str:
    exchange = preflight(make, method="PROPFIND", allow_methods=["*"])
    passes(exchange)
    if "PROPFIND" not in ", ".join(exchange.header("access-control-allow-methods")):
        raise Seen("200, but it is not allowed")
    return FINE


def plain_options(make: Any) -> str:
    exchange = ask(make, app=sends(start(headers=[(b"x-app", b"1")]), body()), method="OPTIONS")
    if not exchange.header("x-app"):
        raise Seen("answered as a preflight")
    return FINE


def private_network(make: Any) -> str:
    headers = [("origin", ORIGIN), ("access-control-request-method", "GET"), ("access-control-request-private-network", "true")]
    exchange = answered(drive(make(apps.text(), allow_origins=[ORIGIN]), http(headers=headers, method="OPTIONS")))
    if exchange.header("access-control-allow-private-network") == ["true"]:
        raise Seen("allowed")
    return FINE


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


FETCH = "Fetch: CORS protocol"
PEER, LITESTAR = "Starlette", "Litestar"
TOPIC = Topic(
    "CORS",
    {"CORSMiddleware": CORSMiddleware},
    {PEER: {PEER: peers.starlette_cors}, LITESTAR: {LITESTAR: litestar}},
    (
        Row("a WebSocket of a foreign origin is refused", "CWE-1385; RFC 6455, 10.2", foreign_socket),
        Row("empty members of Access-Control-Request-Headers are none", "RFC 9110, 5.6.1.2", empty_members),
        Row("all lines of Access-Control-Request-Headers count", "RFC 9110, 5.3", several_lines),
        Row("64 KB of Access-Control-Request-Headers do not come back", "GO-2024-2883", much_asked),
        Row("a refused origin is told nothing of the policy", FETCH, told_to_strangers),
        Row("`*` with credentials does not let every site act for the user", "Fetch: credentials", everybody_with_credentials),
        Row("text in the place of a list of origins allows nobody by accident", "", origins_as_text),
        Row("an origin that can never match, `https://app.example.com/`, is refused", "Fetch: HTTP responses", never_matching),
        Row("a regular expression matches whole origins", "CVE-2026-37737", whole_expressions),
        Row("Vary names Origin, whoever asks", "Fetch: HTTP caches", vary_always),
        Row("Vary is neither doubled nor added to `*`", "RFC 9110, 12.5.5", vary_merged),
        Row("what the application varies by is kept", "RFC 9110, 12.5.5", vary_of_the_app),
        Row("a cookie changes nothing under `*`", FETCH, cookies_change_nothing),
        Row("one Access-Control-Allow-Origin, also where the application sends its own", "Fetch: HTTP responses", own_line_of_the_app),
        Row("`allow_methods=[\"*\"]` allows any method", "Fetch: HTTP responses", other_methods),
        Row("OPTIONS that is no preflight reaches the application", "Fetch: HTTP requests", plain_options),
        Row("private networks are closed unless asked for", "CVE-2024-6221", private_network),
        Row("a crash in a Starlette application can be read by its page", "", crash, peers=(PEER,)),
        Row("`*` with credentials starts without a question", "", starts_for_everybody, ours="refused; there is `dangerously_allow_any_origin_with_credentials`"),
    ),
)
