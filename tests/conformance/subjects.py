"""The peers, as the topics' checks want them. Each is imported when it is made, so none has to be installed."""

from collections.abc import Callable
from typing import Any

from ..asgi import App
from ..bench import peers
from ..bench.peers import peer
from ..subjects import SECRET

Wrap = Callable[[App], App]

ORIGIN = "https://app.example.com"
HOST = "app.example.com"

# The distributions whose versions stand above the tables.
PACKAGES = (
    "starlette",
    "litestar",
    "brotli-asgi",
    "starlette-compress",
    "starsessions",
    "asgi-correlation-id",
    "timing-asgi",
    "starlette-exporter",
)


def in_use(app: App) -> App:
    """The application, after it has changed its session."""

    async def visited(scope: Any, receive: Any, send: Any) -> None:
        if "session" in scope:
            scope["session"]["visits"] = 1
        await app(scope, receive, send)

    return visited


def starlette(name: str, **options: Any) -> Wrap:
    """One of Starlette's own, by `module:name` below `starlette.middleware`."""

    def wrap(app: App) -> App:
        made: App = peer(f"starlette.middleware.{name}")(app, **options)
        return made

    return wrap


def loaded(app: App) -> App:
    """starsessions, with its session loaded on every request."""
    inner = peer("starsessions:SessionAutoloadMiddleware")(app)
    return peers.starsessions(peer("starsessions:InMemoryStore")())(inner)


STARLETTE: dict[str, Wrap] = {
    "CORS": lambda app: peers.starlette_cors(app, allow_origins=[ORIGIN]),
    "GZip": peers.starlette_gzip,
    "Session": lambda app: peers.starlette_sessions(in_use(app), SECRET),
    "Authentication": peers.starlette_auth,
    "TrustedHost": starlette("trustedhost:TrustedHostMiddleware", allowed_hosts=[HOST]),
    "HTTPSRedirect": starlette("httpsredirect:HTTPSRedirectMiddleware"),
}
OTHERS: dict[str, Wrap] = {
    "brotli-asgi": peers.brotli_asgi,
    "starlette-compress": peers.starlette_compress,
    "starsessions": lambda app: loaded(in_use(app)),
    "asgi-correlation-id": peers.correlation_id,
    "timing-asgi": peers.timing,
    "starlette-exporter": peers.starlette_exporter,
}
